"""OpenSim's tables over time, `.mot` and `.sto`: read and write.

A file is a header (name, version, nRows, nColumns, inDegrees), the line `endheader`, a line of
labels of which the first is `time`, and one line of numbers per instant. Read here: storage
versions 1 to 3 with `DataType=double`, and SIMM motion files (`datarows`, `datacolumns`, `range`).
Time is in s; values keep the unit of the file (see `Storage.in_degrees`).

Departures from OpenSim, which reads the same files with less care: labels that are state paths
become bare coordinate names (OpenSim's tools ignore such columns and use default values); times
that do not increase, duplicate labels and another number of rows than the header says (a file cut
off) are errors. A wrong `nColumns`, which OpenSim's own files have, is noted if labels and rows
agree. NaN is kept: whether it matters is known only to whoever uses the column.
"""

import dataclasses
import difflib
import hashlib
import io
import os
import re
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..model.names import BadInput, find, short_name
from .files import as_path, read_bytes

MAX_BYTES = 64 * 2**20
"""Largest table that is read [bytes]."""
MAX_COLUMNS = 10_000
"""Largest number of columns that is read."""
MAX_LINES = 1_000_000
"""Largest number of lines that is read."""
MAX_VALUES = 5_000_000
"""Largest number of values that is read: 36 columns at 2000 Hz for more than a minute."""
MOST_SECONDS = 1e10
"""Times beyond are no times; those since 1970, as some systems write them, are below [s]."""
LEAST_STEP = 1e-9
"""Two rows nearer to each other are at the same time [s]."""
LARGEST_GAP = 5.0
"""A step of so many usual ones is a gap in the record, which no spline may bridge [-]."""

_HEADER_END = re.compile(r"^[ \t]*endheader[ \t]*$", re.IGNORECASE | re.MULTILINE)
_ROW_KEYS = ("nrows", "nr", "datarows")
_COLUMN_KEYS = ("ncolumns", "nc", "datacolumns")
_HEADER_KEYS = (*_ROW_KEYS, *_COLUMN_KEYS, "version", "indegrees", "datatype", "range")
_ONE_VALUE = re.compile(r"\S+[ \t]*[= \t][ \t]*\S+")  # a key and its value; others are prose
_STATES = ("speed", "accel", "activation", "fiber_length", "normalized_tendon_force", "excitation")
_NOT_A_NUMBER = re.compile(r"[+-]?(nan(\(\w*\))?|1\.#(qnan|snan|ind|nan)\d*)", re.IGNORECASE)
_SHOWN = 40  # characters of the file quoted in an error
_LONGEST_LINE = 1_000_000  # 100 characters for each of `MAX_COLUMNS`
_LONGEST_LABEL = 200
_LONGEST_HEADER = 1000  # lines


@dataclasses.dataclass(frozen=True, eq=False)
class Storage:
    """A table over time.

    **Attributes:**

    - `name`: as written in the file.
    - `time`: [s], strictly increasing.
    - `labels`: of the columns, without `time`.
    - `values`: in the unit of the file.
    - `in_degrees`: what the header says about rotational coordinates.
    - `notes`: what was reinterpreted or left out.
    - `source`: file name (no folder) and SHA-256.
    """

    name: str
    time: Float[np.ndarray, " time"]
    labels: tuple[str, ...]
    values: Float[np.ndarray, "time column"]
    in_degrees: bool
    notes: tuple[str, ...] = ()
    source: tuple[str, str] = ("", "")

    def column(self, label: str) -> Float[np.ndarray, " time"]:
        """Values of one column; `UnknownName` with near misses if there is none."""
        return self.values[:, find("column", label, self.labels)]


# --------------------------------------------------------------------------------- reading


