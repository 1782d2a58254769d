"""Nonlinear programmes by a primal-dual interior point method.

    minimise_x  f(x, p)    subject to   c(x, p) = 0,   l <= x <= u

`p` are parameters: any pytree, what derivatives of the answer are taken with respect to. Newton on
the barrier problem's optimality conditions, with slope multipliers z of bounds,

    W dx - J' dy = -(grad f - J' y - mu / (x - l) + mu / (u - x)),    J dx = -c
    W = hessian of f - y' c + z_l / (x - l) + z_u / (u - x) + delta

How such a system is evaluated and solved is for the programme to say: small and dense
(`dense_programme`), or along the stages of a movement (`staged_programme`). Both tell whether the
point is a minimum along the constraints; delta grows until it is. Steps keep 1 % of every distance
to a bound and are halved until an l1 merit function falls enough; a step that does so only for the
curvature of c is corrected once. The barrier mu falls when its problem is solved to 10 mu.

Source: Waechter & Biegler (2006), Math. Program. 106:25-57, doi:10.1007/s10107-004-0559-y (barrier,
fraction to the boundary, inertia correction), with the l1 merit function of Byrd, Hribar & Nocedal
(1999), SIAM J. Optim. 9:877-900, doi:10.1137/S1052623497325107, in place of their filter.
"""

import functools
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from .dense_programme import Constraints, DenseProgramme, Objective

TOLERANCE, MAX_STEPS = 1e-10, 200
"""Unless other ones are asked for: largest error [-], Newton steps at most."""
_BOUNDARY = 0.99  # at most this share of the way to a bound in one step [-]
_BARRIER_FACTOR, _BARRIER_POWER = 0.2, 1.5  # mu falls to the lower of factor mu and mu^power
_BARRIER_SOLVED = 10.0  # a barrier problem is solved to this many mu
_LAST_BARRIER = 0.1  # the last mu, in tolerances
_PENALTY_FALL = 0.5  # the merit function forgets a penalty that is no longer needed
_ARMIJO = 1e-4  # share of the predicted decrease a step must bring [-]
_TRIALS = 25  # of one line search
_PATIENCE = 3  # line searches in a row that may fail
_MULTIPLIER_RANGE = 1e10  # z stays within this factor of mu / distance
_WEAK = 10.0  # a bound that bends f so many times more or less than f itself is weakly active
_NEAR = 1e-2  # bounds further away than this are not active at all


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


@runtime_checkable
class Factors(Protocol):
    """The Newton system at a point, ready to be solved; `shift` is delta."""

    shift: Float[Array, ""]

    def solve(self, pull: Array, residual: Array) -> tuple[Array, Array]:
        """dx and y of W dx - J' y = -pull, J dx = -residual."""
        ...

    def curvature(self, dx: Array) -> Array:
        """dx' W dx."""
        ...


@runtime_checkable
class Local(Protocol):
    """A programme to second order at a point: f, its gradient, c, and what else it keeps."""

    objective: Float[Array, ""]
    gradient: Float[Array, " variable"]
    residual: Float[Array, " row"]

    def rows_transposed(self, y: Array) -> Array:
        """J' y."""
        ...

    def own_curvature(self) -> Array:
        """Diagonal of the hessian."""
        ...

    def factorise(self, diagonal: Array, last_shift: Array) -> Factors:
        """With `diagonal` added to the hessian, and a delta if it needs one."""
        ...

    def newton(self, diagonal: Array, pull: Array, residual: Array) -> tuple[Array, Array]:
        """As `factorise(diagonal).solve`, as exactly as can be and with no delta."""
        ...


@runtime_checkable
class Programme(Protocol):
    """What is minimised; hashable, since compiled code belongs to it."""

    def values(self, x: Array, p: Any) -> tuple[Array, Array]:
        """f and c."""
        ...

    def slopes(self, x: Array, y: Array, p: Any) -> tuple[Array, Array]:
        """Gradient of f - y' c to x, and c."""
        ...

    def local(self, x: Array, y: Array, p: Any) -> Local:
        """Everything a step needs, with the hessian of f - y' c."""
        ...


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
    local: Any


class _Answer(NamedTuple):
    """A solution: x, the multipliers of rows and bounds, and the programme there."""

    x: Array
    y: Array
    lower: Array
    upper: Array
    local: Any


class Options(NamedTuple):
    """How closely a programme is solved, and how long at most."""

    tolerance: float = TOLERANCE
    max_steps: int = MAX_STEPS


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
    """Minimise objective(x, parameters) with constraints(x, parameters) = 0 within bounds; dense.

    **Arguments:**

    - `start`: no derivative flows through it; moved inside the bounds where it is not.
    - `lower`, `upper`: may be infinite; an entry with both equal has no inside: take it out of x.
    - `curved`: how many leading entries may enter in any way; see `dense_programme`.
    - `tolerance`: on residual, dual residual and complementarity; scale rows and objective to 1.
    """
    programme = DenseProgramme(objective, constraints, curved)
    options = Options(tolerance, max_steps)
    return minimise(programme, parameters, start, lower, upper, options)


def minimise(
    programme: Programme,
    parameters: PyTree,
    start: WarmStart,
    lower: Float[Array, " variable"],
    upper: Float[Array, " variable"],
    options: Options,
) -> InteriorPointSolution:
    """The minimum of any `programme` within bounds; arguments as in `solve`.

    **Derivatives** of the answer, forward and reverse, first order: implicit at the solution, as
    one more Newton step whose matrix is held constant. They hold where no bound is weakly active.
    """
    bounds = _bounds(lower, upper)
    frozen = jax.lax.stop_gradient((parameters, start, bounds))
    last = _iterate(programme, options, *frozen)
    answer = _Answer(last.x, last.y, last.lower, last.upper, last.local)
    x, y, z_lower, z_upper = _with_derivative(programme, parameters, bounds, answer)
    dual, primal, product = _errors(last.local, bounds, last, 0.0)
    return InteriorPointSolution(
        x=x,
        multipliers=y,
        lower_multipliers=z_lower,
        upper_multipliers=z_upper,
        residual=last.local.residual,
        dual_residual=dual,
        complementarity=product,
        iterations=last.steps,
        weakly_active=_weakly_active(last, bounds),
        result=_result(options, last, jnp.stack([dual, primal, product])),
    )


