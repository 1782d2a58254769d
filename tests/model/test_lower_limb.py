"""The built-in body `lower_limb`: names, sources, symmetry, its two knees, one still instant."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import biomech as bm
from biomech.dynamics.kinematics import pose
from biomech.formats.load import load_built_in, load_model
from biomech.formats.native import parse_description
from biomech.formats.trial import Trial
from biomech.model import library
from biomech.model.edits import weld
from biomech.model.knee import hinge_knee
from biomech.model.names import BadInput
from biomech.muscles.passive_moments import passive_moment
from biomech.muscles.paths import moment_arms, path_geometry
from biomech.muscles.rigid_tendon import rigid_tendon_state
from biomech.studies.inverse import STATUS
from sourced_numbers import numbers_without_source, sources

G = 9.80665
KNEES = ("hinge", "compliant")
TURNS = ("knee_adduction_r", "knee_rotation_r", "knee_adduction_l", "knee_rotation_l")
OUT_OF_THE_MIDDLE_PLANE = (
    *("pelvis_list", "pelvis_rotation", "pelvis_tz", "lumbar_bending", "lumbar_rotation"),
)


@pytest.fixture(scope="module")
def description():
    text = library.built_in_text("model", "lower_limb", library.BUILT_IN)
    return parse_description(text, "lower_limb.yaml")


@pytest.fixture(scope="module")
def bodies():
    return {knee: load_built_in("lower_limb", knee=knee) for knee in KNEES}


@pytest.fixture(scope="module")
def hinge(bodies):
    return bodies["hinge"]


@pytest.fixture(scope="module")
def compliant(bodies):
    return bodies["compliant"]


# --- what it holds ----------------------------------------------------------------------------


def test_every_number_has_its_source(description):
    missing = []
    for key, value in description.items():
        if key != "version":  # of the file format
            inside = key == "gravity"  # its source stands at the top
            missing += numbers_without_source(value, key, inside and "source" in description)
    assert missing == []


def test_sources_are_works_or_openly_assumed(description):
    words = ("doi:", "assumed", "no mass")
    for source in sources({k: v for k, v in description.items() if k != "source"}):
        assert any(word in source for word in words), source


@pytest.mark.parametrize("knee", KNEES)
def test_total_mass_is_75_kg(bodies, knee):
    np.testing.assert_allclose(np.sum(bodies[knee].skeleton.mass), 75.0, rtol=0.0, atol=1e-9)


def test_names_are_those_promised(hinge):
    skeleton = hinge.skeleton
    middle = {"pelvis", "torso"}
    leg = ("femur", "patella", "tibia", "talus", "calcn", "midfoot", "toes")
    assert set(skeleton.body_names) == middle | {f"{b}_{s}" for b in leg for s in "rl"}
    joints = ("hip", "knee", "patellofemoral", "ankle", "subtalar", "midtarsal", "mtp")
    assert set(skeleton.joint_names) == {"ground_pelvis", "lumbar"} | {
        f"{j}_{s}" for j in joints for s in "rl"
    }
    assert len(skeleton.coordinates.free) == 6 + 3 + 2 * 8
    assert len(hinge.muscles.names) == 2 * 41  # 40 of the generic model and the intrinsic flexor
    assert len(hinge.contacts.names) == 2 * 9
    assert {"plantar_fascia_r", "long_plantar_r", "short_plantar_r", "spring_r"} <= set(
        hinge.ligaments.names
    )
    assert {n for n in hinge.actuators.names} == {
        "lumbar_extension_motor",
        "lumbar_bending_motor",
        "lumbar_rotation_motor",
    }


def test_soles_are_on_the_ground_at_the_default_pose(hinge):
    skeleton, contacts = hinge.skeleton, hinge.contacts
    now = pose(skeleton, skeleton.coordinates.default_value)
    body = np.array(contacts.bodies)
    lowest = now.position[body, 1] + contacts.location[:, 1] - contacts.radius
    arch = np.array([name.startswith("midfoot") for name in contacts.names])
    np.testing.assert_allclose(lowest[~arch], 0.0, atol=1e-4)  # numbers are rounded to 1e-5
    assert np.all(lowest[arch] > 1e-3)


def test_bodies_are_parallel_to_ground_at_the_default_pose(hinge):
    """All but the patella, which the generic model tilts by 1.1 mrad there."""
    now = pose(hinge.skeleton, hinge.skeleton.coordinates.default_value)
    for name, rotation in zip(hinge.skeleton.body_names, np.asarray(now.rotation), strict=True):
        tolerance = 2e-3 if name.startswith("patella") else 1e-6
        np.testing.assert_allclose(rotation, np.eye(3), atol=tolerance, err_msg=name)


# --- symmetry ---------------------------------------------------------------------------------


def swapped(name):
    """The other side's name."""
    other = {"_r": "_l", "_l": "_r"}
    return re.sub(r"_[rl](?=_|$)", lambda match: other[match.group()], name)


