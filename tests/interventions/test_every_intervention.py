"""What holds for every intervention, on a body with all that any of them needs."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from biomech.dynamics import apply_couplers, mass_matrix, pose
from biomech.dynamics.contact import sphere_centers
from biomech.interventions import CATALOGUE
from biomech.model.build import build_model, describe_model
from biomech.model.contacts import with_underlay_merged
from biomech.model.names import BadInput
from biomech.muscles.ligaments import ligament_tension
from biomech.muscles.passive_moments import passive_moment
from biomech.muscles.paths import moment_arms, path_geometry
from two_legs import mirror_image, two_legs

DOSES = {
    "arch_stiffness": {"scale": (0.5, 1.7, 3.0)},
    "leg_length": {"difference_mm": (-20.0, 7.0, 30.0)},
    "muscle_strength": {"scale": (0.2, 0.7, 1.5)},
    "gluteal_strength": {"scale": (0.2, 0.7, 1.5)},
    "wedge": {"angle_deg": (-8.0, 3.0, 12.0)},
    "heel_lift": {"height_mm": (2.0, 12.0, 30.0)},
    "leg_lift": {"height_mm": (2.0, 12.0, 30.0)},
    "sciatic_compression": {"severity": (0.2, 0.5, 0.9)},
    "hip_osteoarthritis": {
        "stiffness": (5.0, 20.0, 60.0),
        "range_loss_deg": (3.0, 6.0, 12.0),
        "pain": (0.1, 0.5, 1.5),
    },
    "labral_tear": {"pain": (0.5, 2.0, 10.0), "range_loss_deg": (3.0, 6.0, 12.0)},
    "injection": {"relief": (0.2, 0.5, 0.9)},
    "hip_replacement": {
        "relief": (0.2, 0.5, 0.9),
        "range_gain_deg": (3.0, 6.0, 12.0),
        "medial_mm": (-8.0, 3.0, 9.0),
        "distal_mm": (-8.0, 3.0, 9.0),
        "offset_mm": (-8.0, 3.0, 9.0),
    },
    "osteotomy": {"angle_deg": (-6.0, 4.0, 10.0)},
    "tendon_compliance": {"achilles": (0.5, 1.5, 3.0), "fascia": (0.5, 1.5, 3.0)},
    "tendon_lengthening": {"length_mm": (-8.0, 5.0, 20.0)},
    "strengthening": {"gain": (0.1, 0.4, 1.2)},
    "stretching": {
        "passive_scale": (0.5, 0.8, 2.0),
        "slack_mm": (-5.0, 3.0, 15.0),
        "range_deg": (-8.0, 3.0, 12.0),
    },
    "flat_foot": {"severity": (0.3, 0.7, 1.2)},
    "high_arch": {"severity": (0.3, 0.7, 1.2)},
    "hallux_valgus": {"severity": (0.2, 0.5, 0.9)},
    "hammertoe": {"severity": (0.2, 0.5, 0.9)},
    "fasciotomy": {"release": (0.2, 0.5, 0.9)},
    "orthosis": {
        "arch_height_mm": (5.0, 12.0, 18.0),
        "arch_softness": (0.3, 1.0, 4.0),
        "rearfoot_post_deg": (-6.0, 3.0, 8.0),
        "forefoot_post_deg": (-4.0, 2.0, 6.0),
        "heel_cup": (0.2, 0.5, 0.9),
    },
    "metatarsal_pad": {"height_mm": (2.0, 5.0, 7.5)},
    "footwear": {
        "heel_softness": (0.3, 1.0, 3.0),
        "forefoot_softness": (0.2, 0.8, 2.0),
        "dissipation": (0.2, 0.5, 2.0),
        "drop_mm": (2.0, 10.0, 25.0),
        "rocker_mm": (3.0, 8.0, 20.0),
        "toe_spring_deg": (5.0, 12.0, 30.0),
        "bending_stiffness": (2.0, 10.0, 40.0),
    },
}
"""Three values of every parameter of each intervention, none of them neutral."""
OPTIONS = {
    "muscle_strength": {"group": "triceps_surae"},
    "strengthening": {"group": "triceps_surae"},
    "stretching": {"group": "triceps_surae"},
}
KINDS = tuple(CATALOGUE)
BACKWARD = ("arch_stiffness", "muscle_strength", "flat_foot", "footwear", "osteotomy")
"""Reverse derivatives are long to compile; one of each sort of change tells whether they hold."""
NUMBERS = [(kind, parameter) for kind, doses in DOSES.items() for parameter in doses]
every_number = pytest.mark.parametrize(("kind", "parameter"), NUMBERS)


@pytest.fixture(scope="module")
def body():
    return build_model(two_legs())


def changed(model, kind, numbers, side="r"):
    """The model after an intervention; parameters without a number are neutral."""
    neutral = {p.name: p.neutral for p in CATALOGUE[kind].parameters}
    return CATALOGUE[kind].apply(model, side=side, **neutral | numbers, **OPTIONS.get(kind, {}))


@functools.cache
def programme(kind):
    """The same for the right side, compiled for any body and numbers, and at most once."""
    right = lambda model, numbers: changed(model, kind, numbers)
    return compiled(eqx.debug.assert_max_traces(right, max_traces=1))


def middle(kind):
    """The middle dose of every parameter."""
    return {parameter: values[1] for parameter, values in DOSES[kind].items()}


def of(kind, parameter):
    """The catalogue's entry of a parameter."""
    return next(p for p in CATALOGUE[kind].parameters if p.name == parameter)