def with_derivative(
    programme: Programme,
    parameters: PyTree,
    answer: tuple[Array, Array, Array, Array],
    lower: Float[Array, " variable"],
    upper: Float[Array, " variable"],
) -> tuple[Array, Array, Array, Array]:
    """A solution found before, unchanged, with the derivative of `minimise` attached.

    `answer`: its x, multipliers of the rows, of the lower and of the upper bounds. Nothing is
    solved again: derivatives compile and run without the search.
    """
    bounds = _bounds(lower, upper)
    frozen = jax.lax.stop_gradient(answer)
    local = programme.local(frozen[0], frozen[1], jax.lax.stop_gradient(parameters))
    return _with_derivative(programme, parameters, bounds, _Answer(*frozen, local))


def _weakly_active(last, bounds):
    """Entries whose bound neither holds them nor leaves them alone, whatever their units."""
    own = jnp.abs(last.local.own_curvature())
    half_held = lambda real, gap, z: (
        (real > 0.0) & (gap < _NEAR) & (z < _WEAK * gap * own) & (gap * own < _WEAK * z)
    )
    below, above = bounds.gaps(last.x)
    return half_held(bounds.has_lower, below, last.lower) | half_held(
        bounds.has_upper, above, last.upper
    )


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


def _iterate(programme, options, parameters, start, bounds) -> _Iterate:
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
        local=_blank(programme.local, x, start.multipliers, parameters),
    )

    def look_and_step(it):
        local = programme.local(it.x, it.y, parameters)
        error = jnp.max(jnp.stack(_errors(local, bounds, it, 0.0)))
        out_of_steps = (it.steps >= options.max_steps) | (it.stalled >= _PATIENCE)
        solved = error <= options.tolerance
        done = solved | ~jnp.isfinite(error) | out_of_steps
        seen = eqx.tree_at(lambda i: (i.local, i.done), it, (local, done))
        step = lambda: _step(programme, options, parameters, bounds, seen)
        return jax.lax.cond(done, lambda: seen, step)

    return jax.lax.while_loop(lambda it: ~it.done, look_and_step, first)


def _blank(evaluate, *arguments):
    """Zeros of the shape of what `evaluate` gives."""
    shapes = eqx.filter_eval_shape(evaluate, *arguments)
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def _step(programme, options, parameters, bounds, it: _Iterate) -> _Iterate:
    local = it.local
    barrier = _next_barrier(options, bounds, it)
    below, above = bounds.gaps(it.x)
    pull = local.gradient - barrier * (bounds.has_lower / below - bounds.has_upper / above)
    factors = local.factorise(it.lower / below + it.upper / above, it.shift)
    dx, y = factors.solve(pull, local.residual)
    reach = _reach(dx, below, above, bounds)
    penalty = _penalty(it.penalty, pull, dx, factors.curvature(dx), local.residual)
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
        objective, miss = programme.values(x, parameters)
        merit = objective - barrier * wall(below, above)
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


def _penalty(last, pull, dx, curvature, residual):
    """Weight of the residual in the merit function, large enough that `dx` lowers it."""
    violation = jnp.sum(jnp.abs(residual))
    curved = jnp.maximum(curvature, 0.0)
    needed = (jnp.dot(pull, dx) + 0.5 * curved) / (0.7 * jnp.maximum(violation, 1e-300))
    needed = jnp.where((violation > 0.0) & jnp.isfinite(needed), needed, 0.0)
    return jnp.maximum(_PENALTY_FALL * last, needed)


def _errors(local, bounds, it, barrier):
    """Largest dual residual (scaled), residual and complementarity."""
    gradient = local.gradient - local.rows_transposed(it.y) - it.lower + it.upper
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


def _next_barrier(options, bounds, it):
    """mu, lowered as often as the present point solves its problem.

    None lies between the tolerance and the last one: all solves end at the same.
    """
    last = _LAST_BARRIER * options.tolerance

    def lower_it(mu):
        lower = jnp.minimum(_BARRIER_FACTOR * mu, mu**_BARRIER_POWER)
        return jnp.where(lower <= options.tolerance, last, lower)

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


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _with_derivative(programme, parameters, bounds, last: _Answer):
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

    diagonal = last.lower / below + last.upper / above
    dx, dy = last.local.newton(diagonal, pull, d_residual)
    d_lower = from_lower - bounds.has_lower * last.lower * dx / below
    d_upper = bounds.has_upper * last.upper * dx / above - from_upper
    return (last.x, last.y, last.lower, last.upper), (dx, dy, d_lower, d_upper)


def _result(options, last, errors):
    finite = jnp.all(jnp.isfinite(errors)) & jnp.all(jnp.isfinite(last.x))
    solved = jnp.max(errors) <= options.tolerance
    far = errors[1] > jnp.sqrt(jnp.asarray(options.tolerance, errors.dtype))
    unsolved = RESULTS.where(
        far & (last.stalled > 0), RESULTS.infeasible, RESULTS.maximum_iterations
    )
    known = RESULTS.where(solved, RESULTS.successful, unsolved)
    return RESULTS.where(finite, known, RESULTS.not_finite)
