"""Every condition with every treatment: the body still stands."""

import numpy as np
import pytest

from biomech.formats.load import load_model
from biomech.interventions import CATALOGUE
from biomech.studies.stand import STATUS, stand, standing

CONDITIONS = (
    ("arch_stiffness", {"scale": 0.5}),
    ("leg_length", {"difference_mm": -10.0}),
    ("gluteal_strength", {"scale": 0.5}),
    ("muscle_strength", {"scale": 0.5, "group": "hip_stabilizers"}),
    *(("sciatic_compression", {"severity": 0.5, "preset": p}) for p in ("l5", "s1", "complete")),
    ("flat_foot", {"severity": 1.0}),
    ("high_arch", {"severity": 1.0}),
    ("hallux_valgus", {"severity": 1.0}),
    ("hammertoe", {"severity": 1.0}),
    ("hip_osteoarthritis", {"stiffness": 20.0, "range_loss_deg": 15.0, "pain": 0.2}),
    ("labral_tear", {"pain": 2.0, "range_loss_deg": 10.0}),
)
TREATMENTS = (
    ("wedge", {"angle_deg": 5.0}),
    ("heel_lift", {"height_mm": 10.0}),
    ("leg_lift", {"height_mm": 10.0}),
    ("orthosis", {"arch_height_mm": 8.0, "rearfoot_post_deg": -4.0, "heel_cup": 0.5}),
    ("metatarsal_pad", {"height_mm": 3.0}),
    ("footwear", {"heel_softness": 0.5, "forefoot_softness": 0.5, "drop_mm": 8.0}),
    ("strengthening", {"gain": 0.3, "group": "gluteals"}),
    ("stretching", {"passive_scale": 0.7, "range_deg": 5.0, "group": "triceps_surae"}),
    ("injection", {"relief": 0.8}),
    ("hip_replacement", {"relief": 1.0, "medial_mm": 3.0, "offset_mm": 3.0}),
    ("osteotomy", {"angle_deg": 5.0}),
    ("fasciotomy", {"release": 0.7}),
    ("tendon_lengthening", {"length_mm": 5.0}),
    ("tendon_compliance", {"achilles": 1.5}),
)
ONLY_IN_SPACE = {"osteotomy"}  # refused by a body that moves in a plane


def applied(model, kind, numbers):
    return CATALOGUE[kind].apply(model, side="r", **numbers)


def every_pair_stands(body):
    model = load_model(body)
    asked = standing(model, painful=("hip_r",))
    failed, found = [], []
    for condition, dose in CONDITIONS:
        ill = applied(model, condition, dose)
        for treatment, amount in TREATMENTS:
            if body == "planar" and treatment in ONLY_IN_SPACE:
                continue
            record = stand(applied(ill, treatment, amount), asked)
            if STATUS[int(record.status)] != "successful" or not record.residual <= 1e-8:
                failed.append(f"{condition} {dose}, {treatment}: {STATUS[int(record.status)]}")
            found.append(np.asarray(record.joint_reaction_force))
    assert not failed, "\n".join(failed)
    together = np.array(found)
    assert np.all(np.isfinite(together))
    distinct = np.unique(together.reshape(len(found), -1), axis=0)
    assert len(distinct) > 0.8 * len(found)  # an injection where nothing hurts changes nothing


def ends_stand(body):
    """With every parameter at both ends of its range, the others neutral."""
    model = load_model(body)
    asked = standing(model, painful=("hip_r",))
    failed = []
    for kind, entry in CATALOGUE.items():
        if body == "planar" and kind in ONLY_IN_SPACE:
            continue
        texts = {"group": "triceps_surae"} if "group" in (*entry.choices, *entry.texts) else {}
        neutral = {p.name: p.neutral for p in entry.parameters} | texts
        for parameter in entry.parameters:
            for end in {parameter.lower, parameter.upper} - {parameter.neutral}:
                changed = applied(model, kind, neutral | {parameter.name: end})
                record = stand(changed, asked)
                if STATUS[int(record.status)] != "successful":
                    state = STATUS[int(record.status)]
                    failed.append(f"{kind}.{parameter.name} = {end:g}: {state}")
    assert not failed, "\n".join(failed)


def test_every_pair_stands_in_the_plane():
    every_pair_stands("planar")


def test_both_ends_of_every_range_stand_in_the_plane():
    ends_stand("planar")


@pytest.mark.science
def test_both_ends_of_every_range_stand_in_space():
    ends_stand("lower_limb")


@pytest.mark.science
def test_every_pair_stands_in_space():
    every_pair_stands("lower_limb")


def test_kinds_of_conditions_and_treatments_are_all_there():
    assert {kind for kind, _ in CONDITIONS + TREATMENTS} == set(CATALOGUE)
