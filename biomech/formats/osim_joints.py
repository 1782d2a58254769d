"""Joints, coordinates and coordinate couplers of an .osim file, as six-axis spatial transforms.

OpenSim's `CustomJoint` is three rotations about axes fixed in successive frames, then three
translations along axes of the joint's parent frame, each a function of one coordinate. The other
supported types are special cases,

    PinJoint        rotation about z              UniversalJoint  rotations about x, then y
    GimbalJoint     rotations about x, y, z       SliderJoint     translation along x
    PlanarJoint     rotation about z, translations along x and y
    WeldJoint       none

Axes need not be unit vectors nor orthogonal. OpenSim turns about the direction of a rotation axis
and moves along the direction of a translation axis: their lengths do not count.
An axis without a coordinate, or without a function, does not move. A `SimmSpline` is extended by
straight lines.
"""

from itertools import pairwise
from typing import Any

from ..model.names import BadInput, suggest
from .osim_document import Node, OsimDocument, OsimReport
from .osim_expressions import read_piecewise
from .osim_frames import GROUND, Frames, Place

AXES = ("rotation1", "rotation2", "rotation3", "translation1", "translation2", "translation3")
_DIRECTIONS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

# Which directions (x 0, y 1, z 2) a joint's coordinates turn about and move along, in order.
_SIMPLE_JOINTS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "WeldJoint": ((), ()),
    "PinJoint": ((2,), ()),
    "SliderJoint": ((), (0,)),
    "UniversalJoint": ((0, 1), ()),
    "GimbalJoint": ((0, 1, 2), ()),
    "PlanarJoint": ((2,), (0, 1)),
}
_ALIASES = {"NaturalCubicSpline": "SimmSpline", "natCubicSpline": "SimmSpline"}
_MAX_KNOTS, _MAX_POWERS, _MAX_COORDINATES = 1000, 50, 1000
_FUNCTION_NAMES = "Constant, LinearFunction, PolynomialFunction, SimmSpline, MultiplierFunction"
_CONSTANT_ZERO = {"kind": "constant", "value": 0.0}
_IDENTITY = {"kind": "linear", "slope": 1.0, "intercept": 0.0}


def is_joint(node: Node) -> bool:
    """Whether a component is a joint of any type."""
    return node.tag.endswith("Joint") or node.group == "JointSet"


def is_constraint(node: Node) -> bool:
    """Whether a component is a constraint of any type."""
    return node.tag.endswith("Constraint") or node.group == "ConstraintSet"


# --- functions --------------------------------------------------------------------------------


class UnsupportedFunction(Exception):
    """A function type that joints, points or ligaments here cannot have."""


def read_function(node: Node) -> dict[str, Any]:
    """The plain description of a function of one argument.

    **Raises:** `UnsupportedFunction` with its type; `BadInput` for wrong numbers.
    """
    tag = _ALIASES.get(node.tag, node.tag)
    if tag == "Constant":
        return {"kind": "constant", "value": node.number("value", 0.0)}
    if tag == "LinearFunction":
        slope, intercept = node.vector("coefficients", 2, (1.0, 0.0))
        return {"kind": "linear", "slope": slope, "intercept": intercept}
    if tag == "PolynomialFunction":
        descending = node.vector("coefficients", None, (1.0,))
        if len(descending) > _MAX_POWERS:
            raise BadInput(
                f"{node.where} has {len(descending)} coefficients; at most {_MAX_POWERS}."
            )
        return {"kind": "polynomial", "coefficients": descending[::-1]}
    if tag == "SimmSpline":
        return _read_spline(node)
    if tag == "MultiplierFunction":
        inner = node.named_child("function")
        if inner is None:
            raise BadInput(f"{node.where} multiplies no <function>.")
        function = read_function(inner)
        scale = node.number("scale", 1.0) * function.get("scale", 1.0)
        return {**function, "scale": scale}
    if tag == "ExpressionBasedFunction":
        return _read_expression(node)
    raise UnsupportedFunction(f"{node.tag} is not among the functions {_FUNCTION_NAMES}")


