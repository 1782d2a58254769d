"""Muscles at rest with an elastic tendon: equilibrium, limits and derivatives."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.optimize import root_scalar

from biomech.formats.load import load_built_in
from biomech.muscles.degrootefregly2016 import (
    active_force_length,
    passive_force_length,
    tendon_force_length,
)
from biomech.muscles.resting_muscle import resting_muscle
from biomech.muscles.rigid_tendon import (
    active_force_at_full_activation,
    passive_force,
    rigid_tendon_state,
)

solve = eqx.filter_jit(lambda muscles, length, level: resting_muscle(muscles, level, length))


@pytest.fixture(scope="module")
def muscles():
    """Those of the built-in body: short and long tendons, pennation from 0 to 24 deg."""
    return load_built_in("lower_limb").muscles


def length_at(muscles, norm_fiber_length):
    """Muscle-tendon length [m] with a slack tendon and the fiber this long."""
    height = muscles.optimal_fiber_length * jnp.sin(muscles.pennation_angle)
    fiber = norm_fiber_length * muscles.optimal_fiber_length
    return muscles.tendon_slack_length + jnp.sqrt(fiber**2 - height**2)


@pytest.mark.parametrize("activation", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("fiber", [0.6, 0.9, 1.2, 1.5, 1.8])
def test_fiber_and_tendon_balance(muscles, activation, fiber):
    level = jnp.full(len(muscles.names), activation)
    state = solve(muscles, length_at(muscles, fiber), level)
    length = state.norm_fiber_length * muscles.optimal_fiber_length
    height = muscles.optimal_fiber_length * jnp.sin(muscles.pennation_angle)
    pull = level * active_force_length(muscles.curves, state.norm_fiber_length)
    pull = pull + passive_force_length(muscles.curves, state.norm_fiber_length)
    pull = pull * jnp.sqrt(1.0 - (height / length) ** 2)
    np.testing.assert_allclose(state.force / muscles.max_isometric_force, pull, atol=1e-11)
    assert np.all(np.asarray(state.norm_fiber_length) <= fiber + 1e-12)
    assert np.all(np.asarray(state.force) >= 0.0)


def test_against_a_root_finder_and_the_equation_written_out(muscles):
    """Brent's method on one muscle at a time, in the fiber's own length."""
    some = [
        muscles.names.index(n) for n in ("soleus_r", "gasmed_l", "glmin3_r", "recfem_r", "psoas_r")
    ]
    length = length_at(muscles, 1.1)
    got = solve(muscles, length, jnp.full(len(muscles.names), 0.7))
    curves = muscles.curves
    for i in some:
        own = jax.tree.map(lambda x, i=i: x[i : i + 1], curves)
        optimal, slack = (
            float(x[i]) for x in (muscles.optimal_fiber_length, muscles.tendon_slack_length)
        )
        height = optimal * np.sin(float(muscles.pennation_angle[i]))

        def balance(fiber, own=own, optimal=optimal, slack=slack, height=height, i=i):
            norm = jnp.array([fiber / optimal])
            pull = 0.7 * active_force_length(own, norm) + passive_force_length(own, norm)
            cosine = np.sqrt(1.0 - (height / fiber) ** 2)
            tendon = jnp.array([(float(length[i]) - fiber * cosine) / slack])
            return float((pull * cosine - tendon_force_length(own, tendon))[0])

        bracket = (1.001 * max(height, 0.3 * optimal), 1.1 * optimal)
        fiber = root_scalar(balance, bracket=bracket, method="brentq", xtol=1e-14).root
        np.testing.assert_allclose(got.norm_fiber_length[i], fiber / optimal, rtol=1e-10)
        cosine = np.sqrt(1.0 - (height / fiber) ** 2)
        strain = (float(length[i]) - fiber * cosine) / slack - 1.0
        np.testing.assert_allclose(got.tendon_strain[i], strain, rtol=1e-9)


def test_a_stiff_tendon_is_a_rigid_one(muscles):
    stiff = eqx.tree_at(
        lambda m: m.curves.tendon_strain_at_one_norm_force,
        muscles,
        jnp.full(len(muscles.names), 1e-6),
    )
    length = length_at(muscles, 1.05)
    got = solve(stiff, length, jnp.ones_like(length))
    rigid = rigid_tendon_state(muscles, length, jnp.zeros_like(length))
    force = active_force_at_full_activation(muscles, rigid) + passive_force(muscles, rigid)
    # A strain of 1e-6 of a tendon six fibers long, times the slope of the fiber's curves.
    np.testing.assert_allclose(got.force, force, rtol=1e-4)


def test_more_activation_pulls_more_and_shortens_the_fiber(muscles):
    length = length_at(muscles, 1.0)
    states = [solve(muscles, length, jnp.full_like(length, a)) for a in (0.0, 0.3, 0.6, 1.0)]
    force = np.stack([state.force for state in states])
    fiber = np.stack([state.norm_fiber_length for state in states])
    assert np.all(np.diff(force, axis=0) > 0.0) and np.all(np.diff(fiber, axis=0) < 0.0)


def test_a_slack_muscle_does_not_pull(muscles):
    length = 0.9 * muscles.tendon_slack_length
    state = solve(muscles, length, jnp.ones_like(length))
    np.testing.assert_array_equal(state.force, 0.0)
    np.testing.assert_array_equal(state.tendon_strain, 0.0)


def test_gradients_are_the_implicit_ones(muscles):
    """With respect to length, activation and parameters, against central differences."""
    base = length_at(muscles, 1.02)

    def force(change):
        longer, level, slack, optimal = change
        changed = eqx.tree_at(
            lambda m: (m.tendon_slack_length, m.optimal_fiber_length),
            muscles,
            (
                muscles.tendon_slack_length * (1.0 + slack),
                muscles.optimal_fiber_length * (1.0 + optimal),
            ),
        )
        state = resting_muscle(changed, jnp.full_like(base, 0.6) + level, base * (1.0 + longer))
        return state.force / muscles.max_isometric_force

    at = jnp.zeros(4)
    slopes = jax.jit(jax.jacfwd(force))(at)
    backward = jax.jit(jax.jacrev(force))(at)
    np.testing.assert_allclose(backward, slopes, rtol=1e-9, atol=1e-9)
    compiled = jax.jit(force)
    for k in range(4):
        for step in (1e-5, 2e-5):
            move = step * jnp.eye(4)[k]
            difference = (compiled(at + move) - compiled(at - move)) / (2.0 * step)
            np.testing.assert_allclose(slopes[:, k], difference, rtol=1e-5, atol=1e-5)


def test_derivatives_to_second_order(muscles):
    length = length_at(muscles, 1.02)
    as_jax = jnp.asarray  # check_grads passes NumPy
    force = lambda a, l: (
        resting_muscle(muscles, as_jax(a), as_jax(l)).force / muscles.max_isometric_force
    )
    a = jnp.full_like(length, 0.3)
    check_grads(force, (a, length), order=2, eps=1e-6, rtol=1e-5, atol=1e-5)
