"""Wedges and lifts: how much lies under each contact region."""

import functools
import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.formats.load import load_model
from biomech.formats.save import save_model
from biomech.interventions import (
    flat_foot,
    footwear,
    heel_lift,
    high_arch,
    leg_lift,
    orthosis,
    wedge,
)
from biomech.model.build import build_model, describe_model
from biomech.model.contacts import with_underlay_merged
from biomech.model.names import BadInput
from two_legs import two_legs

MM = 1e-3
HEEL = ("heel_medial", "heel_lateral")
FOREFOOT = ("metatarsal_1", "metatarsal_23", "metatarsal_45", "hallux", "toes_lesser")
# Place of each region of the foot in the reference posture, forward and lateral [m], relative to
# the subtalar joint: of `two_legs`, added up by hand along calcn, midfoot (joint at 0.08; its
# frame is 0.002 lateral in the midfoot) and toes (joint 0.1 farther).
PLACES = {
    "heel_medial": (0.012, -0.014),
    "heel_lateral": (0.010, 0.016),
    "midfoot_medial": (0.09, -0.022),
    "midfoot_lateral": (0.10, 0.026),
    "metatarsal_1": (0.18, -0.030),
    "metatarsal_23": (0.178, -0.004),
    "metatarsal_45": (0.165, 0.024),
    "hallux": (0.215, -0.022),
    "toes_lesser": (0.205, 0.013),
}


@pytest.fixture(scope="module")
def body():
    return build_model(two_legs())


def thickness(changed, body, side):
    """What lies under each region of one foot [m]; the foot itself and the other one stay."""
    bare = jnp.zeros_like(body.contacts.under_thickness)
    foot = eqx.tree_at(lambda m: m.contacts.under_thickness, changed, bare)
    assert eqx.tree_equal(foot, body)
    under = np.asarray(changed.contacts.under_thickness)
    names = body.contacts.names
    other = [i for i, name in enumerate(names) if not name.endswith(side)]
    np.testing.assert_array_equal(under[other], 0.0)
    return {name: under[names.index(f"{name}_{side}")] for name in PLACES}


def radius(body, name):
    return float(body.contacts.radius[body.contacts.names.index(f"{name}_r")])


@pytest.mark.parametrize("side", ["r", "l"])
@pytest.mark.parametrize(
    "part, members", [("full", tuple(PLACES)), ("hindfoot", HEEL), ("forefoot", FOREFOOT)]
)
def test_a_lateral_wedge_is_a_plane_through_the_medial_edge(body, side, part, members):
    edge = min(PLACES[name][1] - radius(body, name) for name in members)
    under = thickness(wedge(body, side=side, angle_deg=6.0, part=part), body, side)
    for name, (_, lateral) in PLACES.items():
        expected = math.tan(math.radians(6.0)) * (lateral - edge) if name in members else 0.0
        assert under[name] == pytest.approx(expected, abs=1e-15)
        assert under[name] >= 0.0


@pytest.mark.parametrize(
    "part, members", [("full", tuple(PLACES)), ("hindfoot", HEEL), ("forefoot", FOREFOOT)]
)
def test_a_medial_wedge_is_a_plane_through_the_lateral_edge(body, part, members):
    edge = max(PLACES[name][1] + radius(body, name) for name in members)
    under = thickness(wedge(body, side="r", angle_deg=-6.0, part=part), body, "r")
    for name, (_, lateral) in PLACES.items():
        expected = math.tan(math.radians(6.0)) * (edge - lateral) if name in members else 0.0
        assert under[name] == pytest.approx(expected, abs=1e-15)


def test_at_neutral_the_slope_of_a_wedge_is_the_mean_of_both_sides(body):
    places = lambda angle: wedge(body, side="r", angle_deg=angle).contacts.under_thickness
    slope = jax.jacfwd(places)(jnp.asarray(0.0))
    up, down = (jax.jacfwd(places)(jnp.asarray(angle)) for angle in (1e-6, -1e-6))
    np.testing.assert_allclose(slope, 0.5 * (up + down), atol=1e-12)
    assert np.abs(up - down).max() > 1e-4  # the kink, [m/deg]


