"""Walks that take the time they like, with and without a reference."""

import dataclasses

import numpy as np
import pytest

import biomech as bm
from biomech.formats.load import load_model
from biomech.formats.reference_gait import reference_gait
from biomech.model.names import BadInput
from biomech.studies import walking as study
from biomech.studies.inverse import STATUS
from biomech.studies.walking import Mesh, walking

MESH = Mesh(15)
SOLVED = STATUS.index("successful")


@pytest.fixture(scope="module")
def planar():
    return load_model("planar")


@pytest.fixture(scope="module")
def how(planar):
    return walking(planar, reference_gait("planar"), mesh=MESH, free_duration=True)


@pytest.fixture(scope="module")
def record(planar, how):
    found = study.track(planar, how)
    assert found.status == SOLVED
    return found


def test_the_time_taken_does_not_depend_on_the_first_guess_of_it(planar, how, record):
    taken = float(record.stride.time[-1]) / 2.0
    for ratio in (0.95, 1.04):
        other = dataclasses.replace(how, duration=ratio * how.duration)
        found = study.track(planar, other)
        assert found.status == SOLVED
        assert float(found.stride.time[-1]) / 2.0 == pytest.approx(taken, rel=1e-4)
        assert found.cost.sum() == pytest.approx(float(record.cost.sum()), rel=1e-6)


def test_it_goes_at_the_speed_asked_for(planar, how, record):
    tx = planar.skeleton.coordinates.names.index("pelvis_tx")
    path, time = np.asarray(record.stride.value)[:, tx], np.asarray(record.stride.time)
    assert (path[-1] - path[0]) / time[-1] == pytest.approx(float(how.speed), rel=1e-6)
    assert path[0] == pytest.approx(float(how.reference[0, tx]), abs=1e-6)


@pytest.fixture(scope="module")
def predicted(planar):
    return bm.predict(planar, intervals=MESH.intervals)


def test_with_no_one_to_follow_it_still_walks(predicted):
    assert np.all(predicted.status == SOLVED) and predicted.attrs["study"] == "predict"
    assert float(predicted.walking_cost.sel(cost="tracking")) == 0.0
    assert float(predicted.walking_cost.sel(cost="activation")) > 0.0
    knee = predicted.coordinate_value.sel(coordinate="knee_angle_r")
    swing = ~predicted.stance.sel(side="r").values.astype(bool)
    assert float(knee.isel(time=swing).max()) > np.deg2rad(40.0)
    assert 50.0 < float(predicted.toe_off_pct.sel(side="r")) < 75.0


def test_a_predicted_walk_goes_at_the_speed_asked_for(predicted):
    path = predicted.coordinate_value.sel(coordinate="pelvis_tx").values
    assert (path[-1] - path[0]) / float(predicted.time[-1]) == pytest.approx(1.25, rel=1e-6)


@pytest.mark.parametrize("speed", [0.1, 5.0, float("nan")])
def test_a_speed_at_which_no_one_walks_is_refused(planar, speed):
    with pytest.raises(BadInput, match="people walk at"):
        bm.predict(planar, speed=speed)


def test_a_start_of_a_walk_that_lasts_as_long_as_asked_is_refused(planar, how, record):
    held = dataclasses.replace(how, free_duration=False)
    with pytest.raises(BadInput, match="a duration that is free in only one of both"):
        study.track(planar, held, record)


def test_a_guess_that_is_no_trial_is_refused(planar):
    with pytest.raises(TypeError):
        bm.predict(planar, "walk.mot")


def test_a_body_of_which_no_gait_is_built_in_needs_a_guess():
    with pytest.raises(BadInput, match="The reference has no column for"):
        bm.predict(load_model("lower_limb"))
