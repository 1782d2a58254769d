"""Tension of ligaments.

    tension = pcsa_force * curve(length / resting_length)   if length > resting_length, else 0

Tension is positive. The curve is the model's own: for the plantar fascia and the plantar ligaments
it comes with its source in the model's citations.

Source: OpenSim 4.6 `Ligament`, whose rule this is. The gradient at the resting length is that of
the slack side, 0. No damping.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..model.ligaments import Ligaments


def ligament_tension(
    ligaments: Ligaments, length: Float[Array, " ligament"]
) -> Float[Array, " ligament"]:
    """Tension [N] at a path length [m]."""
    norm_length = length / ligaments.resting_length
    tension = ligaments.pcsa_force * ligaments.curve(norm_length)
    return jnp.where(norm_length > 1.0, tension, 0.0)


def ligament_energy(
    ligaments: Ligaments, length: Float[Array, " ligament"]
) -> Float[Array, " ligament"]:
    """Elastic energy [J] at a path length [m]: the tension's work from the resting length on."""
    norm_length = length / ligaments.resting_length
    work = ligaments.curve.integral()
    stretched = work(norm_length) - work(jnp.ones_like(norm_length))
    energy = ligaments.pcsa_force * ligaments.resting_length * stretched
    return jnp.where(norm_length > 1.0, energy, 0.0)


def ligament_strain(
    ligaments: Ligaments, length: Float[Array, " ligament"]
) -> Float[Array, " ligament"]:
    """Lengthening / resting length [-] at a path length [m]; negative when slack."""
    return length / ligaments.resting_length - 1.0
