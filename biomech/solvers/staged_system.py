"""The Newton system of a programme along stages, by a Riccati recursion.

The recursion goes from the last stage to the first. With s = left(z_k-1) handed on, and v = (w,
boundary multipliers), the least cost of all that follows is a quadratic in (s, v). At each stage
the basic entries are eliminated by LU; the others minimise, and the Cholesky factor of their matrix
is the test of a minimum. What is left in the end is one small dense system in (z_0, w, boundary
multipliers). The work is linear in the number of stages, no constraint is squared, and nothing is
divided by a small number of ours.

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

from .inertia import least_shift

_REFINEMENTS = 2
_FLAT = 1e-6  # curvatures below count as this when delta is scaled by them


class Rows(NamedTuple):
    """Of path [stage, row], of the intervals [stage - 1, row] and of the boundary [row]."""

    path: Array
    interval: Array
    boundary: Array


def split(x: Array, stages: int, size: int) -> tuple[Array, Array]:
    """z of every stage [stage, size], and w."""
    stop = stages * size
    return x[:stop].reshape(stages, size), x[stop:]


def split_rows(y: Array, stages: int, path: int, interval: int) -> Rows:
    """Rows by kind; `path` and `interval` are how many a stage and an interval have."""
    first = stages * path
    second = first + (stages - 1) * interval
    return Rows(
        y[:first].reshape(stages, path), y[first:second].reshape(stages - 1, interval), y[second:]
    )


def joined(rows: Rows) -> Array:
    """All rows in one vector."""
    return jnp.concatenate([part.ravel() for part in rows])


class Curvature(NamedTuple):
    """Second derivatives: `stage` d2/dz dz, `cross` d2/dz dw, `common` d2/dw dw."""

    stage: Array
    cross: Array
    common: Array

    def summed(self) -> "Curvature":
        """Of all stages: w belongs to all of them."""
        return self._replace(common=jnp.sum(self.common, axis=0))


class StagedLocal(eqx.Module):
    """The programme to second order at a point, in blocks by stage.

    `curvature` is that of f - y' c; `of_cost`, of f alone, stands in where that is no minimum.
    """

    objective: Float[Array, ""]
    gradient: Float[Array, " variable"]
    residual: Float[Array, " row"]
    curvature: Curvature
    of_cost: Curvature | None
    path: Float[Array, "stage path size"]
    left: Float[Array, "interval link size"]
    right: Float[Array, "interval link size"]
    path_common: Float[Array, "stage path common"]
    interval_common: Float[Array, "interval link common"]
    boundary: tuple[Array, Array, Array]
    basic: tuple[int, ...] = eqx.field(static=True)

    def split(self, x: Array) -> tuple[Array, Array]:
        """z of every stage, and w."""
        stages, size, _ = self.curvature.stage.shape
        return split(x, stages, size)

    def split_rows(self, y: Array) -> Rows:
        """Rows, or their multipliers, by kind."""
        stages, path, _ = self.path.shape
        return split_rows(y, stages, path, self.left.shape[1])

    def rows_along(self, dx):
        """J dx."""
        z, w = self.split(dx)
        first, last, common = self.boundary
        path = jnp.einsum("kij,kj->ki", self.path, z) + self.path_common @ w
        interval = jnp.einsum("kij,kj->ki", self.left, z[:-1]) + self.interval_common @ w
        interval = interval + jnp.einsum("kij,kj->ki", self.right, z[1:])
        return joined(Rows(path, interval, first @ z[0] + last @ z[-1] + common @ w))

    def rows_transposed(self, y):
        """J' y."""
        rows = self.split_rows(y)
        first, last, common = self.boundary
        z = jnp.einsum("kij,ki->kj", self.path, rows.path)
        z = z.at[:-1].add(jnp.einsum("kij,ki->kj", self.left, rows.interval))
        z = z.at[1:].add(jnp.einsum("kij,ki->kj", self.right, rows.interval))
        z = z.at[0].add(rows.boundary @ first).at[-1].add(rows.boundary @ last)
        w = jnp.einsum("kij,ki->j", self.path_common, rows.path)
        w = w + jnp.einsum("kij,ki->j", self.interval_common, rows.interval)
        return jnp.concatenate([z.ravel(), w + rows.boundary @ common])

    def weighed(self, diagonal, dx):
        """(hessian + diagonal) dx."""
        z, w = self.split(dx)
        stage, cross, common = self.curvature
        to_z = jnp.einsum("kij,kj->ki", stage, z) + cross @ w
        to_w = jnp.einsum("kij,ki->j", cross, z) + common @ w
        return jnp.concatenate([to_z.ravel(), to_w]) + diagonal * dx

    def factorise(self, diagonal, last_shift) -> "StagedFactors":
        """With `diagonal` added to the hessian, and a delta if it needs one."""
        if self.of_cost is None:
            return self._shifted(diagonal, last_shift)
        none = jnp.zeros_like(last_shift)
        exact = _eliminated(self, diagonal)
        return jax.lax.cond(
            _is_minimum(exact),
            lambda: StagedFactors(self, diagonal, exact, none),
            lambda: dataclasses.replace(self, curvature=self.of_cost)._shifted(diagonal, none),
        )

    def _shifted(self, diagonal, last_shift) -> "StagedFactors":
        at_stage, at_common = self.split(diagonal)
        stage, _, common = self.curvature
        size = jnp.concatenate(
            [
                (jnp.diagonal(stage, axis1=1, axis2=2) + at_stage).ravel(),
                jnp.diag(common) + at_common,
            ]
        )
        scale = jnp.maximum(_FLAT, jnp.abs(size))
        factor = lambda shift: _eliminated(self, diagonal + shift * scale)
        shift, found = least_shift(factor, _is_minimum, last_shift)
        return StagedFactors(self, diagonal + shift * scale, found, shift)

    def newton(self, diagonal, pull, residual):
        """As `factorise(diagonal).solve` with no delta."""
        none = jnp.zeros((), pull.dtype)
        factors = StagedFactors(self, diagonal, _eliminated(self, diagonal), none)
        return factors.solve(pull, residual)


