"""Separable programme: an exact active-set answer, closed forms, optimality conditions, SciPy."""

import functools
import time

import equinox as eqx
import hypothesis.extra.numpy as hnp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from biomech.model.names import BadInput
from biomech.solvers.separable_programme import RESULTS, solve
from tables import read_table

INF = np.inf
ROWS = [
    f"{name}_{side}"
    for side in "rl"
    for name in ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle")
]


@functools.lru_cache
def _batched(exponent=2.0, max_steps=60):
    """One compiled solver per exponent and shape."""
    one = lambda A, b, w, l, u: solve(
        A, b, weights=w, lower=l, upper=u, exponent=exponent, max_steps=max_steps
    )
    return jax.jit(jax.vmap(one))


def _is(solution, result):
    return np.asarray(solution.result == result)


def _kkt(A, b, w, l, u, x, v, exponent):
    """Relative violation of A x = b, of the bounds and of the bounds' multipliers' signs."""
    size = np.abs(b) + np.abs(A) @ np.abs(x)
    size = size + 1e-3 * np.sqrt(np.sum(A**2 / w, 1)) * np.max(
        size / np.maximum(np.sqrt(np.sum(A**2 / w, 1)), 1e-300), initial=0.0
    )
    feasibility = np.max(np.abs(A @ x - b) / np.where(size > 0, size, 1.0))
    gap = v @ A - exponent * w * np.sign(x) * np.abs(x) ** (exponent - 1)
    wrong = np.where(x >= u, 0.0, np.maximum(gap, 0)) + np.where(x <= l, 0.0, np.maximum(-gap, 0))
    price = np.abs(v) @ np.abs(A)
    price = price + 1e-2 * np.max(price)
    assert np.all((x >= l) & (x <= u))
    return feasibility, np.max(wrong / np.where(price > 0, price, 1.0))


# An exact answer for a walking subject.


@pytest.fixture(scope="module")
def walking(walk3d):
    """Joint moments, moment arms times force, and the exact activations of 116 frames."""
    oracle = walk3d / "oracle"
    table = {
        name: read_table(oracle / f"{name}.csv.gz")
        for name in ("id", "moment_arm", "so_active_force_a1", "qp_activation")
    }
    muscles = list(table["so_active_force_a1"].columns[1:])
    reserve = np.broadcast_to(np.eye(10), (116, 10, 10))
    A = np.zeros((116, 10, 80))
    for i, row in enumerate(ROWS):
        for j, muscle in enumerate(muscles):
            if f"{muscle}:{row}" in table["moment_arm"]:
                force = table["so_active_force_a1"][muscle]
                A[:, i, j] = table["moment_arm"][f"{muscle}:{row}"] * force
    moments = table["id"]
    beta = lambda row: moments[f"{row}_beta_force"] if "knee" in row else 0.0
    b = np.stack([moments[f"{row}_moment"] + beta(row) for row in ROWS], axis=1)
    columns = [*muscles, *(f"reserve_{row}" for row in ROWS)]
    exact = table["qp_activation"][columns].to_numpy()
    lower = np.concatenate([np.full(80, 0.01), np.full(10, -INF)])
    upper = np.concatenate([np.ones(80), np.full(10, INF)])
    every = lambda x: np.broadcast_to(x, (116, 90))
    A = np.concatenate([A, reserve], axis=2)
    return (A, b, every(np.ones(90)), every(lower), every(upper)), exact


def test_static_optimization_matches_exact_active_set(walking):
    """The printed controls (10 digits) miss the moments by 2e-8 N m: good to about 1e-9."""
    problem, exact = walking
    solution = _batched()(*problem)
    assert np.all(_is(solution, RESULTS.successful))
    np.testing.assert_allclose(solution.x, exact, atol=1e-9)
    for k in range(116):
        ours = (np.asarray(solution.x)[k], np.asarray(solution.multipliers)[k])
        assert max(_kkt(*(a[k] for a in problem), *ours, 2.0)) <= 1e-10
    assert np.mean(solution.iterations) < 7


