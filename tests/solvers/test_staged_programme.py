"""Programmes along stages: against dense algebra, and optimal control problems in closed form."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.optimize

from biomech.solvers.collocation import radau, trapezoidal
from biomech.solvers.interior_point import RESULTS, Options, WarmStart, minimise
from biomech.solvers.staged_programme import StagedParameters, StagedProgramme

SIZE, COMMON = 8, 2
RULES = {"radau": radau(2), "trapezoidal": trapezoidal()}


def meeting():
    """The first two entries meet all, the next two the two after them, the last two themselves."""
    pattern = np.eye(SIZE, dtype=bool)
    pattern[:2] = pattern[:, :2] = True
    pattern[[2, 3, 4, 5], [4, 5, 2, 3]] = True
    return pattern


def wavy(rule):
    """A programme in which all that may meet does; two rows of path, two states, three at ends."""
    rng = np.random.default_rng(0)
    a, b, g, first, last = (jnp.asarray(rng.normal(size=(rows, SIZE))) for rows in (2, 2, 2, 3, 3))

    def meets(z, w):
        lane, other = z[2:4] * jnp.sin(z[4:6]), z[6:] ** 3
        return jnp.sum(lane) * z[0] + jnp.sum(other * z[1]) + w[0] * z[0] * z[6] + w[1] ** 2 * z[1]

    programme = StagedProgramme(
        cost=lambda z, w, shared, here: 0.5 * jnp.sum(shared * (z - here) ** 2) + 0.1 * meets(z, w),
        path=lambda y, z, w, shared, here: y @ (g @ z + meets(z, w) + w),
        state=lambda z, w, shared, here: a @ z + jnp.sin(z[0]) * here[:2] + w[0],
        rate=lambda z, w, shared, here: b @ z + here[2:4] * z[:2] ** 2 * z[1] * w[1],
        boundary=lambda z, end, w, shared: first @ z + last @ end + w[0] - 1.0,
        rule=rule,
        intervals=3,
        size=SIZE,
        common=COMMON,
        rows=2,
        pattern=meeting(),
        basic=(0, 1, 4, 7),
    )
    here = jnp.asarray(rng.normal(size=(programme.points, SIZE)))
    p = StagedParameters(jnp.linspace(1.0, 2.0, SIZE), here)
    x = jnp.asarray(rng.normal(size=programme.points * SIZE + COMMON))
    return programme, p, x, jnp.asarray(rng.normal(size=programme.layout(p).all_rows))


@pytest.fixture(scope="module", params=RULES)
def blocks(request):
    """A programme at a point: its blocks, and its whole jacobian and hessian."""
    programme, p, x, y = wavy(RULES[request.param])
    rows = lambda x: programme.values(x, p)[1]
    lagrangian = lambda x: programme.values(x, p)[0] - y @ rows(x)
    local = jax.jit(programme.local)(x, y, p)
    return (programme, p, x, y), local, jax.jacobian(rows)(x), jax.hessian(lagrangian)(x)


def test_blocks_are_the_derivatives_of_the_whole(blocks):
    (programme, p, x, y), local, jacobian, hessian = blocks
    cost, rows = programme.values(x, p)
    np.testing.assert_allclose(local.objective, cost, rtol=1e-12)
    np.testing.assert_allclose(local.residual, rows, atol=1e-12)
    gradient = jax.grad(lambda x: programme.values(x, p)[0])(x)
    np.testing.assert_allclose(local.gradient, gradient, atol=1e-11)
    slope, same = programme.slopes(x, y, p)
    np.testing.assert_allclose(slope, gradient - y @ jacobian, atol=1e-11)
    np.testing.assert_allclose(same, rows, atol=1e-12)
    none = jnp.zeros_like(x)
    along = jax.vmap(local.rows_along)(jnp.eye(x.size))
    np.testing.assert_allclose(along.T, jacobian, atol=1e-11)
    weighed = jax.vmap(lambda direction: local.weighed(none, direction))(jnp.eye(x.size))
    np.testing.assert_allclose(weighed, hessian, atol=1e-11)
    np.testing.assert_allclose(local.rows_transposed(y), y @ jacobian, atol=1e-11)


def test_a_newton_step_is_that_of_the_dense_system(blocks):
    _, local, jacobian, hessian = blocks
    m, n = jacobian.shape
    rng = np.random.default_rng(1)
    diagonal = jnp.asarray(rng.uniform(40.0, 50.0, n))
    pull, residual = jnp.asarray(rng.normal(size=n)), jnp.asarray(rng.normal(size=m))
    weight = hessian + jnp.diag(diagonal)
    matrix = jnp.block([[weight, -jacobian.T], [jacobian, jnp.zeros((m, m))]])
    expected = jnp.linalg.solve(matrix, -jnp.concatenate([pull, residual]))
    factors = local.factorise(diagonal, jnp.zeros(()))
    assert factors.shift == 0.0
    dx, y = factors.solve(pull, residual)
    np.testing.assert_allclose(jnp.concatenate([dx, y]), expected, atol=1e-10)
    np.testing.assert_allclose(factors.curvature(dx), dx @ weight @ dx, rtol=1e-10)
    again = local.newton(diagonal, pull, residual)
    np.testing.assert_allclose(jnp.concatenate(again), expected, atol=1e-10)


def test_the_shift_is_zero_just_where_the_point_is_a_minimum(blocks):
    """Along the null space of the rows, by dense algebra."""
    _, local, jacobian, hessian = blocks
    m, n = jacobian.shape
    null = np.linalg.qr(np.asarray(jacobian).T, mode="complete")[0][:, m:]
    factorise = jax.jit(lambda diagonal: local.factorise(diagonal, jnp.zeros(())))
    seen = []
    for seed in range(40):
        spread = np.random.default_rng(seed).normal(size=n)
        diagonal = jnp.asarray(10.0 * spread + 2.0 * seed)
        reduced = null.T @ np.asarray(hessian + jnp.diag(diagonal)) @ null
        minimum = np.linalg.eigvalsh(reduced)[0] > 0.0
        factors = factorise(diagonal)
        assert (factors.shift == 0.0) == minimum
        shifted = null.T @ np.asarray(hessian + jnp.diag(factors.diagonal)) @ null
        assert np.linalg.eigvalsh(shifted)[0] > 0.0
        seen.append(minimum)
    assert 0 < sum(seen) < len(seen)


@pytest.mark.parametrize("points", [1, 2, 3, 4])
def test_radau_integrates_polynomials_as_its_order_says(points):
    rule = radau(points)
    assert rule.points[-1] == 1.0 and np.all(np.diff(rule.points) > 0.0)
    for degree in range(2 * points - 1):
        whole = rule.quadrature @ rule.points**degree
        np.testing.assert_allclose(whole, 1.0 / (degree + 1), rtol=1e-12)
    np.testing.assert_allclose(rule.rate.sum(axis=1), rule.points, rtol=1e-12)


# ------------------------------------------------------------------------ optimal control


def solved(programme, p, x, options, duration_at_least=None):
    """The minimum from `x`, unbounded but for w."""
    low, high = jnp.full_like(x, -jnp.inf), jnp.full_like(x, jnp.inf)
    if duration_at_least is not None:
        low = low.at[-1].set(duration_at_least)
    multipliers = jnp.zeros(programme.layout(p).all_rows)
    begin = WarmStart(x, multipliers, jnp.asarray(1e-2))
    return minimise(programme, p, begin, low, high, options)


def shares(rule, intervals):
    """Weights of all points in an integral over one unit of time."""
    inside = np.tile(rule.quadrature, (intervals, 1))
    inside[:-1, -1] += rule.start_quadrature
    return jnp.asarray(np.concatenate([[rule.start_quadrature], inside.ravel()]) / intervals)


@functools.cache
def kirk_programme(rule_name, intervals):
    rule = KIRK_RULES[rule_name]
    return StagedProgramme(
        # The control at the start is of no use to Radau, and only has to be somewhere.
        cost=lambda z, w, end, share: jnp.where(share > 0.0, share, 1e-3) * z[0] ** 2,
        path=lambda y, z, w, end, share: jnp.zeros(()),
        state=lambda z, w, end, share: z[1:],
        rate=lambda z, w, end, share: 2.0 / intervals * jnp.stack([z[2], z[0] - z[2]]),
        boundary=lambda first, last, w, end: jnp.concatenate([first[1:], last[1:] - end]),
        rule=rule,
        intervals=intervals,
        size=3,
        common=0,
        rows=0,
        pattern=np.eye(3, dtype=bool),
        basic=(1, 2),
    )


KIRK_RULES = {"trapezoidal": trapezoidal(), "radau2": radau(2), "radau3": radau(3)}


@functools.partial(jax.jit, static_argnums=(0, 1))
def kirk(rule_name, intervals, end):
    """Kirk (1970), *Optimal Control Theory*, example 5.1-1: least effort to (x, v) = `end` at 2 s.

    x' = v, v' = -v + u, from rest at 0; cost 1/2 integral of u^2. And the least cost.
    """
    programme = kirk_programme(rule_name, intervals)
    p = StagedParameters(end, shares(KIRK_RULES[rule_name], intervals))
    found = solved(programme, p, jnp.zeros(3 * programme.points), Options())
    return found, programme.values(found.x, p)[0]


def kirk_exactly(end):
    """Least cost and its slope to `end`, by the matrix exponential of states and costates."""
    matrix = np.array([[0, 1, 0, 0], [0, -1, 0, -1], [0, 0, 0, 0], [0, 0, -1, 1]], float)
    flow = scipy.linalg.expm(2.0 * matrix)
    costate = np.linalg.solve(flow[:2, 2:], end)  # at the start
    at_end = flow[2:, 2:] @ costate
    return -0.5 * at_end @ end, -at_end  # quadratic in `end`


@pytest.mark.parametrize("rule, order", [("trapezoidal", 2), ("radau2", 3), ("radau3", 5)])
def test_least_effort_of_kirk_converges_with_the_order_of_the_rule(rule, order):
    end = jnp.array([5.0, 2.0])
    exact, _ = kirk_exactly(np.asarray(end))
    errors = []
    for intervals in (8, 16, 32):
        found, cost = kirk(rule, intervals, end)
        assert found.result == RESULTS.successful and found.iterations <= 2
        errors.append(float(cost) - exact)
    orders = np.log2(np.abs(np.divide(errors[:-1], errors[1:])))
    np.testing.assert_allclose(orders, order, atol=0.4)


@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_the_slope_of_the_minimum_is_its_multiplier(mode):
    end = jnp.array([5.0, 2.0])
    slope = mode(lambda end: kirk("radau3", 8, end)[1])(end)
    np.testing.assert_allclose(slope, kirk("radau3", 8, end)[0].multipliers[-2:], rtol=1e-9)
    np.testing.assert_allclose(slope, kirk_exactly(np.asarray(end))[1], rtol=1e-6)


ACCELERATION = 100.0


def steering(intervals):
    """Linear tangent steering: least time to y = 5, x' = 45, y' = 0 from rest.

    Betts (2010), *Practical Methods for Optimal Control and Estimation Using Nonlinear
    Programming*, 2nd ed., example 4.1. States x, y, x', y'; control the angle of the thrust.
    """
    rule = radau(2)

    def rate(z, w, shared, share):
        thrust = ACCELERATION * jnp.stack([jnp.cos(z[0]), jnp.sin(z[0])])
        return w[0] / intervals * jnp.concatenate([z[3:], thrust])

    programme = StagedProgramme(
        cost=lambda z, w, shared, share: share * w[0] + jnp.where(share > 0, 0.0, 1e-3) * z[0] ** 2,
        path=lambda y, z, w, shared, share: jnp.zeros(()),
        state=lambda z, w, shared, share: z[1:],
        rate=rate,
        boundary=lambda first, last, w, shared: jnp.concatenate(
            [first[1:], last[2:] - jnp.array([5.0, 45.0, 0.0])]
        ),
        rule=rule,
        intervals=intervals,
        size=5,
        common=1,
        rows=0,
        pattern=np.eye(5, dtype=bool),
        basic=(1, 2, 3, 4),
    )
    p = StagedParameters(None, shares(rule, intervals))
    s = jnp.asarray(
        np.concatenate([[0.0], np.add.outer(np.arange(intervals), rule.points).ravel() / intervals])
    )
    z = jnp.stack([1.0 - 2.0 * s, 12.0 * s, 5.0 * s, 45.0 * s, 0.0 * s], axis=1)
    x = jnp.concatenate([z.ravel(), jnp.array([0.6])])
    return solved(programme, p, x, Options(1e-9), duration_at_least=0.1)


def steering_exactly():
    """Duration, by the closed form tan(angle) = tan(first) (1 - 2 t / T) and quadrature."""
    s, weight = np.polynomial.legendre.leggauss(60)
    s, weight = 0.5 * (s + 1.0), 0.5 * weight

    def duration_and_miss(first):
        angle = np.arctan(np.tan(first) * (1.0 - 2.0 * s))
        duration = 45.0 / (ACCELERATION * np.sum(weight * np.cos(angle)))
        height = ACCELERATION * np.sum(weight * (1.0 - s) * np.sin(angle)) * duration**2
        return duration, height - 5.0

    first = scipy.optimize.brentq(lambda angle: duration_and_miss(angle)[1], 0.1, 1.4, xtol=1e-14)
    return duration_and_miss(first)[0]


def test_linear_tangent_steering_in_least_time():
    exact = steering_exactly()
    assert exact == pytest.approx(0.554570879, abs=1e-8)  # as Betts gives it
    errors = []
    for intervals in (10, 20):
        found = steering(intervals)
        assert found.result == RESULTS.successful
        errors.append(float(found.x[-1]) - exact)
    assert abs(errors[1]) < 1e-8
    assert np.log2(errors[0] / errors[1]) > 2.7  # 2 * 2 - 1, and more for a functional such as T
