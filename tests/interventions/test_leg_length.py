import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from biomech.dynamics import default_values
from biomech.dynamics import pose as pose_uncompiled
from biomech.interventions import leg_length
from biomech.interventions.leg_length import bone_length, long_bones
from biomech.model.build import build_model
from biomech.model.names import BadInput
from biomech.muscles.paths import path_geometry
from biomech.muscles.rigid_tendon import rigid_tendon_state
from bodies import body as segment
from bodies import coordinate, description, pin
from two_legs import two_legs

MM = 1e-3
pose = compiled(pose_uncompiled)


@pytest.fixture(scope="module")
def body():
    return build_model(two_legs())


def joint_centers(model):
    now = pose(model.skeleton, default_values(model.skeleton))
    return dict(zip(model.skeleton.joint_names, np.asarray(now.joint_center), strict=True))


@pytest.mark.parametrize("difference", [-30.0, 5.2, 40.0])
def test_the_ankle_is_that_much_farther_from_the_hip(body, difference):
    before, after = (
        joint_centers(body),
        joint_centers(leg_length(body, side="r", difference_mm=difference)),
    )
    moved = {name: after[name] - before[name] for name in before}
    for name in ("ankle_r", "subtalar_r", "midtarsal_r", "mtp_r"):
        np.testing.assert_allclose(moved[name], [0.0, -difference * MM, 0.0], atol=1e-15)
    for name in ("hip_r", "lumbar", "knee_l", "ankle_l", "mtp_l"):
        np.testing.assert_allclose(moved[name], 0.0, atol=0.0)


def test_femur_and_tibia_keep_their_proportion(body):
    longer = leg_length(body, side="l", difference_mm=25.0)
    ratios = [
        float(bone_length(longer.skeleton, bone) / bone_length(body.skeleton, bone))
        for bone in long_bones(body, "l")
    ]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-14)
    assert ratios[0] == pytest.approx(1.0 + 0.025 / (0.396 + 0.4), rel=1e-12)


@compiled
def reference_state(model):
    value = default_values(model.skeleton)
    now = pose(model.skeleton, value)
    length = path_geometry(model.muscles.paths, now, value).length
    strain = path_geometry(model.ligaments.paths, now, value).length
    state = rigid_tendon_state(model.muscles, length, jnp.zeros_like(length))
    return state.norm_fiber_length, strain / model.ligaments.resting_length


def test_fibers_and_ligaments_keep_their_norm_lengths_in_the_reference_posture(body):
    longer = leg_length(body, side="r", difference_mm=40.0)
    for after, before in zip(reference_state(longer), reference_state(body), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-12)
    names = body.muscles.names
    gain = np.asarray(longer.muscles.tendon_slack_length / body.muscles.tendon_slack_length)
    assert gain[names.index("soleus_r")] > 1.03
    for name in ("fdb_r", "soleus_l", "gasmed_l"):  # none of them is along a longer bone
        assert gain[names.index(name)] == 1.0


def test_mass_and_strength_and_the_foot_stay(body):
    longer = leg_length(body, side="r", difference_mm=40.0)
    for leaf in (
        lambda m: m.skeleton.mass,
        lambda m: m.muscles.max_isometric_force,
        lambda m: m.contacts.location,
        lambda m: m.contacts.radius,
    ):
        np.testing.assert_array_equal(leaf(longer), leaf(body))


def test_a_uniform_rod_gets_the_inertia_of_a_longer_rod():
    mass, length = 3.0, 0.4
    rod = mass * length**2 / 12.0
    bones = [
        segment("femur_r", mass, (0.0, -0.2, 0.0), (rod, 0.0, rod, 0.0, 0.0, 0.0)),
        segment("tibia_r", 1.0),
        segment("calcn_r", 1.0),
    ]
    joints = [
        pin("hip", "ground", "femur_r", "a"),
        pin("knee", "femur_r", "tibia_r", "b", parent_position=(0.0, -length, 0.0)),
        pin("ankle", "tibia_r", "calcn_r", "c", parent_position=(0.0, -length, 0.0)),
    ]
    body = build_model(
        description(bodies=bones, joints=joints, coordinates=[coordinate(c) for c in "abc"])
    )
    longer = leg_length(body, side="r", difference_mm=40.0)
    new = mass * (length + 0.020) ** 2 / 12.0
    np.testing.assert_allclose(
        longer.skeleton.inertia[0], [new, 0.0, new, 0.0, 0.0, 0.0], rtol=1e-14
    )
    np.testing.assert_allclose(longer.skeleton.mass_center[0], [0.0, -0.21, 0.0], rtol=1e-14)


def test_a_body_without_the_bones_is_refused():
    thigh = build_model(
        description(
            bodies=[segment("thigh")],
            joints=[pin("hip", "ground", "thigh", "angle")],
            coordinates=[coordinate("angle")],
        )
    )
    with pytest.raises(BadInput, match="needs the bodies femur_l, tibia_l and talus_l or calcn_l"):
        leg_length(thigh, side="l", difference_mm=5.0)


def test_a_difference_is_of_one_side(body):
    with pytest.raises(BadInput, match=r"side is 'both'; it must be one of r, l."):
        leg_length(body, side="both", difference_mm=5.0)
