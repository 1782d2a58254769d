"""A nonlinear programme along the stages of a movement, as direct collocation makes it.

Stages k = 0 ... K-1 have variables z_k of one size; a few variables w (a duration, say) belong to
all of them. With `shared` parameters and what a stage has of its own, `here`,

    minimise    sum over k of cost(z_k, w, shared, here_k)
    subject to  path(z_k, w, shared, here_k) = 0                            at every stage
                left(z_k, w, shared, here_k) + right(z_k+1, w, shared, here_k+1) = 0
                                                                            between neighbours
                boundary(z_0, z_K-1, w, shared) = 0                         affine in z_0, z_K-1, w

The trapezoidal rule is of this form: left = x + h/2 f, right = -x + h/2 f. So is any collocation
whose points of one interval make a stage. x is (z_0, ..., z_K-1, w); rows are those of path, of the
intervals, of the boundary.

The first `curved` entries of z, and w, may enter in any smooth way. The others fall into `lanes` of
equal length, one after the other, and what is left: entries at the same place of each lane may meet
(activation and excitation of one muscle), all else enters apart. So second derivatives are taken
along the curved entries, and once along each lane.
`basic` are entries of z that the rows of path and right determine when the rest is given, as
positions, speeds and accelerations follow from activations and moments: as many as there are rows.

Where a point is no minimum along the constraints, the curvature of the constraints is left out if
`least_squares` says that the cost's own tells enough, as that of a sum of squares does; otherwise
the diagonal grows until it is one.

The Newton system is solved stage by stage (`staged_system`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from .staged_system import Curvature, Rows, StagedLocal, joined, split, split_rows

StageFunction = Callable[[Array, Array, Any, Any], Array]


class StagedParameters(NamedTuple):
    """What all stages share, and what each has of its own (leading axis: stage)."""

    shared: PyTree
    here: PyTree


class StagedProgramme(eqx.Module):
    """See the head of this file. `stages`: K; `size`: of z; `common`: of w. All static."""

    cost: StageFunction = eqx.field(static=True)
    path: StageFunction = eqx.field(static=True)
    left: StageFunction = eqx.field(static=True)
    right: StageFunction = eqx.field(static=True)
    boundary: Callable[[Array, Array, Array, Any], Array] = eqx.field(static=True)
    stages: int = eqx.field(static=True)
    size: int = eqx.field(static=True)
    common: int = eqx.field(static=True)
    curved: int = eqx.field(static=True)
    basic: tuple[int, ...] = eqx.field(static=True)
    lanes: tuple[int, int] = eqx.field(static=True, default=(1, 0))
    least_squares: bool = eqx.field(static=True, default=False)

    # ------------------------------------------------------------------------- arrangement

    def split(self, x: Array) -> tuple[Float[Array, "stage size"], Float[Array, " common"]]:
        """z of every stage, and w."""
        return split(x, self.stages, self.size)

    def rows(self, p: StagedParameters) -> tuple[int, int, int]:
        """How many rows path, an interval and the boundary have."""
        z, w = jnp.zeros(self.size), jnp.zeros(self.common)
        here = jax.tree.map(lambda leaf: leaf[0], p.here)
        count = lambda f, *a: jax.eval_shape(f, *a).shape[0]
        return (
            count(self.path, z, w, p.shared, here),
            count(self.left, z, w, p.shared, here),
            count(self.boundary, z, z, w, p.shared),
        )

    def split_rows(self, y: Array, p: StagedParameters) -> Rows:
        """Rows, or their multipliers, by kind."""
        return split_rows(y, self.stages, *self.rows(p)[:2])

    # -------------------------------------------------------------------------- evaluation

    def values(self, x, p):
        """f and c."""
        z, w = self.split(x)

        def at(z, here):
            all_of = (z, w, p.shared, here)
            return tuple(f(*all_of) for f in (self.cost, self.path, self.left, self.right))

        cost, path, left, right = jax.vmap(at)(z, p.here)
        boundary = self.boundary(z[0], z[-1], w, p.shared)
        return jnp.sum(cost), joined(Rows(path, left[:-1] + right[1:], boundary))

    def slopes(self, x, y, p):
        """Gradient of f - y' c to x, and c."""

        def value(x):
            cost, rows = self.values(x, p)
            return cost - jnp.dot(y, rows), rows

        gradient, rows = jax.grad(value, has_aux=True)(x)
        return gradient, rows

    def local(self, x, y, p) -> "StagedLocal":
        """Everything a step needs, with the hessian of f - y' c."""
        z, w = self.split(x)
        rows = self.split_rows(y, p)
        nothing = jnp.zeros((1, rows.interval.shape[1]), x.dtype)
        after = jnp.concatenate([rows.interval, nothing])  # of the row that z_k is left of
        before = jnp.concatenate([nothing, rows.interval])
        at = jax.vmap(self._stage, in_axes=(0, None, None, 0, 0, 0, 0))
        found = at(z, w, p.shared, p.here, rows.path, after, before)
        boundary = lambda first, last, w: self.boundary(first, last, w, p.shared)
        ends = (z[0], z[-1], w)
        return StagedLocal(
            objective=jnp.sum(found.cost),
            gradient=jnp.concatenate([found.gradient.ravel(), jnp.sum(found.common_gradient, 0)]),
            residual=joined(Rows(found.path, found.left[:-1] + found.right[1:], boundary(*ends))),
            curvature=found.curvature.summed(),
            of_cost=found.of_cost.summed() if self.least_squares else None,
            path=found.path_rate,
            left=found.left_rate[:-1],
            right=found.right_rate[1:],
            path_common=found.path_common,
            interval_common=found.left_common[:-1] + found.right_common[1:],
            boundary=tuple(jax.jacfwd(boundary, (0, 1, 2))(*ends)),
            basic=self.basic,
        )

    def _stage(self, z, w, shared, here, y_path, y_left, y_right) -> "_Stage":
        k, n = self.curved, self.size

        def rows(z, w):
            return tuple(f(z, w, shared, here) for f in (self.path, self.left, self.right))

        def lagrangian(z, w):
            path, left, right = rows(z, w)
            cost = self.cost(z, w, shared, here)
            pulled = jnp.dot(y_path, path) + jnp.dot(y_left, left) + jnp.dot(y_right, right)
            return cost - pulled, (cost, path, left, right)

        slopes = jax.grad(lagrangian, (0, 1), has_aux=True)
        along = lambda dz, dw: jax.jvp(slopes, (z, w), (dz, dw))
        of_cost = jax.grad(lambda z, w: self.cost(z, w, shared, here), (0, 1))
        others, partners = self._directions()
        at = k + others.shape[0]
        dz = jnp.zeros((at + w.size, n), z.dtype).at[:k].set(jnp.eye(k, n, dtype=z.dtype))
        dz = dz.at[k:at].set(jnp.asarray(others, z.dtype))
        dw = jnp.zeros((at + w.size, w.size), z.dtype).at[at:].set(jnp.eye(w.size, dtype=z.dtype))
        ((to_z, to_w), values), ((bend_z, bend_w), rates) = jax.vmap(
            along, out_axes=((None, None), (0, 0))
        )(dz, dw)
        cost, path, left, right = values

        other = jax.jacfwd(lambda other: rows(jnp.concatenate([z[:k], other]), w))(z[k:])
        whole = lambda rate, other: jnp.concatenate([rate[:k].T, other], axis=1)
        path_rate, left_rate, right_rate = map(whole, rates[1:], other)
        path_common, left_common, right_common = (rate[at:].T for rate in rates[1:])

        def arranged(bend_z, bend_w):
            stage = jnp.zeros((n, n), z.dtype).at[:k].set(bend_z[:k])
            stage = stage.at[k:, :k].set(bend_z[:k, k:].T)
            for direction, (row, column) in enumerate(partners):
                stage = stage.at[row, column].set(bend_z[k + direction, row])
            return Curvature(stage, bend_z[at:].T, bend_w[at:])

        bends = jax.vmap(lambda dz, dw: jax.jvp(of_cost, (z, w), (dz, dw))[1])(dz, dw)
        pulled = y_path @ path_rate + y_left @ left_rate + y_right @ right_rate
        pulled_common = y_path @ path_common + y_left @ left_common + y_right @ right_common
        return _Stage(
            *(cost, path, left, right, to_z + pulled, to_w + pulled_common),
            *(arranged(bend_z, bend_w), arranged(*bends)),
            *(path_rate, left_rate, right_rate, path_common, left_common, right_common),
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


class _Stage(NamedTuple):
    """One stage to second order."""

    cost: Array
    path: Array
    left: Array
    right: Array
    gradient: Array
    common_gradient: Array
    curvature: "Curvature"
    of_cost: "Curvature"
    path_rate: Array
    left_rate: Array
    right_rate: Array
    path_common: Array
    left_common: Array
    right_common: Array