def test_every_parameter_of_every_intervention_is_here():
    known = {kind: [p.name for p in entry.parameters] for kind, entry in CATALOGUE.items()}
    assert known == {kind: list(doses) for kind, doses in DOSES.items()}


def downstream(model):
    """What an intervention can reach, in a bent pose: geometry, forces of tissue, inertia."""
    rng = np.random.default_rng(3)
    skeleton = model.skeleton
    value = jnp.asarray(rng.uniform(0.1, 0.5, len(skeleton.coordinates.names)))
    value = apply_couplers(skeleton, value)
    now = pose(skeleton, value)
    muscles = path_geometry(model.muscles.paths, now, value)
    ligaments = path_geometry(model.ligaments.paths, now, value)
    contacts = with_underlay_merged(model.contacts)
    return jnp.concatenate(
        [
            muscles.length,
            moment_arms(muscles, skeleton, now).ravel(),
            model.muscles.max_isometric_force / 1e3,
            model.muscles.optimal_fiber_length,
            model.muscles.tendon_slack_length,
            *(curve for curve in jax.tree.leaves(model.muscles.curves)),
            ligament_tension(model.ligaments, ligaments.length) / 1e2,
            passive_moment(model.passive_moments, value, value),
            sphere_centers(model.contacts, now).ravel(),
            contacts.stiffness / 1e6,
            contacts.dissipation,
            contacts.radius,
            mass_matrix(skeleton, now).ravel(),
            model.pains.load_weight,
            model.pains.anterior_weight,
        ]
    )


@pytest.mark.parametrize("side", ["r", "l"])
@pytest.mark.parametrize("kind", KINDS)
def test_neutral_changes_nothing_exactly(body, kind, side):
    assert eqx.tree_equal(changed(body, kind, {}, side), body)
    if side == "r":
        neutral = {p.name: jnp.asarray(p.neutral, float) for p in CATALOGUE[kind].parameters}
        assert eqx.tree_equal(programme(kind)(body, neutral), body)


