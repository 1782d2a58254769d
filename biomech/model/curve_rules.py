"""What muscle curves require of their parameters: without it they are not defined.

The rules are those of OpenSim 4.6, which refuses the same curves (`SmoothSegmentedFunctionFactory`
for Millard's, `Thelen2003Muscle`, `DeGrooteFregly2016Muscle`), except that

- the width of De Groote and Fregly's active curve may also be below 1;
- Thelen's force-velocity curve must turn straight below `Flen`, where its own formula ends;
- the shoulder of Millard's active curve (0.95) and the end of its plateau (1.1) bound the limbs,
  and the damping of his muscles must not be negative.
"""

from collections.abc import Callable, Mapping
from types import SimpleNamespace

from .muscle_curves import (
    ActiveForceLengthCurve,
    DeGrooteFregly2016Curves,
    FiberForceLengthCurve,
    ForceVelocityCurve,
    Millard2012Curves,
    TendonForceLengthCurve,
    Thelen2003Curves,
)

_Rule = tuple[str, Callable[[SimpleNamespace], bool]]


def broken_rule(kind: type, parameters: Mapping[str, float]) -> str | None:
    """The first rule that the `parameters` of one curve of this `kind` break; None if none."""
    p = SimpleNamespace(**parameters)
    return next((rule for rule, holds in _RULES[kind] if not holds(p)), None)


def _positive(p: SimpleNamespace) -> bool:
    """Whether all are above 0, but damping, which may be 0."""
    return all(v > 0.0 or (v == 0.0 and k == "fiber_damping") for k, v in vars(p).items())


def _stretch(p: SimpleNamespace) -> float:
    return p.strain_at_one_norm_force - p.strain_at_zero_force


_CURVINESS: _Rule = ("curviness must be between 0 and 1", lambda p: 0.0 <= p.curviness <= 1.0)
_RULES: dict[type, tuple[_Rule, ...]] = {
    DeGrooteFregly2016Curves: (
        ("every parameter must be positive, but fiber_damping may be 0", _positive),
    ),
    Thelen2003Curves: (
        ("every parameter must be positive", _positive),
        (
            "1 < 1 / fv_linear_extrap_threshold < Flen must hold",
            lambda p: 1.0 < 1.0 / p.fv_linear_extrap_threshold < p.Flen,
        ),
    ),
    Millard2012Curves: (("fiber_damping must not be negative", _positive),),
    ActiveForceLengthCurve: (
        (
            "0 <= min_norm_active_fiber_length < transition_norm_fiber_length < 0.95 must hold",
            lambda p: 0.0 <= p.min_norm_active_fiber_length < p.transition_norm_fiber_length < 0.95,
        ),
        (
            "max_norm_active_fiber_length must be above 1.1",
            lambda p: p.max_norm_active_fiber_length > 1.1,
        ),
        ("minimum_value must not be negative", lambda p: p.minimum_value >= 0.0),
        (
            "0 <= shallow_ascending_slope < (1 - minimum_value) / (1 - "
            "transition_norm_fiber_length) must hold",
            lambda p: (
                0.0
                <= p.shallow_ascending_slope * (1.0 - p.transition_norm_fiber_length)
                < 1.0 - p.minimum_value
            ),
        ),
    ),
    ForceVelocityCurve: (
        (
            "0 <= concentric_slope_at_vmax < concentric_slope_near_vmax < 1 must hold",
            lambda p: 0.0 <= p.concentric_slope_at_vmax < p.concentric_slope_near_vmax < 1.0,
        ),
        ("isometric_slope must be above 1", lambda p: p.isometric_slope > 1.0),
        (
            "0 <= eccentric_slope_at_vmax < eccentric_slope_near_vmax < "
            "max_eccentric_velocity_force_multiplier - 1 must hold",
            lambda p: (
                0.0
                <= p.eccentric_slope_at_vmax
                < p.eccentric_slope_near_vmax
                < p.max_eccentric_velocity_force_multiplier - 1.0
            ),
        ),
        (
            "concentric_curviness must be between 0 and 1",
            lambda p: 0.0 <= p.concentric_curviness <= 1.0,
        ),
        (
            "eccentric_curviness must be between 0 and 1",
            lambda p: 0.0 <= p.eccentric_curviness <= 1.0,
        ),
    ),
    FiberForceLengthCurve: (
        (
            "0 < stiffness_at_low_force < 1 / (strain_at_one_norm_force - strain_at_zero_force) < "
            "stiffness_at_one_norm_force must hold",
            lambda p: (
                0.0
                < p.stiffness_at_low_force * _stretch(p)
                < 1.0
                < p.stiffness_at_one_norm_force * _stretch(p)
            ),
        ),
        _CURVINESS,
    ),
    TendonForceLengthCurve: (
        (
            "0 < 1 / strain_at_one_norm_force < stiffness_at_one_norm_force must hold",
            lambda p: (
                p.strain_at_one_norm_force > 0.0
                and p.stiffness_at_one_norm_force * p.strain_at_one_norm_force > 1.0
            ),
        ),
        (
            "0 < norm_force_at_toe_end < 1 must hold",
            lambda p: 0.0 < p.norm_force_at_toe_end < 1.0,
        ),
        _CURVINESS,
    ),
}
