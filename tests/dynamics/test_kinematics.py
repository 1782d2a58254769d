"""Twists and their rates against derivatives of the pose."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.kinematics import (
    _composed,
    _frames,
    body_motion,
    body_twist,
    coupled_motion,
    pose,
)
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
    """Against central differences, whose error is about h^2 = 1e-10 of the third derivative."""
    skeleton, value, speed, _, motion = moving
    placed, h = jax.jit(lambda value: pose(skeleton, value)), 1e-5
    ahead, now, behind = (placed(value + step * speed) for step in (h, 0.0, -h))
    moved = jax.tree.map(lambda a, b: (a - b) / (2.0 * h), ahead, behind)
    spin, at_origin = motion.velocity[:, :3], motion.velocity[:, 3:]
    np.testing.assert_allclose(moved.position, at_origin + cross(spin, now.position), atol=1e-7)
    across = jnp.swapaxes(now.rotation, -1, -2)  # rows: the body's axes
    turned = cross(jnp.broadcast_to(spin[:, None], across.shape), across)
    np.testing.assert_allclose(jnp.swapaxes(moved.rotation, -1, -2), turned, atol=1e-7)


def test_accelerations_are_the_rates_of_twists(moving):
    skeleton, value, speed, acceleration, motion = moving
    twist = lambda value, speed: body_twist(skeleton, pose(skeleton, value), speed)
    rates = jax.jit(lambda *state: jax.jvp(twist, state[:2], state[1:]))
    velocity, rate = rates(value, speed, acceleration)
    np.testing.assert_allclose(motion.velocity, velocity, atol=1e-13)
    np.testing.assert_allclose(motion.acceleration, rate, atol=1e-12 * np.abs(rate).max())


def test_rigid_motions_are_the_derivatives_of_products_of_rotations(moving):
    """To second order in the amounts, and in one of them and a parameter."""
    skeleton = moving[0]
    rng = np.random.default_rng(1)
    body, axis = np.nonzero(np.array(skeleton.axis_coordinates) >= 0)
    amount, one, other = (jnp.asarray(rng.uniform(-1.0, 1.0, body.size)) for _ in range(3))
    shift = jnp.asarray(rng.normal(size=skeleton.child_frame_position.shape))
    at = lambda s: eqx.tree_at(
        lambda k: k.child_frame_position, skeleton, skeleton.child_frame_position + s * shift
    )

    def second(frames):
        along = lambda f: jax.jvp(f, (0.0,), (1.0,))[1]
        along_one = lambda b, s: along(lambda a: frames(at(s), amount + a * one + b * other))
        return along(lambda b: along_one(b, 0.0)), along(lambda s: along_one(0.0, s))

    found, expected = (jax.jit(lambda f=f: second(f))() for f in (_frames, _composed))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12 * max(1.0, np.abs(b).max()))