def read_storage(path: str | os.PathLike, *, max_bytes: int = MAX_BYTES) -> Storage:
    """Read a `.mot` or `.sto` file.

    **Raises:** `BadInput` that names the file, the line and what to do.
    """
    text, source = read_text(path, max_bytes)
    where = f"'{source[0]}'"
    header, body, body_line = _split_header(text, where)
    name, keys, notes = _read_header(header, where)
    labels, table, table_line = _read_labels(body, body_line, keys, where)
    numbers, number_notes = read_numbers(table, table_line, len(labels), where)
    count_notes = _check_counts(keys, len(labels), numbers.shape[0], where)
    check_time(numbers[:, 0], where)
    kept, bare, label_notes = _bare_labels(labels[1:])
    check_labels(("time", *bare), where)
    return Storage(
        name=name,
        time=numbers[:, 0].copy(),
        labels=bare,
        values=numbers[:, [i + 1 for i in kept]],
        in_degrees=_says_degrees(keys, where),
        notes=tuple(
            f"{where}: {note}"
            for note in notes + count_notes + number_notes + label_notes + note_of_end(text)
        ),
        source=source,
    )


def read_text(path: str | os.PathLike, max_bytes: int) -> tuple[str, tuple[str, str]]:
    """Text of a file with plain line ends, and its name and SHA-256."""
    path = as_path(path, "path")
    content = read_bytes(path, max_bytes, "Cut the record to the seconds you need.")
    if not content.strip():
        raise BadInput(f"'{path.name}' is empty.")
    text = _decode(content, path.name)
    if text.count("\n") > MAX_LINES:
        raise BadInput(
            f"'{path.name}' has more than {MAX_LINES} lines, the most that is read. Cut the record "
            "to the seconds you need."
        )
    if max(map(len, text.split("\n"))) > _LONGEST_LINE:
        raise BadInput(
            f"'{path.name}' has a line of more than {_LONGEST_LINE} characters. Write one line per "
            f"instant, of at most {MAX_COLUMNS} columns."
        )
    return text, (path.name, hashlib.sha256(content).hexdigest())


def note_of_end(text: str) -> tuple[str, ...]:
    """A note if the last line is not ended: its last number may have lost digits."""
    return () if text.endswith("\n") else ("The last line has no end; the file may be cut off.",)


def read_numbers(
    table: str, first_line: int, columns: int, where: str
) -> tuple[Float[np.ndarray, "row column"], tuple[str, ...]]:
    """Whitespace-separated rows of `columns` numbers, and notes.

    `first_line` is the line of the file at which `table` starts (for the error message).
    """
    if not table.strip():
        raise BadInput(f"{where} has labels but no row of numbers.")
    if columns * table.count("\n") > MAX_VALUES:
        raise BadInput(
            f"{where} has more than {MAX_VALUES} values, the most that is read. Cut the record to "
            "the seconds and columns you need."
        )
    try:
        numbers = np.loadtxt(io.StringIO(table), dtype=np.float64, comments=None, ndmin=2)
        if numbers.shape[1] == columns:
            return numbers, ()
    except ValueError:  # say where below, or accept other spellings of NaN
        pass
    return _read_numbers_slowly(table, first_line, columns, where)


def check_time(time: Float[np.ndarray, " time"], where: str) -> None:
    """Raise unless `time` [s] is strictly increasing and can be a time at all."""
    good = np.abs(time) <= MOST_SECONDS  # NaN is not
    if not good.all():
        row = int(np.argmin(good))
        raise BadInput(f"{where}: the time in data row {row + 1} is {time[row]}.")
    late = np.diff(time) < LEAST_STEP
    if late.any():
        row = int(np.argmax(late)) + 1
        what = "goes back to" if time[row] < time[row - 1] else "repeats"
        raise BadInput(
            f"{where}: data row {row + 1} {what} time {time[row]:.9g} s "
            f"after {time[row - 1]:.9g} s. Times must increase; remove or correct the row."
        )


