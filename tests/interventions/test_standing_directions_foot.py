"""What conditions and treatments of the foot do to standing of the 3-D body, beside what is known.

Directions, not sizes: standing is not walking, and pressure is not load. One programme serves all.
"""

import numpy as np
import pytest

from biomech.formats.load import load_model
from biomech.interventions import (
    fasciotomy,
    flat_foot,
    footwear,
    hallux_valgus,
    hammertoe,
    high_arch,
    metatarsal_pad,
    orthosis,
    wedge,
)
from biomech.studies.stand import STATUS, stand, standing
from biomech.studies.standing_metrics import evaluate_standing_metrics

HEADS = ("metatarsal_1", "metatarsal_23", "metatarsal_45")
TOES = ("hallux", "toes_lesser")


@pytest.fixture(scope="module")
def body():
    return load_model("lower_limb")


@pytest.fixture(scope="module")
def bare(body):
    return stand(body, standing(body))


def after(body, bare, changed):
    record = stand(changed, standing(body), bare)
    assert STATUS[int(record.status)] == "successful"
    return record


def load(body, record, *regions):
    """What the ground does to some regions of the right foot together [N]."""
    rows = [body.contacts.names.index(f"{region}_r") for region in regions]
    return float(np.asarray(record.ground.normal)[rows].sum())


def angle(body, record, name):
    """[deg]."""
    row = body.skeleton.coordinates.names.index(f"{name}_r")
    return float(np.rad2deg(record.value[row]))


def keystone(body, record):
    """Height of the right midtarsal center above the ground [m]."""
    return float(record.joint_center[body.skeleton.joint_names.index("midtarsal_r"), 1])


def tension(body, record, name):
    return float(record.ligament_force[body.ligaments.names.index(f"{name}_r")])


def strain(body, record, name):
    return float(record.ligament_strain[body.ligaments.names.index(f"{name}_r")])


def test_a_flat_foot_is_everted_and_a_high_arch_inverted(body, bare):
    # Pronated feet stand with the heel everted by 2 deg or more, supinated ones inverted by 3 or
    # more (J. Foot Ankle Res. 2014, 7(Suppl 1):A55).
    flat, high = (
        after(body, bare, f(body, side="r", severity=1.0)) for f in (flat_foot, high_arch)
    )
    assert angle(body, flat, "subtalar_angle") < -2.0 < angle(body, bare, "subtalar_angle")
    assert angle(body, high, "subtalar_angle") > 3.0 > angle(body, bare, "subtalar_angle")
    assert keystone(body, flat) < keystone(body, bare) < keystone(body, high)
    # low arches are the more flexible (Zifchock 2017, J. Am. Podiatr. Med. Assoc. 107:119)
    sunk = [angle(body, record, "midtarsal_angle") for record in (flat, bare, high)]
    assert sunk[0] > sunk[1] > sunk[2]


def test_an_arch_support_raises_a_flat_arch_and_spares_the_fascia(body, bare):
    # Higher supports lower the strain of the fascia in a flat foot (Peng 2022,
    # doi:10.3389/fbioe.2022.853085).
    foot = flat_foot(body, side="r", severity=1.0)
    flat = after(body, bare, foot)
    held = after(body, flat, orthosis(foot, side="r", arch_height_mm=15.0))
    assert keystone(body, held) > keystone(body, flat) + 1e-3
    assert load(body, held, "midfoot_medial") > load(body, flat, "midfoot_medial") + 50.0
    assert strain(body, held, "plantar_fascia") < strain(body, flat, "plantar_fascia")


def test_a_low_support_does_not_touch_a_normal_arch(body, bare):
    support = after(body, bare, orthosis(body, side="r", arch_height_mm=5.0))
    assert load(body, support, "midfoot_medial") < 2.0
    assert abs(keystone(body, support) - keystone(body, bare)) < 1e-4


def test_hallux_valgus_unloads_the_hallux(body, bare):
    # Hallux force lower by 0.78 standard deviations (Wong et al., PMC12339410).
    half, severe = (
        after(body, bare, hallux_valgus(body, side="r", severity=s)) for s in (0.5, 1.0)
    )
    loads = [load(body, record, "hallux") for record in (bare, half, severe)]
    assert loads[0] > loads[1] > loads[2] > 0.0


def test_hammertoe_unloads_the_lesser_toes(body, bare):
    toe = after(body, bare, hammertoe(body, side="r", severity=1.0))
    assert load(body, toe, "toes_lesser") < load(body, bare, "toes_lesser")
    assert load(body, toe, *HEADS) > load(body, bare, *HEADS)


def test_without_fascia_the_arch_sinks_and_ligaments_take_over(body, bare):
    # More arch drop, long plantar ligament stress up (Gefen 2002,
    # doi:10.1016/S0021-9290(01)00242-1).
    half, whole = (after(body, bare, fasciotomy(body, side="r", release=x)) for x in (0.5, 1.0))
    heights = [keystone(body, record) for record in (bare, half, whole)]
    assert heights[0] > heights[1] > heights[2]
    pulls = [tension(body, record, "long_plantar") for record in (bare, half, whole)]
    assert pulls[0] < pulls[1] < pulls[2]
    assert tension(body, whole, "plantar_fascia") == pytest.approx(0.0, abs=1e-9)


def test_a_metatarsal_pad_unloads_the_heads(body, bare):
    # Peak forefoot pressure -17 % (Lee 2014, J. Foot Ankle Res. 7:18); load need not fall as much.
    pad = after(body, bare, metatarsal_pad(body, side="r", height_mm=3.0))
    assert 0.5 < load(body, pad, *HEADS) / load(body, bare, *HEADS) < 0.95


@pytest.mark.parametrize(
    "shoe", [{"rocker_mm": 5.0}, {"toe_spring_deg": 15.0}], ids=["rocker", "toe spring"]
)
def test_a_shoe_that_turns_up_unloads_the_toes(body, bare, shoe):
    # Less work of the toe flexors with more toe spring (Sichting 2020, Sci. Rep. 10:14643).
    shod = after(body, bare, footwear(body, side="r", **shoe))
    assert load(body, shod, *TOES) < load(body, bare, *TOES)
    assert load(body, shod, *HEADS) > load(body, bare, *HEADS)


def test_a_lateral_wedge_lowers_the_adduction_moment_and_a_medial_one_raises_it(body, bare):
    """Lateral wedges: SMD -0.19 in walking, Arnold et al. (2016); medial ones the other way."""

    def moment_and_medial_load(model, record):
        names = ("knee_adduction_moment_r", "medial_knee_force_r")
        return np.asarray(evaluate_standing_metrics(model, record, names).value)

    none = moment_and_medial_load(body, bare)
    lateral, medial = (
        moment_and_medial_load(changed, after(body, bare, changed))
        for changed in (wedge(body, side="both", angle_deg=angle) for angle in (5.0, -5.0))
    )
    assert np.all(lateral < none) and np.all(none < medial)
