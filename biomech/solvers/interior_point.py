"""Small dense nonlinear programme, by a primal-dual interior point method.

    minimise_x  f(x, p)    subject to   c(x, p) = 0,   l <= x <= u

`p` are parameters: any pytree, what derivatives of the answer are taken with respect to. The first
`curved` entries of x may enter f and c in any smooth way. The others enter apart from each other:
f and c are sums of functions of the curved entries and one other entry each. So second derivatives
are taken along the curved entries and once along all others together: in a body's equilibrium,
along the coordinates and not along a hundred activations.

Method: Newton on the barrier problem's optimality conditions, with slope multipliers z of bounds,

    W dx - J' dy = -(grad f - J' y - mu / (x - l) + mu / (u - x)),    J dx = -c
    W = hessian of f - y' c + z_l / (x - l) + z_u / (u - x) + delta

in variables scaled by 1 / sqrt(max(1, |W_ii|)). The null space of J (by QR) splits the step: its
part along the rows of J meets c, the rest solves the reduced system, whose Cholesky factor is the
test that the point is a minimum along the constraints; delta grows until it is. Steps keep 1 % of
every distance to a bound and are halved until an l1 merit function falls enough; a step that does
so only for the curvature of c is corrected once. The barrier mu falls when its problem is solved to
10 mu.

Source: Waechter & Biegler (2006), Math. Program. 106:25-57, doi:10.1007/s10107-004-0559-y (barrier,
fraction to the boundary, inertia correction), with the l1 merit function of Byrd, Hribar & Nocedal
(1999), SIAM J. Optim. 9:877-900, doi:10.1137/S1052623497325107, in place of their filter.

Derivatives of the answer, forward and reverse, first order: implicit at the solution, as one more
Newton step whose matrix is held constant. They hold where no bound is weakly active: see
`weakly_active`.
"""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

Objective = Callable[[Array, Any], Array]
Constraints = Callable[[Array, Any], Array]

TOLERANCE, MAX_STEPS = 1e-10, 200
"""Unless other ones are asked for: largest error [-], Newton steps at most."""
_BOUNDARY = 0.99  # at most this share of the way to a bound in one step [-]
_BARRIER_FACTOR, _BARRIER_POWER = 0.2, 1.5  # mu falls to the lower of factor mu and mu^power
_BARRIER_SOLVED = 10.0  # a barrier problem is solved to this many mu
_LAST_BARRIER = 0.1  # the last mu, in tolerances
_ARMIJO = 1e-4  # share of the predicted decrease a step must bring [-]
_TRIALS = 25  # of one line search
_PATIENCE = 3  # line searches in a row that may fail
_FIRST_SHIFT, _LARGEST_SHIFT = 1e-8, 1e8  # delta, in scaled variables [-]
_MULTIPLIER_RANGE = 1e10  # z stays within this factor of mu / distance
_WEAK = 1e3  # both distance and multiplier below this many tolerances: weakly active


class RESULTS(eqx.Enumeration):
    successful = ""
    infeasible = (
        "The constraints cannot be met near here: no step brings them closer. See the largest "
        "`residual`; start nearer, or widen what the bounds allow."
    )
    maximum_iterations = (
        "The solver stopped at `max_steps` before reaching `tolerance`. See `residual` and "
        "`dual_residual`; raise `max_steps`, or start nearer."
    )
    not_finite = (
        "The objective, the constraints or their derivatives are not finite at the start. Check "
        "the parameters and the start for NaN and for bounds that leave no room."
    )


class InteriorPointSolution(eqx.Module):
    """Answer of `solve`; units are those of the caller.

    **Attributes:**

    - `x`: minimiser. `multipliers`: y of c(x) = 0, the derivative of the minimum to c's right side.
    - `lower_multipliers`, `upper_multipliers`: of the bounds, >= 0, 0 where a bound is infinite.
    - `residual`: c(x). `dual_residual`, `complementarity`: largest entries, the former relative to
      the multipliers' mean size where that is above 100.
    - `iterations`. `weakly_active`: entries at a bound whose multiplier vanishes too: derivatives
      are one-sided there.
    - `result`: member of `RESULTS`; nothing is raised.
    """

    x: Float[Array, " variable"]
    multipliers: Float[Array, " row"]
    lower_multipliers: Float[Array, " variable"]
    upper_multipliers: Float[Array, " variable"]
    residual: Float[Array, " row"]
    dual_residual: Float[Array, ""]
    complementarity: Float[Array, ""]
    iterations: Int[Array, ""]
    weakly_active: Bool[Array, " variable"]
    result: RESULTS


