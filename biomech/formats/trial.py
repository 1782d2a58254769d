"""A trial: one recorded motion with the loads measured during it, as read from files.

Inside, coordinates are in rad and m. Files may hold degrees; which columns do is decided here:

- the header says `inDegrees=yes`: rotational coordinates are converted. Without a model these are
  taken to be all columns but those named `..._tx`, `..._ty`, `..._tz`, and a note says so. Numbers
  so small that they must be radians (`MOST_RADIANS`, `LEAST_MOTION`) are refused, unless
  `in_degrees_columns="all"` says that they are degrees.
- it says no: nothing is converted but the columns in `in_degrees_columns`. A rotation beyond 1.05
  turns is then refused, since files that say no and hold degrees are common.

Both checks concern only columns that are used (`match_coordinates`): the column of a coupled
coordinate, such as the patella's, may hold anything, since the model computes it.

The whole record is kept, so that filters and splines have samples on both sides of the analysed
window; `start` and `end` bound the window only.
"""

import dataclasses
import difflib
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from ..model.names import BadInput, find
from ..precision import require_precision
from .external_loads import TIME_ROUNDING, ExternalForce, read_external_loads
from .files import as_path
from .storage import Storage, check_no_gap, read_storage

MOST_RADIANS = 1.05 * 2.0 * math.pi
"""A rotation larger than this is taken for degrees [rad]."""
LEAST_MOTION = math.pi
"""Angles that all change by less are taken for radians: no joint turns by more than half a turn,
and whoever moves turns one by more than 3.14 degrees [deg]."""
MOST_METRES = 100.0
"""A translation larger than this is taken for millimetres [m]."""
_MOST_SHOWN = 5  # columns named in an error


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """One recorded motion (host data: NumPy arrays).

    **Attributes:**

    - `time`: of all recorded rows [s].
    - `coordinate_names`: as in the file, without state paths.
    - `coordinate_values`: [rad] or [m].
    - `external_forces`: with their own, usually finer, time.
    - `start`, `end`: of the analysed window [s], covered by motion and loads.
    - `notes`: what was reinterpreted or left out.
    - `source`: name and SHA-256 of every file read; never a path.
    - `emg`: muscle electrical activity, if given.
    - `citations`: works to cite for the recording, where they are known.
    - `degrees_by_header`: whether angles were converted because the header alone says degrees.
    """

    time: Float[np.ndarray, " time"]
    coordinate_names: tuple[str, ...]
    coordinate_values: Float[np.ndarray, "time column"]
    external_forces: tuple[ExternalForce, ...]
    start: float
    end: float
    notes: tuple[str, ...] = ()
    source: tuple[tuple[str, str], ...] = ()
    emg: Storage | None = None
    citations: tuple[str, ...] = ()
    degrees_by_header: bool = False

    @property
    def frame_times(self) -> Float[np.ndarray, " frame"]:
        """Recorded times inside the window [s]."""
        inside = (self.time >= self.start - TIME_ROUNDING) & (self.time <= self.end + TIME_ROUNDING)
        return self.time[inside]


def load_trial(
    coordinates: str | os.PathLike,
    external_loads: str | os.PathLike | None = None,
    *,
    model: Any = None,
    in_degrees_columns: str | Sequence[str] = (),
    start: float | int | None = None,
    end: float | int | None = None,
    allow_path: str | os.PathLike | None = None,
    emg: str | os.PathLike | None = None,
    precision: str = "float64",
) -> Trial:
    """Read a motion (`.mot`, `.sto`) and the loads measured with it (an `ExternalLoads` XML file).

    - `model`: a `Model`; tells rotations from translations, and must have the loaded bodies.
    - `in_degrees_columns`: columns that hold degrees although the header says `inDegrees=no`;
      "all" means every rotational one, and that a header that says yes is right.
    - `start`, `end`: window to analyse [s]; by default all that motion and loads cover.
    - `allow_path`: folder outside that of the XML file where its table may lie.
    - `emg`: a table of muscle electrical activity.

    **Raises:** `BadInput` for a file that cannot be read or does not fit the others; `TypeError`
    for an argument that is no file name or no model.
    """
    require_precision(precision)
    if model is not None and not hasattr(model, "skeleton"):
        raise TypeError(
            "`model` must be a model, as `bm.load_model(...)` returns it, not "
            f"{type(model).__name__}."
        )
    storage = read_storage(as_path(coordinates, "coordinates"))
    check_no_gap(storage)
    values, notes = _in_radians(storage, _translational(model), in_degrees_columns)
    forces, sources = (), (storage.source,)
    if external_loads is not None:
        path = as_path(external_loads, "external_loads")
        loads = read_external_loads(path, allow_path=allow_path)
        forces, sources = loads.forces, sources + loads.sources
        notes += loads.notes
        _check_bodies(forces, model)
    start, end, window_notes = _window(storage.time, forces, start, end)
    activity = None if emg is None else read_storage(as_path(emg, "emg"))
    if activity is not None:
        require_overlap(activity, start, end)
        sources, notes = (*sources, activity.source), notes + activity.notes
    return Trial(
        time=storage.time,
        coordinate_names=storage.labels,
        coordinate_values=values,
        external_forces=forces,
        start=start,
        end=end,
        notes=notes + window_notes,
        source=sources,
        emg=activity,
        degrees_by_header=storage.in_degrees and in_degrees_columns != "all",
    )


