"""A separable programme whose rows fall into independent blocks, each solved by itself.

Muscles of the left leg give no moment at the right one, and a residual that acts on one coordinate
has nothing to share: the programme of a whole body is several small ones (five rows for each leg of
a usual model), which cost far less than one large one. Which columns can act on which rows is known
from the model's structure, before any number is.

A row with a single column of its own is solved by division; the other blocks are padded with empty
rows and columns to one shape and solved as a batch. The answer is that of `solve` for the whole.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..indexing import replace_rows
from .separable_programme import (
    MAX_STEPS,
    RESULTS,
    SeparableProgrammeSolution,
    default_tolerance,
    solve,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Blocks:
    """Rows and columns of each block, as index tables.

    - `rows` [block, place], `columns` [block, place]: -1 where padded.
    - `single_row`, `single_column`: rows with one column of their own, and that column.
    """

    rows: np.ndarray
    columns: np.ndarray
    single_row: np.ndarray
    single_column: np.ndarray


def find_blocks(acts_on: Bool[np.ndarray, "row column"]) -> Blocks:
    """Blocks of a programme whose column j can only be nonzero in the rows where `acts_on` is."""
    return _find_blocks(np.asarray(acts_on, bool).tobytes(), acts_on.shape)


@functools.lru_cache(maxsize=64)
def _find_blocks(content, shape):
    acts_on = np.frombuffer(content, bool).reshape(shape)
    label = np.arange(shape[0])  # of each row's block: the smallest row it is linked with
    for column in acts_on.T:
        linked = np.isin(label, label[column])
        if linked.any():
            label[linked] = label[linked].min()
    rows = [np.flatnonzero(label == block) for block in np.unique(label)]
    members = [(r, np.flatnonzero(acts_on[r].any(axis=0))) for r in rows]
    single = [(r[0], c[0]) for r, c in members if len(r) == len(c) == 1]
    larger = [(r, c) for r, c in members if not len(r) == len(c) == 1]
    return Blocks(
        rows=_padded([r for r, _ in larger]),
        columns=_padded([c for _, c in larger]),
        single_row=np.array([r for r, _ in single], int),
        single_column=np.array([c for _, c in single], int),
    )


def _padded(groups):
    table = np.full((len(groups), max(map(len, groups), default=0)), -1)
    for row, group in enumerate(groups):
        table[row, : len(group)] = group
    return table


def solve_in_blocks(
    matrix: Float[Array, "row column"],
    target: Float[Array, " row"],
    blocks: Blocks,
    *,
    weights: Float[Array, " column"],
    lower: Float[Array, " column"],
    upper: Float[Array, " column"],
    exponent: float = 2.0,
    tolerance: float | None = None,
    max_steps: int = MAX_STEPS,
    warm_start: Float[Array, " row"] | None = None,
) -> SeparableProgrammeSolution:
    """`separable_programme.solve`, block by block.

    Entries of `matrix` outside the blocks are ignored. `iterations` is that of the slowest block,
    `result` that of the worst. Columns that act on nothing take the value of least cost.
    """
    tolerance = default_tolerance(matrix.dtype) if tolerance is None else tolerance
    x = jnp.clip(jnp.zeros_like(weights), lower, upper)
    multipliers, residual = jnp.zeros_like(target), target
    weak = jnp.zeros(weights.shape, bool)
    iterations, results = jnp.zeros((), jnp.int32), []
    if blocks.single_row.size:
        row, column = blocks.single_row, blocks.single_column
        found = _solve_singles(
            *(matrix[row, column], target[row], weights[column], lower[column], upper[column]),
            exponent,
            tolerance,
        )
        x = replace_rows(x, column, found.x)
        multipliers = replace_rows(multipliers, row, found.multipliers)
        residual = replace_rows(residual, row, found.residual)
        weak = replace_rows(weak, column, found.weakly_active)
        results.append(found.result)
    if blocks.rows.size:
        rows, columns = np.maximum(blocks.rows, 0), np.maximum(blocks.columns, 0)
        filled_row, filled_column = blocks.rows >= 0, blocks.columns >= 0
        filled = filled_row[:, :, None] & filled_column[:, None, :]

        start = None if warm_start is None else jnp.where(filled_row, warm_start[rows], 0.0)

        def block(matrix, target, weights, lower, upper, start):
            bounds = {"weights": weights, "lower": lower, "upper": upper}
            options = {"exponent": exponent, "tolerance": tolerance, "max_steps": max_steps}
            return solve(matrix, target, **bounds, **options, warm_start=start)

        found = jax.vmap(block)(
            jnp.where(filled, matrix[rows[:, :, None], columns[:, None, :]], 0.0),
            jnp.where(filled_row, target[rows], 0.0),
            jnp.where(filled_column, weights[columns], 1.0),
            jnp.where(filled_column, lower[columns], -jnp.inf),
            jnp.where(filled_column, upper[columns], jnp.inf),
            start,
        )
        x = replace_rows(x, columns[filled_column], found.x[filled_column])
        multipliers = replace_rows(multipliers, rows[filled_row], found.multipliers[filled_row])
        residual = replace_rows(residual, rows[filled_row], found.residual[filled_row])
        weak = replace_rows(weak, columns[filled_column], found.weakly_active[filled_column])
        iterations = jnp.max(found.iterations)
        results.append(found.result)
    return SeparableProgrammeSolution(x, multipliers, residual, iterations, weak, _worst(results))


def _solve_singles(a, b, weight, lower, upper, exponent, tolerance):
    """Rows with one column each: x = b / a, as near as the bounds let it."""
    acts = a != 0.0
    wanted = jnp.where(acts, b / jnp.where(acts, a, 1.0), 0.0)
    x = jnp.clip(wanted, lower, upper)
    residual = b - a * x
    slope = exponent * weight * jnp.sign(x) * jnp.abs(x) ** (exponent - 1.0)
    usable = jnp.isfinite(a) & jnp.isfinite(b) & jnp.isfinite(weight) & (weight > 0.0)
    usable = usable & ~jnp.isnan(lower) & ~jnp.isnan(upper)
    met = jnp.abs(residual) <= tolerance * jnp.abs(b)
    result = RESULTS.where(jnp.all(met), RESULTS.successful, RESULTS.infeasible)
    x, slope = jnp.where(usable, x, jnp.nan), jnp.where(usable, slope, jnp.nan)
    return SeparableProgrammeSolution(
        x=x,
        multipliers=jnp.where(acts, slope / jnp.where(acts, a, 1.0), 0.0),
        residual=b - a * x,
        iterations=jnp.zeros((), jnp.int32),
        weakly_active=met & ((wanted <= lower) | (wanted >= upper)),
        result=RESULTS.where(jnp.all(usable), result, RESULTS.not_finite),
    )


def _worst(results):
    worst = RESULTS.successful
    for name in ("maximum_iterations", "infeasible", "not_finite"):
        which = getattr(RESULTS, name)
        hit = functools.reduce(
            jnp.logical_or, (jnp.any(r == which) for r in results), jnp.array(False)
        )
        worst = RESULTS.where(hit, which, worst)
    return worst
