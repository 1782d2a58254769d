"""OpenSim models: an .osim file read into the plain model description, and what was left out.

Read: bodies, joints, coordinates, couplers, wrap cylinders, muscles, ligaments, contacts,
coordinate actuators and markers, as OpenSim 2.3 to 4.6 write them, and passive moments as
`osim_writer` writes them. Lengths are metres, angles radians, forces newtons, and every default is
OpenSim's.

Three things happen to the rest, and all are said by name: what has no mechanics (geometry,
probes) is *ignored*; forces that OpenSim would apply and this package does not are *not
simulated*; what would make the model move or pull differently is *refused*, and no model is made.
"""

import difflib
import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

from ..model.body import Model
from ..model.build import FORMAT, MAX_BODIES, VERSION, build_model
from ..model.names import BadInput
from .files import as_path, read_bytes
from .osim_document import MAX_BYTES, MISSPELT, Node, OsimDocument, OsimReport, parse_document
from .osim_forces import FORCE_KINDS, is_force, read_forces
from .osim_frames import GROUND, Frames
from .osim_inspection import inspection
from .osim_joints import is_constraint, is_joint, read_couplers, read_joints
from .osim_paths import Wraps

CITATION_SEPARATOR = " | "
"""Between several works in `<publications>`, as the writer puts them there."""
_STANDARD_GRAVITY = (0.0, -9.80665, 0.0)
_METERS = ("meters", "meter", "m")
_NEWTONS = ("n", "newtons", "newton")
_PLACEHOLDERS = (
    "Frank Anderson, Peter Loan, Ayman Habib, Ajay Seth, Michael Sherman",
    "List of publications related to model...",
    "Unassigned",
)
_VISUAL = (
    "Mesh",
    "DisplayGeometry",
    "Brick",
    "Sphere",
    "Cylinder",
    "Cone",
    "Arrow",
    "Ellipsoid",
    "LineGeometry",
)
_SPARE = ("Body", "Ground", "PhysicalOffsetFrame", "Marker")
_COORDINATE_OF_THE_KNEE = ("knee_angle_r", "knee_flexion_r", "knee_angle_l", "knee_angle")


@dataclass(frozen=True)
class OsimModel:
    """What was read from an .osim file.

    **Attributes:**

    - `description`: the plain model description; incomplete if anything was refused.
    - `report`: what was read, ignored, not simulated and refused.
    - `version`: of the file's format. `file_name`: without its folder.
    """

    description: dict[str, Any]
    report: OsimReport
    version: int
    file_name: str


def read_osim(path: str | os.PathLike[str]) -> OsimModel:
    """The model description in an .osim file, with a report. Opens no other file.

    **Raises:** `BadInput` for a file that cannot be read or contradicts itself. Unsupported parts
    do not raise; they are in `report.refused`.
    """
    path = as_path(path, "path")
    return read_osim_bytes(read_bytes(path, MAX_BYTES), name=path.name)


def read_osim_bytes(data: bytes, *, name: str = "model.osim") -> OsimModel:
    """As `read_osim`, from a file's content; `name` is for messages."""
    try:
        document = parse_document(data, name)
        description, report = _describe(document)
    except BadInput as error:
        message = str(error)
        raise BadInput(message if name in message else f"{name}: {message}") from error
    return OsimModel(description, report, document.version, name)


def load_osim(path: str | os.PathLike[str]) -> Model:
    """The model in an .osim file.

    **Raises:** `BadInput` as `read_osim`, and for a file with refused parts, naming each.
    """
    return _build(read_osim(path))


def load_osim_bytes(data: bytes, *, name: str = "model.osim") -> Model:
    """As `load_osim`, from a file's content; `name` is for messages."""
    return _build(read_osim_bytes(data, name=name))


def _build(osim: OsimModel) -> Model:
    refused = osim.report.refused
    if refused:
        listed = "\n".join(f"  - {line}" for line in refused)
        raise BadInput(
            f"{osim.file_name} cannot be used; {len(refused)} of its parts are not supported:\n"
            f"{listed}\nRemove or replace them in OpenSim and save the model again."
        )
    try:
        return build_model(osim.description)
    except BadInput as error:
        raise BadInput(f"{osim.file_name}: {error}") from error


