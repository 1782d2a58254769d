"""Tendons: strain at the same force, for every published curve, and what lengthening does."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.formats.load import load_built_in
from biomech.interventions import tendon_compliance, tendon_lengthening
from biomech.model.build import CURVES, build_model, describe_model
from biomech.model.muscle_curves import (
    DeGrooteFregly2016Curves,
    Millard2012Curves,
    Thelen2003Curves,
)
from biomech.model.names import BadInput
from biomech.muscles.curves import tendon_force_length
from biomech.muscles.ligaments import ligament_tension
from biomech.muscles.resting_muscle import resting_muscle

CALF = ("gasmed_r", "soleus_r")
KINDS = (DeGrooteFregly2016Curves, Millard2012Curves, Thelen2003Curves)


@pytest.fixture(scope="module")
def model():
    return load_built_in("planar")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_force_at_twice_the_strain(model, kind):
    published = kind.published(len(model.muscles.names))
    model = eqx.tree_at(lambda m: m.muscles.curves, model, published)
    soft = tendon_compliance(model, side="r", achilles=2.0)
    assert eqx.tree_equal(tendon_compliance(model, side="r"), model)
    force = lambda m, strain: np.asarray(
        tendon_force_length(m.muscles.curves, jnp.full(len(m.muscles.names), 1.0 + strain))
    )
    calf = [model.muscles.names.index(name) for name in CALF]
    rest = [i for i in range(len(model.muscles.names)) if i not in calf]
    for strain in (0.01, 0.02, 0.035):
        np.testing.assert_allclose(
            force(soft, 2.0 * strain)[calf], force(model, strain)[calf], rtol=1e-9
        )
        np.testing.assert_array_equal(force(soft, strain)[rest], force(model, strain)[rest])
    assert CURVES[describe_model(soft)["muscle_curves"]] is kind
    assert eqx.tree_equal(build_model(describe_model(soft)).muscles.curves, soft.muscles.curves)


def test_the_fascia_pulls_half_as_hard(model):
    soft = tendon_compliance(model, side="r", fascia=2.0)
    length = 1.02 * model.ligaments.resting_length
    old, new = (ligament_tension(m.ligaments, length) for m in (model, soft))
    part = dict(zip(model.ligaments.names, np.asarray(new / old), strict=True))
    assert part.pop("plantar_fascia_r") == pytest.approx(0.5, rel=1e-12)
    assert set(part.values()) == {1.0}


def test_a_longer_tendon_is_as_if_the_ends_were_nearer(model):
    """Force and fiber at a length are those of the old muscle at a length less the lengthening."""
    longer = tendon_lengthening(model, side="r", length_mm=10.0)
    stretch = model.muscles.tendon_slack_length + 1.05 * model.muscles.optimal_fiber_length
    activation = jnp.full(stretch.shape, 0.3)
    stiff = DeGrooteFregly2016Curves.published(len(model.muscles.names))
    stiff = eqx.tree_at(
        lambda c: c.tendon_strain_at_one_norm_force, stiff, jnp.full(stretch.shape, 1e-4)
    )
    old, new = (eqx.tree_at(lambda m: m.muscles.curves, m, stiff).muscles for m in (model, longer))
    shift = longer.muscles.tendon_slack_length - model.muscles.tendon_slack_length
    at = resting_muscle(new, activation, stretch + shift).force
    np.testing.assert_allclose(at, resting_muscle(old, activation, stretch).force, rtol=1e-3)
    moved = dict(zip(model.muscles.names, np.asarray(shift), strict=True))
    assert {name for name, x in moved.items() if x} == set(CALF)
    np.testing.assert_allclose([moved[name] for name in CALF], 0.01, rtol=1e-12)


def test_a_longer_achilles_tendon_makes_the_calf_much_weaker(model):
    """Delp & Zajac (1992): soleus 30 % weaker with 10 mm, 85 % with 20 mm, in mid-stance.

    Here of their order, not their value: another body, with tendons of its own.
    """
    names = model.muscles.names
    soleus = names.index("soleus_r")
    full = jnp.ones(len(names))
    length = model.muscles.tendon_slack_length * 1.049 + model.muscles.optimal_fiber_length * (
        jnp.cos(model.muscles.pennation_angle)
    )
    force = [
        float(resting_muscle(m.muscles, full, length).force[soleus])
        for m in (
            model,
            tendon_lengthening(model, side="r", length_mm=10.0),
            tendon_lengthening(model, side="r", length_mm=20.0),
        )
    ]
    assert force[1] < 0.9 * force[0] and force[2] < 0.6 * force[0]


def test_mistakes_are_named(model):
    with pytest.raises(BadInput, match=r"No muscle group named 'calf'|group is 'calf'"):
        tendon_lengthening(model, side="r", length_mm=5.0, group="calf")
    short = eqx.tree_at(
        lambda m: m.muscles.tendon_slack_length,
        model,
        model.muscles.tendon_slack_length.at[model.muscles.names.index("soleus_r")].set(0.015),
    )
    with pytest.raises(BadInput, match=r"tendon of soleus_r is 15 mm long .* shortened by 20 mm"):
        tendon_lengthening(short, side="r", length_mm=-20.0)
    bare = build_model(describe_model(model) | {"ligaments": []})
    with pytest.raises(BadInput, match="no ligament plantar_fascia_r; leave `fascia` at 1"):
        tendon_compliance(bare, side="r", fascia=2.0)
    assert tendon_compliance(bare, side="r", achilles=2.0).ligaments.names == ()
