"""Few directions that tell a symmetric matrix of which only some entries can be other than zero.

Columns that never meet share a direction: along the sum of their unit vectors the matrix gives the
sum of the columns, and an entry is read off where, of that group, only its own column has one in
that row. What cannot be told from its column is told from its row.

Source: direct recovery of a symmetric matrix, Powell & Toint (1979), SIAM J. Numer. Anal.
16:1060-1074, doi:10.1137/0716078; Gebremedhin, Manne & Pothen (2005), SIAM Review 47:629-705,
doi:10.1137/S0036144504444711. Columns are taken greedily, fullest first.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int


class Coloring(NamedTuple):
    """`directions`, and where to read off entry (`row`, `column`): in row `at_row` of what the
    matrix gives along direction `group`."""

    directions: Float[np.ndarray, "group size"]
    row: Int[np.ndarray, " entry"]
    column: Int[np.ndarray, " entry"]
    group: Int[np.ndarray, " entry"]
    at_row: Int[np.ndarray, " entry"]


def coloring(pattern: Bool[np.ndarray, "size size"]) -> Coloring:
    """Directions for every symmetric matrix that is zero where `pattern` is False."""
    size = pattern.shape[0]
    group_of = np.full(size, -1)
    count = np.zeros((size, 0), int)  # of the columns of each group, how many have an entry there
    for column in np.argsort(-pattern.sum(axis=1), kind="stable"):
        for group in range(count.shape[1]):
            group_of[column] = group
            count[:, group] += pattern[:, column]
            if _can_be_told(pattern, group_of, count, group):
                break
            count[:, group] -= pattern[:, column]
        else:
            group_of[column] = count.shape[1]
            count = np.column_stack([count, pattern[:, column].astype(int)])

    row, column = np.nonzero(pattern)
    by_column = count[row, group_of[column]] == 1
    directions = (np.arange(count.shape[1])[:, None] == group_of[None]).astype(float)
    return Coloring(
        *(directions, row, column),
        np.where(by_column, group_of[column], group_of[row]),
        np.where(by_column, row, column),
    )


def _can_be_told(pattern, group_of, count, group):
    """Whether every entry of the columns of `group` still can be."""
    members = group_of == group
    for row in np.flatnonzero(count[:, group] > 1):
        if group_of[row] < 0:
            return False
        if np.any(count[members & pattern[row], group_of[row]] != 1):
            return False
    return True
