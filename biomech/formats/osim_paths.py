"""Lines of action of an .osim file: `GeometryPath` points and the cylinders they wrap over.

Points may be fixed (`PathPoint`), present within a coordinate's range (`ConditionalPathPoint`) or
moving with coordinates (`MovingPathPoint`); those given in an offset frame are brought to its
body. A `PathWrap`'s `<range>` counts all points of the path from 1, absent conditional ones
included, and -1 leaves an end open; here the first point is 0 and both ends are always given.
The `<method>` of a wrap matters for ellipsoids only and is not read.
"""

from collections import Counter
from typing import Any

from ..model.names import BadInput, suggest
from .osim_document import Node, OsimDocument, OsimReport
from .osim_frames import Frames
from .osim_joints import UnsupportedFunction, is_constant, read_function, require_coordinate

_MAX_WRAPS = 2
_QUADRANTS = {"unassigned": "all", "+x": "x", "+y": "y"} | {
    q: q for q in ("all", "x", "-x", "y", "-y")
}
_ZERO = (0.0, 0.0, 0.0)


class Wraps:
    """The wrap objects of a document and which of them paths have used.

    **Attributes:**

    - `nodes`: every wrap object by name, of any type.
    - `used`: names of the cylinders that some path wraps over, in the order of the file.
    """

    def __init__(self, document: OsimDocument, frames: Frames):
        self.nodes: dict[str, Node] = {}
        self._frames = frames
        self._holder: dict[str, Node] = {}
        self._twice: set[str] = set()
        self._used: set[str] = set()
        for holder in document.components:
            if holder.tag in ("Body", "Ground", "PhysicalOffsetFrame"):
                for node in holder.objects("WrapObjectSet"):
                    if node.name in self.nodes:
                        self._twice.add(node.name)
                    self.nodes[node.name] = node
                    self._holder[node.name] = holder

    @property
    def used(self) -> list[str]:
        """Names of the cylinders paths wrap over."""
        return [name for name in self.nodes if name in self._used]

    def use(self, name: str, owner: Node, report: OsimReport) -> bool:
        """Whether `owner`'s path wraps over `name`: a supported wrap object that is active."""
        if name not in self.nodes:
            raise BadInput(
                f"{owner.where} wraps over '{name[:80]}', which no body of this model has. "
                f"{suggest(name, list(self.nodes))}"
            )
        if name in self._twice:
            raise BadInput(f"{owner.where} wraps over '{name}', the name of two wrap objects.")
        node = self.nodes[name]
        if not node.flag("active", True):
            report.notes.append(f"{node.tag} '{name}' is not active in the file and was left out.")
            return False
        if node.tag != "WrapCylinder":
            report.refuse(
                owner.where,
                f"it wraps over the {node.tag} '{name}'; only WrapCylinder is supported.",
            )
            return False
        self._used.add(name)
        return True

    def describe(self, report: OsimReport) -> list[dict[str, Any]]:
        """The cylinders in use; the others are reported."""
        for name, node in self.nodes.items():
            report.read[node.tag] += 1
            if name not in self._used:
                if node.flag("active", True):
                    report.ignored.append(f"{node.tag} '{name}': no path wraps over it.")
                node.leave_out()
        return [self._cylinder(name, report) for name in self.used]

    def _cylinder(self, name: str, report: OsimReport) -> dict[str, Any]:
        node = self.nodes[name]
        written = node.text("quadrant", "all")
        quadrant = _QUADRANTS.get(written.lower())
        if quadrant is None:
            known = ", ".join(sorted(set(_QUADRANTS.values())))
            report.refuse(
                node.where, f"its quadrant is '{written[:20]}'; a cylinder's may be {known}."
            )
        place = self._frames.find(self._holder[name].path, node).place(
            node.vector("translation", 3, _ZERO), node.vector("xyz_body_rotation", 3, _ZERO)
        )
        return {
            "name": name,
            "body": place.body,
            "radius": _positive(node, "radius"),
            "length": _positive(node, "length"),
            "position": list(place.position),
            "orientation": list(place.orientation),
            "quadrant": quadrant or "all",
        }


