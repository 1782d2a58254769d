"""Rows of arrays put together by indices that are known when a programme is compiled.

A scatter compiles and runs slowly on a CPU; with indices known beforehand a gather does the same.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array


def replace_rows(values: Array, rows: np.ndarray, new: Array) -> Array:
    """`values` with row `rows[i]` (of its first axis) replaced by `new[i]`; no row twice."""
    source = np.arange(values.shape[0])
    source[rows] = values.shape[0] + np.arange(len(rows))
    return jnp.concatenate([values, new])[source]


def sum_by_group(values: Array, group: np.ndarray, count: int) -> Array:
    """Sums of the rows of each of `count` groups; row i belongs to `group[i]`."""
    members = [np.flatnonzero(group == g) for g in range(count)]
    table = np.full((count, max(map(len, members), default=0)), values.shape[0])
    for g, rows in enumerate(members):
        table[g, : len(rows)] = rows
    nothing = jnp.zeros((1, *values.shape[1:]), values.dtype)
    return jnp.sum(jnp.concatenate([values, nothing])[table], axis=1)