# --- the description --------------------------------------------------------------------------


def _describe(document: OsimDocument) -> tuple[dict[str, Any], OsimReport]:
    report = OsimReport()
    model = document.model
    _check_units(model)
    bodies = _bodies(document, report)
    frames = Frames(document)
    joints, coordinates = read_joints(document, frames, report)
    names = [c["name"] for c in coordinates]
    for kind, all_names in (
        ("body", [b["name"] for b in bodies]),
        ("joint", [j["name"] for j in joints]),
        ("coordinate", names),
    ):
        _require_different(kind, all_names)
    _check_tree(bodies, joints, report)
    couplers = read_couplers(document, names, report)
    _check_couplers(couplers, report)
    wraps = Wraps(document, frames)
    forces = read_forces(document, frames, names, wraps, report)
    for kind in FORCE_KINDS:
        _require_different(kind.replace("_", " "), [f["name"] for f in forces[f"{kind}s"]])
    markers = _markers(document, frames, report)
    cylinders = wraps.describe(report)
    _report_the_rest(document, report)
    gravity = model.vector("gravity", 3, _STANDARD_GRAVITY)
    citations = _citations(model)
    if not report.refused:  # else some parts were not read to their end
        document.report_unread(report)
    description = {
        "format": FORMAT,
        "version": VERSION,
        "name": model.name or "unnamed",
        "gravity": gravity,
        "conventions": _conventions(coordinates),
        "notes": _notes(report),
        "citations": citations,
        "bodies": bodies,
        "joints": joints,
        "coordinates": coordinates,
        "couplers": couplers,
        "cylinders": cylinders,
        **forces,
        "markers": markers,
    }
    return description, report


def _check_units(model: Node) -> None:
    for key, known, unit in (
        ("length_units", _METERS, "meters"),
        ("force_units", _NEWTONS, "N"),
    ):
        written = model.text(key, unit)
        if written.lower() not in known:
            raise BadInput(
                f"<{key}> is '{written[:40]}'; only {unit} can be read. "
                "Convert the model in OpenSim."
            )


def _bodies(document: OsimDocument, report: OsimReport) -> list[dict[str, Any]]:
    bodies = []
    for node in document.components:
        if node.tag == "Body" and node.name != GROUND:
            if not node.name:
                raise BadInput("A body has no name.")
            mass = node.number("mass")
            if mass < 0.0:
                raise BadInput(f"{node.where}: <mass> is {mass} kg; it must not be negative.")
            bodies.append(
                {
                    "name": node.name,
                    "mass": mass,
                    "mass_center": node.vector("mass_center", 3, (0.0, 0.0, 0.0)),
                    "inertia": _inertia(node),
                }
            )
            report.read["Body"] += 1
        elif node.tag == "Body":  # ground, before version 4
            node.leave_out()
    if not bodies:
        raise BadInput("The model has no body.")
    if len(bodies) > MAX_BODIES:
        raise BadInput(f"The model has {len(bodies)} bodies; at most {MAX_BODIES} are read.")
    return bodies


def _inertia(node: Node) -> list[float]:
    """xx, yy, zz, xy, xz, yz about the mass center [kg m^2]."""
    if node.has("inertia"):
        return node.vector("inertia", 6)
    axes = ("xx", "yy", "zz", "xy", "xz", "yz")  # before version 4
    return [node.number(f"inertia_{axis}", 0.0) for axis in axes]


def _markers(document: OsimDocument, frames: Frames, report: OsimReport) -> list[dict[str, Any]]:
    markers = []
    for node in document.components:
        if node.tag != "Marker":
            continue
        reference = node.socket("parent_frame") or node.optional_text("body")
        if reference is None:
            raise BadInput(f"{node.where} has no <socket_parent_frame>: it is fixed in no body.")
        place = frames.find(reference, node)
        location = place.point(node.vector("location", 3, (0.0, 0.0, 0.0)))
        markers.append({"name": node.name, "body": place.body, "location": location})
        report.read["Marker"] += 1
    _require_different("marker", [m["name"] for m in markers])
    return markers


