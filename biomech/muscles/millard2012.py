"""Muscle curves of Millard et al. (2013), as OpenSim's `Millard2012EquilibriumMuscle` has them.

Each curve is a chain of quintic Bezier segments, C2 inside and continued in a straight line:

    x(u) = sum_k B_k(u) X_k,   y(u) = sum_k B_k(u) Y_k,   B_k(u) = binom(5, k) u^k (1 - u)^(5-k)

A segment bends from one tangent line to another. Its inner control points sit in pairs on the two
tangents, a fraction c of the way to the corner where these cross; c = 0.1 + 0.8 curviness.
`x` is length / optimal fiber (or tendon slack) length, or fiber velocity / maximum contraction
velocity, positive when lengthening.

Source: Millard, Uchida, Seth & Delp (2013), J. Biomech. Eng. 135:021005, doi:10.1115/1.4023390;
the tangents' places follow OpenSim 4.6 (`ActiveForceLengthCurve`, `ForceVelocityCurve`,
`FiberForceLengthCurve`, `TendonForceLengthCurve`), which these functions reproduce.

x(u) = x is solved by a fixed number of Newton steps inside a shrinking bracket. Derivatives are
implicit, dy/dx = y'(u) / x'(u), exact to any order, in `x` and in every parameter.
"""

from math import comb
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..model.muscle_curves import Millard2012Curves

_NEWTON_STEPS = 10  # 8 solve u to rounding on the published curves
_ACTIVE_CURVINESS = 1.0  # of the active force-length curve; OpenSim does not expose it [-]
_PLATEAU_HALF_WIDTH = 0.05  # between the shallow limb and the descending one [-]
_NEAR_VMAX = 0.9  # where `*_slope_near_vmax` apply [-]


