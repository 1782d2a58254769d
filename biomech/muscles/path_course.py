"""The whole course of a taut path: its points, and its way round the cylinders that it wraps.

`path_geometry` knows what a path weighs on bodies; this is what it looks like. Decisions are those
of `wrapping`, so a course is as long as the path but for the chords of its arcs. For pictures: runs
on the host, once per pose, and has no derivative.
"""

import itertools
from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ..compilation import compiled
from ..dynamics.kinematics import Pose
from ..dynamics.spatial import body_fixed_xyz_rotation, compose, rotate
from ..model.paths import Paths
from .wrapping import (
    Arc,
    Cylinder,
    Decision,
    arc,
    decide,
    decide_pair,
    pair_arcs,
    quadrant_arrays,
    straight_length,
    wrap_rank,
)

_TURN = np.deg2rad(5.0)


def path_courses(
    paths: Paths,
    now: Pose,
    points: Float[ArrayLike, "path place 3"],
    turn: float = _TURN,
) -> tuple[Float[np.ndarray, "_ 3"], ...]:
    """Every path as a line through points in ground [m].

    - `points`: as `PathGeometry` has them, NaN where there is none.
    - `turn`: largest angle between neighbours on an arc [rad].
    """
    points = np.asarray(points)
    places = [np.flatnonzero(np.isfinite(row[:, 0])).tolist() for row in points]
    arcs: dict[tuple[int, int], list[np.ndarray]] = {}
    if any(paths.wraps):
        cylinders = _cylinders(paths, now)
        for path, place, around, sense, cylinder in _arcs(paths, points, places, cylinders):
            line = _round(around, sense, cylinder, turn)
            arcs.setdefault((path, place), []).append(line)
    return tuple(
        np.concatenate([part for k in own for part in (row[k : k + 1], *arcs.get((n, k), ()))])
        for n, (row, own) in enumerate(zip(points, places, strict=True))
    )


def _arcs(paths, points, places, cylinders) -> Iterator[tuple[int, int, Arc, float, Cylinder]]:
    """Path, place of the point before, tangent points, sense and cylinder of each arc, in order."""
    yield from _single_arcs(paths, points, places, cylinders)
    for n, wraps in enumerate(paths.wraps):
        if len(wraps) == 2:
            yield from _double_arcs(n, wraps, points[n], places[n], cylinders)


def _stretches(own, first, last):
    """Neighbouring places of a path that a wrap from `first` to `last` may bend."""
    return [(i, j) for i, j in itertools.pairwise(own) if first <= i and j <= last]


def _single_arcs(paths, points, places, cylinders):
    rows = [
        (n, i, j, wraps[0][0])
        for n, wraps in enumerate(paths.wraps)
        if len(wraps) == 1
        for i, j in _stretches(places[n], *wraps[0][1:])
    ]
    if not rows:
        return
    path, start, end, which = np.array(rows).T
    p, q = jnp.asarray(points[path, start]), jnp.asarray(points[path, end])
    own = _take(cylinders, which)
    found, rank = _decide_each(p, q, own, jnp.asarray(end))
    for n in np.unique(path):
        candidates = np.flatnonzero(path == n)
        best = candidates[np.argmin(np.asarray(rank)[candidates])]
        if np.isfinite(rank[best]):
            one = lambda record: _take(record, int(best))  # noqa: B023 - used at once
            yield int(n), int(start[best]), one(found.path), float(found.sense[best]), one(own)


@compiled
def _decide_each(p, q, cylinders, order) -> tuple[Decision, Float[Array, " n"]]:
    found = jax.vmap(decide)(p, q, cylinders)
    return found, wrap_rank(found, straight_length(p, q), order, True)


def _double_arcs(n, wraps, points, own, cylinders):
    """Arcs of one path over its two cylinders, in the order in which it meets them."""
    start, end = np.array(own[:-1]), np.array(own[1:])
    allowed = [(first <= start) & (end <= last) for _, first, last in wraps]
    pair = _take(cylinders, np.array([cylinder for cylinder, *_ in wraps]))
    p, q = jnp.asarray(points[start]), jnp.asarray(points[end])
    wrapped, stretch, order, arcs, sense = _decide_both(p, q, jnp.asarray(allowed), pair)
    for which in np.asarray(order):
        if wrapped[which]:
            one = lambda record: _take(record, int(which))  # noqa: B023 - used at once
            yield n, own[int(stretch[which])], one(arcs), float(sense[which]), one(pair)


@compiled
def _decide_both(p, q, allowed, pair):
    """Of each cylinder: whether it bends the path, on which stretch, the arc and its sense.

    The third is the order in which the path meets the two on a stretch that they share.
    """
    state = decide_pair(p, q, allowed, pair)
    swap = state.before[1]
    together = state.wraps[0] & state.wraps[1] & (state.after[1] | swap)
    order = jnp.where(swap, jnp.array([1, 0]), jnp.array([0, 1]))
    alone = jax.vmap(arc)(p[state.stretch], q[state.stretch], pair, state.sense)

    ordered, sense = _take(pair, order), state.sense[order]
    shared = state.stretch[0]
    cylinders = _take(ordered, 0), _take(ordered, 1)
    both = pair_arcs(p[shared], q[shared], *cylinders, sense, state.first[order[1]])
    both = jax.tree.map(lambda *arcs: jnp.stack(arcs)[order], *both)  # its own inverse
    arcs = jax.tree.map(lambda a, b: jnp.where(together, a, b), both, alone)
    return state.wraps, state.stretch, order, arcs, state.sense


def _round(around: Arc, sense: float, cylinder: Cylinder, turn: float):
    """Points from the first tangent point to the second, straight on the unrolled cylinder."""
    rotation, center = np.asarray(cylinder.rotation), np.asarray(cylinder.center)
    ends = (np.stack([around.first, around.second]) - center) @ rotation
    angle = np.arctan2(ends[:, 1], ends[:, 0])
    through = sense * (angle[1] - angle[0]) % (2.0 * np.pi)
    through = 0.0 if through > 2.0 * np.pi - 1e-6 else through  # a grazing touch, not a whole turn
    share = np.linspace(0.0, 1.0, 2 + int(through / turn))
    at = angle[0] + sense * through * share
    height = ends[0, 2] + share * (ends[1, 2] - ends[0, 2])
    radius = float(cylinder.radius)
    return center + np.stack([radius * np.cos(at), radius * np.sin(at), height], -1) @ rotation.T


@compiled
def _cylinders(paths: Paths, now: Pose) -> Cylinder:
    """Every cylinder in ground."""
    record = paths.cylinders
    body = np.array(record.bodies, dtype=int)
    eye = jnp.eye(3, dtype=now.rotation.dtype)[None]
    position = jnp.concatenate([now.position, jnp.zeros_like(now.position[:1])])[body]
    rotation = jnp.concatenate([now.rotation, eye])[body]
    axis, sign = quadrant_arrays(record.quadrants)
    return Cylinder(
        position + rotate(rotation, record.position),
        compose(rotation, body_fixed_xyz_rotation(record.orientation)),
        record.radius,
        record.length,
        jnp.asarray(axis),
        jnp.asarray(sign, position.dtype),
    )


def _take(record: eqx.Module, index):
    return jax.tree.map(lambda leaf: leaf[index], record)
