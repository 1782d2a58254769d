import dataclasses

import equinox as eqx
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from biomech.analysis import credibility as credibility_module
from biomech.analysis.credibility import credibility, credibility_text
from biomech.analysis.labels import label_inverse
from biomech.studies.gait_events import gait_events
from small_walk import walking_model, walking_record, walking_trial


def _with(walk, variable, coordinate, value):
    new = walk[variable].copy(deep=True)
    new.loc[{"coordinate": coordinate}] = value
    return walk.assign({variable: new})


def _row(dataset, check):
    return credibility(dataset).set_index("check").loc[check]


def _peak_external_force(walk):
    total = walk["ground_reaction_force"].sum("side")
    return float(np.sqrt((total**2).sum("axis")).max())


def test_a_clean_result_passes(walk):
    table = credibility(walk)
    judged = table[table["verdict"] != "no data"]
    assert (judged["verdict"] == "pass").all()
    assert set(judged["check"]) == {"instants solved", "reserves", "residual force"}
    assert _row(walk, "residual moment")["verdict"] == "no data"  # only `pelvis_tx` moves the root
    assert "reserves: 4 of 4 pass" in credibility_text(walk)


@pytest.mark.parametrize("share, verdict", [(0.049, "pass"), (0.051, "fail")])
def test_reserves_against_five_percent_of_the_net_moment(walk, share, verdict):
    peak = float(np.abs(walk["moment_to_balance"].sel(coordinate="knee_angle_r")).max())
    got = _with(walk, "reserve_force", "knee_angle_r", share * peak)
    assert credibility(got).set_index("what").loc["knee_angle_r", "verdict"] == verdict


def _two_residuals(walk, unit, x, y):
    """Constant residuals on two coordinates of one unit, at a right angle."""
    names = ["pelvis_tx", "hip_flexion_r"] if unit == "N" else ["hip_flexion_r", "hip_flexion_l"]
    units = np.where(np.isin(walk["coordinate"], names), unit, "1")
    walk = walk.assign_coords(force_unit=("coordinate", units))
    return _with(_with(walk, "residual_force", names[0], x), "residual_force", names[1], y)


@pytest.mark.parametrize("share, verdict", [(0.049, "pass"), (0.051, "fail")])
def test_size_of_the_residual_force_against_five_percent_of_the_external_force(
    walk, share, verdict
):
    """Components of 3/5 and 4/5 of the size, each well within the limit by itself."""
    size = share * _peak_external_force(walk)
    row = _row(_two_residuals(walk, "N", 0.6 * size, -0.8 * size), "residual force")
    assert (row["verdict"], row["unit"]) == (verdict, "N")
    assert row["what"].endswith("most of it hip_flexion_r")
    np.testing.assert_allclose([row["peak"], row["rms"]], size, rtol=1e-12)


@pytest.mark.parametrize("share, verdict", [(0.0099, "pass"), (0.0101, "fail")])
def test_size_of_the_residual_moment_against_one_percent_of_height_times_force(
    walk, share, verdict
):
    raised = walk.assign(center_of_mass=xr.ones_like(walk["center_of_mass"]))
    size = share * 1.0 * _peak_external_force(walk)
    row = _row(_two_residuals(raised, "N m", 0.6 * size, 0.8 * size), "residual moment")
    assert (row["verdict"], row["unit"]) == (verdict, "N m")
    np.testing.assert_allclose(row["peak"], size, rtol=1e-12)


def test_a_single_spike_fails_and_is_told_from_a_lasting_excess(walk):
    residual = walk["residual_force"].copy(deep=True)
    residual.loc[{"coordinate": "pelvis_tx", "time": walk["time"][50]}] = 200.0
    spike = walk.assign(residual_force=residual)
    assert _row(spike, "residual force")["verdict"] == "fail, rms within"
    text = credibility_text(spike)
    assert "residual force: 0 of 1 pass" in text and "fail, rms within: size of the vector" in text


def test_unsolved_instants_and_missing_loads_are_said(walk, walk_sweep):
    solved = credibility(walk_sweep).iloc[0]
    assert solved["verdict"] == "fail" and solved["peak"] == pytest.approx(20 / 303)
    assert _row(walk.drop_vars("external_force"), "residual force")["verdict"] == "no data"
    nothing = walk.assign(external_force=0.0 * walk["external_force"])
    assert _row(nothing, "residual force")["verdict"] == "no data"


def _labelled(model=None, bodies=None):
    """The dataset of one stride, of another model or with the loads on other bodies."""
    model, time = model or walking_model(), 0.45 + np.arange(101) / 100.0
    record, trial = walking_record(model, time), walking_trial()
    if bodies is not None:
        forces = tuple(
            dataclasses.replace(force, body=body)
            for force, body in zip(trial.external_forces, bodies, strict=True)
        )
        trial = dataclasses.replace(trial, external_forces=forces)
    force = record.actuator_force.at[:, 0].set(30.0)  # on `pelvis_tx`
    record = eqx.tree_at(lambda r: r.actuator_force, record, force)
    return label_inverse(record, model, gait_events(trial))


def test_the_model_s_own_motor_at_the_root_is_a_residual():
    model = walking_model()
    kinds = ("motor", *model.actuators.kinds[1:])
    own = dataclasses.replace(model, actuators=dataclasses.replace(model.actuators, kinds=kinds))
    named, motor = _labelled(model), _labelled(own)
    assert _row(motor, "residual force")["peak"] == 30.0
    pd.testing.assert_frame_equal(credibility(motor), credibility(named))


def test_without_an_actuator_at_the_root_there_is_no_data():
    model = walking_model()
    kinds = ("reserve",) * len(model.actuators.kinds)
    none = dataclasses.replace(model, actuators=dataclasses.replace(model.actuators, kinds=kinds))
    row = _row(_labelled(none), "residual force")
    assert row["verdict"] == "no data" and row["what"].startswith("no actuator")


def test_loads_on_a_body_without_side_count():
    feet = _row(_labelled(), "residual force")
    harness = _row(_labelled(bodies=("pelvis", "pelvis")), "residual force")
    assert harness["limit"] == feet["limit"] > 0.0
    assert harness["verdict"] == feet["verdict"] == "pass"


def test_one_bad_case_among_many_counts_as_it_does_alone(walk, monkeypatch):
    size = 10.0 * _peak_external_force(walk)
    bad, good = (_two_residuals(walk, "N", x, 0.0) for x in (size, 0.0))
    cases = xr.concat([good, good, bad, good, good], "case", data_vars="all")
    for piece in (credibility_module._PIECE_BYTES, 1):  # all at once; case by case
        monkeypatch.setattr(credibility_module, "_PIECE_BYTES", piece)
        one, many = _row(bad, "residual force"), _row(cases, "residual force")
        assert many["verdict"] == one["verdict"] == "fail"
        for name in ("peak", "rms", "limit", "what"):
            assert many[name] == one[name]
    grid = cases.expand_dims("b").rename(case="a")
    assert _row(grid, "residual force")["rms"] == one["rms"]