@every_number
def test_it_changes_something_and_keeps_structure_and_types(body, kind, parameter):
    other = changed(body, kind, {parameter: DOSES[kind][parameter][0]})
    assert not eqx.tree_equal(other, body)
    assert jax.tree.structure(other) == jax.tree.structure(body)
    for new, old in zip(jax.tree.leaves(other), jax.tree.leaves(body), strict=True):
        assert (new.shape, new.dtype) == (old.shape, old.dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_stays_single(body, kind):
    narrow = lambda x: x.astype(jnp.float32) if eqx.is_inexact_array(x) else x
    single = jax.tree.map(narrow, body)
    numbers = {p: jnp.asarray(x) for p, x in middle(kind).items()}
    other = eqx.filter_eval_shape(lambda m, n: changed(m, kind, n), single, numbers)
    assert {leaf.dtype for leaf in jax.tree.leaves(other)} == {jnp.dtype("float32")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_sweep_compiles_once_also_as_a_batch(body, kind):
    leaves = lambda model: jax.tree.leaves(eqx.filter(model, eqx.is_array))
    result = lambda numbers: leaves(changed(body, kind, numbers))
    rows = [
        {parameter: jnp.asarray(values[i], float) for parameter, values in DOSES[kind].items()}
        for i in range(3)
    ]
    alone = [leaves(programme(kind)(body, row)) for row in rows]
    together = compiled(jax.vmap(result))(jax.tree.map(lambda *x: jnp.stack(x), *rows))
    for i, one in enumerate(alone):
        for batched, single in zip(together, one, strict=True):
            np.testing.assert_allclose(batched[i], single, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_all_that_it_reaches(body, kind):
    """Central differences with two steps that agree; |AD - FD| <= 1e-5 x max(|FD|, 1e-3 most).

    At three doses, of every parameter while the others are at theirs.
    """
    reached = lambda numbers, body: downstream(changed(body, kind, numbers))
    slopes = compiled(jax.jacfwd(lambda *at: (reached(*at),) * 2, has_aux=True))
    for dose in range(3):
        numbers = {p: jnp.asarray(values[dose]) for p, values in DOSES[kind].items()}
        forward, _ = slopes(numbers, body)
        for parameter, value in numbers.items():
            step = 1e-3 * abs(float(value))
            at = lambda h: np.asarray(slopes(numbers | {parameter: value + h}, body)[1])  # noqa: B023
            differences = [(at(h) - at(-h)) / (2.0 * h) for h in (step, 2.0 * step)]
            least = 1e-3 * np.abs(differences[0]).max()
            allowed = 1e-5 * np.maximum(np.abs(differences[0]), least)
            assert np.all(np.abs(differences[0] - differences[1]) <= allowed + 1e-13)
            column = np.asarray(forward[parameter])
            assert np.abs(column).max() > 0.0
            np.testing.assert_array_less(np.abs(column - differences[0]), allowed + 1e-12)
    if kind not in BACKWARD:
        return
    flat = np.concatenate([np.asarray(column) for column in forward.values()])
    weights = jnp.asarray(np.random.default_rng(0).uniform(-1.0, 1.0, flat.size // len(forward)))
    backward = compiled(jax.grad(lambda *at: weights @ reached(*at)))(numbers, body)
    for parameter, column in forward.items():
        np.testing.assert_allclose(backward[parameter], weights @ column, rtol=1e-9, atol=1e-12)


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
    for pain in description["pains"]:
        pain["name"] = pain["joint"]
    return description


def test_the_body_is_its_own_mirror_image(body):
    assert_same(by_name(mirror_image(described(body))), by_name(described(body)))


@pytest.mark.parametrize("kind", KINDS)
def test_left_is_the_mirror_image_of_right(body, kind):
    right, left = (described(changed(body, kind, middle(kind), side)) for side in "rl")
    assert_same(by_name(mirror_image(right)), by_name(left))


@pytest.mark.parametrize("kind", [k for k in KINDS if "both" in CATALOGUE[k].choices["side"]])
def test_both_sides_are_one_after_the_other(body, kind):
    numbers = middle(kind)
    after = changed(changed(body, kind, numbers, "r"), kind, numbers, "l")
    assert eqx.tree_equal(changed(body, kind, numbers, "both"), after)


@every_number
def test_out_of_range_is_refused_with_range_and_neutral(body, kind, parameter):
    entry = of(kind, parameter)
    for beyond in (entry.lower - 1.0, entry.upper + 1.0):
        with pytest.raises(BadInput, match=rf"{kind}\.{parameter} is .* \(neutral"):
            changed(body, kind, {parameter: beyond})


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_side_is_refused(body, kind):
    for sides in ("right", "x"):
        with pytest.raises(BadInput, match=r"side is .*; it must be one of r, l"):
            changed(body, kind, {}, sides)


def test_what_changes_the_body_beyond_strength_needs_motion():
    still = {kind for kind, entry in CATALOGUE.items() if not entry.needs_motion}
    assert still == {
        *("muscle_strength", "gluteal_strength", "strengthening", "sciatic_compression"),
    }


def test_all_metadata_are_said():
    for entry in CATALOGUE.values():
        assert entry.summary
        for parameter in entry.parameters:
            assert parameter.lower <= parameter.neutral <= parameter.upper
            for field in dataclasses.fields(parameter):
                assert getattr(parameter, field.name) != ""
