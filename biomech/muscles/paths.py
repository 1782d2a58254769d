"""Lengths, moment arms and body wrenches of taut paths (muscles and ligaments).

A path is a string of straight pulls between nodes: its points, and the tangent points where it
wraps a cylinder. Wherever the string passes from one body to another (a *span*) it carries unit
tension along its line, the wrench (p x u, u). That wrench pulls on the body where the span starts
and, reversed, on the body where it ends; projected on the motion subspace it is the moment arm

    r_k = - d(length) / d(coordinate k) = sum over spans that bridge k of +-(line . S_k)

with S_k the twist of unit speed k, so virtual work holds, and the same wrenches load the joints.
Sign: a positive moment arm gives a positive generalized force in tension (OpenSim).

Source: the lever-arm / virtual-work equivalence, e.g. Delp & Loan (1995), Comput. Biol. Med.
25:21-34; Sherman, Seth & Delp (2013), ASME DETC2013-13633 (moment arms under couplers).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..dynamics.kinematics import Pose, coordinate_ancestry
from ..dynamics.spatial import body_fixed_xyz_rotation, compose, rotate, rotate_back, wrench_at
from ..indexing import replace_rows, sum_by_group, sum_by_table, take_rows
from ..model.paths import Paths
from ..model.skeleton import Skeleton
from .path_layout import PathLayout, path_layout
from .wrapping import (
    Cylinder,
    arc,
    decide,
    decide_pair,
    pair_arcs,
    quadrant_arrays,
    straight_length,
    wrap_rank,
)


class PathGeometry(eqx.Module):
    """Every path at one instant.

    **Attributes:**

    - `length`: [m].
    - `line`: what each span carries per newton of tension: wrench on the body it starts on,
      ground axes and origin [m, -].
    - `mobility`: generalized force per newton that moving points do on their own coordinate [m].
    - `moving_pull`: the same by moving point, along the coordinate of its x, y and z [m].
    - `points`: the path's own points in ground [m]; NaN where there is none, or none in use.
    - `layout`: which path and bodies a span belongs to. Static.
    """

    length: Float[Array, " path"]
    line: Float[Array, "span 6"]
    mobility: Float[Array, "path coordinate"]
    moving_pull: Float[Array, "moving 3"]
    points: Float[Array, "path place 3"]
    layout: PathLayout = eqx.field(static=True)


def path_geometry(paths: Paths, now: Pose, value: Float[Array, " coordinate"]) -> PathGeometry:
    """Lengths and lines of pull at a pose with coordinates `value` [rad or m]."""
    layout, count = path_layout(paths), len(paths.names)
    position, rotation = _with_ground(now)
    moved, moved_rate = _moving_points(paths, layout, value)
    present = _present(paths, layout, value)

    ends = np.concatenate([layout.start, layout.end])
    p, q = jnp.split(_placed(paths, layout, ends, moved, position, rotation), 2)
    length = straight_length(p, q)
    near = far = _line(p, q, p)
    in_use = _in_use(layout, present)

    cylinders = _cylinders(paths, position, rotation)
    rows = layout.singles.stretch
    if rows.size:
        path, on = _single_wraps(layout, p, q, in_use, cylinders)
        start, end = p[rows], q[rows]
        before, after = _line(start, path.first, start), _line(path.second, end, end)
        length = replace_rows(length, rows, jnp.where(on, path.length, length[rows]))
        near = replace_rows(near, rows, _where(on, before, near[rows]))
        far = replace_rows(far, rows, _where(on, after, far[rows]))
    between = jnp.zeros_like(near)
    if layout.doubles.stretch.size:
        there = layout.doubles.stretch >= 0
        rows = layout.doubles.stretch[there]
        found = _double_wraps(layout, p, q, in_use, cylinders)
        length, near, between, far = (
            replace_rows(old, rows, new[there])
            for old, new in zip((length, near, between, far), found, strict=True)
        )

    if in_use is not None:
        length, near, between, far = (_where(in_use, x, 0.0) for x in (length, near, between, far))
    pull = _moving_pull(layout, near[:, 3:], far[:, 3:], rotation, moved_rate)
    every = np.arange(layout.point_path.size)
    points = _placed(paths, layout, every, moved, position, rotation)
    return PathGeometry(
        _length_within(paths, layout) + sum_by_table(_members(layout.stretch_path, count), length),
        jnp.concatenate(
            [
                take_rows(near, layout.near),
                take_rows(far, layout.far),
                take_rows(between, layout.between),
            ]
        ),
        _mobility(layout, pull, (count, value.shape[0])),
        pull,
        _table_of_points(paths, layout, points, present),
        layout,
    )


def bridged_coordinates(paths: Paths, skeleton: Skeleton) -> Bool[np.ndarray, "path coordinate"]:
    """Which coordinates a path can have a moment arm about, whatever the pose."""
    layout = path_layout(paths)
    bridges = np.zeros((len(paths.names), len(skeleton.coordinates.names)), bool)
    np.logical_or.at(bridges, layout.spans.path, _bridges(layout, skeleton) != 0.0)
    for (path, _), coordinates in zip(paths.moving, paths.moving_coordinates, strict=True):
        bridges[path, [c for c in coordinates if c >= 0]] = True
    return bridges


def _bridges(layout, skeleton):
    """[span, coordinate]: +1 or -1 where a coordinate moves only the start or only the end."""
    moves = coordinate_ancestry(skeleton)
    moves = np.concatenate([moves, np.zeros_like(moves[:1])])  # body -1: ground
    return moves[layout.spans.start_body] - moves[layout.spans.end_body]


def moment_arms(
    paths_now: PathGeometry, skeleton: Skeleton, now: Pose
) -> Float[Array, "path coordinate"]:
    """r = -d(length)/d(coordinate) [m, or - for translations], couplers not applied."""
    spans = paths_now.layout.spans
    bridges = _bridges(paths_now.layout, skeleton)
    span, coordinate = np.nonzero(bridges)
    sign = jnp.asarray(bridges[span, coordinate], paths_now.line.dtype)
    arm = sign * jnp.sum(paths_now.line[span] * now.motion_subspace[coordinate], axis=-1)
    return paths_now.mobility.at[spans.path[span], coordinate].add(arm)


def lengthening(
    paths_now: PathGeometry, velocity: Float[Array, "body 6"], speed: Float[Array, " coordinate"]
) -> Float[Array, " path"]:
    """d(length)/dt [m/s] where bodies move at `velocity` and coordinates at `speed` (as couplers
    have it): - moment arms . speed, without the arms."""
    spans, count = paths_now.layout.spans, paths_now.length.shape[0]
    body = np.arange(velocity.shape[0])
    from_end = (spans.start_body[:, None] == body).astype(float) - (spans.end_body[:, None] == body)
    of_span = jnp.sum(paths_now.line * sum_by_table(from_end, velocity), axis=-1)
    return -sum_by_table(_members(spans.path, count), of_span) - _moving_work(paths_now, speed)


def _moving_work(paths_now, speed):
    """What moving points do within their bodies, per newton [m/s]."""
    layout = paths_now.layout
    own = layout.moving_coordinates[..., None] == np.arange(speed.shape[0])
    along = sum_by_table(own.reshape(-1, speed.shape[0]).astype(float), speed)
    work = jnp.sum(paths_now.moving_pull * along.reshape(-1, 3), axis=-1)
    return sum_by_table(_members(layout.moving_path, paths_now.length.shape[0]), work)


def _members(group, count):
    """[group, row] of 0 and 1: which rows belong to which of `count` groups."""
    return (np.arange(count)[:, None] == group).astype(float)


def pull_on_bodies(
    paths_now: PathGeometry, tension: Float[Array, "*n path"], n_bodies: int
) -> Float[Array, "*n body 6"]:
    """Sum over paths of the wrench [N m, N] that their `tension` [N] puts on each body.

    Ground axes, about the ground origin; what pulls on ground is left out.
    """
    spans = paths_now.layout.spans
    of_body = np.arange(n_bodies)[:, None]
    sign = (spans.start_body == of_body).astype(float) - (spans.end_body == of_body)
    tension = tension[..., spans.path, None]
    carried = tension * jnp.broadcast_to(paths_now.line, (*tension.shape[:-1], 6))
    return jnp.einsum("bs,...si->...bi", jnp.asarray(sign, carried.dtype), carried)


def _with_ground(now):
    """Positions and rotations with ground appended, so that body index -1 means ground."""
    position = jnp.concatenate([now.position, jnp.zeros((1, 3), now.position.dtype)])
    eye = jnp.eye(3, dtype=now.rotation.dtype)[None]
    return position, jnp.concatenate([now.rotation, eye])


def _moving_points(paths, layout, value):
    """Moving points in their bodies, and their derivative to their coordinates."""
    index = layout.moving_coordinates
    argument = jnp.where(index >= 0, value[np.maximum(index, 0)], 0.0)
    return paths.moving_location(argument), paths.moving_location.derivative()(argument)


def _placed(paths, layout, rows, moved, position, rotation):
    """Points of these rows in ground."""
    local = paths.location[layout.point_path[rows], layout.point_place[rows]]
    if moved.size:
        which = (rows[:, None] == layout.moving).astype(float)
        fixed = 1.0 - which.sum(axis=1, keepdims=True)
        local = jnp.asarray(fixed, local.dtype) * local + sum_by_table(which, moved)
    body = layout.point_body[rows]
    return position[body] + rotate(rotation[body], local)


def _length_within(paths, layout):
    """Sum of each path's stretches that never change."""
    path, start, end = layout.within.T
    place = lambda rows: paths.location[layout.point_path[rows], layout.point_place[rows]]
    return sum_by_group(straight_length(place(start), place(end)), path, len(paths.names))


