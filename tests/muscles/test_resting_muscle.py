"""Muscles at rest with an elastic tendon: equilibrium, limits and derivatives."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from biomech.dynamics.kinematics import apply_couplers, pose
from biomech.formats.load import load_model
from biomech.muscles.curves import active_force_length, passive_force_length, tendon_force_length
from biomech.muscles.paths import path_geometry
from biomech.muscles.resting_muscle import resting_muscle
from biomech.muscles.rigid_tendon import (
    active_force_at_full_activation,
    passive_force,
    rigid_tendon_state,
)


@pytest.fixture(scope="module")
def muscles():
    return load_model("planar").muscles


@pytest.fixture(scope="module")
def length():
    model = load_model("planar")
    value = apply_couplers(model.skeleton, model.skeleton.coordinates.default_value)
    return path_geometry(model.muscles.paths, pose(model.skeleton, value), value).length


@pytest.mark.parametrize("activation", [0.0, 0.01, 0.3, 1.0])
def test_fiber_and_tendon_pull_alike(muscles, length, activation):
    a = jnp.full_like(length, activation)
    found = resting_muscle(muscles, a, length)
    fiber = found.norm_fiber_length * muscles.optimal_fiber_length
    height = muscles.optimal_fiber_length * jnp.sin(muscles.pennation_angle)
    along = jnp.sqrt(fiber**2 - height**2)
    pull = a * active_force_length(muscles.curves, found.norm_fiber_length)
    pull = pull + passive_force_length(muscles.curves, found.norm_fiber_length)
    np.testing.assert_allclose(
        found.force, muscles.max_isometric_force * pull * along / fiber, rtol=1e-9, atol=1e-9
    )
    tendon = (1.0 + found.tendon_strain) * muscles.tendon_slack_length
    np.testing.assert_allclose(along + tendon, length, rtol=1e-13)
    force = muscles.max_isometric_force * tendon_force_length(
        muscles.curves, 1.0 + found.tendon_strain
    )
    np.testing.assert_allclose(found.force, force, rtol=1e-13, atol=1e-12)


def test_a_stiff_tendon_is_a_rigid_one(muscles, length):
    curves = muscles.curves
    strain = 1e-6 * jnp.ones_like(curves.tendon_strain_at_one_norm_force)
    stiff = dataclasses.replace(
        muscles, curves=dataclasses.replace(curves, tendon_strain_at_one_norm_force=strain)
    )
    a = jnp.full_like(length, 0.2)
    fiber = rigid_tendon_state(muscles, length, jnp.zeros_like(length))
    rigid = a * active_force_at_full_activation(muscles, fiber) + passive_force(muscles, fiber)
    # A force of 1 norm force stretches the tendon by a millionth of its length.
    np.testing.assert_allclose(resting_muscle(stiff, a, length).force, rigid, rtol=2e-4)


def test_more_activation_and_more_length_pull_more(muscles, length):
    force = lambda a, l: resting_muscle(muscles, jnp.full_like(l, a), l).force
    assert np.all(np.diff([force(a, length) for a in (0.0, 0.2, 0.6, 1.0)], axis=0) > 0.0)
    passive = [force(0.0, length + d) for d in (0.0, 0.01, 0.02)]
    assert np.all(np.diff(passive, axis=0) > 0.0)


def test_derivatives_to_second_order(muscles, length):
    as_jax = jnp.asarray  # check_grads passes NumPy
    force = lambda a, l: (
        resting_muscle(muscles, as_jax(a), as_jax(l)).force / muscles.max_isometric_force
    )
    a = jnp.full_like(length, 0.3)
    check_grads(force, (a, length), order=2, eps=1e-6, rtol=1e-5, atol=1e-5)


def test_derivatives_to_parameters(muscles, length):
    a = jnp.full_like(length, 0.3)

    def total(slack):
        changed = dataclasses.replace(muscles, tendon_slack_length=slack)
        return jnp.sum(resting_muscle(changed, a, length).force)

    slack = muscles.tendon_slack_length
    exact = jax.grad(total)(slack)
    for i in (0, 9, 17):
        step = jnp.zeros_like(slack).at[i].set(1e-6)
        difference = (total(slack + step) - total(slack - step)) / 2e-6
        np.testing.assert_allclose(exact[i], difference, rtol=1e-6)