def test_warm_start_takes_fewer_steps_to_the_same_answer(walking):
    (A, b, w, l, u), _ = walking
    cold = _batched()(A, b, w, l, u)
    one = lambda A, b, w, l, u, v: solve(A, b, weights=w, lower=l, upper=u, warm_start=v)
    start = cold.multipliers[:-1]
    warm = jax.jit(jax.vmap(one))(A[1:], b[1:], w[1:], l[1:], u[1:], start)
    np.testing.assert_allclose(warm.x, cold.x[1:], atol=1e-9)
    assert np.mean(warm.iterations) < 0.7 * np.mean(cold.iterations)


def test_two_legs_apart_are_two_programmes(walking):
    (A, b, w, l, u), exact = walking
    right = np.r_[0:40, 80:85]
    solution = _batched()(A[:, :5, right], b[:, :5], w[:, right], l[:, right], u[:, right])
    np.testing.assert_allclose(solution.x, exact[:, right], atol=1e-9)


@pytest.mark.parametrize("exponent", [3.0, 4.5])
def test_other_exponents_meet_the_optimality_conditions_in_walking(walking, exponent):
    problem, _ = walking
    solution = _batched(exponent)(*problem)
    assert np.all(_is(solution, RESULTS.successful))
    for k in range(116):
        ours = (np.asarray(solution.x)[k], np.asarray(solution.multipliers)[k])
        assert max(_kkt(*(a[k] for a in problem), *ours, exponent)) <= 1e-10


def test_single_precision_in_walking(walking):
    problem, exact = walking
    solution = _batched()(*(np.asarray(a, np.float32) for a in problem))
    assert solution.x.dtype == jnp.float32
    assert np.all(_is(solution, RESULTS.successful))
    np.testing.assert_allclose(np.asarray(solution.x, float), exact, atol=2e-5)


# Closed forms.


def test_two_muscles_share_one_moment_in_proportion_to_their_leverage():
    A, b = jnp.array([[30.0, 40.0]]), jnp.array([20.0])
    solution = solve(A, b, weights=1.0, lower=0.0, upper=1.0)
    np.testing.assert_allclose(solution.x, [30 * 20 / 2500, 40 * 20 / 2500], rtol=1e-13)
    np.testing.assert_allclose(solution.multipliers, [2 * 20 / 2500], rtol=1e-13)


@pytest.mark.parametrize("exponent", [2.0, 4.0])
def test_equal_muscles_share_equally_and_saturate_together(exponent):
    A = jnp.full((1, 4), 10.0)
    half = solve(A, jnp.array([20.0]), weights=1.0, lower=0.0, upper=1.0, exponent=exponent)
    full = solve(A, jnp.array([40.0]), weights=1.0, lower=0.0, upper=1.0, exponent=exponent)
    np.testing.assert_allclose(half.x, 0.5, rtol=1e-10)
    np.testing.assert_allclose(full.x, 1.0, rtol=1e-10)
    assert half.result == RESULTS.successful
    assert full.result == RESULTS.successful


@pytest.mark.parametrize("exponent", [3.0])
def test_power_law_of_load_sharing(exponent):
    """Without bounds x_j is proportional to (A_j / w_j)^(1/(p-1)) (Crowninshield & Brand 1981)."""
    A, w = np.array([[30.0, 40.0, 5.0]]), np.array([1.0, 3.0, 0.5])
    shape = (A[0] / w) ** (1 / (exponent - 1))
    solution = solve(
        jnp.asarray(A), jnp.array([20.0]), weights=w, lower=-INF, upper=INF, exponent=exponent
    )
    np.testing.assert_allclose(solution.x, shape * 20 / (A[0] @ shape), rtol=1e-10)


def test_without_bounds_it_is_the_minimum_norm_solution():
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((6, 40)), rng.standard_normal(6)
    solution = solve(jnp.asarray(A), jnp.asarray(b), weights=1.0, lower=-INF, upper=INF)
    np.testing.assert_allclose(solution.x, np.linalg.pinv(A) @ b, atol=1e-13)


