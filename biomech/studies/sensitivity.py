"""Derivatives of metrics and of joint loads with respect to parameters of the model.

Exact, through geometry, muscles, static optimization, the balance of a body at rest or the walk of
one that is free to change it (implicit at the solution) and joint reactions: one pass backwards
gives a metric's derivative with respect to every parameter at once. They hold for small changes:
all have kinks where a muscle reaches a bound, and a peak where another instant takes over.

Parameters are arrays of the model, by groups, and numbers of interventions on it: `change`, with
`numbers` in its open places. The arrays are those of the model before the interventions.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..compilation import compiled
from ..dynamics.inverse_dynamics import body_weight
from ..dynamics.spatial import length
from ..interventions.chain import NOTHING, Chain
from ..model.body import Model
from ..model.parameters import PARAMETERS
from .inverse import MeasuredMotion, inverse_instant, inverse_uncompiled
from .metrics import METRICS, context, evaluate_metrics, joint_index
from .stand import DEFAULT_SOLVER, Standing, StandingRecord, StandingSolver, stand_uncompiled
from .standing_metrics import evaluate_standing_metrics
from .static_optimization import EffortWeights
from .walking import Walking, WalkingRecord, with_derivatives
from .walking_metrics import evaluate_walking_metrics

Gradients = tuple[Float[Array, "..."], ...]
"""One array for each group of parameters: leading axes, then the shape of the group's array; last
one for the numbers of interventions, if there are any."""
Numbers = Float[Array, " number"]


@compiled
def metric_gradients(
    model: Model,
    motion: MeasuredMotion,
    weights: EffortWeights,
    percent: Float[Array, "time side"] | None,
    stance: Bool[Array, "time side"] | None,
    stance_share: Float[Array, "interval side"] | None,
    groups: tuple[str, ...],
    metrics: tuple[str, ...],
    periodic: bool = False,
    passive_fiber_force: bool = False,
    change: Chain = NOTHING,
    numbers: Numbers | None = None,
) -> tuple[Float[Array, " metric"], Gradients]:
    """Values of `metrics` and their gradients [metric, ...] with respect to each of `groups`."""

    def values(parameters):
        changed = _changed(model, groups, change, parameters)
        record = inverse_uncompiled(changed, motion, weights, passive_fiber_force, False)
        known = {"stance_share": stance_share, "periodic": periodic}
        here = context(changed, record, percent, stance, **known)
        return evaluate_metrics(record, here, metrics).value

    found, pull_back = jax.vjp(values, _parameters(model, groups, numbers))
    (gradients,) = jax.vmap(pull_back)(jnp.eye(len(metrics), dtype=found.dtype))
    return found, gradients


@compiled
def standing_gradients(
    model: Model,
    standing: Standing,
    groups: tuple[str, ...],
    metrics: tuple[str, ...],
    solver: StandingSolver = DEFAULT_SOLVER,
    change: Chain = NOTHING,
    numbers: Numbers | None = None,
) -> tuple[Float[Array, " metric"], Gradients, StandingRecord]:
    """Values of `metrics` of a body at rest, their gradients, and how it stands.

    The gradients mean nothing where the record's `status` is not 0.
    """

    def values(parameters):
        changed = _changed(model, groups, change, parameters)
        record = stand_uncompiled(changed, standing, None, solver)
        return evaluate_standing_metrics(changed, record, metrics).value, record

    at = _parameters(model, groups, numbers)
    found, pull_back, record = jax.vjp(values, at, has_aux=True)
    (gradients,) = jax.vmap(pull_back)(jnp.eye(len(metrics), dtype=found.dtype))
    return found, gradients, record


@compiled
def walking_gradients(
    model: Model,
    walking: Walking,
    record: WalkingRecord,
    percent: Float[Array, "time side"],
    stance: Bool[Array, "time side"],
    stance_share: Float[Array, "interval side"],
    groups: tuple[str, ...],
    metrics: tuple[str, ...],
    change: Chain = NOTHING,
    numbers: Numbers | None = None,
) -> tuple[Float[Array, " metric"], Gradients]:
    """Values of `metrics` of a walk that was found, and their gradients.

    `record`: how `change(model)` walks. Of a whole stride: in half of one, what changes on one side
    would change on the other.
    """

    def values(parameters):
        changed = _changed(model, groups, change, parameters)
        walked = with_derivatives(changed, walking, record)
        known = {"stance_share": stance_share, "periodic": True}
        here = context(changed, walked.stride, percent, stance, **known)
        of_motion = tuple(name for name in metrics if name in METRICS)
        reports = (
            evaluate_metrics(walked.stride, here, of_motion),
            evaluate_walking_metrics(changed, walked, here),
        )
        found = {n: v for r in reports for n, v in zip(r.names, r.value, strict=True)}
        return jnp.stack([found[name] for name in metrics])

    found, pull_back = jax.vjp(values, _parameters(model, groups, numbers))
    (gradients,) = jax.vmap(pull_back)(jnp.eye(len(metrics), dtype=found.dtype))
    return found, gradients


@compiled
def load_gradients(
    model: Model,
    motion: MeasuredMotion,
    weights: EffortWeights,
    groups: tuple[str, ...],
    joints: tuple[tuple[str, str], ...],
    passive_fiber_force: bool = False,
    change: Chain = NOTHING,
    numbers: Numbers | None = None,
) -> tuple[Float[Array, "time load"], Gradients]:
    """Joint loads over body weight at every instant, and their gradients [time, load, ...].

    - `joints`: (joint, side), e.g. ("knee", "r").
    """
    names = model.skeleton.joint_names
    rows = [joint_index(names, joint, side) for joint, side in joints]

    def loads(parameters, instant):
        changed = _changed(model, groups, change, parameters)
        record = inverse_instant(changed, instant, weights, passive_fiber_force=passive_fiber_force)
        size = length(record.joint_reaction_force[jnp.array(rows)])
        load = size / body_weight(changed.skeleton)
        return load, load

    at = _parameters(model, groups, numbers)
    each = jax.jacrev(loads, has_aux=True)
    gradients, found = jax.vmap(lambda instant: each(at, instant))(motion)
    return found, gradients


def _parameters(model, groups, numbers):
    """The point at which derivatives are taken."""
    leaves = leaves_of(model, groups)
    return leaves if numbers is None or not numbers.size else (*leaves, numbers)


def _changed(model, groups, change, parameters):
    """The body at that point."""
    count = len(groups)
    changed = with_leaves(model, groups, parameters[:count]) if count else model
    return change(changed, *parameters[count:]) if change.open else change(changed, jnp.zeros(0))


def leaves_of(model: Model, groups: tuple[str, ...]) -> tuple[Array, ...]:
    """The array of each group of parameters."""
    return tuple(PARAMETERS[group].leaf(model) for group in groups)


def with_leaves(model: Model, groups: tuple[str, ...], leaves: tuple[Array, ...]) -> Model:
    """`model` with the arrays of `groups` replaced."""
    where = lambda m: tuple(PARAMETERS[group].leaf(m) for group in groups)
    return eqx.tree_at(where, model, leaves)
