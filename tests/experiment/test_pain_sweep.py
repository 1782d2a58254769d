"""A sweep over what hurts: one programme, and each case as `bm.stand` gives it."""

import numpy as np
import pytest

import biomech as bm
from biomech.experiment.config import load_config
from biomech.experiment.stand_cases import StandCases
from biomech.formats.load import load_built_in
from biomech.interventions import CATALOGUE, hip_osteoarthritis, injection
from biomech.interventions.catalogue import painful_joints
from biomech.studies import stand_batch as batch_file

AROUND = (0.099, 0.1, 0.101)  # to take a derivative between
HIP = {"hip": {"kind": "hip_osteoarthritis", "side": "r"}}


def config(**changes):
    return load_config(
        {
            "schema": 1,
            "name": "a",
            "model": {"name": "planar"},
            "study": {"kind": "stand"},
            "solver": {"tolerance": 1e-11},
            **changes,
        }
    )


@pytest.fixture(scope="module")
def cases():
    return StandCases(config(interventions=HIP, sweep={"hip.pain": {"values": [0.0, *AROUND]}}))


@pytest.fixture(scope="module")
def swept(cases):
    return cases.batch(cases.table.values)


def hip_force(dataset):
    return dataset.metric_value.sel(metric="hip_force_r").values


def test_a_case_without_pain_is_the_unchanged_body(swept):
    assert np.all(swept.status == 0)
    plain = StandCases(config()).single()
    np.testing.assert_allclose(hip_force(swept)[0], hip_force(plain), rtol=1e-6)
    pain = swept.posture_cost.sel(cost="pain").values
    assert pain[0] == 0.0 and np.all(np.diff(pain) > 0.0)


def test_every_batch_shares_one_programme(cases, swept, monkeypatch):
    """Also one of which no case hurts."""
    monkeypatch.setattr(batch_file, "stand_near", lambda *_: pytest.fail("traced again"))
    painless = cases.batch(np.zeros((4, 1)))
    np.testing.assert_allclose(hip_force(painless), hip_force(swept)[0], rtol=1e-8)


def test_a_case_is_what_stand_says_of_that_body(swept):
    body = hip_osteoarthritis(load_built_in("planar"), side="r", pain=AROUND[1])
    np.testing.assert_allclose(hip_force(bm.stand(body)), hip_force(swept)[2], rtol=1e-5)


def test_the_derivative_to_a_weight_of_pain_is_that_of_the_sweep(swept):
    found = bm.sensitivity(
        *("stand", load_built_in("planar")),
        metrics=["hip_force_r"],
        parameters=["hip.pain"],
        interventions={"hip": {**HIP["hip"], "pain": AROUND[1]}},
    )
    force = hip_force(swept)
    between = (force[3] - force[1]) / (AROUND[2] - AROUND[0])
    np.testing.assert_allclose(found.derivative.values[0, 0], between, rtol=1e-3)
    np.testing.assert_allclose(found.metric_value.values[0], force[2], rtol=1e-6)


def test_which_joints_may_hurt_is_said_by_model_and_interventions_not_by_numbers():
    model = load_built_in("planar")
    sick, treated = CATALOGUE["hip_osteoarthritis"], CATALOGUE["injection"]
    assert painful_joints(model, []) == ()
    assert painful_joints(model, [(sick, {"side": "both", "pain": 0.0})]) == ("hip_r", "hip_l")
    assert painful_joints(model, [(treated, {"side": "l"})]) == ()
    hurting = hip_osteoarthritis(model, side="r", pain=0.1)
    assert painful_joints(hurting, [(treated, {"side": "r"})]) == ("hip_r",)
    assert painful_joints(hurting, [(sick, {"side": "l"})]) == ("hip_r", "hip_l")
    assert injection(hurting, side="r", relief=1.0).pains.joints() == ()
