"""The 3-D body stands: on two legs, on one, on a lift; loads beside those measured."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.formats.load import load_model
from biomech.interventions import leg_lift
from biomech.studies.stand import STATUS, stand, standing
from biomech.studies.standing_metrics import evaluate_standing_metrics


@pytest.fixture(scope="module")
def model():
    return load_model("lower_limb")


@pytest.fixture(scope="module")
def on_both(model):
    return stand(model, standing(model))


@pytest.fixture(scope="module")
def on_right(model):
    return stand(model, standing(model, "right_leg"))


def weight_of(model):
    return float(jnp.sum(model.skeleton.mass) * jnp.linalg.norm(model.skeleton.gravity))


def metrics(model, record):
    report = evaluate_standing_metrics(model, record)
    return dict(zip(report.names, map(float, report.value), strict=True))


@pytest.mark.parametrize("name", ["on_both", "on_right"])
def test_body_is_in_balance(model, name, request):
    record = request.getfixturevalue(name)
    assert STATUS[int(record.status)] == "successful"
    weight = weight_of(model)
    force, point = np.asarray(record.ground.force), np.asarray(record.ground.point)
    np.testing.assert_allclose(force.sum(axis=0), [0.0, weight, 0.0], atol=1e-8 * weight)
    moment = np.cross(point - np.asarray(record.center_of_mass), force).sum(axis=0)
    np.testing.assert_allclose(moment, 0.0, atol=1e-8 * weight)
    assert record.residual <= 1e-8


def test_both_legs_of_a_symmetric_body_carry_alike(model, on_both):
    found = metrics(model, on_both)
    for name, value in found.items():
        if name.endswith("_r"):
            np.testing.assert_allclose(found[f"{name[:-2]}_l"], value, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["weight_share_r"], 0.5, atol=1e-7)
    np.testing.assert_allclose(found["pelvic_obliquity"], 0.0, atol=1e-5)


def test_one_leg_carries_what_implants_measured(model, on_right):
    # Bergmann 2001 (doi:10.1016/S0021-9290(01)00040-9): hip 2.3 BW; Kutzner 2010
    # (doi:10.1016/j.jbiomech.2010.03.046): knee 2.6 BW, both of older patients with implants.
    found = metrics(model, on_right)
    assert 1.8 <= found["hip_force_r"] <= 3.5
    assert 1.8 <= found["knee_force_r"] <= 3.3
    np.testing.assert_allclose(found["weight_share_r"], 1.0, atol=1e-8)


def test_knee_on_one_leg_leans_on_its_medial_side(model, on_both, on_right):
    # Kutzner 2010 and others find most of the load medially as soon as one leg carries it all.
    found = metrics(model, on_right)
    medial, lateral = (found[f"{part}_knee_force_r"] for part in ("medial", "lateral"))
    knee = model.skeleton.joint_names.index("knee_r")
    compression = -on_right.joint_reaction_force_body_axes[knee, 1] / weight_of(model)
    np.testing.assert_allclose(medial + lateral, compression, rtol=1e-12)
    assert medial > lateral > 0.0
    assert found["knee_adduction_moment_r"] > 0.1
    assert found["knee_adduction_moment_r"] > metrics(model, on_both)["knee_adduction_moment_r"]


def test_abductors_hold_the_pelvis_on_one_leg(model, on_right):
    names = model.muscles.names
    hip = model.skeleton.coordinates.free_names.index("hip_adduction_r")
    moment = -np.asarray(record_moment(on_right, hip))
    right = np.array([n.endswith("_r") for n in names])
    abduct = np.array([n.startswith(("glmed", "glmin", "tfl")) for n in names]) & right
    assert moment[abduct].sum() > 0.7 * moment[moment > 0.0].sum()


def record_moment(record, coordinate):
    """Moment of each muscle about a free coordinate [N m]."""
    return record.muscle_force * record.moment_arm[:, coordinate]


def test_a_lift_under_a_straight_leg_raises_that_side_of_the_pelvis(model):
    asked = standing(model, held=("knee_angle_r", "knee_angle_l"))
    level, raised = (stand(m, asked) for m in (model, leg_lift(model, side="r", height_mm=10.0)))
    assert STATUS[int(raised.status)] == "successful"
    tilt = metrics(model, raised)["pelvic_obliquity"] - metrics(model, level)["pelvic_obliquity"]
    hips = [model.skeleton.joint_names.index(f"hip_{side}") for side in "rl"]
    spacing = np.linalg.norm(np.diff(np.asarray(level.joint_center)[hips], axis=0))
    rigid = np.rad2deg(np.arcsin(0.010 / spacing))
    assert 0.8 * rigid <= tilt <= 1.2 * rigid


def test_weaker_abductors_are_replaced_not_missed(model, on_right):
    # Kendall 2013, Pohl 2015: no pelvic drop after a nerve block of the abductors.
    names = model.muscles.names
    weak = jnp.asarray([0.5 if n.startswith(("glmed", "glmin")) else 1.0 for n in names])
    force = weak * model.muscles.max_isometric_force
    changed = eqx.tree_at(lambda m: m.muscles.max_isometric_force, model, force)
    found = stand(changed, standing(model, "right_leg"), on_right)
    assert STATUS[int(found.status)] == "successful"
    before, after = (metrics(m, r) for m, r in ((model, on_right), (changed, found)))
    assert abs(after["pelvic_obliquity"] - before["pelvic_obliquity"]) < 2.0
