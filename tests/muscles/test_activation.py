"""Activation dynamics: rates, and OpenSim's numbers."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from biomech.muscles.activation import ACTIVATION_TIME, DEACTIVATION_TIME, activation_rate


def test_an_excitation_that_is_reached_changes_nothing():
    level = jnp.linspace(0.01, 1.0, 7)
    np.testing.assert_array_equal(activation_rate(level, level), 0.0)


def test_up_is_faster_than_down():
    """At half activation, where both slow alike; tanh(b x) is b x to third order."""
    a, more, b = 0.5, 0.2, 0.1
    slowing = 0.5 + 1.5 * a
    fast, slow = 1.0 / (ACTIVATION_TIME * slowing), slowing / DEACTIVATION_TIME
    for sign in (1.0, -1.0):
        switch = 0.5 * b * sign * more
        expected = (fast * (0.5 + switch) + slow * (0.5 - switch)) * sign * more
        rate = activation_rate(jnp.array([a + sign * more]), jnp.array([a]))
        np.testing.assert_allclose(rate, expected, rtol=1e-5)
    up, down = (activation_rate(jnp.array([a + x]), jnp.array([a]))[0] for x in (more, -more))
    assert up > -down > 0.0


def test_gradients():
    rate = lambda e, a: activation_rate(jnp.asarray(e), jnp.asarray(a))
    check_grads(rate, (jnp.array([0.3, 0.9]), jnp.array([0.5, 0.1])), 2)


@pytest.mark.oracle
def test_rates_are_opensims():
    opensim = pytest.importorskip("opensim")
    model = opensim.Model()
    body = opensim.Body("b", 1.0, opensim.Vec3(0), opensim.Inertia(1))
    model.addBody(body)
    model.addJoint(opensim.SliderJoint("j", model.getGround(), body))
    muscle = opensim.DeGrooteFregly2016Muscle()
    muscle.setName("m")
    muscle.addNewPathPoint("o", model.getGround(), opensim.Vec3(0))
    muscle.addNewPathPoint("i", body, opensim.Vec3(0.4, 0, 0))
    muscle.set_ignore_tendon_compliance(True)
    model.addForce(muscle)
    model.finalizeConnections()
    state = model.initSystem()
    muscle = opensim.DeGrooteFregly2016Muscle.safeDownCast(model.getMuscles().get(0))
    for a in (0.02, 0.3, 0.8):
        for e in (0.01, 0.5, 1.0):
            model.setStateVariableValue(state, "/forceset/m/activation", a)
            model.realizeVelocity(state)
            controls = opensim.Vector(1, e)
            model.setControls(state, controls)
            model.realizeAcceleration(state)
            theirs = model.getStateVariableDerivativeValue(state, "/forceset/m/activation")
            ours = activation_rate(jnp.array([e]), jnp.array([a]))
            np.testing.assert_allclose(ours, theirs, rtol=1e-9)
