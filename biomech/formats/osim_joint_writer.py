"""Joints, coordinates and coordinate couplers of a described model as objects of an .osim file.

A joint is a `CustomJoint` between two offset frames, or, if nothing moves it, a `WeldJoint` whose
parent frame takes up whatever constant turn and shift it has.

OpenSim wants the three rotation axes of a `CustomJoint` to differ, and so the three translation
axes. An axis that does not move may point anywhere, so here it points out of the others' way.
"""

from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from .osim_elements import ExportReport, add_list, add_properties, new_object
from .osim_frames import Place, rotation_matrix, xyz_angles
from .osim_function_writer import function_object
from .osim_joints import AXES, motion_type
from .osim_names import legal_name, member_name

_PARALLEL = 1e-5  # sine between axes that OpenSim 4.6 just takes as different
_UNIT = np.eye(3)


def body_path(body: str) -> str:
    """Where a body or ground is in the file."""
    return "/ground" if body == "ground" else f"/bodyset/{body}"


def joint_objects(description: dict[str, Any], report: ExportReport) -> list[Element]:
    """The members of the `JointSet`, so ordered that the coordinates come in the model's order."""
    coordinates = {c["name"]: c for c in description["coordinates"]}
    place = {name: i for i, name in enumerate(coordinates)}
    own = [_own_coordinates(joint, coordinates) for joint in description["joints"]]
    first = [min((place[name] for name in names), default=len(place)) for names in own]
    order = sorted(range(len(own)), key=lambda i: first[i])
    written = [name for i in order for name in own[i]]
    if written != list(coordinates):
        report.changed.append(f"Coordinates come in the order of the joints: {', '.join(written)}.")
    return [_joint(description["joints"][i], coordinates, report) for i in order]


def coordinate_path(description: dict[str, Any], coordinate: str) -> str:
    """Where a coordinate is in the file."""
    for joint in description["joints"]:
        if any(axis["coordinate"] == coordinate for axis in joint["axes"]):
            return f"/jointset/{joint['name']}/{coordinate}"
    raise AssertionError(f"coordinate '{coordinate}' moves no joint")


def coupler_objects(description: dict[str, Any], report: ExportReport) -> list[Element]:
    """The members of the `ConstraintSet`."""
    ranges = {c["name"]: tuple(c["range"]) for c in description["coordinates"]}
    return [_coupler(coupler, ranges, report) for coupler in description["couplers"]]


def _coupler(coupler, ranges, report: ExportReport) -> Element:
    made = new_object("CoordinateCouplerConstraint", coupler["name"], isEnforced=True)
    where = f"The coupling of '{coupler['dependent']}' to '{coupler['independent']}'"
    span = ranges[coupler["independent"]]
    function = function_object(coupler["function"], where, report, span)
    add_list(made, "coupled_coordinates_function", [function])
    add_properties(
        made,
        {
            "independent_coordinate_names": coupler["independent"],
            "dependent_coordinate_name": coupler["dependent"],
        },
    )
    return made


def _own_coordinates(joint, coordinates) -> list[str]:
    used = {axis["coordinate"] for axis in joint["axes"]}
    return [name for name in coordinates if name in used]


def _joint(joint, coordinates, report: ExportReport) -> Element:
    names = _own_coordinates(joint, coordinates)
    parent, child = _end(joint, "parent"), _end(joint, "child")
    kind = "CustomJoint" if names else "WeldJoint"
    if not names:
        parent = _shifted(parent, joint["axes"])
    taken = set(names)
    ends = [legal_name(member_name(place.body, "_offset"), taken) for place in (parent, child)]
    made = new_object(kind, joint["name"], socket_parent_frame=ends[0], socket_child_frame=ends[1])
    listed = [_coordinate(coordinates[name], joint, report) for name in names]
    add_list(made, "coordinates", listed)
    frames = [_frame(*end) for end in zip(ends, (parent, child), strict=True)]
    add_list(made, "frames", frames)
    if names:
        made.append(_spatial_transform(joint, coordinates, report))
    return made


