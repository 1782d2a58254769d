"""Orthosis and metatarsal pad: what lies under each region, and how it gives."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.contact import contact_force
from biomech.interventions import metatarsal_pad, orthosis, wedge
from biomech.interventions.orthosis import CUP
from biomech.model.build import build_model
from biomech.model.names import BadInput
from two_legs import two_legs

MM = 1e-3


@pytest.fixture(scope="module")
def body():
    return build_model(two_legs())


def thickness(changed, body):
    """What lies under each region that has something under it [m]."""
    np.testing.assert_array_equal(body.contacts.location, changed.contacts.location)
    pairs = zip(body.contacts.names, changed.contacts.under_thickness, strict=True)
    return {name: float(y) for name, y in pairs if y != 0.0}


def test_arch_support_is_highest_on_the_inner_side(body):
    under = thickness(orthosis(body, side="r", arch_height_mm=20.0), body)
    assert under == pytest.approx({"midfoot_medial_r": 20.0 * MM})  # nothing at the outermost


def test_a_support_under_one_line_of_regions_is_even():
    description = two_legs()
    for contact in description["contacts"]:
        if contact["name"] == "midfoot_lateral_r":
            contact["location"][2] = -0.02  # as far out as the medial one
    line = build_model(description)
    under = thickness(orthosis(line, side="r", arch_height_mm=8.0), line)
    assert under == pytest.approx({"midfoot_medial_r": 8.0 * MM, "midfoot_lateral_r": 8.0 * MM})


def test_posts_turn_the_sole_as_a_wedge_does_and_raise_nothing(body):
    for part, name in (("heel", "rearfoot_post_deg"), ("metatarsal", "forefoot_post_deg")):
        whole = {"heel": "hindfoot", "metatarsal": "forefoot"}[part]
        posted = orthosis(body, side="r", **{name: -4.0})
        wedged = wedge(body, side="r", angle_deg=-4.0, part=whole)
        rows = [i for i, n in enumerate(body.contacts.names) if n.startswith(part) and "_r" in n]
        under = lambda m, rows=rows: np.asarray(m.contacts.under_thickness)[rows]
        np.testing.assert_allclose(np.diff(under(posted)), np.diff(under(wedged)), atol=1e-15)
        assert under(posted).max() > 0.0 > under(posted).min()
        assert np.all(under(wedged) > 0.0)


def test_a_soft_support_gives_in_addition_to_the_pad(body):
    """At the force at which the pad alone is pressed in by 4 mm, both together give 10 mm."""
    soft = orthosis(body, side="r", arch_softness=1.5)
    i = body.contacts.names.index("midfoot_medial_r")

    def pressed(model, depth):
        sharp = (jnp.full_like(model.contacts.radius, x) for x in (1e-16, 1e6))
        contacts = eqx.tree_at(
            lambda c: (c.constant_contact_force, c.hertz_smoothing), model.contacts, tuple(sharp)
        )
        center = jnp.zeros_like(contacts.location).at[:, 1].set(contacts.radius - depth)
        still = jnp.zeros_like(center)
        return contact_force(contacts, center, still, still).normal_force[i]

    np.testing.assert_allclose(pressed(soft, 10.0 * MM), pressed(body, 4.0 * MM), rtol=1e-6)


def test_a_heel_cup_spares_the_heel_pad(body):
    """Of 20 mm of pad 17.0 instead of 14.4 are left under the same load (Wang 1994)."""
    np.testing.assert_allclose(CUP * (20.0 - 17.0) ** 1.5, (20.0 - 14.4) ** 1.5)
    cupped = orthosis(body, side="l", heel_cup=0.5)
    ratio = np.asarray(cupped.contacts.stiffness / body.contacts.stiffness)
    heel = np.array([x.startswith("heel") and x.endswith("_l") for x in body.contacts.names])
    np.testing.assert_allclose(ratio, np.where(heel, 0.5 * (1.0 + CUP), 1.0))


def test_a_metatarsal_pad_is_a_ramp_from_heel_to_ball(body):
    """Places forward as in test_under_the_foot: heel 0.012, midfoot 0.09, 0.10, ball 0.165 m."""
    under = thickness(metatarsal_pad(body, side="r", height_mm=6.0), body)
    expected = {
        "midfoot_medial_r": 6.0 * MM * (0.09 - 0.012) / (0.165 - 0.012),
        "midfoot_lateral_r": 6.0 * MM * (0.10 - 0.012) / (0.165 - 0.012),
    }
    assert under == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("stem", ["heel", "midfoot", "metatarsal"])
def test_a_body_without_named_regions_is_told_which(stem):
    description = two_legs()
    for contact in description["contacts"]:
        contact["name"] = contact["name"].replace(stem, "sphere")
    other = build_model(description)
    with pytest.raises(BadInput, match=rf"metatarsal_pad needs .* {stem}\.\.\._l"):
        metatarsal_pad(other, side="l", height_mm=5.0)
    if stem != "metatarsal":
        with pytest.raises(BadInput, match=rf"orthosis needs .* {stem}\.\.\._l"):
            orthosis(other, side="l", arch_height_mm=5.0)


def test_posts_under_one_line_of_regions_are_refused():
    description = two_legs()
    for contact in description["contacts"]:
        contact["location"][2] = 0.0
    with pytest.raises(BadInput, match=r"orthosis: the contact regions of the foot 'r' .hindfoot."):
        orthosis(build_model(description), side="r", rearfoot_post_deg=4.0)