class WarmStart(eqx.Module):
    """Where to begin: `x`, the `multipliers` of the rows, and the `barrier` mu.

    Near a known answer its x and multipliers with a barrier near the last (1e-7) save most steps.
    """

    x: Float[Array, " variable"]
    multipliers: Float[Array, " row"]
    barrier: Float[Array, ""]


class _Bounds(eqx.Module):
    """Bounds with a finite stand-in where there is none, and which are real (1 or 0)."""

    lower: Float[Array, " variable"]
    upper: Float[Array, " variable"]
    has_lower: Float[Array, " variable"]
    has_upper: Float[Array, " variable"]

    def gaps(self, x):
        """Distances to the lower and upper bound; 1 where there is none."""
        below = jnp.where(self.has_lower > 0.0, x - self.lower, 1.0)
        above = jnp.where(self.has_upper > 0.0, self.upper - x, 1.0)
        return below, above


class _Local(eqx.Module):
    """The programme to second order at a point; `hessian` is that of f - y' c."""

    objective: Float[Array, ""]
    gradient: Float[Array, " variable"]
    residual: Float[Array, " row"]
    jacobian: Float[Array, "row variable"]
    hessian: Float[Array, "variable variable"]


class _Iterate(eqx.Module):
    """`local` and `error` belong to the last point looked at, which is `x` once `done`."""

    x: Float[Array, " variable"]
    y: Float[Array, " row"]
    lower: Float[Array, " variable"]
    upper: Float[Array, " variable"]
    barrier: Float[Array, ""]
    penalty: Float[Array, ""]
    shift: Float[Array, ""]
    steps: Int[Array, ""]
    stalled: Int[Array, ""]
    done: Bool[Array, ""]
    local: _Local


def solve(
    objective: Objective,
    constraints: Constraints,
    parameters: PyTree,
    start: WarmStart,
    lower: Float[Array, " variable"],
    upper: Float[Array, " variable"],
    *,
    curved: int,
    tolerance: float = TOLERANCE,
    max_steps: int = MAX_STEPS,
) -> InteriorPointSolution:
    """Minimise objective(x, parameters) with constraints(x, parameters) = 0 within bounds.

    **Arguments:**

    - `start`: no derivative flows through it; moved inside the bounds where it is not.
    - `lower`, `upper`: may be infinite; an entry with both equal has no inside: take it out of x.
    - `curved`: how many leading entries may enter in any way; see the module's page.
    - `tolerance`: on residual, dual residual and complementarity; scale rows and objective to 1.
    """
    programme = _Programme(objective, constraints, curved, tolerance, max_steps)
    bounds = _bounds(lower, upper)
    last = _iterate(programme, *jax.lax.stop_gradient((parameters, start, bounds)))
    x, y, z_lower, z_upper = _with_derivative(programme, parameters, bounds, last)
    dual, primal, product = _errors(last.local, bounds, last, 0.0)
    below, above = bounds.gaps(last.x)
    weak = _WEAK * tolerance
    at_bound = (bounds.has_lower > 0.0) & (below < weak) & (last.lower < weak)
    at_bound |= (bounds.has_upper > 0.0) & (above < weak) & (last.upper < weak)
    return InteriorPointSolution(
        x=x,
        multipliers=y,
        lower_multipliers=z_lower,
        upper_multipliers=z_upper,
        residual=last.local.residual,
        dual_residual=dual,
        complementarity=product,
        iterations=last.steps,
        weakly_active=at_bound,
        result=_result(programme, last, jnp.stack([dual, primal, product])),
    )


