"""Sweeps: cases, their order, and what is applied to the model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.experiment.config import check
from biomech.experiment.sampling import Distribution, draw
from biomech.experiment.sweep import apply_interventions, case_table
from biomech.interventions import CATALOGUE
from biomech.model.names import BadInput
from biomech.personalise import scale_model
from experiment.swinging_leg import configuration, leg


def config(**changes):
    return check(configuration(**changes))


INTERVENTIONS = {
    "gluteal": {"kind": "gluteal_strength", "side": "r"},
    "flexor": {"kind": "muscle_strength", "muscles": ["iliacus_r"], "scale": 0.9},
}
TWO_AXES = {
    "interventions": INTERVENTIONS,
    "sweep": {
        "gluteal.scale": {"values": [1, 0.5]},
        "flexor.scale": {"linspace": [0.5, 1.5, 3]},
    },
}
DRAWN = {
    "interventions": INTERVENTIONS,
    "sweep": {
        "gluteal.scale": {"normal": [0.2, 0.4]},
        "flexor.scale": {"uniform": [0.5, 1.5]},
    },
    "design": {"kind": "lhs", "samples": 40},
    "seed": 7,
}
COHORT = {"interventions": INTERVENTIONS, "design": {"kind": "cohort", "path": "people.csv"}}


def test_cases_of_a_grid_run_with_the_last_axis_fastest(tmp_path):
    table = case_table(config(**TWO_AXES), tmp_path)
    assert table.names == ("gluteal.scale", "flexor.scale")
    pairs = [(1.0, 0.5), (1.0, 1.0), (1.0, 1.5), (0.5, 0.5), (0.5, 1.0), (0.5, 1.5)]
    np.testing.assert_array_equal(table.values, pairs)
    assert table.case(3) == {"gluteal.scale": 0.5, "flexor.scale": 0.5}
    assert table.axes == {"gluteal.scale": (1.0, 0.5), "flexor.scale": (0.5, 1.0, 1.5)}
    assert (len(table), table.shape, table.labels) == (6, (2, 3), None)
    assert table.units == {"gluteal.scale": "1", "flexor.scale": "1"}


def test_without_a_sweep_there_is_one_case(tmp_path):
    table = case_table(config(), tmp_path)
    assert (len(table), table.case(0), table.shape) == (1, {}, ())


def test_drawn_cases_stay_within_the_parameters_own_range(tmp_path):
    table = case_table(config(**DRAWN), tmp_path)
    (allowed,) = CATALOGUE["gluteal_strength"].parameters
    limits = allowed.lower, allowed.upper
    by_hand = [Distribution("normal", (0.2, 0.4), *limits), Distribution("uniform", (0.5, 1.5))]
    np.testing.assert_array_equal(table.values, draw(by_hand, "lhs", samples=40, seed=7))
    assert table.values[:, 0].min() >= allowed.lower  # a third of the whole normal is below
    assert (table.shape, table.axes, len(table)) == (None, None, 40)
    assert table.design == {
        "kind": "lhs",
        "parameters": ["gluteal.scale", "flexor.scale"],
        "samples": 40,
        "seed": 7,
        "distributions": {
            "gluteal.scale": {"normal": [0.2, 0.4], "limits": list(limits)},
            "flexor.scale": {"uniform": [0.5, 1.5]},
        },
    }


def test_a_cohort_is_the_rows_of_its_file(tmp_path):
    (tmp_path / "people.csv").write_text("case,gluteal.scale\nanna,0.6\nben,0.7\n")
    table = case_table(config(**COHORT), tmp_path)
    assert table.labels == ("anna", "ben")
    assert [table.case(i) for i in range(2)] == [{"gluteal.scale": 0.6}, {"gluteal.scale": 0.7}]
    assert table.units == {"gluteal.scale": "1"}
    assert table.design == {"kind": "cohort", "parameters": ["gluteal.scale"], "path": "people.csv"}


def test_a_cohort_that_leaves_an_intervention_idle_is_refused(tmp_path):
    (tmp_path / "people.csv").write_text("flexor.scale\n1\n")
    with pytest.raises(BadInput, match=r"people\.csv: `interventions\.gluteal` changes nothing"):
        case_table(config(**COHORT), tmp_path)
    with pytest.raises(BadInput, match="There is no file"):
        case_table(config(**COHORT), tmp_path / "elsewhere")


def test_values_of_the_case_go_before_those_of_the_intervention():
    model, asked = leg(), config(**TWO_AXES)
    strength = lambda case: apply_interventions(model, asked, case).muscles.max_isometric_force
    before = model.muscles.max_isometric_force
    np.testing.assert_allclose(strength({}) / before, [1.0, 0.9])
    np.testing.assert_allclose(strength({"flexor.scale": 0.5}) / before, [1.0, 0.5])
    np.testing.assert_allclose(strength({"gluteal.scale": 0.5}) / before, [0.5, 0.9])


def test_a_case_may_be_traced():
    model, asked = leg(), config(**TWO_AXES)
    before = model.muscles.max_isometric_force
    force = lambda x: (
        apply_interventions(model, asked, {"gluteal.scale": x}).muscles.max_isometric_force
    )
    np.testing.assert_allclose(jax.jit(jax.jacfwd(force))(jnp.array(0.5)), [before[0], 0.0])


def test_every_case_has_the_same_structure(tmp_path):
    asked = config(**TWO_AXES)
    table = case_table(asked, tmp_path)
    shapes = {
        str(jax.tree.structure(apply_interventions(leg(), asked, table.case(row))))
        for row in range(len(table))
    }
    assert len(shapes) == 1


def test_the_size_of_a_case_goes_before_its_interventions():
    """Leg of the swinging body; its height must be told, having no marker at the head."""
    model, asked = leg(), config(**TWO_AXES, model={"path": "leg.yaml", "current_height_m": 1.7})
    for case in ({"model.mass_kg": 40.0}, {"model.mass_kg": 40.0, "gluteal.scale": 0.5}):
        changed = apply_interventions(model, asked, case)
        assert float(changed.skeleton.mass.sum()) == pytest.approx(40.0)
        grown = (47.05 * 40.0 * 1.7 + 1289.6) / (47.05 * 8.0 * 1.7 + 1289.6)  # Handsfield 2014
        ratio = np.asarray(changed.muscles.max_isometric_force / model.muscles.max_isometric_force)
        gluteal = case.get("gluteal.scale", 1.0)
        np.testing.assert_allclose(ratio, [gluteal * grown, 0.9 * grown])


def test_a_sweep_from_a_scaled_body_goes_on_from_its_height():
    """Loaded at 1.8 m from a file of 1.7 m, then swept to 1.7 m: the file's own lengths."""
    body = {"path": "leg.yaml", "current_height_m": 1.7, "height_m": 1.8}
    asked = config(**TWO_AXES, model=body)
    loaded = scale_model(leg(), height_m=1.8, current_height_m=1.7)
    back = apply_interventions(loaded, asked, {"model.height_m": 1.7})
    np.testing.assert_allclose(
        back.muscles.tendon_slack_length, leg().muscles.tendon_slack_length, rtol=1e-12
    )


def test_a_size_that_does_not_fit_the_model_is_named():
    asked = config(**TWO_AXES)
    with pytest.raises(BadInput, match=r"`model`: The height of 'small' is not known"):
        apply_interventions(leg(), asked, {"model.mass_kg": 80.0})


def test_intervention_that_does_not_fit_the_model_is_named():
    asked = config(
        interventions={"weak": {"kind": "muscle_strength", "scale": 1, "muscles": ["x"]}}
    )
    with pytest.raises(BadInput, match=r"`interventions.weak`: No muscle named 'x'"):
        apply_interventions(leg(), asked, {})
