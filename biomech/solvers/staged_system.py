"""The Newton system of a programme along stages, by a Riccati recursion.

The recursion goes from the last interval to the first. With y the state that an interval is
handed, and v = (w, boundary multipliers), the least cost of all that follows is a quadratic in (y,
v). In each interval the basic entries are eliminated by LU, then the others. In the end one small
dense system is left, in (z at the start, w, boundary multipliers). The work is linear in the number
of intervals, no constraint is squared, and nothing is divided by a small number of ours.

The others of an interval need not minimise: what follows may be bent the other way by itself, and
yet be held by the boundary. So their negative eigenvalues are counted, and the point is a minimum
along all rows if the dense system has as many to set against them (Sylvester's law of inertia).

Source of the recursion: Rao, Wright & Rawlings (1998), J. Optim. Theory Appl. 99:723-757,
doi:10.1023/A:1021711402723, here with rows that hold implicitly.
"""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .dense_programme import DenseFactors, unshifted
from .inertia import FIRST, GROWTH, least_shift
from .signed_factor import SignedFactor, signed_factor

_REFINEMENTS = 2
_FIRST_SHARE = 1.0 / 64.0  # of the constraints' curvature that is left out, where any is
_FLAT = 1e-6  # curvatures below count as this when delta is scaled by them


class Rows(NamedTuple):
    """Of path [point, row], of the rule [interval, row, state] and of the boundary [row]."""

    path: Array
    interval: Array
    boundary: Array


def joined(rows: Rows) -> Array:
    """All rows in one vector."""
    return jnp.concatenate([part.ravel() for part in rows])


class Layout(NamedTuple):
    """How many of each: `intervals`; `points` in one; `size` of z; rows of `path` and states at a
    point; rows of the `boundary`."""

    intervals: int
    points: int
    size: int
    path: int
    state: int
    boundary: int

    @property
    def all_points(self) -> int:
        """The start's, and those of every interval."""
        return 1 + self.intervals * self.points

    @property
    def all_rows(self) -> int:
        """Of every kind."""
        of_rule = self.intervals * self.points * self.state
        return self.all_points * self.path + of_rule + self.boundary

    def split(self, x: Array) -> tuple[Array, Array]:
        """z [point, size], and w."""
        stop = self.all_points * self.size
        return x[:stop].reshape(self.all_points, self.size), x[stop:]

    def split_rows(self, y: Array) -> Rows:
        """Rows, or their multipliers, by kind."""
        first = self.all_points * self.path
        second = first + self.intervals * self.points * self.state
        return Rows(
            y[:first].reshape(self.all_points, self.path),
            y[first:second].reshape(self.intervals, self.points, self.state),
            y[second:],
        )

    def by_interval(self, at_points: Array) -> Array:
        """What all points but the start have, gathered [interval, point x rest]."""
        return at_points[1:].reshape(self.intervals, self.points * at_points.shape[1])


class Curvature(NamedTuple):
    """Second derivatives: of each point to z (`stage`), to z and w (`cross`); to w (`common`)."""

    stage: Array
    cross: Array
    common: Array

    def summed(self) -> "Curvature":
        """Of all points: w belongs to all of them."""
        return self._replace(common=jnp.sum(self.common, axis=0))


