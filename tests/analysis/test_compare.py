import io

import numpy as np
import pandas as pd
import pytest

from biomech.analysis.compare import compare
from biomech.model.names import BadInput, UnknownName


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
