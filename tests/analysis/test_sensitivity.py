"""The labelled sensitivity dataset and its figures."""

import jax
import numpy as np
import pytest

import biomech as bm
from biomech.model.names import BadInput, UnknownName

PATTERNS = ("max_isometric_force:*_r", "path_point:soleus_r.2.*", "segment_mass:torso")
METRICS = ("peak_hip_force_r", "peak_ankle_force_r")


@pytest.fixture(scope="module")
def dataset():
    return bm.sensitivity(
        "inverse",
        bm.load_model("planar"),
        bm.reference_gait(),
        metrics=METRICS,
        parameters=PATTERNS,
        over_cycle=True,
        rate_hz=40.0,
    )


def test_dimensions_and_units(dataset):
    assert dataset["derivative"].dims == ("metric", "parameter")
    assert dataset["load_effect"].dims == ("time", "load", "parameter")
    by_name = dict(zip(dataset["parameter"].values, dataset["parameter_unit"].values, strict=True))
    assert by_name["max_isometric_force:soleus_r"] == "N"
    assert by_name["path_point:soleus_r.2.x"] == "m"
    for name, variable in dataset.variables.items():
        if variable.dtype.kind in "fi":
            assert variable.attrs.get("units"), name
    assert dataset.attrs["study"] == "sensitivity of inverse" and dataset.attrs["citations"]


def test_effect_is_that_of_the_step(dataset):
    step = dataset["parameter_step"].sel(parameter="path_point:soleus_r.2.x")
    assert float(step) == pytest.approx(1e-3)
    expected = 100.0 * dataset["derivative"] * dataset["parameter_step"] / dataset["metric_value"]
    np.testing.assert_allclose(dataset["effect"], expected, rtol=1e-12)
    strong = dataset.sel(parameter="max_isometric_force:soleus_r")
    np.testing.assert_allclose(strong["elasticity"], strong["effect"], rtol=1e-12)
    assert np.isnan(dataset["elasticity"].sel(parameter="path_point:soleus_r.2.x")).all()


def test_a_small_change_of_strength_moves_the_peak_as_predicted(dataset):
    import equinox as eqx

    model = bm.load_model("planar")
    row = model.muscles.names.index("soleus_r")
    force = lambda m: m.muscles.max_isometric_force
    stronger = eqx.tree_at(force, model, force(model).at[row].mul(1.0001))
    results = [bm.inverse(m, bm.reference_gait(), rate_hz=40.0) for m in (model, stronger)]
    before, after = (r["metric_value"].sel(metric="peak_ankle_force_r") for r in results)
    chosen = {"metric": "peak_ankle_force_r", "parameter": "max_isometric_force:soleus_r"}
    predicted = float(dataset["elasticity"].sel(chosen)) * 1e-4
    assert float(after / before) - 1.0 == pytest.approx(predicted, rel=1e-2)


def test_figures_name_what_they_draw(dataset):
    bars = bm.plot(dataset, "sensitivity", count=5)
    first = bars.axes[0]
    assert first.get_title(loc="left").startswith("Peak hip force, right")
    assert len(first.get_yticklabels()) == 5 and "%" in first.get_xlabel()
    cycle = bm.plot(dataset, "sensitivity_cycle", load="knee_r", count=6)
    labels = [text.get_text() for text in cycle.axes[0].get_yticklabels()]
    assert len(labels) == 6 and all("(+1" in label for label in labels)


def test_what_cannot_be_drawn_or_taken_is_said(dataset):
    with pytest.raises(BadInput, match="over_cycle=True"):
        bm.plot(dataset.drop_vars("load_effect"), "sensitivity_cycle")
    with pytest.raises(BadInput, match=r"bm\.sensitivity"):
        bm.plot(dataset.drop_vars("effect"), "sensitivity")
    model, trial = bm.load_model("planar"), bm.reference_gait()
    with pytest.raises(UnknownName, match="inverse"):
        bm.sensitivity("invers", model, trial)
    with pytest.raises(UnknownName, match="peak_hip_force_r"):
        bm.sensitivity("inverse", model, trial, metrics=["peak_hip_forc_r"])
    with pytest.raises(UnknownName, match="segment_mass"):
        bm.sensitivity("inverse", model, trial, parameters=["segment_mas"])
    with pytest.raises(UnknownName, match="peak_fascia_strain_r"):
        bm.sensitivity("track", model, trial, metrics=["peak_fascia_strain"])
    with pytest.raises(UnknownName, match="No metric of walking named 'stance_share_r'"):
        bm.sensitivity("track", model, trial, metrics=["stance_share_r"])
    with pytest.raises(BadInput, match="`rate_hz` is an option of the study 'inverse'"):
        bm.sensitivity("track", model, trial, rate_hz=50.0)
    with pytest.raises(BadInput, match="`intervals` is an option of the study 'track'"):
        bm.sensitivity("inverse", model, trial, intervals=20)


def test_single_precision_is_refused():
    model, trial = bm.load_model("planar"), bm.reference_gait()
    with jax.enable_x64(False), pytest.raises(BadInput, match="use_float64"):
        bm.sensitivity("inverse", model, trial)
