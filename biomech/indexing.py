"""Rows of arrays put together by indices that are known when a programme is compiled.

A scatter compiles and runs slowly on a CPU; with indices known beforehand a gather does the same.
A gather becomes a scatter when it is transposed; a slice, or a product with a small table of
numbers, does not.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array


def replace_rows(values: Array, rows: np.ndarray, new: Array) -> Array:
    """`values` with row `rows[i]` (of its first axis) replaced by `new[i]`; no row twice."""
    source = np.arange(values.shape[0])
    source[rows] = values.shape[0] + np.arange(len(rows))
    return take_rows(jnp.concatenate([values, new]), source)


def sum_by_group(values: Array, group: np.ndarray, count: int) -> Array:
    """Sums of the rows of each of `count` groups; row i belongs to `group[i]`."""
    members = [np.flatnonzero(group == g) for g in range(count)]
    table = np.full((count, max(map(len, members), default=0)), values.shape[0])
    for g, rows in enumerate(members):
        table[g, : len(rows)] = rows
    nothing = jnp.zeros((1, *values.shape[1:]), values.dtype)
    return jnp.sum(jnp.concatenate([values, nothing])[table], axis=1)


def take_rows(values: Array, rows: np.ndarray) -> Array:
    """`values[rows]`, as a slice where these follow each other, repeated where they are one row."""
    if rows.size and np.all(rows == rows[0]):
        return jnp.broadcast_to(values[int(rows[0])], (rows.size, *values.shape[1:]))
    if rows.size and np.all(np.diff(rows) == 1):
        return values[int(rows[0]) : int(rows[-1]) + 1]
    return values[rows]


def sum_by_table(table: np.ndarray, values: Array) -> Array:
    """`table @ values` along the first axis of `values`, arranged so that a batch of them need not
    be copied into another order first. Not rounded on the way, as a GPU does by default."""
    rows = jnp.moveaxis(values, 0, -1)
    summed = jnp.matmul(rows, jnp.asarray(table.T, values.dtype), precision="highest")
    return jnp.moveaxis(summed, -1, 0)


def pick_rows(values: Array, rows: np.ndarray) -> Array:
    """`values[rows]` for a few rows of a few, as a sum: quicker when differentiated backwards."""
    return sum_by_table((rows[:, None] == np.arange(values.shape[0])).astype(float), values)