def match_coordinates(
    trial: Trial,
    names: Sequence[str],
    *,
    coupled: Iterable[str] = (),
    locked: Mapping[str, float] | None = None,
    values: Mapping[str, float] | None = None,
    translational: Iterable[str] | None = None,
) -> tuple[Float[np.ndarray, "time coordinate"], tuple[str, ...]]:
    """Columns of the trial in the order of the model's coordinates `names` [rad or m], and notes.

    - `coupled`: coordinates the model computes from others; their columns are ignored and the
      result holds 0 there.
    - `locked`, `values`: coordinates that keep the given value (locked in the model; given by the
      user). A column of theirs is ignored.
    - `translational`: names of coordinates in m; by default those ending in `_tx`, `_ty`, `_tz`.

    **Raises:** `BadInput` if a free coordinate has no column, or its column is not finite or looks
    like degrees, radians or millimetres where another unit is meant.
    """
    coupled, held = set(coupled), {**(locked or {}), **(values or {})}
    lengths = {n for n in names if _is_length(n)} if translational is None else set(translational)
    columns = {name: i for i, name in enumerate(trial.coordinate_names)}
    free = [name for name in names if name not in coupled and name not in held]
    _require_columns(trial, free, names)
    _check_used(trial, free, lengths)
    matched = np.zeros((trial.time.size, len(names)))
    for i, name in enumerate(names):
        if name in held and name not in coupled:
            matched[:, i] = held[name]
        elif name not in coupled:
            matched[:, i] = trial.coordinate_values[:, columns[name]]
    return matched, _notes_of_unused(trial, names, coupled, held)


# ----------------------------------------------------------------------------------- units

_ALL_IN_DEGREES = (
    "in_degrees_columns=\"all\" (command line: --set 'trial.in_degrees_columns=[all]')"
)


def _is_length(name: str) -> bool:
    return name.endswith(("_tx", "_ty", "_tz"))


def _translational(model: Any) -> dict[str, bool] | None:
    """Whether each coordinate of the model is a translation; None without a model."""
    if model is None:
        return None
    coordinates = model.skeleton.coordinates
    types = zip(coordinates.names, coordinates.motion_types, strict=True)
    return {name: kind == "translational" for name, kind in types}


def _in_radians(
    storage: Storage, translational: dict[str, bool] | None, named: str | Sequence[str]
) -> tuple[Float[np.ndarray, "time column"], tuple[str, ...]]:
    """Values with angles in rad, and notes."""
    lengths = [(translational or {}).get(name, _is_length(name)) for name in storage.labels]
    rotations = [name for name, length in zip(storage.labels, lengths, strict=True) if not length]
    if not isinstance(named, Sequence):
        raise TypeError(
            f'`in_degrees_columns` must be names of columns or "all", not {type(named).__name__}.'
        )
    if isinstance(named, str) and named != "all":
        named = (named,)
    wanted = rotations if named == "all" else list(named)
    for name in wanted:
        find("column", name, storage.labels)
    notes = storage.notes
    if storage.in_degrees:
        wanted = rotations
        rule = "" if translational is not None else " (all columns but ..._tx, ..._ty, ..._tz)"
        notes += (f"'{storage.source[0]}' is in degrees: rotations{rule} were converted.",)
    elif wanted:
        notes += (f"'{storage.source[0]}': {', '.join(wanted)} were converted from degrees.",)
    factor = np.array([math.pi / 180 if name in set(wanted) else 1.0 for name in storage.labels])
    return storage.values * factor[None, :], notes


def _check_used(trial: Trial, free: Sequence[str], lengths: set[str]) -> None:
    file = _file(trial)
    angles, far = {}, []
    for name in free:
        column = trial.coordinate_values[:, trial.coordinate_names.index(name)]
        good = np.isfinite(column)
        if not good.all():
            row = int(np.argmin(good))
            raise BadInput(
                f"{file}: coordinate '{name}' is {column[row]} at {trial.time[row]:.9g} s. "
                "Fill the gap, or cut the record to the part without it."
            )
        size = float(np.abs(column).max())
        if name in lengths and size > MOST_METRES:
            far.append(f"{name} ({size:.4g})")
        if name not in lengths:
            angles[name] = column
    if far:
        raise BadInput(
            f"{file}: {', '.join(far)} cannot be metres. Divide by 1000 if they are millimetres."
        )
    if trial.degrees_by_header:
        _check_degrees(file, {name: np.rad2deg(column) for name, column in angles.items()})
    _check_radians(file, angles)


