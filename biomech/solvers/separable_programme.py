"""Separable convex programme with few linear equalities and bounds, solved in its dual.

    minimise_x  f(x) = sum_j w_j |x_j|^p    subject to   A x = b,   l <= x <= u

with p >= 2, every w_j > 0 (a zero weight leaves no unique answer: `not_finite`), A of shape [m, n]
with m << n, and bounds that may be infinite. p = 2 is a quadratic programme, solved exactly.

Dual: for given multipliers v of A x = b the minimum over x splits by column,

    x_j(v) = clip(g_j(y_j), l_j, u_j),   y = A^T v,   g_j(y) = sign(y) (|y| / (p w_j))^(1/(p-1))

and the dual function is concave and once differentiable, with gradient r(v) = b - A x(v).

Method: semismooth Newton on r(v) = 0 (Qi & Sun 1993, doi:10.1007/BF01581275), regularised and
globalised by a line search. With D = dx/dy on the free columns (0 at a bound), a step solves

    (A D A^T + mu S^2) d = r,   S^2 = diag(A D_0 A^T),   mu = 1e-6 |r| (relative to its terms)

by Cholesky after symmetric scaling to a unit diagonal; D_0 counts every column as free at |x| = 1.
The slope d^T r(v + t d) falls with t since the dual is concave, so a safeguarded secant finds where
it vanishes; a slope costs n operations. The pair x + D A^T d, v + d is tried too, and the solver
stops when it meets the optimality conditions: for p > 2, g is not Lipschitz at 0, and x(v) would
carry the rounding of v. (There, too, a step whose y changes sign is repeated with D = x / y, the
chord to 0, because the tangent overshoots.) A further Newton step on the final free set is one
iterative refinement of the linear solve. The first step from v = 0 is the minimum-norm
answer without bounds.

Infeasible: b^T v > sum_j max(y_j l_j, y_j u_j) proves that no x within the bounds gives b (Farkas).
Should the steps end without it, it is tried with the part of v that no unbounded column sees.
The same steps then minimise f(x) + |S^-1 (A x - b)|^2 / (2 eps), eps the root of the machine's:
the least violating x in rows scaled to what their columns can do; `residual` says what is missing.

Derivatives, forward and reverse and of any order, of x and v with respect to A, b, w, l, u:
implicit at the solution, never through the iterations. The free set F is kept, the other columns
follow their bound, and

    dx_F = D (A^T dv + dA^T v) + (dx/dw) dw,     A dx = db - dA x

They hold under strict complementarity (`weakly_active` names the columns where it fails; what is
returned there is one side) and where the free columns span the rows, which one unbounded column per
row ensures. For p > 2 a free column at x_j = 0 responds without limit; D is capped at
1e8 / (p (p-1) w_j). The infeasible answer is differentiated with S held fixed.

Range: rows may differ in unit and columns in size by 1e6 and more. Of random problems whose b lies
exactly on the border of what the bounds allow, no column unbounded, fewer than 1 in 100 (p = 2) or
5 in 100 (p > 2) stop at `maximum_iterations`, with a relative residual near 1e-9. For p > 2 a
column whose y is 0 to rounding is known to that rounding under the root (1e-5 to 1e-3 at p = 4.5),
and the dual is stiff where unbounded columns must carry |x| in the thousands: scale such columns.

A cost of rank k beside the separable one, w |x|^2 + |V^T x|^2 / 2 with p = 2, is this programme
with k more rows V^T x - z = 0 and k more unbounded columns z of weight 1/2. Rows that share no
column (two legs) are cheaper as two programmes: see `independent_blocks`.
"""

import functools
import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from ..model.names import BadInput
from .small_cholesky import LARGEST, cholesky, solve_factored

MAX_STEPS = 60
"""Newton steps by default."""
_REGULARISATION = 1e-6  # mu when the residual is as large as the target [-]
_CURVATURE_FLOOR = 1e-8  # smallest |x|^(p-2) that the Hessian is given [-]
_FARKAS_REACH = 1e6  # an unbounded column stands for this many times the largest |x| in sight [-]
_SLOPE_TOLERANCE = 0.3  # the line search stops at this fraction of the first slope [-]
_LINE_SEARCH_STEPS = 12
_LATE_MARGIN = 1e-3  # a late proof must exceed this share of its terms: no border case [-]