def check_no_gap(storage: Storage) -> None:
    """Raise if rows are missing: a step in time of more than `LARGEST_GAP` usual ones."""
    step = np.diff(storage.time)
    if not step.size or step.max() <= LARGEST_GAP * np.median(step):
        return
    row = int(np.argmax(step))
    raise BadInput(
        f"'{storage.source[0] or storage.name}' has no rows between {storage.time[row]:.9g} and "
        f"{storage.time[row + 1]:.9g} s, while its rows are {np.median(step):.3g} s apart. Fill "
        "the gap, or cut the record to the part without it."
    )


def require_finite(storage: Storage, labels: Sequence[str]) -> None:
    """Raise if one of the columns `labels`, which are about to be used, holds NaN or infinity."""
    for label in labels:
        values = storage.column(label)
        good = np.isfinite(values)
        if not good.all():
            row = int(np.argmin(good))
            raise BadInput(
                f"'{storage.source[0] or storage.name}': column '{label}' is "
                f"{values[row]} at {storage.time[row]:.9g} s and not a finite number in "
                f"{int((~good).sum())} of {good.size} rows. Fill the gap, or cut the record "
                "to the part without it."
            )


def _decode(content: bytes, name: str) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput(f"'{name}' is UTF-16 text. Save it as plain text (UTF-8).")
    if b"\0" in content:
        raise BadInput(f"'{name}' is not a text file.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:  # names written by old Windows programs; numbers are ASCII
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _split_header(text: str, where: str) -> tuple[str, str, int]:
    """Header, what follows `endheader`, and the line number at which that starts."""
    end = _HEADER_END.search(text)
    if end is None:
        raise BadInput(
            f"{where} has no line 'endheader', so it is not a .mot or .sto file. "
            "Export it from OpenSim, or write it with `write_storage`."
        )
    if text.count("\n", 0, end.start()) > _LONGEST_HEADER:
        raise BadInput(f"{where} has a header of more than {_LONGEST_HEADER} lines.")
    return text[: end.start()], text[end.end() + 1 :], text.count("\n", 0, end.end()) + 2


def _read_header(header: str, where: str) -> tuple[str, dict[str, str], tuple[str, ...]]:
    """Name, keys (lower case) with their values, and notes."""
    name, keys, notes = "", {}, ()
    lines = [line.strip() for line in header.split("\n") if line.strip()]
    for number, line in enumerate(lines):
        key, _, value = re.sub(r"[ \t]*[= \t][ \t]*", "=", line, count=1).partition("=")
        key = key.lower()
        if key == "name":
            name = value
        elif key == "angles" and "version" not in keys:  # OpenSim honours it in old files only
            keys.setdefault("indegrees", "yes" if "degree" in value.lower() else "no")
        elif key in _HEADER_KEYS:
            if keys.get(key, value.strip()) != value.strip():
                raise BadInput(f"{where}: the header gives {key} twice, with two values.")
            keys[key] = value.strip()
        elif number == 0:
            name = line
        elif _ONE_VALUE.fullmatch(line):
            _refuse_misspelt(key, where)
    if keys.get("datatype", "double").lower() not in ("double", "float"):
        raise BadInput(
            f"{where} holds DataType={keys['datatype'][:_SHOWN]}; only tables of plain numbers "
            "(DataType=double) are read. Export the components as separate columns."
        )
    version = _integer(keys, ("version",), where)
    if version is not None and version > 3:
        raise BadInput(f"{where} is of version {version}; versions 1 to 3 are read.")
    if "indegrees" not in keys:
        notes = ("The header does not say inDegrees; taken as no (radians).",)
    return name, keys, notes


def _refuse_misspelt(key: str, where: str) -> None:
    """Raise for a key that is nearly one that is read: what it says would be lost."""
    close = difflib.get_close_matches(key[:_SHOWN], _HEADER_KEYS, n=1, cutoff=0.85)
    if close:
        raise BadInput(f"{where}: the header has {key[:_SHOWN]!r}. Did you mean {close[0]!r}?")


def _integer(keys: dict[str, str], names: Sequence[str], where: str) -> int | None:
    for name in names:
        if name in keys:
            if not re.fullmatch(r"[0-9]{1,12}", keys[name]):
                raise BadInput(f"{where}: header value {name}={keys[name][:_SHOWN]!r} is no count.")
            return int(keys[name])
    return None


def _says_degrees(keys: dict[str, str], where: str) -> bool:
    value = keys.get("indegrees", "no").lower()
    if value not in ("yes", "y", "no", "n"):
        raise BadInput(f"{where}: header value inDegrees={value[:_SHOWN]!r}; it must be yes or no.")
    return value in ("yes", "y")


def _read_labels(
    body: str, line: int, keys: dict[str, str], where: str
) -> tuple[tuple[str, ...], str, int]:
    """Labels (`time` first), the text of the numbers, and the line at which it starts."""
    start = len(body) - len(body.lstrip())
    line += body.count("\n", 0, start)
    first, _, rest = body[start:].partition("\n")
    if not first:
        raise BadInput(f"{where} ends after its header: no labels, no numbers.")
    if first.count("\t") > 2 * MAX_COLUMNS:
        raise BadInput(f"{where} has {first.count(chr(9))} columns; the limit is {MAX_COLUMNS}.")
    labels = tuple(label.strip() for label in first.split("\t") if label.strip())
    declared = _integer(keys, _COLUMN_KEYS, where)
    words = tuple(first.split())
    if len(labels) == 1 or (len(labels) != declared and len(words) == declared):
        labels = words  # blanks instead of tabs
    if len(labels) > MAX_COLUMNS:
        raise BadInput(f"{where} has {len(labels)} columns; the limit is {MAX_COLUMNS}.")
    if labels[0].lower() != "time":
        other = "is in another place" if "time" in map(str.lower, labels) else "is missing"
        raise BadInput(
            f"{where}: the first label (line {line}) is {labels[0][:_SHOWN]!r}; it must be 'time', "
            f"which {other}."
        )
    check_labels(labels, where)
    return labels, rest, line + 1


def check_labels(labels: Sequence[str], where: str) -> None:
    """Raise if two labels are alike, or one cannot be shown in a line."""
    seen: set[str] = set()
    for label in labels:
        if label in seen:
            raise BadInput(f"{where} has two columns '{short_name(label)}'. Rename or remove one.")
        if not label.isprintable() or len(label) > _LONGEST_LABEL:
            raise BadInput(
                f"{where} has a column '{short_name(label)}'. A name must be at most "
                f"{_LONGEST_LABEL} characters that can be printed."
            )
        seen.add(label)


def _check_counts(keys: dict[str, str], columns: int, rows: int, where: str) -> tuple[str, ...]:
    """Raise if rows are missing; note if the header miscounts columns, which rows settle."""
    declared = _integer(keys, _ROW_KEYS, where)
    if declared is not None and declared != rows:
        raise BadInput(
            f"{where}: the header says {declared} rows, the file has {rows}. It may be cut off; "
            "if it is whole, correct the header."
        )
    declared = _integer(keys, _COLUMN_KEYS, where)
    if declared is None or declared == columns:
        return ()
    return (f"The header says {declared} columns; labels and rows have {columns}.",)


def _read_numbers_slowly(
    table: str, first_line: int, columns: int, where: str
) -> tuple[Float[np.ndarray, "row column"], tuple[str, ...]]:
    values, notes = array("d"), ()
    for line, text in enumerate(table.split("\n"), start=first_line):
        words = text.split()
        if not words:
            continue
        if len(words) != columns:
            raise BadInput(
                f"{where}, line {line}: {len(words)} values for {columns} columns. "
                "Write one number per column; a missing one is NaN."
            )
        read: Sequence[float | None] = _plain_numbers(text, words) or [*map(number, words)]
        row = [value for value in read if value is not None]
        if len(row) < len(read):
            column = [value is None for value in read].index(True)
            raise BadInput(
                f"{where}, line {line}, column {column + 1}: "
                f"{words[column][:_SHOWN]!r} is no number."
            )
        values.extend(row)
        if not notes and any(_NOT_A_NUMBER.fullmatch(word) for word in words):
            notes = (f"From line {line} on, spellings of a missing number were read as NaN.",)
    return np.array(values, dtype=np.float64).reshape(-1, columns), notes


def _plain_numbers(text: str, words: Sequence[str]) -> list[float]:
    """The numbers in `words` if all are plain ones; none otherwise."""
    if "_" in text or "n" in text or "N" in text or not text.isascii():
        return []
    try:
        return [float(word) for word in words]
    except ValueError:
        return []


def number(word: str) -> float | None:
    """The number a word of a table spells, or None."""
    if _NOT_A_NUMBER.fullmatch(word):
        return float("nan")
    if "_" in word or not word.isascii():
        return None
    try:
        return float(word)
    except ValueError:
        return None


def _bare_labels(
    labels: Sequence[str],
) -> tuple[tuple[int, ...], tuple[str, ...], tuple[str, ...]]:
    """Indices of the columns kept, their labels without state path, and notes."""
    kept, bare, shortened, dropped = [], [], [], []
    for i, label in enumerate(labels):
        parts = [part for part in label.split("/") if part]
        if "/" in label and parts and parts[-1] in _STATES:
            dropped.append(label)
            continue
        is_value = len(parts) >= 2 and parts[-1] == "value"
        kept.append(i)
        bare.append(parts[-2] if is_value else label)
        if is_value:
            shortened.append((label, parts[-2]))
    notes = []
    if shortened:
        notes.append(
            f"{len(shortened)} state paths were read as coordinate names, such as "
            f"'{shortened[0][0]}' as '{shortened[0][1]}'."
        )
    if dropped:
        notes.append(
            f"{len(dropped)} columns of speeds and muscle states were left out, such as "
            f"'{dropped[0]}'."
        )
    return tuple(kept), tuple(bare), tuple(notes)


# --------------------------------------------------------------------------------- writing


def write_storage(
    path: str | os.PathLike,
    time: Float[np.ndarray, " time"],
    labels: Sequence[str],
    values: Float[np.ndarray, "time column"],
    *,
    name: str | None = None,
    in_degrees: bool = False,
    header: Mapping[str, int | str] | None = None,
) -> None:
    """Write a version 1 storage file, which OpenSim and its GUI read.

    `header`: more lines of it, key and value. Numbers are written with the fewest digits that give
    back the same double. The file appears under its name only once it is complete.
    """
    path = Path(path)
    name = path.stem if name is None else name
    labels = tuple(labels)
    _check_writable(name, time, labels, values)
    table = np.concatenate([time[:, None], values], axis=1)
    lines = [
        name,
        "version=1",
        f"nRows={table.shape[0]}",
        f"nColumns={table.shape[1]}",
        f"inDegrees={'yes' if in_degrees else 'no'}",
        *(f"{key}={value}" for key, value in (header or {}).items()),
        "endheader",
        "\t".join(("time", *labels)),
        *("\t".join(map(repr, row)) for row in table.tolist()),
    ]
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _check_writable(name, time, labels, values):
    if values.shape != (time.shape[0], len(labels)):
        raise BadInput(
            f"`write_storage` got {time.shape[0]} times and {len(labels)} labels but values of "
            f"shape {values.shape}."
        )
    check_time(time, "`write_storage`")
    check_labels(("time", *labels), "`write_storage`")
    bad = [text for text in (name, *labels) if not text or re.search(r"[\t\r\n\0]", text)]
    if bad or any(" " in label for label in labels):
        raise BadInput("`write_storage`: a name or label is empty or holds blanks or line breaks.")
