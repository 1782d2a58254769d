import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.kinematics import pose
from biomech.formats.load import load_built_in
from biomech.formats.native import parse_description
from biomech.formats.reference_gait import reference_gait
from biomech.formats.trial import match_coordinates
from biomech.model import library
from biomech.muscles.paths import moment_arms, path_geometry
from biomech.muscles.rigid_tendon import rigid_tendon_state


@pytest.fixture(scope="module")
def planar():
    return load_built_in("planar")


@pytest.fixture(scope="module")
def description():
    return parse_description(
        library.built_in_text("model", "planar", library.BUILT_IN), "planar.yaml"
    )


def _numbers_without_source(value, where, sourced):
    """Places of numbers that have no `source` in their own mapping or one around it."""
    if isinstance(value, dict):
        sourced = sourced or bool(value.get("source", "").strip())
        for key, inner in value.items():
            yield from _numbers_without_source(inner, f"{where}.{key}", sourced)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            name = inner.get("name", i) if isinstance(inner, dict) else i
            yield from _numbers_without_source(inner, f"{where}[{name}]", sourced)
    elif isinstance(value, int | float) and not isinstance(value, bool) and not sourced:
        yield where


def test_every_number_has_its_source(description):
    missing = []
    for key, value in description.items():
        if key != "version":  # of the file format
            inside = key == "gravity"  # its source stands at the top
            missing += _numbers_without_source(value, key, inside and "source" in description)
    assert missing == []


def test_whoever_lists_numbers_without_source_finds_them():
    sections = {"bodies": [{"name": "a", "mass": 1.0}, {"mass": 2.0, "source": "b"}]}
    assert list(_numbers_without_source(sections, "", False)) == [".bodies[a].mass"]


def test_sources_are_works_or_openly_assumed(description):
    words = ("doi:", "assumed", "Winter", "Kitaoka", "Sanchis-Sales", "OpenSim")

    def sources(value):
        if isinstance(value, dict):
            yield from ([value["source"]] if "source" in value else [])
            value = list(value.values())
        if isinstance(value, list):
            for inner in value:
                yield from sources(inner)

    for source in sources({k: v for k, v in description.items() if k != "source"}):
        assert any(word in source for word in words), source


def test_total_mass_is_75_kg(planar):
    np.testing.assert_allclose(np.sum(planar.skeleton.mass), 75.0, atol=1e-9)


def test_names_are_those_promised(planar):
    for name in ("hip_r", "knee_r", "ankle_r", "midtarsal_r", "mtp_r", "lumbar"):
        assert name in planar.skeleton.joint_names
    assert len([name for name in planar.muscles.names if name.endswith("_r")]) >= 9
    assert {"calcn_r", "midfoot_r", "toes_r"} <= set(planar.skeleton.body_names)


def test_left_is_the_mirror_image_of_right(planar):
    def swapped(name):
        return name[:-2] + {"_r": "_l", "_l": "_r"}.get(name[-2:], name[-2:])

    flip = np.array([1.0, 1.0, -1.0])
    skeleton, muscles = planar.skeleton, planar.muscles
    other = [skeleton.body_names.index(swapped(name)) for name in skeleton.body_names]
    np.testing.assert_allclose(skeleton.mass[np.array(other)], skeleton.mass, atol=1e-12)
    inertia = np.asarray(skeleton.inertia)  # products with z change sign
    mirrored = inertia[other] * np.array([1.0, 1.0, 1.0, 1.0, -1.0, -1.0])
    np.testing.assert_allclose(mirrored, inertia, atol=1e-12)
    for field in ("mass_center", "parent_frame_position", "child_frame_position"):
        value = np.asarray(getattr(skeleton, field))
        np.testing.assert_allclose(value[other] * flip, value, atol=1e-12)
    other = [muscles.names.index(swapped(name)) for name in muscles.names]
    for field in ("max_isometric_force", "optimal_fiber_length", "tendon_slack_length"):
        value = np.asarray(getattr(muscles, field))
        np.testing.assert_allclose(value[other], value, atol=1e-12)
    np.testing.assert_allclose(
        np.asarray(muscles.paths.location)[other] * flip, muscles.paths.location, atol=1e-12
    )