def _check_degrees(file: str, angles: Mapping[str, np.ndarray]) -> None:
    """Raise if angles [deg] that only the header calls so are radians."""
    largest = max((float(np.abs(column).max()) for column in angles.values()), default=0.0)
    moved = max((float(np.ptp(column)) for column in angles.values()), default=0.0)
    if 0.0 < largest <= MOST_RADIANS and moved < LEAST_MOTION:
        raise BadInput(
            f"{file} says inDegrees=yes, but its angles reach {largest:.3g} at most and change by "
            f"{moved:.3g} at most, so they seem to be radians. If they are, write inDegrees=no in "
            f"its header; if they are degrees, confirm it with {_ALL_IN_DEGREES}."
        )


def _check_radians(file: str, angles: Mapping[str, np.ndarray]) -> None:
    """Raise if there are angles [rad] that cannot be radians."""
    sizes = {name: float(np.abs(column).max()) for name, column in angles.items()}
    too_large = {name: size for name, size in sizes.items() if size > MOST_RADIANS}
    if not too_large:
        return
    shown = [f"{name} ({size:.4g})" for name, size in too_large.items()][:_MOST_SHOWN]
    if len(too_large) > len(shown):
        shown.append(f"and {len(too_large) - len(shown)} more")
    raise BadInput(
        f"{file} was read in radians, but these columns exceed 1.05 turns: {', '.join(shown)}. "
        f"If all angles are in degrees, pass {_ALL_IN_DEGREES}; if only some are, name those "
        "columns instead. If they are radians, take off whole turns."
    )


# -------------------------------------------------------------------------------- matching


def _file(trial: Trial) -> str:
    return f"'{trial.source[0][0]}'" if trial.source else "The trial"


def _require_columns(trial: Trial, free: Sequence[str], names: Sequence[str]) -> None:
    missing = [name for name in free if name not in trial.coordinate_names]
    if not missing:
        return
    unused = [name for name in trial.coordinate_names if name not in names]
    guesses = [
        (name, difflib.get_close_matches(name, unused, n=3)) for name in missing[:_MOST_SHOWN]
    ]
    hints = "; ".join(f"for '{name}' did you mean {close}?" for name, close in guesses if close)
    raise BadInput(
        f"{_file(trial)} has no column for {', '.join(missing)}, which the model leaves free. "
        f"{'Similar columns: ' + hints + ' ' if hints else ''}"
        "Rename a column, or weld the joint, lock the coordinate or give it a value: in a "
        "configuration with `model_edits`, e.g. --set model_edits.weld.NAME=0; in Python with "
        "`weld` or `lock` of `biomech.model.edits`."
    )


def _notes_of_unused(trial, names, coupled, held) -> tuple[str, ...]:
    file, present = _file(trial), set(trial.coordinate_names)
    notes = []
    computed = [name for name in names if name in coupled and name in present]
    if computed:
        notes.append(f"{file}: {', '.join(computed)} ignored; the model computes them.")
    kept = [name for name in names if name in held and name not in coupled]
    if kept:
        shown = ", ".join(f"{name} = {held[name]:.6g}" for name in kept)
        ignored = [name for name in kept if name in present]
        tail = f"; columns ignored: {', '.join(ignored)}" if ignored else ""
        notes.append(f"Held at a constant value: {shown}{tail}.")
    extra = [name for name in trial.coordinate_names if name not in names]
    if extra:
        more = f" and {len(extra) - 12} more" if len(extra) > 12 else ""
        notes.append(f"{file}: no such coordinate in the model: {', '.join(extra[:12])}{more}.")
    return tuple(notes)


# ---------------------------------------------------------------------------------- window


def _check_bodies(forces: Sequence[ExternalForce], model: Any) -> None:
    if model is None:
        return
    for force in forces:
        find("body", force.body, model.skeleton.body_names)


def require_overlap(emg: Storage, start: float, end: float) -> None:
    """Raise unless some of the record lies between `start` and `end` [s]."""
    if emg.time[-1] < start or emg.time[0] > end:
        raise BadInput(
            f"'{emg.source[0] or emg.name}' was recorded from {emg.time[0]:.9g} to "
            f"{emg.time[-1]:.9g} s, outside the analysed {start:.9g} to {end:.9g} s. Is it of the "
            "same trial and clock?"
        )


def _window(time, forces, start, end) -> tuple[float, float, tuple[str, ...]]:
    """Start and end of the analysis [s], and notes."""
    first = max([float(time[0]), *(float(force.time[0]) for force in forces)])
    last = min([float(time[-1]), *(float(force.time[-1]) for force in forces)])
    covered = f"motion and loads cover {first:.9g} to {last:.9g} s"
    if first > last:
        raise BadInput(
            f"The motion ({time[0]:.9g} to {time[-1]:.9g} s) and the loads have no time in common. "
            "Are they of the same trial and clock?"
        )
    for name, value in (("start", start), ("end", end)):
        if value is not None and not first - TIME_ROUNDING <= value <= last + TIME_ROUNDING:
            raise BadInput(f"`{name}` is {value} s, but {covered}.")
    if start is not None and end is not None and start > end:
        raise BadInput(f"`start` ({start} s) is after `end` ({end} s).")
    cut = (start is None and first > time[0]) or (end is None and last < time[-1])
    notes = (f"The window was cut: {covered}.",) if cut else ()
    return (
        first if start is None else max(float(start), first),
        last if end is None else min(float(end), last),
        notes,
    )