class RESULTS(eqx.Enumeration):
    successful = ""
    infeasible = (
        "No x within the bounds satisfies A x = b; x is the least violating one. See which row has "
        "the largest `residual`, then widen the bounds of the columns that act on it or give that "
        "row an unbounded column."
    )
    maximum_iterations = (
        "The solver stopped at `max_steps` before reaching `tolerance`. See `residual`; raise "
        "`max_steps`, or scale columns and weights so that no |x| is far above 1."
    )
    not_finite = (
        "The matrix, target, weights or bounds hold NaN, the matrix, target or weights infinity, "
        "or a weight is not positive. Find the first of them that is so; weights must be above 0."
    )


class SeparableProgrammeSolution(eqx.Module):
    """Answer of `solve`; units are those of the caller.

    **Attributes:**

    - `x`: minimiser; NaN if the input is not finite.
    - `multipliers`: v of A x = b, the derivative of the minimum with respect to b.
    - `residual`: b - A x.
    - `iterations`: Newton steps taken, counted anew once the programme is proved infeasible late.
    - `weakly_active`: columns at a bound whose bound multiplier is zero too (both to 1000 times the
      tolerance): derivatives are one-sided.
    - `result`: member of `RESULTS`; nothing is raised.
    """

    x: Float[Array, " column"]
    multipliers: Float[Array, " row"]
    residual: Float[Array, " row"]
    iterations: Int[Array, ""]
    weakly_active: Bool[Array, " column"]
    result: RESULTS


def solve(
    matrix: Float[Array, "row column"],
    target: Float[Array, " row"],
    *,
    weights: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    exponent: float = 2.0,
    tolerance: float | None = None,
    max_steps: int = MAX_STEPS,
    warm_start: Float[Array, " row"] | None = None,
) -> SeparableProgrammeSolution:
    """Minimise sum(weights |x|^exponent) subject to matrix x = target and lower <= x <= upper.

    One problem; `vmap` it over frames and cases. Weights and bounds: a scalar or one per column.

    **Arguments:**

    - `exponent`: p >= 2, a plain number: another value compiles another solver.
    - `tolerance`: on |A x - b|, relative to |b| + |A| |x| row by row (rows a thousand times smaller
      than the largest count as that), and likewise on stationarity. Default 1e-11 in double and
      3e-5 in single precision.
    - `max_steps`: Newton steps at most; then `maximum_iterations`.
    - `warm_start`: multipliers of a neighbouring problem; zeros, the default, are a cold start. No
      derivative flows through it.
    """
    if not exponent >= 2.0:
        raise BadInput(f"`exponent` is {exponent}; the programme needs a value of 2 or more.")
    rows, columns = matrix.shape
    per_column = lambda value: jnp.broadcast_to(jnp.asarray(value, matrix.dtype), (columns,))
    programme = _Programme(
        matrix, target, per_column(weights), per_column(lower), per_column(upper)
    )
    if tolerance is None:
        tolerance = default_tolerance(matrix.dtype)
    start = jnp.zeros((rows,), matrix.dtype) if warm_start is None else warm_start
    return _solve(programme, start, float(exponent), float(tolerance), int(max_steps))


def default_tolerance(dtype) -> float:
    """Relative tolerance that the precision allows [-]."""
    return 1e-11 if dtype == jnp.float64 else 3e-5


class _Programme(NamedTuple):
    matrix: Float[Array, "row column"]
    target: Float[Array, " row"]
    weights: Float[Array, " column"]
    lower: Float[Array, " column"]
    upper: Float[Array, " column"]


# The separable cost: its inverse gradient, its gradient and its inverse curvature.


def _minimiser(y, weights, exponent):
    """x that minimises w |x|^p - y x, without bounds."""
    if exponent == 2.0:
        return y / (2.0 * weights)
    magnitude = jnp.abs(y) / (exponent * weights)
    root = jnp.sqrt(magnitude) if exponent == 3.0 else magnitude ** (1.0 / (exponent - 1.0))
    return jnp.sign(y) * root


