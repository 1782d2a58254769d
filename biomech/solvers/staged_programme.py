"""A nonlinear programme along the stages of a movement, as direct collocation makes it.

A movement has a start and K intervals. The start is one point, an interval as many as its rule has
(`collocation`). Every point has variables z of one size; a few variables w (a duration, say) belong
to all. With `shared` parameters and what a point has of its own, `here`,

    minimise    sum over points of cost(z, w, shared, here)
    subject to  every row of the path = 0                                   at every point
                the rule, for states state(z, ...) and rates rate(z, ...)   in every interval
                boundary(z_start, z_end, w, shared) = 0                     affine in all three

`rate` is h dx/dt: the length of the interval is the caller's to multiply by. The rows of the path
are given by their sum, each times a weight: path(weights, z, w, shared, here), linear in `weights`.
For laws of mechanics this is virtual power, and both it and its derivatives are far quicker to have
than row by row. x is (z at the start, z at the points of each interval, w); rows are those of path,
of the rule, of the boundary.

`pattern` [size, size] says which entries of z may meet: which second derivatives of cost, path,
state and rate can be other than zero. The fewer, the fewer directions they are taken along
(`coloring`). With w anything may meet.
`basic` are entries of z that path and rule determine when the rest is given, as positions, speeds
and accelerations follow from activations and moments: as many as there are rows at a point.

Where a point is no minimum along the constraints, a share of the constraints' curvature is left out
if `least_squares` says that the cost's own tells enough, as that of a sum of squares does (without
any it is Gauss-Newton); otherwise the diagonal grows until it is one.

The Newton system is solved interval by interval (`staged_system`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from .collocation import Collocation
from .coloring import coloring
from .staged_system import Curvature, Layout, Rows, StagedLocal, joined

PointFunction = Callable[[Array, Array, Any, Any], Array]
PathFunction = Callable[[Array, Array, Array, Any, Any], Array]


class StagedParameters(NamedTuple):
    """What all points share, and what each has of its own, the start first [point, ...]."""

    shared: PyTree
    here: PyTree


class StagedProgramme:
    """See the head of this file. `rows`: of path; `intervals`: K; `size`: of z; `common`: of w."""

    def __init__(
        self,
        *,
        cost: PointFunction,
        path: PathFunction,
        state: PointFunction,
        rate: PointFunction,
        boundary: Callable[[Array, Array, Array, Any], Array],
        rule: Collocation,
        intervals: int,
        size: int,
        common: int,
        rows: int,
        pattern: Bool[np.ndarray, "size size"],
        basic: tuple[int, ...],
        least_squares: bool = False,
    ):
        self.cost, self.path, self.state, self.rate = cost, path, state, rate
        self.boundary, self.rule, self.least_squares = boundary, rule, least_squares
        self.intervals, self.size, self.common, self.rows = intervals, size, common, rows
        self.basic, self.coloring = basic, coloring(pattern)
        told, self.by_column = self.coloring, np.zeros((size, size))  # the others by their row
        self.by_column[told.row, told.column] = told.row == told.at_row
        self.by_row = pattern - self.by_column
        self.points = 1 + intervals * rule.points.size

    # ------------------------------------------------------------------------- arrangement

    def split(self, x: Array) -> tuple[Float[Array, "point size"], Float[Array, " common"]]:
        """z of every point, and w."""
        stop = self.points * self.size
        return x[:stop].reshape(self.points, self.size), x[stop:]

    def layout(self, p: StagedParameters) -> Layout:
        """How many rows and entries there are of each kind."""
        z, w = jnp.zeros(self.size), jnp.zeros(self.common)
        here = jax.tree.map(lambda leaf: leaf[0], p.here)
        count = lambda f, *a: jax.eval_shape(f, *a).shape[0]
        return Layout(
            self.intervals,
            self.rule.points.size,
            self.size,
            path=self.rows,
            state=count(self.state, z, w, p.shared, here),
            boundary=count(self.boundary, z, z, w, p.shared),
        )

    # -------------------------------------------------------------------------- evaluation

    def values(self, x, p):
        """f and c."""
        z, w = self.split(x)
        weights = jnp.zeros(self.rows, x.dtype)

        def at(z, here):
            path = jax.grad(lambda weights: self.path(weights, z, w, p.shared, here))(weights)
            others = (f(z, w, p.shared, here) for f in (self.cost, self.state, self.rate))
            return path, *others

        path, cost, state, rate = jax.vmap(at)(z, p.here)
        boundary = self.boundary(z[0], z[-1], w, p.shared)
        return jnp.sum(cost), joined(Rows(path, self._linked(state, rate), boundary))

    def _linked(self, state, rate):
        """Rows of the rule [interval, row, state]."""
        rule, within = self.rule, (self.intervals, -1, state.shape[1])
        x, r = state[1:].reshape(within), rate[1:].reshape(within)
        begun = state[0] + rule.start_rate * rate[0]
        on = jnp.einsum("j,kjx->kx", rule.on_state, x) + jnp.einsum("j,kjx->kx", rule.on_rate, r)
        handed = jnp.concatenate([begun[None], on[:-1]])
        inside = jnp.einsum("ij,kjx->kix", rule.state, x) + jnp.einsum("ij,kjx->kix", rule.rate, r)
        return handed[:, None] + inside

    def slopes(self, x, y, p):
        """Gradient of f - y' c to x, and c."""

        def value(x, y):
            z, w = self.split(x)
            rows = self.layout(p).split_rows(y)
            at = lambda z, weights, here: self.path(weights, z, w, p.shared, here)
            path = jnp.sum(jax.vmap(at)(z, rows.path, p.here))
            others = lambda z, here: tuple(
                f(z, w, p.shared, here) for f in (self.cost, self.state, self.rate)
            )
            cost, state, rate = jax.vmap(others)(z, p.here)
            boundary = self.boundary(z[0], z[-1], w, p.shared)
            linked = jnp.sum(rows.interval * self._linked(state, rate))
            return jnp.sum(cost) - path - linked - jnp.dot(rows.boundary, boundary)

        along_x, along_y = jax.grad(value, (0, 1))(x, y)
        return along_x, -along_y

    def local(self, x, y, p) -> StagedLocal:
        """Everything a step needs, with the hessian of f - y' c."""
        z, w = self.split(x)
        layout = self.layout(p)
        rows = layout.split_rows(y)
        to_state, to_rate = self._multipliers(rows.interval)
        at = jax.vmap(self._point, in_axes=(0, None, None, 0, 0, 0, 0))
        found = at(z, w, p.shared, p.here, rows.path, to_state, to_rate)
        boundary = lambda first, last, w: self.boundary(first, last, w, p.shared)
        ends = (z[0], z[-1], w)
        state, rate = found.state_rate, found.rate_rate
        rule, k, s = self.rule, self.intervals, self.rule.points.size
        inside = lambda part: part[1:].reshape(k, s, *part.shape[1:])
        begun = jax.tree.map(lambda a, b: a[0] + rule.start_rate * b[0], state, rate)
        x_of, r_of = jax.tree.map(inside, (state, rate))
        weigh = lambda spec, of_state, of_rate, i: (
            jnp.einsum(spec, of_state, x_of[i]) + jnp.einsum(spec, of_rate, r_of[i])
        )
        on, on_w = (
            weigh("j,kj...->kj...", rule.on_state, rule.on_rate, 0),
            weigh("j,kj...->k...", rule.on_state, rule.on_rate, 1),
        )
        right = weigh("ij,kj...->kij...", rule.state, rule.rate, 0)
        right_w = weigh("ij,kj...->ki...", rule.state, rule.rate, 1)
        handed_w = jnp.concatenate([begun[1][None], on_w[:-1]])
        return StagedLocal(
            objective=jnp.sum(found.cost),
            gradient=jnp.concatenate([found.gradient[0].ravel(), jnp.sum(found.gradient[1], 0)]),
            residual=joined(
                Rows(found.path, self._linked(found.state, found.rate), boundary(*ends))
            ),
            curvature=found.curvature.summed(),
            of_cost=None if found.of_cost is None else found.of_cost.summed(),
            path=found.path_rate[0],
            path_common=found.path_rate[1],
            begun=begun[0],
            on=on,
            right=right,
            interval_common=right_w + handed_w[:, None],
            boundary=tuple(jax.jacfwd(boundary, (0, 1, 2))(*ends)),
            layout=layout,
            basic=self.basic,
        )

    def _multipliers(self, interval):
        """Of state and of rate at every point, from those of the rows of the rule."""
        rule = self.rule
        handed = jnp.sum(interval, axis=1)  # every row of an interval has what was handed on
        later = jnp.concatenate([handed[1:], jnp.zeros_like(handed[:1])])
        own = lambda weights, on: (
            jnp.einsum("ij,kix->kjx", weights, interval) + on[None, :, None] * later[:, None]
        )
        state, rate = own(rule.state, rule.on_state), own(rule.rate, rule.on_rate)
        flat = lambda part: part.reshape(-1, part.shape[-1])
        return (
            jnp.concatenate([handed[:1], flat(state)]),
            jnp.concatenate([rule.start_rate * handed[:1], flat(rate)]),
        )

    def _point(self, z, w, shared, here, y_path, y_state, y_rate) -> "_Point":
        both = (0, 1)
        cost_of = lambda z, w: self.cost(z, w, shared, here)
        linked_of = lambda z, w: tuple(f(z, w, shared, here) for f in (self.state, self.rate))

        def lagrangian(z, w, weights):
            state, rate = linked_of(z, w)
            pulled = self.path(weights, z, w, shared, here) + y_state @ state + y_rate @ rate
            return cost_of(z, w) - pulled, (state, rate)

        slopes = jax.grad(lagrangian, (0, 1, 2), has_aux=True)
        dz = jnp.asarray(self.coloring.directions, z.dtype)
        count = dz.shape[0]
        dz = jnp.concatenate([dz, jnp.zeros((w.size, z.size), z.dtype)])
        dw = jnp.concatenate([jnp.zeros((count, w.size), z.dtype), jnp.eye(w.size, dtype=z.dtype)])

        def along(dz, dw):
            at = lambda z, w: slopes(z, w, y_path)
            (_, _, minus_path), (bend_z, bend_w, _), linked = jax.jvp(
                at, (z, w), (dz, dw), has_aux=True
            )
            return -minus_path, linked, (bend_z, bend_w)

        path, (state, rate), bends = jax.vmap(along, out_axes=(None, None, 0))(dz, dw)

        def arranged(bends):
            bend_z, bend_w = bends
            of_group = bend_z[:count].T @ dz[:count]
            stage = self.by_column * of_group + self.by_row * of_group.T
            return Curvature(stage, bend_z[count:].T, bend_w[count:])

        of_cost = None
        if self.least_squares:
            slope = jax.grad(cost_of, both)
            bend = lambda dz, dw: jax.jvp(slope, (z, w), (dz, dw))[1]
            of_cost = arranged(jax.vmap(bend)(dz, dw))

        one_row = lambda weights: jax.grad(self.path, (1, 2))(weights, z, w, shared, here)
        path_rate = jax.vmap(one_row)(jnp.eye(self.rows, dtype=z.dtype))
        state_rate, rate_rate = jax.jacfwd(linked_of, both)(z, w)
        cost, gradient = jax.value_and_grad(cost_of, both)(z, w)
        return _Point(
            *(cost, path, state, rate, gradient, arranged(bends), of_cost),
            *(path_rate, state_rate, rate_rate),
        )


class _Point(NamedTuple):
    """One point to second order; `gradient` and each `..._rate` to (z, w)."""

    cost: Array
    path: Array
    state: Array
    rate: Array
    gradient: tuple[Array, Array]
    curvature: Curvature
    of_cost: Curvature | None
    path_rate: tuple[Array, Array]
    state_rate: tuple[Array, Array]
    rate_rate: tuple[Array, Array]
