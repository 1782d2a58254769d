"""Hill muscle with a rigid tendon and fibers at a constant height.

    h = optimal_fiber_length * sin(pennation_angle)              height of the parallelogram [m]
    a = muscle_tendon_length - tendon_slack_length               fiber length along the tendon [m]
    l = sqrt(h^2 + a^2),   cos(phi) = a / l,   dl/dt = muscle_tendon_speed * cos(phi)
    active  = max_isometric_force * f_L(l) * f_V(dl/dt) * cos(phi)
    passive = max_isometric_force * max(f_P(l) + damping * dl/dt, 0) * cos(phi)

Forces are along the tendon, positive in tension; speeds are positive when lengthening. `f_L`,
`f_V`, `f_P` are the curves of `biomech.muscles.curves`, `l` and `dl/dt` normalised.

Source: Zajac (1989), Crit. Rev. Biomed. Eng. 17:359-411; the limits are those of OpenSim 4.6
(`MuscleFixedWidthPennationModel`, `calcInextensibleTendonActiveFiberForce`): the pennation angle
stays below acos(0.1), and a fiber that this, or the start of the active force-length curve, stops
from shortening carries no active force.
Departures: (1) OpenSim's `Millard2012EquilibriumMuscle` evaluates the pennation angle of that force
at the *normalised* length, a slip that makes cos(phi) nearly 1; `active_force_at_full_activation`
takes the angle at the length, and repeats the slip only with `normalized_length_pennation=True`.
(2) OpenSim's `DeGrooteFregly2016Muscle` leaves cos(phi) out of it; here it is never left out.
(3) The length along the tendon is kept above 1 % of the optimal fiber length, so that a fiber
without pennation has a finite gradient. At a limit the state's gradient is 0.
(4) The passive force is kept from falling below 0, where the damping of a fast shortening fiber
would make it push; there, too, its gradient is 0.
"""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..model.muscles import Muscles
from .curves import (
    active_force_length,
    fiber_damping,
    force_velocity,
    min_norm_active_fiber_length,
    passive_force_length,
)

_MAX_PENNATION_ANGLE = math.acos(0.1)  # OpenSim's `maximum_pennation_angle` [rad]
_MIN_NORM_LENGTH_ALONG_TENDON = 0.01  # [-]


class RigidTendonState(eqx.Module):
    """Fibers at one instant.

    **Attributes:**

    - `fiber_length` [m]; `norm_fiber_length`: divided by optimal fiber length [-].
    - `pennation_angle` [rad]; `cos_pennation` [-].
    - `norm_fiber_velocity`: divided by maximum contraction velocity [-].
    - `at_shortest`: the fiber is stopped at its shortest length and the tendon is slack.
    """

    fiber_length: Float[Array, " muscle"]
    norm_fiber_length: Float[Array, " muscle"]
    pennation_angle: Float[Array, " muscle"]
    cos_pennation: Float[Array, " muscle"]
    norm_fiber_velocity: Float[Array, " muscle"]
    at_shortest: Bool[Array, " muscle"]


def rigid_tendon_state(
    muscles: Muscles,
    muscle_tendon_length: Float[Array, " muscle"],
    muscle_tendon_speed: Float[Array, " muscle"],
) -> RigidTendonState:
    """Fibers at a muscle-tendon length [m] and lengthening speed [m/s]."""
    height = muscles.optimal_fiber_length * jnp.sin(muscles.pennation_angle)
    shortest = shortest_along_tendon(muscles)
    available = muscle_tendon_length - muscles.tendon_slack_length
    along_tendon = jnp.maximum(available, shortest)
    fiber_length = jnp.sqrt(height**2 + along_tendon**2)
    cos_pennation = along_tendon / fiber_length
    max_velocity = muscles.max_contraction_velocity * muscles.optimal_fiber_length
    return RigidTendonState(
        fiber_length=fiber_length,
        norm_fiber_length=fiber_length / muscles.optimal_fiber_length,
        pennation_angle=jnp.arctan2(height, along_tendon),
        cos_pennation=cos_pennation,
        norm_fiber_velocity=muscle_tendon_speed * cos_pennation / max_velocity,
        at_shortest=available <= shortest,
    )


def shortest_along_tendon(muscles: Muscles) -> Float[Array, " muscle"]:
    """Length along the tendon that a fiber never falls below [m]; see the head of this file."""
    height = muscles.optimal_fiber_length * jnp.sin(muscles.pennation_angle)
    return jnp.maximum(
        height / math.tan(_MAX_PENNATION_ANGLE),
        _MIN_NORM_LENGTH_ALONG_TENDON * muscles.optimal_fiber_length,
    )


def active_force_at_full_activation(
    muscles: Muscles, state: RigidTendonState, *, normalized_length_pennation: bool = False
) -> Float[Array, " muscle"]:
    """Active force along the tendon at activation 1 [N].

    `normalized_length_pennation` reproduces OpenSim's numbers for Millard muscles, see above.
    """
    cos_pennation = state.cos_pennation
    if normalized_length_pennation:
        cos_pennation = _cos_pennation_at_normalized_length(muscles, state)
    force = (
        muscles.max_isometric_force
        * active_force_length(muscles.curves, state.norm_fiber_length)
        * force_velocity(muscles.curves, state.norm_fiber_velocity)
        * cos_pennation
    )
    too_short = state.norm_fiber_length <= min_norm_active_fiber_length(muscles.curves)
    return jnp.where(state.at_shortest | too_short, 0.0, force)


def passive_force(
    muscles: Muscles, state: RigidTendonState, *, damping: bool = True
) -> Float[Array, " muscle"]:
    """Passive force along the tendon [N], of the fiber's elasticity and, unless off, damping.

    Never negative: a fiber cannot push.
    """
    norm_force = passive_force_length(muscles.curves, state.norm_fiber_length)
    if damping:
        norm_force = norm_force + fiber_damping(muscles.curves) * state.norm_fiber_velocity
    pull = jnp.where(norm_force > 0.0, norm_force, 0.0)
    return muscles.max_isometric_force * pull * state.cos_pennation


def _cos_pennation_at_normalized_length(muscles, state):
    # The length of 1 stands for one metre: phi = asin(h / (l / optimal_fiber_length)).
    height = muscles.optimal_fiber_length * jnp.sin(muscles.pennation_angle)
    sine = jnp.minimum(height / state.norm_fiber_length, math.sin(_MAX_PENNATION_ANGLE))
    return jnp.sqrt(1.0 - sine**2)
