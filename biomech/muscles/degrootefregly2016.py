"""Muscle curves of De Groote et al. (2016): smooth everywhere, made for optimisation.

    active force-length   f_L(l) = sum_i b1_i exp(-(x - b2_i)^2 / (2 (b3_i + b4_i x)^2)),
                          x = 1 + (l - 1) / active_force_width_scale
    force-velocity        f_V(v) = d1 asinh(d2 v + d3) + d4
    passive               f_P(l) = (exp(k (l - 1)/e) - q) / (exp(k) - q),  q = exp(k (0.2 - 1)/e)
    tendon                f_T(l) = c1 exp(kT (l - c2)) - c3

`l` is length / optimal fiber (or tendon slack) length, `v` fiber velocity / maximum contraction
velocity, positive when lengthening. Range: fiber l in [0.2, 1.8], v in [-1, 1].

Source: De Groote, Kinney, Rao & Fregly (2016), Ann. Biomed. Eng. 44:2922-2936,
doi:10.1007/s10439-016-1591-9, supplement, with the changes OpenSim's `DeGrooteFregly2016Muscle`
makes so that the curves meet their anchors:

- b2..b4 with the digits of the authors' published program; b1 of the first bell solved from
  f_L(1) = 1 (printed: 0.815);
- d2, d3 as printed; d1, d4 solved from f_V(-1) = 0 and f_V(0) = 1 (printed: -0.318, 0.886);
- f_P is zero at l = 0.2 (printed: at 1, negative below); e is the strain at one norm force;
- c2 = 1 and c3 = c1, so that f_T(1) = 0 (printed: 0.995 and 0.250); kT is solved from
  f_T(1 + strain at one norm force) = 1 (printed: 35).

Guard: the width b3 + b4 x is kept above 0.01, its value at l = 0.2; shorter than that the bell is
0 in double precision and so is its gradient.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..model.muscle_curves import DeGrooteFregly2016Curves

# Second to fourth coefficient of each bell [-]; digits of the authors' program.
_BELL_1 = (1.055033428970575, 0.162384573599574, 0.063303448465465)
_BELL_2 = (0.716775413397760, -0.029947116970696, 0.200356847296188)
_BELL_3 = (1.0, 0.5 * math.sqrt(0.5), 0.0)
_HEIGHT_2, _HEIGHT_3 = 0.433004984392647, 0.1  # first coefficient of bells 2 and 3 [-]
_MIN_WIDTH = 0.01  # [-]


def _bell_at_one(center, width, widening):
    return math.exp(-0.5 * ((1.0 - center) / (width + widening)) ** 2)


_HEIGHT_1 = (
    1.0 - _HEIGHT_2 * _bell_at_one(*_BELL_2) - _HEIGHT_3 * _bell_at_one(*_BELL_3)
) / _bell_at_one(*_BELL_1)

_D2, _D3 = -8.149, -0.374  # as printed [-]
_D1 = 1.0 / (math.asinh(_D3) - math.asinh(_D3 - _D2))
_D4 = 1.0 - _D1 * math.asinh(_D3)

_PASSIVE_SHAPE = 4.0  # kPE, as printed [-]
MIN_NORM_FIBER_LENGTH = 0.2  # where the passive curve is zero [-]

_C1, _C2, _C3 = 0.2, 1.0, 0.2  # tendon [-]


def active_force_length(
    curves: DeGrooteFregly2016Curves, norm_fiber_length: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Active force multiplier [-] at a normalised fiber length [-]."""
    x = 1.0 + (norm_fiber_length - 1.0) / curves.active_force_width_scale
    return (
        _HEIGHT_1 * _bell(x, *_BELL_1)
        + _HEIGHT_2 * _bell(x, *_BELL_2)
        + _HEIGHT_3 * _bell(x, *_BELL_3)
    )


def force_velocity(
    curves: DeGrooteFregly2016Curves, norm_fiber_velocity: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Force multiplier [-] at a normalised fiber velocity [-]; the same for every muscle."""
    del curves
    return _D1 * jnp.arcsinh(_D2 * norm_fiber_velocity + _D3) + _D4


def inverse_force_velocity(
    curves: DeGrooteFregly2016Curves, multiplier: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Normalised fiber velocity [-] at a force multiplier [-]; exact inverse."""
    del curves
    return (jnp.sinh((multiplier - _D4) / _D1) - _D3) / _D2


def passive_force_length(
    curves: DeGrooteFregly2016Curves, norm_fiber_length: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Passive force multiplier [-] at a normalised fiber length [-]; < 0 below 0.2."""
    rate = _PASSIVE_SHAPE / curves.passive_fiber_strain_at_one_norm_force
    offset = jnp.exp(rate * (MIN_NORM_FIBER_LENGTH - 1.0))
    return (jnp.exp(rate * (norm_fiber_length - 1.0)) - offset) / (
        math.exp(_PASSIVE_SHAPE) - offset
    )


def tendon_force_length(
    curves: DeGrooteFregly2016Curves, norm_tendon_length: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Tendon force multiplier [-] at a normalised tendon length [-]; slightly < 0 when slack."""
    return _C1 * jnp.exp(_tendon_stiffness(curves) * (norm_tendon_length - _C2)) - _C3


def inverse_tendon_force_length(
    curves: DeGrooteFregly2016Curves, multiplier: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Normalised tendon length [-] at a force multiplier [-] above -0.2; exact inverse."""
    return jnp.log((multiplier + _C3) / _C1) / _tendon_stiffness(curves) + _C2


def _bell(x, center, width, widening):
    return jnp.exp(-0.5 * ((x - center) / jnp.maximum(width + widening * x, _MIN_WIDTH)) ** 2)


def _tendon_stiffness(curves):
    strain = curves.tendon_strain_at_one_norm_force
    return math.log((1.0 + _C3) / _C1) / (1.0 + strain - _C2)
