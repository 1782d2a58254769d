"""Study `stand`: how a body stands, on two legs or one, on level or sloping ground.

    minimise   sum_m w_m a_m^p + sum_i w_i u_i^p                              effort
               + w sum_s (sin(turn of segment s) / SPREAD)^2                  departure from habit
               + GRIP_WEIGHT sum g^2                                          grip not needed
               + feet that leave their place or tilt                (`planted_feet`)
               + sum_j (W_j |F_j|^2 + V_j max(0, F_j forwards)^2)             load that hurts
subject to balance about every free coordinate (`equilibrium`), activations, controls and
               grips within their bounds

over the free coordinates q, activations a, controls u and grips g. The foot is free to move: its
arch, subtalar and toe joints have no habit, nor has the height of the pelvis; ligaments, passive
moments, muscles and the ground decide. But feet stay planted, side by side and flat.

The habit is how pelvis, torso, thighs and shanks are turned in space (`SEGMENTS`), as it was
measured, not how one is turned against the next: on a pelvis that lists, legs stay upright and the
spine bends so that the head is up. Coordinates that move none of these against another, those of
arms for example, have a habitual value instead, (q - habit) / SPREAD.

Regions of the sole push and never pull, so that in balance the center of mass is above the support
(`support_margin` says how far inside).

F_j is what the child of a painful joint does to its parent, over body weight, in the parent's axes;
W and V are the model's `pains`. For its second derivatives to stay as sparse as the method asks,
F_j is an unknown too, bound to the joint reaction by a row of its own. max(0, .) is rounded over
`ONSET`.

`w` weighs habit (`standing_habit`) against effort. No study gives it. It is 0.1 by default: a
segment that departs by one standard deviation between people then costs about as much as all the
effort of `lower_limb` in quiet standing (0.1), since people who differ by that much all stand with
little effort.
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
from ..dynamics.inverse_dynamics import body_weight, center_of_mass
from ..dynamics.kinematics import pose
from ..dynamics.spatial import rotate_back
from ..model.body import Model
from ..model.names import BadInput, find
from ..model.skeleton import GROUND
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
from .standing_habit import SEGMENTS, SPREAD, habitual_posture, loaded_regions
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
ONSET = 0.05
"""Force over body weight over which the pain of an anterior load sets in [-]; assumed."""
_FOOT = ("subtalar_angle", "midtarsal_angle", "mtp_angle")
_OF_SEGMENTS = ("pelvis_", "lumbar_", "hip_", "knee_", "ankle_")  # what moves `SEGMENTS`
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
    - `spread`: departure from it that counts 1 [rad or m]; infinite where it counts nothing.
    - `weight`: w of the departure [-].
    - `effort`: weights of activations and controls.
    - `loaded`: 1 for contact regions that may touch the ground, 0 for others.
    - `stance`: from the left to the right foot, forward and to the right [m].
    - `turned`: rotation of each of the habit's segments in ground, in habitual standing [-].
    - `segments`: index of each of them among the bodies. Static.
    - `painful`: joints whose load is spared, by index. Static.
    """

    habit: Float[Array, " free"]
    spread: Float[Array, " free"]
    weight: Float[Array, ""]
    effort: EffortWeights
    loaded: Float[Array, " contact"]
    stance: Float[Array, "2"]
    turned: Float[Array, "segment 3 3"]
    segments: tuple[int, ...] = eqx.field(static=True)
    painful: tuple[int, ...] = eqx.field(static=True, default=())


