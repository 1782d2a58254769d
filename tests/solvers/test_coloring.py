"""Matrices read off from what they give along a few directions."""

import numpy as np
import pytest

from biomech.solvers.coloring import coloring


def read_off(matrix, pattern):
    """The matrix, from its products with the directions alone, and how many there are."""
    plan = coloring(pattern)
    products = plan.directions @ matrix
    found = np.zeros_like(matrix)
    found[plan.row, plan.column] = products[plan.group, plan.at_row]
    return found, plan.directions.shape[0]


@pytest.mark.parametrize("seed", range(6))
def test_any_matrix_of_its_pattern_is_told(seed):
    rng = np.random.default_rng(seed)
    pattern = rng.random((30, 30)) < 0.02 * (seed + 1)
    pattern |= pattern.T | np.eye(30, dtype=bool)
    matrix = np.where(pattern, rng.normal(size=(30, 30)), 0.0)
    matrix += matrix.T
    found, count = read_off(matrix, pattern)
    np.testing.assert_allclose(found, matrix, rtol=0, atol=1e-14)
    assert count <= 30


@pytest.mark.parametrize(
    "name, directions",
    [("diagonal", 1), ("arrow", 2), ("tridiagonal", 3), ("two branches", 5), ("full", 12)],
)
def test_no_more_directions_than_the_pattern_needs(name, directions):
    size = 12
    pattern = np.eye(size, dtype=bool)
    if name == "arrow":
        pattern[0] = pattern[:, 0] = True
    elif name == "tridiagonal":
        pattern |= np.eye(size, k=1, dtype=bool) | np.eye(size, k=-1, dtype=bool)
    elif name == "two branches":  # two entries that meet all, five of either branch
        pattern[:2] = pattern[:, :2] = True
        pattern[2:5, 2:5] = pattern[5:8, 5:8] = True
    elif name == "full":
        pattern[:] = True
    rng = np.random.default_rng(1)
    matrix = np.where(pattern, rng.normal(size=(size, size)), 0.0)
    matrix += matrix.T
    found, count = read_off(matrix, pattern)
    np.testing.assert_allclose(found, matrix, rtol=0, atol=1e-14)
    assert count == directions
