import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.analysis.credibility import credibility
from biomech.analysis.inverse_dataset import NO_LOADS, ROUNDED_MODEL, inverse
from biomech.analysis.labels import read_netcdf, write_netcdf
from biomech.formats.load import load_model
from biomech.formats.reference_gait import reference_gait
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


def test_a_weak_leg_leaves_the_other_alone(result):
    """Static optimization is one programme per leg: no muscle crosses joints of both."""
    model = walking_model()
    right = jnp.array([name.endswith("_r") for name in model.muscles.names])
    force = jnp.where(right, 0.05, 1.0) * model.muscles.max_isometric_force
    weak = eqx.tree_at(lambda m: m.muscles.max_isometric_force, model, force)
    changed = inverse(weak, walking_trial(), **WINDOW)
    limited, before = changed["strength_limited"], result["strength_limited"]
    np.testing.assert_array_equal(limited.sel(side="l"), before.sel(side="l"))
    np.testing.assert_array_equal(limited.any("side"), changed["status"] == 1)
    tolerance = 1e-6 * float(result["muscle_force"].max())  # as in `test_moments_balance`
    change = np.abs(changed["muscle_force"] - result["muscle_force"]).max("time")
    for name in change["muscle"].values:
        assert bool(change.sel(muscle=name) > tolerance) == name.endswith("_r"), name


@pytest.fixture(scope="module")
def built_in_stride():
    return inverse(load_model("planar"), reference_gait("planar"))


def test_masses_beside_the_plane_make_no_frontal_moment(built_in_stride):
    """Joints decide: this planar body's feet are a little outwards of its ankles."""
    assert np.isnan(built_in_stride["knee_adduction_moment"]).all()
    assert "knee_contact_force" not in built_in_stride
    assert "compartment" not in built_in_stride.dims
    names = built_in_stride["metric"].values
    frontal = [n for n in names if "medial" in n or "lateral" in n or "adduction" in n]
    assert len(frontal) == 2 * (3 + 2 * 4)
    assert np.isnan(built_in_stride["metric_value"].sel(metric=frontal)).all()


def test_both_legs_of_the_built_in_gait_carry_the_same(built_in_stride):
    """The gait is symmetric and repeats; it begins and ends in a stance, near its ankle's peak."""
    result = built_in_stride
    assert int(result["metric_at_edge"].sum()) == 0
    # A peak cut in two is not its own rival; the knee's has a real one (3.19 and 3.17 BW).
    rivals = result["metric"].values[result["metric_rival_peak"].values == 1]
    assert {*rivals} == {f"{x}peak_knee_force_{side}" for x in ("", "late_") for side in "rl"}
    carried = lambda name, side: name.endswith((f"force_{side}", f"impulse_{side}"))
    of = lambda side: [n for n in result["metric"].values if carried(n, side)]
    value = result["metric_value"]
    # The file holds the motion to 1e-8 rad and m, differentiated twice between 5 ms samples.
    np.testing.assert_allclose(value.sel(metric=of("l")), value.sel(metric=of("r")), rtol=1e-4)
    ankle = float(value.sel(metric="peak_ankle_force_l"))
    # The peak is at 5 ms.
    keep = {"start": 0.02, "end": 1.0, "rate_hz": 200.0}
    cut = inverse(load_model("planar"), reference_gait("planar"), **keep)
    part = cut.sel(metric="peak_ankle_force_l")
    assert int(part["metric_at_edge"]) == 1 and float(part["metric_value"]) < ankle


def test_a_path_or_another_thing_is_refused_in_words():
    """In a process of its own: here the shape checks of the tests would refuse it first."""
    script = """
import biomech as bm
from biomech.analysis import plot_angles
from pathlib import Path
bm.use_float64()
model, trial = bm.load_model("planar"), bm.reference_gait()
calls = {
    "model": lambda: bm.inverse("subject.osim", trial),
    "swapped": lambda: bm.inverse(trial, model),
    "trial": lambda: bm.inverse(model, Path("walk.sto")),
    "compare": lambda: bm.compare("a.nc", "b.nc"),
    "plot": lambda: bm.plot("runs/walk-1"),
    "plot_angles": lambda: plot_angles(None),
}
for name, call in calls.items():
    try:
        call()
    except TypeError as error:
        print(f"{name}: {error}")
"""
    root = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": str(root), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    model_wanted = "`inverse` takes a model first, as `bm.load_model(...)` returns it, not "
    assert said["model"] == model_wanted + "str 'subject.osim'."
    assert said["swapped"] == model_wanted + "Trial."
    assert "takes a trial second, as `bm.load_trial(...)`" in said["trial"]
    assert "Path 'walk.sto'" in said["trial"]
    for name, given in (("compare", "str 'a.nc'"), ("plot", "str 'runs/walk-1'")):
        assert f"`{name}` takes a dataset" in said[name] and given in said[name]
        assert "read_netcdf" in said[name]
    assert (
        "`plot_angles` takes a dataset" in said["plot_angles"] and "NoneType" in said["plot_angles"]
    )


def test_without_loads_a_note_says_so():
    trial = dataclasses.replace(walking_trial(), external_forces=())
    dataset = inverse(walking_model(), trial, **WINDOW)
    assert NO_LOADS in dataset.attrs["notes"]
    assert "gait_pct" not in dataset.coords


def test_a_model_rounded_to_single_precision_is_said_to_be():
    narrow = lambda x: x.astype(jnp.float32) if eqx.is_inexact_array(x) else x
    rounded = inverse(jax.tree.map(narrow, walking_model()), walking_trial(), **WINDOW)
    exact = inverse(walking_model(), walking_trial(), **WINDOW)
    assert ROUNDED_MODEL in rounded.attrs["notes"] and ROUNDED_MODEL not in exact.attrs["notes"]
    for dataset in (rounded, exact):
        assert dataset.attrs["precision"] == "float64"
        assert dataset["joint_reaction_force"].dtype == np.float64


def test_peaks_near_the_ends_of_the_motion_are_marked():
    """The recorded motion runs from 0 to 3.05 s, and the right foot strikes at 0.25 s."""
    keep = {"start": 0.3, "end": 1.3, "rate_hz": 50.0}
    clear, spoilt = (
        inverse(walking_model(), walking_trial(), **keep, lowpass_hz=cutoff)
        for cutoff in (6.0, 1.0)
    )
    assert "of an end of" in spoilt.attrs["notes"] and "of an end of" not in clear.attrs["notes"]
    marked = lambda dataset: bool(dataset["metric_at_edge"].sel(metric="early_peak_hip_force_r"))
    assert marked(spoilt) and not marked(clear)