def other_side(names):
    """Index of each thing's counterpart."""
    return np.array([names.index(swapped(name)) for name in names])


def coordinate_signs(names):
    """What a reflection in the middle plane does to each coordinate."""
    return np.array([-1.0 if name in OUT_OF_THE_MIDDLE_PLANE else 1.0 for name in names])


def random_values(model, count):
    """Coordinates within 60 % of their ranges; the pelvis within 0.5 rad and 0.5 m."""
    rng = np.random.default_rng(1)
    coordinates = model.skeleton.coordinates
    low, high = (
        np.clip(0.6 * np.asarray(x), -1.2, 1.6) for x in (coordinates.lower, coordinates.upper)
    )
    low[:6], high[:6] = -0.5, 0.5
    return rng.uniform(low, high, (count, low.size))


def at_states(model, values):
    """Positions, rotations, lengths and moment arms of muscles and ligaments, mass centers."""

    def one(q):
        now = pose(model.skeleton, q)
        paths = [model.muscles.paths, model.ligaments.paths]
        found = [path_geometry(p, now, q) for p in paths]
        arms = [moment_arms(g, model.skeleton, now) for g in found]
        return now.position, now.rotation, [g.length for g in found], arms

    return jax.tree.map(np.asarray, jax.jit(lambda v: jax.lax.map(one, v))(jnp.asarray(values)))


@pytest.fixture(scope="module", params=KNEES)
def mirrored_states(request, bodies):
    """A body, and what it is like at six random poses and at their mirror images."""
    model = bodies[request.param]
    names = model.skeleton.coordinates.names
    values = random_values(model, 6)
    reflected = values[:, other_side(names)] * coordinate_signs(names)
    both = at_states(model, np.concatenate([values, reflected]))
    split = lambda part: jax.tree.map(lambda x: x[part], both)
    return model, split(slice(None, 6)), split(slice(6, None))


def test_poses_are_mirror_images(mirrored_states):
    model, (position, rotation, _, _), (other_position, other_rotation, _, _) = mirrored_states
    flip = np.diag([1.0, 1.0, -1.0])
    swap = other_side(model.skeleton.body_names)
    np.testing.assert_allclose(other_position[:, swap], position @ flip, atol=1e-12)
    np.testing.assert_allclose(other_rotation[:, swap], flip @ rotation @ flip, atol=1e-12)


def test_lengths_and_moment_arms_are_mirror_images(mirrored_states):
    model, (_, _, lengths, arms), (_, _, other_lengths, other_arms) = mirrored_states
    names = model.skeleton.coordinates.names
    columns, signs = other_side(names), coordinate_signs(names)
    for part, owner in enumerate((model.muscles.names, model.ligaments.names)):
        swap = other_side(owner)
        np.testing.assert_allclose(other_lengths[part][:, swap], lengths[part], atol=1e-12)
        reflected = other_arms[part][:, swap][:, :, columns] * signs
        np.testing.assert_allclose(reflected, arms[part], atol=1e-12)


