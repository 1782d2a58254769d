"""Which point pulls on which: the index tables of a set of paths, made once on the host.

Points of all paths stand in one row, path after path. A *stretch* joins a point to the next one in
use; where points may be absent (conditional points) every pair that can become neighbours is a
stretch of its own. A *span* is a part of a stretch between two different bodies: the whole
stretch, or, where it may touch a cylinder, the part before and the part after. Only spans load
bodies: what pulls within one body cancels.
"""

import dataclasses
import functools

import numpy as np

from ..model.paths import Paths

Rows = np.ndarray
"""Whole numbers, one per row of a table."""


@dataclasses.dataclass(frozen=True)
class Spans:
    """Path of every span, and the bodies it starts on and ends on (-1 ground)."""

    path: Rows
    start_body: Rows
    end_body: Rows


@dataclasses.dataclass(frozen=True)
class SingleWraps:
    """Paths with one cylinder: a row for each stretch that may touch it.

    `table`: [path with one cylinder, place] -> row; the number of rows where there is none.
    """

    stretch: Rows
    cylinder: Rows
    group: Rows
    place: Rows
    table: Rows


@dataclasses.dataclass(frozen=True)
class DoubleWraps:
    """Paths with two cylinders: a row for each path, all its stretches side by side.

    - `stretch`: [row, place], -1 where there is none.
    - `allowed`: [row, cylinder, place], whether the stretch may touch that cylinder.
    - `cylinder`: [row, 2].
    """

    stretch: Rows
    allowed: np.ndarray
    cylinder: Rows


@dataclasses.dataclass(frozen=True, eq=False)  # one object per structure: hashed by identity
class PathLayout:
    """Index tables of a set of paths.

    - `point_path`, `point_place`, `point_body`: of every point in the row of all points.
    - `within`: path and end points (in that row) of every stretch that never changes: straight from
      one point of a body to another. All others are below.
    - `moving`, `moving_path`, `moving_coordinates`: of every moving point the row, the path and the
      coordinates of its x, y, z (-1 where constant).
    - `stretch_path`, `start`, `end`: path and end points of every stretch.
    - `gaps`: (stretch, point) for each point that must be absent for a stretch to be in use.
    - `near`, `far`, `between`: the spans by where their pull is felt. `near` and `far` list
      stretches, by their pull at the first and at the last point; `between` lists
      those of `doubles`, by their pull between the two cylinders. `spans` holds near, far and
      between, in this order.
    """

    point_path: Rows
    point_place: Rows
    point_body: Rows
    within: Rows
    moving: Rows
    moving_path: Rows
    moving_coordinates: Rows
    stretch_path: Rows
    start: Rows
    end: Rows
    gaps: Rows
    singles: SingleWraps
    doubles: DoubleWraps
    near: Rows
    far: Rows
    between: Rows
    spans: Spans


def path_layout(paths: Paths) -> PathLayout:
    """The index tables of `paths`; remembered for paths of the same structure."""
    maybe = tuple((row, column) for row, column, _ in paths.conditional)
    cylinders = paths.cylinders.bodies
    moving = tuple(zip(paths.moving, paths.moving_coordinates, strict=True))
    return _path_layout(paths.point_bodies, maybe, moving, paths.wraps, cylinders)


