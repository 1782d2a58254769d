"""A small, dense nonlinear programme.

The first `curved` entries of x may enter f and c in any smooth way. The others enter apart from
each other: f and c are sums of functions of the curved entries and one other entry each. So second
derivatives are taken along the curved entries and once along all others together: in a body's
equilibrium, along the coordinates and not along a hundred activations.

The Newton system is solved in variables scaled by 1 / sqrt(max(1, |W_ii|)). The null space of J (by
QR) splits the step: its part along the rows of J meets c, the rest solves the reduced system. The
point is a minimum along the constraints if that is positive definite.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .inertia import least_shift
from .signed_factor import PositiveFactor, SignedFactor, positive_factor, signed_factor

Objective = Callable[[Array, Any], Array]
Constraints = Callable[[Array, Any], Array]


class DenseProgramme(eqx.Module):
    """Minimise objective(x, p) with constraints(x, p) = 0; `curved` as above."""

    objective: Objective = eqx.field(static=True)
    constraints: Constraints = eqx.field(static=True)
    curved: int = eqx.field(static=True)

    def values(self, x, p):
        """f and c."""
        return self.objective(x, p), self.constraints(x, p)

    def slopes(self, x, y, p):
        """Gradient of f - y' c to x, and c."""
        value = lambda x, y: self.objective(x, p) - jnp.dot(y, self.constraints(x, p))
        along_x, along_y = jax.grad(value, (0, 1))(x, y)
        return along_x, -along_y

    def local(self, x, y, p) -> "DenseLocal":
        """Everything a step needs. The constraints appear once: they are long to compile."""
        k = self.curved
        other = x[k:]
        along = lambda d: jax.jvp(lambda x: self.slopes(x, y, p), (x,), (d,))
        others = jnp.concatenate([jnp.zeros(k, x.dtype), jnp.ones_like(other)])
        directions = jnp.concatenate([jnp.eye(k, x.size, dtype=x.dtype), others[None]])
        (gradient, residual), (bend, rate) = jax.vmap(along, out_axes=(None, 0))(directions)
        at = lambda other: jnp.concatenate([x[:k], other])
        other_rate = jax.jacrev(lambda other: self.constraints(at(other), p))(other)
        jacobian = jnp.concatenate([rate[:k].T, other_rate], axis=1)

        hessian = jnp.diag(others * bend[k])
        hessian = hessian.at[:k].set(bend[:k]).at[k:, :k].set(bend[:k, k:].T)
        return DenseLocal(
            self.objective(x, p), gradient + y @ jacobian, residual, jacobian, hessian
        )


class DenseLocal(eqx.Module):
    """The programme to second order at a point; `hessian` is that of f - y' c."""

    objective: Float[Array, ""]
    gradient: Float[Array, " variable"]
    residual: Float[Array, " row"]
    jacobian: Float[Array, "row variable"]
    hessian: Float[Array, "variable variable"]

    def rows_transposed(self, y):
        """J' y."""
        return y @ self.jacobian

    def own_curvature(self):
        """Diagonal of the hessian."""
        return jnp.diag(self.hessian)

    def factorise(self, diagonal, last_shift) -> "DenseFactors":
        """With `diagonal` added to the hessian, and a delta if it needs one."""
        return _factorise(self.hessian + jnp.diag(diagonal), self.jacobian, last_shift)

    def newton(self, diagonal, pull, residual):
        """As `factorise(diagonal).solve`, but by the whole matrix and with no delta."""
        weight = self.hessian + jnp.diag(diagonal)
        m, n = self.jacobian.shape
        scale = 1.0 / jnp.sqrt(jnp.maximum(1.0, jnp.abs(jnp.diag(weight))))
        rows = self.jacobian * scale[None]
        matrix = jnp.block(
            [
                [scale[:, None] * weight * scale[None], -rows.T],
                [rows, jnp.zeros((m, m), weight.dtype)],
            ]
        )
        found = jnp.linalg.solve(matrix, -jnp.concatenate([scale * pull, residual]))
        return scale * found[:n], found[n:]


