"""When each peak of a result occurs, and the peaks as a table.

Values are those of the dataset's metrics (`studies.metrics`). The time is that of the largest
sample in the metric's window; the parabola through its neighbours refines the value only.
"""

import os

import numpy as np
import pandas as pd
import xarray as xr

from ..analysis.cases import CASE, sweep_dimensions

COLUMNS = ("metric", "unit", "value", "time_s", "rival_peak", "at_edge", "limited_share")
"""Of every row, after what tells the cases apart."""
_PIECE_ROWS = 100_000


def peak_table(dataset: xr.Dataset) -> pd.DataFrame:
    """Every metric of every case, a row each; a time or value that there is none of is NaN."""
    swept = sweep_dimensions(dataset)
    column = lambda name: dataset[f"metric_{name}"].transpose(*swept, "metric").values
    shape = column("value").shape
    over = lambda values, axis: np.broadcast_to(
        np.expand_dims(values, [i for i in range(len(shape)) if i != axis]), shape
    ).ravel()
    table = {}
    for name in case_columns(dataset):
        told = dataset[name]
        table[name] = over(told.values, swept.index(str(told.dims[0])))
    table["metric"] = over(dataset["metric"].values, len(swept))
    table["unit"] = over(dataset["metric_unit"].values, len(swept))
    for head, name in zip(COLUMNS[2:], ("value", "time", "rival_peak", "at_edge", "limited_share")):
        table[head] = column(name).ravel()
    return pd.DataFrame(table)


def case_columns(dataset: xr.Dataset) -> tuple[str, ...]:
    """What tells the cases apart: the swept parameters, after the number or name of a case."""
    swept = sweep_dimensions(dataset)
    varied = (str(name) for name, along in dataset.coords.items() if along.dims == (CASE,))
    return swept + tuple(name for name in varied if name not in swept)


def write_peaks(dataset: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """`peak_table` as CSV, a piece at a time; an empty cell is a number there is none of."""
    swept = sweep_dimensions(dataset)
    first = swept[0] if swept else "metric"
    if (
        first not in dataset.coords
    ):  # cases without names: their numbers, which pieces must not lose
        dataset = dataset.assign_coords({first: np.arange(dataset.sizes[first])})
    step = max(1, _PIECE_ROWS * dataset.sizes[first] // dataset["metric_value"].size)
    with open(path, "w", encoding="utf-8", newline="") as file:
        for at in range(0, dataset.sizes[first], step):
            piece = peak_table(dataset.isel({first: slice(at, at + step)}))
            piece.to_csv(
                file, index=False, header=at == 0, float_format="%.6g", lineterminator="\n"
            )