def active_force_length(
    curves: Millard2012Curves, norm_fiber_length: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Active force multiplier [-] at a normalised fiber length [-]."""
    p = curves.active_force_length
    zero, one = jnp.zeros_like(p.minimum_value), jnp.ones_like(p.minimum_value)
    start, bend, end = (
        p.min_norm_active_fiber_length,
        p.transition_norm_fiber_length,
        p.max_norm_active_fiber_length,
    )
    shoulder = 1.0 - _PLATEAU_HALF_WIDTH
    value_at_bend = 1.0 - p.shallow_ascending_slope * (shoulder - bend)
    steep = (0.5 * (start + bend), 0.5 * value_at_bend, 1.25 * value_at_bend / (bend - start))
    shallow = (0.5 * (bend + shoulder), 0.5 * (value_at_bend + 1.0), p.shallow_ascending_slope)
    descent = end - 1.0 - 2.0 * _PLATEAU_HALF_WIDTH
    falling = (0.5 * (1.0 + _PLATEAU_HALF_WIDTH + end), 0.5 * one, -1.0 / descent)
    tangents = [
        (start, p.minimum_value, zero),
        steep,
        shallow,
        (one, one, zero),
        falling,
        (end, p.minimum_value, zero),
    ]
    return _evaluate(_chain(tangents, [_ACTIVE_CURVINESS * one] * 5), norm_fiber_length)


def force_velocity(
    curves: Millard2012Curves, norm_fiber_velocity: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Force multiplier [-] at a normalised fiber velocity [-]."""
    p = curves.force_velocity
    one = jnp.ones_like(p.isometric_slope)
    # Between "near" and "at" the extreme velocity the slope changes evenly.
    ramp = 0.5 * (1.0 - _NEAR_VMAX)
    rise = ramp * (p.concentric_slope_at_vmax + p.concentric_slope_near_vmax)
    fall = ramp * (p.eccentric_slope_at_vmax + p.eccentric_slope_near_vmax)
    top = p.max_eccentric_velocity_force_multiplier
    tangents = [
        (-one, 0.0 * one, p.concentric_slope_at_vmax),
        (-_NEAR_VMAX * one, rise, p.concentric_slope_near_vmax),
        (0.0 * one, one, p.isometric_slope),
        (_NEAR_VMAX * one, top - fall, p.eccentric_slope_near_vmax),
        (one, top, p.eccentric_slope_at_vmax),
    ]
    curviness = [p.concentric_curviness] * 2 + [p.eccentric_curviness] * 2
    return _evaluate(_chain(tangents, curviness), norm_fiber_velocity)


def passive_force_length(
    curves: Millard2012Curves, norm_fiber_length: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Passive force multiplier [-] at a normalised fiber length [-]."""
    p = curves.fiber_force_length
    zero, one = jnp.zeros_like(p.curviness), jnp.ones_like(p.curviness)
    slack, taut = 1.0 + p.strain_at_zero_force, 1.0 + p.strain_at_one_norm_force
    foot = 0.1 * jnp.minimum(1.0 / p.stiffness_at_one_norm_force, taut - slack)
    tangents = [
        (slack, zero, zero),
        (slack + foot, 0.5 * foot * p.stiffness_at_low_force, p.stiffness_at_low_force),
        (taut, one, p.stiffness_at_one_norm_force),
    ]
    return _evaluate(_chain(tangents, [p.curviness] * 2), norm_fiber_length)


def tendon_force_length(
    curves: Millard2012Curves, norm_tendon_length: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Tendon force multiplier [-] at a normalised tendon length [-]."""
    p = curves.tendon_force_length
    zero, one = jnp.zeros_like(p.curviness), jnp.ones_like(p.curviness)
    stiffness, toe = p.stiffness_at_one_norm_force, p.norm_force_at_toe_end

    def length_on_straight_part(force):
        return 1.0 + p.strain_at_one_norm_force + (force - 1.0) / stiffness

    toe_end, middle = length_on_straight_part(toe), length_on_straight_part(0.5 * toe)
    foot = 1.0 + 0.1 * (toe_end - 1.0)
    slope = 0.5 * toe / (middle - foot)
    half_way = 0.5 * (middle - foot)
    tangents = [
        (one, zero, zero),
        (foot + half_way, slope * half_way, slope),
        (toe_end, toe, stiffness),
    ]
    return _evaluate(_chain(tangents, [p.curviness] * 2), norm_tendon_length)


class _Chain(NamedTuple):
    """Control points [muscle segment 6], and slopes of the straight ends [muscle]."""

    x: Array
    y: Array
    slope_before: Array
    slope_after: Array


def _chain(tangents, curviness):
    """Segments between successive tangents (x, y, slope)."""
    corners = [
        _corner(left, right, c)
        for left, right, c in zip(tangents[:-1], tangents[1:], curviness, strict=True)
    ]
    x, y = (jnp.stack(points, axis=-2) for points in zip(*corners, strict=True))
    return _Chain(x, y, tangents[0][2], tangents[-1][2])


def _corner(left, right, curviness):
    """Six control points of the bend from one tangent (x, y, slope) to the other."""
    (x0, y0, slope0), (x1, y1, slope1) = left, right
    # Parallel tangents have no corner: take the middle. The gradient there is that of the middle.
    bend = slope0 - slope1
    parallel = jnp.abs(bend) <= jnp.sqrt(jnp.finfo(bend.dtype).eps)
    corner_x = (y1 - y0 - x1 * slope1 + x0 * slope0) / jnp.where(parallel, 1.0, bend)
    corner_x = jnp.where(parallel, 0.5 * (x0 + x1), corner_x)
    corner_y = y1 + (corner_x - x1) * slope1
    c = 0.1 + 0.8 * curviness

    def control_points(first, last, corner):
        near_first, near_last = first + c * (corner - first), last + c * (corner - last)
        return jnp.stack([first, near_first, near_first, near_last, near_last, last], axis=-1)

    return control_points(x0, x1, corner_x), control_points(y0, y1, corner_y)


def _evaluate(chain: _Chain, at):
    first, last = chain.x[..., 0, 0], chain.x[..., -1, -1]
    inside = jnp.clip(at, first, last)
    segment = jnp.sum(inside[..., None] >= chain.x[..., 1:, 0], axis=-1)
    index = segment[..., None, None]
    x = jnp.take_along_axis(chain.x, index, axis=-2)[..., 0, :]
    y = jnp.take_along_axis(chain.y, index, axis=-2)[..., 0, :]
    before = chain.slope_before * jnp.minimum(at - first, 0.0)
    after = chain.slope_after * jnp.maximum(at - last, 0.0)
    return _bezier(_solve(inside, x), y) + before + after


@jax.custom_jvp
def _solve(x, points):
    """u in [0, 1] with x(u) = x, for a monotone segment of these control points."""

    def step(_, state):
        low, high, u = state
        excess = _bezier(u, points) - x
        low, high = jnp.where(excess <= 0.0, u, low), jnp.where(excess >= 0.0, u, high)
        newton = u - excess / _bezier_slope(u, points)
        inside = (newton >= low) & (newton <= high)
        return low, high, jnp.where(inside, newton, 0.5 * (low + high))

    start = (x - points[..., 0]) / (points[..., -1] - points[..., 0])
    bracket = (jnp.zeros_like(x), jnp.ones_like(x), jnp.clip(start, 0.0, 1.0))
    return jax.lax.fori_loop(0, _NEWTON_STEPS, step, bracket)[2]


@_solve.defjvp
def _solve_jvp(primals, tangents):
    (x, points), (x_dot, points_dot) = primals, tangents
    u = _solve(x, points)
    return u, (x_dot - _bezier(u, points_dot)) / _bezier_slope(u, points)


def _bezier(u, points):
    return _bernstein_sum(u, points, 5)


def _bezier_slope(u, points):
    return 5.0 * _bernstein_sum(u, points[..., 1:] - points[..., :-1], 4)


def _bernstein_sum(u, points, degree):
    v = 1.0 - u
    return sum(
        comb(degree, k) * u**k * v ** (degree - k) * points[..., k] for k in range(degree + 1)
    )
