"""Walking as a programme along stages: its variables, rows and costs.

At every point of a cycle (or of half of one, if the second half is the mirror image of the first)
the variables are, for the free coordinates, values q and speeds v; of every muscle the activation a
and the excitation e; accelerations; and the actuators' controls:

    z = (q, v / SPEED, a, e, dv/dt / ACCELERATION, control)

    path      what `moving_body` is missing, over MOMENT or FORCE of the body's own weight
    rule      h dq/dt = h v,  h dv/dt = h acceleration,  h da/dt = h activation_rate(e, a)
    boundary  (q, v, a) at the end = the image of those at the start, with the pelvis further on
              along x by speed x duration; of a whole cycle they are their own image

so that no differential equation but that of activation is nonlinear, accelerations are found at
every point, and the laws of mechanics hold there to the solver's tolerance.

Where the duration is free, its ratio to a first one is what all points share, w; and the walk
begins where the reference does along x, since no one may be there to follow.

The cost is an average over the cycle (`walking_cost`), times SCALE, so that the barriers of the
solver are small beside it.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..dynamics.inverse_dynamics import body_weight
from ..model.body import Model
from ..muscles.activation import activation_rate
from ..solvers.collocation import Collocation
from ..solvers.staged_programme import StagedParameters, StagedProgramme
from .meeting import coordinates_of_muscles, coordinates_that_meet
from .mirror import Mirror
from .moving_body import moving_body, virtual_power
from .walking_cost import ACCELERATION, Weights
from .walking_cost import cost as cost_at

SPEED = 5.0
"""Unit of speed in z [rad/s or m/s]; that of acceleration is the cost's."""
MOMENT, FORCE = 0.07, 0.25
"""Units of the residual: of body weight times 1 m, and of body weight [-]."""
SCALE = 100.0
_FORWARD = "pelvis_tx"
_NO_QUADRATURE = 1e-2  # a point outside the rule's quadrature costs this share of one inside


class Walk(NamedTuple):
    """What all points of a walk share.

    - `duration` of the programme, or where it is free a first one [s].
    - `speed`: mean, along x [m/s]. `begin`: place of the pelvis along x at the start [m].
    - `weights`: of the terms of the cost.
    - `image`: of the start in the end (`mirror`). `friction_sharpness`: as in `contact_force`.
    """

    model: Model
    duration: Float[Array, ""]
    speed: Float[Array, ""]
    begin: Float[Array, ""]
    weights: Weights
    image: Mirror
    friction_sharpness: Float[Array, ""]

    def lasting(self, w: Float[Array, " common"]) -> Float[Array, ""]:
        """Duration [s] with what all points share, `w`."""
        return self.duration * w[0] if w.size else self.duration


class Point(NamedTuple):
    """What a point of a walk has of its own: reference values of the free coordinates, its share of
    the average."""

    reference: Float[Array, "*point free"]
    share: Float[Array, "*point"]


class Unknowns(NamedTuple):
    """z in its own units: [rad or m, and per s, s^2], [-]."""

    value: Float[Array, "*point free"]
    speed: Float[Array, "*point free"]
    activation: Float[Array, "*point muscle"]
    excitation: Float[Array, "*point muscle"]
    acceleration: Float[Array, "*point free"]
    control: Float[Array, "*point actuator"]

    def packed(self) -> Array:
        """z."""
        return jnp.concatenate(
            [
                *(self.value, self.speed / SPEED, self.activation, self.excitation),
                *(self.acceleration / ACCELERATION, self.control),
            ],
            axis=-1,
        )


def unknowns(model: Model, z: Array) -> Unknowns:
    """`z` taken apart."""
    n, m = len(model.skeleton.coordinates.free), len(model.muscles.names)
    ends = np.cumsum([n, n, m, m, n])
    q, v, a, e, acceleration, control = jnp.split(z, ends, axis=-1)
    return Unknowns(q, SPEED * v, a, e, ACCELERATION * acceleration, control)