class _Programme(eqx.Module):
    objective: Objective = eqx.field(static=True)
    constraints: Constraints = eqx.field(static=True)
    curved: int = eqx.field(static=True)
    tolerance: float = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)

    def slopes(self, x, y, p):
        """Gradient of f - y' c to x, and c."""
        value = lambda x, y: self.objective(x, p) - jnp.dot(y, self.constraints(x, p))
        along_x, along_y = jax.grad(value, (0, 1))(x, y)
        return along_x, -along_y

    def local(self, x, y, p) -> _Local:
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
        return _Local(self.objective(x, p), gradient + y @ jacobian, residual, jacobian, hessian)

    def nowhere(self, x, y) -> _Local:
        """A stand-in before anything is evaluated."""
        n, m = x.shape[0], y.shape[0]
        zero = lambda *shape: jnp.zeros(shape, x.dtype)
        return _Local(zero(), zero(n), zero(m), zero(m, n), zero(n, n))


def _bounds(lower, upper):
    has_lower, has_upper = jnp.isfinite(lower), jnp.isfinite(upper)
    return _Bounds(
        jnp.where(has_lower, lower, 0.0),
        jnp.where(has_upper, upper, 0.0),
        has_lower.astype(lower.dtype),
        has_upper.astype(lower.dtype),
    )


def _inside(x, bounds):
    """`x` moved at least a little inside its bounds."""
    both = (bounds.has_lower * bounds.has_upper) > 0.0
    room = jnp.where(both, bounds.upper - bounds.lower, jnp.inf)
    low = bounds.lower + jnp.minimum(1e-2 * jnp.maximum(1.0, jnp.abs(bounds.lower)), 1e-2 * room)
    high = bounds.upper - jnp.minimum(1e-2 * jnp.maximum(1.0, jnp.abs(bounds.upper)), 1e-2 * room)
    x = jnp.where(bounds.has_lower > 0.0, jnp.maximum(x, low), x)
    return jnp.where(bounds.has_upper > 0.0, jnp.minimum(x, high), x)


def _push(x, bounds, barrier):
    """`x` inside its bounds: far for a cold start, barely for a warm one."""
    deep = _inside(x, bounds)
    share = jnp.clip(jnp.sqrt(barrier), 1e-8, 1.0)
    shallow = x + share * (deep - x)
    below, above = bounds.gaps(shallow)
    return jnp.where((below > 0.0) & (above > 0.0), shallow, deep)


def _iterate(programme, parameters, start, bounds) -> _Iterate:
    """Newton steps from the start to the tolerance, or until nothing helps."""
    x = _push(start.x, bounds, start.barrier)
    below, above = bounds.gaps(x)
    one, count = jnp.ones((), x.dtype), jnp.zeros((), int)
    first = _Iterate(
        x,
        start.multipliers,
        bounds.has_lower * start.barrier / below,
        bounds.has_upper * start.barrier / above,
        start.barrier * one,
        penalty=one,
        shift=0.0 * one,
        steps=count,
        stalled=count,
        done=jnp.zeros((), bool),
        local=programme.nowhere(x, start.multipliers),
    )

    def look_and_step(it):
        local = programme.local(it.x, it.y, parameters)
        error = jnp.max(jnp.stack(_errors(local, bounds, it, 0.0)))
        out_of_steps = (it.steps >= programme.max_steps) | (it.stalled >= _PATIENCE)
        done = (error <= programme.tolerance) | ~jnp.isfinite(error) | out_of_steps
        seen = eqx.tree_at(lambda i: (i.local, i.done), it, (local, done))
        step = lambda: _step(programme, parameters, bounds, seen)
        return jax.lax.cond(done, lambda: seen, step)

    return jax.lax.while_loop(lambda it: ~it.done, look_and_step, first)


