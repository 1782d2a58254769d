"""Study `track`: how a body walks that stays near a reference and spares its muscles.

    minimise   average over the cycle of departure from the reference, and effort
    subject to the laws of mechanics, activation dynamics, and a cycle that ends as it began

The ground reaction is no input: feet are free to press and slip, and the contact laws of the soles
say what the ground does. So the foot, the arch and everything above it may move otherwise than the
reference, at a price: a change of the body changes the gait, and the loads with it.

A departure of `SPREAD` of an angle, or of `PLACE` of where the pelvis is, costs 1 / (number of
coordinates); the joints within the foot, whose motion no one measures well, `FOOT` of that.
All muscles half active cost 1/4. These weights are assumed; report what depends on them.

A body that is the same on both sides walks half a cycle that ends in its mirror image; any other
walks a whole one. Solved by `solvers.interior_point`; derivatives of everything in the record with
respect to the model and the settings are implicit at the solution.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.interpolate
from jaxtyping import Array, Bool, Float, Int

from ..compilation import compiled, one_thread_each
from ..formats.trial import Trial
from ..model.body import Model
from ..model.names import BadInput
from ..solvers.collocation import Collocation, radau, trapezoidal
from ..solvers.interior_point import Options, WarmStart, minimise, with_derivative
from .inverse import STATUS, InverseRecord
from .mirror import Mirror, is_symmetric, mirror, no_mirror
from .moving_body import MovingBody
from .walking_cost import Weights, weighed, weights
from .walking_programme import (
    SCALE,
    Unknowns,
    Walk,
    instants,
    unknowns,
    walking_parameters,
    walking_programme,
)
from .walking_record import Drive, drive, inverse_record, walked_bodies

SPREAD, PLACE, FOOT = 0.1, 0.05, 1e-2
"""Departures that count [rad], [m]; share of the weight within the foot [-]."""
SHARPNESS = 4.0
"""Of the friction law's rounded kink, see `dynamics.contact` [-]."""
TOLERANCE, MAX_STEPS = 1e-6, 200
WARM_BARRIER = 1e-7
"""Where a solve from a neighbour begins [-]."""
_COLD_BARRIER = 1e-3
_FIRST_ACTIVATION = 0.1
_FORWARD, _HEIGHT = "pelvis_tx", "pelvis_ty"
_WITHIN_FOOT = ("midtarsal", "mtp")
_SHORTEST, _LONGEST = 0.5, 2.0  # a free duration, over that of the guess [-]
_SLOWEST, _FASTEST = 0.3, 2.2  # speeds at which people walk rather than stand or run [m/s]
LEAST_INTERVALS = 10
"""Of half a stride: fewer tell nothing of a heel strike."""
RULES = {"trapezoidal": trapezoidal, "radau1": lambda: radau(1), "radau2": lambda: radau(2)}
_ANSWER = ("x", "multipliers", "lower_multipliers", "upper_multipliers")
_OF_SOLVER = (
    *_ANSWER,
    *("residual", "dual_residual", "complementarity", "iterations", "weakly_active"),
)
_RESULTS = ("successful", "infeasible", "maximum_iterations", "not_finite")  # of the solver
_FEWEST_FRAMES = 20
_OPEN = (
    0.1  # a stride whose ends (or, if it is to be half, sides) differ by more is none [rad or m]
)
_ALIKE = 0.05  # sides that differ by less are taken as one and averaged [rad or m]


class Mesh(NamedTuple):
    """How finely half a cycle is divided (a whole one into twice as many), and by which rule."""

    intervals: int = 50
    rule: str = "radau2"

    def collocation(self) -> Collocation:
        """The rule itself.

        **Raises:** `BadInput` for one that does not exist.
        """
        if self.rule not in RULES:
            raise BadInput(f"No rule '{self.rule}'. There are: {', '.join(RULES)}.")
        return RULES[self.rule]()


DEFAULT_MESH = Mesh()


