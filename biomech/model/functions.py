"""Scalar functions of one coordinate, as one batched record.

Every function an OpenSim joint, moving path point, coordinate coupler or ligament uses is a
piecewise polynomial: constants, lines and polynomials have one piece; a `SimmSpline` has one
cubic per interval and a straight line beyond each end. Stored alike, a whole skeleton's
functions evaluate as one array operation.

    f(x) = sum_n coefficient[i, n] (x - origin[i])^n,   i = number of `breaks` at or below x

`SimmSpline` source: the interpolating cubic of Forsythe, Malcolm & Moler (1977), *Computer
Methods for Mathematical Computations*, chapter 4 (end intervals take the third derivative of the
cubic through the four nearest knots), as OpenSim and SIMM use it.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .names import BadInput

MAX_KNOTS = 1000
"""Most knots of a spline."""
_MAX_NUMBERS = 20_000_000  # of a batch, padded to its longest function: 160 MB


class PiecewisePolynomial(eqx.Module):
    """A batch of scalar functions of one scalar argument each.

    **Attributes:**

    - `breaks`: where a function passes from one piece to the next; +inf where unused.
    - `origin`: local zero of each piece, in units of the argument.
    - `coefficients`: of each piece, ascending powers of `x - origin`.
    """

    breaks: Float[Array, "*batch piece_minus_one"]
    origin: Float[Array, "*batch piece"]
    coefficients: Float[Array, "*batch piece power"]

    def __call__(self, x: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """Value of each function at its own argument."""
        local, coefficients = self._piece(x)
        return _horner(coefficients, local)

    def derivative(self) -> "PiecewisePolynomial":
        """The functions' first derivatives. Discontinuous only where the function has a kink."""
        power = np.arange(1, self.coefficients.shape[-1])
        if power.size == 0:
            return PiecewisePolynomial(self.breaks, self.origin, jnp.zeros_like(self.coefficients))
        scale = jnp.asarray(power, self.coefficients.dtype)
        scale = jnp.broadcast_to(scale, self.coefficients[..., 1:].shape)
        return PiecewisePolynomial(self.breaks, self.origin, self.coefficients[..., 1:] * scale)

    def integral(self) -> "PiecewisePolynomial":
        """The functions' integrals, continuous, zero at the origin of their first piece."""
        power = jnp.arange(1, self.coefficients.shape[-1] + 1, dtype=self.coefficients.dtype)
        raised = self.coefficients / jnp.broadcast_to(power, self.coefficients.shape)
        raised = jnp.concatenate([jnp.zeros_like(raised[..., :1]), raised], axis=-1)
        used = jnp.isfinite(self.breaks)
        at = jnp.where(used, self.breaks, 0.0)
        value = lambda piece: _horner(raised[..., piece, :], at - self.origin[..., piece])
        step = value(slice(None, -1)) - value(slice(1, None))
        constant = jnp.cumsum(jnp.where(used, step, 0.0), axis=-1)
        return PiecewisePolynomial(self.breaks, self.origin, raised.at[..., 1:, 0].add(constant))

    def _piece(self, x):
        index = jnp.sum(x[..., None] >= self.breaks, axis=-1)
        one_hot = index[..., None] == jnp.broadcast_to(
            jnp.arange(self.origin.shape[-1]), self.origin.shape
        )
        origin = jnp.sum(jnp.where(one_hot, self.origin, 0.0), axis=-1)
        coefficients = jnp.sum(jnp.where(one_hot[..., None], self.coefficients, 0.0), axis=-2)
        return x - origin, coefficients


def _horner(coefficients, x):
    value = coefficients[..., -1]
    for power in range(coefficients.shape[-1] - 2, -1, -1):
        value = value * x + coefficients[..., power]
    return value


class ScalarFunction:
    """One function while a model is being built, on the host; see `PiecewisePolynomial`."""

    def __init__(self, breaks, origin, coefficients):
        self.breaks = np.asarray(breaks, float)
        self.origin = np.asarray(origin, float)
        self.coefficients = np.atleast_2d(np.asarray(coefficients, float))

    def scaled(self, factor: float) -> "ScalarFunction":
        """`factor` times the function: OpenSim's `MultiplierFunction`."""
        return ScalarFunction(self.breaks, self.origin, factor * self.coefficients)

    def __call__(self, x: float) -> float:
        """Value at `x`, on the host."""
        i = int(np.sum(x >= self.breaks))
        return float(np.polynomial.polynomial.polyval(x - self.origin[i], self.coefficients[i]))

    @property
    def is_constant(self) -> bool:
        """Whether no piece depends on the argument."""
        return not np.any(self.coefficients[:, 1:]) and len(self.origin) == 1


def constant(value: float) -> ScalarFunction:
    """f(x) = value."""
    return ScalarFunction([], [0.0], [[value]])


def linear(slope: float, intercept: float = 0.0) -> ScalarFunction:
    """f(x) = slope x + intercept."""
    return ScalarFunction([], [0.0], [[intercept, slope]])


