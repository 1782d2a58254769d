"""Programmes along stages: against dense algebra, and optimal control problems in closed form."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.optimize

from biomech.solvers.collocation import radau
from biomech.solvers.interior_point import RESULTS, Options, WarmStart, minimise
from biomech.solvers.staged_programme import StagedParameters, StagedProgramme

STAGES, CURVED, LANES = 4, 2, (2, 2)
SIZE, COMMON = CURVED + 2 * 2 + 2, 2  # two curved entries, two lanes of two, two alone


def wavy(seed):
    """A programme in which all that may meet does; two rows of path, two between, three at ends."""
    rng = np.random.default_rng(seed)
    a, b, g, c, first, last = (
        jnp.asarray(rng.normal(size=(rows, SIZE))) for rows in (2, 2, 2, 2, 3, 3)
    )

    def meets(z, w):
        lane, other = z[2:4] * jnp.sin(z[4:6]), z[6:] ** 3
        return jnp.sum(lane) * z[0] + jnp.sum(other * z[1]) + w[0] * z[0] * z[6] + w[1] ** 2 * z[1]

    def cost(z, w, shared, here):
        return 0.5 * jnp.sum(shared * (z - here) ** 2) + 0.1 * meets(z, w)

    path = lambda z, w, shared, here: g @ z + meets(z, w) + w
    left = lambda z, w, shared, here: a @ z + jnp.sin(z[0]) * here[:2] + w[0]
    right = lambda z, w, shared, here: b @ z + c @ z**2 * z[1] * w[1]
    boundary = lambda z, end, w, shared: first @ z + last @ end + w[0] - 1.0
    programme = StagedProgramme(
        *(cost, path, left, right, boundary, STAGES, SIZE, COMMON, CURVED, (0, 1, 4, 7), LANES)
    )
    here = jnp.asarray(rng.normal(size=(STAGES, SIZE)))
    p = StagedParameters(jnp.linspace(1.0, 2.0, SIZE), here)
    x = jnp.asarray(rng.normal(size=STAGES * SIZE + COMMON))
    y = jnp.asarray(rng.normal(size=2 * STAGES + 2 * (STAGES - 1) + 3))
    return programme, p, x, y


@pytest.fixture(scope="module")
def blocks():
    """Blocks of `wavy(0)`, and its whole jacobian and hessian."""
    programme, p, x, y = wavy(0)
    rows = lambda x: programme.values(x, p)[1]
    lagrangian = lambda x: programme.values(x, p)[0] - y @ rows(x)
    return programme.local(x, y, p), jax.jacobian(rows)(x), jax.hessian(lagrangian)(x)


def test_blocks_are_the_derivatives_of_the_whole(blocks):
    programme, p, x, y = wavy(0)
    local, jacobian, hessian = blocks
    cost, rows = programme.values(x, p)
    np.testing.assert_allclose(local.objective, cost, rtol=1e-12)
    np.testing.assert_allclose(local.residual, rows, atol=1e-12)
    gradient = jax.grad(lambda x: programme.values(x, p)[0])(x)
    np.testing.assert_allclose(local.gradient, gradient, atol=1e-12)
    slope, same = programme.slopes(x, y, p)
    np.testing.assert_allclose(slope, gradient - y @ jacobian, atol=1e-12)
    np.testing.assert_allclose(same, rows, atol=1e-12)
    none = jnp.zeros_like(x)
    for column, direction in enumerate(jnp.eye(x.size)):
        np.testing.assert_allclose(local.rows_along(direction), jacobian[:, column], atol=1e-12)
        np.testing.assert_allclose(local.weighed(none, direction), hessian[column], atol=1e-12)
    np.testing.assert_allclose(local.rows_transposed(y), y @ jacobian, atol=1e-12)


def test_a_newton_step_is_that_of_the_dense_system(blocks):
    local, jacobian, hessian = blocks
    m, n = jacobian.shape
    rng = np.random.default_rng(1)
    diagonal = jnp.asarray(rng.uniform(20.0, 30.0, n))
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
    local, jacobian, hessian = blocks
    m, n = jacobian.shape
    null = np.linalg.qr(np.asarray(jacobian).T, mode="complete")[0][:, m:]
    factorise = jax.jit(lambda diagonal: local.factorise(diagonal, jnp.zeros(())))
    seen = []
    for seed in range(40):
        spread = np.random.default_rng(seed).normal(size=n)
        diagonal = jnp.asarray(10.0 * spread + 1.5 * seed)
        reduced = null.T @ np.asarray(hessian + jnp.diag(diagonal)) @ null
        minimum = np.linalg.eigvalsh(reduced)[0] > 0.0
        factors = factorise(diagonal)
        assert (factors.shift == 0.0) == minimum
        shifted = null.T @ np.asarray(hessian + jnp.diag(factors.diagonal)) @ null
        assert np.linalg.eigvalsh(shifted)[0] > 0.0
        seen.append(minimum)
    assert 0 < sum(seen) < len(seen)


# ------------------------------------------------------------------------ optimal control


def free(programme):
    n = programme.stages * programme.size + programme.common
    return -jnp.full(n, jnp.inf), jnp.full(n, jnp.inf)


def start(programme, p, x, barrier=1e-2):
    stages = programme.stages
    path, interval, ends = programme.rows(p)
    rows = stages * path + (stages - 1) * interval + ends
    return WarmStart(jnp.asarray(x), jnp.zeros(rows), jnp.asarray(barrier))


def by_radau(rate, running, ends, *, states, controls, points, intervals, scale):
    """A programme for x' = rate(x, u): a stage is an interval, the first stage a start alone.

    z = controls at every point, then states at every point; w = (duration,), by which `rate` and
    `running`, the cost per time, are multiplied where `scale(w)` says so. `ends(first, last, w)`
    are rows of the states at both ends.
    """
    rule = radau(points)
    weights = jnp.asarray(rule.weights)
    share = 1.0 / intervals

    def parts(z):
        return z[: points * controls].reshape(points, -1), z[points * controls :].reshape(
            points, -1
        )

    def cost(z, w, shared, counts):
        u, x = parts(z)
        return counts * share * scale(w) * jnp.dot(weights[-1], jax.vmap(running)(x, u))

    def left(z, w, shared, counts):
        return jnp.tile(parts(z)[1][-1], points)

    def right(z, w, shared, counts):
        u, x = parts(z)
        return (share * scale(w) * weights @ jax.vmap(rate)(x, u) - x).ravel()

    def boundary(first, last, w, shared):
        (u, x), (_, y) = parts(first), parts(last)
        return jnp.concatenate([u.ravel(), (x[:-1] - x[-1:]).ravel(), ends(x[-1], y[-1], shared)])

    size = points * (states + controls)
    return StagedProgramme(
        *(cost, lambda *_: jnp.zeros(0), left, right, boundary, intervals + 1, size),
        common=1,
        curved=size,
        basic=tuple(range(points * controls, size)),
    )


def counted(intervals):
    """Which stages are intervals: all but the first."""
    return jnp.ones(intervals + 1).at[0].set(0.0)


@functools.partial(jax.jit, static_argnums=0)
def kirk(intervals, end):
    """Kirk (1970), *Optimal Control Theory*, example 5.1-1: least effort to (x, v) = `end` at 2 s.

    x' = v, v' = -v + u, from rest at 0; cost 1/2 integral of u^2. And the least cost.
    """
    programme = by_radau(
        lambda x, u: jnp.stack([x[1], u[0] - x[1]]),
        lambda x, u: 0.5 * u[0] ** 2,
        lambda first, last, end: jnp.concatenate([first, last - end]),
        **{"states": 2, "controls": 1, "points": 3, "intervals": intervals, "scale": lambda w: 2.0},
    )
    p = StagedParameters(end, counted(intervals))
    low, high = free(programme)
    # The duration is given: w stays between bounds and has no say.
    low, high = low.at[-1].set(-1.0), high.at[-1].set(1.0)
    x = jnp.zeros(programme.stages * programme.size + 1)
    found = minimise(programme, p, start(programme, p, x), low, high, Options())
    return found, programme.values(found.x, p)[0]


def kirk_exactly(end):
    """Least cost and its slope to `end`, by the matrix exponential of states and costates."""
    matrix = np.array([[0, 1, 0, 0], [0, -1, 0, -1], [0, 0, 0, 0], [0, 0, -1, 1]], float)
    flow = scipy.linalg.expm(2.0 * matrix)
    costate = np.linalg.solve(flow[:2, 2:], end)  # at the start
    at_end = flow[2:, 2:] @ costate
    return -0.5 * at_end @ end, -at_end  # quadratic in `end`


def test_least_effort_of_kirk_converges_with_the_order_of_the_rule():
    end = jnp.array([5.0, 2.0])
    exact, slope = kirk_exactly(np.asarray(end))
    errors = []
    for intervals in (4, 8, 16):
        found, cost = kirk(intervals, end)
        assert found.result == RESULTS.successful
        errors.append(float(cost) - exact)
    assert np.all(np.log2(np.abs(np.divide(errors[:-1], errors[1:]))) > 4.5)  # order 2 * 3 - 1
    np.testing.assert_allclose(found.multipliers[-2:], slope, rtol=1e-6)


@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_the_slope_of_the_minimum_is_its_multiplier(mode):
    end = jnp.array([5.0, 2.0])
    slope = mode(lambda end: kirk(8, end)[1])(end)
    np.testing.assert_allclose(slope, kirk(8, end)[0].multipliers[-2:], rtol=1e-9)
    np.testing.assert_allclose(slope, kirk_exactly(np.asarray(end))[1], rtol=1e-6)


ACCELERATION = 100.0


def steering(intervals):
    """Linear tangent steering: least time to y = 5, x' = 45, y' = 0 from rest.

    Betts (2010), *Practical Methods for Optimal Control and Estimation Using Nonlinear
    Programming*, 2nd ed., example 4.1. States x, y, x', y'; control the angle of the thrust.
    """

    def rate(x, u):
        return jnp.stack([x[2], x[3], ACCELERATION * jnp.cos(u[0]), ACCELERATION * jnp.sin(u[0])])

    programme = by_radau(
        rate,
        lambda x, u: jnp.ones_like(u[0]),
        lambda first, last, _: jnp.concatenate([first, last[1:] - jnp.array([5.0, 45.0, 0.0])]),
        **{"states": 4, "controls": 1, "points": 2, "intervals": intervals},
        scale=lambda w: w[0],
    )
    p = StagedParameters(None, counted(intervals))
    share = jnp.linspace(0.0, 1.0, intervals + 1)
    states = jnp.stack([12.0 * share, 5.0 * share, 45.0 * share, 0.0 * share], axis=1)
    angle = (1.0 - 2.0 * share)[:, None]
    z = jnp.concatenate([angle, angle, states, states], axis=1)
    x = jnp.concatenate([z.ravel(), jnp.array([0.6])])
    low, high = free(programme)
    found = minimise(
        *(programme, p, start(programme, p, x), low.at[-1].set(0.1), high), Options(1e-9)
    )
    return found


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
    for intervals in (10, 20, 40):
        found = steering(intervals)
        assert found.result == RESULTS.successful
        errors.append(float(found.x[-1]) - exact)
    orders = np.log2(np.abs(np.divide(errors[:-1], errors[1:])))
    assert np.all(orders > 2.7)  # 2 * 2 - 1, and more for a functional such as T
