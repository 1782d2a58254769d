"""Derivatives of metrics and of joint loads with respect to parameters of the model.

Exact, through geometry, muscles, static optimization (implicit at its solution) and joint
reactions: one pass backwards gives a metric's derivative with respect to every parameter at once.
They hold for small changes: static optimization has kinks where a muscle reaches a bound, and a
peak where another instant takes over.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..compilation import compiled
from ..model.body import Model
from ..model.parameters import PARAMETERS
from .inverse import MeasuredMotion, inverse_instant, inverse_uncompiled
from .metrics import body_mass, context, evaluate_metrics, joint_index
from .static_optimization import EffortWeights

Gradients = tuple[Float[Array, "..."], ...]
"""One array for each group of parameters: leading axes, then the shape of the group's array."""


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
) -> tuple[Float[Array, " metric"], Gradients]:
    """Values of `metrics` and their gradients [metric, ...] with respect to each of `groups`."""

    def values(leaves):
        changed = with_leaves(model, groups, leaves)
        record = inverse_uncompiled(changed, motion, weights, passive_fiber_force, False)
        known = {"stance_share": stance_share, "periodic": periodic}
        here = context(changed, record, percent, stance, **known)
        return evaluate_metrics(record, here, metrics).value

    found, pull_back = jax.vjp(values, leaves_of(model, groups))
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
) -> tuple[Float[Array, "time load"], Gradients]:
    """Joint loads over body weight at every instant, and their gradients [time, load, ...].

    - `joints`: (joint, side), e.g. ("knee", "r").
    """
    names = model.skeleton.joint_names
    rows = [joint_index(names, joint, side) for joint, side in joints]

    def loads(leaves, instant):
        changed = with_leaves(model, groups, leaves)
        record = inverse_instant(changed, instant, weights, passive_fiber_force=passive_fiber_force)
        weight = body_mass(changed) * jnp.sqrt(jnp.sum(changed.skeleton.gravity**2))
        size = jnp.sqrt(jnp.sum(record.joint_reaction_force[jnp.array(rows)] ** 2, axis=-1))
        return size / weight, size / weight

    at = leaves_of(model, groups)
    each = jax.jacrev(loads, has_aux=True)
    gradients, found = jax.vmap(lambda instant: each(at, instant))(motion)
    return found, gradients


def leaves_of(model: Model, groups: tuple[str, ...]) -> tuple[Array, ...]:
    """The array of each group of parameters."""
    return tuple(PARAMETERS[group].leaf(model) for group in groups)


def with_leaves(model: Model, groups: tuple[str, ...], leaves: tuple[Array, ...]) -> Model:
    """`model` with the arrays of `groups` replaced."""
    where = lambda m: tuple(PARAMETERS[group].leaf(m) for group in groups)
    return eqx.tree_at(where, model, leaves)