def _read_expression(node: Node) -> dict[str, Any]:
    """A function in pieces as the writer puts it; no other expression is understood."""
    function = read_piecewise(node.text("expression"))
    if function is None or node.text("variables") != "x":
        raise UnsupportedFunction(
            f"{node.tag} is supported only for functions in pieces, as they are written here"
        )
    return function


def _read_spline(node: Node) -> dict[str, Any]:
    x, y = node.vector("x", None), node.vector("y", None)
    if len(x) != len(y) or len(x) < 2:
        raise BadInput(
            f"{node.where} has {len(x)} <x> and {len(y)} <y> values; it needs as many of both, "
            "and at least 2."
        )
    if len(x) > _MAX_KNOTS:
        raise BadInput(f"{node.where} has {len(x)} knots; at most {_MAX_KNOTS} are read.")
    if any(b <= a for a, b in pairwise(x)):
        raise BadInput(f"{node.where}: the values of <x> must increase.")
    return {"kind": "simm_spline", "x": x, "y": y}


def is_constant(function: dict[str, Any]) -> bool:
    """Whether a described function does not depend on its argument."""
    kind = function["kind"]
    if kind == "linear":
        return function["slope"] == 0.0
    if kind == "polynomial":
        return not any(function["coefficients"][1:])
    return kind == "constant"


# --- joints -----------------------------------------------------------------------------------