def _step(programme, parameters, bounds, it: _Iterate) -> _Iterate:
    local = it.local
    barrier = _next_barrier(programme, bounds, it)
    below, above = bounds.gaps(it.x)
    pull = local.gradient - barrier * (bounds.has_lower / below - bounds.has_upper / above)
    weight = local.hessian + jnp.diag(it.lower / below + it.upper / above)
    factors = _factorise(weight, local.jacobian, it.shift)
    dx, y = factors.solve(pull, local.residual)
    reach = _reach(dx, below, above, bounds)
    penalty = _penalty(it.penalty, pull, dx, factors.weight, local.residual)
    search = _line_search(programme, parameters, bounds, it, barrier, penalty, pull, dx, factors)

    share = jnp.where(search.bent, reach, search.share)
    x = it.x + jnp.where(jnp.all(jnp.isfinite(search.move)), search.move, 0.0)
    lower, upper = _bound_multipliers(it, dx, below, above, barrier, bounds)
    lower, upper = _kept_near(lower, upper, x, barrier, bounds)
    return _Iterate(
        x,
        jnp.where(search.found, it.y + share * (y - it.y), it.y),
        lower,
        upper,
        barrier,
        penalty,
        factors.shift,
        steps=it.steps + 1,
        stalled=jnp.where(search.found, 0, it.stalled + 1),
        done=it.done,
        local=local,
    )


class _Search(eqx.Module):
    """A line search: the `move` tried, its `share` of the step, whether it is `bent` and `found`
    good."""

    move: Float[Array, " variable"]
    share: Float[Array, ""]
    bent: Bool[Array, ""]
    found: Bool[Array, ""]
    count: Int[Array, ""]


def _line_search(programme, parameters, bounds, it, barrier, penalty, pull, dx, factors) -> _Search:
    """The longest step, of those tried, that lowers the merit function enough.

    First the full step; if that leaves more residual, the step bent by one more solve for it; then
    halves of the step. Where rounding hides the decrease, a step as good as none is taken.
    """
    below, above = bounds.gaps(it.x)
    violation = jnp.sum(jnp.abs(it.local.residual))
    wall = lambda below, above: jnp.sum(
        bounds.has_lower * jnp.log(below) + bounds.has_upper * jnp.log(above)
    )
    before = it.local.objective - barrier * wall(below, above) + penalty * violation
    decrease = jnp.dot(pull, dx) - penalty * violation
    rounding = 10.0 * jnp.finfo(dx.dtype).eps * jnp.abs(before)
    reach = _reach(dx, below, above, bounds)

    def look(search):
        x = it.x + search.move
        below, above = bounds.gaps(x)
        miss = programme.constraints(x, parameters)
        merit = programme.objective(x, parameters) - barrier * wall(below, above)
        merit = merit + penalty * jnp.sum(jnp.abs(miss))
        inside = jnp.all((below > 0.0) & (above > 0.0))
        good = inside & (merit <= before + _ARMIJO * search.share * decrease + rounding)

        def bend():
            bent, _ = factors.solve(pull, reach * it.local.residual + miss)
            below, above = bounds.gaps(it.x)
            return _reach(bent, below, above, bounds) * bent, reach, jnp.array(True)

        def halve():
            share = 0.5 * jnp.where(search.bent, reach, search.share)
            return share * dx, share, jnp.array(False)

        worse = inside & (jnp.sum(jnp.abs(miss)) >= violation)
        move, share, bent = jax.lax.cond((search.count == 0) & worse, bend, halve)
        keep = lambda old, new: jnp.where(good, old, new)
        return _Search(
            keep(search.move, move),
            keep(search.share, share),
            keep(search.bent, bent),
            good,
            search.count + 1,
        )

    no = jnp.zeros((), bool)
    first = _Search(reach * dx, reach, no, no, jnp.zeros((), int))
    return jax.lax.while_loop(lambda s: ~s.found & (s.count < _TRIALS), look, first)


def _penalty(last, pull, dx, weight, residual):
    """Weight of the residual in the merit function, large enough that `dx` lowers it."""
    violation = jnp.sum(jnp.abs(residual))
    curvature = jnp.maximum(jnp.dot(dx, weight @ dx), 0.0)
    needed = (jnp.dot(pull, dx) + 0.5 * curvature) / (0.7 * jnp.maximum(violation, 1e-300))
    needed = jnp.where((violation > 0.0) & jnp.isfinite(needed), needed, 0.0)
    return jnp.maximum(last, needed)


