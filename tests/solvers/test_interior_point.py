"""The interior point method against textbook problems, another solver of ours, and differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.solvers import separable_programme
from biomech.solvers.dense_programme import DenseProgramme
from biomech.solvers.interior_point import RESULTS, WarmStart, solve, with_derivative

INF = jnp.inf


def start_at(x, rows, barrier=0.1):
    return WarmStart(jnp.asarray(x, float), jnp.zeros(rows), jnp.asarray(barrier, float))


def free(n):
    return -jnp.full(n, INF), jnp.full(n, INF)


# Hock & Schittkowski (1981), problem 71, its inequality with a slack; `p` is the right-hand side.
def hs71_cost(x, p):
    return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]


def hs71_rows(x, p):
    product = x[0] * x[1] * x[2] * x[3]
    return jnp.stack([product - 25.0 - x[4], jnp.sum(x[:4] ** 2) - p])


HS71_BOUNDS = jnp.array([1.0, 1.0, 1.0, 1.0, 0.0]), jnp.array([5.0, 5.0, 5.0, 5.0, INF])


@jax.jit
def hs71(p):
    first = start_at([1.0, 5.0, 5.0, 1.0, 1.0], 2)
    return solve(hs71_cost, hs71_rows, p, first, *HS71_BOUNDS, curved=4)


def test_hs71_has_its_published_solution():
    found = hs71(40.0)
    assert found.result == RESULTS.successful
    expected = [1.0, 4.742999643, 3.821149979, 1.379408293]
    np.testing.assert_allclose(found.x[:4], expected, atol=2e-9)
    cost = hs71_cost(found.x, 40.0)
    np.testing.assert_allclose(cost, 17.0140173, atol=5e-8)


def test_optimality_conditions_hold_at_the_answer():
    found = hs71(40.0)
    gradient = jax.grad(hs71_cost)(found.x, 40.0)
    rows = jax.jacobian(hs71_rows)(found.x, 40.0)
    slope = gradient - found.multipliers @ rows
    slope = slope - found.lower_multipliers + found.upper_multipliers
    np.testing.assert_allclose(slope, 0.0, atol=1e-8)
    np.testing.assert_allclose(found.residual, 0.0, atol=1e-9)
    assert np.all(np.asarray(found.lower_multipliers) >= 0.0)


def test_multipliers_are_the_slope_of_the_minimum():
    cost = lambda p: hs71_cost(hs71(p).x, p)
    slope = (cost(40.0 + 1e-3) - cost(40.0 - 1e-3)) / 2e-3
    # The row is sum(x^2) - p, so raising p raises its right-hand side.
    np.testing.assert_allclose(hs71(40.0).multipliers[1], slope, rtol=1e-6)


@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_derivatives_of_everything_match_differences(mode):
    pick = lambda p: (lambda s: (s.x, s.multipliers, s.lower_multipliers))(hs71(p))
    exact = mode(pick)(40.0)
    step = 1e-3  # the multiplier of a bound is known to some 1e-10: rounding of x over its gap
    there, back = pick(40.0 + step), pick(40.0 - step)
    for got, plus, minus in zip(exact, there, back):
        np.testing.assert_allclose(got, (plus - minus) / (2.0 * step), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_a_solution_found_before_has_the_derivatives_of_solving(mode):
    found = hs71(40.0)
    answer = found.x, found.multipliers, found.lower_multipliers, found.upper_multipliers
    programme = DenseProgramme(hs71_cost, hs71_rows, 4)
    attached = lambda p: with_derivative(programme, p, answer, *HS71_BOUNDS)
    for got, was in zip(attached(40.0), answer, strict=True):
        np.testing.assert_array_equal(got, was)
    solving = mode(lambda p: (hs71(p).x, hs71(p).multipliers))(40.0)
    for got, expected in zip(mode(attached)(40.0), solving):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def test_bounds_move_the_answer():
    def answer(high):
        cost = lambda x, p: (x[0] - 3.0) ** 2 + (x[1] - 1.0) ** 2
        rows = lambda x, p: jnp.zeros(0)
        upper = jnp.stack([high, jnp.asarray(INF)])
        return solve(cost, rows, None, start_at([0.0, 0.0], 0), free(2)[0], upper, curved=2).x

    np.testing.assert_allclose(answer(jnp.asarray(2.0)), [2.0, 1.0], atol=1e-8)
    np.testing.assert_allclose(jax.jacfwd(answer)(jnp.asarray(2.0)), [1.0, 0.0], atol=1e-6)


def test_rosenbrock_valley_is_followed():
    cost = lambda x, p: 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
    rows = lambda x, p: jnp.zeros(0)
    found = solve(cost, rows, None, start_at([-1.2, 1.0], 0), *free(2), curved=2)
    assert found.result == RESULTS.successful
    np.testing.assert_allclose(found.x, 1.0, atol=1e-8)


def test_step_is_bent_along_a_curved_constraint():
    # Maratos' example: full Newton steps near the answer leave the circle and are refused unbent.
    cost = lambda x, p: 2.0 * (jnp.sum(x**2) - 1.0) - x[0]
    rows = lambda x, p: jnp.sum(x**2, keepdims=True) - 1.0
    first = start_at([np.cos(0.3), np.sin(0.3)], 1)
    found = solve(cost, rows, None, first, *free(2), curved=2)
    assert found.result == RESULTS.successful
    np.testing.assert_allclose(found.x, [1.0, 0.0], atol=1e-9)
    assert found.iterations <= 12


def test_saddle_is_not_taken_for_a_minimum():
    # Minima at (+-1, 0), a saddle at the origin where Newton from (0.1, 0) alone would go.
    cost = lambda x, p: 0.25 * x[0] ** 4 - 0.5 * x[0] ** 2 + x[1] ** 2
    rows = lambda x, p: jnp.zeros(0)
    found = solve(cost, rows, None, start_at([0.1, 0.5], 0), *free(2), curved=2)
    np.testing.assert_allclose(np.abs(found.x), [1.0, 0.0], atol=1e-8)


def test_agrees_with_the_dual_solver_on_a_quadratic_programme():
    rng = np.random.default_rng(3)
    matrix, weights = jnp.asarray(rng.normal(size=(3, 12))), jnp.asarray(rng.uniform(0.5, 2.0, 12))
    target = matrix @ jnp.asarray(rng.uniform(0.0, 0.6, 12))
    cost = lambda x, p: jnp.sum(weights * x**2)
    rows = lambda x, p: matrix @ x - target
    zero, one = jnp.zeros(12), jnp.ones(12)
    found = solve(cost, rows, None, start_at(0.5 * one, 3), zero, one, curved=0)
    other = separable_programme.solve(matrix, target, weights=weights, lower=zero, upper=one)
    np.testing.assert_allclose(found.x, other.x, atol=1e-7)


def test_contradicting_rows_are_called_infeasible():
    cost = lambda x, p: x[0] ** 2
    rows = lambda x, p: jnp.stack([x[0] ** 2 + 1.0 + x[1]])
    lower = jnp.array([-INF, 0.0])
    found = solve(cost, rows, None, start_at([1.0, 1.0], 1), lower, free(2)[1], curved=1)
    assert found.result == RESULTS.infeasible
    np.testing.assert_allclose(found.residual, 1.0, atol=1e-3)


def test_few_steps_are_called_maximum_iterations_and_nan_not_finite():
    few = solve(
        *(hs71_cost, hs71_rows, 40.0, start_at([1.0, 5.0, 5.0, 1.0, 1.0], 2), *HS71_BOUNDS),
        curved=4,
        max_steps=3,
    )
    assert few.result == RESULTS.maximum_iterations
    assert few.iterations == 3
    assert hs71(jnp.nan).result == RESULTS.not_finite


def test_weakly_active_bound_is_flagged():
    cost = lambda x, p: x[0] ** 2 + (x[1] - 1.0) ** 2
    rows = lambda x, p: jnp.zeros(0)
    limits = jnp.zeros(2), free(2)[1]
    loose = {"curved": 2, "tolerance": 1e-4}  # x[0] and its multiplier end near sqrt(mu)
    found = solve(cost, rows, None, start_at([1.0, 1.0], 0), *limits, **loose)
    assert found.weakly_active.tolist() == [True, False]


def test_warm_start_saves_steps_and_changes_no_answer():
    cold = hs71(40.0)
    again = WarmStart(cold.x, cold.multipliers, jnp.asarray(1e-7))
    warm = solve(hs71_cost, hs71_rows, 40.1, again, *HS71_BOUNDS, curved=4)
    np.testing.assert_allclose(warm.x, hs71(40.1).x, atol=1e-7)
    assert warm.iterations < hs71(40.1).iterations < 20


def test_batch_is_the_same_as_one_by_one():
    values = jnp.array([38.0, 40.0, 44.0])
    together = jax.vmap(hs71)(values)
    alone = jnp.stack([hs71(p).x for p in values])
    np.testing.assert_allclose(together.x, alone, atol=1e-9)
