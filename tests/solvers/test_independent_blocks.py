"""Blocks of a separable programme give the answer of the whole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomech.solvers.independent_blocks import find_blocks, solve_in_blocks
from biomech.solvers.separable_programme import RESULTS, solve

ACTS_ON = np.array(
    [
        #  leg a     leg b     alone  nothing
        [1, 1, 1, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 1, 0],
    ],
    bool,
)
BLOCKS = find_blocks(ACTS_ON)
COLUMNS = ACTS_ON.shape[1]


def problem(seed, reach=1.0):
    random = np.random.default_rng(seed)
    matrix = np.where(ACTS_ON, random.normal(size=ACTS_ON.shape), 0.0)
    lower, upper = np.full(COLUMNS, -1.0), np.full(COLUMNS, 1.5)
    target = reach * (matrix @ random.uniform(-0.9, 1.4, COLUMNS))
    weights = random.uniform(0.5, 2.0, COLUMNS)
    return tuple(map(jnp.asarray, (matrix, target, weights, lower, upper)))


def in_blocks(matrix, target, weights, lower, upper, exponent=2.0):
    bounds = {"weights": weights, "lower": lower, "upper": upper}
    return solve_in_blocks(matrix, target, BLOCKS, exponent=exponent, **bounds)


def whole(matrix, target, weights, lower, upper, exponent=2.0):
    bounds = {"weights": weights, "lower": lower, "upper": upper}
    return solve(matrix, target, exponent=exponent, **bounds)


def test_tolerance_and_steps_are_those_of_every_block():
    """Of a cubic effort, Newton comes close before it comes to rounding."""
    matrix, target, weights, lower, upper = problem(0)
    bounds = {"weights": weights, "lower": lower, "upper": upper, "exponent": 3.0}
    solved = lambda **chosen: solve_in_blocks(matrix, target, BLOCKS, **bounds, **chosen)
    coarse, fine = solved(tolerance=1e-3), solved(tolerance=1e-13)
    assert 1 < int(coarse.iterations) < int(fine.iterations)
    assert bool(fine.result == RESULTS.successful)
    stopped = solved(tolerance=1e-13, max_steps=int(coarse.iterations))
    assert bool(stopped.result == RESULTS.maximum_iterations)


def test_blocks_are_found():
    assert BLOCKS.rows.tolist() == [[0, 1], [2, -1]]
    assert BLOCKS.columns.tolist() == [[0, 1, 2, 3], [4, 5, 6, -1]]
    assert (BLOCKS.single_row.tolist(), BLOCKS.single_column.tolist()) == ([3], [7])


@given(st.integers(2, 9), st.integers(1, 14), st.floats(0.0, 0.5), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_every_row_and_column_is_in_one_block(rows, columns, density, seed):
    acts_on = np.random.default_rng(seed).random((rows, columns)) < density
    blocks = find_blocks(acts_on)
    used = lambda table: table[table >= 0].tolist()
    assert sorted(used(blocks.rows) + blocks.single_row.tolist()) == list(range(rows))
    in_use = np.flatnonzero(acts_on.any(axis=0)).tolist()
    assert sorted(used(blocks.columns) + blocks.single_column.tolist()) == in_use
    for r, c in zip(blocks.rows, blocks.columns, strict=True):
        outside = np.setdiff1d(np.arange(columns), c)
        assert not acts_on[np.ix_(r[r >= 0], outside)].any()


@pytest.mark.parametrize("exponent", [2.0, 3.0])
def test_same_answer_as_the_whole(exponent):
    for seed in range(5):
        found = in_blocks(*problem(seed), exponent=exponent)
        expected = whole(*problem(seed), exponent=exponent)
        assert bool(found.result == RESULTS.successful)
        np.testing.assert_allclose(found.x, expected.x, atol=1e-8)
        np.testing.assert_allclose(found.multipliers, expected.multipliers, atol=1e-7)
        np.testing.assert_allclose(found.residual, 0.0, atol=1e-9)


def test_same_derivatives_as_the_whole():
    inputs = problem(3)
    jacobian = lambda solver: jax.jacrev(lambda *a: solver(*a).x, argnums=(0, 1, 2, 3, 4))(*inputs)
    for ours, expected in zip(jacobian(in_blocks), jacobian(whole), strict=True):
        inside = ours.ndim < 3  # entries of the matrix outside the blocks are not used
        kept = ours if inside else jnp.where(ACTS_ON, ours, 0.0)
        other = expected if inside else jnp.where(ACTS_ON, expected, 0.0)
        np.testing.assert_allclose(kept, other, atol=1e-8)


def test_a_block_out_of_reach_leaves_the_others_alone():
    matrix, target, *bounds = problem(1)
    for row, columns in ((3, [7]), (0, [0, 1, 2, 3])):
        far = target.at[row].set(100.0)
        found = in_blocks(matrix, far, *bounds)
        assert bool(found.result == RESULTS.infeasible)
        assert abs(float(found.residual[row])) > 10.0
        expected = whole(matrix, target, *bounds).x
        other = np.setdiff1d(np.arange(COLUMNS), columns)
        np.testing.assert_allclose(found.x[other], expected[other], atol=1e-9)


@pytest.mark.parametrize("row", [0, 3])
def test_a_number_that_is_none_is_named(row):
    matrix, target, *bounds = problem(2)
    found = in_blocks(matrix, target.at[row].set(jnp.nan), *bounds)
    assert bool(found.result == RESULTS.not_finite)


def test_a_single_row_without_leverage_is_infeasible():
    matrix, target, *bounds = problem(2)
    found = in_blocks(matrix.at[3, 7].set(0.0), target, *bounds)
    assert bool(found.result == RESULTS.infeasible)
    np.testing.assert_allclose(found.residual[3], target[3])
