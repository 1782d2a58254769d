"""A factor of a symmetric matrix that need not be positive definite, and its inertia.

    G F G' = diag(sign)

Cholesky's where F is positive definite; otherwise by eigenvalues, of F scaled to a diagonal of 1,
since they are exact only beside the largest. To multiply by G is quick in the middle of larger
systems, which are refined in the end; where none is, `positive_factor` loses fewer digits.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_SINGULAR = 1e-13  # eigenvalues of the scaled matrix below this count as 0


class SignedFactor(NamedTuple):
    """G and the signs; signs are NaN where the matrix is singular to rounding."""

    whitening: Float[Array, "n n"]
    sign: Float[Array, " n"]

    def whitened(self, right: Array) -> Array:
        """G `right`."""
        return self.whitening @ right

    def unwhitened(self, white: Array) -> Array:
        """G' diag(sign) `white`; of G b it is the solution of F x = b."""
        return self.whitening.T @ (self.sign * white)

    def solve(self, right: Array) -> Array:
        """x of F x = `right`."""
        return self.unwhitened(self.whitened(right))


class PositiveFactor(NamedTuple):
    """Cholesky's L; not finite where the matrix is not positive definite."""

    lower: Float[Array, "n n"]

    def solve(self, right: Array) -> Array:
        """x of F x = `right`."""
        return jax.scipy.linalg.cho_solve((self.lower, True), right)


def positive_factor(matrix: Float[Array, "n n"]) -> PositiveFactor:
    """Factor of a symmetric positive definite `matrix`."""
    return PositiveFactor(jnp.linalg.cholesky(matrix, symmetrize_input=True))


def signed_factor(matrix: Float[Array, "n n"]) -> SignedFactor:
    """Factor of a symmetric `matrix`."""
    n = matrix.shape[0]
    if not n:
        return SignedFactor(matrix, jnp.zeros(0, matrix.dtype))
    eye = jnp.eye(n, dtype=matrix.dtype)
    lower = jnp.linalg.cholesky(matrix, symmetrize_input=True)

    def positive():
        return SignedFactor(
            jax.scipy.linalg.solve_triangular(lower, eye, lower=True), jnp.ones(n, matrix.dtype)
        )

    def indefinite():
        scale = 1.0 / jnp.sqrt(jnp.maximum(jnp.abs(jnp.diag(matrix)), 1e-300))
        values, vectors = jnp.linalg.eigh(scale[:, None] * matrix * scale[None])
        size = jnp.abs(values)
        whitening = (vectors / jnp.sqrt(size)[None]).T * scale[None]
        return SignedFactor(whitening, jnp.where(size > _SINGULAR, jnp.sign(values), jnp.nan))

    return jax.lax.cond(jnp.all(jnp.isfinite(lower)), positive, indefinite)