class Walking(eqx.Module):
    """How the body is asked to walk.

    **Attributes:**

    - `duration` of half a cycle, or of a whole one [s]; where it is free, of the guess.
    - `speed`: mean, along x [m/s].
    - `reference`: free coordinates at every point of the programme [rad or m].
    - `weights`: of the terms of the cost.
    - `friction_sharpness`: of the friction law, as in `contact_force` [-].
    - `image`: of the start in the end.
    - `guess`: unknowns at every point, where a cold solve begins.
    - `half`: whether it is half a cycle. `intervals`, `rule`: its division. `free_duration`:
      whether it takes the time it likes, from half to double. Static.
    """

    duration: Float[Array, ""]
    speed: Float[Array, ""]
    reference: Float[Array, "point free"]
    weights: Weights
    friction_sharpness: Float[Array, ""]
    image: Mirror
    guess: Float[Array, "point unknown"]
    half: bool = eqx.field(static=True)
    intervals: int = eqx.field(static=True)
    rule: str = eqx.field(static=True)
    free_duration: bool = eqx.field(static=True, default=False)

    @property
    def advance(self) -> Float[Array, ""]:
        """Along x, in `duration` [m]."""
        return self.speed * self.duration

    @property
    def first(self) -> Float[Array, " variable"]:
        """x of the programme at the guess."""
        return jnp.concatenate([self.guess.ravel(), jnp.ones(int(self.free_duration))])

    def collocation(self) -> Collocation:
        """The rule of the division."""
        return Mesh(self.intervals, self.rule).collocation()


class WalkingSolver(NamedTuple):
    """How closely, and how many steps long at most; other ones compile another programme."""

    tolerance: float = TOLERANCE
    max_steps: int = MAX_STEPS


DEFAULT_SOLVER = WalkingSolver()


class WalkingRecord(eqx.Module):
    """Answers of the study.

    **Attributes:**

    - `stride`: of a whole stride, at the ends of the intervals.
    - `excitation`: of every muscle [-]. `bodies`: the moving body, with what the ground does to it.
    - `drive`: what drives the body within the intervals.
    - `x`, `multipliers`: of the programme; where a neighbouring case may start.
    - `lower_multipliers`, `upper_multipliers`: of its bounds.
    - `residual`: of every row of the programme; see `walking_programme` for its units.
    - `dual_residual`, `complementarity`, `iterations`: of the solver.
    - `cost`: what each term adds to the objective, in the order of `walking_cost.TERMS` [-].
    - `weakly_active`: entries of x that sit on a bound by a hair: derivatives are one-sided.
    - `status`: index into `inverse.STATUS`.
    - `half`, `rule`: as in `Walking`. Static.
    """

    stride: InverseRecord
    excitation: Float[Array, "time muscle"]
    bodies: MovingBody
    drive: Drive
    x: Float[Array, " variable"]
    multipliers: Float[Array, " row"]
    lower_multipliers: Float[Array, " variable"]
    upper_multipliers: Float[Array, " variable"]
    residual: Float[Array, " row"]
    dual_residual: Float[Array, ""]
    complementarity: Float[Array, ""]
    iterations: Int[Array, ""]
    cost: Float[Array, " term"]
    weakly_active: Bool[Array, " variable"]
    status: Int[Array, ""]
    half: bool = eqx.field(static=True)
    rule: str = eqx.field(static=True)


