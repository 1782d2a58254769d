"""One function per muscle curve, for whichever published model the muscles use.

The record's type is static, so the choice costs nothing at run time. All arguments and results
are normalised [-], one value per muscle; see the modules `degrootefregly2016`, `millard2012` and
`thelen2003` for equations, ranges and sources.
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..model.muscle_curves import (
    DeGrooteFregly2016Curves,
    Millard2012Curves,
    Thelen2003Curves,
)
from . import degrootefregly2016, millard2012, thelen2003

MuscleCurves = DeGrooteFregly2016Curves | Millard2012Curves | Thelen2003Curves


def active_force_length(
    curves: MuscleCurves, norm_fiber_length: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Active force multiplier [-] at a fiber length / optimal fiber length [-]."""
    return _module(curves).active_force_length(curves, norm_fiber_length)


def force_velocity(
    curves: MuscleCurves, norm_fiber_velocity: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Force multiplier [-] at a fiber velocity / maximum contraction velocity [-]; + lengthens."""
    return _module(curves).force_velocity(curves, norm_fiber_velocity)


def passive_force_length(
    curves: MuscleCurves, norm_fiber_length: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Passive force multiplier [-] at a fiber length / optimal fiber length [-]."""
    return _module(curves).passive_force_length(curves, norm_fiber_length)


def tendon_force_length(
    curves: MuscleCurves, norm_tendon_length: Float[Array, " muscle"]
) -> Float[Array, " muscle"]:
    """Tendon force multiplier [-] at a tendon length / tendon slack length [-]."""
    return _module(curves).tendon_force_length(curves, norm_tendon_length)


def fiber_damping(curves: MuscleCurves) -> Float[Array, " muscle"]:
    """Normalised damping force per normalised fiber velocity [-]; Thelen's fiber has none."""
    if isinstance(curves, Thelen2003Curves):
        return jnp.zeros_like(curves.Flen)
    return curves.fiber_damping


def min_norm_active_fiber_length(curves: MuscleCurves) -> Float[Array, " muscle"]:
    """Normalised length [-] at and below which OpenSim sets the active force to 0."""
    if isinstance(curves, Millard2012Curves):
        return curves.active_force_length.min_norm_active_fiber_length
    if isinstance(curves, Thelen2003Curves):
        return jnp.zeros_like(curves.Flen)
    return jnp.zeros_like(curves.fiber_damping)


def map_to_degrootefregly2016(curves: MuscleCurves) -> DeGrooteFregly2016Curves:
    """The nearest smooth curves, parameter by parameter; nothing is fitted.

    Kept: fiber strain and tendon strain at one norm force, and fiber damping (Thelen: 0). So the
    passive curve passes through the same point (1 + strain, 1), and the tendon too.

    Lost: the shape between. Active force-length and force-velocity become the published ones
    (`active_force_width_scale` 1; maximum lengthening force 1.79 instead of 1.4 or so). Millard's
    `strain_at_zero_force`, stiffnesses, toe, curviness, plateau and `minimum_value`, Thelen's
    `KshapeActive`, `KshapePassive`, `Af`, `Flen` have no counterpart: passive force starts at a
    length of 0.2 and rises exponentially, so it is above Millard's at short fibers.
    OpenSim's `DeGrooteFregly2016Muscle.replaceMuscles` makes the same choice.
    """
    if isinstance(curves, DeGrooteFregly2016Curves):
        return curves
    if isinstance(curves, Millard2012Curves):
        passive_strain = curves.fiber_force_length.strain_at_one_norm_force
        tendon_strain = curves.tendon_force_length.strain_at_one_norm_force
    else:
        passive_strain, tendon_strain = curves.FmaxMuscleStrain, curves.FmaxTendonStrain
    return DeGrooteFregly2016Curves(
        active_force_width_scale=jnp.ones_like(passive_strain),
        fiber_damping=fiber_damping(curves),
        passive_fiber_strain_at_one_norm_force=passive_strain,
        tendon_strain_at_one_norm_force=tendon_strain,
    )


def _module(curves) -> Any:
    if isinstance(curves, DeGrooteFregly2016Curves):
        return degrootefregly2016
    return millard2012 if isinstance(curves, Millard2012Curves) else thelen2003