def _require_different(kind: str, names: list[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise BadInput(f"{count} of the {kind} names are '{name}'. Names must differ.")
        if not name:
            raise BadInput(f"A {kind} has no name.")


def _check_tree(bodies: list[dict], joints: list[dict], report: OsimReport) -> None:
    """Refuse bodies that no joint carries and rings of joints."""
    carried: dict[str, str] = {}
    for joint in joints:
        if joint["child"] in carried and joint["child"] != GROUND:
            report.refuse(
                f"Joint '{joint['name']}'",
                f"body '{joint['child']}' is already the child of '{carried[joint['child']]}'; "
                "closed loops are not supported.",
            )
        carried[joint["child"]] = joint["name"]
    for body in bodies:
        if body["name"] not in carried:
            report.refuse(
                f"Body '{body['name']}'",
                "it is the child of no joint, so it would float freely. Join it to something.",
            )
    parent = {joint["child"]: joint["parent"] for joint in joints}
    for body in bodies:
        at, steps = body["name"], 0
        while at in parent and at != GROUND and steps <= len(bodies):
            at, steps = parent[at], steps + 1
        if steps > len(bodies):
            raise BadInput(f"Body '{body['name']}' hangs on a ring of joints that misses ground.")


def _check_couplers(couplers: list[dict], report: OsimReport) -> None:
    """Refuse a coordinate that follows two others, or one that itself follows."""
    dependent = Counter(c["dependent"] for c in couplers)
    for coupler in couplers:
        where = f"CoordinateCouplerConstraint '{coupler['name']}'"
        if dependent[coupler["dependent"]] > 1:
            report.refuse(where, f"'{coupler['dependent']}' depends on more than one coordinate.")
        if coupler["independent"] in dependent:
            report.refuse(where, f"'{coupler['independent']}' is itself dependent.")


def _conventions(coordinates: list[dict]) -> dict[str, str]:
    """The sign of knee flexion, where the range of the knee's coordinate tells."""
    ranges = {c["name"]: c["range"] for c in coordinates}
    for name in _COORDINATE_OF_THE_KNEE:
        if name in ranges:
            low, high = ranges[name]
            if high > 0.0 and -low < 0.5 * high:
                return {"knee_flexion": "positive"}
            if low < 0.0 and high < -0.5 * low:
                return {"knee_flexion": "negative"}
    return {}


def _citations(model: Node) -> list[str]:
    texts = [model.optional_text("publications"), model.optional_text("credits")]
    works = [work for text in texts if text for work in text.split(CITATION_SEPARATOR)]
    return [work for work in works if work not in _PLACEHOLDERS]


def _notes(report: OsimReport) -> list[str]:
    notes = list(report.notes)
    rigid = report.rigid_tendons
    if rigid:
        notes.append(
            f"{len(rigid)} muscles are marked ignore_tendon_compliance in the file: "
            f"{', '.join(rigid)}. Whether a tendon is rigid is a setting of the study here."
        )
    if report.not_simulated:
        notes.append(f"Not simulated: {', '.join(report.not_simulated)}.")
    return notes


def _report_the_rest(document: OsimDocument, report: OsimReport) -> None:
    """Everything that no reader asked for."""
    geometry = sum(1 for e in document.model.element.iter() if e.tag in _VISUAL)
    if geometry:
        report.ignored.append(f"{geometry} pieces of display geometry: for viewing only.")
    contacts = Counter()
    for node in document.components:
        if is_joint(node) or is_constraint(node) or is_force(node) or node.tag in _SPARE:
            continue
        if node.tag.startswith("Contact"):
            contacts[node.tag] += 1
            continue
        node.leave_out()
        if meant := difflib.get_close_matches(node.tag, _SPARE, 1, MISSPELT):
            raise BadInput(f"{node.where} is of no known type. Did you mean <{meant[0]}>?")
        report.ignored.append(f"{node.where}: it has no part in the studies here.")
    report.read.update(contacts)


# --- for people -------------------------------------------------------------------------------


def inspect_osim(path: str | os.PathLike[str]) -> str:
    """What is in an .osim file, what of it is used here and what is not, as text for people."""
    osim = read_osim(path)
    return inspection(osim.description, osim.report, osim.version, osim.file_name)
