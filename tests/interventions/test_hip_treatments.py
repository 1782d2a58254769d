"""Treatments of the hip: what exactly moves, and by which rule of geometry lengths follow."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from biomech.dynamics import default_values, pose
from biomech.formats.load import load_built_in
from biomech.interventions import hip_osteoarthritis, hip_replacement, injection
from biomech.muscles.paths import path_geometry


@pytest.fixture(scope="module")
def model():
    return load_built_in("lower_limb")


@compiled
def straight(model):
    return pose(model.skeleton, default_values(model.skeleton))


@compiled
def lengths(model):
    value = default_values(model.skeleton)
    return path_geometry(model.muscles.paths, straight(model), value).length


def test_the_joint_moves_in_pelvis_and_femur(model):
    moved = hip_replacement(model, side="r", medial_mm=7.0, distal_mm=3.0, offset_mm=5.0)
    joint = model.skeleton.joint_names.index("hip_r")
    shift = lambda field: np.asarray(
        getattr(moved.skeleton, field) - getattr(model.skeleton, field)
    )
    np.testing.assert_allclose(
        shift("parent_frame_position")[joint], [0.0, -3e-3, -7e-3], atol=1e-15
    )
    np.testing.assert_allclose(shift("child_frame_position")[joint], [0.0, 0.0, -5e-3], atol=1e-15)
    for field in ("parent_frame_position", "child_frame_position"):
        assert np.flatnonzero(np.any(shift(field), axis=-1)).tolist() == [joint]


@pytest.mark.parametrize("side, out", [("r", 1.0), ("l", -1.0)])
def test_the_shaft_goes_where_the_operation_puts_it(model, side, out):
    femur = model.skeleton.body_names.index(f"femur_{side}")
    place = lambda **numbers: (
        np.asarray(straight(hip_replacement(model, side=side, **numbers)).position[femur])
        - np.asarray(straight(model).position[femur])
    )
    np.testing.assert_allclose(place(medial_mm=8.0), [0.0, 0.0, -8e-3 * out], atol=1e-12)
    np.testing.assert_allclose(place(offset_mm=8.0), [0.0, 0.0, 8e-3 * out], atol=1e-12)
    np.testing.assert_allclose(place(distal_mm=8.0), [0.0, -8e-3, 0.0], atol=1e-12)
    np.testing.assert_allclose(place(medial_mm=8.0, offset_mm=8.0), 0.0, atol=1e-12)


def test_offset_instead_of_medial_shift_leaves_all_lengths(model):
    moved = hip_replacement(model, side="r", medial_mm=8.0, offset_mm=8.0)
    np.testing.assert_allclose(lengths(moved), lengths(model), atol=1e-12)
    for field in ("optimal_fiber_length", "tendon_slack_length", "max_isometric_force"):
        new, old = getattr(moved.muscles, field), getattr(model.muscles, field)
        np.testing.assert_allclose(new, old, rtol=1e-12)


def test_relief_takes_pain_and_stiffness_of_that_hip_alone(model):
    sick = hip_osteoarthritis(model, side="both", stiffness=20.0, pain=0.4)
    treated = hip_replacement(sick, side="r", relief=0.75)
    hips = [model.skeleton.joint_names.index(f"hip_{side}") for side in "rl"]
    weights = treated.pains.load_weight[jnp.array(hips)]
    np.testing.assert_allclose(weights, [0.1, 0.4], rtol=1e-12)
    stiffness = dict(
        zip(treated.passive_moments.names, treated.passive_moments.stiffness, strict=True)
    )
    for turn in ("hip_flexion", "hip_adduction", "hip_rotation"):
        np.testing.assert_allclose(stiffness[f"{turn}_r"], 5.0, rtol=1e-12)
        np.testing.assert_allclose(stiffness[f"{turn}_l"], 20.0, rtol=1e-12)


def test_an_injection_takes_pain_alone(model):
    sick = hip_osteoarthritis(model, side="r", stiffness=20.0, pain=0.4)
    whole = injection(sick, side="r", relief=1.0)
    stiff = hip_osteoarthritis(model, side="r", stiffness=20.0)
    assert eqx.tree_equal(whole, stiff)
    assert eqx.tree_equal(injection(model, side="r", relief=0.5), model)
