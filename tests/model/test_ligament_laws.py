"""Laws against hand-worked numbers and each source's printed facts; curves against the laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.formats.load import load_built_in
from biomech.model.build import build_model, describe_model
from biomech.model.ligament_laws import (
    END,
    FASCIA_LAWS,
    LAWS,
    ROUNDING,
    SECTION,
    gefen2002,
    gefen2002_ligament,
    law_curve,
    law_stress,
    natali2010,
    with_fascia_law,
)
from biomech.model.names import UnknownName
from biomech.muscles.ligaments import ligament_tension
from small_models import leg_description


@pytest.fixture(scope="module")
def planar():
    return load_built_in("planar")


def values_of(curve, x):
    return np.array([curve(v) for v in x])


@pytest.mark.parametrize("law", LAWS)
def test_no_stress_at_slack_length_and_rising_from_there(law):
    stress = LAWS[law](np.linspace(1.0, END[law], 1001))
    assert stress[0] == 0.0
    assert np.all(np.diff(stress) > 0.0)
    assert np.all(np.diff(stress, 2) > -1e-12)  # fibers stiffen, up to the end of the law


def test_natali_by_hand():
    """At stretch 1.04: matrix 14.449 (1.0816 - 1/1.04), fibers 254.02/20.794 (e^0.84839... - 1)."""
    fibers = 254.02 / 20.794 * (np.exp(10.397 * 0.0816) - 1.0) * 1.0816
    true_stress = 14.449 * (1.0816 - 1.0 / 1.04) + fibers
    np.testing.assert_allclose(natali2010(1.04), true_stress / 1.04, rtol=1e-12)


def test_natali_is_as_stiff_as_the_fascia_it_was_fitted_to():
    """Wright & Rennels (1964): 342-822 MPa, rising with strain; small strains are softer."""
    modulus = lambda s: (natali2010(s + 1e-6) - natali2010(s - 1e-6)) / 2e-6
    assert 250.0 < modulus(1.0 + 1e-6) < 342.0
    for stretch in (1.02, 1.03, 1.04):
        assert 342.0 < modulus(stretch) < 822.0


@pytest.mark.parametrize("law, printed_at_one", [(gefen2002, 0.1), (gefen2002_ligament, 0.0)])
def test_gefen_by_the_printed_polynomial(law, printed_at_one):
    """Term by term in exact decimal arithmetic: the terms cancel to the eighth digit."""
    from decimal import Decimal

    printed = {
        gefen2002: "724755.5 -3354935.1 6206986.7 -5736967.6 2648898.5 -488737.9",
        gefen2002_ligament: "611190.6 -2829945.7 5236972.7 -4841544.8 2235967.7 -412640.5",
    }[law]
    for stretch in ("1", "1.01", "1.05", "1.14"):
        terms = [Decimal(a) * Decimal(stretch) ** n for n, a in enumerate(printed.split())]
        expected = float(sum(terms)) - printed_at_one
        np.testing.assert_allclose(law(float(stretch)), expected, atol=1e-9)


@pytest.mark.parametrize("law", LAWS)
def test_curve_follows_the_law_within_1e_4(law):
    end = (1.0 + ROUNDING) * END[law]
    x = np.linspace(1.0 + 2.0 * ROUNDING, end, 5001)
    curve = values_of(law_curve(law), x)
    np.testing.assert_allclose(curve, law_stress(law, x), rtol=1e-4)
    np.testing.assert_allclose(curve, LAWS[law](x / (1.0 + ROUNDING)), rtol=1e-4)


@pytest.mark.parametrize("law", LAWS)
def test_curve_rounds_the_corner_and_is_zero_before(law):
    x = np.linspace(1.0, 1.0 + 2.0 * ROUNDING, 1001)
    curve = values_of(law_curve(law), x)
    np.testing.assert_allclose(curve, law_stress(law, x), atol=1e-4 * law_stress(law, 1.01))
    assert curve[0] == 0.0
    assert np.all(curve >= 0.0)
    slope = np.diff(curve) / np.diff(x)
    assert slope[0] < 0.01 * slope[-1]  # no kink where tension sets in
    assert np.all(np.diff(slope) > 0.0)  # and convex: a Newton step cannot overshoot


@pytest.mark.parametrize("law", LAWS)
def test_curve_is_c2_inside_and_straight_beyond_its_end(law):
    curve = law_curve(law)
    second = [np.polynomial.Polynomial(row).deriv(2) for row in curve.coefficients]
    before, after = (
        np.array([second[i + k](at - curve.origin[i + k]) for i, at in enumerate(curve.breaks)])
        for k in (0, 1)
    )
    np.testing.assert_allclose(
        before[1:-1], after[1:-1], rtol=1e-6, atol=1e-8 * np.abs(after).max()
    )
    end = (1.0 + ROUNDING) * END[law]
    far = values_of(curve, end + np.array([1e-3, 0.05, 0.1]))
    np.testing.assert_allclose((far[2] - far[1]) / 0.05, (far[1] - far[0]) / 0.049, rtol=1e-9)
    assert far[1] > far[0]


def fascia_tension(model, stretch):
    ligaments = model.ligaments
    length = stretch * ligaments.resting_length
    i = ligaments.names.index("plantar_fascia_r")
    return float(ligament_tension(ligaments, length)[i])


@pytest.mark.parametrize("law", FASCIA_LAWS)
def test_either_fascia_is_as_stiff_as_measured(planar, law):
    """Kitaoka et al. (1994): 203.7 +- 50.5 N/mm, up to failure at 1189 N."""
    rest = float(planar.ligaments.resting_length[planar.ligaments.names.index("plantar_fascia_r")])
    strain = np.linspace(0.0, 0.1, 20001)
    tension = SECTION[law] * LAWS[law](1.0 + strain)
    half, whole = np.interp([1189.0 / 2.0, 1189.0], tension, strain)
    stiffness = 1189.0 / 2.0 / ((whole - half) * rest)
    np.testing.assert_allclose(stiffness, 203.7e3, atol=50.5e3)


@pytest.mark.parametrize("law", FASCIA_LAWS)
def test_swapping_the_law_changes_the_fascia_and_nothing_else(planar, law):
    model = with_fascia_law(planar, law)
    stretch = 1.03 * (1.0 + ROUNDING)
    np.testing.assert_allclose(
        fascia_tension(model, stretch), SECTION[law] * LAWS[law](1.03), rtol=1e-5
    )
    before, after = describe_model(planar), describe_model(model)
    for description in (before, after):
        for ligament in description["ligaments"]:
            if ligament["name"].startswith("plantar_fascia"):
                del ligament["curve"]
    assert before == after


def test_a_swapped_law_survives_saving(planar):
    model = with_fascia_law(planar, "gefen2002")
    again = build_model(describe_model(model))
    for stretch in (0.99, 1.001, 1.02, 1.1):
        assert fascia_tension(again, stretch) == fascia_tension(model, stretch)


def test_natali_is_what_the_built_in_body_has(planar):
    model = with_fascia_law(planar, "natali2010")
    for stretch in (1.0005, 1.003, 1.02, 1.2):
        np.testing.assert_allclose(
            fascia_tension(planar, stretch), fascia_tension(model, stretch), rtol=1e-6
        )


def test_a_law_can_be_swapped_inside_a_traced_function(planar):
    import equinox as eqx

    def tension(section):
        ligaments = planar.ligaments
        scaled = eqx.tree_at(
            lambda m: m.ligaments.pcsa_force, planar, ligaments.pcsa_force * section
        )
        model = with_fascia_law(scaled, "gefen2002")
        return jnp.sum(ligament_tension(model.ligaments, 1.03 * model.ligaments.resting_length))

    value, slope = jax.value_and_grad(tension)(jnp.asarray(1.0))
    np.testing.assert_allclose(slope, value, rtol=1e-12)  # tension is proportional to the section


def test_unknown_law_and_bodies_without_fascia_are_refused(planar):
    with pytest.raises(UnknownName, match=r"No law of plantar fascia named 'natali'.*natali2010"):
        with_fascia_law(planar, "natali")
    with pytest.raises(UnknownName, match="No ligament named 'plantar_fascia'"):
        with_fascia_law(build_model(leg_description()), "gefen2002")
