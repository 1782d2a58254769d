"""Strengthening and stretching: which muscles, which limit, and for every published curve."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.formats.load import load_built_in
from biomech.interventions import strengthening, stretching
from biomech.interventions.muscle_groups import muscles_in_group
from biomech.interventions.training import LIMITS
from biomech.model.build import build_model, describe_model
from biomech.model.muscle_curves import (
    DeGrooteFregly2016Curves,
    Millard2012Curves,
    Thelen2003Curves,
)
from biomech.model.names import BadInput
from biomech.muscles.curves import passive_force_length
from biomech.muscles.passive_moments import passive_moment

# De Groote's curve begins to pull a little below the optimal length, and there moves otherwise.
KINDS = ((DeGrooteFregly2016Curves, 0.04), (Millard2012Curves, 1e-9), (Thelen2003Curves, 1e-9))


@pytest.fixture(scope="module")
def model():
    return load_built_in("lower_limb")


def test_strengthening_is_strength_of_a_group(model):
    strong = strengthening(model, side="r", gain=0.3, group="quadriceps")
    part = strong.muscles.max_isometric_force / model.muscles.max_isometric_force
    members = muscles_in_group("quadriceps", "r", model.muscles.names)
    for name, gain in zip(model.muscles.names, np.asarray(part), strict=True):
        assert gain == pytest.approx(1.3 if name in members else 1.0, rel=1e-14)


@pytest.mark.parametrize("kind, close", KINDS)
def test_a_softer_fiber_gives_the_same_force_at_more_strain(model, kind, close):
    model = eqx.tree_at(lambda m: m.muscles.curves, model, kind.published(len(model.muscles.names)))
    assert eqx.tree_equal(stretching(model, side="r", group="hamstrings"), model)
    soft = stretching(model, side="r", group="hamstrings", passive_scale=0.5)
    names = model.muscles.names
    members = [names.index(name) for name in muscles_in_group("hamstrings", "r", names)]
    others = [i for i in range(len(names)) if i not in members]
    force = lambda m, strain: np.asarray(
        passive_force_length(m.muscles.curves, jnp.full(len(names), 1.0 + strain))
    )
    for strain in (0.1, 0.3, 0.5):
        np.testing.assert_allclose(
            force(soft, 2.0 * strain)[members], force(model, strain)[members], rtol=close
        )
        np.testing.assert_array_equal(force(soft, strain)[others], force(model, strain)[others])
    assert eqx.tree_equal(build_model(describe_model(soft)).muscles.curves, soft.muscles.curves)


def test_tendons_of_the_group_become_longer(model):
    longer = stretching(model, side="r", group="hip_flexors", slack_mm=4.0)
    shift = np.asarray(longer.muscles.tendon_slack_length - model.muscles.tendon_slack_length)
    members = muscles_in_group("hip_flexors", "r", model.muscles.names)
    for name, by in zip(model.muscles.names, shift, strict=True):
        assert by == pytest.approx(0.004 if name in members else 0.0, abs=1e-15)


@pytest.mark.parametrize("group", LIMITS)
def test_the_limit_that_the_group_sets_moves_outwards(model, group):
    wider = stretching(model, side="r", group=group, range_deg=6.0)
    stem, end = LIMITS[group]
    column = model.skeleton.coordinates.names.index(f"{stem}_r")
    other = {"lower": "upper", "upper": "lower"}[end]
    moved = lambda x: np.asarray(
        getattr(wider.passive_moments, f"{x}_angle") - getattr(model.passive_moments, f"{x}_angle")
    )
    rows = np.flatnonzero(moved(end))
    assert [model.passive_moments.coordinates[i] for i in rows] == [column]
    assert not moved(other).any()
    edge = float(getattr(model.passive_moments, f"{end}_angle")[rows[0]])
    at = jnp.zeros(len(model.skeleton.coordinates.names)).at[column].set(edge)
    resist = [
        abs(float(passive_moment(m.passive_moments, at, jnp.zeros_like(at))[rows[0]]))
        for m in (model, wider)
    ]
    assert resist[1] < 0.65 * resist[0]


def test_knees_that_flex_to_the_negative_have_their_limit_at_the_other_end(model):
    names = ("knee_flexion", "negative"), *(c for c in model.conventions if c[0] != "knee_flexion")
    model = dataclasses.replace(model, conventions=names)
    wider = stretching(model, side="r", group="quadriceps", range_deg=6.0)
    change = wider.passive_moments.lower_angle - model.passive_moments.lower_angle
    row = model.passive_moments.names.index("knee_r")
    np.testing.assert_allclose(change[row], -np.deg2rad(6.0), rtol=1e-12)


def test_mistakes_are_named():
    planar = load_built_in("planar")
    with pytest.raises(BadInput, match=r"stretching.group is 'gluteals'. There are"):
        stretching(planar, side="r", group="gluteals")
    with pytest.raises(BadInput, match="no passive moment about hip_adduction_r"):
        stretching(planar, side="r", group="hip_adductors", range_deg=5.0)
    with pytest.raises(BadInput, match="No muscle group named 'quads'"):
        strengthening(planar, side="r", gain=0.2, group="quads")
