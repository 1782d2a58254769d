"""Lines of action and wrap cylinders of a described model as objects of an .osim file.

A `PathWrap` counts all points of a path from 1; -1 -1 means from the first to the last. In OpenSim
a moving point follows one coordinate, which is named for x, y and z alike.
"""

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element

from .osim_elements import ExportReport, add_list, add_properties, add_set, new_object
from .osim_function_writer import function_object
from .osim_joint_writer import body_path
from .osim_joints import is_constant
from .osim_names import member_name


def path_object(
    owner: dict[str, Any],
    where: str,
    coordinate_path: Callable[[str], str],
    report: ExportReport,
) -> Element:
    """The `GeometryPath` of a muscle or ligament."""
    path = owner["path"]
    points = []
    for i, point in enumerate(path["points"]):
        name = member_name(owner["name"], f"-P{i + 1}")
        points.append(_point(point, name, f"{where}, point {i + 1}", coordinate_path, report))
    count = len(points)
    wraps = [_wrap(wrap, f"wrap{i + 1}", count) for i, wrap in enumerate(path["wraps"])]
    made = new_object("GeometryPath", "path")
    add_set(made, "PathPointSet", points)
    add_set(made, "PathWrapSet", wraps)
    return made


def _point(point, name, where, coordinate_path, report: ExportReport) -> Element:
    frame = body_path(point["body"])
    if "moving" in point:
        if "condition" in point:
            report.refuse(where, "it moves and also comes and goes; OpenSim has no such point.")
        return _moving_point(point["moving"], name, frame, where, coordinate_path, report)
    kind = "ConditionalPathPoint" if "condition" in point else "PathPoint"
    made = new_object(kind, name, socket_parent_frame=frame, location=point["location"])
    if "condition" in point:
        condition = point["condition"]
        coordinate = coordinate_path(condition["coordinate"])
        add_properties(made, {"socket_coordinate": coordinate, "range": condition["range"]})
    return made


def _moving_point(axes, name, frame, where, coordinate_path, report: ExportReport) -> Element:
    moving = (axis for axis in axes if not is_constant(axis["function"]))
    drivers = list(dict.fromkeys(axis["coordinate"] for axis in moving))
    if not drivers:
        location = [axis["function"]["value"] for axis in axes]
        return new_object("PathPoint", name, socket_parent_frame=frame, location=location)
    if len(drivers) > 1:
        names = " and ".join(f"'{driver}'" for driver in drivers)
        report.refuse(where, f"it moves with {names}; in OpenSim a point moves with one.")
    made = new_object("MovingPathPoint", name, socket_parent_frame=frame)
    for letter, axis in zip("xyz", axes, strict=True):
        add_properties(made, {f"socket_{letter}_coordinate": coordinate_path(drivers[0])})
        place = f"{where}, {letter}"
        function = function_object(axis["function"], place, report)
        add_list(made, f"{letter}_location", [function])
    return made


def _wrap(wrap, name: str, count: int) -> Element:
    first, last = wrap["first"] + 1, wrap["last"] + 1
    stretch = [-1, -1] if (first, last) == (1, count) else [first, last]
    return new_object(
        "PathWrap", name, wrap_object=wrap["cylinder"], method="hybrid", range=stretch
    )


def cylinder_object(cylinder: dict[str, Any]) -> Element:
    """The `WrapCylinder` of a described one."""
    return new_object(
        "WrapCylinder",
        cylinder["name"],
        active=True,
        xyz_body_rotation=cylinder["orientation"],
        translation=cylinder["position"],
        quadrant=cylinder["quadrant"],
        radius=cylinder["radius"],
        length=cylinder["length"],
    )
