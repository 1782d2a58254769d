"""OpenSim's `ExternalLoads`: measured forces on bodies, and their values at given instants.

An XML file says which columns of a table are the force [N], its point of application [m] and a
free torque [N m] on which body (OpenSim 3 and 4). The columns of an identifier `ground_force_r_v`
are `ground_force_r_vx`, `...vy`, `...vz`.

Between the recorded instants a load follows the natural cubic spline through every column by
itself, as in OpenSim (`ExternalForce`: a cubic spline of Woltring's GCV package without smoothing;
Woltring 1986, doi:10.1016/0141-1195(86)90098-7). With fewer than four rows it is linear or
constant. So it is with points of application too: in swing they may be hundreds of metres away,
which does no harm as long as the force is exactly 0 there. Mask a point by the force before
plotting it.

Departures: a load is not extrapolated beyond its record; a point that is NaN while the force is
below `cop_force_threshold` (force plate programs write so in swing) is interpolated between its
recorded neighbours, and NaN anywhere else is an error. Loads expressed in a moving body, and forces
without a point (which OpenSim applies at the body's origin), are refused by name.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

import defusedxml
import defusedxml.ElementTree
import numpy as np
from jaxtyping import Float

from ..model.names import BadInput, suggest
from .storage import Storage, read_storage, read_text, require_finite

_MAX_XML_BYTES = 16 * 2**20
_SUFFIXES = (
    ("x", "y", "z"),
    ("_x", "_y", "_z"),
    ("X", "Y", "Z"),
    ("1", "2", "3"),
    ("_1", "_2", "_3"),
)
_UNSET = ("", "unassigned")


@dataclasses.dataclass(frozen=True, eq=False)
class ExternalForce:
    """A recorded load on one body.

    **Attributes:**

    - `name`: in the XML file. `body`: it acts on.
    - `expressed_in`, `point_expressed_in`: bodies whose axes are meant; "ground".
    - `time`: [s].
    - `force`: on the body [N]. `point`: of application [m]. `torque`: free torque [N m].
    - `identifiers`: of the force, point and torque columns; "" where there are none (zeros).
    """

    name: str
    body: str
    expressed_in: str
    point_expressed_in: str
    time: Float[np.ndarray, " time"]
    force: Float[np.ndarray, "time 3"]
    point: Float[np.ndarray, "time 3"]
    torque: Float[np.ndarray, "time 3"]
    identifiers: tuple[str, str, str] = ("", "", "")


@dataclasses.dataclass(frozen=True, eq=False)
class ExternalLoads:
    """The loads of one XML file; `sources` are the names and SHA-256 of the files read."""

    forces: tuple[ExternalForce, ...]
    notes: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()


class Load(NamedTuple):
    """Force [N], its point of application [m] and free torque [N m] at some instants."""

    force: Float[np.ndarray, "frame 3"]
    point: Float[np.ndarray, "frame 3"]
    torque: Float[np.ndarray, "frame 3"]


def evaluate_external_force(
    external_force: ExternalForce, frame_times: Float[np.ndarray, " frame"]
) -> Load:
    """The load at `frame_times` [s], as OpenSim evaluates it."""
    time = external_force.time
    tolerance = 1e-9 * max(1.0, float(np.abs(time).max()))
    outside = (frame_times < time[0] - tolerance) | (frame_times > time[-1] + tolerance)
    if outside.any():
        raise BadInput(
            f"External force '{external_force.name}' is recorded from {time[0]:.9g} to "
            f"{time[-1]:.9g} s, not at {frame_times[np.argmax(outside)]:.9g} s. "
            "Choose frames inside the record (`start`, `end`)."
        )
    columns = np.concatenate(
        [external_force.force, external_force.point, external_force.torque], axis=1
    )
    values = _interpolate(time, columns, np.clip(frame_times, time[0], time[-1]))
    return Load(force=values[:, 0:3], point=values[:, 3:6], torque=values[:, 6:9])


def _interpolate(time, columns, frame_times):
    if time.size == 1:
        return np.broadcast_to(columns, (frame_times.size, columns.shape[1])).copy()
    if time.size < 4:
        return np.stack([np.interp(frame_times, time, column) for column in columns.T], axis=1)
    from scipy.interpolate import CubicSpline  # on use: slow to import

    return CubicSpline(time, columns, bc_type="natural")(frame_times)


# --------------------------------------------------------------------------------- reading


def read_external_loads(
    path: str | os.PathLike,
    *,
    allow_path: str | os.PathLike | None = None,
    cop_force_threshold: float = 20.0,
) -> ExternalLoads:
    """Read an `ExternalLoads` XML file and the table it refers to.

    The table must lie in the folder of the XML file, or in or below `allow_path`.
    `cop_force_threshold` [N]: below it a point of application may be NaN.
    """
    text, source = read_text(path, _MAX_XML_BYTES)
    where = f"'{source[0]}'"
    loads = _find_loads(text, where)
    notes = _notes_of_ignored(loads, where)
    common = _text(loads, "datafile")
    folder = Path(path).parent
    tables: dict[str, Storage] = {}
    forces: list[ExternalForce] = []
    for element in loads.iter("ExternalForce"):
        name = element.get("name") or f"force {len(forces) + 1}"
        if not _is_applied(element, where):
            notes += (f"External force '{name}' is switched off and was left out.",)
            continue
        reference = _data_file(element, common, name, where)
        if reference not in tables:
            tables[reference] = read_storage(_resolve(reference, folder, allow_path, where))
            notes += tables[reference].notes
        force, force_notes = _read_force(
            element, name, tables[reference], cop_force_threshold, where
        )
        forces.append(force)
        notes += force_notes
    if not forces:
        raise BadInput(f"{where} has no `ExternalForce` that is switched on.")
    sources = (source, *(table.source for table in tables.values()))
    return ExternalLoads(forces=tuple(forces), notes=notes, sources=sources)


def _find_loads(text: str, where: str):
    """The `ExternalLoads` element of an XML text."""
    try:
        root = defusedxml.ElementTree.fromstring(text.encode("utf-8"), forbid_dtd=True)
    except defusedxml.DefusedXmlException as problem:
        kind = type(problem).__name__
        raise BadInput(
            f"{where} declares a document type, entities or external references ({kind}), which "
            "are not read. Remove the declaration."
        ) from None
    except (defusedxml.ElementTree.ParseError, LookupError, ValueError, RecursionError) as problem:
        raise BadInput(f"{where} is not valid XML: {problem}.") from None
    loads = root if root.tag == "ExternalLoads" else root.find(".//ExternalLoads")
    if loads is None:
        raise BadInput(f"{where} holds no `ExternalLoads` (its root is <{str(root.tag)[:40]}>).")
    return loads


def _notes_of_ignored(loads, where: str) -> tuple[str, ...]:
    notes = []
    if _text(loads, "external_loads_model_kinematics_file"):
        notes.append(f"{where}: the kinematics file for re-expressing loads was not read.")
    objects = loads.find("objects")
    for other in objects if objects is not None else ():
        if other.tag != "ExternalForce":
            notes.append(f"{where}: <{str(other.tag)[:40]}> was left out.")
    return tuple(notes)


def _text(element, tag: str) -> str:
    found = element.find(tag)
    value = "" if found is None or found.text is None else found.text.strip()
    return "" if value.lower() in _UNSET else value


def _is_applied(element, where: str) -> bool:
    applies, disabled = _text(element, "appliesForce"), _text(element, "isDisabled")
    for value in (applies, disabled):
        if value.lower() not in ("", "true", "false", "1", "0"):
            raise BadInput(f"{where}: '{value[:40]}' is neither true nor false.")
    return applies.lower() not in ("false", "0") and disabled.lower() not in ("true", "1")


def _data_file(element, common: str, name: str, where: str) -> str:
    reference = common or _text(element, "data_source_name")
    if not reference:
        raise BadInput(
            f"{where}: no data file is given for external force '{name}'. Name the table in "
            "<datafile> of <ExternalLoads>."
        )
    return reference


def _resolve(reference: str, folder: Path, allow_path, where: str) -> Path:
    """Where the table is; only inside `folder` or `allow_path`."""
    windows = PureWindowsPath(reference)
    plain = Path(windows.as_posix()) if "\\" in reference else Path(reference)
    allowed = [folder.resolve()] + ([Path(allow_path).resolve()] if allow_path is not None else [])
    try:
        wanted = (folder / plain).resolve()
        inside = not windows.drive and any(wanted.is_relative_to(base) for base in allowed)
    except (OSError, ValueError, RuntimeError):
        inside = False
    if not inside:
        beside = ""
        if windows.name and (folder / windows.name).is_file():
            beside = f" A file '{windows.name}' stands beside the XML file."
        raise BadInput(
            f"{where} refers to '{reference[:200]}', outside its own folder.{beside} Put the "
            "table into that folder and write its bare name, or pass `allow_path` with the folder "
            "to trust."
        )
    return wanted


def _read_force(element, name: str, table: Storage, threshold: float, where: str):
    """One `ExternalForce` record and notes."""
    identifiers = tuple(
        _text(element, f"{kind}_identifier") for kind in ("force", "point", "torque")
    )
    if not identifiers[0] and not identifiers[2]:
        raise BadInput(f"{where}: external force '{name}' has neither force nor torque columns.")
    if identifiers[0] and not identifiers[1]:
        raise BadInput(
            f"{where}: external force '{name}' has no point of application. A force at the body's "
            "origin is not supported; give <point_identifier>."
        )
    labels = [_columns(identifier, name, table, where) for identifier in identifiers]
    require_finite(table, [*labels[0], *labels[2]])
    force, point, torque = (_vectors(table, triple) for triple in labels)
    point, notes = _without_gaps(table, point, force, name, threshold)
    record = ExternalForce(
        name=name,
        body=_body(element, "applied_to_body", name, where),
        expressed_in=_ground(element, "force_expressed_in_body", name, where),
        point_expressed_in=_ground(element, "point_expressed_in_body", name, where),
        time=table.time,
        force=force,
        point=point,
        torque=torque,
        identifiers=(identifiers[0], identifiers[1], identifiers[2]),
    )
    return record, notes


def _body(element, tag: str, name: str, where: str) -> str:
    body = _text(element, tag).rsplit("/", 1)[-1]
    if not body:
        raise BadInput(f"{where}: external force '{name}' has no <{tag}>.")
    return body


def _ground(element, tag: str, name: str, where: str) -> str:
    frame = _text(element, tag).rsplit("/", 1)[-1] or "ground"
    if frame != "ground":
        raise BadInput(
            f"{where}: <{tag}> of external force '{name}' is '{frame[:40]}'. Loads expressed in a "
            "moving body are not supported yet; express them in ground."
        )
    return frame


def _columns(identifier: str, name: str, table: Storage, where: str) -> tuple[str, ...]:
    """Labels of the three components; none for an empty identifier."""
    if not identifier:
        return ()
    for suffixes in _SUFFIXES:
        labels = tuple(identifier + suffix for suffix in suffixes)
        if all(label in table.labels for label in labels):
            return labels
    missing = [identifier + s for s in "xyz" if identifier + s not in table.labels]
    raise BadInput(
        f"'{table.source[0]}' has no column {', '.join(map(repr, missing))}, which external force "
        f"'{name}' in {where} asks for. {suggest(missing[0], table.labels)}"
    )


def _vectors(table: Storage, labels: Sequence[str]) -> Float[np.ndarray, "time 3"]:
    if not labels:
        return np.zeros((table.time.size, 3))
    return np.stack([table.column(label) for label in labels], axis=1)


def _without_gaps(table: Storage, point, force, name: str, threshold: float):
    """Points with the NaN of swing filled from the recorded neighbours, and notes."""
    gaps = ~np.isfinite(point).all(axis=1)
    if not gaps.any():
        return point, ()
    loaded = gaps & (np.linalg.norm(force, axis=1) >= threshold)
    if loaded.any():
        row = int(np.argmax(loaded))
        raise BadInput(
            f"'{table.source[0]}': the point of application of external force '{name}' is not a "
            f"number at {table.time[row]:.9g} s, where the force is "
            f"{np.linalg.norm(force[row]):.4g} N. Fill the gap."
        )
    filled = np.zeros_like(point)
    if not gaps.all():
        for axis in range(3):
            filled[:, axis] = np.interp(table.time, table.time[~gaps], point[~gaps, axis])
    note = (
        f"External force '{name}': {int(gaps.sum())} missing points of application under "
        f"{threshold:g} N were interpolated."
    )
    return filled, (note,)
