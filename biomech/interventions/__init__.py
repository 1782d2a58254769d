"""Conditions and treatments: `Model -> Model`, pure and differentiable."""

from .catalogue import Intervention, Parameter
from .muscle_groups import GROUPS, muscles_in_group
from .muscle_strength import GLUTEAL_STRENGTH, MUSCLE_STRENGTH, gluteal_strength, muscle_strength

CATALOGUE: dict[str, Intervention] = {
    intervention.kind: intervention for intervention in (MUSCLE_STRENGTH, GLUTEAL_STRENGTH)
}
"""Every intervention by the `kind` a configuration names it with."""

__all__ = [
    "CATALOGUE",
    "GROUPS",
    "Intervention",
    "Parameter",
    "gluteal_strength",
    "muscle_strength",
    "muscles_in_group",
]
