"""A nonlinear programme along the stages of a movement, as direct collocation makes it.

A movement has a start and K intervals. The start is one point, an interval as many as its rule has
(`collocation`). Every point has variables z of one size; a few variables w (a duration, say) belong
to all. With `shared` parameters and what a point has of its own, `here`,

    minimise    sum over points of cost(z, w, shared, here)
    subject to  path(z, w, shared, here) = 0                                at every point
                the rule, for states state(z, ...) and rates rate(z, ...)   in every interval
                boundary(z_start, z_end, w, shared) = 0                     affine in all three

`rate` is h dx/dt: the length of the interval is the caller's to multiply by. x is (z at the start,
z at the points of each interval, w); rows are those of path, of the rule, of the boundary.

The first `curved` entries of z, and w, may enter in any smooth way. The others fall into `lanes` of
equal length, one after the other, and what is left: entries at the same place of each lane may meet
(activation and excitation of one muscle), all else enters apart. So second derivatives are taken
along the curved entries, and once along each lane.
`basic` are entries of z that path and rule determine when the rest is given, as positions, speeds
and accelerations follow from activations and moments: as many as there are rows at a point.

Where a point is no minimum along the constraints, the curvature of the constraints is left out if
`least_squares` says that the cost's own tells enough, as that of a sum of squares does; otherwise
the diagonal grows until it is one.

The Newton system is solved interval by interval (`staged_system`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from .collocation import Collocation
from .staged_system import Curvature, Layout, Rows, StagedLocal, joined

PointFunction = Callable[[Array, Array, Any, Any], Array]


class StagedParameters(NamedTuple):
    """What all points share, and what each has of its own, the start first [point, ...]."""

    shared: PyTree
    here: PyTree


class StagedProgramme:
    """See the head of this file. `intervals`: K; `size`: of z; `common`: of w."""

    def __init__(
        self,
        *,
        cost: PointFunction,
        path: PointFunction,
        state: PointFunction,
        rate: PointFunction,
        boundary: Callable[[Array, Array, Array, Any], Array],
        rule: Collocation,
        intervals: int,
        size: int,
        common: int,
        curved: int,
        basic: tuple[int, ...],
        lanes: tuple[int, int] = (1, 0),
        least_squares: bool = False,
    ):
        self.functions = (cost, path, state, rate)
        self.boundary, self.rule, self.least_squares = boundary, rule, least_squares
        self.intervals, self.size, self.common = intervals, size, common
        self.curved, self.basic, self.lanes = curved, basic, lanes
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
        _, path, state, _ = self.functions
        return Layout(
            self.intervals,
            self.rule.points.size,
            self.size,
            path=count(path, z, w, p.shared, here),
            state=count(state, z, w, p.shared, here),
            boundary=count(self.boundary, z, z, w, p.shared),
        )

    # -------------------------------------------------------------------------- evaluation

    def values(self, x, p):
        """f and c."""
        z, w = self.split(x)
        at = lambda z, here: tuple(f(z, w, p.shared, here) for f in self.functions)
        cost, path, state, rate = jax.vmap(at)(z, p.here)
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

        def value(x):
            cost, rows = self.values(x, p)
            return cost - jnp.dot(y, rows), rows

        return jax.grad(value, has_aux=True)(x)

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
            gradient=jnp.concatenate([found.gradient.ravel(), jnp.sum(found.common_gradient, 0)]),
            residual=joined(
                Rows(found.path, self._linked(found.state, found.rate), boundary(*ends))
            ),
            curvature=found.curvature.summed(),
            of_cost=found.of_cost.summed() if self.least_squares else None,
            path=found.path_rate,
            path_common=found.path_common,
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
        k, n = self.curved, self.size
        cost_of, *row_functions = self.functions

        def rows(z, w):
            return tuple(f(z, w, shared, here) for f in row_functions)

        def lagrangian(z, w):
            values = rows(z, w)
            cost = cost_of(z, w, shared, here)
            pulled = sum(map(jnp.dot, (y_path, y_state, y_rate), values))
            return cost - pulled, (cost, *values)

        slopes = jax.grad(lagrangian, (0, 1), has_aux=True)
        along = lambda dz, dw: jax.jvp(slopes, (z, w), (dz, dw))
        of_cost = jax.grad(lambda z, w: cost_of(z, w, shared, here), (0, 1))
        others, partners = self._directions()
        at = k + others.shape[0]
        dz = jnp.zeros((at + w.size, n), z.dtype).at[:k].set(jnp.eye(k, n, dtype=z.dtype))
        dz = dz.at[k:at].set(jnp.asarray(others, z.dtype))
        dw = jnp.zeros((at + w.size, w.size), z.dtype).at[at:].set(jnp.eye(w.size, dtype=z.dtype))
        ((to_z, to_w), values), ((bend_z, bend_w), rates) = jax.vmap(
            along, out_axes=((None, None), (0, 0))
        )(dz, dw)

        other = jax.jacfwd(lambda other: rows(jnp.concatenate([z[:k], other]), w))(z[k:])
        along_z = [
            jnp.concatenate([rate[:k].T, rest], axis=1)
            for rate, rest in zip(rates[1:], other, strict=True)
        ]
        along_w = [rate[at:].T for rate in rates[1:]]
        multipliers = (y_path, y_state, y_rate)
        pulled_z, pulled_w = (
            sum(y @ rate for y, rate in zip(multipliers, part, strict=True))
            for part in (along_z, along_w)
        )

        def arranged(bend_z, bend_w):
            stage = jnp.zeros((n, n), z.dtype).at[:k].set(bend_z[:k])
            stage = stage.at[k:, :k].set(bend_z[:k, k:].T)
            for direction, (row, column) in enumerate(partners):
                stage = stage.at[row, column].set(bend_z[k + direction, row])
            return Curvature(stage, bend_z[at:].T, bend_w[at:])

        bends = jax.vmap(lambda dz, dw: jax.jvp(of_cost, (z, w), (dz, dw))[1])(dz, dw)
        cost, path, state, rate = values
        path_z, state_z, rate_z = along_z
        path_w, state_w, rate_w = along_w
        return _Point(
            *(cost, path, state, rate, to_z + pulled_z, to_w + pulled_w),
            *(arranged(bend_z, bend_w), arranged(*bends)),
            *(path_z, path_w, (state_z, state_w), (rate_z, rate_w)),
        )

    def _directions(self):
        """Along each lane, and which second derivatives [row, column] it tells.

        The first lane takes along what is in no lane.
        """
        count, length = self.lanes
        lanes = self.curved + np.arange(count * length).reshape(count, length)
        alone = np.arange(self.curved + count * length, self.size)
        directions, partners = np.zeros((count, self.size)), []
        for i, lane in enumerate(lanes):
            single = alone[: alone.size if i == 0 else 0]
            directions[i, lane] = 1.0
            directions[i, single] = 1.0
            rows = np.concatenate([*lanes, single])
            partners.append((rows, np.concatenate([np.tile(lane, count), single])))
        return directions, partners


class _Point(NamedTuple):
    """One point to second order; `..._rate` are derivatives to z (and to w)."""

    cost: Array
    path: Array
    state: Array
    rate: Array
    gradient: Array
    common_gradient: Array
    curvature: Curvature
    of_cost: Curvature
    path_rate: Array
    path_common: Array
    state_rate: tuple[Array, Array]
    rate_rate: tuple[Array, Array]