def walking(
    model: Model,
    trial: Trial,
    *,
    mesh: Mesh = DEFAULT_MESH,
    half: bool | None = None,
    speed: float | None = None,
    free_duration: bool = False,
    **terms: float,
) -> Walking:
    """Walking as `trial` does between its `start` and `end`, which is one whole stride.

    - `half`: whether the second half of the cycle is the mirror image of the first; by default
      where model and reference are the same on both sides (the reference within 0.05 rad or m, of
      which the mean is taken).
    - `speed`: mean [m/s]; by default the trial's. Another one stretches the pelvis' path.
    - `free_duration`: whether the stride may take another time, from half to double.
    - `terms`: weights of the cost, as in `walking_cost.weights`.

    **Raises:** `BadInput` for a model without contacts, without a pelvis that moves along the
    ground or with motors that push it, a trial that lacks a coordinate, has too few frames or is no
    stride that ends as it began, `half` of a body or reference with unlike sides, a speed at which
    no one walks, or impossible weights.
    """
    _require_ground(model)
    names = model.skeleton.coordinates.free_names
    spline, duration = _stride(model, trial)
    half = _is_half(model, spline, trial.start, duration, half)
    image = mirror(model) if half else no_mirror(model)
    rule = mesh.collocation()
    intervals = mesh.intervals if half else 2 * mesh.intervals
    forward = names.index(_FORWARD)
    whole = spline(trial.start + duration)[forward] - spline(trial.start)[forward]
    length = 0.5 * duration if half else duration
    advance = 0.5 * whole if half else whole
    own_speed = _possible_speed(advance / length)
    speed = own_speed if speed is None else _possible_speed(speed)

    at = trial.start + length * instants(rule, intervals)
    motion = [spline(at, order) for order in range(3)]
    if half:
        again = [_image(image, spline, at + length, order) for order in range(3)]
        again[0][:, forward] -= advance
        motion = [0.5 * (one + other) for one, other in zip(motion, again, strict=True)]
    motion = [_at_speed(part, forward, speed / own_speed) for part in motion]
    value, rate, acceleration = map(jnp.asarray, motion)
    muscles = jnp.full((at.size, len(model.muscles.names)), _FIRST_ACTIVATION)
    controls = jnp.zeros((at.size, len(model.actuators.names)))
    guess = Unknowns(value, rate, muscles, muscles, acceleration, controls)
    return Walking(
        duration=jnp.asarray(length, float),
        speed=jnp.asarray(speed, float),
        reference=value,
        weights=weights(jnp.asarray(_tracking(model)), **terms),
        friction_sharpness=jnp.asarray(SHARPNESS, float),
        image=image,
        guess=guess.packed(),
        half=half,
        intervals=intervals,
        rule=mesh.rule,
        free_duration=free_duration,
    )


def _possible_speed(speed):
    if not (np.isfinite(speed) and _SLOWEST <= speed <= _FASTEST):
        raise BadInput(
            f"The speed is {speed:.3g} m/s; people walk at {_SLOWEST} to {_FASTEST}. For a "
            "reference check `pelvis_tx`: it must advance along the ground, in metres."
        )
    return float(speed)


def _at_speed(motion, forward, ratio):
    """With the pelvis' path stretched."""
    stretched = motion.copy()
    stretched[:, forward] *= ratio
    return stretched


def _require_ground(model):
    free = model.skeleton.coordinates.free_names
    if not model.contacts.names or not {_FORWARD, _HEIGHT} <= set(free):
        raise BadInput(
            f"Model '{model.name}' cannot walk: it needs contact regions under the feet and free "
            f"coordinates '{_FORWARD}' and '{_HEIGHT}'. The built-in bodies have both."
        )
    root = model.skeleton.root_coordinates
    actuators = model.actuators
    pushing = [n for n, c in zip(actuators.names, actuators.coordinates, strict=True) if c in root]
    if pushing:
        raise BadInput(
            f"Model '{model.name}' is pushed from the ground by {', '.join(pushing[:3])}. "
            "A walk must do without: take these actuators out."
        )


def _stride(model, trial):
    """The trial's free coordinates as a spline, and how long its stride is [s]."""
    names = model.skeleton.coordinates.free_names
    lacking = [name for name in names if name not in trial.coordinate_names]
    if lacking:
        raise BadInput(
            f"The reference has no column for {', '.join(lacking)}: every coordinate that can move "
            "needs one to be tracked."
        )
    frames = trial.frame_times.size
    if frames < _FEWEST_FRAMES:
        raise BadInput(
            f"The reference has {frames} frames in its stride; at least {_FEWEST_FRAMES} are "
            "needed to tell its motion."
        )
    columns = [trial.coordinate_names.index(name) for name in names]
    spline = scipy.interpolate.CubicSpline(trial.time, trial.coordinate_values[:, columns])
    duration = trial.end - trial.start
    gap = np.abs(spline(trial.end) - spline(trial.start))
    gap[names.index(_FORWARD)] = 0.0
    worst = int(np.argmax(gap))
    if gap[worst] > _OPEN:
        raise BadInput(
            f"The reference is no stride that ends as it began: '{names[worst]}' differs by "
            f"{gap[worst]:.3g} between {trial.start:g} and {trial.end:g} s. Give `start` and `end` "
            "of one whole stride."
        )
    return spline, duration


