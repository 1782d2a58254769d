import dataclasses
import json

import numpy as np
import pytest

from biomech.analysis.credibility import credibility
from biomech.analysis.inverse_dataset import NO_LOADS, inverse
from biomech.analysis.labels import read_netcdf, write_netcdf
from small_walk import walking_model, walking_trial

WINDOW = {"start": 0.5, "end": 1.5, "rate_hz": 50.0}


@pytest.fixture(scope="module")
def result():
    return inverse(walking_model(), walking_trial(), **WINDOW)


def test_a_trial_becomes_a_dataset(result, tmp_path):
    assert result.sizes["time"] == 51
    assert set(np.unique(result["status"])) <= {0, 1}
    np.testing.assert_allclose(result["time"], np.linspace(0.5, 1.5, 51))
    assert np.isfinite(result["joint_reaction_force"]).all()
    assert json.loads(result.attrs["config"])["rate_hz"] == 50.0
    assert result.attrs["precision"] == "float64"
    assert not credibility(result).empty
    assert read_netcdf(write_netcdf(result, tmp_path / "r.nc")).sizes == result.sizes


def test_moments_balance(result):
    """Muscles, actuators and what is left over add up to the net moment of every coordinate."""
    arms = result["moment_arm"].fillna(0.0)
    muscles = (result["muscle_force"] * arms).sum("muscle")
    actuators = result["reserve_force"].fillna(0.0) + result["residual_force"].fillna(0.0)
    left = muscles + actuators + result["unbalanced_force"] - result["moment_to_balance"]
    # The solver's own tolerance is 1e-8 of the largest moment.
    assert float(np.abs(left).max()) < 1e-6 * float(np.abs(result["moment_to_balance"]).max())


def test_without_loads_a_note_says_so():
    trial = dataclasses.replace(walking_trial(), external_forces=())
    dataset = inverse(walking_model(), trial, **WINDOW)
    assert NO_LOADS in dataset.attrs["notes"]
    assert "gait_pct" not in dataset.coords