class StagedLocal(eqx.Module):
    """The programme to second order at a point of its search, in blocks.

    `curvature` is that of f - y' c; `of_cost`, of f alone, stands in where that is no minimum.
    `begun` and `on`: what the start and the points of an interval hand on, to their z; `right`: the
    rows [interval, row, point, state, size] of the rule to the z of its points.
    """

    objective: Float[Array, ""]
    gradient: Float[Array, " variable"]
    residual: Float[Array, " constraint"]
    curvature: Curvature
    of_cost: Curvature | None
    path: Float[Array, "all_points path size"]
    path_common: Float[Array, "all_points path common"]
    begun: Float[Array, "state size"]
    on: Float[Array, "interval point state size"]
    right: Float[Array, "interval row point state size"]
    interval_common: Float[Array, "interval row state common"]
    boundary: tuple[Array, Array, Array]
    layout: Layout = eqx.field(static=True)
    basic: tuple[int, ...] = eqx.field(static=True)

    def _inside(self, z):
        return z[1:].reshape(self.layout.intervals, self.layout.points, self.layout.size)

    def rows_along(self, dx):
        """J dx."""
        z, w = self.layout.split(dx)
        inside = self._inside(z)
        first, last, common = self.boundary
        path = jnp.einsum("pij,pj->pi", self.path, z) + self.path_common @ w
        on = jnp.einsum("kjxa,kja->kx", self.on, inside)
        handed = jnp.concatenate([(self.begun @ z[0])[None], on[:-1]])
        rule = jnp.einsum("kijxa,kja->kix", self.right, inside) + handed[:, None]
        rule = rule + self.interval_common @ w
        return joined(Rows(path, rule, first @ z[0] + last @ z[-1] + common @ w))

    def rows_transposed(self, y):
        """J' y."""
        rows = self.layout.split_rows(y)
        first, last, common = self.boundary
        handed = jnp.sum(rows.interval, axis=1)
        later = jnp.concatenate([handed[1:], jnp.zeros_like(handed[:1])])
        inside = jnp.einsum("kijxa,kix->kja", self.right, rows.interval)
        inside = inside + jnp.einsum("kjxa,kx->kja", self.on, later)
        z = jnp.concatenate([(handed[0] @ self.begun)[None], inside.reshape(-1, self.layout.size)])
        z = z + jnp.einsum("pij,pi->pj", self.path, rows.path)
        z = z.at[0].add(rows.boundary @ first).at[-1].add(rows.boundary @ last)
        w = jnp.einsum("pij,pi->j", self.path_common, rows.path)
        w = w + jnp.einsum("kixc,kix->c", self.interval_common, rows.interval)
        return jnp.concatenate([z.ravel(), w + rows.boundary @ common])

    def weighed(self, diagonal, dx):
        """(hessian + diagonal) dx."""
        z, w = self.layout.split(dx)
        stage, cross, common = self.curvature
        to_z = jnp.einsum("pij,pj->pi", stage, z) + cross @ w
        to_w = jnp.einsum("pij,pi->j", cross, z) + common @ w
        return jnp.concatenate([to_z.ravel(), to_w]) + diagonal * dx

    def own_curvature(self):
        """Diagonal of the hessian."""
        of_points = jnp.diagonal(self.curvature.stage, axis1=1, axis2=2)
        return jnp.concatenate([of_points.ravel(), jnp.diag(self.curvature.common)])

    def factorise(self, diagonal, last_shift) -> "StagedFactors":
        """With `diagonal` added to the hessian, and a delta if it needs one.

        Where f tells enough by itself, delta up to 1 is the share of the curvature of c that is
        left out.
        """
        scale = jnp.maximum(_FLAT, jnp.abs(self.own_curvature() + diagonal))

        def convexer(shift):
            if self.of_cost is None:
                return self, diagonal + shift * scale
            share = jnp.minimum(shift, 1.0)
            mix = lambda exact, cost: (1.0 - share) * exact + share * cost
            curvature = jax.tree.map(mix, self.curvature, self.of_cost)
            more = jnp.maximum(shift - GROWTH, 0.0) * scale  # once all of it is left out
            return dataclasses.replace(self, curvature=curvature), diagonal + more

        first = FIRST if self.of_cost is None else _FIRST_SHARE
        factor = lambda shift: _eliminated(*convexer(shift))
        shift, found = least_shift(factor, _is_minimum, last_shift, first)
        local, shifted = convexer(shift)
        return StagedFactors(local, shifted, found, shift)

    def newton(self, diagonal, pull, residual):
        """As `factorise(diagonal).solve` with no delta."""
        none = jnp.zeros((), pull.dtype)
        factors = StagedFactors(self, diagonal, _eliminated(self, diagonal), none)
        return factors.solve(pull, residual)