class _Stored(NamedTuple):
    """Of one stage k >= 1: z = free @ f + given @ (s, v) + what the rows ask for.

    - `basis`: LU factor of the rows along the basic entries. `weight`: W + left' P left.
    - `common`: d2/dz dv. `factor`: Cholesky's, of the free entries. `feedback`: its inverse times
      their mixed second derivatives with (s, v).
    """

    basis: tuple[Array, Array]
    free: Array
    given: Array
    weight: Array
    common: Array
    factor: Array
    feedback: Array


class _Eliminated(NamedTuple):
    """Every stage but the first, and the dense system that is left in the end."""

    stages: _Stored
    end: "_End"


class _End(NamedTuple):
    weight: Array
    rows: Array
    triangle: Array
    null: Array
    factor: Array


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
    finite = jnp.all(jnp.isfinite(found.stages.factor)) & jnp.all(jnp.isfinite(found.end.factor))
    return finite


def _order(local):
    """Basic entries, and the others."""
    basic = np.array(local.basic, int)
    return basic, np.setdiff1d(np.arange(local.path.shape[2]), basic)


def _eliminated(local: StagedLocal, diagonal) -> _Eliminated:
    at_stage, at_common = local.split(diagonal)
    weights = local.curvature.stage + jax.vmap(jnp.diag)(at_stage)
    cross, common_weight = local.curvature.cross, local.curvature.common + jnp.diag(at_common)
    stages, size, common = cross.shape
    first, last, boundary_common = local.boundary
    n_row, n_bound = local.left.shape[1], first.shape[0]
    dtype = weights.dtype
    # To v = (w, boundary multipliers): the last stage meets the boundary.
    to_v = jnp.concatenate([cross, jnp.zeros((stages, size, n_bound), dtype)], axis=2)
    to_v = to_v.at[-1, :, common:].add(-last.T)
    # What stage k >= 1 hands on; the last one nothing.
    hands_on = jnp.concatenate([local.left[1:], jnp.zeros((1, n_row, size), dtype)])
    v_size = common + n_bound
    value = jnp.zeros((n_row, n_row), dtype)
    mixed = jnp.zeros((n_row, v_size), dtype)
    pure = jnp.zeros((v_size, v_size), dtype)
    basic, other = _order(local)

    def back(carry, at):
        value, mixed, pure = carry
        weight, to_v, left, right, right_v, path, path_v = at
        rows = jnp.concatenate([right, path])
        rows_v = jnp.concatenate([right_v, path_v])
        basis = jax.scipy.linalg.lu_factor(rows[:, basic])
        handed = jnp.eye(rows.shape[0], n_row, dtype=dtype)
        known = jnp.concatenate([rows[:, other], handed, rows_v], axis=1)
        follow = -jax.scipy.linalg.lu_solve(basis, known)
        n_free = other.size
        free = jnp.zeros((size, n_free), dtype).at[basic].set(follow[:, :n_free])
        free = free.at[other, np.arange(n_free)].set(1.0)
        given = jnp.zeros((size, n_row + v_size), dtype)
        given = given.at[basic, : n_row + common].set(follow[:, n_free:])

        weight = weight + left.T @ value @ left
        to_v = to_v + left.T @ mixed
        to_given = weight @ given
        to_given = to_given.at[:, n_row:].add(to_v)
        factor = jnp.linalg.cholesky(free.T @ weight @ free, symmetrize_input=True)
        feedback = jax.scipy.linalg.solve_triangular(factor, free.T @ to_given, lower=True)
        whole = given.T @ to_given
        whole = whole.at[n_row:].add(to_v.T @ given).at[n_row:, n_row:].add(pure)
        whole = whole - feedback.T @ feedback
        whole = 0.5 * (whole + whole.T)
        stored = _Stored(basis, free, given, weight, to_v, factor, feedback)
        new = (whole[:n_row, :n_row], whole[:n_row, n_row:], whole[n_row:, n_row:])
        return new, stored

    at = (weights[1:], to_v[1:], hands_on, local.right, local.interval_common)
    at = (*at, local.path[1:], local.path_common[1:])
    (value, mixed, pure), stored = jax.lax.scan(back, (value, mixed, pure), at, reverse=True)
    weight = weights[0] + local.left[0].T @ value @ local.left[0]
    to_v = to_v[0] + local.left[0].T @ mixed
    end = _end(local, weight, to_v, pure, common_weight)
    return _Eliminated(stored, end)


