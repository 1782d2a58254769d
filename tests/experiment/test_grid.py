"""Cases in a row, unfolded: the same numbers, and nothing is read that is not asked for."""

import itertools

import numpy as np
import pytest
import xarray as xr
from xarray.core import indexing

from biomech.experiment.grid import as_grid

AXES = {"a.scale": [1.0, 0.5], "b.scale": [1.0, 2.0, 3.0]}


@pytest.fixture
def row():
    cases = np.array(list(itertools.product(*AXES.values())))
    load = np.arange(6 * 4 * 2, dtype=float).reshape(6, 4, 2)
    return xr.Dataset(
        {
            "load": (("case", "time", "axis"), load, {"units": "N"}),
            "peak": (("case",), load.max(axis=(1, 2))),
            "mass": ((), 75.0),
        },
        {
            "a.scale": ("case", cases[:, 0], {"units": "1"}),
            "b.scale": ("case", cases[:, 1]),
            "time": np.arange(4.0),
        },
        {"title": "six cases"},
    )


def test_each_case_is_at_its_values(row):
    grid = as_grid(row, AXES, "case")
    assert grid["load"].dims == ("a.scale", "b.scale", "time", "axis")
    assert grid.attrs == row.attrs and grid["load"].attrs == {"units": "N"}
    for case in range(6):
        a, b = float(row["a.scale"][case]), float(row["b.scale"][case])
        here = grid.sel({"a.scale": a, "b.scale": b})
        np.testing.assert_array_equal(here["load"], row["load"][case])
        assert float(here["peak"]) == float(row["peak"][case])
    assert float(grid["mass"]) == 75.0


@pytest.mark.parametrize(
    "key",
    [
        {"a.scale": 1},
        {"b.scale": [2, 0]},
        {"a.scale": slice(None, None, -1), "time": 2},
        {"b.scale": slice(1, 3), "time": [3, 1], "axis": 0},
        {"a.scale": 0, "b.scale": 2, "time": slice(1, 2)},
        {"b.scale": []},
    ],
)
def test_any_selection_is_that_of_the_whole(row, key):
    whole = as_grid(row, AXES, "case").load()
    xr.testing.assert_identical(as_grid(row, AXES, "case").isel(key).load(), whole.isel(key))


def test_only_what_is_asked_for_is_read(row):
    values = row["load"].values
    lazy = indexing.LazilyIndexedArray(indexing.NumpyIndexingAdapter(values))
    row["load"] = (row["load"].dims, lazy)
    grid = as_grid(row, AXES, "case")
    part = grid["load"].isel({"a.scale": 1, "b.scale": 0})
    assert not grid["load"].variable._in_memory
    assert not part.variable._in_memory
    np.testing.assert_array_equal(part.values, values[3])
    assert not grid["load"].variable._in_memory