@pytest.mark.parametrize("knee", KNEES)
def test_left_is_the_mirror_image_of_right(bodies, knee):
    model = jax.tree.map(np.asarray, bodies[knee])
    skeleton, flip = model.skeleton, np.array([1.0, 1.0, -1.0])
    swap = other_side(skeleton.body_names)
    np.testing.assert_array_equal(skeleton.mass[swap], skeleton.mass)
    np.testing.assert_array_equal(skeleton.mass_center[swap] * flip, skeleton.mass_center)
    products = np.array([1, 1, 1, 1, -1, -1])
    np.testing.assert_array_equal(skeleton.inertia[swap] * products, skeleton.inertia)
    for owner, fields in (
        (
            model.muscles,
            ("max_isometric_force", "optimal_fiber_length", "tendon_slack_length"),
        ),
        (model.ligaments, ("resting_length", "pcsa_force")),
        (model.contacts, ("radius", "stiffness", "dissipation")),
        (model.passive_moments, ("stiffness", "damping", "lower_moment", "upper_angle")),
    ):
        swap = other_side(owner.names)
        for field in fields:
            value = getattr(owner, field)
            np.testing.assert_array_equal(value[swap], value)
    swap = other_side(model.contacts.names)
    np.testing.assert_array_equal(model.contacts.location[swap] * flip, model.contacts.location)


# --- the knee ---------------------------------------------------------------------------------


def test_hinge_is_the_compliant_knee_with_its_turns_at_zero(hinge, compliant):
    values = random_values(hinge, 4)
    names, more = hinge.skeleton.coordinates.names, compliant.skeleton.coordinates.names
    padded = np.zeros((4, len(more)))
    padded[:, [more.index(name) for name in names]] = values
    ours, theirs = at_states(hinge, values), at_states(compliant, padded)
    rows = [compliant.skeleton.body_names.index(name) for name in hinge.skeleton.body_names]
    for mine, other in zip(ours[:2], theirs[:2], strict=True):
        np.testing.assert_allclose(mine, other[:, rows], atol=1e-14)
    columns = [more.index(name) for name in names]
    for mine, other in zip(ours[2], theirs[2], strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-13)
    for mine, other in zip(ours[3], theirs[3], strict=True):
        np.testing.assert_allclose(mine, other[:, :, columns], atol=1e-12)


def test_welding_the_turns_gives_the_hinge_but_for_the_frame_without_mass(hinge, compliant):
    for turn in TURNS:
        compliant = weld(compliant, turn)
    assert compliant.skeleton.coordinates.names == hinge.skeleton.coordinates.names
    assert compliant.passive_moments.names == hinge.passive_moments.names
    assert set(compliant.skeleton.body_names) - set(hinge.skeleton.body_names) == {
        "knee_frame_r",
        "knee_frame_l",
    }
    np.testing.assert_array_equal(
        compliant.muscles.max_isometric_force, hinge.muscles.max_isometric_force
    )


def test_the_compliant_knee_gives_way_as_its_stiffness_says(compliant):
    """10 N m turn the tensed knee by a third of the relaxed 3 deg; 2.5 N m rotate it by 3.7 deg."""
    moments, names = compliant.passive_moments, compliant.skeleton.coordinates.names
    for turn, angle, moment in (("adduction", 1.0, -10.0), ("rotation", 3.7, -2.5)):
        for side in "rl":
            name = f"knee_{turn}_{side}"
            value = jnp.zeros(len(names)).at[names.index(name)].set(np.deg2rad(angle))
            found = passive_moment(moments, value, jnp.zeros_like(value))
            index = moments.names.index(name)
            np.testing.assert_allclose(found[index], moment, rtol=1e-5)


def test_adduction_moves_the_foot_inwards_and_rotation_turns_it_in(compliant):
    names, body = compliant.skeleton.coordinates.names, compliant.skeleton.body_index
    rest = jnp.zeros(len(names))
    for side, inwards in (("r", -1.0), ("l", 1.0)):
        turned = pose(compliant.skeleton, rest.at[names.index(f"knee_adduction_{side}")].set(0.1))
        straight = pose(compliant.skeleton, rest)
        moved = turned.position - straight.position
        assert inwards * float(moved[body(f"talus_{side}"), 2]) > 0.03
        turned = pose(compliant.skeleton, rest.at[names.index(f"knee_rotation_{side}")].set(0.1))
        assert inwards * float(turned.rotation[body(f"tibia_{side}"), 2, 0]) > 0.09


def test_a_knee_that_is_not_there_is_refused():
    with pytest.raises(BadInput, match=r"knee is 'ball'\. There are: compliant, hinge"):
        load_model("lower_limb", knee="ball")
    with pytest.raises(BadInput, match="The knee of 'planar' is what it is"):
        load_model("planar", knee="hinge")
    with pytest.raises(BadInput, match=r"'leg\.osim' is no built-in model"):
        load_model("leg.osim", knee="hinge")