def standing(
    model: Model,
    support: str = "both",
    *,
    held: Sequence[str] = (),
    weight: ArrayLike = POSTURE_WEIGHT,
    exponent: float = 2.0,
    painful: Sequence[str] | None = None,
) -> Standing:
    """Habitual standing of `model` on what `support` names (`standing_habit.SUPPORTS`).

    `held`: coordinates that muscles keep at their habitual value. `weight`: w. `painful`: joints
    whose load is spared as far as the model's `pains` say; by default those that hurt in `model`.
    Name them where weights of pain are swept, or derivatives to them taken.

    **Raises:** `BadInput` for a model that cannot stand; `UnknownName`.
    """
    coordinates = model.skeleton.coordinates
    if not model.contacts.names or _HEIGHT not in coordinates.free_names:
        raise BadInput(
            f"Model '{model.name}' cannot stand: it needs contact regions under the feet and a "
            f"free coordinate '{_HEIGHT}'. The built-in bodies have both."
        )
    held_index = {find("coordinate", name, coordinates.names) for name in held}
    joints = model.skeleton.joint_names
    if painful is None:
        painful = [joints[i] for i in model.pains.joints()]
    free = np.array(coordinates.free, int)
    habit = habitual_posture(model, support)
    bodies = model.skeleton.body_names
    segments = tuple(bodies.index(name) for name in SEGMENTS if name in bodies)
    spread = [_spread(coordinates, i, i in held_index) for i in coordinates.free]
    return Standing(
        habit=habit[free],
        spread=jnp.asarray(spread),
        weight=jnp.asarray(weight, float),
        effort=equal_weights(model, exponent),
        loaded=loaded_regions(model, support),
        stance=stance_of(model, habitual_posture(model)[free]),
        turned=pose(model.skeleton, habit).rotation[np.array(segments, int)],
        segments=segments,
        painful=tuple(sorted({find("joint", name, joints) for name in painful})),
    )


def _spread(coordinates, index, held):
    name = coordinates.names[index]
    if held:
        return HELD_SPREAD
    if name in _PLACE:
        return PLACE_SPREAD
    return math.inf if name.startswith((*_FOOT, *_OF_SEGMENTS)) else SPREAD


