"""The factor written out is the library's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.solvers.small_cholesky import LARGEST, cholesky, solve_factored


def positive_definite(n, count=50):
    root = np.random.default_rng(n).normal(size=(count, n, n + 2))
    return root @ np.swapaxes(root, 1, 2)


@pytest.mark.parametrize("n", [1, 2, 5, LARGEST, LARGEST + 1])
def test_it_is_the_library_s_factor_and_answer(n):
    matrices = positive_definite(n)
    right = np.random.default_rng(0).normal(size=(len(matrices), n))
    factors = jax.vmap(cholesky)(jnp.asarray(matrices))
    np.testing.assert_allclose(factors, np.linalg.cholesky(matrices), rtol=1e-10, atol=1e-12)
    x = jax.vmap(solve_factored)(factors, jnp.asarray(right))
    back = np.einsum("kij,kj->ki", matrices, x)
    np.testing.assert_allclose(back, right, atol=1e-8)  # conditions up to some 1e5


def test_only_the_lower_triangle_is_read():
    matrix = positive_definite(4, 1)[0]
    lower = np.tril(matrix) + np.triu(np.full((4, 4), np.nan), 1)
    np.testing.assert_array_equal(cholesky(jnp.asarray(lower)), cholesky(jnp.asarray(matrix)))


def test_what_is_not_positive_definite_is_nan():
    assert np.isnan(cholesky(jnp.asarray([[1.0, 2.0], [2.0, 1.0]]))[1, 1])


def test_gradients():
    from jax.test_util import check_grads

    matrix, right = positive_definite(3, 1)[0], np.array([1.0, -2.0, 0.5])
    solve = lambda a, b: solve_factored(cholesky(jnp.asarray(a)), jnp.asarray(b))
    check_grads(solve, (jnp.asarray(matrix), jnp.asarray(right)), order=2, modes=["fwd", "rev"])