class DenseFactors(eqx.Module):
    """The Newton system split along and across the rows, in scaled variables.

    `weight` includes the shift that made its reduced part positive definite.
    """

    jacobian: Float[Array, "row variable"]
    scale: Float[Array, " variable"]
    weight: Float[Array, "variable variable"]
    rows: Float[Array, "variable row"]
    triangle: Float[Array, "row row"]
    null: Float[Array, "variable null"]
    reduced: PositiveFactor | SignedFactor
    shift: Float[Array, ""]

    def solve(self, pull, residual):
        """Step dx and new multipliers y of W dx - J' y = -pull, J dx = -residual, refined once.

        Beside a bound W is large, and what is lost there would be the dual residual of the answer.
        """
        dx, y = self._unrefined(pull, residual)
        rest_pull = self.weight @ dx - y @ self.jacobian + pull
        more, more_y = self._unrefined(rest_pull, self.jacobian @ dx + residual)
        return dx + more, y + more_y

    def _unrefined(self, pull, residual):
        scaled = self.scale[:, None] * self.weight * self.scale[None]
        right = self.scale * pull
        along = self.rows @ jax.scipy.linalg.solve_triangular(
            self.triangle.T, -residual, lower=True
        )
        rest = self.null.T @ (right + scaled @ along)
        across = -self.reduced.solve(rest)
        step = along + self.null @ across
        y = jax.scipy.linalg.solve_triangular(
            self.triangle, self.rows.T @ (right + scaled @ step), lower=False
        )
        return self.scale * step, y

    def curvature(self, dx):
        """dx' W dx."""
        return jnp.dot(dx, self.weight @ dx)


def unshifted(weight: Array, jacobian: Array) -> tuple[DenseFactors, SignedFactor]:
    """With no delta, whether or not the point is a minimum along the rows; and the factor of what
    is left across them."""
    split = _split(weight, jacobian)
    reduced = signed_factor(split.reduced)
    return _factors(weight, jacobian, split, reduced, jnp.zeros((), weight.dtype)), reduced


def _factorise(weight, jacobian, last_shift) -> DenseFactors:
    split = _split(weight, jacobian)
    eye = jnp.eye(split.reduced.shape[0], dtype=weight.dtype)
    factor = lambda shift: positive_factor(split.reduced + shift * eye)
    positive = lambda factor: jnp.all(jnp.isfinite(factor.lower))
    shift, reduced = least_shift(factor, positive, last_shift)
    shifted = weight + shift * jnp.diag(1.0 / split.scale**2)
    return _factors(shifted, jacobian, split, reduced, shift)


class _Split(NamedTuple):
    """Along and across the rows, in scaled variables; `reduced` is not factored yet."""

    scale: Array
    rows: Array
    triangle: Array
    null: Array
    reduced: Array


def _split(weight, jacobian) -> _Split:
    m = jacobian.shape[0]
    scale = 1.0 / jnp.sqrt(jnp.maximum(1.0, jnp.abs(jnp.diag(weight))))
    q, r = jnp.linalg.qr(scale[:, None] * jacobian.T, mode="complete")
    rows, null, triangle = q[:, :m], q[:, m:], r[:m]
    reduced = null.T @ (scale[:, None] * weight * scale[None]) @ null
    # Rows that depend on others get a tiny diagonal instead of a division by nothing.
    floor = 1e-14 * jnp.max(jnp.abs(jnp.diag(triangle)), initial=1e-300)
    diagonal = jnp.diag(triangle)
    triangle = triangle + jnp.diag(jnp.where(jnp.abs(diagonal) < floor, floor, 0.0))
    return _Split(scale, rows, triangle, null, reduced)


def _factors(weight, jacobian, split, reduced, shift):
    along = split.scale, weight, split.rows, split.triangle, split.null
    return DenseFactors(jacobian, *along, reduced, shift)