def _end(joint, end: str) -> Place:
    position, orientation = joint[f"{end}_position"], joint[f"{end}_orientation"]
    return Place(joint[end], tuple(position), tuple(orientation))


def _shifted(parent: Place, axes) -> Place:
    """The parent's frame moved by what the axes of a joint say that nothing moves."""
    amounts = [axis["function"]["value"] for axis in axes]
    if not any(amounts):
        return parent
    directions = np.array([axis["axis"] for axis in axes])
    turn = np.eye(3)
    for direction, angle in zip(directions[:3], amounts[:3], strict=True):
        turn = turn @ _turn(direction, angle)
    shift = np.array(amounts[3:]) @ directions[3:]
    rotation = rotation_matrix(parent.orientation)
    position = np.array(parent.position) + rotation @ shift
    return Place(parent.body, tuple(position.tolist()), tuple(xyz_angles(rotation @ turn)))


def _turn(direction: np.ndarray, angle: float) -> np.ndarray:
    """Rotation matrix of `angle` [rad] about a unit vector (Rodrigues' formula)."""
    x, y, z = direction
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross


def _frame(name: str, place: Place) -> Element:
    return new_object(
        "PhysicalOffsetFrame",
        name,
        socket_parent=body_path(place.body),
        translation=list(place.position),
        orientation=list(place.orientation),
    )


def _coordinate(coordinate, joint, report: ExportReport) -> Element:
    taken_as = motion_type(coordinate["name"], joint["axes"])
    if taken_as != coordinate["motion_type"]:
        report.changed.append(
            f"The coordinate '{coordinate['name']}' is {coordinate['motion_type']}; of what it "
            f"moves, a file makes it {taken_as}."
        )
    return new_object(
        "Coordinate",
        coordinate["name"],
        default_value=coordinate["default"],
        range=coordinate["range"],
        clamped=coordinate["clamped"],
        locked=coordinate["locked"],
    )


def _spatial_transform(joint, coordinates, report: ExportReport) -> Element:
    made = Element("SpatialTransform")
    directions = [
        *_directions(joint, 0, report),
        *_directions(joint, 3, report),
    ]
    for name, axis, direction in zip(AXES, joint["axes"], directions, strict=True):
        driver = axis["coordinate"]
        written = new_object("TransformAxis", name, coordinates=driver or "", axis=direction)
        where = f"The function of {name} of joint '{joint['name']}'"
        span = tuple(coordinates[driver]["range"]) if driver else (0.0, 0.0)
        add_list(written, "function", [function_object(axis["function"], where, report, span)])
        made.append(written)
    return made


def _directions(joint, start: int, report: ExportReport) -> list[list[float]]:
    """Of three axes, no two of them parallel."""
    axes = joint["axes"][start : start + 3]
    found: dict[int, np.ndarray] = {}
    for i, axis in enumerate(axes):
        if not _is_idle(axis):
            direction = np.array(axis["axis"])
            if _blocked(direction, found):
                names = ", ".join(AXES[start : start + 3])
                report.refuse(f"Joint '{joint['name']}'", f"two axes among {names} are parallel.")
            found[i] = direction
    for i, axis in enumerate(axes):
        if i not in found:
            choices = [np.array(axis["axis"]), *_UNIT]
            found[i] = next(d for d in choices if not _blocked(d, found))
    return [found[i].tolist() for i in range(3)]


def _is_idle(axis) -> bool:
    return axis["coordinate"] is None and axis["function"]["value"] == 0.0


def _blocked(direction: np.ndarray, others: dict[int, np.ndarray]) -> bool:
    crosses = (np.cross(direction, other) for other in others.values())
    return any(np.linalg.norm(cross) < _PARALLEL for cross in crosses)
