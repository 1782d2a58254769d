"""Muscle curves of Thelen (2003), as OpenSim's `Thelen2003Muscle` has them.

    active force-length   f_L(l) = exp(-(l - 1)^2 / KshapeActive)
    force-velocity        v = (f - 1) / (1 + f / Af)                                   f <= 1
                          v = (f - 1) (Flen - 1) / ((2 + 2/Af) (Flen - f))             f > 1
    passive               f_P(l) = (exp(K (l - 1)/e) - 1) / (exp(K) - 1)               l > 1, else 0
    tendon                exponential toe up to a force of 0.33, then straight to (e, 1)

`l` is length / optimal fiber (or tendon slack) length, `v` fiber velocity / maximum contraction
velocity, positive when lengthening.

Source: Thelen (2003), J. Biomech. Eng. 125:70-77, doi:10.1115/1.1531112, equations 1 to 7.
The end of the tendon's toe and its straight slope follow from continuity (the paper prints them
rounded: 0.609 e and 1.712/e). As in OpenSim, force-velocity is continued in a straight line beyond
`fv_linear_extrap_threshold` x `Flen`, and is 0, never negative, below v = -1.
Departure: the paper scales v by 0.25 + 0.75 activation. Here that factor is 1: the curve at full
activation, which is what OpenSim's static optimization uses.
Kinks, all as published: passive and tendon curves where they become taut, force-velocity at v = -1
and at v = 0, where lengthening is twice as steep as shortening. A gradient taken exactly there lies
between those of the two sides.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..model.muscle_curves import Thelen2003Curves

_TOE_SHAPE, _TOE_FORCE = 3.0, 0.33  # kToe and FToe, as printed [-]
# Toe strain / strain at one norm force: slopes of toe and straight part agree there [-].
_TOE_SLOPE = _TOE_FORCE * _TOE_SHAPE * math.exp(_TOE_SHAPE) / math.expm1(_TOE_SHAPE)
_TOE_FRACTION = _TOE_SLOPE / (_TOE_SLOPE + 1.0 - _TOE_FORCE)


def active_force_length(
    curves: Thelen2003Curves, norm_fiber_length: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Active force multiplier [-] at a normalised fiber length [-]."""
    return jnp.exp(-((norm_fiber_length - 1.0) ** 2) / curves.KshapeActive)


def force_velocity(
    curves: Thelen2003Curves, norm_fiber_velocity: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Force multiplier [-] at a normalised fiber velocity [-] and full activation."""
    v, limit = norm_fiber_velocity, curves.Flen - 1.0
    shortening = jnp.clip(v, -1.0, 0.0)
    concentric = (1.0 + shortening) / (1.0 - shortening / curves.Af)

    # Eccentric: 1 + limit * k v / (limit + k v), k = 2 + 2/Af; straight beyond `last`.
    steepness = 2.0 + 2.0 / curves.Af
    last = curves.fv_linear_extrap_threshold * curves.Flen
    last_v = (last - 1.0) * limit / (steepness * (curves.Flen - last))
    lengthening = jnp.clip(v, 0.0, last_v)
    gain = limit + steepness * lengthening
    eccentric = 1.0 + limit * steepness * lengthening / gain
    last_slope = steepness * (limit / (limit + steepness * last_v)) ** 2
    beyond = last_slope * jnp.maximum(v - last_v, 0.0)
    return jnp.where(v < 0.0, concentric, eccentric + beyond)


def passive_force_length(
    curves: Thelen2003Curves, norm_fiber_length: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Passive force multiplier [-] at a normalised fiber length [-]."""
    strain = jnp.maximum(norm_fiber_length - 1.0, 0.0)
    k = curves.KshapePassive
    return jnp.expm1(k * strain / curves.FmaxMuscleStrain) / jnp.expm1(k)


def tendon_force_length(
    curves: Thelen2003Curves, norm_tendon_length: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Tendon force multiplier [-] at a normalised tendon length [-]."""
    strain = norm_tendon_length - 1.0
    toe_end = _TOE_FRACTION * curves.FmaxTendonStrain
    in_toe = jnp.clip(strain, 0.0, toe_end)
    toe = _TOE_FORCE * jnp.expm1(_TOE_SHAPE * in_toe / toe_end) / math.expm1(_TOE_SHAPE)
    slope = (1.0 - _TOE_FORCE) / (curves.FmaxTendonStrain - toe_end)
    return toe + slope * jnp.maximum(strain - toe_end, 0.0)