def _errors(local, bounds, it, barrier):
    """Largest dual residual (scaled), residual and complementarity."""
    gradient = local.gradient - it.y @ local.jacobian - it.lower + it.upper
    below, above = bounds.gaps(it.x)
    products = jnp.concatenate(
        [
            bounds.has_lower * (it.lower * below - barrier),
            bounds.has_upper * (it.upper * above - barrier),
        ]
    )
    sizes = jnp.concatenate([it.y, it.lower, it.upper])
    scale = jnp.maximum(1.0, jnp.mean(jnp.abs(sizes)) / 100.0)
    largest = lambda v: jnp.max(jnp.abs(v), initial=0.0)
    return largest(gradient) / scale, largest(local.residual), largest(products) / scale


def _next_barrier(programme, bounds, it):
    """mu, lowered as often as the present point solves its problem."""
    last = _LAST_BARRIER * programme.tolerance
    lower_it = lambda mu: jnp.maximum(last, jnp.minimum(_BARRIER_FACTOR * mu, mu**_BARRIER_POWER))

    def solved(mu):
        error = jnp.max(jnp.stack(_errors(it.local, bounds, it, mu)))
        return (error <= _BARRIER_SOLVED * mu) & (mu > last)

    return jax.lax.while_loop(solved, lower_it, it.barrier)


def _reach(dx, below, above, bounds):
    """Longest share of `dx`, at most 1, that keeps 1 % of each distance."""
    towards = lambda step, gap, real: jnp.where(
        (real > 0.0) & (step < 0.0), -_BOUNDARY * gap / jnp.where(step < 0.0, step, -1.0), 1.0
    )
    low, high = towards(dx, below, bounds.has_lower), towards(-dx, above, bounds.has_upper)
    return jnp.minimum(1.0, jnp.min(jnp.minimum(low, high), initial=1.0))


def _bound_multipliers(it, dx, below, above, barrier, bounds):
    lower = bounds.has_lower * (barrier - it.lower * dx) / below
    upper = bounds.has_upper * (barrier + it.upper * dx) / above
    step_low, step_high = lower - it.lower, upper - it.upper
    towards = lambda z, step: jnp.where(
        step < 0.0, -_BOUNDARY * z / jnp.where(step < 0.0, step, -1.0), 1.0
    )
    share = jnp.minimum(
        jnp.min(towards(it.lower, step_low), initial=1.0),
        jnp.min(towards(it.upper, step_high), initial=1.0),
    )
    share = jnp.minimum(share, 1.0)
    return it.lower + share * step_low, it.upper + share * step_high


def _kept_near(lower, upper, x, barrier, bounds):
    below, above = bounds.gaps(x)
    near = lambda z, gap, real: (
        real * jnp.clip(z, barrier / (_MULTIPLIER_RANGE * gap), _MULTIPLIER_RANGE * barrier / gap)
    )
    return near(lower, below, bounds.has_lower), near(upper, above, bounds.has_upper)


class _Factors(eqx.Module):
    """The Newton system split along and across the rows, in scaled variables.

    `weight` includes the shift that made its reduced part positive definite.
    """

    scale: Float[Array, " variable"]
    weight: Float[Array, "variable variable"]
    rows: Float[Array, "variable row"]
    triangle: Float[Array, "row row"]
    null: Float[Array, "variable null"]
    reduced: Float[Array, "null null"]
    shift: Float[Array, ""]

    def solve(self, pull, residual):
        """Step dx and new multipliers y of W dx - J' y = -pull, J dx = -residual."""
        scaled = self.scale[:, None] * self.weight * self.scale[None]
        right = self.scale * pull
        along = self.rows @ jax.scipy.linalg.solve_triangular(
            self.triangle.T, -residual, lower=True
        )
        rest = self.null.T @ (right + scaled @ along)
        across = -jax.scipy.linalg.cho_solve((self.reduced, True), rest)
        step = along + self.null @ across
        y = jax.scipy.linalg.solve_triangular(
            self.triangle, self.rows.T @ (right + scaled @ step), lower=False
        )
        return self.scale * step, y