def _slope(x, weights, exponent):
    """d(w |x|^p)/dx."""
    if exponent == 2.0:
        return 2.0 * weights * x
    return exponent * weights * jnp.sign(x) * jnp.abs(x) ** (exponent - 1.0)


def _compliance(x, weights, exponent):
    """dx/dy = 1 / (d2(w |x|^p)/dx2), capped near x = 0 (gradient there: 0)."""
    stiffness = exponent * (exponent - 1.0) * weights
    if exponent == 2.0:
        return 1.0 / stiffness
    smallest = _CURVATURE_FLOOR ** (1.0 / (exponent - 2.0))
    return 1.0 / (stiffness * jnp.maximum(jnp.abs(x), smallest) ** (exponent - 2.0))


def _clipped_minimiser(programme, y, exponent):
    """x that minimises w |x|^p - y x within the bounds."""
    x = _minimiser(y, programme.weights, exponent)
    return jnp.clip(x, programme.lower, programme.upper)


def _primal(programme, multipliers, exponent):
    """x(v)."""
    return _clipped_minimiser(programme, multipliers @ programme.matrix, exponent)


def _is_free(programme, x):
    return (x > programme.lower) & (x < programme.upper)


def _weighted_gram(matrix, weight):
    """A diag(w) A^T; of few rows row by row, which for a batch is quicker than small products."""
    if matrix.shape[0] > LARGEST:
        return (matrix * weight[None]) @ matrix.T
    return jnp.stack([matrix @ (weight * row) for row in matrix])


def _gram(programme, compliance, regularisation):
    """A D A^T, and what to add to its diagonal so that Cholesky stands rounding."""
    matrix = programme.matrix
    gram = _weighted_gram(matrix, compliance)
    rounding = 4.0 * matrix.shape[0] * jnp.finfo(matrix.dtype).eps
    return gram, regularisation + rounding * jnp.diagonal(gram)


def _factor(gram, added):
    """Cholesky factor of gram + diag(added), scaled to a unit diagonal, and that scale."""
    diagonal = jnp.diagonal(gram) + added
    scale = jnp.where(diagonal > 0.0, 1.0 / jnp.sqrt(jnp.where(diagonal > 0.0, diagonal, 1.0)), 1.0)
    scaled = (
        scale[:, None] * (gram + jnp.diag(jnp.where(diagonal > 0.0, added, 1.0))) * scale[None, :]
    )
    return cholesky(scaled), scale


def _apply_inverse(factor, right_hand_side):
    lower_triangle, scale = factor
    return scale * solve_factored(lower_triangle, scale * right_hand_side)


class _Scales(NamedTuple):
    """What a problem is measured by."""

    all_free: Float[Array, " column"]  # D_0: dx/dy of every column at |x| = 1
    row: Float[Array, " row"]  # S^2 = diag(A D_0 A^T); 1 for an empty row
    softness: float  # eps of the least violating answer [-]
    tolerance: float


class _State(NamedTuple):
    multipliers: Float[Array, " row"]
    x: Float[Array, " column"]
    softness: Float[Array, ""]  # 0, or eps once the programme is proved infeasible
    steps: Int[Array, ""]
    converged: Bool[Array, ""]


def _measure(programme, exponent, tolerance):
    all_free = 1.0 / (exponent * (exponent - 1.0) * programme.weights)
    row = programme.matrix**2 @ all_free
    softness = math.sqrt(jnp.finfo(row.dtype).eps)
    return _Scales(all_free, jnp.where(row > 0.0, row, 1.0), softness, tolerance)


def _residual(programme, scales, softness, x, multipliers):
    """Gradient of the dual, b - A x - eps S^2 v, and the size of its terms.

    Row by row, never far below the largest.
    """
    matrix, target = programme.matrix, programme.target
    soft = softness * scales.row
    size = jnp.abs(target) + jnp.abs(matrix) @ jnp.abs(x) + soft * jnp.abs(multipliers)
    size = size + 1e-3 * jnp.sqrt(scales.row) * jnp.max(size / jnp.sqrt(scales.row))
    return target - matrix @ x - soft * multipliers, size


def _price_size(programme, multipliers):
    """Size of the terms of y = A^T v column by column (never far below the largest)."""
    size = jnp.abs(multipliers) @ jnp.abs(programme.matrix)
    return size + 1e-2 * jnp.max(size)


