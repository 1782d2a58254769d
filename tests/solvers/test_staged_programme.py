"""Programmes along stages against dense algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.solvers.collocation import radau, trapezoidal
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