def test_lengths_are_mirrored_when_the_motion_is(planar):
    rng = np.random.default_rng(0)
    names = planar.skeleton.coordinates.names
    value = rng.uniform(0.0, 0.5, len(names))
    mirror = [names.index(n[:-2] + {"_r": "_l", "_l": "_r"}.get(n[-2:], n[-2:])) for n in names]
    length = lambda q: (
        path_geometry(
            planar.muscles.paths, pose(planar.skeleton, jnp.asarray(q)), jnp.asarray(q)
        ).length
    )
    right = [n.endswith("_r") for n in planar.muscles.names]
    left = [n.endswith("_l") for n in planar.muscles.names]
    np.testing.assert_allclose(
        length(value)[np.array(right)], length(value[mirror])[np.array(left)], atol=1e-12
    )


# Muscle -> what a positive activation does to the right leg's coordinates (sign), in gait.
SIGNS = {
    "glmax2_r": {"hip_flexion_r": -1},
    "psoas_r": {"hip_flexion_r": 1},
    "recfem_r": {"hip_flexion_r": 1, "knee_angle_r": -1},
    "vaslat_r": {"knee_angle_r": -1},
    "semimem_r": {"hip_flexion_r": -1, "knee_angle_r": 1},
    "bfsh_r": {"knee_angle_r": 1},
    "gasmed_r": {"knee_angle_r": 1, "ankle_angle_r": -1},
    "soleus_r": {"ankle_angle_r": -1},
    "tibant_r": {"ankle_angle_r": 1, "midtarsal_angle_r": 1},
    "edl_r": {"ankle_angle_r": 1, "midtarsal_angle_r": 1, "mtp_angle_r": 1},
    "fhl_r": {"ankle_angle_r": -1, "midtarsal_angle_r": -1, "mtp_angle_r": -1},
    "fdb_r": {"midtarsal_angle_r": -1, "mtp_angle_r": -1},
}


@pytest.fixture(scope="module")
def over_gait(planar):
    """Norm fiber lengths and moment arms over the reference gait."""
    skeleton = planar.skeleton
    values, _ = match_coordinates(reference_gait("planar"), skeleton.coordinates.names)

    def instant(value):
        now = pose(skeleton, value)
        geometry = path_geometry(planar.muscles.paths, now, value)
        fiber = rigid_tendon_state(planar.muscles, geometry.length, jnp.zeros_like(geometry.length))
        return fiber.norm_fiber_length, moment_arms(geometry, skeleton, now)

    return jax.jit(jax.vmap(instant))(jnp.asarray(values[::5]))


@pytest.mark.parametrize("muscle", SIGNS)
def test_moment_arms_have_the_anatomical_sign_throughout_gait(planar, over_gait, muscle):
    arms = np.asarray(over_gait[1])[:, planar.muscles.names.index(muscle)]
    for coordinate, sign in SIGNS[muscle].items():
        arm = arms[:, planar.skeleton.coordinates.names.index(coordinate)]
        assert np.all(sign * arm > 0.0), (coordinate, arm.min(), arm.max())


def test_moment_arms_are_zero_where_a_muscle_does_not_pass(planar, over_gait):
    names = planar.skeleton.coordinates.names
    arms = np.asarray(over_gait[1])
    right = [i for i, n in enumerate(planar.muscles.names) if n.endswith("_r")]
    left = [i for i, n in enumerate(names) if n.endswith("_l")]
    np.testing.assert_allclose(arms[:, right][:, :, left], 0.0, atol=1e-12)


def test_fibers_stay_in_their_working_range_over_gait(planar, over_gait):
    norm = np.asarray(over_gait[0])
    for i, name in enumerate(planar.muscles.names):
        assert norm[:, i].min() > 0.5 and norm[:, i].max() < 1.5, (name, norm[:, i])


def test_sole_is_level_at_the_neutral_pose(planar):
    """Heel, metatarsal and toe spheres just touch the ground; the midfoot does not."""
    skeleton, contacts = planar.skeleton, planar.contacts
    now = pose(skeleton, skeleton.coordinates.default_value)
    body = np.array(contacts.bodies)
    height = np.asarray(now.position[body, 1] + contacts.location[:, 1] - contacts.radius)
    midfoot = np.array([name.startswith("midfoot") for name in contacts.names])
    np.testing.assert_allclose(height[~midfoot], 0.0, atol=1e-4)  # numbers are rounded
    assert np.all(height[midfoot] > 1e-3)