@functools.lru_cache(maxsize=64)
def _path_layout(point_bodies, maybe, moving, wraps, cylinder_bodies):
    point_path = [n for n, bodies in enumerate(point_bodies) for _ in bodies]
    point_place = [k for bodies in point_bodies for k in range(len(bodies))]
    point_body = [body for bodies in point_bodies for body in bodies]
    first_point = np.cumsum([0, *(len(bodies) for bodies in point_bodies)])

    every = [
        (n, i, j)
        for n, bodies in enumerate(point_bodies)
        for i, j in _neighbours(len(bodies), [k for row, k in maybe if row == n])
    ]
    crosses = lambda n, i, j: point_bodies[n][i] != point_bodies[n][j]

    def changes(n, i, j):
        around = any(first <= i and j <= last for _, first, last in wraps[n])
        loose = {*maybe, *(own for own, _ in moving)} & {(n, i), (n, j)}
        return crosses(n, i, j) or around or loose or j - i > 1

    point = lambda n, place: first_point[n] + place
    within = [(n, point(n, i), point(n, j)) for n, i, j in every if not changes(n, i, j)]
    stretches = [stretch for stretch in every if changes(*stretch)]
    if not any(len(of_path) == 2 for of_path in wraps):  # there, order along the path counts
        stretches.sort(key=lambda stretch: not crosses(*stretch))
    gaps = [
        (s, first_point[n] + k) for s, (n, i, j) in enumerate(stretches) for k in range(i + 1, j)
    ]

    def touching(n, which):
        _, first, last = wraps[n][which]
        return [s for s, (m, i, j) in enumerate(stretches) if m == n and first <= i and j <= last]

    body = lambda s, place: point_body[first_point[stretches[s][0]] + stretches[s][place]]
    singles = _single_wraps(wraps, touching)
    doubles = _double_wraps(wraps, stretches, touching)

    wrapped = {*singles.stretch.tolist(), *doubles.stretch.ravel().tolist()}
    plain = [s for s in range(len(stretches)) if s not in wrapped]
    near = [(s, body(s, 1), body(s, 2)) for s in plain]
    far, between = [], []
    for s, cylinder in zip(singles.stretch.tolist(), singles.cylinder.tolist(), strict=True):
        near.append((s, body(s, 1), cylinder_bodies[cylinder]))
        far.append((s, cylinder_bodies[cylinder], body(s, 2)))
    for row, cylinders in enumerate(doubles.cylinder.tolist()):
        one, other = (cylinder_bodies[c] for c in cylinders)
        for s in doubles.stretch[row].tolist():
            if s >= 0:
                near.append((s, body(s, 1), one))
                far.append((s, other, body(s, 2)))
                between.append((s, one, other))
    crossing = lambda spans: [span for span in spans if span[1] != span[2]]
    near, far, between = crossing(near), crossing(far), crossing(between)
    spans = near + far + between
    return PathLayout(
        point_path=_rows(point_path),
        point_place=_rows(point_place),
        point_body=_rows(point_body),
        within=_rows(within).reshape(-1, 3),
        moving=_rows([point(*own) for own, _ in moving]),
        moving_path=_rows([n for (n, _), _ in moving]),
        moving_coordinates=_rows([own for _, own in moving]).reshape(-1, 3),
        stretch_path=_rows([n for n, _, _ in stretches]),
        start=_rows([first_point[n] + i for n, i, _ in stretches]),
        end=_rows([first_point[n] + j for n, _, j in stretches]),
        gaps=_rows(gaps).reshape(-1, 2),
        singles=singles,
        doubles=doubles,
        near=_rows([s for s, _, _ in near]),
        far=_rows([s for s, _, _ in far]),
        between=_rows([s for s, _, _ in between]),
        spans=Spans(
            path=_rows([stretches[s][0] for s, _, _ in spans]),
            start_body=_rows([start for _, start, _ in spans]),
            end_body=_rows([end for _, _, end in spans]),
        ),
    )


def _neighbours(count, maybe):
    """Pairs of points that are next to each other when those of `maybe` between them are absent."""
    return [
        (i, j)
        for j in range(1, count)
        for i in range(j - 1, -1, -1)
        if all(k in maybe for k in range(i + 1, j))
    ]


def _single_wraps(wraps, touching):
    groups = [n for n, of_path in enumerate(wraps) if len(of_path) == 1]
    rows = [(s, wraps[n][0][0], group) for group, n in enumerate(groups) for s in touching(n, 0)]
    group = _rows([row[2] for row in rows])
    place = _rows([int(np.sum(group[:k] == group[k])) for k in range(len(rows))])
    table = np.full((len(groups), int(place.max(initial=-1)) + 1), len(rows))
    table[group, place] = np.arange(len(rows))
    stretch, cylinder = _rows([row[0] for row in rows]), _rows([row[1] for row in rows])
    return SingleWraps(stretch, cylinder, group, place, table)


def _double_wraps(wraps, stretches, touching):
    paths = [n for n, of_path in enumerate(wraps) if len(of_path) == 2]
    own = [[s for s, (m, _, _) in enumerate(stretches) if m == n] for n in paths]
    width = max(map(len, own), default=0)
    stretch = np.full((len(paths), width), -1)
    allowed = np.zeros((len(paths), 2, width), bool)
    for row, n in enumerate(paths):
        stretch[row, : len(own[row])] = own[row]
        for which in (0, 1):
            allowed[row, which] = np.isin(stretch[row], touching(n, which))
    cylinder = _rows([[wraps[n][0][0], wraps[n][1][0]] for n in paths]).reshape(-1, 2)
    return DoubleWraps(stretch, allowed, cylinder)


def _rows(values):
    return np.array(values, dtype=int)