class StandingRecord(eqx.Module):
    """Answers of the study; names shared with `InverseRecord` mean the same.

    **Attributes:**

    - `ligament_strain`: lengthening over slack length [-]. `passive_moment`: [N m].
    - `ground`: what the ground does to each contact region. `grip`: see `equilibrium`.
    - `cost`: of effort, departure from habit, grip, feet out of place, and pain [-].
    - `free_value`, `control`, `painful_load` (F above), `multipliers`: where a neighbouring case
      may start.
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
    cost: Float[Array, "5"]
    free_value: Float[Array, " free"]
    control: Float[Array, " actuator"]
    painful_load: Float[Array, "painful 3"]
    multipliers: Float[Array, " row"]
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
    lower, upper = problem.bounds()
    return solve(
        *(_objective, _constraints, problem, begin, lower, upper),
        curved=problem.sizes[0] + problem.sizes[1],
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

    @property
    def sizes(self):
        """How many coordinates, components of painful loads, activations, controls and grips."""
        return _sizes(self.model, self.standing)

    def split(self, x):
        """Free coordinates, painful loads and effort in the vector of unknowns."""
        value, load, activation, control, grip = jnp.split(x, np.cumsum(self.sizes)[:-1])
        return value, load.reshape(-1, 3), Effort(activation, control, grip.reshape(-1, 2))

    def bounds(self):
        """Least and largest value of every unknown."""
        free, painful, _, _, grips = self.sizes
        muscles, actuators = self.model.muscles, self.model.actuators
        anywhere = jnp.full(free + painful, jnp.inf, muscles.min_activation.dtype)
        grip = jnp.full(grips, GRIP_BOUND, anywhere.dtype)
        lower = [-anywhere, muscles.min_activation, actuators.min_control, -grip]
        upper = [anywhere, muscles.max_activation, actuators.max_control, grip]
        return jnp.concatenate(lower), jnp.concatenate(upper)

    def weight(self):
        """Of the body [N]."""
        return body_weight(self.model.skeleton)

    def scale(self):
        """Size of the balance about each free coordinate: weight, or weight at 0.1 m."""
        coordinates = self.model.skeleton.coordinates
        kinds = coordinates.motion_types
        lever = [1.0 if kinds[i] == "translational" else 0.1 for i in coordinates.free]
        weight = self.weight()
        return weight * jnp.asarray(np.array(lever), weight.dtype)

    def painful_loads(self, body):
        """What the child of each painful joint does to its parent, in the parent's axes, over body
        weight."""
        skeleton, joints = self.model.skeleton, np.array(self.standing.painful, int)
        on_child, _ = reactions(self.model, body, body.wrench)
        parents = np.array(skeleton.parents, int)[joints]
        axes = jnp.where(
            jnp.asarray(parents == GROUND)[:, None, None],
            jnp.eye(3, dtype=on_child.dtype),
            body.now.rotation[parents],
        )
        return rotate_back(axes, -on_child[joints]) / self.weight()


def _sizes(model, standing):
    return (
        len(model.skeleton.coordinates.free),
        3 * len(standing.painful),
        len(model.muscles.names),
        len(model.actuators.names),
        2 * len(model.contacts.names),
    )


def _costs(problem, x):
    standing = problem.standing
    value, load, effort = problem.split(x)
    size = lambda u: (
        jnp.abs(u) ** standing.effort.exponent if standing.effort.exponent != 2.0 else u * u
    )
    work = jnp.sum(standing.effort.muscle * size(effort.activation))
    work = work + jnp.sum(standing.effort.actuator * size(effort.control))
    now = pose(problem.model.skeleton, full_value(problem.model, value))
    departure = jnp.sum(((value - standing.habit) / standing.spread) ** 2)
    turns = _squared_turn(now.rotation[np.array(standing.segments, int)], standing.turned)
    departure = departure + jnp.sum(turns) / SPREAD**2
    grip = GRIP_WEIGHT * jnp.sum(effort.grip**2)
    feet = feet_cost(problem.model, now, standing.loaded, standing.stance)
    pains, joints = problem.model.pains, np.array(standing.painful, int)
    forwards = 0.5 * (load[:, 0] + jnp.sqrt(load[:, 0] ** 2 + ONSET**2))
    pain = jnp.sum(pains.load_weight[joints] * jnp.sum(load**2, axis=-1))
    pain = pain + jnp.sum(pains.anterior_weight[joints] * forwards**2)
    return jnp.stack([work, standing.weight * departure, grip, feet, pain])


def _squared_turn(rotation, other):
    """Square of the sine of the angle between orientations [-], over leading axes."""
    between = jnp.sum(rotation[..., :, None, :] * other[..., None, :, :], axis=-1)
    skew = 0.5 * (between - jnp.swapaxes(between, -1, -2))
    return 0.5 * jnp.sum(skew**2, axis=(-1, -2))


def _objective(x, problem):
    return jnp.sum(_costs(problem, x))


def _constraints(x, problem):
    value, load, effort = problem.split(x)
    body = still_body(problem.model, value, effort, problem.standing.loaded)
    balance = body.residual / problem.scale()
    if not problem.standing.painful:
        return balance
    return jnp.concatenate([balance, (problem.painful_loads(body) - load).ravel()])


@compiled
def cold_start(model: Model, standing: Standing) -> WarmStart:
    """The habitual posture, set down on the ground so that it carries the weight."""
    model, standing = jax.lax.stop_gradient((model, standing))
    habit = set_down(model, standing.habit, standing.loaded)
    activation = jnp.full_like(model.muscles.min_activation, _FIRST_ACTIVATION)
    free, painful, _, controls, grips = _sizes(model, standing)
    zero = lambda size: jnp.zeros(size, habit.dtype)
    x = jnp.concatenate([habit, zero(painful), activation, zero(controls + grips)])
    return WarmStart(x, zero(free + painful), jnp.asarray(_COLD_BARRIER, habit.dtype))


def warm_start(record: StandingRecord, barrier: float = _WARM_BARRIER) -> WarmStart:
    """Where `record` ended; a larger `barrier` for a case that is farther from it."""
    x = [record.free_value, record.painful_load.ravel(), record.activation, record.control]
    x = jnp.concatenate([*x, record.grip.ravel()])
    start = WarmStart(x, record.multipliers, jnp.asarray(barrier, x.dtype))
    return jax.lax.stop_gradient(start)


def no_start(model: Model, standing: Standing) -> WarmStart:
    """A stand-in for `warm_start` where nothing is known."""
    sizes = _sizes(model, standing)
    zero = lambda *shape: jnp.zeros(shape, model.skeleton.mass.dtype)
    return WarmStart(zero(sum(sizes)), zero(sizes[0] + sizes[1]), zero())


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
    weight = body_weight(model.skeleton)
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
    value, load, effort = problem.split(found.x)
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
        painful_load=load,
        multipliers=found.multipliers,
        residual=jnp.max(jnp.abs(found.residual)),
        dual_residual=found.dual_residual,
        iterations=found.iterations,
        weakly_active=jnp.any(found.weakly_active),
        status=status[found.result._value],
    )
