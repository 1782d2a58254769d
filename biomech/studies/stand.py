"""Study `stand`: how a body stands, on two legs or one, on level or sloping ground.

    minimise   sum_m w_m a_m^p + sum_i w_i u_i^p                              effort
               + w sum_k ((q_k - habit_k) / spread_k)^2                       departure from habit
               + GRIP_WEIGHT sum g^2                                          grip not needed
               + feet that leave their place or tilt                (`planted_feet`)
subject to balance about every free coordinate (`equilibrium`), activations, controls and
               grips within their bounds

over the free coordinates q, activations a, controls u and grips g. The foot is free to move: its
arch, subtalar and toe joints have no habit, nor has the height of the pelvis; ligaments, passive
moments, muscles and the ground decide. But feet stay planted, side by side and flat.

Regions of the sole push and never pull, so that in balance the center of mass is above the support
(`support_margin` says how far inside).

`w` weighs habit (`standing_habit`) against effort. No study gives it. It is 0.1 by default: a joint
that departs by one standard deviation between people then costs about as much as all the effort of
this body's quiet standing (0.1), since people who differ by that much all stand with little effort.
It remains an assumption: report effects at 0.01, 0.1 and 1 as well.

Solved by `solvers.interior_point`; derivatives of everything in the record with respect to the
model and the settings are implicit at the solution.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from ..compilation import compiled
from ..dynamics.inverse_dynamics import center_of_mass
from ..dynamics.kinematics import pose
from ..dynamics.spatial import rotate_back
from ..model.body import Model
from ..model.names import BadInput, find
from ..solvers.interior_point import (
    MAX_STEPS,
    RESULTS,
    TOLERANCE,
    InteriorPointSolution,
    WarmStart,
    solve,
)
from .equilibrium import (
    GRIP_BOUND,
    Effort,
    GroundForces,
    full_value,
    ground_forces,
    reactions,
    still_body,
)
from .planted_feet import feet_cost, stance_of
from .standing_habit import SPREAD, habitual_posture, loaded_regions
from .static_optimization import EffortWeights, equal_weights

POSTURE_WEIGHT = 0.1
"""w, see above [-]."""
PLACE_SPREAD = 1.0
"""Departure that counts 1 of where the pelvis is along the ground, which nothing decides [m]."""
HELD_SPREAD = math.radians(0.01)
"""The same of a coordinate that is held [rad]."""
GRIP_WEIGHT = 10.0
"""Cost of a region at the limit of its friction [-]; assumed, so high that feet grip hardly more
than balance asks for."""
_FOOT = ("subtalar_angle", "midtarsal_angle", "mtp_angle")
_HEIGHT = "pelvis_ty"
_PLACE = ("pelvis_tx", "pelvis_tz")
_FIRST_ACTIVATION = 0.05
_COLD_BARRIER, _WARM_BARRIER = 1e-2, 1e-7
_HALVINGS = 45
_MOST_LIST = 0.3  # of the pelvis, at the start [rad]


class Standing(eqx.Module):
    """How the body is asked to stand.

    **Attributes:**

    - `habit`: habitual value of each free coordinate [rad or m].
    - `spread`: departure from it that counts 1 [rad or m]; infinite where there is no habit.
    - `weight`: w of the departure [-].
    - `effort`: weights of activations and controls.
    - `loaded`: 1 for contact regions that may touch the ground, 0 for others.
    - `stance`: from the left to the right foot, forward and to the right [m].
    """

    habit: Float[Array, " free"]
    spread: Float[Array, " free"]
    weight: Float[Array, ""]
    effort: EffortWeights
    loaded: Float[Array, " contact"]
    stance: Float[Array, "2"]


def standing(
    model: Model,
    support: str = "both",
    *,
    held: Sequence[str] = (),
    weight: ArrayLike = POSTURE_WEIGHT,
    exponent: float = 2.0,
) -> Standing:
    """Habitual standing of `model` on what `support` names (`standing_habit.SUPPORTS`).

    `held`: coordinates that muscles keep at their habitual value. `weight`: w.

    **Raises:** `BadInput` for a model that cannot stand; `UnknownName`.
    """
    coordinates = model.skeleton.coordinates
    if not model.contacts.names or _HEIGHT not in coordinates.free_names:
        raise BadInput(
            f"Model '{model.name}' cannot stand: it needs contact regions under the feet and a "
            f"free coordinate '{_HEIGHT}'. The built-in bodies have both."
        )
    held_index = {find("coordinate", name, coordinates.names) for name in held}
    free = np.array(coordinates.free, int)
    return Standing(
        habit=habitual_posture(model, support)[free],
        spread=jnp.asarray([_spread(coordinates, i, i in held_index) for i in coordinates.free]),
        weight=jnp.asarray(weight, float),
        effort=equal_weights(model, exponent),
        loaded=loaded_regions(model, support),
        stance=stance_of(model, habitual_posture(model)[free]),
    )


def _spread(coordinates, index, held):
    name = coordinates.names[index]
    if held:
        return HELD_SPREAD
    if name.startswith(_FOOT) or name == _HEIGHT:
        return math.inf
    return PLACE_SPREAD if name in _PLACE else SPREAD


class StandingRecord(eqx.Module):
    """Answers of the study; names shared with `InverseRecord` mean the same.

    **Attributes:**

    - `ligament_strain`: lengthening over slack length [-]. `passive_moment`: [N m].
    - `ground`: what the ground does to each contact region. `grip`: see `equilibrium`.
    - `cost`: of effort, departure from habit, grip, and feet out of place [-].
    - `free_value`, `control`, `multipliers`: where a neighbouring case may start.
    - `residual`: largest, in weights or weights x 0.1 m [-]. `dual_residual`, `iterations`: of the
      solver.
    - `weakly_active`: something sits on its bound by a hair: derivatives are one-sided.
    - `status`: index into `STATUS`.
    """

    value: Float[Array, " coordinate"]
    activation: Float[Array, " muscle"]
    muscle_force: Float[Array, " muscle"]
    norm_fiber_length: Float[Array, " muscle"]
    muscle_tendon_length: Float[Array, " muscle"]
    moment_arm: Float[Array, "muscle free"]
    actuator_force: Float[Array, " actuator"]
    joint_reaction_force: Float[Array, "joint 3"]
    joint_reaction_moment: Float[Array, "joint 3"]
    joint_reaction_force_body_axes: Float[Array, "joint 3"]
    joint_reaction_moment_body_axes: Float[Array, "joint 3"]
    intersegmental_force: Float[Array, "joint 3"]
    intersegmental_moment: Float[Array, "joint 3"]
    intersegmental_force_body_axes: Float[Array, "joint 3"]
    intersegmental_moment_body_axes: Float[Array, "joint 3"]
    joint_center: Float[Array, "joint 3"]
    center_of_mass: Float[Array, "3"]
    ligament_force: Float[Array, " ligament"]
    ligament_strain: Float[Array, " ligament"]
    passive_moment: Float[Array, " moment"]
    grip: Float[Array, "contact 2"]
    ground: GroundForces
    cost: Float[Array, "4"]
    free_value: Float[Array, " free"]
    control: Float[Array, " actuator"]
    multipliers: Float[Array, " free"]
    residual: Float[Array, ""]
    dual_residual: Float[Array, ""]
    iterations: Int[Array, ""]
    weakly_active: Bool[Array, ""]
    status: Int[Array, ""]


STATUS = ("successful", "infeasible", "maximum_iterations", "not_finite", "not_computed")
"""Meaning of `status` 0, 1, 2, ...; as in `inverse`, the last is of cases never reached."""


class StandingSolver(NamedTuple):
    """How closely, and how long at most, a balance is solved; see `interior_point.solve`.

    Plain numbers: other ones compile another programme.
    """

    tolerance: float = TOLERANCE
    max_steps: int = MAX_STEPS


DEFAULT_SOLVER = StandingSolver()


def stand(
    model: Model,
    standing: Standing,
    start: StandingRecord | None = None,
    *,
    solver: StandingSolver = DEFAULT_SOLVER,
) -> StandingRecord:
    """How `model` stands. Jitted; compiles once per model structure, with or without a start.

    `start`: the record of a neighbouring case, which saves most of the steps.
    """
    return _stand(model, standing, _begin(model, standing, start), solver)


def stand_uncompiled(
    model: Model,
    standing: Standing,
    start: StandingRecord | None = None,
    solver: StandingSolver = DEFAULT_SOLVER,
) -> StandingRecord:
    """`stand`, to be compiled as a part of something larger."""
    return _recorded(model, standing, _begin(model, standing, start), solver)


def stand_near(
    model: Model,
    standing: Standing,
    near: WarmStart,
    first_try: Int[ArrayLike, ""] = 0,
    solver: StandingSolver = DEFAULT_SOLVER,
) -> StandingRecord:
    """How `model` stands, begun `near` a known answer, and once more from cold where that fails.

    Compiles no longer than one try. Not for derivatives.

    `first_try`: 0 as said; 1 begins from cold; 2 solves nothing, and the answer is none.
    """
    problem = _Problem(model, standing)
    cold = cold_start(model, standing)

    def attempt(state):
        tries, _ = state
        begin = jax.tree.map(lambda near, cold: jnp.where(tries == 0, near, cold), near, cold)
        return tries + 1, _solved(problem, begin, solver)

    def goes_on(state):
        tries, found = state
        return (tries < 2) & (found.result != RESULTS.successful)

    begin = jnp.asarray(first_try), _unsolved(near)
    _, found = jax.lax.while_loop(goes_on, attempt, begin)
    return _record(problem, found)


def _begin(model, standing, start):
    return cold_start(model, standing) if start is None else warm_start(start)


def _recorded(model, standing, begin, solver):
    problem = _Problem(model, standing)
    return _record(problem, _solved(problem, begin, solver))


def _solved(problem, begin: WarmStart, solver: StandingSolver) -> InteriorPointSolution:
    lower, upper = _bounds(problem.model)
    return solve(
        *(_objective, _constraints, problem, begin, lower, upper),
        curved=len(problem.model.skeleton.coordinates.free),
        tolerance=solver.tolerance,
        max_steps=solver.max_steps,
    )


def _unsolved(near: WarmStart) -> InteriorPointSolution:
    """What is known before the first try: nothing."""
    x, y = near.x, near.multipliers
    none = jnp.full((), jnp.nan, x.dtype)
    return InteriorPointSolution(
        x=x,
        multipliers=y,
        lower_multipliers=x,
        upper_multipliers=x,
        residual=jnp.full_like(y, jnp.nan),
        dual_residual=none,
        complementarity=none,
        iterations=jnp.zeros((), int),
        weakly_active=jnp.zeros(x.shape, bool),
        result=RESULTS.not_finite,
    )


_stand = compiled(_recorded)


class _Problem(eqx.Module):
    model: Model
    standing: Standing

    def split(self, x):
        """Free coordinates and effort in the vector of unknowns."""
        sizes = (
            len(self.model.skeleton.coordinates.free),
            len(self.model.muscles.names),
            len(self.model.actuators.names),
        )
        ends = np.cumsum(sizes)
        grip = x[ends[2] :].reshape(-1, 2)
        return x[: ends[0]], Effort(x[ends[0] : ends[1]], x[ends[1] : ends[2]], grip)

    def scale(self):
        """Size of the balance about each free coordinate: weight, or weight at 0.1 m."""
        skeleton = self.model.skeleton
        weight = jnp.sum(skeleton.mass) * jnp.sqrt(jnp.sum(skeleton.gravity**2))
        kinds = skeleton.coordinates.motion_types
        lever = [1.0 if kinds[i] == "translational" else 0.1 for i in skeleton.coordinates.free]
        return weight * jnp.asarray(np.array(lever), weight.dtype)


def _costs(problem, x):
    standing = problem.standing
    value, effort = problem.split(x)
    size = lambda u: (
        jnp.abs(u) ** standing.effort.exponent if standing.effort.exponent != 2.0 else u * u
    )
    work = jnp.sum(standing.effort.muscle * size(effort.activation))
    work = work + jnp.sum(standing.effort.actuator * size(effort.control))
    departure = jnp.sum(((value - standing.habit) / standing.spread) ** 2)
    grip = GRIP_WEIGHT * jnp.sum(effort.grip**2)
    feet = feet_cost(problem.model, value, standing.loaded, standing.stance)
    return jnp.stack([work, standing.weight * departure, grip, feet])


def _objective(x, problem):
    return jnp.sum(_costs(problem, x))


def _constraints(x, problem):
    value, effort = problem.split(x)
    body = still_body(problem.model, value, effort, problem.standing.loaded)
    return body.residual / problem.scale()


def _bounds(model):
    muscles, actuators = model.muscles, model.actuators
    coordinates = jnp.full(
        len(model.skeleton.coordinates.free), jnp.inf, muscles.min_activation.dtype
    )
    grip = jnp.full(2 * len(model.contacts.names), GRIP_BOUND, coordinates.dtype)
    lower = [-coordinates, muscles.min_activation, actuators.min_control, -grip]
    upper = [coordinates, muscles.max_activation, actuators.max_control, grip]
    return jnp.concatenate(lower), jnp.concatenate(upper)


@compiled
def cold_start(model: Model, standing: Standing) -> WarmStart:
    """The habitual posture, set down on the ground so that it carries the weight."""
    model, standing = jax.lax.stop_gradient((model, standing))
    habit = set_down(model, standing.habit, standing.loaded)
    activation = jnp.full_like(model.muscles.min_activation, _FIRST_ACTIVATION)
    rest = jnp.zeros(len(model.actuators.names) + 2 * len(model.contacts.names), habit.dtype)
    x = jnp.concatenate([habit, activation, rest])
    return WarmStart(x, jnp.zeros_like(habit), jnp.asarray(_COLD_BARRIER, habit.dtype))


def warm_start(record: StandingRecord) -> WarmStart:
    """Where `record` ended."""
    x = [record.free_value, record.activation, record.control, record.grip.ravel()]
    barrier = jnp.asarray(_WARM_BARRIER, record.free_value.dtype)
    return jax.lax.stop_gradient(WarmStart(jnp.concatenate(x), record.multipliers, barrier))


def no_start(model: Model) -> WarmStart:
    """A stand-in for `warm_start` where nothing is known."""
    muscles, rows = len(model.muscles.names), len(model.skeleton.coordinates.free)
    size = rows + muscles + len(model.actuators.names) + 2 * len(model.contacts.names)
    zero = lambda *shape: jnp.zeros(shape, model.skeleton.mass.dtype)
    return WarmStart(zero(size), zero(rows), zero())


def set_down(
    model: Model, free_value: Float[Array, " free"], loaded: Float[Array, " contact"]
) -> Float[Array, " free"]:
    """`free_value` with the pelvis where the ground carries the weight on both feet alike.

    Found by bisection: the height of the pelvis, and within each step of it nothing else; around
    it, for a body that can, the list of the pelvis with the legs kept as steep as they are.
    """
    names = model.skeleton.coordinates.free_names
    place = lambda name: jnp.asarray(np.array(names) == name, free_value.dtype)
    of_side = lambda side: jnp.asarray(
        [float(name.endswith(f"_{side}")) for name in model.contacts.names], free_value.dtype
    )
    weight = jnp.sum(model.skeleton.mass) * jnp.sqrt(jnp.sum(model.skeleton.gravity**2))
    still = jnp.zeros((len(model.contacts.names), 2), free_value.dtype)

    def carried(value, regions):
        now = pose(model.skeleton, full_value(model, value))
        return jnp.sum(regions * ground_forces(model.contacts, now, still, loaded).normal)

    def lowered(value):
        at = lambda y: value + (y - jnp.dot(place(_HEIGHT), value)) * place(_HEIGHT)
        return at(_bisect(lambda y: carried(at(y), jnp.ones_like(loaded)) - weight, 0.0, 2.0))

    tilting = place("pelvis_list") - place("hip_adduction_r") + place("hip_adduction_l")
    if not {"pelvis_list", "hip_adduction_r", "hip_adduction_l"} <= set(names):
        return lowered(free_value)
    right, left = of_side("r"), of_side("l")
    both = (jnp.sum(loaded * right) > 0.0) & (jnp.sum(loaded * left) > 0.0)

    def more_on_the_right(angle):
        down = lowered(free_value + angle * tilting)
        return carried(down, right) - carried(down, left)

    # A positive list lowers the right side, so it loads the right foot more.
    angle = _bisect(lambda angle: -more_on_the_right(angle), -_MOST_LIST, _MOST_LIST)
    return lowered(free_value + jnp.where(both, angle, 0.0) * tilting)


def _bisect(falling, low, high):
    """Where a falling function vanishes, or the end of the span nearest to that."""

    def halve(_, span):
        low, high = span
        middle = 0.5 * (low + high)
        beyond = falling(middle) < 0.0
        return jnp.where(beyond, low, middle), jnp.where(beyond, middle, high)

    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, (jnp.asarray(low), jnp.asarray(high)))
    return 0.5 * (low + high)


def _record(problem, found) -> StandingRecord:
    model = problem.model
    value, effort = problem.split(found.x)
    body = still_body(model, value, effort, problem.standing.loaded)
    force, moment = reactions(model, body, body.wrench)
    segment_force, segment_moment = reactions(model, body, body.ground_wrench)
    back = lambda v: rotate_back(body.now.rotation, v)
    status = jnp.array(
        [
            STATUS.index(name)
            for name in ("successful", "infeasible", "maximum_iterations", "not_finite")
        ]
    )
    return StandingRecord(
        value=body.value,
        activation=effort.activation,
        muscle_force=body.muscle_force,
        norm_fiber_length=body.norm_fiber_length,
        muscle_tendon_length=body.muscle_tendon_length,
        moment_arm=body.moment_arm,
        actuator_force=effort.control * model.actuators.optimal_force,
        joint_reaction_force=force,
        joint_reaction_moment=moment,
        joint_reaction_force_body_axes=back(force),
        joint_reaction_moment_body_axes=back(moment),
        intersegmental_force=segment_force,
        intersegmental_moment=segment_moment,
        intersegmental_force_body_axes=back(segment_force),
        intersegmental_moment_body_axes=back(segment_moment),
        joint_center=body.now.joint_center,
        center_of_mass=center_of_mass(model.skeleton, body.now),
        ligament_force=body.ligament_force,
        ligament_strain=body.ligament_length / model.ligaments.resting_length - 1.0,
        passive_moment=body.passive_moment,
        grip=effort.grip,
        ground=body.ground,
        cost=_costs(problem, found.x),
        free_value=value,
        control=effort.control,
        multipliers=found.multipliers,
        residual=jnp.max(jnp.abs(found.residual)),
        dual_residual=found.dual_residual,
        iterations=found.iterations,
        weakly_active=jnp.any(found.weakly_active),
        status=status[found.result._value],
    )