@pytest.mark.parametrize("side", ["r", "l"])
def test_a_heel_lift_tapers_from_the_heel_to_the_metatarsal_heads(body, side):
    under = thickness(heel_lift(body, side=side, height_mm=12.0), body, side)
    rear, front = PLACES["heel_medial"][0], PLACES["metatarsal_45"][0]
    for name, (forward, _) in PLACES.items():
        if name in HEEL:
            expected = 12.0 * MM
        elif name in FOREFOOT:
            expected = 0.0
        else:
            expected = 12.0 * MM * (front - forward) / (front - rear)
        assert under[name] == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("side", ["r", "l"])
def test_a_leg_lift_is_even(body, side):
    under = thickness(leg_lift(body, side=side, height_mm=23.0), body, side)
    np.testing.assert_allclose(list(under.values()), 23.0 * MM, atol=1e-16)


def renamed(change):
    description = two_legs()
    for contact in description["contacts"]:
        contact["name"] = change(contact["name"])
    return build_model(description)


@pytest.mark.parametrize(
    "apply, said",
    [
        (lambda m: wedge(m, side="r", angle_deg=5.0, part="hindfoot"), "wedge needs .* heel..._r"),
        (lambda m: heel_lift(m, side="l", height_mm=5.0), "heel_lift needs .* heel..._l"),
        (lambda m: leg_lift(m, side="l", height_mm=5.0), "leg_lift needs .* heel..._l, midfoot"),
    ],
)
def test_a_body_without_named_regions_is_told_which(apply, said):
    with pytest.raises(BadInput, match=f"{said}.*It has sphere_"):
        apply(renamed(lambda name: f"sphere_{name}"))
    description = two_legs() | {"contacts": []}
    with pytest.raises(BadInput, match="It has none"):
        apply(build_model(description))


def test_an_older_naming_of_regions_will_do(body):
    """`heel_r` alone is a heel."""
    short = renamed(lambda name: name.replace("heel_medial", "heel"))
    under = heel_lift(short, side="r", height_mm=9.0).contacts.under_thickness
    assert under[short.contacts.names.index("heel_r")] == pytest.approx(9.0 * MM)


def test_a_wedge_under_one_line_of_regions_is_refused():
    description = two_legs()
    for contact in description["contacts"]:
        contact["location"][2] = 0.0
    line = build_model(description)
    with pytest.raises(BadInput, match=r"regions of the foot 'r' .hindfoot. lie in one line"):
        wedge(line, side="r", angle_deg=5.0, part="hindfoot")


def test_part_of_the_foot_is_one_of_three(body):
    with pytest.raises(
        BadInput, match=r"wedge.part is 'heel'. There are: forefoot, full, hindfoot"
    ):
        wedge(body, side="r", angle_deg=5.0, part="heel")


@pytest.mark.parametrize("posture", [flat_foot, high_arch])
def test_a_foot_has_its_arch_whatever_lies_under_it(body, posture):
    """In either order; and give and thickness of several things add up."""
    under = [
        lambda m: leg_lift(m, side="r", height_mm=20.0),
        lambda m: orthosis(m, side="r", arch_height_mm=8.0, arch_softness=1.0),
        lambda m: footwear(m, side="r", heel_softness=2.0, forefoot_softness=1.0, drop_mm=5.0),
        lambda m: posture(m, side="r", severity=1.0),
    ]
    first, *others = (
        functools.reduce(lambda m, change: change(m), order, body)
        for order in itertools.permutations(under)
    )
    for other in others:
        for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(other), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
    i = body.contacts.names.index("midfoot_medial_r")
    assert first.contacts.under_softness[i] == pytest.approx(1.0 + 0.5 * (2.0 + 1.0))


def test_what_lies_under_a_foot_is_saved(tmp_path):
    """A native file keeps it apart; in an .osim file it is part of the spheres."""
    shod = footwear(
        load_model("planar"), side="l", heel_softness=2.0, dissipation=0.5, rocker_mm=4.0
    )
    assert eqx.tree_equal(build_model(describe_model(shod)), shod)
    with pytest.warns(UserWarning, match="What lies under the feet is part of the contact spheres"):
        save_model(shod, tmp_path / "shod.osim")
    read, acting = load_model(tmp_path / "shod.osim").contacts, with_underlay_merged(shod.contacts)
    for field in ("location", "stiffness", "dissipation", "under_softness"):
        np.testing.assert_allclose(getattr(read, field), getattr(acting, field), rtol=1e-12)
    described = describe_model(shod)
    described["contacts"][0]["under_softness"] = -0.1
    with pytest.raises(BadInput, match=r"`under_softness` is -0\.1; it must be at least 0"):
        build_model(described)