def walking_programme(
    model: Model, rule: Collocation, intervals: int, *, free_duration: bool = False
) -> StagedProgramme:
    """The programme of a walk of `intervals`, for `StagedParameters(Walk, Point)`.

    Of `model` only the structure counts here; its numbers come with `Walk`.
    """
    coordinates = model.skeleton.coordinates
    n, m = len(coordinates.free), len(model.muscles.names)
    forward = jnp.asarray([float(name == _FORWARD) for name in coordinates.free_names])
    turning = np.array([coordinates.motion_types[i] == "rotational" for i in coordinates.free])

    def cost(z, w, walk, point):
        return SCALE * point.share * cost_at(unknowns(walk.model, z), walk, point.reference)

    def path(weights, z, w, walk, point):
        u = unknowns(walk.model, z)
        body = moving_body(
            *(walk.model, u.value, u.speed, u.acceleration, u.activation, u.control),
            friction_sharpness=walk.friction_sharpness,
        )
        unit = body_weight(walk.model.skeleton) * jnp.asarray(np.where(turning, MOMENT, FORCE))
        return virtual_power(walk.model, body, weights / unit)

    def state(z, w, walk, point):
        return z[: 2 * n + m]

    def rate(z, w, walk, point):
        u = unknowns(walk.model, z)
        change = [u.speed, u.acceleration / SPEED, activation_rate(u.excitation, u.activation)]
        return walk.lasting(w) / intervals * jnp.concatenate(change)

    def boundary(first, last, w, walk):
        begin, end = unknowns(walk.model, first), unknowns(walk.model, last)
        advance = walk.speed * walk.lasting(w)
        rows = [
            end.value - walk.image.motion(begin.value) - advance * forward,
            (end.speed - walk.image.motion(begin.speed)) / SPEED,
            end.activation - walk.image.muscles(begin.activation),
        ]
        if free_duration:
            rows.append((begin.value @ forward - walk.begin)[None])
        return jnp.concatenate(rows)

    accelerations = range(2 * n + 2 * m, 3 * n + 2 * m)
    return StagedProgramme(
        cost=cost,
        path=path,
        state=state,
        rate=rate,
        boundary=boundary,
        rule=rule,
        intervals=intervals,
        size=3 * n + 2 * m + len(model.actuators.names),
        common=int(free_duration),
        rows=n,
        pattern=_pattern(model),
        basic=(*range(2 * n + m), *accelerations),
        least_squares=True,
    )


def _pattern(model) -> np.ndarray:
    """Which entries of z may meet."""
    meet, of_muscle = coordinates_that_meet(model), coordinates_of_muscles(model)
    m, controls = len(model.muscles.names), len(model.actuators.names)
    n = meet.shape[0]
    parts = "value", "speed", "activation", "excitation", "acceleration", "control"
    starts = np.cumsum([0, n, n, m, m, n, controls])
    place = {part: slice(*starts[i : i + 2]) for i, part in enumerate(parts)}
    pattern = np.eye(starts[-1], dtype=bool)
    for one, other, block in (
        ("value", "value", meet),
        ("value", "speed", meet),
        ("speed", "speed", meet),
        ("acceleration", "value", meet),
        ("activation", "value", of_muscle),
        ("activation", "speed", of_muscle),
        ("activation", "excitation", np.eye(m, dtype=bool)),
        ("control", "value", np.ones((controls, n), bool)),
    ):
        pattern[place[one], place[other]] |= block
        pattern[place[other], place[one]] |= block.T
    return pattern


def instants(rule: Collocation, intervals: int) -> Float[np.ndarray, " point"]:
    """When the points of a programme are, in its duration [-]; the start first."""
    inside = np.add.outer(np.arange(intervals), rule.points).ravel()
    return np.concatenate([[0.0], inside]) / intervals


def average(rule: Collocation, intervals: int) -> Float[np.ndarray, " point"]:
    """Share of each point in an average over the programme."""
    inside = np.tile(rule.quadrature, (intervals, 1))
    inside[:-1, -1] += rule.start_quadrature
    start = max(rule.start_quadrature, _NO_QUADRATURE)
    return np.concatenate([[start], inside.ravel()]) / intervals


def walking_parameters(
    walk: Walk, rule: Collocation, intervals: int, reference: Float[ArrayLike, "point free"]
) -> StagedParameters:
    """Of `walking_programme`; `reference` at `instants`."""
    share = jnp.asarray(average(rule, intervals))
    return StagedParameters(walk, Point(jnp.asarray(reference), share))