def test_rank_k_cost_is_more_rows_and_columns():
    rng = np.random.default_rng(2)
    A, V, b = rng.standard_normal((3, 10)), rng.standard_normal((10, 2)), rng.standard_normal(3)
    A_more = np.block([[A, np.zeros((3, 2))], [V.T, -np.eye(2)]])
    w = np.concatenate([np.ones(10), np.full(2, 0.5)])
    b_more = np.concatenate([b, np.zeros(2)])
    got = solve(jnp.asarray(A_more), jnp.asarray(b_more), weights=w, lower=-INF, upper=INF).x[:10]
    H = 2 * np.eye(10) + V @ V.T
    expected = np.linalg.solve(H, A.T @ np.linalg.solve(A @ np.linalg.solve(H, A.T), b))
    np.testing.assert_allclose(got, expected, atol=1e-12)


# A second algorithm.


@pytest.mark.parametrize("exponent", [2.0, 4.5])
def test_agrees_with_a_general_solver(exponent):
    """SLSQP stops at about 1e-7 in x."""
    rng = np.random.default_rng(4)
    n, w = 8, rng.uniform(0.5, 2.0, 8)
    for _ in range(5):
        A = rng.standard_normal((2, n))
        b = A @ rng.uniform(0, 1, n) ** 3
        args = (jnp.asarray(a)[None] for a in (A, b, w, np.zeros(n), np.ones(n)))
        solution = _batched(exponent)(*args)
        other = scipy.optimize.minimize(
            lambda x: w @ np.abs(x) ** exponent,
            np.full(n, 0.5),
            jac=lambda x: exponent * w * np.sign(x) * np.abs(x) ** (exponent - 1),
            bounds=[(0, 1)] * n,
            constraints=scipy.optimize.LinearConstraint(A, b, b),
            method="SLSQP",
            options={"ftol": 1e-15, "maxiter": 500},
        )
        x = np.asarray(solution.x[0])
        assert w @ np.abs(x) ** exponent <= other.fun + 1e-8
        np.testing.assert_allclose(x, other.x, atol=2e-4)


# Optimality conditions on random problems, degenerate ones too.

M, N = 3, 10
UNIT = st.floats(-1.0, 1.0).map(lambda x: round(x, 6))


@st.composite
def programmes(draw):
    """A feasible problem with an unbounded column per row; duplicate, zero and scaled columns."""
    A = draw(hnp.arrays(float, (M, N - M), elements=UNIT))
    if draw(st.booleans()):
        A[:, 1] = A[:, 0]
    if draw(st.booleans()):
        A[:, 2] = 0.0
    A = (
        A
        * 10.0 ** draw(st.integers(-1, 3))
        * 10.0 ** draw(hnp.arrays(float, (M, 1), elements=st.integers(-1, 1).map(float)))
    )
    x = draw(hnp.arrays(float, N - M, elements=st.sampled_from([0.01, 0.3, 0.5, 1.0])))
    w = draw(hnp.arrays(float, N, elements=st.sampled_from([0.5, 1.0, 2.0])))
    l = np.concatenate([np.full(N - M, 0.01), np.full(M, -INF)])
    u = np.concatenate([np.ones(N - M), np.full(M, INF)])
    return np.concatenate([A, np.eye(M)], axis=1), A @ x, w, l, u


@pytest.mark.parametrize("exponent", [2.0, 3.0, 4.5])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(problem=programmes())
def test_random_problems_meet_the_optimality_conditions(exponent, problem):
    solution = _batched(exponent, 100)(*(jnp.asarray(a)[None] for a in problem))
    x, v = np.asarray(solution.x[0]), np.asarray(solution.multipliers[0])
    assert _is(solution, RESULTS.successful)[0]
    feasibility, stationarity = _kkt(*problem, x, v, exponent)
    # p > 2: x(v) at y = 0 carries the rounding of v under a root
    assert feasibility <= (1e-10 if exponent == 2.0 else 1e-6)
    assert stationarity <= 1e-10