def _present(paths, layout, value):
    """Whether each point is in use; None where all always are."""
    if not paths.conditional:
        return None
    first = np.searchsorted(layout.point_path, np.arange(len(paths.names)))
    rows = np.array([first[row] + place for row, place, _ in paths.conditional])
    at = value[np.array([coordinate for *_, coordinate in paths.conditional])]
    inside = (at >= paths.condition_range[:, 0]) & (at <= paths.condition_range[:, 1])
    return replace_rows(jnp.ones(layout.point_path.shape, bool), rows, inside)


def _in_use(layout, present):
    """Whether each stretch is: its ends are present and nothing between them is."""
    if present is None:
        return None
    stretch, point = layout.gaps.T
    blocked = jnp.zeros(layout.start.shape, bool).at[stretch].max(present[point])
    return present[layout.start] & present[layout.end] & ~blocked


def _cylinders(paths, position, rotation):
    """Every cylinder in ground."""
    record = paths.cylinders
    body = np.array(record.bodies, dtype=int)
    axis, sign = quadrant_arrays(record.quadrants)
    return Cylinder(
        position[body] + rotate(rotation[body], record.position),
        compose(rotation[body], body_fixed_xyz_rotation(record.orientation)),
        record.radius,
        record.length,
        jnp.asarray(axis),
        jnp.asarray(sign, position.dtype),
    )


