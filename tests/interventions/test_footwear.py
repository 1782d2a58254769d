"""Footwear: each property of the sole on its own, against what it should be by hand."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.interventions import footwear, heel_lift
from biomech.model.build import build_model
from biomech.model.contacts import with_underlay_merged
from biomech.model.names import BadInput
from two_legs import two_legs


@pytest.fixture(scope="module")
def body():
    return build_model(two_legs())


def of_right_foot(model, stems):
    names = model.contacts.names
    return np.array([x.startswith(stems) and x.endswith("_r") for x in names])


def test_give_adds_to_that_of_the_pad_region_by_region(body):
    shod = footwear(body, side="r", heel_softness=2.0, forefoot_softness=1.0)
    acting = with_underlay_merged(shod.contacts)
    ratio = np.asarray(acting.stiffness / body.contacts.stiffness)
    give = ratio ** (-2.0 / 3.0)  # depth of the whole over that of the pad at the same force
    expected = np.ones_like(give)
    for stems, whole in ((("heel",), 3.0), (("midfoot",), 2.5)):
        expected[of_right_foot(body, stems)] = whole
    expected[of_right_foot(body, ("metatarsal", "hallux", "toes"))] = 2.0
    np.testing.assert_allclose(give, expected, rtol=1e-12)


def test_damping_is_what_both_layers_lose(body):
    """Power lost in two layers under one force f: 3/2 f (c_pad v_pad^2 + c_sole v_sole^2)."""
    softness, sole, pad = 1.5, 0.8, 2.0
    share = 1.0 / (1.0 + softness)
    speed = 0.3  # of the whole [m/s]
    lost = pad * (share * speed) ** 2 + sole * ((1.0 - share) * speed) ** 2
    counted = sole * (1.0 - share) ** 2  # at the speed of the whole
    shod = footwear(body, side="r", heel_softness=softness, dissipation=counted)
    heel = of_right_foot(body, ("heel",))
    acting = with_underlay_merged(shod.contacts)
    np.testing.assert_allclose(acting.dissipation[heel] * speed**2, lost, rtol=1e-12)


def test_drop_is_a_heel_lift(body):
    lifted = heel_lift(body, side="r", height_mm=9.0)
    assert eqx.tree_equal(footwear(body, side="r", drop_mm=9.0), lifted)


def test_a_rocker_thins_from_the_foremost_metatarsal_head_to_the_tip(body):
    """Places forward as in test_under_the_foot: heads to 0.18, lesser toes 0.205, hallux 0.215."""
    shod = footwear(body, side="r", rocker_mm=7.0)
    up = -np.asarray(shod.contacts.under_thickness)
    expected = np.zeros_like(up)
    expected[of_right_foot(body, ("hallux",))] = 0.007
    expected[of_right_foot(body, ("toes",))] = 0.007 * (0.205 - 0.18) / (0.215 - 0.18)
    np.testing.assert_allclose(up, expected, atol=1e-15)


def test_bending_stiffness_adds_and_toe_spring_is_where_the_toes_rest(body):
    shod = footwear(body, side="l", bending_stiffness=12.0, toe_spring_deg=15.0)
    i = body.passive_moments.names.index("mtp_l")
    added = {"stiffness": 12.0, "neutral": math.radians(15.0)}
    for part in ("stiffness", "neutral", "damping", "lower_angle", "upper_angle"):
        change = getattr(shod.passive_moments, part) - getattr(body.passive_moments, part)
        np.testing.assert_allclose(change[i], added.get(part, 0.0), rtol=1e-12)
        np.testing.assert_array_equal(np.delete(change, i), 0.0)


def test_a_foot_without_regions_or_mtp_joint_is_refused():
    description = two_legs()
    for contact in description["contacts"]:
        contact["name"] = contact["name"].replace("midfoot", "waist")
    with pytest.raises(BadInput, match=r"footwear needs contact regions named midfoot\.\.\._r"):
        footwear(build_model(description), side="r", drop_mm=5.0)
    description = two_legs()
    moments = description["passive_moments"]
    description["passive_moments"] = [x for x in moments if not x["name"].startswith("mtp")]
    with pytest.raises(BadInput, match="footwear needs the passive moment 'mtp_l'"):
        footwear(build_model(description), side="l", drop_mm=jnp.asarray(5.0))
