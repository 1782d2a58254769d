"""What holds for every intervention, on a body with all that any of them needs."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from biomech.dynamics import apply_couplers, mass_matrix, pose
from biomech.dynamics.spatial import rotate
from biomech.interventions import CATALOGUE
from biomech.model.build import build_model, describe_model
from biomech.model.names import BadInput
from biomech.muscles.ligaments import ligament_tension
from biomech.muscles.passive_moments import passive_moment
from biomech.muscles.paths import moment_arms, path_geometry
from two_legs import mirror_image, two_legs

VALUES = {
    "arch_stiffness": (0.5, 1.7, 3.0),
    "leg_length": (-20.0, 7.0, 30.0),
    "muscle_strength": (0.2, 0.7, 1.5),
    "gluteal_strength": (0.2, 0.7, 1.5),
    "wedge": (-8.0, 3.0, 12.0),
    "heel_lift": (2.0, 12.0, 30.0),
    "leg_lift": (2.0, 12.0, 30.0),
}
"""Three values of each intervention's parameter, none of them neutral."""
OPTIONS = {"muscle_strength": {"group": "triceps_surae"}}
KINDS = tuple(CATALOGUE)


@pytest.fixture(scope="module")
def body():
    return build_model(two_legs())


def changed(model, kind, value, side="r", **more):
    parameter = CATALOGUE[kind].parameters[0].name
    options = OPTIONS.get(kind, {}) | more
    return CATALOGUE[kind].apply(model, side=side, **{parameter: value}, **options)


def test_every_intervention_is_here():
    assert set(VALUES) == set(CATALOGUE)
    assert all(len(entry.parameters) == 1 for entry in CATALOGUE.values())


def downstream(model):
    """What an intervention can reach, in a bent pose: geometry, forces of tissue, inertia."""
    rng = np.random.default_rng(3)
    skeleton = model.skeleton
    value = jnp.asarray(rng.uniform(0.1, 0.5, len(skeleton.coordinates.names)))
    value = apply_couplers(skeleton, value)
    now = pose(skeleton, value)
    muscles = path_geometry(model.muscles.paths, now, value)
    ligaments = path_geometry(model.ligaments.paths, now, value)
    sole = np.array(model.contacts.bodies)
    return jnp.concatenate(
        [
            muscles.length,
            moment_arms(muscles, skeleton, now).ravel(),
            model.muscles.max_isometric_force / 1e3,
            model.muscles.optimal_fiber_length,
            model.muscles.tendon_slack_length,
            ligament_tension(model.ligaments, ligaments.length) / 1e2,
            passive_moment(model.passive_moments, value, value),
            (now.position[sole] + rotate(now.rotation[sole], model.contacts.location)).ravel(),
            mass_matrix(skeleton, now).ravel(),
        ]
    )


@pytest.mark.parametrize("side", ["r", "l"])
@pytest.mark.parametrize("kind", KINDS)
def test_neutral_changes_nothing_exactly(body, kind, side):
    neutral = CATALOGUE[kind].parameters[0].neutral
    assert eqx.tree_equal(changed(body, kind, neutral, side), body)
    if side == "r":
        traced = compiled(lambda value: changed(body, kind, value, side))(jnp.asarray(neutral))
        assert eqx.tree_equal(traced, body)