def _is_half(model, spline, start, duration, asked):
    """Whether to walk half a stride: `asked`, or where both sides of body and reference are
    alike."""
    if asked is False:
        return False
    if not is_symmetric(model):
        if asked:
            raise BadInput(
                f"`half` asks for a left leg that repeats the right one, but '{model.name}' is not "
                "the same on both sides. Leave `half` out, or say False."
            )
        return False
    names = model.skeleton.coordinates.free_names
    time = start + 0.5 * duration * np.linspace(0.0, 1.0, 51)
    apart = _image(mirror(model), spline, time + 0.5 * duration, 0) - spline(time)
    forward = names.index(_FORWARD)
    apart[:, forward] -= apart[:, forward].mean()
    worst = np.unravel_index(int(np.argmax(np.abs(apart))), apart.shape)[1]
    size = np.abs(apart[:, worst]).max()
    if asked and size > _OPEN:
        raise BadInput(
            f"`half` asks for a left leg that repeats the right one, but in the reference "
            f"'{names[worst]}' differs between both by up to {size:.3g}. Leave `half` out, or say "
            "False."
        )
    return bool(size <= _ALIKE)


def _image(image, spline, time, order):
    return np.array(image.motion(jnp.asarray(spline(time, order))))


def _tracking(model):
    names = model.skeleton.coordinates.free_names
    kinds = model.skeleton.coordinates.motion_types
    turning = np.array([kinds[i] == "rotational" for i in model.skeleton.coordinates.free])
    weight = np.where(turning, SPREAD, PLACE) ** -2.0 / len(names)
    weight[[name.startswith(_WITHIN_FOOT) for name in names]] *= FOOT
    return weight


def track(
    model: Model,
    walking: Walking,
    start: WalkingRecord | None = None,
    *,
    barrier: float = WARM_BARRIER,
    solver: WalkingSolver = DEFAULT_SOLVER,
) -> WalkingRecord:
    """How `model` walks. Jitted; compiles once per structure of model and mesh, with or without a
    start.

    - `start`: the record of a neighbouring case, which saves most of the steps.
    - `barrier`: mu where a solve from `start` begins; more for a start further off.
    """
    with one_thread_each():
        found = _track(model, walking, _begin(model, walking, start, barrier), solver)
        return jax.block_until_ready(found)


def track_uncompiled(
    model: Model,
    walking: Walking,
    start: WalkingRecord | None = None,
    solver: WalkingSolver = DEFAULT_SOLVER,
) -> WalkingRecord:
    """`track`, to be compiled as a part of something larger."""
    return _tracked(model, walking, _begin(model, walking, start, WARM_BARRIER), solver)


def _begin(model, walking, start, barrier) -> WarmStart:
    rule, programme, parameters = _programme(model, walking)
    rows = programme.layout(parameters).all_rows
    if start is None:
        return WarmStart(walking.first, jnp.zeros(rows), jnp.asarray(_COLD_BARRIER, float))
    same = (start.half, start.rule) == (walking.half, walking.rule)
    shapes = walking.first.shape, (rows,)
    if not (same and (start.x.shape, start.multipliers.shape) == shapes):
        raise BadInput(
            "`start` is a walk on another mesh or of another body: of half a stride where a whole "
            "one is asked for, with other intervals, another rule, or a duration that is free in "
            "only one of both. Begin without it."
        )
    return WarmStart(start.x, start.multipliers, jnp.asarray(barrier, float))


def _programme(model, walking):
    rule = walking.collocation()
    programme = walking_programme(
        model, rule, walking.intervals, free_duration=walking.free_duration
    )
    walk = Walk(
        *(model, walking.duration, walking.speed, _begins(model, walking), walking.weights),
        *(walking.image, walking.friction_sharpness),
    )
    reference = walking.reference
    return rule, programme, walking_parameters(walk, rule, walking.intervals, reference)


def _begins(model, walking):
    return walking.reference[0, model.skeleton.coordinates.free_names.index(_FORWARD)]


def bounds(model: Model, walking: Walking) -> tuple[Array, Array]:
    """Least and largest value of every entry of x."""
    points, free = walking.guess.shape[0], jnp.ones(int(walking.free_duration))
    muscles, actuators = model.muscles, model.actuators
    anything = jnp.full(len(model.skeleton.coordinates.free), jnp.inf)

    def of_point(sign, activation, control):
        away = sign * anything
        return Unknowns(away, away, activation, activation, away, control).packed()

    lower = of_point(-1.0, muscles.min_activation, actuators.min_control)
    upper = of_point(1.0, muscles.max_activation, actuators.max_control)
    return (
        jnp.concatenate([jnp.tile(lower, points), _SHORTEST * free]),
        jnp.concatenate([jnp.tile(upper, points), _LONGEST * free]),
    )


