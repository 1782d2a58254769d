"""Paths: lengths, virtual work, points that move, appear and wrap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.kinematics import pose
from biomech.muscles.paths import bridged_coordinates, moment_arms, path_geometry, pull_on_bodies
from wrapped_leg import ALL, BELOW, CYLINDER, TWICE, leg


@jax.jit
def geometry(model, value):
    return path_geometry(model.muscles.paths, pose(model.skeleton, value), value)


def length(model, value):
    return geometry(model, value).length


@jax.jit
def arms(model, value):
    return moment_arms(geometry(model, value), model.skeleton, pose(model.skeleton, value))


place = jax.jit(pose)


def test_lever_arm_of_a_straight_muscle():
    """Perpendicular distance from the hinge to the line of action."""
    value = jnp.array([0.3, 0.0])
    now = place(ALL.skeleton, value)
    a = np.array([0.05, 0.1, 0.0])
    b = np.asarray(now.position[0] + now.rotation[0] @ jnp.array([0.04, -0.2, 0.01]))
    pull_on_thigh = (a - b) / np.linalg.norm(a - b)
    expected = np.cross(b, pull_on_thigh)[2]
    np.testing.assert_allclose(arms(ALL, value)[0, 0], expected, rtol=1e-13)


@pytest.mark.parametrize("value", [(0.2, -0.1), (0.4, -0.9), (-0.3, -1.4)])
def test_moment_arm_is_minus_the_gradient_of_length(value):
    value = jnp.array(value)
    gradient = jax.jit(jax.jacfwd(lambda q: length(ALL, q)))(value)
    np.testing.assert_allclose(arms(ALL, value), -gradient, atol=1e-12)


def test_arms_are_zero_about_coordinates_that_a_path_does_not_bridge():
    bridged = bridged_coordinates(ALL.muscles.paths, ALL.skeleton)
    hip, knee = ALL.skeleton.coordinates.names.index("hip_angle"), 1
    names = ALL.muscles.names
    assert not bridged[names.index("straight"), knee] and bridged[names.index("via"), knee]
    assert bridged[names.index("moving")].all()  # its point's place depends on the knee
    assert not bridged[names.index("wrapped"), hip]
    for value in ([0.2, -0.1], [0.4, -0.9]):
        assert not np.any(np.asarray(arms(ALL, jnp.array(value)))[~bridged])


def test_a_path_over_two_cylinders_is_longer_than_over_one():
    """Both touch, and the shorter way over each alone is a lower bound."""
    value = jnp.array([0.1, -1.2])
    name = ALL.muscles.names.index("twice")
    one_only = {**TWICE, "path": {**TWICE["path"], "wraps": TWICE["path"]["wraps"][1:]}}
    single = leg(one_only, cylinders=[CYLINDER, BELOW])
    assert float(length(ALL, value)[name]) > float(length(single, value)[0]) + 1e-5


def test_conditional_point_comes_and_goes():
    inside, outside = jnp.array([0.0, -0.5]), jnp.array([0.0, -0.49999])
    name = ALL.muscles.names.index("conditional")
    bent, straight = length(ALL, inside)[name], length(ALL, outside)[name]
    now = place(ALL.skeleton, outside)
    end = now.position[1] + now.rotation[1] @ jnp.array([0.04, -0.1, 0.0])
    np.testing.assert_allclose(straight, jnp.linalg.norm(end - jnp.array([0.05, 0.1, 0.0])))
    assert bent > straight + 1e-3


def test_wrapping_lengthens_the_path_only_where_it_touches():
    name = ALL.muscles.names.index("wrapped")
    for knee, touches in ((0.4, False), (-1.2, True)):
        value = jnp.array([0.1, knee])
        ends = geometry(ALL, value).points[name]
        straight = jnp.linalg.norm(ends[1] - ends[0])
        assert (float(length(ALL, value)[name]) > float(straight) + 1e-6) is touches


def test_wrenches_balance():
    """A massless string puts no net force or moment on the world."""
    value = jnp.array([0.2, -1.1])
    name = ALL.muscles.names.index("wrapped")  # all its bodies are in the model
    tension = jnp.zeros(len(ALL.muscles.names)).at[name].set(1.0)
    wrench = pull_on_bodies(geometry(ALL, value), tension, 2)
    assert jnp.max(jnp.abs(wrench)) > 0.5
    np.testing.assert_allclose(jnp.sum(wrench, axis=0), 0.0, atol=1e-14)


def test_lengths_follow_a_change_of_the_cylinder():
    """A leaf like any other: derivative to the radius equals a central difference."""
    import equinox as eqx

    value = jnp.array([0.1, -1.2])
    name = ALL.muscles.names.index("wrapped")

    def with_radius(radius):
        where = lambda m: m.muscles.paths.cylinders.radius
        return length(eqx.tree_at(where, ALL, where(ALL).at[0].set(radius)), value)[name]

    r, h = jnp.array(0.03), 1e-6
    difference = (with_radius(r + h) - with_radius(r - h)) / (2.0 * h)
    np.testing.assert_allclose(jax.grad(with_radius)(r), difference, rtol=1e-7)
