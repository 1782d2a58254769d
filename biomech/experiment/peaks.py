"""When each peak of a result occurs, and the peaks as a table.

Values are those of the dataset's metrics (`studies.metrics`). The time is that of the largest
sample in the metric's window; the parabola through its neighbours refines the value only.
"""

import csv
import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from ..analysis.cases import CASE, sweep_dimensions


class Peak(NamedTuple):
    """One metric of one case; `time` [s] is NaN for what has none (an impulse)."""

    case: tuple[float | int | str, ...]
    metric: str
    unit: str
    value: float
    time: float
    rival: bool
    at_edge: bool
    limited_share: float


def peak_table(dataset: xr.Dataset) -> Iterator[Peak]:
    """Every metric of every case."""
    swept = sweep_dimensions(dataset)
    columns = [
        dataset[f"metric_{name}"].transpose(*swept, "metric").values
        for name in ("value", "time", "rival_peak", "at_edge", "limited_share")
    ]
    told_apart = [dataset[name] for name in case_columns(dataset)]
    cases = [(swept.index(str(told.dims[0])), told.values.tolist()) for told in told_apart]
    names, units = dataset["metric"].values, dataset["metric_unit"].values
    for index in np.ndindex(columns[0].shape):
        case = tuple(values[index[axis]] for axis, values in cases)
        value, time, rival, edge, share = (column[index] for column in columns)
        metric, unit = str(names[index[-1]]), str(units[index[-1]])
        marks = bool(rival), bool(edge), float(share)
        yield Peak(case, metric, unit, float(value), float(time), *marks)


def case_columns(dataset: xr.Dataset) -> tuple[str, ...]:
    """What tells the cases apart: the swept parameters, after the number or name of a case."""
    swept = sweep_dimensions(dataset)
    varied = (str(name) for name, along in dataset.coords.items() if along.dims == (CASE,))
    return swept + tuple(name for name in varied if name not in swept)


def write_peaks(dataset: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """`peak_table` as CSV; an empty cell is a number there is none of."""
    head = ("metric", "unit", "value", "time_s", "rival_peak", "at_edge", "limited_share")
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*case_columns(dataset), *head))
        for row in peak_table(dataset):
            case, share = [_number(x) for x in row.case], _number(row.limited_share)
            marks = (int(row.rival), int(row.at_edge), share)
            rest = (_number(row.value), _number(row.time), *marks)
            writer.writerow((*case, row.metric, row.unit, *rest))


def _number(value: float | int | str) -> str:
    if isinstance(value, str | int):
        return str(value)
    return f"{value:.6g}" if np.isfinite(value) else ""