def _end(local, weight, to_v, pure, common_weight) -> _End:
    """The system left in (z_0, w, multipliers nu of the boundary), nu in the role of rows.

        A (z_0, w) - B' nu = ...,    B (z_0, w) + D nu = ...

    with D >= 0, since all that follows minimises. With D = R R' and t = R' nu it is the minimum of
    1/2 (z_0, w)' A (z_0, w) + t' t / 2 with the rows B (z_0, w) + R t = ...: small and dense.
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
    root = d
    if n_bound:
        values, vectors = jnp.linalg.eigh(0.5 * (d + d.T))
        root = vectors * jnp.sqrt(jnp.maximum(values, 0.0))[None]
    n = size + common + n_bound
    whole = jnp.zeros((n, n), weight.dtype).at[: size + common, : size + common].set(a)
    whole = whole.at[size + common :, size + common :].set(jnp.eye(n_bound, dtype=weight.dtype))
    path = jnp.concatenate(
        [
            local.path[0],
            local.path_common[0],
            jnp.zeros((local.path.shape[1], n_bound), weight.dtype),
        ],
        axis=1,
    )
    rows = jnp.concatenate([path, jnp.concatenate([b, root], axis=1)])
    m = rows.shape[0]
    q, r = jnp.linalg.qr(rows.T, mode="complete")
    null = q[:, m:]
    factor = jnp.linalg.cholesky(null.T @ whole @ null, symmetrize_input=True)
    return _End(whole, q[:, :m], r[:m], null, factor)


def _substituted(local: StagedLocal, eliminated: _Eliminated, pull, residual):
    """dx and y of the Newton system, unrefined."""
    pull_z, pull_w = local.split(pull)
    rows = local.split_rows(residual)
    stored, end = eliminated
    size, common = pull_z.shape[1], pull_w.shape[0]
    n_row, n_path = rows.interval.shape[1], rows.path.shape[1]
    n_bound = rows.boundary.shape[0]
    basic, other = _order(local)
    place, no_choice = np.argsort(np.concatenate([basic, other])), jnp.zeros(other.size, pull.dtype)
    hands_on = jnp.concatenate([local.left[1:], jnp.zeros((1, n_row, size), pull.dtype)])

    def back(carry, at):
        slope, slope_v = carry
        stage, pull, left, asked = at
        followed = -jax.scipy.linalg.lu_solve(stage.basis, asked)
        start = jnp.concatenate([followed, no_choice])[place]
        pulled = pull + left.T @ slope
        push = stage.weight @ start + pulled
        pressed = jax.scipy.linalg.solve_triangular(stage.factor, stage.free.T @ push, lower=True)
        on = stage.given.T @ push - stage.feedback.T @ pressed
        new = on[:n_row], on[n_row:] + stage.common.T @ start + slope_v
        return new, (start, pulled, pressed)

    asked = jnp.concatenate([rows.interval, rows.path[1:]], axis=1)
    nothing = jnp.zeros(n_row, pull.dtype), jnp.zeros(common + n_bound, pull.dtype)
    (slope, slope_v), found = jax.lax.scan(
        back, nothing, (stored, pull_z[1:], hands_on, asked), reverse=True
    )
    push = jnp.concatenate(
        [
            pull_z[0] + local.left[0].T @ slope,
            pull_w + slope_v[:common],
            jnp.zeros(n_bound, pull.dtype),
        ]
    )
    wanted = jnp.concatenate([-rows.path[0], slope_v[common:] - rows.boundary])
    along = end.rows @ jax.scipy.linalg.solve_triangular(end.triangle.T, wanted, lower=True)
    rest = end.null.T @ (push + end.weight @ along)
    first = along - end.null @ jax.scipy.linalg.cho_solve((end.factor, True), rest)
    y = jax.scipy.linalg.solve_triangular(
        end.triangle, end.rows.T @ (push + end.weight @ first), lower=False
    )
    z_first, w = first[:size], first[size : size + common]
    v = jnp.concatenate([w, y[n_path:]])

    def forth(state, at):
        stage, left, (start, pulled, pressed) = at
        known = jnp.concatenate([state, v])
        free = -jax.scipy.linalg.solve_triangular(
            stage.factor, stage.feedback @ known + pressed, trans=1, lower=True
        )
        z = stage.free @ free + stage.given @ known + start
        push = (stage.weight @ z + stage.common @ v + pulled)[basic]
        return left @ z, (z, jax.scipy.linalg.lu_solve(stage.basis, push, trans=1))

    _, (z, y_stage) = jax.lax.scan(forth, local.left[0] @ z_first, (stored, hands_on, found))
    dx = jnp.concatenate([z_first, z.ravel(), w])
    path = jnp.concatenate([y[None, :n_path], y_stage[:, n_row:]])
    return dx, joined(Rows(path, y_stage[:, :n_row], y[n_path:]))