def test_only_a_body_with_passive_turns_is_made_a_hinge(description):
    with pytest.raises(BadInput, match="no compliant knee"):
        hinge_knee(hinge_knee(description))
    joint = next(j for j in description["joints"] if j["name"] == "knee_l")
    shifted = joint | {"child_position": [0.0, 0.1, 0.0]}
    joints = [shifted if j["name"] == "knee_l" else j for j in description["joints"]]
    with pytest.raises(BadInput, match="'knee_l' shifts the tibia"):
        hinge_knee(description | {"joints": joints})


# --- muscles ----------------------------------------------------------------------------------


def test_fibers_are_in_their_working_range_standing(hinge):
    value = hinge.skeleton.coordinates.default_value
    length = path_geometry(hinge.muscles.paths, pose(hinge.skeleton, value), value).length
    norm = rigid_tendon_state(hinge.muscles, length, jnp.zeros_like(length)).norm_fiber_length
    assert float(norm.min()) > 0.6 and float(norm.max()) < 1.3


# Muscle -> what it does to the arch and to the toes.
ARCH_AND_TOES = {
    "tibant": (1, 0),
    "tibpost": (-1, 0),
    "perlong": (-1, 0),
    "edl": (1, 1),
    "ehl": (1, 1),
    "fdl": (-1, -1),
    "fhl": (-1, -1),
    "fdb": (-1, -1),
}


@pytest.fixture(scope="module")
def foot_arms(hinge):
    """Moment arms over a grid of ankle, subtalar, midtarsal and MTP angles."""
    names = hinge.skeleton.coordinates.names
    grid = np.deg2rad(
        np.stack(np.meshgrid([-20, 0, 20], [-15, 15], [-15, 0, 15], [-30, 0, 60]), axis=-1)
    ).reshape(-1, 4)
    values = np.zeros((len(grid), len(names)))
    moved = ("ankle_angle_r", "subtalar_angle_r", "midtarsal_angle_r", "mtp_angle_r")
    values[:, [names.index(name) for name in moved]] = grid
    return at_states(hinge, values)[3][0]


@pytest.mark.parametrize("muscle", ARCH_AND_TOES)
def test_muscles_act_on_arch_and_toes_with_one_sign_throughout(hinge, foot_arms, muscle):
    arms = foot_arms[:, hinge.muscles.names.index(f"{muscle}_r")]
    for coordinate, sign in zip(
        ("midtarsal_angle_r", "mtp_angle_r"), ARCH_AND_TOES[muscle], strict=True
    ):
        arm = arms[:, hinge.skeleton.coordinates.names.index(coordinate)]
        assert np.all(sign * arm > 1e-3) if sign else np.all(arm == 0.0), (arm.min(), arm.max())


# --- one still instant ------------------------------------------------------------------------


def hanging(model):
    """Trial of the body hanging still from its pelvis, knees and hips a little bent."""
    names = model.skeleton.coordinates.free_names
    row = np.array([float(n.startswith(("hip_flexion", "knee_angle"))) * 0.2 for n in names])
    time = np.linspace(0.0, 0.5, 51)
    return Trial(time, tuple(names), np.tile(row, (51, 1)), (), 0.2, 0.3)


def test_a_still_body_is_analysed(hinge):
    """Free-body diagrams: residuals carry the body, hips the hanging legs."""
    result = bm.inverse(hinge, hanging(hinge), lowpass_hz=None)
    solved = [STATUS.index(word) for word in ("successful", "strength_limited")]
    assert np.isin(result.status, solved).all()
    lift = result.actuator_force.sel(actuator="residual_pelvis_ty")
    np.testing.assert_allclose(lift, 75.0 * G, rtol=1e-6)
    skeleton = hinge.skeleton
    leg = skeleton.ancestors[:, skeleton.body_index("femur_r")] > 0
    weight = float(np.sum(np.asarray(skeleton.mass)[leg])) * G
    carried = result.intersegmental_force.sel(joint="hip_r", axis="y")
    np.testing.assert_allclose(carried, weight, rtol=1e-6)