@pytest.mark.parametrize("exponent, atol", [(2.0, 1e-7), (3.0, 1e-6), (4.5, 1e-3)])
def test_target_on_the_border_of_the_reachable(exponent, atol):
    """The only answer is a vertex: every column that acts is at the bound that helps.

    There p = 2 stops at a relative residual of 1e-9 or less; for p > 2 the rounding of y, 1e-15 to
    1e-13, is under the root 1 / (p - 1).
    """
    rng = np.random.default_rng(5)
    A = rng.standard_normal((500, 4, 20))
    direction = rng.standard_normal((500, 4))
    vertex = (np.einsum("ki,kij->kj", direction, A) > 0) * 1.0
    b = np.einsum("kij,kj->ki", A, vertex)
    every = lambda value: np.full((500, 20), value)
    solution = _batched(exponent)(A, b, every(1.0), every(0.0), every(1.0))
    assert np.mean(_is(solution, RESULTS.successful)) >= 0.97  # see Range in the module
    assert not np.any(_is(solution, RESULTS.infeasible))
    np.testing.assert_allclose(solution.x, vertex, atol=atol)


# Results that are not a success.


def test_infeasible_moment_is_named_with_its_residual():
    """Two muscles of 10 and 20 cannot give 100; both pull fully and 70 is missing."""
    A, b = jnp.array([[10.0, 20.0, 0.0], [0.0, 0.0, 5.0]]), jnp.array([100.0, 2.0])
    solution = solve(A, b, weights=1.0, lower=0.0, upper=1.0)
    assert solution.result == RESULTS.infeasible
    np.testing.assert_allclose(solution.x, [1.0, 1.0, 0.4], atol=1e-7)
    np.testing.assert_allclose(solution.residual, [70.0, 0.0], atol=1e-6)
    assert "least violating" in RESULTS[solution.result]


def test_an_unbounded_column_elsewhere_does_not_hide_infeasibility():
    A = jnp.array([[10.0, 20.0, 0.0, 1.0], [3.0, 5.0, 5.0, 0.0]])
    solution = solve(
        A,
        jnp.array([100.0, 20.0]),
        weights=1.0,
        lower=jnp.array([0.0, 0.0, 0.0, -INF]),
        upper=jnp.array([1.0, 1.0, 1.0, INF]),
    )
    assert solution.result == RESULTS.infeasible
    np.testing.assert_allclose(solution.residual, [0.0, 7.0], atol=1e-3)


def test_infeasible_answer_is_the_bounded_least_squares_one():
    rng = np.random.default_rng(6)
    A = rng.standard_normal((50, 3, 8))
    direction = rng.standard_normal((50, 3))
    vertex = (np.einsum("ki,kij->kj", direction, A) > 0) * 1.0
    b = np.einsum("kij,kj->ki", A, vertex) + 0.3 * direction
    every = lambda value: np.full((50, 8), value)
    solution = _batched()(A, b, every(1.0), every(0.0), every(1.0))
    assert np.all(_is(solution, RESULTS.infeasible))
    for k in range(50):
        scale = np.sqrt(np.sum(A[k] ** 2, axis=1, keepdims=True))
        least = scipy.optimize.lsq_linear(A[k] / scale, b[k] / scale[:, 0], (0, 1), tol=1e-14)
        np.testing.assert_allclose(solution.residual[k], b[k] - A[k] @ least.x, atol=1e-6)


def test_bounds_that_cross_are_infeasible():
    solution = solve(jnp.ones((1, 2)), jnp.ones(1), weights=1.0, lower=0.6, upper=0.4)
    assert solution.result == RESULTS.infeasible


@pytest.mark.parametrize("where", ["matrix", "target", "weights", "lower", "infinite", "no weight"])
def test_unusable_input_gives_nan_in_its_lane_only(where):
    A, b = np.tile([[3.0, 4.0]], (2, 1, 1)), np.ones((2, 1))
    w, l, u = np.ones((2, 2)), np.zeros((2, 2)), np.ones((2, 2))
    {"matrix": A, "target": b, "weights": w, "lower": l, "infinite": b, "no weight": w}[where][
        0, ..., 0
    ] = {"infinite": INF, "no weight": 0.0}.get(where, np.nan)
    solution = _batched()(A, b, w, l, u)
    assert list(_is(solution, RESULTS.not_finite)) == [True, False]
    assert np.all(np.isnan(solution.x[0]))
    np.testing.assert_allclose(solution.x[1], [0.12, 0.16], atol=1e-12)