def _take(cylinders, index):
    return jax.tree.map(lambda leaf: leaf[index], cylinders)


def _where(condition, yes, no):
    return jnp.where(
        condition.reshape(condition.shape + (1,) * (yes.ndim - condition.ndim)), yes, no
    )


def _line(start, end, at):
    """What a string straight from `start` to `end` carries per newton, drawn at point `at`."""
    return wrench_at((end - start) / straight_length(start, end)[..., None], at)


def _single_wraps(layout, p, q, in_use, cylinders):
    """Wrapped path of every stretch that may touch its path's one cylinder, and whether it does."""
    wraps = layout.singles
    p, q = p[wraps.stretch], q[wraps.stretch]
    found = jax.vmap(decide)(p, q, _take(cylinders, wraps.cylinder))
    allowed = True if in_use is None else in_use[wraps.stretch]
    rank = wrap_rank(found, straight_length(p, q), layout.end[wraps.stretch], allowed)
    on = jnp.isfinite(rank)
    if wraps.table.shape[1] > 1:
        ranks = jnp.append(rank, jnp.inf)[wraps.table]
        on = on & (jnp.argmin(ranks, axis=1)[wraps.group] == wraps.place)
    return found.path, on


def _double_wraps(layout, p, q, in_use, cylinders):
    """Length, and pull near, between and far, of the stretches of paths with two cylinders."""
    wraps = layout.doubles
    stretch = np.maximum(wraps.stretch, 0)
    allowed = jnp.asarray(wraps.allowed)
    if in_use is not None:
        allowed = allowed & in_use[stretch][:, None]
    return jax.vmap(_double_wrap)(p[stretch], q[stretch], allowed, _take(cylinders, wraps.cylinder))


