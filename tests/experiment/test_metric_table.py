"""Peaks as a table: a row for each metric of each case, however large."""

import io
import itertools

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import biomech.experiment.metric_table as table_file
from biomech.experiment.metric_table import COLUMNS, metric_table, write_metrics

METRICS = ["peak_hip_force_r", "hip_force_impulse_r", "peak_knee_force_l"]
AXES = {"a.scale": [1.0, 0.5, 0.25, 0.125], "b.scale": [1.0, 2.0, 3.0]}


def result(dims, sizes, coordinates):
    """Numbers that tell their place; one that there is none of."""
    shape = (*sizes, len(METRICS))
    number = np.arange(np.prod(shape), dtype=float).reshape(shape)
    number.flat[4 % number.size] = np.nan
    fields = ("value", "time", "rival_peak", "at_edge", "limited_share")
    variables = {
        f"metric_{name}": ((*dims, "metric"), number + 1000.0 * i) for i, name in enumerate(fields)
    }
    metric = {
        "metric": METRICS,
        "metric_unit": ("metric", ["BW", "BW s", "BW"]),
        "metric_long_name": ("metric", METRICS),
    }
    return xr.Dataset(variables, {**metric, **coordinates})


GRID = result(tuple(AXES), (4, 3), AXES)
LIST = result(("case",), (7,), {"a.scale": ("case", np.linspace(0.1, 0.7, 7))})
COHORT = LIST.assign_coords(case=np.array(list("abcdefg"), object))
SINGLE = result((), (), {})


def test_each_row_is_one_metric_of_one_case():
    table = metric_table(GRID)
    assert tuple(table.columns) == (*AXES, *COLUMNS)
    cases = list(itertools.product(*AXES.values()))
    for row, ((a, b), metric) in enumerate(itertools.product(cases, METRICS)):
        found = table.iloc[row]
        assert (found["a.scale"], found["b.scale"], found["metric"]) == (a, b, metric)
        assert found["time_s"] == row + 1000.0 or row == 4
    assert np.isnan(table["value"][4]) and table["unit"][1] == "BW s"


@pytest.mark.parametrize("rows", [1, 7, 20, 10**6])
@pytest.mark.parametrize("dataset", [GRID, LIST, COHORT, SINGLE])
def test_file_written_in_pieces_is_that_of_the_whole(dataset, rows, tmp_path, monkeypatch):
    made, whole = [], metric_table(dataset)

    def counted(piece):
        made.append(metric_table(piece))
        return made[-1]

    monkeypatch.setattr(table_file, "metric_table", counted)
    monkeypatch.setattr(table_file, "_PIECE_ROWS", rows)
    write_metrics(dataset, tmp_path / "peaks.csv")
    assert (len(made) > 1) == (rows < len(whole))
    of_a_case = len(whole) // max(len(dataset["metric_value"]), 1)
    assert max(map(len, made)) <= max(rows, of_a_case)
    text = (tmp_path / "peaks.csv").read_text()
    pd.testing.assert_frame_equal(
        pd.read_csv(io.StringIO(text)), whole, check_dtype=False, rtol=1e-5
    )
    assert text == whole.to_csv(index=False, float_format="%.6g", lineterminator="\n")