def test_too_few_steps_say_so(walking):
    (A, b, w, l, u), _ = walking
    solution = _batched(max_steps=2)(A, b, w, l, u)
    assert np.all(_is(solution, RESULTS.maximum_iterations))
    assert np.all(solution.iterations == 2)


def test_exponent_below_two_is_refused():
    with pytest.raises(BadInput, match=r"`exponent` is 1\.5; .* 2 or more"):
        solve(jnp.ones((1, 2)), jnp.ones(1), weights=1.0, lower=0.0, upper=1.0, exponent=1.5)


# Derivatives.


@pytest.fixture(scope="module")
def smooth_problem():
    """Strictly complementary at every p: some muscles at either bound, the others inside."""
    rng = np.random.default_rng(3)
    A = np.concatenate([rng.standard_normal((3, 9)) * 20, np.eye(3)], axis=1)
    lower = np.concatenate([np.full(9, 0.01), np.full(3, -INF)])
    upper = np.concatenate([np.full(9, 0.29), np.full(3, INF)])
    b, w = rng.standard_normal(3) * 25, rng.uniform(0.5, 2.0, 12)
    return tuple(map(jnp.asarray, (A, b, w, lower, upper)))


@pytest.mark.parametrize("exponent", [2.0, 3.0, 4.5])
def test_gradients(smooth_problem, exponent):
    """Central differences of an answer good to 1e-12: about 1e-7."""
    A, b, w, lower, upper = smooth_problem
    join = lambda bound, rest: jnp.concatenate([jnp.asarray(bound), rest])

    def answer(A, b, w, low, high):
        solution = solve(
            jnp.asarray(A),
            jnp.asarray(b),
            weights=w,
            lower=join(low, lower[9:]),
            upper=join(high, upper[9:]),
            exponent=exponent,
            tolerance=1e-13,
        )
        return solution.x, solution.multipliers, solution.residual

    at = (A, b, w, lower[:9], upper[:9])
    solution = solve(A, b, weights=w, lower=lower, upper=upper, exponent=exponent)
    assert not np.any(solution.weakly_active)
    assert np.any(solution.x == lower)
    assert np.any(solution.x == upper)
    check = functools.partial(check_grads, jax.jit(answer), at, modes=["fwd", "rev"])
    check(order=1, eps=1e-6, atol=1e-6, rtol=1e-6)


def test_second_derivatives(smooth_problem):
    """Through the rule itself: at p = 3 the compliance moves with x."""
    A, b, w, lower, upper = smooth_problem
    options = {"weights": w, "lower": lower, "upper": upper, "exponent": 3.0, "tolerance": 1e-13}
    gradient = jax.jit(jax.grad(lambda b: jnp.sum(solve(A, b, **options).x)))
    step = 2e-4  # rounding in the gradients, 4e-13, leaves 1e-9
    numeric = [(gradient(b + s) - gradient(b - s)) / (2 * step) for s in step * jnp.eye(3)]
    hessian = jax.jit(jax.jacfwd(gradient))(b)
    # An entry is a difference of terms as large as the largest entry, each to 1e-10.
    np.testing.assert_allclose(hessian, hessian.T, rtol=0.0, atol=1e-9 * np.abs(hessian).max())
    np.testing.assert_allclose(hessian, numeric, rtol=1e-4, atol=5e-9)


def test_multipliers_are_the_gradient_of_the_minimum(smooth_problem):
    A, b, w, lower, upper = smooth_problem

    def minimum(b):
        return w @ solve(A, b, weights=w, lower=lower, upper=upper).x ** 2

    v = solve(A, b, weights=w, lower=lower, upper=upper).multipliers
    np.testing.assert_allclose(jax.grad(minimum)(b), v, rtol=1e-8)


def test_gradients_batched_and_in_single_precision(smooth_problem):
    A, b, w, lower, upper = smooth_problem

    def total(b, A, w, lower, upper):
        return jnp.sum(solve(A, b, weights=w, lower=lower, upper=upper).x)

    one = jax.grad(total)(b, A, w, lower, upper)
    scale = jnp.array([1.0, 1.0, 0.5])
    many = jax.jit(jax.vmap(jax.grad(total), in_axes=(0, None, None, None, None)))
    got = many(scale[:, None] * b[None, :], A, w, lower, upper)
    np.testing.assert_allclose(got[:2], jnp.stack([one, one]), rtol=1e-9)
    single = (x.astype(jnp.float32) for x in smooth_problem)
    A, b, w, lower, upper = single
    np.testing.assert_allclose(jax.grad(total)(b, A, w, lower, upper), one, rtol=1e-4)


