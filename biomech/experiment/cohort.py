"""A cohort: a table with one row for each person or condition, as a spreadsheet saves it.

    case,gluteal.scale,flexor.scale
    anna,0.62,0.9
    ben,0.71,1.05

UTF-8, separated by commas, a point in numbers. Each column is a parameter; the first may be `case`,
a name for each row. Rows are counted as a spreadsheet does: the header is row 1. Nothing is filled
in: a cell that is empty, no number or out of the parameter's range is refused by row and column.
"""

import csv
import io
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..formats.files import read_bytes
from ..interventions import Parameter
from ..model.names import BadInput, short_name, suggest
from .config import as_lines, between
from .sampling import MAX_CASES, MAX_PARAMETERS

MAX_BYTES = 32 * 2**20
LABELS = "case"
"""Name of the column that names the rows."""
_LONGEST_LABEL = 200
_ENOUGH = 50  # complaints that are looked for
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)


class Cohort(NamedTuple):
    """What a table holds; `labels` is None without a column `case`."""

    names: tuple[str, ...]
    values: Float[np.ndarray, "case parameter"]
    labels: tuple[str, ...] | None


def read_cohort(path: Path, parameters: Mapping[str, Parameter]) -> Cohort:
    """The table in a .csv file whose columns are among `parameters`.

    **Raises:** `BadInput` with every complaint by row and column.
    """
    name = path.name
    head, *rows = _rows(path)
    head = [cell.strip() for cell in head]
    complaints = list(_about_columns(head, parameters))
    if not complaints and not rows:
        complaints = ["there is no row below the header."]
    if not complaints:
        complaints = list(itertools.islice(_about_rows(head, rows, parameters), _ENOUGH))
    if complaints:
        raise BadInput(as_lines(complaints, name))
    labelled = head[0] == LABELS
    cells = [row[1:] if labelled else row for _, row in rows]
    labels = tuple(row[0].strip() for _, row in rows) if labelled else None
    return Cohort(tuple(head[labelled:]), np.array(cells, dtype=float), labels)


def _rows(path: Path):
    """The cells of the header, then number and cells of each row."""
    try:
        text = read_bytes(path, MAX_BYTES).decode("utf-8-sig")  # spreadsheets write a mark first
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8 text: {error.reason}.") from error
    reader = csv.reader(io.StringIO(text, newline=None), strict=True)
    rows = []
    try:
        for row in reader:
            rows.append((reader.line_num, row))
            if len(rows) > MAX_CASES + 1:
                raise BadInput(f"{path.name} has more than {MAX_CASES} rows.")
    except csv.Error as error:
        raise BadInput(f"{path.name}, row {reader.line_num}: {error}.") from error
    while rows and not rows[-1][1]:  # blank lines at the end
        rows.pop()
    if not rows:
        raise BadInput(f"{path.name} is empty; its first row must name the columns.")
    return [rows[0][1], *rows[1:]]


def _about_columns(head: Sequence[str], parameters: Mapping[str, Parameter]) -> Iterator[str]:
    if len(head) > MAX_PARAMETERS + 1:
        yield f"there are {len(head)} columns; at most {MAX_PARAMETERS} parameters are varied."
        return
    if len(head) == 1 and any(mark in head[0] for mark in ";\t"):
        yield "columns must be separated by commas, and numbers written with a point."
        return
    if head == [LABELS]:
        yield f"there is no column beside `{LABELS}`: name one <intervention>.<parameter>."
    for i, column in enumerate(head):
        if column == LABELS and i > 0 and head[0] != LABELS:
            yield f"`{LABELS}` must be the first column; it is number {i + 1}."
        elif column in head[:i]:
            yield f"the column '{short_name(column)}' is there twice."
        elif not column:
            yield f"column {i + 1} has no name."
        elif column not in parameters and (column != LABELS or i > 0):
            hint = suggest(column, tuple(parameters))
            yield f"no parameter is called '{short_name(column)}'. {hint}"


def _about_rows(head, rows, parameters) -> Iterator[str]:
    seen: dict[str, int] = {}
    for number, row in rows:
        if len(row) != len(head):
            yield f"row {number} has {len(row)} cells; the header has {len(head)}."
            continue
        for column, cell in zip(head, row, strict=True):
            said = (
                _about_label(cell.strip(), number, seen)
                if column == LABELS
                else _about_number(cell.strip(), parameters[column])
            )
            if said:
                yield f"row {number}, column '{column}' {said}."


def _about_label(label: str, number: int, seen: dict[str, int]) -> str:
    if not label:
        return "is empty; it must be a name"
    if len(label) > _LONGEST_LABEL or not label.isprintable():
        return f"must be a name in one line of at most {_LONGEST_LABEL} characters"
    if seen.setdefault(label, number) != number:
        return f"is '{short_name(label)}', which row {seen[label]} is called already"
    return ""


def _about_number(cell: str, parameter: Parameter) -> str:
    if not cell:
        return "is empty; it must be a number"
    value = float(cell) if _NUMBER.fullmatch(cell) else math.nan
    if not math.isfinite(value):
        return f"is '{short_name(cell)}'; it must be a finite number, as in 0.75"
    if not parameter.lower <= value <= parameter.upper:
        return f"is {value:g}; it {between(parameter)}"
    return ""
