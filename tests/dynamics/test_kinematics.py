"""Twists and their rates against derivatives of the pose."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.kinematics import body_motion, body_twist, coupled_motion, pose
from biomech.dynamics.spatial import cross
from biomech.formats.load import load_model
from biomech.formats.osim import load_osim

IMPORTED = {
    "walk3d": "subject_walk_scaled.osim",  # one coordinate drives three rotations of a knee
    "dhondt2024": "DHondt_et_al_2024_4seg.osim",
}


@pytest.fixture(scope="module", params=["planar", "lower_limb", *IMPORTED])
def moving(request):
    """A body at a pose off its reference, everything moving."""
    if request.param in IMPORTED:
        folder = request.getfixturevalue(request.param)
        skeleton = load_osim(folder / IMPORTED[request.param]).skeleton
    else:
        skeleton = load_model(request.param).skeleton
    rng = np.random.default_rng(0)
    size = len(skeleton.coordinates.names)
    value = np.asarray(skeleton.coordinates.default_value) + rng.uniform(-0.3, 0.3, size)
    speed, acceleration = (jnp.asarray(3.0 * rng.normal(size=size)) for _ in range(2))
    state = coupled_motion(skeleton, jnp.asarray(value), speed, acceleration)
    return skeleton, *state, jax.jit(body_motion)(skeleton, *state)


def test_twists_move_the_poses(moving):
    skeleton, value, speed, _, motion = moving
    move = jax.jit(lambda value, speed: jax.jvp(lambda q: pose(skeleton, q), (value,), (speed,)))
    now, moved = move(value, speed)
    spin, at_origin = motion.velocity[:, :3], motion.velocity[:, 3:]
    np.testing.assert_allclose(moved.position, at_origin + cross(spin, now.position), atol=1e-12)
    across = jnp.swapaxes(now.rotation, -1, -2)  # rows: the body's axes
    turned = cross(jnp.broadcast_to(spin[:, None], across.shape), across)
    np.testing.assert_allclose(jnp.swapaxes(moved.rotation, -1, -2), turned, atol=1e-12)


def test_accelerations_are_the_rates_of_twists(moving):
    skeleton, value, speed, acceleration, motion = moving
    twist = lambda value, speed: body_twist(skeleton, pose(skeleton, value), speed)
    rates = jax.jit(lambda *state: jax.jvp(twist, state[:2], state[1:]))
    velocity, rate = rates(value, speed, acceleration)
    np.testing.assert_allclose(motion.velocity, velocity, atol=1e-13)
    np.testing.assert_allclose(motion.acceleration, rate, atol=1e-12 * np.abs(rate).max())
