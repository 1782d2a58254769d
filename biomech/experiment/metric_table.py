"""The metrics of a result as a table, and when each peak occurs.

Values are those of the dataset's metrics (`studies.metrics`, `studies.standing_metrics`). The time
of a peak is that of the largest sample in the metric's window; the parabola through its neighbours
refines the value only. A body at rest has no peaks: its table ends with the value.
"""

import os

import numpy as np
import pandas as pd
import xarray as xr

from ..analysis.cases import CASE, sweep_dimensions

COLUMNS = ("metric", "unit", "value", "time_s", "rival_peak", "at_edge", "limited_share")
"""Of every row, after what tells the cases apart."""
_OF_PEAKS = {
    "time_s": "metric_time",
    "rival_peak": "metric_rival_peak",
    "at_edge": "metric_at_edge",
    "limited_share": "metric_limited_share",
}
_PIECE_ROWS = 100_000


def table_name(dataset: xr.Dataset) -> str:
    """Name of its file in a run folder."""
    return "peaks.csv" if _has_peaks(dataset) else "metrics.csv"


def metric_table(dataset: xr.Dataset) -> pd.DataFrame:
    """Every metric of every case, a row each; a time or value that there is none of is NaN."""
    swept = sweep_dimensions(dataset)
    column = lambda name: dataset[name].transpose(*swept, "metric").values
    shape = column("metric_value").shape
    over = lambda values, axis: np.broadcast_to(
        np.expand_dims(values, [i for i in range(len(shape)) if i != axis]), shape
    ).ravel()
    table = {}
    for name in case_columns(dataset):
        told = dataset[name]
        table[name] = over(told.values, swept.index(str(told.dims[0])))
    table["metric"] = over(dataset["metric"].values, len(swept))
    table["unit"] = over(dataset["metric_unit"].values, len(swept))
    table["value"] = column("metric_value").ravel()
    if _has_peaks(dataset):
        table |= {head: column(name).ravel() for head, name in _OF_PEAKS.items()}
    return pd.DataFrame(table)


def _has_peaks(dataset: xr.Dataset) -> bool:
    return "metric_time" in dataset


def case_columns(dataset: xr.Dataset) -> tuple[str, ...]:
    """What tells the cases apart: the swept parameters, after the number or name of a case."""
    swept = sweep_dimensions(dataset)
    varied = (str(name) for name, along in dataset.coords.items() if along.dims == (CASE,))
    return swept + tuple(name for name in varied if name not in swept)


def write_metrics(dataset: xr.Dataset, path: str | os.PathLike[str]) -> None:
    """`metric_table` as CSV, a piece at a time; an empty cell is a number there is none of."""
    swept = sweep_dimensions(dataset)
    first = swept[0] if swept else "metric"
    if (
        first not in dataset.coords
    ):  # cases without names: their numbers, which pieces must not lose
        dataset = dataset.assign_coords({first: np.arange(dataset.sizes[first])})
    step = max(1, _PIECE_ROWS * dataset.sizes[first] // dataset["metric_value"].size)
    with open(path, "w", encoding="utf-8", newline="") as file:
        for at in range(0, dataset.sizes[first], step):
            piece = metric_table(dataset.isel({first: slice(at, at + step)}))
            piece.to_csv(
                file, index=False, header=at == 0, float_format="%.6g", lineterminator="\n"
            )