def _double_wrap(p, q, allowed, pair):
    """The same for one path: from points `p` to points `q` over the cylinders of `pair`."""
    places = jnp.arange(p.shape[0], dtype=jnp.int32)
    frozen_p, frozen_q, frozen_pair = jax.lax.stop_gradient((p, q, pair))
    state = decide_pair(frozen_p, frozen_q, allowed, frozen_pair)
    swap = state.before[1]
    together = state.wraps[0] & state.wraps[1] & (state.after[1] | swap)

    alone = jax.vmap(jax.vmap(arc, (0, 0, None, None)), (None, None, 0, 0))(p, q, pair, state.sense)
    both = lambda points: jnp.broadcast_to(points[None], alone.first.shape)
    before = _line(both(p), alone.first, both(p))
    after = _line(alone.second, both(q), both(q))
    touches = state.wraps[:, None] & (state.stretch[:, None] == places[None])
    pick = lambda wrapped, bare: _where(
        touches[0], wrapped[0], _where(touches[1], wrapped[1], bare)
    )
    bare = _line(p, q, p)
    length, near, far = (
        pick(alone.length, straight_length(p, q)),
        pick(before, bare),
        pick(after, bare),
    )
    between = _where(touches[0], far, near)  # beyond the one, or ahead of the other

    shared = places == state.stretch[0]
    at = lambda points: jnp.sum(_where(shared, points, 0.0), axis=0)
    in_order = lambda leaf: jnp.where(swap, leaf[::-1], leaf)
    ordered, sense = jax.tree.map(in_order, pair), in_order(state.sense)
    cylinders = _take(ordered, 0), _take(ordered, 1)
    real = (at(p), at(q), *cylinders, sense, in_order(state.first)[1])
    stand_in = _stand_in_pair(p.dtype)
    start, end, *rest = jax.tree.map(lambda a, b: jnp.where(together, a, b), real, stand_in)
    first, second = pair_arcs(start, end, *rest)
    overlap = straight_length(first.second, second.first)
    near_both, far_both = _line(start, first.first, start), _line(second.second, end, end)
    across = _line(first.second, second.first, first.second)
    across = jnp.where(swap, near_both + far_both - across, across)
    on = together & shared
    return (
        jnp.where(on, first.length + second.length - overlap, length),
        _where(on, near_both, near),
        _where(on, across, between),
        _where(on, far_both, far),
    )


def _stand_in_pair(dtype):
    """A well-posed path over two cylinders, evaluated where the real one does not wrap both."""
    point = lambda *x: jnp.asarray(x, dtype)
    number = lambda x: jnp.asarray(x, dtype)
    at = lambda center: Cylinder(
        center, jnp.eye(3, dtype=dtype), number(0.1), number(1.0), jnp.array(0), number(0.0)
    )
    near, far = at(point(0.0, 0.0, 0.0)), at(point(1.0, 0.0, 0.0))
    return (
        point(-1.0, 0.0, 0.0),
        point(2.0, -0.5, 0.0),
        near,
        far,
        point(-1.0, -1.0),
        point(1.0, 0.1, 0.0),
    )


def _moving_pull(layout, near_force, far_force, rotation, rate):
    """Generalized force of a moving point's own motion within its body."""
    rows = layout.moving[:, None]
    starts, ends = ((end == rows).astype(float) for end in (layout.start, layout.end))
    force = sum_by_table(starts, near_force) - sum_by_table(ends, far_force)
    return rotate_back(rotation[layout.point_body[layout.moving]], force) * rate


def _mobility(layout, pull, shape):
    """The same by path and coordinate."""
    moving, axis = np.nonzero(layout.moving_coordinates >= 0)
    coordinate = layout.moving_coordinates[moving, axis]
    none = jnp.zeros(shape, pull.dtype)
    return none.at[layout.moving_path[moving], coordinate].add(pull[moving, axis])


def _table_of_points(paths, layout, points, present):
    """[path, place, 3], NaN where there is no point or none in use."""
    if present is not None:
        points = _where(present, points, jnp.nan)
    table = jnp.full((*paths.location.shape[:2], 3), jnp.nan, points.dtype)
    return table.at[layout.point_path, layout.point_place].set(points)
