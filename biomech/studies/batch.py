"""Many cases of the inverse study in one compiled programme.

Cases are models of one structure that differ in numbers. What is the same in all of them is kept
once, and whatever follows from it alone is computed once: in a sweep of strengths the geometry of
the muscles is shared by all cases. Cases run in chunks of one size, so that memory stays bounded
and every sweep of the same parameters uses one compiled programme.
"""

from collections.abc import Iterator, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..compilation import compiled
from ..model.body import Model
from ..model.names import BadInput
from .inverse import InverseRecord, MeasuredMotion, inverse, inverse_uncompiled
from .static_optimization import EffortWeights, equal_weights

CHUNK_BYTES = 256 * 2**20
"""Aim for the results of one chunk [bytes]; what is needed on the way is several times that."""
LARGEST_CHUNK = 8
"""Cases in one chunk: more gains nothing on a CPU."""


def inverse_cases(
    models: Sequence[Model],
    motion: MeasuredMotion,
    weights: EffortWeights | None = None,
    *,
    passive_fiber_force: bool = False,
    opensim_pennation: bool = False,
    chunk: int | None = None,
) -> Iterator[InverseRecord]:
    """Records of `models`, one after the other, each like that of `inverse`.

    - `chunk`: cases computed together; by default what `CHUNK_BYTES` holds, at most
      `LARGEST_CHUNK`.

    **Raises:** `BadInput` if the models differ in structure, or there are none.
    """
    flags = (passive_fiber_force, opensim_pennation)
    varying, shared = stack_cases(models)
    weights = equal_weights(models[0]) if weights is None else weights
    if len(models) == 1 or not jax.tree.leaves(varying):
        record = inverse(
            models[0],
            motion,
            weights,
            passive_fiber_force=passive_fiber_force,
            opensim_pennation=opensim_pennation,
        )
        yield from (record for _ in models)
        return
    chunk = _chunk_size(models[0], motion, weights, len(models)) if chunk is None else chunk
    for start in range(0, len(models), chunk):
        index = np.minimum(np.arange(start, start + chunk), len(models) - 1)  # the last, repeated
        part = jax.tree.map(lambda leaf, index=index: leaf[index], varying)
        records = jax.tree.map(np.asarray, _chunk(part, shared, motion, weights, *flags))
        for row in range(min(chunk, len(models) - start)):
            yield jax.tree.map(lambda leaf, row=row: jnp.asarray(leaf[row]), records)


def stack_cases(models: Sequence[Model]) -> tuple[Model, Model]:
    """The leaves that differ between `models`, stacked [case, ...], and those that do not.

    Both have the models' structure, with `None` for the leaves that are in the other one.
    """
    if not models:
        raise BadInput("There is no model to analyse: the sweep has no case.")
    structures = [jax.tree.structure(model) for model in models]
    if any(structure != structures[0] for structure in structures):
        raise BadInput(
            "The models of a batch must differ in numbers only: same bodies, muscles, points, "
            "curves and options. Run models of another structure one by one."
        )
    leaves = [[np.asarray(leaf) for leaf in jax.tree.leaves(model)] for model in models]
    varying, shared = [], []
    for column in zip(*leaves, strict=True):
        first = column[0]
        if any(leaf.shape != first.shape for leaf in column):
            raise BadInput("The models of a batch must have arrays of equal shapes.")
        same = all(np.array_equal(leaf, first, equal_nan=True) for leaf in column[1:])
        varying.append(None if same else np.stack(column))
        shared.append(jnp.asarray(first) if same else None)
    rebuild = lambda values: jax.tree.unflatten(structures[0], values)
    return rebuild(varying), rebuild(shared)


@compiled
def _chunk(varying, shared, motion, weights, passive_fiber_force, opensim_pennation):
    def one(case):
        model = eqx.combine(case, shared)
        return inverse_uncompiled(model, motion, weights, passive_fiber_force, opensim_pennation)

    return jax.vmap(one)(varying)


def _chunk_size(model, motion, weights, count):
    """A power of two, so that sweeps of like size share a programme."""
    record = eqx.filter_eval_shape(inverse_uncompiled, model, motion, weights, False, False)
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(record))
    largest = max(1, min(LARGEST_CHUNK, CHUNK_BYTES // max(size, 1)))
    chunk = 1
    while chunk < min(count, largest):
        chunk *= 2
    return chunk if chunk <= largest else chunk // 2