class _Stored(NamedTuple):
    """Of one interval: its z = free @ f + given @ (y, v) + what the rows ask for.

    - `basis`: LU factor of the rows along the basic entries. `weight`: W, and what follows.
    - `common`: d2/dz dv. `factor`: of the free entries. `feedback`: their mixed second derivatives
      with (y, v), whitened by it.
    """

    basis: tuple[Array, Array]
    free: Array
    given: Array
    weight: Array
    common: Array
    factor: SignedFactor
    feedback: Array


class _Eliminated(NamedTuple):
    """Every interval, what it hands on, and the dense system that is left in the end.

    `surplus`: negative eigenvalues that a minimum does not have, or -1 where some are zero.
    """

    intervals: _Stored
    on: Array
    end: DenseFactors
    surplus: Array


class StagedFactors(eqx.Module):
    """The Newton system, eliminated stage by stage; `diagonal` includes the shift."""

    local: StagedLocal
    diagonal: Float[Array, " variable"]
    eliminated: _Eliminated
    shift: Float[Array, ""]

    def curvature(self, dx):
        """dx' W dx."""
        return jnp.dot(dx, self.local.weighed(self.diagonal, dx))

    def solve(self, pull, residual):
        """dx and y of W dx - J' y = -pull, J dx = -residual, refined."""
        dx, y = _substituted(self.local, self.eliminated, pull, residual)
        for _ in range(_REFINEMENTS):
            rest_pull = self.local.weighed(self.diagonal, dx) - self.local.rows_transposed(y) + pull
            rest = self.local.rows_along(dx) + residual
            more, more_y = _substituted(self.local, self.eliminated, rest_pull, rest)
            dx, y = dx + more, y + more_y
        return dx, y


def _is_minimum(found: _Eliminated):
    return found.surplus == 0


def _order(local):
    """Basic entries of an interval's z, and the others."""
    size, points = local.layout.size, local.layout.points
    basic = np.add.outer(size * np.arange(points), np.array(local.basic, int)).ravel()
    return basic, np.setdiff1d(np.arange(points * size), basic)


class _Intervals(NamedTuple):
    """Blocks of whole intervals: rows are those of the rule, then of path at every point."""

    weight: Array
    to_v: Array
    on: Array
    rows: Array
    rows_common: Array


def _intervals(local: StagedLocal, diagonal) -> _Intervals:
    layout, dtype = local.layout, diagonal.dtype
    k, s, size = layout.intervals, layout.points, layout.size
    n_bound, each = layout.boundary, jnp.eye(layout.points, dtype=dtype)
    inside = lambda part: part[1:].reshape(k, s, *part.shape[1:])
    at_points, _ = layout.split(diagonal)
    stage = inside(local.curvature.stage) + jax.vmap(jax.vmap(jnp.diag))(inside(at_points))
    weight = jnp.einsum("kjab,jl->kjalb", stage, each).reshape(k, s * size, s * size)
    n_common = local.curvature.cross.shape[-1]
    cross = inside(local.curvature.cross).reshape(k, s * size, n_common)
    # To v = (w, boundary multipliers): the last point of all meets the boundary.
    to_v = jnp.concatenate([cross, jnp.zeros((k, s * size, n_bound), dtype)], axis=2)
    to_v = to_v.at[-1, -size:, n_common:].add(-local.boundary[1].T)
    on = jnp.moveaxis(local.on, 1, 2).reshape(k, layout.state, s * size)
    on = on.at[-1].set(0.0)  # the last interval hands on nothing
    rule = jnp.moveaxis(local.right, 3, 2).reshape(k, s * layout.state, s * size)
    path = jnp.einsum("kjga,jl->kjgla", inside(local.path), each)
    rows = jnp.concatenate([rule, path.reshape(k, s * layout.path, s * size)], axis=1)
    rows_common = jnp.concatenate(
        [
            local.interval_common.reshape(k, s * layout.state, n_common),
            inside(local.path_common).reshape(k, s * layout.path, n_common),
        ],
        axis=1,
    )
    return _Intervals(weight, to_v, on, rows, rows_common)


