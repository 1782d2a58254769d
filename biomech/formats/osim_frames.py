"""Frames of an .osim file, each brought to the body (or ground) it is fixed in.

A `PhysicalOffsetFrame` stands in its parent frame at `translation` [m], turned by `orientation`
(body-fixed x-y-z angles [rad]); frames may be nested,

    p_body = p_outer + R_outer p_inner,     R_body = R_outer R_inner.

Frames are connected by component paths ("/bodyset/tibia_r", "../tibia_r", "tibia_r_offset"),
before version 4 by body names.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..model.names import BadInput, suggest
from .osim_document import Node, OsimDocument

GROUND = "ground"
_MAX_NESTING = 50
_MAX_REFERENCE = 1000


@dataclass(frozen=True)
class Place:
    """A frame in its body: `position` [m] and `orientation` (body-fixed x-y-z angles [rad])."""

    body: str
    position: tuple[float, ...] = (0.0, 0.0, 0.0)
    orientation: tuple[float, ...] = (0.0, 0.0, 0.0)

    def point(self, location: Sequence[float]) -> list[float]:
        """`location` in this frame, as a location in the body [m]."""
        if not any(self.orientation):
            return [p + x for p, x in zip(self.position, location)]
        moved = np.array(self.position) + rotation_matrix(self.orientation) @ np.array(location)
        return moved.tolist()

    def place(self, position: Sequence[float], orientation: Sequence[float]) -> "Place":
        """The frame at `position` and `orientation` in this one, as a frame of the body."""
        if not any(self.orientation):
            return Place(self.body, tuple(self.point(position)), tuple(orientation))
        turned = rotation_matrix(self.orientation) @ rotation_matrix(orientation)
        return Place(self.body, tuple(self.point(position)), tuple(xyz_angles(turned)))


def rotation_matrix(orientation: Sequence[float]) -> np.ndarray:
    """Rx(a) Ry(b) Rz(c) of body-fixed x-y-z angles [rad]."""
    (ca, cb, cc), (sa, sb, sc) = np.cos(orientation), np.sin(orientation)
    return np.array(
        [
            [cb * cc, -cb * sc, sb],
            [ca * sc + sa * sb * cc, ca * cc - sa * sb * sc, -sa * cb],
            [sa * sc - ca * sb * cc, sa * cc + ca * sb * sc, ca * cb],
        ]
    )


def xyz_angles(rotation: np.ndarray) -> list[float]:
    """Body-fixed x-y-z angles [rad] of a rotation matrix; the third is 0 where b is +-90 deg."""
    cosine = math.hypot(rotation[0, 0], rotation[0, 1])
    b = math.atan2(rotation[0, 2], cosine)
    if cosine > 1e-9:
        return [
            math.atan2(-rotation[1, 2], rotation[2, 2]),
            b,
            math.atan2(-rotation[0, 1], rotation[0, 0]),
        ]
    return [math.atan2(rotation[2, 1], rotation[1, 1]), b, 0.0]


class Frames:
    """Every body and offset frame of a document, found by component path or by name."""

    def __init__(self, document: OsimDocument):
        self._places: dict[str, Place] = {"/ground": Place(GROUND)}
        self._nodes: dict[str, Node] = {}
        for node in document.components:
            if node.tag == "Body" and node.name != GROUND:
                self._places[node.path] = Place(node.name)
            elif node.tag == "PhysicalOffsetFrame":
                if node.path in self._nodes:
                    raise BadInput(f"{node.where} is there twice. Rename or remove one.")
                self._nodes[node.path] = node
        self._bodies = frozenset(self._places)
        self._named: dict[str, list[str]] = {}
        for path in (*self._places, *self._nodes):
            self._named.setdefault(path.rsplit("/", 1)[-1], []).append(path)
        self._in_progress: set[str] = set()

    def find(self, reference: str, owner: Node) -> Place:
        """The frame that `owner` refers to by path or name."""
        if len(reference) > _MAX_REFERENCE:
            raise BadInput(
                f"{owner.where} refers to a frame by a path of {len(reference)} characters; at "
                f"most {_MAX_REFERENCE} are read."
            )
        path = self._path(reference, owner)
        if path in self._places:
            return self._places[path]
        if path in self._in_progress:
            raise BadInput(f"{self._nodes[path].where} is, through its parent frames, in itself.")
        node = self._nodes[path]
        parent = node.socket("parent")
        if parent is None:
            raise BadInput(f"{node.where} has no <socket_parent>: it is attached to nothing.")
        if len(self._in_progress) > _MAX_NESTING:
            raise BadInput(f"{node.where} stands in more than {_MAX_NESTING} nested frames.")
        self._in_progress.add(path)
        outer = self.find(parent, node)
        self._in_progress.remove(path)
        place = outer.place(
            node.vector("translation", 3, (0.0, 0.0, 0.0)),
            node.vector("orientation", 3, (0.0, 0.0, 0.0)),
        )
        self._places[path] = place
        return place

    def _path(self, reference: str, owner: Node) -> str:
        for candidate in _candidates(reference, owner.path):
            if candidate in self._places or candidate in self._nodes:
                return candidate
        name = reference.rstrip("/").rsplit("/", 1)[-1]
        same = self._named.get(name, [])
        for paths in (same, [path for path in same if path in self._bodies]):
            if len(paths) == 1:
                return paths[0]
        if same:
            raise BadInput(
                f"{owner.where} refers to '{reference}', which may be any of {same[:4]}."
            )
        raise BadInput(
            f"{owner.where} refers to the body or frame '{reference[:80]}', which this model does "
            f"not have. {suggest(name, list(self._named))}"
        )


def _candidates(reference: str, path: str):
    """Absolute paths a reference may mean: itself, or relative to `path` and to what holds it."""
    if reference.startswith("/"):
        yield reference.rstrip("/")
        return
    parts = path.strip("/").split("/")
    for depth in range(len(parts), -1, -1):
        at = parts[:depth]
        for step in reference.strip("/").split("/"):
            at = at[:-1] if step == ".." else at if step in (".", "") else [*at, step]
        yield "/" + "/".join(at)
