"""Compartments of the knee through the whole study, on the built-in body in space."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.analysis.labels import label_inverse
from biomech.compilation import compiled
from biomech.dynamics.kinematics import pose
from biomech.dynamics.knee_compartments import knee_contacts
from biomech.dynamics.spatial import wrench_at
from biomech.formats.load import load_built_in
from biomech.studies.inverse import MeasuredMotion, inverse, inverse_uncompiled
from biomech.studies.metrics import (
    available_metrics,
    context,
    evaluate_metrics,
    knee_contact_force,
    medial_force_per_varus,
    peak,
)
from biomech.studies.prepare import ensure_actuated
from biomech.studies.static_optimization import equal_weights

KNEES = ("hinge", "compliant")
LOAD = 780.0  # [N]
TURN = 0.01  # [rad]
EVERYWHERE = jnp.ones(6, bool)
FOOT_PATH = (-0.02, 0.0, 0.05)  # of the ground's force along the foot, at three instants [m]


def stance(model):
    """Six still instants: right foot loaded at three places, then their mirror images on the left.

    Knees a little bent; in the compliant one 0.01 rad of adduction.
    """
    skeleton = model.skeleton
    names, bodies = skeleton.coordinates.names, len(skeleton.body_names)
    value = skeleton.coordinates.default_value
    for name, angle in (("hip_flexion", 0.2), ("knee_angle", 0.3), ("knee_adduction", TURN)):
        for side in "rl":
            if f"{name}_{side}" in names:
                value = value.at[names.index(f"{name}_{side}")].set(angle)
    now = pose(skeleton, value)
    wrench = np.zeros((6, bodies, 6))
    for row, side in enumerate("rrrlll"):
        calcn, out = skeleton.body_index(f"calcn_{side}"), 1.0 if side == "r" else -1.0
        heel = now.position[calcn] + jnp.array([FOOT_PATH[row % 3] + 0.1, 0.0, 0.0])
        force = jnp.array([40.0, LOAD, -60.0 * out])
        wrench[row, calcn] = np.asarray(wrench_at(force, heel * jnp.array([1.0, 0.0, 1.0])))
    still = jnp.zeros((6, len(names)))
    return MeasuredMotion(
        jnp.arange(6.0) / 100.0, jnp.tile(value, (6, 1)), still, still, jnp.asarray(wrench)
    )


def body_and_stance(knee):
    model = ensure_actuated(load_built_in("lower_limb", knee=knee))
    return model, stance(model)


@pytest.fixture(scope="module")
def hinge():
    return body_and_stance("hinge")


@pytest.fixture(scope="module", params=KNEES)
def case(request):
    model, motion = body_and_stance(request.param)
    return request.param, model, motion, inverse(model, motion)


def both(record, here):
    """[time, side, compartment]"""
    return np.stack([np.asarray(knee_contact_force(record, here, side)) for side in "rl"], axis=1)


def test_left_is_the_mirror_image_of_right(case):
    _, model, _, record = case
    force = both(record, context(model, record))
    # As near as static optimization is solved.
    np.testing.assert_allclose(force[:3, 0], force[3:, 1], atol=1e-3)
    np.testing.assert_allclose(force[:3, 1], force[3:, 0], atol=1e-3)
    assert np.all(force[:3, 0].sum(axis=1) > LOAD)


def test_compartments_carry_the_compression(case):
    _, model, _, record = case
    for side in "rl":
        knee = model.skeleton.joint_names.index(f"knee_{side}")
        force = knee_contact_force(record, context(model, record), side)
        compression = -record.joint_reaction_force_body_axes[:, knee, 1]
        np.testing.assert_allclose(jnp.sum(force, axis=1), compression, rtol=1e-12)


def test_a_hanging_shank_lifts_off_both_compartments(case):
    """The other leg hangs: its shank and foot pull at the knee, against muscles without effort."""
    _, model, motion, _ = case
    slack = eqx.tree_at(
        lambda m: m.muscles.max_isometric_force, model, 1e-9 * model.muscles.max_isometric_force
    )
    record = inverse(slack, motion)
    skeleton = model.skeleton
    knee = skeleton.joint_names.index("knee_l")
    beyond = skeleton.ancestors[:, skeleton.body_index("tibia_l")] > 0
    weight = float(np.sum(np.asarray(skeleton.mass)[beyond])) * 9.80665
    force = knee_contact_force(record, context(slack, record), "l")[:3]
    assert np.all(np.asarray(force) < 0.0)
    tilt = record.joint_reaction_force_body_axes[:3, knee, 1] / weight
    np.testing.assert_allclose(jnp.sum(force, axis=1), -weight * tilt, rtol=1e-6)


def test_in_the_compliant_knee_passive_adduction_counts_as_the_knees_own(case):
    """medial - lateral = 2 (k x adduction - what a reserve gives) / spacing: no constraint."""
    knee, model, _, record = case
    if knee == "hinge":
        assert not any(name.startswith("knee_adduction") for name in model.passive_moments.names)
        return
    force = both(record, context(model, record))
    stiffness = float(
        model.passive_moments.stiffness[model.passive_moments.names.index("knee_adduction_r")]
    )
    reserves = [model.actuators.names.index(f"reserve_knee_adduction_{side}") for side in "rl"]
    internal = -stiffness * TURN + np.asarray(record.actuator_force)[:, reserves]
    difference = force[..., 0] - force[..., 1]
    np.testing.assert_allclose(difference, -2.0 * internal / 0.04, rtol=1e-6)


def test_metrics_need_a_whole_leg(case):
    _, model, _, record = case
    names = available_metrics(model.skeleton.joint_names)
    kinds = {name for name in names if "medial" in name and name.endswith("_r")}
    assert kinds == {
        *(f"{kind}_medial_knee_force_r" for kind in ("peak", "early_peak", "late_peak")),
        "medial_knee_force_impulse_r",
    }
    assert not any("medial" in n for n in available_metrics(("hip_r", "knee_r", "ankle_l")))
    here = context(model, record)
    asked = ["peak_medial_knee_force_r", "peak_lateral_knee_force_l"]
    force = both(record, here) / float(here.body_weight)
    top = [peak(jnp.asarray(values), EVERYWHERE) for values in (force[:, 0, 0], force[:, 1, 1])]
    np.testing.assert_allclose(evaluate_metrics(record, here, asked).value, top, rtol=1e-12)


def test_peak_against_varus(case):
    """AD against differences, and against the closed form where the peak is a sample."""
    _, model, _, record = case
    first = jnp.arange(6) == 0  # one instant, hence no parabola

    def peak_at(varus):
        knees = knee_contacts()
        knees = eqx.tree_at(lambda k: k.varus, knees, knees.varus + varus)
        stances = jnp.stack([first, first], axis=1)
        here = context(model, record, stance=stances, knees=knees)
        return evaluate_metrics(record, here, ["peak_medial_knee_force_r"]).value[0]

    value_and_slope = compiled(jax.value_and_grad(peak_at))
    at = lambda varus: value_and_slope(jnp.asarray(varus))
    slope = at(0.02)[1]
    for step in (1e-3, 1e-2):
        difference = (at(0.02 + step)[0] - at(0.02 - step)[0]) / (2.0 * step)
        np.testing.assert_allclose(slope, difference, rtol=1e-9)
    here = context(model, record)
    closed = medial_force_per_varus(record, here, "r")[0] / here.body_weight
    np.testing.assert_allclose(slope, closed, rtol=1e-12)
    assert 0.05 < float(slope) * np.pi / 180.0 < 0.12  # [BW/deg]


def test_gradient_through_the_whole_study(hinge):
    """d(medial force)/d(strength of the vasti), static optimization included."""
    model, motion = hinge
    one = jax.tree.map(lambda x: x[1:2], motion)
    vasti = jnp.asarray([float(name.startswith("vas")) for name in model.muscles.names])

    def medial(change):
        strength = model.muscles.max_isometric_force * (1.0 + change * vasti)
        changed = eqx.tree_at(lambda m: m.muscles.max_isometric_force, model, strength)
        record = inverse_uncompiled(changed, one, equal_weights(changed), False, False)
        return knee_contact_force(record, context(changed, record), "r")[0, 0]

    slope_of = compiled(lambda change: jax.jvp(medial, (change,), (jnp.ones(()),)))
    both_ways = lambda change: slope_of(jnp.asarray(change))
    slope = float(both_ways(0.0)[1])
    assert abs(slope) > 0.1
    for step in (1e-4, 2e-4):
        difference = float(both_ways(step)[0] - both_ways(-step)[0]) / (2.0 * step)
        np.testing.assert_allclose(slope, difference, rtol=1e-5)


def test_alignment_reaches_the_dataset(case):
    """Sides apart: varus on the right moves the right knee's share by its own slope."""
    _, model, _, record = case
    plain = label_inverse(record, model)
    bowed = label_inverse(record, model, knees=knee_contacts(varus_deg={"r": 3.0}))
    force = plain.knee_contact_force
    assert force.dims == ("time", "side", "compartment")
    assert list(force.compartment.values) == ["medial", "lateral"] and force.units == "N"
    moved = (bowed.knee_contact_force - force).sel(compartment="medial")
    slope = plain.medial_knee_force_per_varus
    assert slope.units == "N/deg"
    np.testing.assert_allclose(moved.sel(side="r"), 3.0 * slope.sel(side="r"), rtol=1e-9)
    np.testing.assert_allclose(moved.sel(side="l"), 0.0, atol=1e-9)
    np.testing.assert_allclose(bowed.knee_contact_force.attrs["varus_deg"], [3.0, 0.0])
    np.testing.assert_allclose(force.attrs["contact_spacing_mm"], [40.0, 40.0])
    assert "constraint" in force.comment and "passive" in force.comment
