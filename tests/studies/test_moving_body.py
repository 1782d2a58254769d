"""A body in motion: the same mechanics as the inverse study, and a free flight."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.inverse_dynamics import body_weight
from biomech.formats.load import load_model
from biomech.studies.inverse import MeasuredMotion, before_sharing
from biomech.studies.moving_body import missing, moving_body


@pytest.fixture(scope="module")
def planar():
    return load_model("planar")


@pytest.fixture(scope="module")
def stride(planar):
    """A step on the ground: heel and ball in it by some millimetres, and everything moving."""
    rng = np.random.default_rng(4)
    coordinates = planar.skeleton.coordinates
    value = np.array(coordinates.default_value) + rng.uniform(-0.05, 0.05, len(coordinates.names))
    value[coordinates.names.index("pelvis_ty")] = coordinates.default_value[2] - 0.004
    size = value.size
    return (
        jnp.asarray(value),
        *(jnp.asarray(rng.normal(size=size)) for _ in range(2)),
        jnp.asarray(rng.uniform(0.05, 0.9, len(planar.muscles.names))),
        jnp.asarray(rng.uniform(-0.5, 0.5, len(planar.actuators.names))),
    )


@functools.partial(jax.jit, static_argnames="friction_sharpness")
def moved(model, *state, friction_sharpness=None):
    """The body, and what it is missing."""
    body = moving_body(model, *state, friction_sharpness=friction_sharpness)
    return body, missing(model, body)


def test_what_is_missing_is_what_the_inverse_study_would_share(planar, stride):
    value, speed, acceleration, activation, control = stride
    body, missed = moved(planar, *stride)
    assert np.sum(np.asarray(body.ground.normal_force)) > 100.0
    instant = MeasuredMotion(jnp.asarray(0.0), value, speed, acceleration, body.ground_wrench)
    before = jax.jit(before_sharing)(planar, instant)
    active = activation * before.muscles.capacity
    driven = control @ (
        planar.actuators.optimal_force[:, None]
        * jnp.asarray(
            np.array(planar.actuators.coordinates)[:, None] == np.arange(value.size), float
        )
    )
    # The inverse study leaves the passive fibers out here.
    passive = body.muscle_force - active
    expected = before.to_share - (active + passive) @ before.muscles.moment_arm - driven
    np.testing.assert_allclose(missed, expected, atol=1e-8)
    np.testing.assert_allclose(body.ligament_force, before.ligament_force, atol=1e-9)


def test_in_flight_the_pelvis_owes_the_fall(planar, stride):
    """Off the ground the whole body is missing its weight if it does not fall."""
    value, _, _, activation, control = stride
    high = value.at[2].add(1.0)
    still = jnp.zeros_like(value)
    body, missed = moved(planar, high, still, still, activation, control)
    np.testing.assert_allclose(body.ground.force, 0.0, atol=1e-6)
    np.testing.assert_allclose(missed[1], 0.0, atol=1e-8)
    np.testing.assert_allclose(missed[2], body_weight(planar.skeleton), rtol=1e-9)
    falling = still.at[2].set(planar.skeleton.gravity[1])
    body, missed = moved(planar, high, still, falling, activation, control)
    np.testing.assert_allclose(missed[2], 0.0, atol=1e-6)


def test_a_rounder_friction_is_near_the_law(planar, stride):
    exact, rounded = (moved(planar, *stride, friction_sharpness=s)[1] for s in (None, 40.0))
    assert 0.0 < np.abs(exact - rounded).max() < 0.05 * np.abs(exact).max()
