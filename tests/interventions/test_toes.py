"""Hallux valgus and hammertoe: what each takes from its toes, and from nothing else."""

import math

import numpy as np
import pytest

from biomech.formats.load import load_model
from biomech.interventions import hallux_valgus, hammertoe
from biomech.model.build import build_model
from biomech.model.names import BadInput
from two_legs import two_legs


@pytest.fixture(scope="module")
def body():
    return load_model("lower_limb")


def changes(new, old, names):
    """Those that changed, by name, and by which factor."""
    ratio = np.asarray(new) / np.asarray(old)
    return {name: float(r) for name, r in zip(names, ratio, strict=True) if r != 1.0}


def test_hallux_valgus_takes_from_the_big_toe(body):
    other = hallux_valgus(body, side="l", severity=1.0)
    muscles, contacts = body.muscles, body.contacts
    strength = changes(
        other.muscles.max_isometric_force, muscles.max_isometric_force, muscles.names
    )
    assert strength == pytest.approx({"fhl_l": 0.5})
    contact = changes(other.contacts.stiffness, contacts.stiffness, contacts.names)
    assert contact == pytest.approx({"hallux_l": 0.5})
    i = body.passive_moments.names.index("mtp_l")
    for part in ("stiffness", "damping"):
        new, old = (getattr(m.passive_moments, part) for m in (other, body))
        np.testing.assert_allclose(new[i], 0.75 * old[i])
        np.testing.assert_array_equal(np.delete(new, i), np.delete(old, i))


def test_hammertoe_takes_from_the_lesser_toes_and_lifts_them(body):
    other = hammertoe(body, side="r", severity=0.5)
    muscles, contacts = body.muscles, body.contacts
    strength = changes(
        other.muscles.max_isometric_force, muscles.max_isometric_force, muscles.names
    )
    assert strength == pytest.approx({"fdl_r": 0.7, "fdb_r": 0.7})
    contact = changes(other.contacts.stiffness, contacts.stiffness, contacts.names)
    assert contact == pytest.approx({"toes_lesser_r": 0.75})
    i = body.passive_moments.names.index("mtp_r")
    for part in ("neutral", "lower_angle", "upper_angle"):
        shift = getattr(other.passive_moments, part) - getattr(body.passive_moments, part)
        np.testing.assert_allclose(shift[i], math.radians(7.5))  # extension is positive
        np.testing.assert_array_equal(np.delete(shift, i), 0.0)


@pytest.mark.parametrize(
    "apply, region", [(hallux_valgus, "hallux"), (hammertoe, "toes")], ids=["hallux", "lesser"]
)
def test_a_foot_without_such_toes_is_refused(apply, region):
    description = two_legs()
    description["contacts"] = [
        x for x in description["contacts"] if not x["name"].startswith(region)
    ]
    with pytest.raises(BadInput, match=rf"{apply.__name__} needs contact regions named {region}"):
        apply(build_model(description), side="r", severity=0.5)
    description = two_legs()
    description["passive_moments"] = []
    with pytest.raises(BadInput, match=rf"{apply.__name__} needs the passive moment 'mtp_r'"):
        apply(build_model(description), side="r", severity=0.5)


def test_severity_is_at_most_one(body):
    for apply in (hallux_valgus, hammertoe):
        with pytest.raises(BadInput, match=r"severity is 1.2; .* between 0 and 1"):
            apply(body, side="r", severity=1.2)