def _rounding(programme, multipliers, exponent):
    """How far A x(v) moves, when y moves by its rounding; matters for p > 2 at y = 0."""
    y = multipliers @ programme.matrix
    step = 4.0 * jnp.finfo(y.dtype).eps * (jnp.abs(multipliers) @ jnp.abs(programme.matrix))
    x_at = functools.partial(_clipped_minimiser, programme, exponent=exponent)
    return jnp.abs(programme.matrix) @ (x_at(y + step) - x_at(y - step))


def _is_optimal(programme, scales, softness, x, multipliers, exponent):
    """Whether (x, v) meets the optimality conditions to the tolerance; x is within its bounds."""
    residual, size = _residual(programme, scales, softness, x, multipliers)
    gap = multipliers @ programme.matrix - _slope(x, programme.weights, exponent)
    rise = jnp.where(x >= programme.upper, 0.0, jnp.maximum(gap, 0.0))
    fall = jnp.where(x <= programme.lower, 0.0, jnp.maximum(-gap, 0.0))
    stationary = rise + fall <= scales.tolerance * _price_size(programme, multipliers)
    return jnp.all(stationary) & jnp.all(jnp.abs(residual) <= scales.tolerance * size)


def _is_proved_infeasible(programme, scales, x, v, margin):
    """Farkas certificate with multipliers v; unbounded counts as bounded very far."""
    target = programme.target
    y = v @ programme.matrix
    in_sight = jnp.abs(x) + jnp.sqrt(scales.all_free) * jnp.max(
        jnp.abs(target) / jnp.sqrt(scales.row)
    )
    lower = jnp.maximum(programme.lower, -_FARKAS_REACH * in_sight)
    upper = jnp.minimum(programme.upper, _FARKAS_REACH * in_sight)
    reachable = jnp.sum(jnp.maximum(y * lower, y * upper))
    return target @ v - reachable > margin * (jnp.abs(target) @ jnp.abs(v))


def _without_unbounded(programme, scales, v):
    """The part of v that no unbounded column sees, where its certificate is sharpest."""
    scale = jnp.sqrt(scales.row)
    unbounded = ~(jnp.isfinite(programme.lower) & jnp.isfinite(programme.upper))
    seen = jnp.where(unbounded[None], programme.matrix, 0.0) / scale[:, None]
    gram = _weighted_gram(seen, scales.all_free)
    penalty = jnp.finfo(v.dtype).eps ** (-2.0 / 3.0)
    lower_triangle = cholesky(jnp.eye(v.size, dtype=v.dtype) + penalty * gram)
    return solve_factored(lower_triangle, v * scale) / scale


def _soften(programme, scales, state, exponent, v, margin):
    """Start the least violating answer once multipliers v prove the programme infeasible."""
    proved = _is_proved_infeasible(programme, scales, state.x, v, margin)
    start = (state.softness == 0.0) & ~state.converged & proved
    residual = programme.target - programme.matrix @ state.x
    multipliers = jnp.where(start, residual / (scales.softness * scales.row), state.multipliers)
    softness = jnp.where(start, scales.softness, state.softness)
    x = jnp.where(start, _primal(programme, multipliers, exponent), state.x)
    return state._replace(multipliers=multipliers, x=x, softness=softness)


class _Search(NamedTuple):
    """Steps `left` and `right` with their slopes, between which `t` was tried last."""

    left: Float[Array, ""]
    slope_left: Float[Array, ""]
    right: Float[Array, ""]
    slope_right: Float[Array, ""]
    t: Float[Array, ""]
    slope: Float[Array, ""]
    count: Int[Array, ""]