def _factorise(weight, jacobian, last_shift) -> _Factors:
    n, m = weight.shape[0], jacobian.shape[0]
    scale = 1.0 / jnp.sqrt(jnp.maximum(1.0, jnp.abs(jnp.diag(weight))))
    q, r = jnp.linalg.qr(scale[:, None] * jacobian.T, mode="complete")
    rows, null, triangle = q[:, :m], q[:, m:], r[:m]
    reduced = null.T @ (scale[:, None] * weight * scale[None]) @ null
    # Rows that depend on others get a tiny diagonal instead of a division by nothing.
    floor = 1e-14 * jnp.max(jnp.abs(jnp.diag(triangle)), initial=1e-300)
    diagonal = jnp.diag(triangle)
    triangle = triangle + jnp.diag(jnp.where(jnp.abs(diagonal) < floor, floor, 0.0))

    def factor(shift):
        eye = jnp.eye(n - m, dtype=weight.dtype)
        return jnp.linalg.cholesky(reduced + shift * eye, symmetrize_input=True)

    def larger(state):
        shift, _ = state
        again = jnp.maximum(_FIRST_SHIFT, 0.3 * last_shift)
        shift = jnp.where(shift == 0.0, again, 8.0 * shift)
        return shift, factor(shift)

    wrong = lambda state: ~jnp.all(jnp.isfinite(state[1])) & (state[0] < _LARGEST_SHIFT)
    none = jnp.zeros((), weight.dtype)
    shift, lower = jax.lax.while_loop(wrong, larger, (none, factor(none)))
    shifted = weight + shift * jnp.diag(1.0 / scale**2)
    return _Factors(scale, shifted, rows, triangle, null, lower, shift)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _with_derivative(programme, parameters, bounds, last: _Iterate):
    """x, y and the bounds' multipliers unchanged, with the solution's derivative attached."""
    return last.x, last.y, last.lower, last.upper


@_with_derivative.defjvp
def _implicit_derivative(programme, primals, tangents):
    parameters, bounds, last = primals
    d_parameters, d_bounds, _ = tangents
    slopes = lambda p: programme.slopes(last.x, last.y, p)
    _, (d_gradient, d_residual) = jax.jvp(slopes, (parameters,), (d_parameters,))
    below, above = bounds.gaps(last.x)
    # z (x - l) = mu and z (u - x) = mu where the bounds move.
    from_lower = bounds.has_lower * last.lower * d_bounds.lower / below
    from_upper = bounds.has_upper * last.upper * d_bounds.upper / above
    pull = d_gradient - from_lower - from_upper

    local = last.local
    weight = local.hessian + jnp.diag(last.lower / below + last.upper / above)
    m, n = local.jacobian.shape
    scale = 1.0 / jnp.sqrt(jnp.maximum(1.0, jnp.abs(jnp.diag(weight))))
    rows = local.jacobian * scale[None]
    matrix = jnp.block(
        [
            [scale[:, None] * weight * scale[None], -rows.T],
            [rows, jnp.zeros((m, m), weight.dtype)],
        ]
    )
    found = jnp.linalg.solve(matrix, -jnp.concatenate([scale * pull, d_residual]))
    dx, dy = scale * found[:n], found[n:]
    d_lower = from_lower - bounds.has_lower * last.lower * dx / below
    d_upper = bounds.has_upper * last.upper * dx / above - from_upper
    return (last.x, last.y, last.lower, last.upper), (dx, dy, d_lower, d_upper)


def _result(programme, last, errors):
    finite = jnp.all(jnp.isfinite(errors)) & jnp.all(jnp.isfinite(last.x))
    solved = jnp.max(errors) <= programme.tolerance
    far = errors[1] > jnp.sqrt(jnp.asarray(programme.tolerance, errors.dtype))
    unsolved = RESULTS.where(
        far & (last.stalled > 0), RESULTS.infeasible, RESULTS.maximum_iterations
    )
    known = RESULTS.where(solved, RESULTS.successful, unsolved)
    return RESULTS.where(finite, known, RESULTS.not_finite)