def polynomial(ascending: Sequence[float]) -> ScalarFunction:
    """f(x) = sum_n ascending[n] x^n. (OpenSim's files list the highest power first.)"""
    return ScalarFunction([], [0.0], [list(ascending)])


def simm_spline(x: Sequence[float], y: Sequence[float]) -> ScalarFunction:
    """The cubic through all knots with OpenSim's end conditions, straight beyond the ends."""
    knots, values = np.asarray(x, float), np.asarray(y, float)
    if knots.size < 2 or knots.shape != values.shape or not np.all(np.diff(knots) > 0.0):
        raise BadInput(
            f"a SimmSpline needs at least 2 knots with increasing x; got {knots.size} x values "
            f"and {values.size} y values."
        )
    if knots.size > MAX_KNOTS:
        raise BadInput(f"a SimmSpline has {knots.size} knots; at most {MAX_KNOTS} are read.")
    h, slope = np.diff(knots), np.diff(values) / np.diff(knots)
    sigma = _spline_curvature_over_six(knots, h, slope)
    first = slope - h * (2.0 * sigma[:-1] + sigma[1:])
    cubic = np.stack([values[:-1], first, 3.0 * sigma[:-1], np.diff(sigma) / h], axis=1)
    end_slope = slope[-1] + h[-1] * (sigma[-2] + 2.0 * sigma[-1])
    before, after = [values[0], first[0], 0.0, 0.0], [values[-1], end_slope, 0.0, 0.0]
    coefficients = np.vstack([before, cubic, after])
    return ScalarFunction(knots, np.concatenate([knots[:1], knots]), coefficients)


def _spline_curvature_over_six(x, h, slope):
    """f''/6 at the knots. End rows: third derivative of the cubic through the 4 nearest knots."""
    n = x.size
    if n == 2:
        return np.zeros(2)
    matrix, right = np.zeros((n, n)), np.zeros(n)
    for i in range(1, n - 1):
        matrix[i, i - 1 : i + 2] = h[i - 1], 2.0 * (h[i - 1] + h[i]), h[i]
        right[i] = slope[i] - slope[i - 1]
    matrix[0, :2], matrix[-1, -2:] = (-h[0], h[0]), (h[-1], -h[-1])
    if n > 3:
        second = (slope[1:] - slope[:-1]) / (x[2:] - x[:-2])
        third = (second[1:] - second[:-1]) / (x[3:] - x[:-3])
        right[0], right[-1] = h[0] ** 2 * third[0], -(h[-1] ** 2) * third[-1]
    return np.linalg.solve(matrix, right)


def stack(functions: Sequence[ScalarFunction], shape: tuple[int, ...]) -> PiecewisePolynomial:
    """One batched record of the given `shape` from functions in row-major order."""
    pieces = max((len(f.origin) for f in functions), default=1)
    powers = max((f.coefficients.shape[1] for f in functions), default=1)
    if len(functions) * pieces * powers > _MAX_NUMBERS:
        raise BadInput(
            f"{len(functions)} functions of up to {pieces} pieces and {powers} powers are too many "
            "to hold together. Give the longest ones fewer knots or powers."
        )
    breaks = np.full((len(functions), pieces - 1), np.inf)
    origin = np.zeros((len(functions), pieces))
    coefficients = np.zeros((len(functions), pieces, powers))
    for i, f in enumerate(functions):
        n, degree = f.coefficients.shape
        breaks[i, : n - 1], origin[i, :n], coefficients[i, :n, :degree] = (
            f.breaks,
            f.origin,
            f.coefficients,
        )
    return PiecewisePolynomial(
        jnp.asarray(breaks.reshape(*shape, pieces - 1)),
        jnp.asarray(origin.reshape(*shape, pieces)),
        jnp.asarray(coefficients.reshape(*shape, pieces, powers)),
    )


def with_function(
    batch: PiecewisePolynomial, index: int, function: ScalarFunction
) -> PiecewisePolynomial:
    """The batch (of one axis) with another function in row `index`; longer rows if need be."""
    new = stack([function], (1,))
    pieces = max(new.origin.shape[-1], batch.origin.shape[-1])
    powers = max(new.coefficients.shape[-1], batch.coefficients.shape[-1])
    old, new = _padded(batch, pieces, powers), _padded(new, pieces, powers)
    return jax.tree.map(lambda all_rows, row: all_rows.at[index].set(row[0]), old, new)


def _padded(batch: PiecewisePolynomial, pieces: int, powers: int) -> PiecewisePolynomial:
    more = pieces - batch.origin.shape[-1]
    after = lambda n: [(0, 0)] * (batch.origin.ndim - 1) + [(0, n)]
    return PiecewisePolynomial(
        jnp.pad(batch.breaks, after(more), constant_values=jnp.inf),
        jnp.pad(batch.origin, after(more)),
        jnp.pad(batch.coefficients, [*after(more), (0, powers - batch.coefficients.shape[-1])]),
    )