def _line_search(slope, first_slope, wanted):
    """Step at which a falling `slope`, positive at 0, is near zero: 1, else beyond or between.

    Not `wanted`: any step, at once. A batch goes on as long as the slowest of its problems.
    """
    small = jnp.where(wanted, _SLOPE_TOLERANCE * first_slope, jnp.inf)
    unfinished = lambda at: (jnp.abs(at.slope) > small) & (at.count < _LINE_SEARCH_STEPS)

    def secant(at):  # regula falsi, Illinois variant: halve the slope of an end that stays
        beyond = at.slope_right > 0.0  # no sign change yet
        crossing = at.left * at.slope_right - at.right * at.slope_left
        t = jnp.where(beyond, 10.0 * at.right, crossing / (at.slope_right - at.slope_left))
        s = slope(t)
        up = s > 0.0
        return _Search(
            left=jnp.where(beyond, at.right, jnp.where(up, t, at.left)),
            slope_left=jnp.where(beyond, at.slope_right, jnp.where(up, s, 0.5 * at.slope_left)),
            right=jnp.where(beyond, t, jnp.where(up, at.right, t)),
            slope_right=jnp.where(beyond, s, jnp.where(up, 0.5 * at.slope_right, s)),
            t=t,
            slope=s,
            count=at.count + 1,
        )

    one = jnp.ones_like(first_slope)
    full = slope(one)
    start = _Search(
        jnp.zeros_like(one), first_slope, one, full, one, full, jnp.zeros((), jnp.int32)
    )
    at = jax.lax.while_loop(unfinished, secant, start)
    return jnp.where((at.slope < -small) & (at.left > 0.0), at.left, at.t)


def _newton_direction(programme, scales, compliance, softness, residual, size):
    """Change of the multipliers, and of y = A^T v, that removes the residual to first order."""
    mu = _REGULARISATION * jnp.max(jnp.abs(residual) / jnp.where(size > 0.0, size, 1.0))
    gram, added = _gram(programme, compliance, (mu + softness) * scales.row)
    factor = _factor(gram, added)
    dv = _apply_inverse(factor, residual)
    # What only the regularisation carries no free column can change. Below the tolerance it is
    # rounding, which would move v far and stop the line search at the next kink: leave it out.
    carried = (added - softness * scales.row) * dv
    is_rounding = jnp.all(jnp.abs(carried) <= 0.1 * scales.tolerance * size)
    dv = jnp.where(is_rounding, _apply_inverse(factor, residual - carried), dv)
    return dv, dv @ programme.matrix


def _advance(programme, scales, state, exponent):
    """One Newton step."""
    state = _soften(programme, scales, state, exponent, state.multipliers, 10.0 * scales.tolerance)
    v, x, softness = state.multipliers, state.x, state.softness
    y = v @ programme.matrix
    residual, size = _residual(programme, scales, softness, x, v)
    compliance = jnp.where(_is_free(programme, x), _compliance(x, programme.weights, exponent), 0.0)
    cold = (state.steps == 0) & jnp.all(v == 0.0)  # the minimum-norm answer without bounds
    compliance = jnp.where(cold, scales.all_free, compliance)
    direction = functools.partial(_newton_direction, programme, scales)
    dv, dy = direction(compliance, softness, residual, size)
    if exponent != 2.0:  # a tangent that crosses y = 0 overshoots there: take the chord to 0
        crosses = (y * (y + dy) < 0.0) & _is_free(programme, x)
        compliance = jnp.where(crosses, x / jnp.where(crosses, y, 1.0), compliance)
        dv, dy = direction(compliance, softness, residual, size)

    x_trial = jnp.clip(x + compliance * dy, programme.lower, programme.upper)
    trial_optimal = _is_optimal(programme, scales, softness, x_trial, v + dv, exponent)
    attainable = scales.tolerance * size
    if exponent != 2.0:
        attainable = attainable + _rounding(programme, v, exponent)
    already = ~trial_optimal & jnp.all(jnp.abs(residual) <= attainable)

    first_slope = dv @ residual
    soft_slope = softness * (scales.row @ dv**2)

    def slope(t):
        x_t = _clipped_minimiser(programme, y + t * dy, exponent)
        return first_slope - t * soft_slope - dy @ (x_t - x)

    found = _line_search(slope, first_slope, ~(trial_optimal | already))
    t = jnp.where(trial_optimal, 1.0, jnp.where(already, 0.0, found))
    multipliers = v + t * dv
    x = jnp.where(trial_optimal, x_trial, _primal(programme, multipliers, exponent))
    return _State(multipliers, x, softness, state.steps + 1, trial_optimal | already)


