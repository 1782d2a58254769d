import io

import numpy as np
import pandas as pd
import pytest

from biomech.analysis.compare import compare
from biomech.model.names import BadInput, UnknownName
from small_sweeps import A, B, factor


def test_difference_and_percent(walk, walk_sweep):
    weak = walk_sweep.sel({"gluteal.scale": 0.75})
    table = compare(walk, weak, ["peak_hip_force_r"], names=("strong", "weak"))
    row = table.loc["peak_hip_force_r"]
    assert row["unit"] == "BW"
    assert row["weak"] == pytest.approx(1.125 * row["strong"])
    assert row["difference"] == pytest.approx(0.125 * row["strong"])
    assert row["percent"] == pytest.approx(12.5)
    assert row["warning"] == ""


def test_same_is_zero_and_csv_reads_back(walk):
    table = compare(walk, walk)
    np.testing.assert_array_equal(table["difference"], 0.0)
    text = table.to_csv()
    assert text.startswith("metric,unit,a,b,difference,percent,warning,long_name\n")
    back = pd.read_csv(io.StringIO(text), index_col="metric")
    np.testing.assert_allclose(back["a"], table["a"])
    assert list(back.index) == list(table.index)


def test_metrics_without_any_value_are_left_out_unless_asked_for(walk, walk_sweep):
    """A planar body has no knee adduction moment."""
    table = compare(walk, walk)
    assert table["a"].notna().all() and len(table) < walk.sizes["metric"]
    asked = compare(walk, walk, ["peak_knee_adduction_moment_r"])
    assert asked["a"].isna().all() and len(asked) == 1
    value = walk_sweep["metric_value"].copy()
    value[1] = np.nan  # a case that failed stays
    failed = walk_sweep.assign(metric_value=value)
    assert compare(failed, failed).loc["peak_hip_force_r", "a"].isna().tolist() == [0, 1, 0]


def test_a_sweep_is_compared_case_by_case(walk, walk_sweep):
    table = compare(walk, walk_sweep, ["peak_hip_force_r", "late_peak_hip_force_l"])
    assert len(table) == 6
    assert table.to_csv().startswith("metric,gluteal.scale,unit,")
    hip = table.loc["peak_hip_force_r"]
    np.testing.assert_allclose(hip.index, [1.0, 0.75, 0.5])
    np.testing.assert_allclose(hip["percent"], [0.0, 12.5, 25.0], atol=1e-9)
    assert (compare(walk_sweep, walk_sweep)["difference"].dropna() == 0.0).all()


def test_what_to_be_careful_about_is_said(walk, walk_sweep):
    limited = compare(walk, walk_sweep.isel({"gluteal.scale": [2]}))
    said = limited["warning"].droplevel("gluteal.scale")
    assert said["peak_hip_force_r"] == "strength-limited in b"
    assert said["peak_hip_force_l"] == ""
    rival = walk.assign(metric_rival_peak=walk["metric_rival_peak"] * 0 + 1)
    assert set(compare(rival, walk, ["peak_hip_force_r"])["warning"]) == {"rival peak in a"}
    edge = walk.assign(metric_at_edge=walk["metric_at_edge"] * 0 + 1)
    said = compare(walk, edge, ["peak_hip_force_r"])["warning"]
    assert set(said) == {"at the record's edge in b"}


def test_mistakes_are_explained(walk, walk_sweep):
    with pytest.raises(UnknownName, match=r"Did you mean.*peak_hip_force_r"):
        compare(walk, walk, ["peak_hip_forces_r"])
    with pytest.raises(BadInput, match="different values"):
        compare(walk_sweep, walk_sweep.isel({"gluteal.scale": [0, 1]}))
    with pytest.raises(BadInput, match="different column names"):
        compare(walk, walk, names=("a", "a"))
    with pytest.raises(BadInput, match="metric_value"):
        compare(walk, walk.drop_dims("metric"))


def test_a_grid_is_compared_with_one_of_its_cases(grid):
    base = grid.sel({A: 1.0, B: 1.0})
    table = compare(base, grid, ["peak_hip_force_r"])
    assert table.index.names == ["metric", A, B] and len(table) == 9
    np.testing.assert_allclose(
        table.loc[("peak_hip_force_r", 0.25, 1.4), "percent"], 100 * (factor(0.25, 1.4) - 1)
    )
    along = compare(grid.sel({A: 1.0}), grid, ["peak_hip_force_r"])
    np.testing.assert_allclose(
        along.loc[("peak_hip_force_r", 0.5, 0.6), "percent"],
        100 * (factor(0.5, 0.6) / factor(1.0, 0.6) - 1),
    )
    between = compare(grid.sel({A: 1.0}), grid.sel({A: 0.5}), ["peak_hip_force_r"])
    assert between.index.names == ["metric", B]


def test_cases_are_compared_with_one_of_them(sample):
    table = compare(sample.isel(case=3), sample, ["peak_hip_force_r"])
    assert table.index.names == ["metric", "case", A, B] and len(table) == 80
    loads = factor(sample[A].values, sample[B].values)
    np.testing.assert_allclose(table["percent"], 100 * (loads / loads[3] - 1), atol=1e-9)
    two = compare(sample.isel(case=3), sample.isel(case=4), ["peak_hip_force_r"])
    assert two.index.names == ["metric"] and len(two) == 1


def test_other_cases_of_the_same_design_are_refused(sample):
    with pytest.raises(BadInput, match=r"isel\(case=0\)"):
        compare(sample.isel(case=[0, 1]), sample.isel(case=[2, 3]))


def test_unsolved_instants_are_said(walk, grid):
    status = grid["status"].copy()
    status[2, 0, 5] = 3
    warning = compare(walk, grid.assign(status=status), ["peak_hip_force_r"])["warning"]
    assert warning.loc[("peak_hip_force_r", 0.25, 0.6)] == "unsolved instants in b"
    assert (warning != "").sum() == 1