def read_path(
    owner: Node, frames: Frames, coordinates: list[str], wraps: Wraps, report: OsimReport
) -> dict[str, Any] | None:
    """The path of a muscle or ligament; None, with the reason in the report, if unsupported."""
    path = owner.child("GeometryPath") or owner.named_child("path")
    if path is None:
        other = next((e.tag for e in owner.element if e.tag.endswith("Path")), None)
        if other is None:
            raise BadInput(f"{owner.where} has no <GeometryPath>.")
        return _refuse_path(owner, other, report)
    if path.tag != "GeometryPath":
        return _refuse_path(owner, path.tag, report)
    nodes = path.objects("PathPointSet")
    points = [_point(node, owner, frames, coordinates, report) for node in nodes]
    if len(points) < 2:
        raise BadInput(f"{owner.where} has a path of {len(points)} points; it needs at least 2.")
    _refuse_twice(owner, "points", [node.name for node in nodes if node.name])
    for node in nodes:
        report.read[node.tag] += 1
    described = [
        _wrap(node, owner, len(points), wraps, report) for node in path.objects("PathWrapSet")
    ]
    _refuse_twice(owner, "wraps", [wrap["cylinder"] for wrap in described if wrap is not None])
    stretches = [wrap for wrap in described if wrap is not None]
    if len(stretches) > _MAX_WRAPS:
        report.refuse(
            owner.where,
            f"it wraps over {len(stretches)} cylinders; at most {_MAX_WRAPS} are supported.",
        )
    return {"points": points, "wraps": stretches[:_MAX_WRAPS]}


def _refuse_twice(owner: Node, what: str, names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise BadInput(f"{owner.where}: {count} {what} of its path are named '{name}'.")


def _refuse_path(owner, tag, report):
    advice = ". Give the model with its GeometryPath; polynomial paths are fitted from it here."
    report.refuse(owner.where, f"its path is a {tag}; only GeometryPath is supported{advice}")


def _point(node: Node, owner: Node, frames: Frames, coordinates, report) -> dict[str, Any]:
    reference = node.socket("parent_frame") or node.optional_text("body")
    if reference is None:
        raise BadInput(f"{node.where} has no <socket_parent_frame>: it is fixed in no body.")
    place = frames.find(reference, node)
    if node.tag == "MovingPathPoint":
        if any((*place.position, *place.orientation)):
            report.refuse(
                owner.where, f"{node.tag} '{node.name}' moves in an offset frame, not in a body."
            )
        return {"body": place.body, "moving": _moving(node, owner, coordinates, report)}
    point: dict[str, Any] = {
        "body": place.body,
        "location": place.point(node.vector("location", 3, _ZERO)),
    }
    if node.tag == "ConditionalPathPoint":
        coordinate = node.socket("coordinate") or node.text("coordinate")
        low, high = node.vector("range", 2, finite=False)
        if low > high:
            raise BadInput(f"{node.where}: <range> runs from {low} down to {high}.")
        name = require_coordinate(coordinate, coordinates, node)
        point["condition"] = {"coordinate": name, "range": [low, high]}
    elif node.tag != "PathPoint":
        report.refuse(owner.where, f"{node.tag} is not among the supported kinds of path point.")
    return point


def _moving(node: Node, owner: Node, coordinates, report) -> list[dict[str, Any]]:
    axes = []
    for axis in "xyz":
        function = {"kind": "constant", "value": 0.0}
        found = node.named_child(f"{axis}_location")
        if found is not None:
            try:
                function = read_function(found)
            except UnsupportedFunction as error:
                report.refuse(owner.where, f"{axis}_location of {node.name}: {error}.")
        reference = node.socket(f"{axis}_coordinate") or node.optional_text(f"{axis}_coordinate")
        name = None if reference is None else require_coordinate(reference, coordinates, node)
        if name is None and not is_constant(function):
            raise BadInput(f"{node.where}: {axis}_location varies but has no coordinate.")
        if is_constant(function):
            name = None  # OpenSim wants a coordinate there too
        axes.append({"coordinate": name, "function": function})
    return axes


def _wrap(node: Node, owner: Node, count: int, wraps: Wraps, report) -> dict[str, Any] | None:
    name = node.text("wrap_object")
    if not wraps.use(name, owner, report):
        return None
    start, end = (_whole(node, value) for value in node.vector("range", 2, (-1.0, -1.0)))
    first, last = (0 if start < 1 else start - 1), (count - 1 if end < 1 else end - 1)
    if not 0 <= first < last < count:
        raise BadInput(
            f"{node.where}: <range> is {start} {end}; it needs two different points of 1 to "
            f"{count}, the first one first."
        )
    return {"cylinder": name, "first": first, "last": last}


def _whole(node: Node, value: float) -> int:
    if value != int(value):
        raise BadInput(f"{node.where}: <range> holds {value}; it needs whole numbers.")
    return int(value)


def _positive(node: Node, key: str) -> float:
    value = node.number(key, 1.0)
    if value <= 0.0:
        raise BadInput(f"{node.where}: <{key}> is {value}; it must be positive.")
    return value