def _eliminated(local: StagedLocal, diagonal) -> _Eliminated:
    layout, dtype = local.layout, diagonal.dtype
    at_points, at_common = layout.split(diagonal)
    n, common = layout.state, at_common.shape[0]
    v_size, size = common + layout.boundary, layout.points * layout.size
    basic, other = _order(local)
    n_free = other.size
    handed = np.zeros((basic.size, n))
    handed[: layout.points * n] = np.tile(np.eye(n), (layout.points, 1))
    handed = jnp.asarray(handed, dtype)

    def back(carry, at):
        value, mixed, pure = carry
        weight, to_v, on, rows, rows_common = at
        basis = jax.scipy.linalg.lu_factor(rows[:, basic])
        known = jnp.concatenate([rows[:, other], handed, rows_common], axis=1)
        follow = -jax.scipy.linalg.lu_solve(basis, known)
        free = jnp.zeros((size, n_free), dtype).at[basic].set(follow[:, :n_free])
        free = free.at[other, np.arange(n_free)].set(1.0)
        given = jnp.zeros((size, n + v_size), dtype)
        given = given.at[basic, : n + common].set(follow[:, n_free:])

        weight = weight + on.T @ value @ on
        to_v = to_v + on.T @ mixed
        to_given = (weight @ given).at[:, n:].add(to_v)
        factor = signed_factor(free.T @ weight @ free)
        feedback = factor.whitened(free.T @ to_given)
        whole = given.T @ to_given
        whole = whole.at[n:].add(to_v.T @ given).at[n:, n:].add(pure)
        whole = whole - feedback.T @ (factor.sign[:, None] * feedback)
        whole = 0.5 * (whole + whole.T)
        stored = _Stored(basis, free, given, weight, to_v, factor, feedback)
        return (whole[:n, :n], whole[:n, n:], whole[n:, n:]), stored

    nothing = (jnp.zeros((n, n), dtype), jnp.zeros((n, v_size), dtype))
    nothing = (*nothing, jnp.zeros((v_size, v_size), dtype))
    blocks = _intervals(local, diagonal)
    (value, mixed, pure), stored = jax.lax.scan(back, nothing, blocks, reverse=True)
    stage, cross, common_weight = local.curvature
    weight = stage[0] + jnp.diag(at_points[0]) + local.begun.T @ value @ local.begun
    to_v = jnp.zeros((layout.size, v_size), dtype).at[:, :common].set(cross[0])
    to_v = to_v + local.begun.T @ mixed
    bent = jnp.sum(stored.factor.sign < 0.0)
    common_weight = common_weight + jnp.diag(at_common)
    end, across, of_slack = _end(local, weight, to_v, pure, common_weight, bent > 0)
    surplus = bent + jnp.sum(across < 0.0) - jnp.sum(of_slack < 0.0)
    known = jnp.all(jnp.isfinite(stored.factor.sign)) & jnp.all(jnp.isfinite(across))
    surplus = jnp.where(known, surplus, -1)
    return _Eliminated(stored, blocks.on, end, surplus)


