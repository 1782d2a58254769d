"""Inverse dynamics against the Lagrangian, closed forms and momentum balance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import biomech.dynamics as dynamics
from biomech.dynamics.inverse_dynamics import mass_centers
from biomech.dynamics.kinematics import coupled_motion, project_couplers
from biomech.dynamics.spatial import wrench_at
from biomech.model.build import build_model
from bodies import body, coordinate, description, double_pendulum, pin

G = 9.80665
pose, body_motion, inverse_dynamics, joint_reactions, mass_matrix = (
    jax.jit(getattr(dynamics, name))
    for name in ("pose", "body_motion", "inverse_dynamics", "joint_reactions", "mass_matrix")
)
STATES = np.random.default_rng(3).uniform(-1.0, 1.0, (4, 3, 4))


def none(skeleton):
    return jnp.zeros((len(skeleton.body_names), 6))


def kinetic_energy(skeleton, q, qd):
    """From positions alone: an algorithm that shares nothing with RNEA but the poses."""
    now = pose(skeleton, q)
    centers, speed = jax.jvp(lambda x: mass_centers(skeleton, pose(skeleton, x)), (q,), (qd,))
    _, spin = jax.jvp(lambda x: pose(skeleton, x).rotation, (q,), (qd,))
    skew = now.rotation.swapaxes(-1, -2) @ spin  # angular velocity in body axes
    omega = jnp.stack([skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]], axis=-1)
    xx, yy, zz, xy, xz, yz = skeleton.inertia.T
    inertia = jnp.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]).transpose(2, 0, 1)
    turning = 0.5 * jnp.einsum("bi,bij,bj->", omega, inertia, omega)
    return turning + 0.5 * jnp.sum(skeleton.mass[:, None] * speed**2)


def potential_energy(skeleton, q):
    return jnp.sum(skeleton.mass * mass_centers(skeleton, pose(skeleton, q))[:, 1]) * G


def lagranges_equation(lagrangian):
    """d/dt dL/dqd - dL/dq as a function of value, speed and acceleration."""

    @jax.jit
    def force(q, qd, qdd):
        _, momentum_rate = jax.jvp(jax.grad(lagrangian, 1), (q, qd), (qd, qdd))
        return momentum_rate - jax.grad(lagrangian, 0)(q, qd)

    return force


@pytest.mark.parametrize("state", STATES)
def test_inverse_dynamics_is_lagranges_equation(state):
    skeleton = double_pendulum().skeleton
    q, qd, qdd = jnp.asarray(state)
    lagrangian = lambda q, qd: kinetic_energy(skeleton, q, qd) - potential_energy(skeleton, q)
    expected = lagranges_equation(lagrangian)(q, qd, qdd)
    got = inverse_dynamics(skeleton, body_motion(skeleton, q, qd, qdd), none(skeleton))
    np.testing.assert_allclose(got, expected, atol=1e-11)


def test_mass_matrix_is_the_curvature_of_kinetic_energy():
    skeleton = double_pendulum().skeleton
    q, qd, _ = jnp.asarray(STATES[0])
    expected = jax.jit(jax.hessian(lambda v: kinetic_energy(skeleton, q, v)))(qd)
    np.testing.assert_allclose(mass_matrix(skeleton, pose(skeleton, q)), expected, atol=1e-12)


def test_external_force_does_virtual_work():
    skeleton = double_pendulum().skeleton
    q, qd, qdd = jnp.asarray(STATES[1])
    motion = body_motion(skeleton, q, qd, qdd)
    local, force = jnp.array([0.1, -0.4, 0.03]), jnp.array([3.0, -20.0, 7.0])
    place = lambda q: pose(skeleton, q).position[1] + pose(skeleton, q).rotation[1] @ local
    applied = none(skeleton).at[1].set(wrench_at(force, place(q)))
    work = jax.jacfwd(place)(q).T @ force
    change = inverse_dynamics(skeleton, motion, applied) - inverse_dynamics(
        skeleton, motion, none(skeleton)
    )
    np.testing.assert_allclose(change, -work, atol=1e-12)


def test_pendulum_pin_reaction_in_closed_form():
    """Free-body diagram: pin force = m (acceleration of the mass center - g)."""
    m, r, inertia = 3.0, 0.4, 0.07
    model = build_model(
        description(
            bodies=[body("bob", m, (0.0, -r, 0.0), (inertia,) * 3 + (0.0,) * 3)],
            joints=[pin("pivot", "ground", "bob", "angle")],
            coordinates=[coordinate("angle")],
        )
    )
    q, w, a = 0.7, 1.3, -2.1
    motion = body_motion(model.skeleton, *(jnp.array([x]) for x in (q, w, a)))
    force, moment = joint_reactions(model.skeleton, motion, none(model.skeleton))
    acceleration = np.array(
        [
            r * (a * np.cos(q) - w * w * np.sin(q)),
            r * (a * np.sin(q) + w * w * np.cos(q)),
            0.0,
        ]
    )
    np.testing.assert_allclose(force[0], m * (acceleration + [0.0, G, 0.0]), atol=1e-12)
    torque = (inertia + m * r * r) * a + m * G * r * np.sin(q)
    np.testing.assert_allclose(moment[0], [0.0, 0.0, torque], atol=1e-12)


def test_root_reaction_balances_the_momentum_of_the_whole_body():
    skeleton = double_pendulum().skeleton
    q, qd, qdd = jnp.asarray(STATES[2])
    motion = body_motion(skeleton, q, qd, qdd)
    total = lambda q, qd: jnp.sum(
        skeleton.mass[:, None]
        * jax.jvp(lambda x: mass_centers(skeleton, pose(skeleton, x)), (q,), (qd,))[1],
        axis=0,
    )
    _, rate = jax.jvp(total, (q, qd), (qd, qdd))
    force, _ = joint_reactions(skeleton, motion, none(skeleton))
    weight = jnp.array([0.0, jnp.sum(skeleton.mass) * G, 0.0])
    np.testing.assert_allclose(force[0], rate + weight, atol=1e-11)


def test_a_coupled_joint_hands_its_moment_to_its_independent_coordinate():
    """Along the coupling the system is a Lagrangian one of the independent coordinates alone."""
    coupler = {
        "name": "follow",
        "dependent": "d",
        "independent": "a",
        "function": {"kind": "polynomial", "coefficients": [0.1, 0.8, -0.3]},
    }
    skeleton = double_pendulum(couplers=[coupler]).skeleton
    free = jnp.array(skeleton.coordinates.free)
    x, v, acceleration = (jnp.asarray(row[:3]) for row in STATES[3])
    zero = jnp.zeros(4)

    def spread(x, v):
        return coupled_motion(skeleton, zero.at[free].set(x), zero.at[free].set(v), zero)

    def lagrangian(x, v):
        q, qd, _ = spread(x, v)
        return kinetic_energy(skeleton, q, qd) - potential_energy(skeleton, q)

    expected = lagranges_equation(lagrangian)(x, v, acceleration)
    state = coupled_motion(
        skeleton, zero.at[free].set(x), zero.at[free].set(v), zero.at[free].set(acceleration)
    )
    got = inverse_dynamics(skeleton, body_motion(skeleton, *state), none(skeleton))
    np.testing.assert_allclose(
        project_couplers(skeleton, state[0], got)[free], expected, atol=1e-11
    )