def test_gradients_stay_finite_when_infeasible():
    A, upper = jnp.array([[10.0, 20.0]]), jnp.ones(2)
    total = lambda b: jnp.sum(solve(A, b, weights=1.0, lower=0.0, upper=upper).residual)
    np.testing.assert_allclose(jax.grad(total)(jnp.array([100.0])), [1.0], atol=1e-8)


def test_weakly_active_column_is_flagged():
    """x_2 sits at its lower bound 0.25, which is also what it would take without that bound."""
    A, b = jnp.array([[1.0, 1.0, 1.0, 1.0]]), jnp.array([1.0])
    lower = jnp.array([0.0, 0.25, 0.0, 0.0])
    solution = solve(A, b, weights=1.0, lower=lower, upper=1.0)
    assert list(np.asarray(solution.weakly_active)) == [False, True, False, False]


# Batching.


def test_a_thousand_problems_compile_once():
    @jax.jit
    @eqx.debug.assert_max_traces(max_traces=1)
    def many(A, b, upper):
        one = lambda A, b: solve(A, b, weights=1.0, lower=0.0, upper=upper).x
        return jax.vmap(one)(A, b)

    rng = np.random.default_rng(8)
    A = rng.standard_normal((1000, 3, 10))
    for upper in (1.0, 0.9, 0.8):
        b = np.einsum("kij,kj->ki", A, rng.uniform(0.0, upper, (1000, 10)))
        x = many(jnp.asarray(A), jnp.asarray(b), upper)
        np.testing.assert_allclose(np.einsum("kij,kj->ki", A, x), b, atol=1e-8)


def test_a_leg_takes_well_under_the_time_of_a_frame(walking):
    """Measured 0.03 ms per leg and frame on one core; 0.5 ms leaves room for a busy machine."""
    (A, b, w, l, u), _ = walking
    right = np.r_[0:40, 80:85]
    leg = [
        jnp.asarray(a) for a in (A[:, :5, right], b[:, :5], w[:, right], l[:, right], u[:, right])
    ]
    jax.block_until_ready(_batched()(*leg))
    wall = []
    for _ in range(5):
        start = time.perf_counter()
        jax.block_until_ready(_batched()(*leg))
        wall.append(time.perf_counter() - start)
    assert min(wall) / 116 < 0.5e-3


def test_a_bounded_row_far_out_of_reach_is_infeasible_beside_unbounded_ones():
    """Unbounded columns elsewhere used to hide that one row's only column is too weak."""
    random = np.random.default_rng(1)
    count, rows, columns = 40, 6, 12
    matrix = np.zeros((count, rows, columns + rows))
    sparse = random.random((count, rows, columns)) < 0.5
    matrix[:, :, :columns] = 100.0 * random.normal(size=sparse.shape) * sparse
    matrix[:, -1, :columns] = 0.0
    matrix[:, np.arange(rows), columns + np.arange(rows)] = [1.0, 1.0, 1.0, 100.0, 1.0, 1.0]
    lower = np.r_[np.zeros(columns), np.full(rows - 1, -INF), -1.0]
    upper = np.r_[np.ones(columns), np.full(rows - 1, INF), 1.0]
    target = 1.5 * np.einsum("kij,kj->ki", matrix, random.random((count, columns + rows)))
    target[:, -1] = random.uniform(2.0, 36.0, count)
    each = jax.vmap(lambda a, b: solve(a, b, weights=1.0, lower=lower, upper=upper))
    found = jax.jit(each)(jnp.asarray(matrix), jnp.asarray(target))
    assert np.all(np.asarray(found.result == RESULTS.infeasible))
    np.testing.assert_allclose(found.residual[:, -1], target[:, -1] - 1.0, rtol=1e-9)
