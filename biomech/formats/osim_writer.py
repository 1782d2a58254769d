"""OpenSim models: a model written as an .osim file, and what of it the file does not say.

Written: bodies, joints, coordinates, couplers, wrap cylinders, muscles, ligaments, passive moments,
contacts, coordinate actuators, markers, gravity and works to cite, in the format of OpenSim 4.0,
which every OpenSim 4 reads. `osim` reads it back to the same numbers.

Three things happen to the rest, and all are said by name: what an .osim file has no place for
(conventions and notes) stands in a comment at its top; what is written otherwise, or what OpenSim
takes otherwise, is *changed* and said there too; what no file can hold or what OpenSim would not
load is *refused*, and nothing is written.
"""

import os
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Comment, Element, SubElement, indent, tostring

import equinox as eqx
import numpy as np

from ..model.body import Model
from ..model.build import describe_model
from ..model.contacts import with_underlay_merged
from ..model.names import BadInput, legible
from .files import as_path, check_destination, write_whole
from .osim import CITATION_SEPARATOR
from .osim_elements import ExportReport, add_properties, add_set, new_object
from .osim_force_writer import contact_objects, force_objects
from .osim_joint_writer import body_path, coordinate_path, coupler_objects, joint_objects
from .osim_names import with_legal_names
from .osim_path_writer import cylinder_object

SUFFIX = ".osim"
_VERSION = "40000"
_HEAD = '<?xml version="1.0" encoding="UTF-8" ?>\n'
_WRITTEN = (
    *("format", "version", "name", "gravity", "conventions", "notes", "citations", "bodies"),
    *("joints", "coordinates", "couplers", "cylinders", "muscle_curves", "muscles", "ligaments"),
    *("passive_moments", "contacts", "actuators", "markers"),
)


@dataclass(frozen=True)
class OsimText:
    """An .osim file in the making.

    **Attributes:**

    - `text`: of the file.
    - `changed`: what the file says otherwise than the model, or OpenSim takes otherwise.
    """

    text: str
    changed: tuple[str, ...]


def write_osim(
    model: Model, path: str | os.PathLike[str], *, overwrite: bool = False
) -> tuple[str, ...]:
    """Write `model` to an .osim file, all of it or (on failure) nothing; what was changed.

    **Raises:** `BadInput` for another suffix, a folder that does not exist, a file that does unless
    `overwrite`, and a model with parts that no .osim file holds, naming each.
    """
    path = as_path(path, "path")
    check_destination(path, overwrite, (SUFFIX,), "an OpenSim model")
    written = format_osim(model)
    write_whole(path, written.text)
    return written.changed


def format_osim(model: Model) -> OsimText:
    """The text of an .osim file.

    **Raises:** `BadInput` for a model with parts that no .osim file holds, naming each.
    """
    report = ExportReport()
    described = describe_model(_bare(model, report))
    description = with_legal_names(described, report)
    for key in set(described) - set(_WRITTEN):
        if described[key]:
            report.refuse(f"`{key}` of the model", "no .osim file holds it.")
    root = Element("OpenSimDocument", {"Version": _VERSION})
    root.append(_model(description, report))
    if report.refused:
        listed = "\n".join(f"  - {line}" for line in report.refused)
        raise BadInput(
            f"'{described['name']}' cannot be written as an .osim file:\n{listed}\n"
            "Change these parts, or save the model in the native format (.yaml)."
        )
    root.insert(0, Comment(_comment(described, report)))
    indent(root, "\t")
    return OsimText(_HEAD + tostring(root, "unicode") + "\n", tuple(report.changed))


def _bare(model: Model, report: ExportReport) -> Model:
    contacts = model.contacts
    under = (contacts.under_thickness, contacts.under_softness, contacts.under_dissipation)
    if any(np.any(np.asarray(x)) for x in under):
        report.changed.append(
            "What lies under the feet is part of the contact spheres in the file: of their place, "
            "stiffness and dissipation."
        )
    return eqx.tree_at(lambda m: m.contacts, model, with_underlay_merged(contacts))


def _model(description: dict[str, Any], report: ExportReport) -> Element:
    made = new_object("Model", description["name"], gravity=description["gravity"])
    if description["citations"]:
        works = CITATION_SEPARATOR.join(description["citations"])
        add_properties(made, {"publications": works})
    add_properties(made, {"length_units": "meters", "force_units": "N"})
    on_ground = [c for c in description["cylinders"] if c["body"] == "ground"]
    if on_ground:
        ground = SubElement(made, "Ground", {"name": "ground"})
        add_set(ground, "WrapObjectSet", map(cylinder_object, on_ground))
    _refuse_massless(description, report)
    add_set(made, "BodySet", [_body(body, description) for body in description["bodies"]])
    add_set(made, "JointSet", joint_objects(description, report))
    add_set(made, "ConstraintSet", coupler_objects(description, report))
    forces, shapes = contact_objects(description)
    path_of = lambda coordinate: coordinate_path(description, coordinate)
    add_set(made, "ForceSet", [*force_objects(description, path_of, report), *forces])
    add_set(made, "ContactGeometrySet", shapes)
    add_set(made, "MarkerSet", map(_marker, description["markers"]))
    return made


def _body(body, description) -> Element:
    made = new_object("Body", body["name"])
    add_properties(made, {key: body[key] for key in ("mass", "mass_center", "inertia")})
    own = [c for c in description["cylinders"] if c["body"] == body["name"]]
    add_set(made, "WrapObjectSet", map(cylinder_object, own))
    return made


def _marker(marker) -> Element:
    return new_object(
        "Marker",
        marker["name"],
        socket_parent_frame=body_path(marker["body"]),
        location=marker["location"],
        fixed=True,
    )


def _refuse_massless(description: dict[str, Any], report: ExportReport) -> None:
    """OpenSim loads no model in which nothing beyond a moving joint has mass."""
    mass = {body["name"]: body["mass"] for body in description["bodies"]}
    for joint in reversed(description["joints"]):  # children come after their parents
        moves = any(axis["coordinate"] is not None for axis in joint["axes"])
        carried = mass[joint["child"]]
        if moves and carried == 0.0:
            report.refuse(
                f"Joint '{joint['name']}'",
                f"neither '{joint['child']}' nor any body beyond it has mass, which OpenSim "
                "does not load. Give it some.",
            )
        mass[joint["parent"]] = mass.get(joint["parent"], 0.0) + carried


# --- the comment ------------------------------------------------------------------------------


def _comment(description: dict[str, Any], report: ExportReport) -> str:
    """What the file has no place for, for people."""
    conventions = [f"{key}: {value}" for key, value in description["conventions"].items()]
    sections = (
        ("Not as in the model", report.changed),
        ("Conventions", conventions),
        ("Notes", description["notes"]),
    )
    lines = ["Written by biomech."]
    for title, entries in sections:
        lines += [f"{title}:", *(f"  {_in_comment(entry)}" for entry in entries)] if entries else []
    return "\n".join([*lines, ""])


def _in_comment(text: str) -> str:
    """`text` in one line and without what would end a comment."""
    plain = legible(" ".join(text.split()))
    while "--" in plain:
        plain = plain.replace("--", "- -")
    return plain