@pytest.mark.parametrize("kind", KINDS)
def test_it_changes_something_and_keeps_structure_and_types(body, kind):
    other = changed(body, kind, VALUES[kind][0])
    assert not eqx.tree_equal(other, body)
    assert jax.tree.structure(other) == jax.tree.structure(body)
    for new, old in zip(jax.tree.leaves(other), jax.tree.leaves(body), strict=True):
        assert (new.shape, new.dtype) == (old.shape, old.dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_stays_single(body, kind):
    narrow = lambda x: x.astype(jnp.float32) if eqx.is_inexact_array(x) else x
    single = jax.tree.map(narrow, body)
    other = changed(single, kind, jnp.asarray(VALUES[kind][1]))
    assert {leaf.dtype for leaf in jax.tree.leaves(other)} == {jnp.dtype("float32")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_sweep_compiles_once_also_as_a_batch(body, kind):
    def result(value):
        other = changed(body, kind, value)
        return (
            other.contacts.location,
            other.muscles.tendon_slack_length,
            other.ligaments.pcsa_force,
            other.muscles.max_isometric_force,
        )

    once = compiled(eqx.debug.assert_max_traces(result, max_traces=1))
    alone = [once(jnp.asarray(value)) for value in VALUES[kind]]
    together = compiled(jax.vmap(result))(jnp.array(VALUES[kind]))
    for row, one in enumerate(alone):
        for batched, single in zip(together, one, strict=True):
            np.testing.assert_allclose(batched[row], single, rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_all_that_it_reaches(body, kind):
    """Central differences with two steps that agree; |AD - FD| <= 1e-5 x max(|FD|, 1e-3 most)."""
    reached = lambda value: downstream(changed(body, kind, value))
    value, step = jnp.asarray(VALUES[kind][1]), 1e-3 * VALUES[kind][1]
    once = compiled(reached)
    at = lambda x: np.asarray(once(x))
    differences = [(at(value + h) - at(value - h)) / (2.0 * h) for h in (step, 2.0 * step)]
    allowed = 1e-5 * np.maximum(np.abs(differences[0]), 1e-3 * np.abs(differences[0]).max())
    assert np.all(np.abs(differences[0] - differences[1]) <= allowed)
    forward = np.asarray(compiled(jax.jacfwd(reached))(value))
    assert np.abs(forward).max() > 0.0
    np.testing.assert_array_less(np.abs(forward - differences[0]), allowed + 1e-13)
    if kind == "leg_length":  # backward through scaled segments: tests/muscles
        return
    weights = jnp.asarray(np.random.default_rng(0).uniform(-1.0, 1.0, forward.size))
    backward = compiled(jax.grad(lambda x: weights @ reached(x)))(value)
    np.testing.assert_allclose(backward, weights @ forward, rtol=1e-10)


def by_name(part):
    """The description with every list of named things sorted, so that order says nothing."""
    if isinstance(part, dict):
        return {key: by_name(value) for key, value in part.items()}
    if isinstance(part, list):
        items = [by_name(item) for item in part]
        named = items and all(isinstance(item, dict) and "name" in item for item in items)
        return sorted(items, key=lambda item: item["name"]) if named else items
    return part


def assert_same(a, b, where="model"):
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            name = x["name"] if isinstance(x, dict) and "name" in x else i
            assert_same(x, y, f"{where}[{name}]")
    elif isinstance(a, float):
        assert a == pytest.approx(b, abs=1e-12, rel=1e-13), where
    else:
        assert a == b, where


def described(model):
    description = describe_model(model)
    for coupler in description["couplers"]:  # named after both ends, not after a side
        coupler["name"] = coupler["dependent"]
    return description


def test_the_body_is_its_own_mirror_image(body):
    assert_same(by_name(mirror_image(described(body))), by_name(described(body)))


@pytest.mark.parametrize("kind", KINDS)
def test_left_is_the_mirror_image_of_right(body, kind):
    right, left = (described(changed(body, kind, VALUES[kind][1], side)) for side in "rl")
    assert_same(by_name(mirror_image(right)), by_name(left))


@pytest.mark.parametrize("kind", [k for k in KINDS if "both" in CATALOGUE[k].choices["side"]])
def test_both_sides_are_one_after_the_other(body, kind):
    value = VALUES[kind][1]
    after = changed(changed(body, kind, value, "r"), kind, value, "l")
    assert eqx.tree_equal(changed(body, kind, value, "both"), after)


@pytest.mark.parametrize("kind", KINDS)
def test_out_of_range_is_refused_with_range_and_neutral(body, kind):
    parameter = CATALOGUE[kind].parameters[0]
    for beyond in (parameter.lower - 1.0, parameter.upper + 1.0):
        with pytest.raises(BadInput, match=rf"{kind}\.{parameter.name} is .* \(neutral"):
            changed(body, kind, beyond)
    for sides in ("right", "x"):
        with pytest.raises(BadInput, match=r"side is .*; it must be one of r, l"):
            changed(body, kind, parameter.neutral, sides)


def test_what_changes_the_body_beyond_strength_needs_motion():
    still = {kind for kind, entry in CATALOGUE.items() if not entry.needs_motion}
    assert still == {"muscle_strength", "gluteal_strength"}


def test_all_metadata_are_said():
    for entry in CATALOGUE.values():
        (parameter,) = entry.parameters
        for field in dataclasses.fields(parameter):
            assert getattr(parameter, field.name) != ""
