"""Conditions and treatments: `Model -> Model`, pure and differentiable."""

from .arch_stiffness import ARCH_STIFFNESS, arch_stiffness
from .catalogue import Intervention, Parameter
from .leg_length import LEG_LENGTH, leg_length
from .lifts import HEEL_LIFT, LEG_LIFT, heel_lift, leg_lift
from .muscle_groups import GROUPS, muscles_in_group
from .muscle_strength import GLUTEAL_STRENGTH, MUSCLE_STRENGTH, gluteal_strength, muscle_strength
from .wedge import WEDGE, wedge

CATALOGUE: dict[str, Intervention] = {
    intervention.kind: intervention
    for intervention in (
        *(ARCH_STIFFNESS, LEG_LENGTH, MUSCLE_STRENGTH, GLUTEAL_STRENGTH),
        *(WEDGE, HEEL_LIFT, LEG_LIFT),
    )
}
"""Every intervention by the `kind` a configuration names it with."""

__all__ = [
    "CATALOGUE",
    "GROUPS",
    "Intervention",
    "Parameter",
    "arch_stiffness",
    "gluteal_strength",
    "heel_lift",
    "leg_length",
    "leg_lift",
    "muscle_strength",
    "muscles_in_group",
    "wedge",
]
