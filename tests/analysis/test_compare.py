import io

import numpy as np
import pandas as pd
import pytest

from biomech.analysis.compare import compare
from biomech.model.names import BadInput, UnknownName


def test_difference_and_percent(walk, walk_sweep):
    weak = walk_sweep.sel({"gluteal.scale": 0.75})
    table = compare(walk, weak, ["peak_hip_force_r"], names=("strong", "weak"))
    row = table.iloc[0]
    assert row["unit"] == "BW" and row["metric"] == "peak_hip_force_r"
    assert row["weak"] == pytest.approx(1.125 * row["strong"])
    assert row["difference"] == pytest.approx(0.125 * row["strong"])
    assert row["percent"] == pytest.approx(12.5)
    assert row["warning"] == ""


def test_same_is_zero_and_csv_reads_back(walk):
    table = compare(walk, walk)
    assert len(table) == walk.sizes["metric"]
    np.testing.assert_array_equal(table["difference"].dropna(), 0.0)
    back = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    np.testing.assert_allclose(back["a"], table["a"])


def test_a_sweep_is_compared_case_by_case(walk, walk_sweep):
    table = compare(walk, walk_sweep, ["peak_hip_force_r", "late_peak_hip_force_l"])
    assert len(table) == 6
    hip = table[table["metric"] == "peak_hip_force_r"]
    np.testing.assert_allclose(hip["gluteal.scale"], [1.0, 0.75, 0.5])
    np.testing.assert_allclose(hip["percent"], [0.0, 12.5, 25.0], atol=1e-9)
    assert (compare(walk_sweep, walk_sweep)["difference"].dropna() == 0.0).all()


def test_what_to_be_careful_about_is_said(walk, walk_sweep):
    limited = compare(walk, walk_sweep.isel({"gluteal.scale": [2]}))
    said = limited.set_index("metric")["warning"]
    assert (said == "strength-limited in b").any()
    rival = walk.assign(metric_rival_peak=walk["metric_rival_peak"] * 0 + 1)
    assert set(compare(rival, walk, ["peak_hip_force_r"])["warning"]) == {"rival peak in a"}


def test_mistakes_are_explained(walk, walk_sweep):
    with pytest.raises(UnknownName, match=r"Did you mean.*peak_hip_force_r"):
        compare(walk, walk, ["peak_hip_forces_r"])
    with pytest.raises(BadInput, match="different values"):
        compare(walk_sweep, walk_sweep.isel({"gluteal.scale": [0, 1]}))
    with pytest.raises(BadInput, match="different column names"):
        compare(walk, walk, names=("a", "a"))
    with pytest.raises(BadInput, match="metric_value"):
        compare(walk, walk.drop_dims("metric"))
