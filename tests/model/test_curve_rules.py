"""Which parameters of muscle curves are refused, and that the published ones are not."""

import dataclasses

import equinox as eqx
import numpy as np
import pytest

from biomech.model.curve_rules import broken_rule
from biomech.model.muscle_curves import (
    ActiveForceLengthCurve,
    DeGrooteFregly2016Curves,
    FiberForceLengthCurve,
    ForceVelocityCurve,
    Millard2012Curves,
    TendonForceLengthCurve,
    Thelen2003Curves,
)

KINDS = (
    *(ActiveForceLengthCurve, ForceVelocityCurve, FiberForceLengthCurve, TendonForceLengthCurve),
    *(Millard2012Curves, Thelen2003Curves, DeGrooteFregly2016Curves),
)


def published(kind):
    """The published parameters of one curve, but those of curves inside it."""
    curves = kind.published(1)
    values = {field.name: getattr(curves, field.name) for field in dataclasses.fields(kind)}
    return {name: float(np.asarray(v)[0]) for name, v in values.items() if eqx.is_array(v)}


@pytest.mark.parametrize("kind", KINDS)
def test_published_curves_break_no_rule(kind):
    assert broken_rule(kind, published(kind)) is None


@pytest.mark.parametrize(
    "kind, changes",
    [
        (ActiveForceLengthCurve, {"min_norm_active_fiber_length": -0.1}),
        (ActiveForceLengthCurve, {"min_norm_active_fiber_length": 0.8}),
        (ActiveForceLengthCurve, {"transition_norm_fiber_length": 0.96}),
        (ActiveForceLengthCurve, {"max_norm_active_fiber_length": 1.05}),
        (ActiveForceLengthCurve, {"shallow_ascending_slope": -0.1}),
        (ActiveForceLengthCurve, {"shallow_ascending_slope": 3.4}),
        (ActiveForceLengthCurve, {"minimum_value": -0.1}),
        (ActiveForceLengthCurve, {"minimum_value": 1.1}),
        (ForceVelocityCurve, {"concentric_slope_at_vmax": -0.1}),
        (ForceVelocityCurve, {"concentric_slope_at_vmax": 0.25}),
        (ForceVelocityCurve, {"concentric_slope_near_vmax": 0.0}),
        (ForceVelocityCurve, {"concentric_slope_near_vmax": 1.1}),
        (ForceVelocityCurve, {"isometric_slope": 1.0}),
        (ForceVelocityCurve, {"eccentric_slope_at_vmax": 0.2}),
        (ForceVelocityCurve, {"eccentric_slope_near_vmax": 0.5}),
        (ForceVelocityCurve, {"max_eccentric_velocity_force_multiplier": 1.05}),
        (ForceVelocityCurve, {"concentric_curviness": 1.1}),
        (ForceVelocityCurve, {"eccentric_curviness": -0.1}),
        (FiberForceLengthCurve, {"strain_at_zero_force": 0.8}),
        (FiberForceLengthCurve, {"stiffness_at_one_norm_force": 1.4}),
        (FiberForceLengthCurve, {"stiffness_at_low_force": 1.5}),
        (FiberForceLengthCurve, {"stiffness_at_low_force": 0.0}),
        (FiberForceLengthCurve, {"curviness": 1.5}),
        (TendonForceLengthCurve, {"strain_at_one_norm_force": 0.0}),
        (TendonForceLengthCurve, {"stiffness_at_one_norm_force": 20.0}),
        (TendonForceLengthCurve, {"norm_force_at_toe_end": 1.0}),
        (TendonForceLengthCurve, {"norm_force_at_toe_end": 0.0}),
        (Millard2012Curves, {"fiber_damping": -0.1}),
        (Thelen2003Curves, {"KshapeActive": 0.0}),
        (Thelen2003Curves, {"KshapePassive": -1.0}),
        (Thelen2003Curves, {"FmaxTendonStrain": 0.0}),
        (Thelen2003Curves, {"Flen": 1.0}),
        (Thelen2003Curves, {"fv_linear_extrap_threshold": 0.7}),
        (Thelen2003Curves, {"fv_linear_extrap_threshold": 1.0}),
        (DeGrooteFregly2016Curves, {"active_force_width_scale": 0.0}),
        (DeGrooteFregly2016Curves, {"fiber_damping": -0.1}),
        (DeGrooteFregly2016Curves, {"passive_fiber_strain_at_one_norm_force": 0.0}),
        (DeGrooteFregly2016Curves, {"tendon_strain_at_one_norm_force": -0.049}),
    ],
)
def test_a_curve_that_is_not_defined_breaks_a_rule(kind, changes):
    rule = broken_rule(kind, published(kind) | changes)
    assert rule is not None
    assert "every parameter" in rule or all(name in rule for name in changes)