def read_joints(
    document: OsimDocument, frames: Frames, report: OsimReport
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Descriptions of all joints, and of all coordinates in the joints' order."""
    joints, coordinates = [], []
    for node in document.components:
        if is_joint(node):
            axes, own = _read_joint(node, report)
            joints.append(_connect(node, frames, report) | {"axes": axes})
            coordinates.extend(own)
            report.read[node.tag] += 1
        if len(coordinates) > _MAX_COORDINATES:
            raise BadInput(f"The model has more than {_MAX_COORDINATES} coordinates.")
    return joints, coordinates


def _connect(node: Node, frames: Frames, report: OsimReport) -> dict[str, Any]:
    """Name, bodies and frames of a joint."""
    if node.flag("reverse", False):
        report.refuse(node.where, "it is reversed (<reverse>). Swap its parent and child.")
    parent, child = _joint_frames(node, frames)
    name = node.name or f"{parent.body}_{child.body}"
    if child.body == GROUND:
        report.refuse(node.where, "its child is ground. Swap its parent and child.")
    if child.body == parent.body:
        raise BadInput(f"{node.where} joins '{child.body}' to itself.")
    return {
        "name": name,
        "parent": parent.body,
        "child": child.body,
        "parent_position": list(parent.position),
        "parent_orientation": list(parent.orientation),
        "child_position": list(child.position),
        "child_orientation": list(child.orientation),
    }


def _joint_frames(node: Node, frames: Frames) -> tuple[Place, Place]:
    zero = (0.0, 0.0, 0.0)
    old_parent = node.optional_text("parent_body")
    if old_parent is not None:  # before version 4: the joint stands inside its child body
        parent = frames.find(old_parent, node)
        child = frames.find(node.body_around, node)
        return (
            parent.place(
                node.vector("location_in_parent", 3, zero),
                node.vector("orientation_in_parent", 3, zero),
            ),
            child.place(node.vector("location", 3, zero), node.vector("orientation", 3, zero)),
        )
    ends = []
    for key in ("parent_frame", "child_frame"):
        reference = node.socket(key)
        if reference is None:
            raise BadInput(f"{node.where} has no <socket_{key}>: it joins nothing there.")
        ends.append(frames.find(reference, node))
    return ends[0], ends[1]


def _read_joint(node: Node, report: OsimReport):
    """Six axes and the coordinates of a joint."""
    listed = node.objects("coordinates") or node.objects("CoordinateSet")
    if node.tag == "CustomJoint":
        axes = _spatial_transform(node, report)
        used = list(dict.fromkeys(a["coordinate"] for a in axes if a["coordinate"]))
        names = [c.name for c in listed]
        known = [c for c in listed if c.name in used]
        for name in names:
            if name not in used:
                raise BadInput(f"{node.where}: coordinate '{name}' drives none of its axes.")
        coordinates = [_coordinate(c, motion_type(c.name, axes), report) for c in known]
        missing = [name for name in used if name not in names]
        coordinates += [_unlisted(name, motion_type(name, axes)) for name in missing]
        return axes, coordinates
    turns, moves = _SIMPLE_JOINTS.get(node.tag, ((), ()))
    if node.tag not in _SIMPLE_JOINTS:
        supported = ", ".join(("CustomJoint", *_SIMPLE_JOINTS))
        report.refuse(node.where, f"joints of this type are not supported; these are: {supported}.")
        axes = _simple_axes(node, [], (), ())
        return axes, [_coordinate(c, "rotational", report) for c in listed]
    count = len(turns) + len(moves)
    if len(listed) > count:
        raise BadInput(f"{node.where} has {len(listed)} coordinates; a {node.tag} has {count}.")
    names = [c.name or f"{node.name}_coord_{i}" for i, c in enumerate(listed)]
    names += [f"{node.name}_coord_{i}" for i in range(len(listed), count)]
    kinds = ["rotational"] * len(turns) + ["translational"] * len(moves)
    coordinates = [_coordinate(c, kind, report, n) for c, kind, n in zip(listed, kinds, names)]
    coordinates += [_unlisted(n, kind) for n, kind in list(zip(names, kinds))[len(listed) :]]
    return _simple_axes(node, names, turns, moves), coordinates


def _simple_axes(node, names, turns, moves) -> list[dict[str, Any]]:
    """Axes of a joint whose coordinates turn and move along x, y, z in a fixed order."""

    def three(order, own):
        rest = [i for i in range(3) if i not in order]
        axes = [
            {"axis": list(_DIRECTIONS[i]), "coordinate": name, "function": dict(_IDENTITY)}
            for i, name in zip(order, own)
        ]
        idle = {"coordinate": None, "function": dict(_CONSTANT_ZERO)}
        return axes + [{"axis": list(_DIRECTIONS[i]), **idle} for i in rest]

    return three(turns, names[: len(turns)]) + three(moves, names[len(turns) :])


def _spatial_transform(node: Node, report: OsimReport) -> list[dict[str, Any]]:
    transform = node.child("SpatialTransform") or node.named_child("SpatialTransform")
    for element in () if transform is None else transform.element:
        if element.get("name") not in AXES:
            raise BadInput(
                f"{node.where}: a <{element.tag}> of its SpatialTransform is called "
                f"'{element.get('name')}'. {suggest(element.get('name') or '', AXES)}"
            )
    axes = []
    for i, name in enumerate(AXES):
        axis = None if transform is None else transform.named_child(name)
        default = _DIRECTIONS[i % 3]
        if axis is None:
            idle = {"coordinate": None, "function": dict(_CONSTANT_ZERO)}
            axes.append({"axis": list(default), **idle})
        else:
            axes.append(_transform_axis(axis, node, default, report))
    return axes


def _transform_axis(axis: Node, joint: Node, default, report) -> dict[str, Any]:
    coordinates = (axis.optional_text("coordinates") or "").split()
    if len(coordinates) > 1:
        report.refuse(
            joint.where,
            f"{axis.name} depends on {len(coordinates)} coordinates ({', '.join(coordinates)}); "
            "at most one is supported.",
        )
    coordinate = coordinates[0] if coordinates else None
    node = axis.named_child("function")
    if node is None:
        function = dict(_CONSTANT_ZERO)
    else:
        try:
            function = read_function(node)
        except UnsupportedFunction as error:
            report.refuse(joint.where, f"{axis.name}: {error}.")
            function = dict(_IDENTITY if coordinate else _CONSTANT_ZERO)
    if coordinate is None and not is_constant(function):
        raise BadInput(f"{axis.where} has a {function['kind']} function but no <coordinates>.")
    direction = axis.vector("axis", 3, default)
    if not any(direction):
        raise BadInput(f"{axis.where}: <axis> is 0 0 0; it must point somewhere.")
    return {"axis": direction, "coordinate": coordinate, "function": function}


def motion_type(name: str, axes: list[dict[str, Any]]) -> str:
    """Rotational if the coordinate turns anything (a knee's also moves it), else translational."""
    turns = any(axis["coordinate"] == name for axis in axes[:3])
    return "rotational" if turns else "translational"


def _coordinate(node: Node, motion_type: str, report: OsimReport, name: str = "") -> dict[str, Any]:
    name = node.name or name
    if not name:
        raise BadInput(f"{node.where} has no name.")
    if node.flag("prescribed", False):
        report.refuse(
            node.where, "it is prescribed. Set <prescribed> to false; trials give motion."
        )
    low, high = node.vector("range", 2, (-10.0, 10.0), finite=False)
    if low > high:
        raise BadInput(f"{node.where}: <range> runs from {low} down to {high}.")
    report.read["Coordinate"] += 1
    return {
        "name": name,
        "motion_type": motion_type,
        "default": node.number("default_value", 0.0),
        "range": [low, high],
        "locked": node.flag("locked", False),
        "clamped": node.flag("clamped", False),
    }


def _unlisted(name: str, motion_type: str) -> dict[str, Any]:
    """A coordinate that a joint has without the file describing it: OpenSim's defaults."""
    return {
        "name": name,
        "motion_type": motion_type,
        "default": 0.0,
        "range": [-10.0, 10.0],
        "locked": False,
        "clamped": False,
    }


# --- couplers and other constraints -----------------------------------------------------------


def read_couplers(
    document: OsimDocument, coordinates: list[str], report: OsimReport
) -> list[dict[str, Any]]:
    """Descriptions of all coordinate couplers in force; other constraints are refused."""
    couplers = []
    for node in document.components:
        if not is_constraint(node):
            continue
        report.read[node.tag] += 1
        if node.flag("isDisabled", False) or not node.flag("isEnforced", True):
            report.notes.append(f"{node.where} is not enforced in the file and was left out.")
            node.leave_out()
        elif node.tag != "CoordinateCouplerConstraint":
            report.refuse(
                node.where, "of constraints, only CoordinateCouplerConstraint is supported."
            )
        elif (coupler := _coupler(node, coordinates, report)) is not None:
            couplers.append(coupler)
    return couplers


def _coupler(node: Node, coordinates: list[str], report: OsimReport) -> dict[str, Any] | None:
    independent = node.text("independent_coordinate_names").split()
    dependent = node.text("dependent_coordinate_name")
    for name in (*independent, dependent):
        require_coordinate(name, coordinates, node)
    function = node.named_child("coupled_coordinates_function")
    if function is None:
        raise BadInput(f"{node.where} has no <coupled_coordinates_function>.")
    if len(independent) != 1:
        report.refuse(
            node.where, f"it has {len(independent)} independent coordinates; 1 is supported."
        )
        return None
    try:
        described = read_function(function)
    except UnsupportedFunction as error:
        report.refuse(node.where, f"{error}.")
        return None
    scale = node.number("scale_factor", 1.0) * described.get("scale", 1.0)
    if scale != 1.0:
        described["scale"] = scale
    name = node.name or f"{dependent}_follows_{independent[0]}"
    return {
        "name": name,
        "dependent": dependent,
        "independent": independent[0],
        "function": described,
    }


def require_coordinate(reference: str, coordinates: list[str], owner: Node) -> str:
    """The coordinate's name from a name or a component path; an error if there is none such."""
    name = reference.rstrip("/").rsplit("/", 1)[-1]
    if name not in coordinates:
        raise BadInput(
            f"{owner.where} refers to the coordinate '{reference[:80]}', which this model does "
            f"not have. {suggest(name, coordinates)}"
        )
    return name
