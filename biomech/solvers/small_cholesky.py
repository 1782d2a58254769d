"""Cholesky factor of a small symmetric positive definite matrix, written out entry by entry.

A batch of small matrices then is a few operations on long vectors, where a library is called once
for each matrix: half the time for 5 x 5, and no other numbers on a machine with another library.
Beyond `LARGEST` rows the library is called.

Only the lower triangle is read. A matrix that is not positive definite gives NaN, as in the
library.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

LARGEST = 8
"""More rows would make a programme too long to compile."""


def cholesky(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Lower-triangular L with L L^T = `matrix`."""
    n = matrix.shape[0]
    if n > LARGEST:
        return jnp.linalg.cholesky(matrix, symmetrize_input=False)
    factor = [[jnp.zeros((), matrix.dtype)] * n for _ in range(n)]
    for j in range(n):
        known = lambda i, j=j: sum(factor[i][k] * factor[j][k] for k in range(j))
        factor[j][j] = jnp.sqrt(matrix[j, j] - known(j))
        for i in range(j + 1, n):
            factor[i][j] = (matrix[i, j] - known(i)) / factor[j][j]
    return jnp.stack([jnp.stack(row) for row in factor])


def solve_factored(
    factor: Float[Array, "n n"], right_hand_side: Float[Array, " n"]
) -> Float[Array, " n"]:
    """x with L L^T x = `right_hand_side`."""
    n = factor.shape[0]
    if n > LARGEST:
        return jax.scipy.linalg.cho_solve((factor, True), right_hand_side)
    half: list[Array] = []
    for i in range(n):
        rest = right_hand_side[i] - sum(factor[i, k] * half[k] for k in range(i))
        half.append(rest / factor[i, i])
    x = [half[-1]] * n
    for i in reversed(range(n)):
        rest = half[i] - sum(factor[k, i] * x[k] for k in range(i + 1, n))
        x[i] = rest / factor[i, i]
    return jnp.stack(x)
