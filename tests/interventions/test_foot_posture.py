"""Flat and high-arched feet: shape, tissue, and nothing else."""

import equinox as eqx
import jax
import numpy as np
import pytest

from biomech.dynamics import pose
from biomech.formats.load import load_model
from biomech.interventions import arch_stiffness, flat_foot, high_arch
from biomech.interventions.foot_posture import FOREFOOT, HEIGHT, STIFFNESS, SUBTALAR
from biomech.model.arch import arch_height, clearance, raised_arch, with_arch_height
from biomech.model.build import build_model
from biomech.model.names import BadInput
from biomech.muscles.ligaments import ligament_strain
from biomech.muscles.paths import path_geometry
from two_legs import two_legs

BALL = ("metatarsal_1", "metatarsal_23", "metatarsal_45", "hallux", "toes_lesser")
POSTURES = pytest.mark.parametrize(("posture", "sign"), [(flat_foot, -1.0), (high_arch, 1.0)])


@pytest.fixture(scope="module")
def body():
    return build_model(two_legs())


@pytest.fixture(scope="module")
def planar():
    return load_model("planar")


def row(model, name):
    return model.contacts.names.index(name)


def test_indices_at_severity_one_are_two_deviations_away():
    np.testing.assert_allclose(0.340 * (1.0 + HEIGHT * np.array([-1.0, 1.0])), [0.28, 0.40])


@POSTURES
def test_arch_and_the_sole_under_it_change_in_proportion(planar, posture, sign):
    for severity in (0.5, 1.5):
        other = posture(planar, side="r", severity=severity)
        share = 1.0 + sign * severity * HEIGHT
        ratio = arch_height(other, "r") / arch_height(planar, "r")
        np.testing.assert_allclose(ratio, share, rtol=1e-12)
        for name in ("midfoot_medial_r", "midfoot_lateral_r"):
            now, was = (clearance(m, "r", row(planar, name)) for m in (other, planar))
            np.testing.assert_allclose(now, share * was, rtol=1e-9)
        for name in ("heel_medial_r", "metatarsal_1_r", "metatarsal_45_r"):
            np.testing.assert_allclose(clearance(other, "r", row(planar, name)), 0.0, atol=1e-12)
        assert eqx.tree_equal(arch_height(other, "l"), arch_height(planar, "l"))


@POSTURES
def test_tissue_is_as_much_stiffer_and_rests_where_it_did(planar, posture, sign):
    other = posture(planar, side="r", severity=1.0)
    stiffer = arch_stiffness(planar, side="r", scale=1.0 + sign * STIFFNESS)
    np.testing.assert_allclose(other.ligaments.pcsa_force, stiffer.ligaments.pcsa_force)
    assert eqx.tree_equal(other.passive_moments, stiffer.passive_moments)
    strain = []
    for model in (planar, other):
        value = model.skeleton.coordinates.default_value
        length = path_geometry(model.ligaments.paths, pose(model.skeleton, value), value).length
        strain.append(ligament_strain(model.ligaments, length))
    np.testing.assert_allclose(*strain, atol=1e-10)


@POSTURES
def test_subtalar_limits_shift_and_the_forefoot_turns_where_there_is_such_a_joint(
    body, planar, posture, sign
):
    other = posture(body, side="r", severity=1.0)
    i = body.passive_moments.names.index("subtalar_r")
    for part in ("neutral", "lower_angle", "upper_angle"):
        shift = getattr(other.passive_moments, part) - getattr(body.passive_moments, part)
        np.testing.assert_allclose(shift[i], sign * SUBTALAR)  # inversion is positive
        np.testing.assert_allclose(np.delete(shift, i), 0.0, atol=0.0)
    lateral = np.array([-0.030, -0.004, 0.024, -0.022, 0.013])  # as in test_under_the_foot
    lowered = [heights(body, name) - heights(other, name) for name in BALL]
    slope = np.polyfit(lateral, lowered, 1)[0]  # a flat foot's forefoot has its medial side up
    np.testing.assert_allclose(slope, -sign * np.tan(FOREFOOT), rtol=1e-9)
    same = posture(planar, side="r", severity=1.0)
    for name in BALL:  # a body in the plane cannot evert
        np.testing.assert_allclose(heights(same, name), heights(planar, name), atol=1e-12)


def heights(model, name):
    """Of a region's center above the frame of the calcaneus [m]."""
    i, skeleton = row(model, f"{name}_r"), model.skeleton
    y, body = model.contacts.location[i, 1], model.contacts.bodies[i]
    while skeleton.body_names[body] != "calcn_r":
        y, body = y + skeleton.parent_frame_position[body, 1], skeleton.parents[body]
    return float(y)


def test_no_rise_is_exactly_no_change(body, planar):
    for model in (body, planar):
        assert eqx.tree_equal(with_arch_height(model, "r", arch_height(model, "r")), model)
        assert eqx.tree_equal(jax.jit(lambda x, m=model: raised_arch(m, "r", x))(0.0), model)


def test_a_foot_without_arch_or_regions_is_refused(body):
    description = two_legs()
    for contact in description["contacts"]:
        contact["name"] = contact["name"].replace("midfoot", "waist")
    with pytest.raises(BadInput, match=r"flat_foot needs contact regions named midfoot\.\.\._r"):
        flat_foot(build_model(description), side="r", severity=0.5)
    description = two_legs()
    description["ligaments"] = [x for x in description["ligaments"] if "spring" not in x["name"]]
    with pytest.raises(BadInput, match="lacks the ligament spring_l"):
        high_arch(build_model(description), side="l", severity=0.5)
    with pytest.raises(BadInput, match=r"flat_foot.severity is 1.6; .* between 0 and 1.5"):
        flat_foot(body, side="r", severity=1.6)
