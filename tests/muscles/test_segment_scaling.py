import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from biomech.dynamics import default_values, pose
from biomech.model.build import build_model
from biomech.model.names import BadInput
from biomech.muscles.ligaments import ligament_strain
from biomech.muscles.paths import moment_arms, path_geometry
from biomech.muscles.rigid_tendon import rigid_tendon_state
from biomech.muscles.segment_scaling import reference_lengths, scale_segments
from small_models import leg_description
from two_legs import two_legs


@pytest.fixture(scope="module")
def legs():
    return build_model(two_legs())


@compiled
def state(model, value=None):
    """Norm fiber lengths [-], ligament strains [-], moment arms [m] in a posture."""
    value = default_values(model.skeleton) if value is None else value
    now = pose(model.skeleton, value)
    muscles = path_geometry(model.muscles.paths, now, value)
    ligaments = path_geometry(model.ligaments.paths, now, value)
    fibers = rigid_tendon_state(model.muscles, muscles.length, jnp.zeros_like(muscles.length))
    return (
        fibers.norm_fiber_length,
        ligament_strain(model.ligaments, ligaments.length),
        moment_arms(muscles, model.skeleton, now),
    )


def test_factors_of_one_change_nothing_exactly(legs):
    small = build_model(leg_description())
    for model in (legs, small):
        same = scale_segments(model, dict.fromkeys(model.skeleton.body_names, 1.0))
        assert eqx.tree_equal(same, model)
        assert eqx.tree_equal(scale_segments(model, {}), model)


def test_norm_lengths_of_the_reference_posture_are_kept(legs):
    factors = {"femur_r": (1.1, 1.2, 0.9), "pelvis": 0.85, "calcn_r": 1.3, "tibia_l": (1, 0.8, 1)}
    scaled = scale_segments(legs, factors)
    for after, before in zip(state(scaled)[:2], state(legs)[:2], strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-11, atol=1e-13)
    assert not np.allclose(scaled.muscles.optimal_fiber_length, legs.muscles.optimal_fiber_length)


def test_a_similar_body_has_similar_muscles_in_any_posture(legs):
    """Everything 1.15 times as long: the same norm lengths and strains, arms 1.15 times as long."""
    large = scale_segments(legs, dict.fromkeys(legs.skeleton.body_names, 1.15))
    value = default_values(legs.skeleton) + 0.3
    for after, before, factor in zip(
        state(large, value), state(legs, value), (1.0, 1.0, 1.15), strict=True
    ):
        np.testing.assert_allclose(after, factor * np.asarray(before), rtol=1e-11, atol=1e-12)


def test_only_what_touches_a_scaled_body_changes(legs):
    scaled = scale_segments(legs, {"toes_l": 1.2})
    gain = np.asarray(scaled.muscles.tendon_slack_length / legs.muscles.tendon_slack_length)
    changed = {name for name, x in zip(legs.muscles.names, gain, strict=True) if x != 1.0}
    assert changed == {"fdb_l"}
    gain = np.asarray(scaled.ligaments.resting_length / legs.ligaments.resting_length)
    changed = {name for name, x in zip(legs.ligaments.names, gain, strict=True) if x != 1.0}
    assert changed == {"plantar_fascia_l"}


def test_fiber_and_tendon_share_the_ratio_of_path_lengths(legs):
    scaled = scale_segments(legs, {"tibia_r": 1.25})
    (old, new), _ = reference_lengths(legs, scaled)
    ratio = np.asarray(new / old)
    for field in ("optimal_fiber_length", "tendon_slack_length"):
        got = np.asarray(getattr(scaled.muscles, field) / getattr(legs.muscles, field))
        np.testing.assert_allclose(got, ratio, rtol=1e-14)
    assert ratio[legs.muscles.names.index("soleus_r")] > 1.1


def test_derivative_with_respect_to_every_factor(legs):
    """Forward and backward against central differences; a moving point, a wrap, a coupler."""
    reach = lambda factors: jnp.concatenate(
        [
            (
                scaled := scale_segments(legs, {"femur_r": factors[0], "tibia_r": factors[1]})
            ).muscles.tendon_slack_length,
            scaled.ligaments.resting_length,
            scaled.skeleton.inertia.ravel(),
            scaled.muscles.paths.cylinders.radius,
        ]
    )
    at = jnp.array([[1.1, 0.95, 1.02], [0.9, 1.05, 1.01]])
    exact = np.asarray(compiled(jax.jacfwd(reach))(at))
    once, step = compiled(reach), 1e-5
    for index in np.ndindex(2, 3):
        up, down = once(at.at[index].add(step)), once(at.at[index].add(-step))
        difference = np.asarray(up - down) / (2.0 * step)
        np.testing.assert_allclose(exact[:, *index], difference, rtol=1e-6, atol=1e-9)
    weights = jnp.asarray(np.random.default_rng(0).uniform(-1.0, 1.0, len(exact)))
    backward = compiled(jax.grad(lambda x: weights @ reach(x)))(at)
    np.testing.assert_allclose(backward, np.tensordot(weights, exact, 1), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    "factors, said",
    [
        ({"femurr": 1.1}, "No body named 'femurr' in this model. Did you mean"),
        ({"femur_r": 0.0}, "The scale factor of 'femur_r' is 0; it must be positive"),
        ({"femur_r": (1.0, -0.5, 1.0)}, "The scale factor of 'femur_r' is -0.5"),
        ({"femur_r": np.ones(2)}, r"'femur_r' has the shape \(2,\); give one number, or three"),
        ({"femur_r": float("nan")}, "The scale factor of 'femur_r' is nan"),
    ],
)
def test_mistakes_are_named(legs, factors, said):
    with pytest.raises(BadInput, match=said):
        scale_segments(legs, factors)
