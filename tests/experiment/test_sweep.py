"""Sweeps: cases, their order, and what is applied to the model."""

import jax
import numpy as np
import pytest

from biomech.experiment.config import check
from biomech.experiment.sweep import apply_interventions, sweep_axes, sweep_cases, sweep_units
from biomech.model.names import BadInput
from experiment.swinging_leg import configuration, leg


def config(**changes):
    return check(configuration(**changes))


TWO_AXES = {
    "interventions": {
        "gluteal": {"kind": "gluteal_strength", "side": "r"},
        "flexor": {"kind": "muscle_strength", "muscles": ["iliacus_r"], "scale": 0.9},
    },
    "sweep": {
        "gluteal.scale": {"values": [1, 0.5]},
        "flexor.scale": {"linspace": [0.5, 1.5, 3]},
    },
}


def test_cases_run_with_the_last_axis_fastest():
    cases = sweep_cases(config(**TWO_AXES))
    pairs = [(case["gluteal.scale"], case["flexor.scale"]) for case in cases]
    assert pairs == [(1.0, 0.5), (1.0, 1.0), (1.0, 1.5), (0.5, 0.5), (0.5, 1.0), (0.5, 1.5)]
    assert list(sweep_axes(config(**TWO_AXES))) == ["gluteal.scale", "flexor.scale"]
    assert sweep_units(config(**TWO_AXES)) == {"gluteal.scale": "1", "flexor.scale": "1"}


def test_without_a_sweep_there_is_one_case():
    assert sweep_cases(config()) == ({},)


def test_values_of_the_case_go_before_those_of_the_intervention():
    model, asked = leg(), config(**TWO_AXES)
    strength = lambda case: apply_interventions(model, asked, case).muscles.max_isometric_force
    before = model.muscles.max_isometric_force
    np.testing.assert_allclose(strength({}) / before, [1.0, 0.9])
    np.testing.assert_allclose(strength({"flexor.scale": 0.5}) / before, [1.0, 0.5])
    np.testing.assert_allclose(strength({"gluteal.scale": 0.5}) / before, [0.5, 0.9])


def test_every_case_has_the_same_structure():
    asked = config(**TWO_AXES)
    shapes = {
        str(jax.tree.structure(apply_interventions(leg(), asked, case)))
        for case in sweep_cases(asked)
    }
    assert len(shapes) == 1


def test_intervention_that_does_not_fit_the_model_is_named():
    asked = config(
        interventions={"weak": {"kind": "muscle_strength", "scale": 1, "muscles": ["x"]}}
    )
    with pytest.raises(BadInput, match=r"`interventions.weak`: No muscle named 'x'"):
        apply_interventions(leg(), asked, {})
