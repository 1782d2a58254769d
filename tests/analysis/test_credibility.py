import numpy as np
import pytest
import xarray as xr

from biomech.analysis.credibility import credibility, credibility_text


def _with(walk, variable, coordinate, value):
    new = walk[variable].copy(deep=True)
    new.loc[{"coordinate": coordinate}] = value
    return walk.assign({variable: new})


def _verdict(dataset, what):
    table = credibility(dataset).set_index("what")
    return table.loc[what, "verdict"]


def test_a_clean_result_passes(walk):
    table = credibility(walk)
    assert (table["verdict"] == "pass").all()
    assert set(table["check"]) == {"instants solved", "reserves", "residual forces"}
    assert "reserves: 4 of 4 pass" in credibility_text(walk)


@pytest.mark.parametrize("share, verdict", [(0.049, "pass"), (0.051, "fail")])
def test_reserves_against_five_percent_of_the_net_moment(walk, share, verdict):
    peak = float(np.abs(walk["moment_to_balance"].sel(coordinate="knee_angle_r")).max())
    got = _with(walk, "reserve_force", "knee_angle_r", share * peak)
    assert _verdict(got, "knee_angle_r") == verdict


@pytest.mark.parametrize("share, verdict", [(0.049, "pass"), (0.051, "fail")])
def test_residual_force_against_five_percent_of_the_external_force(walk, share, verdict):
    total = walk["ground_reaction_force"].sum("side")
    largest = float(np.sqrt((total**2).sum("axis")).max())
    dataset = _with(walk, "residual_force", "pelvis_tx", share * largest)
    assert _verdict(dataset, "pelvis_tx") == verdict
    text = credibility_text(dataset)
    assert ("fail     pelvis_tx" in text) == (verdict == "fail")


@pytest.mark.parametrize("share, verdict", [(0.0099, "pass"), (0.0101, "fail")])
def test_residual_moment_against_one_percent_of_height_times_force(walk, share, verdict):
    total = walk["ground_reaction_force"].sum("side")
    largest = float(np.sqrt((total**2).sum("axis")).max())
    raised = walk.assign(center_of_mass=xr.ones_like(walk["center_of_mass"]))
    dataset = _with(raised, "residual_force", "hip_flexion_r", share * 1.0 * largest)
    table = credibility(dataset)
    row = table[(table["check"] == "residual moments")].iloc[0]
    assert (row["what"], row["verdict"], row["unit"]) == ("hip_flexion_r", verdict, "N m")


def test_a_single_spike_is_told_from_a_lasting_excess(walk):
    residual = walk["residual_force"].copy(deep=True)
    residual.loc[{"coordinate": "pelvis_tx", "time": walk["time"][50]}] = 200.0
    assert _verdict(walk.assign(residual_force=residual), "pelvis_tx") == "rms only"


def test_unsolved_instants_and_missing_loads_are_said(walk, walk_sweep):
    solved = credibility(walk_sweep).iloc[0]
    assert solved["verdict"] == "fail" and solved["peak"] == pytest.approx(20 / 303)
    table = credibility(walk.drop_vars("ground_reaction_force"))
    assert table[table["check"] == "residual forces"]["verdict"].tolist() == ["no data"]