def _iterate(programme, start, exponent, tolerance, max_steps):
    """Newton steps until converged; no derivative flows through them."""
    scales = _measure(programme, exponent, tolerance)
    x = _primal(programme, start, exponent)
    usable = _is_usable(programme)
    state = _State(start, x, jnp.zeros((), x.dtype), jnp.zeros((), jnp.int32), ~usable)
    unfinished = lambda state: ~state.converged & (state.steps < max_steps)
    advance = lambda state: _advance(programme, scales, state, exponent)

    def attempt(at):  # a second one only where the first stops short and the reason is proved
        _, state = at
        state = jax.lax.while_loop(unfinished, advance, state)
        v = _without_unbounded(programme, scales, state.multipliers)
        softened = _soften(programme, scales, state, exponent, v, _LATE_MARGIN)
        again = softened.softness != state.softness
        return again, softened._replace(steps=jnp.where(again, 1, state.steps))

    _, state = jax.lax.while_loop(lambda at: at[0], attempt, (jnp.array(True), state))
    return state, scales, usable


def _is_usable(programme):
    matrix, target, weights, lower, upper = programme
    finite = (
        jnp.all(jnp.isfinite(matrix))
        & jnp.all(jnp.isfinite(target))
        & jnp.all(jnp.isfinite(weights))
    )
    return finite & jnp.all(weights > 0.0) & ~jnp.any(jnp.isnan(lower) | jnp.isnan(upper))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _with_derivative(exponent, programme, x, multipliers, softened_rows):
    """(x, v) unchanged, with the derivative of the programme's solution attached."""
    return x, multipliers


@_with_derivative.defjvp
def _implicit_derivative(exponent, primals, tangents):
    programme, x, v, softened_rows = primals
    # Through itself, so that second derivatives see x and v move with the programme.
    x, v = _with_derivative(exponent, programme, x, v, softened_rows)
    matrix, _, weights, lower, upper = programme
    d_matrix, d_target, d_weights, d_lower, d_upper = tangents[0]
    is_free = _is_free(programme, x)
    compliance = jnp.where(is_free, _compliance(x, weights, exponent), 0.0)
    at_constant_v = jnp.where(
        is_free,
        compliance * (v @ d_matrix) - x / ((exponent - 1.0) * weights) * d_weights,
        jnp.where(x >= upper, d_upper, d_lower),
    )
    missing = d_target - d_matrix @ x - matrix @ at_constant_v
    gram, added = _gram(programme, compliance, softened_rows)
    factor = _factor(gram, added)
    d_v = _apply_inverse(factor, missing)
    d_v = d_v + _apply_inverse(factor, (added - softened_rows) * d_v)  # iterative refinement
    return (x, v), (at_constant_v + compliance * (d_v @ matrix), d_v)


def _weakly_active(programme, x, multipliers, exponent, weak):
    slack = jnp.minimum(x - programme.lower, programme.upper - x)
    gap = multipliers @ programme.matrix - _slope(x, programme.weights, exponent)
    near = (slack <= weak * (1.0 + jnp.abs(x))) & (programme.lower < programme.upper)
    return near & (jnp.abs(gap) <= weak * _price_size(programme, multipliers))


@functools.partial(jax.jit, static_argnums=(2, 3, 4))
def _solve(programme, start, exponent, tolerance, max_steps):
    fixed, start = jax.lax.stop_gradient((programme, start))
    state, scales, usable = _iterate(fixed, start, exponent, tolerance, max_steps)
    x, multipliers = _with_derivative(
        exponent, programme, state.x, state.multipliers, state.softness * scales.row
    )
    x = jnp.where(usable, x, jnp.nan)
    multipliers = jnp.where(usable, multipliers, jnp.nan)
    infeasible = (state.softness > 0.0) | jnp.any(fixed.lower > fixed.upper)
    result = RESULTS.where(state.converged, RESULTS.successful, RESULTS.maximum_iterations)
    result = RESULTS.where(infeasible, RESULTS.infeasible, result)
    result = RESULTS.where(usable, result, RESULTS.not_finite)
    return SeparableProgrammeSolution(
        x=x,
        multipliers=multipliers,
        residual=programme.target - programme.matrix @ x,
        iterations=state.steps,
        weakly_active=_weakly_active(
            fixed, *jax.lax.stop_gradient((x, multipliers)), exponent, 1e3 * tolerance
        ),
        result=result,
    )