def _tracked(model, walking, begin, solver) -> WalkingRecord:
    _, programme, parameters = _programme(model, walking)
    lower, upper = bounds(model, walking)
    options = Options(solver.tolerance, solver.max_steps)
    found = minimise(programme, parameters, begin, lower, upper, options)
    status = jnp.array([STATUS.index(name) for name in _RESULTS])[found.result._value]
    told = {name: getattr(found, name) for name in _OF_SOLVER}
    return _recorded(model, walking, status=status, **told)


def with_derivatives(model: Model, walking: Walking, record: WalkingRecord) -> WalkingRecord:
    """`record` of `model` again, with the derivatives of `track` to the numbers of both others.

    To be compiled as a part of something larger: it searches nothing, which is quick to compile.
    """
    _, programme, parameters = _programme(model, walking)
    answer = tuple(getattr(record, name) for name in _ANSWER)
    attached = with_derivative(programme, parameters, answer, *bounds(model, walking))
    told = {name: getattr(record, name) for name in ("status", *_OF_SOLVER)}
    return _recorded(model, walking, **{**told, **dict(zip(_ANSWER, attached, strict=True))})


def _recorded(model, walking, x, status, **of_solver) -> WalkingRecord:
    rule, programme, parameters = _programme(model, walking)
    z, w = programme.split(x)
    walking = eqx.tree_at(lambda how: how.duration, walking, parameters.shared.lasting(w))
    u = unknowns(model, z[:: rule.points.size])
    time, whole = _unfolded(model, walking, u)
    bodies = walked_bodies(model, whole, walking.friction_sharpness)
    return WalkingRecord(
        stride=inverse_record(model, time, whole, bodies, status),
        excitation=whole.excitation,
        bodies=bodies,
        drive=drive(rule, unknowns(model, z), walking.image, walking.half),
        cost=_cost(model, parameters, z),
        x=x,
        status=status,
        half=walking.half,
        rule=walking.rule,
        **of_solver,
    )


def _cost(model, parameters, z):
    """Each term, weighed, averaged over the cycle."""
    walk, points = parameters
    at = lambda z, point: weighed(unknowns(model, z), walk, point.reference)
    return points.share @ jax.vmap(at)(z, points)


def _unfolded(model, walking, u: Unknowns):
    """Times [s] and unknowns of a whole stride."""
    count, image = walking.intervals, walking.image
    if walking.collocation().start_rate == 0.0:
        # No rule reaches what the start does besides being somewhere: it repeats the end.
        u = u._replace(
            excitation=u.excitation.at[0].set(image.muscles(u.excitation[-1])),
            acceleration=u.acceleration.at[0].set(image.motion(u.acceleration[-1])),
            control=u.control.at[0].set(image.actuators(u.control[-1])),
        )
    time = walking.duration * jnp.linspace(0.0, 1.0, count + 1)
    if not walking.half:
        return time, u
    forward = jnp.asarray(
        [float(name == _FORWARD) for name in model.skeleton.coordinates.free_names]
    )
    other = Unknowns(
        value=image.motion(u.value) + jnp.broadcast_to(walking.advance * forward, u.value.shape),
        speed=image.motion(u.speed),
        activation=image.muscles(u.activation),
        excitation=image.muscles(u.excitation),
        acceleration=image.motion(u.acceleration),
        control=image.actuators(u.control),
    )
    whole = jax.tree.map(lambda one, more: jnp.concatenate([one, more[1:]]), u, other)
    return jnp.concatenate([time, walking.duration + time[1:]]), whole


_track = compiled(_tracked)


@compiled
def lagrangian(
    model: Model, walking: Walking, x: Float[Array, " variable"], multipliers: Float[Array, " row"]
) -> Float[Array, ""]:
    """Cost less multipliers times laws at `x`, in units of the record's `cost` [-].

    Its derivative to model and settings, with `x` and multipliers of a solved walk held, is that of
    the least cost (envelope theorem), where none of them moves a bound.
    """
    _, programme, parameters = _programme(model, walking)
    objective, residual = programme.values(x, parameters)
    return (objective - jnp.dot(multipliers, residual)) / SCALE