def _end(local, weight, to_v, pure, common_weight, bent) -> tuple[DenseFactors, Array, Array]:
    """The system left in (z_0, w, multipliers nu of the boundary), nu in the role of rows.

        A (z_0, w) - B' nu = ...,    B (z_0, w) + D nu = ...

    With D = R S R', S of signs, and t = S R' nu it is the stationary point of
    1/2 (z_0, w)' A (z_0, w) + t' S t / 2 with the rows B (z_0, w) + R t = ...: small and dense.
    D >= 0 unless what follows is `bent`. Also: the signs of what is left across the rows, and S.
    """
    size, common = weight.shape[0], common_weight.shape[0]
    first, _, boundary_common = local.boundary
    a = jnp.block(
        [
            [weight, to_v[:, :common]],
            [to_v[:, :common].T, common_weight + pure[:common, :common]],
        ]
    )
    b = jnp.concatenate(
        [first - to_v[:, common:].T, boundary_common - pure[common:, :common]], axis=1
    )
    d = -pure[common:, common:]
    n_bound = d.shape[0]
    root, sign = d, jnp.zeros(0, d.dtype)
    if n_bound:
        values, vectors = jnp.linalg.eigh(0.5 * (d + d.T))
        sign = jnp.where(bent & (values < 0.0), -1.0, 1.0)
        root = vectors * jnp.sqrt(jnp.maximum(sign * values, 0.0))[None]
    n = size + common + n_bound
    whole = jnp.zeros((n, n), weight.dtype).at[: size + common, : size + common].set(a)
    whole = whole.at[size + common :, size + common :].set(jnp.diag(sign))
    path = jnp.concatenate(
        [
            local.path[0],
            local.path_common[0],
            jnp.zeros((local.layout.path, n_bound), weight.dtype),
        ],
        axis=1,
    )
    rows = jnp.concatenate([path, jnp.concatenate([b, root], axis=1)])
    factors, reduced = unshifted(whole, rows)
    return factors, reduced.sign, sign


def _substituted(local: StagedLocal, eliminated: _Eliminated, pull, residual):
    """dx and y of the Newton system, unrefined."""
    layout = local.layout
    pull_z, pull_w = layout.split(pull)
    rows = layout.split_rows(residual)
    stored, on, end, _ = eliminated
    n, n_path, size, common = layout.state, layout.path, layout.size, pull_w.shape[0]
    basic, other = _order(local)
    place, no_choice = np.argsort(np.concatenate([basic, other])), jnp.zeros(other.size, pull.dtype)

    def back(carry, at):
        slope, slope_v = carry
        stage, pull, on, asked = at
        followed = -jax.scipy.linalg.lu_solve(stage.basis, asked)
        start = jnp.concatenate([followed, no_choice])[place]
        pulled = pull + on.T @ slope
        push = stage.weight @ start + pulled
        pressed = stage.factor.whitened(stage.free.T @ push)
        back = stage.given.T @ push - stage.feedback.T @ (stage.factor.sign * pressed)
        new = back[:n], back[n:] + stage.common.T @ start + slope_v
        return new, (start, pulled, pressed)

    asked = [
        rows.interval.reshape(layout.intervals, layout.points * n),
        layout.by_interval(rows.path),
    ]
    nothing = jnp.zeros(n, pull.dtype), jnp.zeros(common + layout.boundary, pull.dtype)
    at = (stored, layout.by_interval(pull_z), on, jnp.concatenate(asked, axis=1))
    (slope, slope_v), found = jax.lax.scan(back, nothing, at, reverse=True)

    no_slack = jnp.zeros(layout.boundary, pull.dtype)
    push = [pull_z[0] + local.begun.T @ slope, pull_w + slope_v[:common], no_slack]
    first, y = end.solve(
        jnp.concatenate(push), jnp.concatenate([rows.path[0], rows.boundary - slope_v[common:]])
    )
    z_first, w = first[:size], first[size : size + common]
    v = jnp.concatenate([w, y[n_path:]])

    def forth(state, at):
        stage, on, (start, pulled, pressed) = at
        known = jnp.concatenate([state, v])
        free = -stage.factor.unwhitened(stage.feedback @ known + pressed)
        z = stage.free @ free + stage.given @ known + start
        push = (stage.weight @ z + stage.common @ v + pulled)[basic]
        return on @ z, (z, jax.scipy.linalg.lu_solve(stage.basis, push, trans=1))

    _, (z, y_inside) = jax.lax.scan(forth, local.begun @ z_first, (stored, on, found))
    of_rule = layout.points * n
    path = jnp.concatenate(
        [y[None, :n_path], y_inside[:, of_rule:].reshape(layout.all_points - 1, n_path)]
    )
    dx = jnp.concatenate([z_first, z.ravel(), w])
    return dx, joined(Rows(path, y_inside[:, :of_rule], y[n_path:]))
