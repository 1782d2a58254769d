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

Departures: a load is not extrapolated beyond its record; a point that is NaN or infinite while the
force is below `cop_force_threshold` (force plate programs write so in swing) is interpolated
between its recorded neighbours, and NaN anywhere else is an error. Loads expressed in a moving
body, and forces without a point (which OpenSim applies at the body's origin), are refused by name.
"""

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..model.names import BadInput, near_miss, short_name, suggest
from .files import as_path, read_bytes
from .storage import MAX_VALUES, Storage, check_no_gap, read_storage, require_finite
from .xml_text import parse_xml

TIME_ROUNDING = 1e-6
"""Time stamps that differ by less are the same instant, printed with other digits [s]."""
MOST_METRES_OF_A_PLATE = 100.0
"""A loaded point farther from the origin of ground than this is taken for millimetres [m]."""
MOST_NEWTONS = 1e6
"""No force of a person [N] nor its moment [N m] is so large."""
_NO_PLACE = 1e9  # a point beyond is as good as none [m]
_MAX_XML_BYTES = 2**20
_SUFFIXES = (
    ("x", "y", "z"),
    ("_x", "_y", "_z"),
    ("X", "Y", "Z"),
    ("1", "2", "3"),
    ("_1", "_2", "_3"),
)
_UNSET = ("", "unassigned")
_PROPERTIES = (
    *("appliesForce", "isDisabled", "applied_to_body", "force_expressed_in_body"),
    *("point_expressed_in_body", "force_identifier", "point_identifier", "torque_identifier"),
    *("data_source_name", "components"),
)
_OF_ALL = (
    *("datafile", "external_loads_model_kinematics_file", "objects", "groups", "defaults"),
    "lowpass_cutoff_frequency_for_load_kinematics",
)


@dataclasses.dataclass(frozen=True, eq=False)
class ExternalForce:
    """A recorded load on one body.

    **Attributes:**

    - `name`: in the XML file. `body`: it acts on.
    - `expressed_in`, `point_expressed_in`: bodies whose axes are meant; "ground".
    - `time`: [s].
    - `force`: on the body [N]. `point`: of application [m]. `torque`: free torque [N m].
    - `identifiers`: of the force, point and torque columns; "" where there are none (zeros).

    **Raises:** `BadInput` for axes other than those of ground.
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

    def __post_init__(self):
        for frame in (self.expressed_in, self.point_expressed_in):
            if frame != "ground":
                raise BadInput(
                    f"External force '{self.name}' is expressed in '{frame}'. Loads in the axes of "
                    "a moving body are not supported; express force and point in ground."
                )


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
    first, last = time[0] - TIME_ROUNDING, time[-1] + TIME_ROUNDING
    outside = (frame_times < first) | (frame_times > last)
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
    path = as_path(path, "path")
    content = read_bytes(path, _MAX_XML_BYTES)
    source = (path.name, hashlib.sha256(content).hexdigest())
    where = f"'{path.name}'"
    loads = _find_loads(content, where)
    notes = _notes_of_ignored(loads, where)
    common = _text(loads, "datafile")
    tables: dict[str, Storage] = {}
    forces: dict[tuple, ExternalForce] = {}
    for element in loads.iter("ExternalForce"):
        name = element.get("name") or f"force {len(forces) + 1}"
        _check_properties(element, _PROPERTIES, f"{where}: external force '{name}'")
        if not _is_applied(element, where):
            notes += (f"External force '{name}' is switched off and was left out.",)
            continue
        reference = _data_file(element, common, name, where)
        if reference not in tables:
            tables[reference] = read_storage(_resolve(reference, path.parent, allow_path, where))
            check_no_gap(tables[reference])
            notes += tables[reference].notes
        force, force_notes = _read_force(
            element, name, tables[reference], cop_force_threshold, where
        )
        _refuse_twice(force, reference, forces, where)
        forces[reference, force.body, force.identifiers] = force
        notes += force_notes
    if not forces:
        raise BadInput(f"{where} has no `ExternalForce` that is switched on.")
    sources = (source, *(table.source for table in tables.values()))
    return ExternalLoads(forces=tuple(forces.values()), notes=notes, sources=sources)


def _find_loads(content: bytes, where: str):
    """The `ExternalLoads` element of an XML file."""
    root = parse_xml(content, where)
    found = [root] if root.tag == "ExternalLoads" else root.findall(".//ExternalLoads")
    if len(found) != 1:
        raise BadInput(
            f"{where} holds {len(found) or 'no'} `ExternalLoads` (its root is "
            f"<{short_name(root.tag)}>); it must hold one."
        )
    _check_properties(found[0], _OF_ALL, where)
    return found[0]


def _check_properties(element, known: Sequence[str], where: str) -> None:
    """Raise for a property that is there twice, or is none: what it says would be lost."""
    for tag, count in Counter(child.tag for child in element).items():
        if tag not in known:
            raise BadInput(f"{where} has <{tag}>, which is not read. {suggest(tag, known)}")
        if count > 1:
            raise BadInput(f"{where} has {count} <{tag}>. Remove all but one.")


def _refuse_twice(force: ExternalForce, reference: str, forces: dict, where: str) -> None:
    """Raise for a force that is there already, or one too many to hold."""
    twice = forces.get((reference, force.body, force.identifiers))
    if twice or force.name in (other.name for other in forces.values()):
        other = twice.name if twice else force.name
        raise BadInput(
            f"{where}: the external forces '{other}' and '{force.name}' have one name, or the same "
            "columns on the same body. Remove or rename one."
        )
    if 9 * force.time.size * (len(forces) + 1) > MAX_VALUES:
        raise BadInput(
            f"{where} has external forces of more than {MAX_VALUES} values in all. Remove those "
            "that do not act, or cut the record to the seconds you need."
        )


def _notes_of_ignored(loads, where: str) -> tuple[str, ...]:
    notes = []
    if _text(loads, "external_loads_model_kinematics_file"):
        notes.append(f"{where}: the kinematics file for re-expressing loads was not read.")
    objects = loads.find("objects")
    for other in objects if objects is not None else ():
        if near_miss(other.tag, ("ExternalForce",)) and other.tag != "ExternalForce":
            raise BadInput(f"{where} has <{other.tag}>. Did you mean <ExternalForce>?")
        if other.tag != "ExternalForce":
            notes.append(f"{where}: <{str(other.tag)[:40]}> was left out.")
    return tuple(notes)


def _text(element, tag: str) -> str:
    found = element.find(tag)
    value = "" if found is None else " ".join((found.text or "").split())
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
    for label in (*labels[0], *labels[2]):
        largest = np.abs(table.column(label)).max()
        if largest > MOST_NEWTONS:
            raise BadInput(
                f"'{table.source[0]}': column '{label}' reaches {largest:.3g}, which is no force "
                "[N] and no moment [N m] of a person. Is it in another unit?"
            )
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
    gaps = ~(np.abs(point) < _NO_PLACE).all(axis=1)
    under_load = np.linalg.norm(force, axis=1) >= threshold
    far = under_load & ~gaps & (np.abs(point) > MOST_METRES_OF_A_PLATE).any(axis=1)
    if far.any():
        row = int(np.argmax(far))
        raise BadInput(
            f"'{table.source[0]}': the point of application of external force '{name}' is at "
            f"{point[row].round(3).tolist()} at {table.time[row]:.9g} s, where the force is "
            f"{np.linalg.norm(force[row]):.4g} N. That cannot be metres; divide by 1000 if it is "
            "millimetres."
        )
    if not gaps.any():
        return point, ()
    loaded = gaps & under_load
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
