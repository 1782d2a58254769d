"""Marker trajectories: `.trc` files of motion capture systems.

Line 1 names the format (and a path, which is not kept), lines 2 and 3 the rate, counts and unit,
line 4 the markers, line 5 the axes; then one line per frame: number, time [s] and x, y, z of each
marker. Positions are converted to m. A marker that is missing (empty cells, or exactly 0 0 0) is
NaN.
"""

import dataclasses
import math
import os
import re

import numpy as np
from jaxtyping import Float

from ..model.names import BadInput
from .storage import (
    MAX_BYTES,
    MAX_COLUMNS,
    MAX_VALUES,
    check_labels,
    check_time,
    note_of_end,
    number,
    read_text,
)

_METRES = {"m": 1.0, "meters": 1.0, "metres": 1.0, "cm": 1e-2, "mm": 1e-3, "millimeters": 1e-3}
_SHOWN = 40  # characters of the file quoted in an error


@dataclasses.dataclass(frozen=True, eq=False)
class Markers:
    """Trajectories of skin markers.

    **Attributes:**

    - `time`: [s]. `names`: of the markers.
    - `positions`: in the laboratory [m]; NaN where a marker was not seen.
    - `notes`: what was reinterpreted. `source`: file name and SHA-256.
    """

    time: Float[np.ndarray, " time"]
    names: tuple[str, ...]
    positions: Float[np.ndarray, "time marker 3"]
    notes: tuple[str, ...] = ()
    source: tuple[str, str] = ("", "")


def read_trc(path: str | os.PathLike, *, max_bytes: int = MAX_BYTES) -> Markers:
    """Read a `.trc` file.

    **Raises:** `BadInput` that names the file, the line and what to do.
    """
    text, source = read_text(path, max_bytes)
    where = f"'{source[0]}'"
    lines = text.split("\n")
    keys = _read_header(lines, where)
    metres = _unit(keys, where)
    names = _read_names(lines, keys, where)
    table = _read_rows(lines, len(names), where)
    _check_count(keys, "NumFrames", "frames", table.shape[0], where)
    check_time(table[:, 1], where)
    positions = table[:, 2:].reshape(table.shape[0], len(names), 3) * metres
    positions, notes = _mark_missing(positions)
    return Markers(
        time=table[:, 1].copy(),
        names=names,
        positions=positions,
        notes=notes + note_of_end(text),
        source=source,
    )


def _read_header(lines: list[str], where: str) -> dict[str, str]:
    if len(lines) < 6 or not lines[0].lstrip().startswith("PathFileType"):
        raise BadInput(f"{where} does not start with 'PathFileType', so it is not a .trc file.")
    keys, values = lines[1].split(), lines[2].split()
    if len(keys) != len(values):
        raise BadInput(f"{where}: line 2 has {len(keys)} names, line 3 has {len(values)} values.")
    if len(set(keys)) < len(keys):
        raise BadInput(f"{where}: line 2 has a name twice.")
    return dict(zip(keys, values, strict=True))


def _unit(keys: dict[str, str], where: str) -> float:
    unit = keys.get("Units", "")
    if unit.lower() not in _METRES:
        raise BadInput(f"{where}: Units is {unit[:_SHOWN]!r}; it must be m, cm or mm.")
    return _METRES[unit.lower()]


def _check_count(keys: dict[str, str], key: str, what: str, count: int, where: str) -> None:
    if key in keys and keys[key] != str(count):
        raise BadInput(
            f"{where}: the header says {keys[key][:_SHOWN]} {what}, the file has {count}. "
            "It may be cut off; if it is whole, correct the header."
        )


def _read_names(lines: list[str], keys: dict[str, str], where: str) -> tuple[str, ...]:
    cells = [cell.strip() for cell in lines[3].split("\t")]
    if len(cells) == 1:
        cells = lines[3].split()
    if [cell.lower() for cell in cells[:2]] != ["frame#", "time"]:
        raise BadInput(f"{where}, line 4 must start with 'Frame#' and 'Time'.")
    names = tuple(cell for cell in cells[2:] if cell)
    if not names or len(names) * 3 > MAX_COLUMNS:
        raise BadInput(f"{where} names {len(names)} markers; 1 to {MAX_COLUMNS // 3} are read.")
    check_labels(names, where)
    _check_count(keys, "NumMarkers", "markers", len(names), where)
    axes = re.findall(r"[A-Za-z]+", lines[4])
    if [axis.upper() for axis in axes] != ["X", "Y", "Z"] * (len(axes) // 3):
        raise BadInput(f"{where}, line 5 must name the axes X, Y and Z of each marker in turn.")
    return names


def _read_rows(lines: list[str], markers: int, where: str) -> Float[np.ndarray, "time column"]:
    columns = 2 + 3 * markers
    if columns * len(lines) > MAX_VALUES:
        raise BadInput(
            f"{where} has more than {MAX_VALUES} values, the most that is read. Cut the record to "
            "the seconds you need."
        )
    rows = []
    for line, text in enumerate(lines[5:], start=6):
        if not text.strip():
            continue
        row = _row(text, columns)
        if len(row) != columns:
            raise BadInput(
                f"{where}, line {line}: {len(row)} cells for {columns} columns (frame, time and "
                f"three for each of {markers} markers)."
            )
        read = [float("nan") if not cell else number(cell) for cell in row]
        values = [value for value in read if value is not None]
        if len(values) < len(read):
            column = [value is None for value in read].index(True)
            raise BadInput(
                f"{where}, line {line}, column {column + 1}: {row[column][:_SHOWN]!r} is no number."
            )
        if any(map(math.isinf, values)):
            raise BadInput(
                f"{where}, line {line} holds an infinite number. Leave the cells of a marker that "
                "was not seen empty."
            )
        rows.append(values)
    if not rows:
        raise BadInput(f"{where} has no frames.")
    return np.array(rows, dtype=np.float64)


def _row(text: str, columns: int) -> list[str]:
    """Cells of a line; whole markers missing at its end are empty cells."""
    if "\t" not in text.strip():
        return text.split()
    cells = [cell.strip() for cell in text.split("\t")]
    while len(cells) > columns and not cells[-1]:
        cells.pop()
    missing = columns - len(cells)
    if missing > 0 and missing % 3 == 0 and len(cells) >= 2:
        cells += [""] * missing
    return cells


def _mark_missing(positions):
    """Positions with NaN for markers not seen, and notes."""
    zero = (positions == 0.0).all(axis=-1)
    incomplete = ~np.isfinite(positions).all(axis=-1)
    positions = np.where((zero | incomplete)[..., None], np.nan, positions)
    notes = []
    if incomplete.any():
        notes.append(f"{int(incomplete.sum())} marker positions are missing.")
    if zero.any():
        notes.append(f"{int(zero.sum())} marker positions of exactly 0 0 0 were read as missing.")
    return positions, tuple(notes)
