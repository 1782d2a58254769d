"""Conditions and treatments: `Model -> Model`, pure and differentiable."""

from .arch_stiffness import ARCH_STIFFNESS, arch_stiffness
from .catalogue import Intervention, Parameter
from .foot_posture import FLAT_FOOT, HIGH_ARCH, flat_foot, high_arch
from .footwear import FOOTWEAR, footwear
from .hip_joint import HIP_OSTEOARTHRITIS, LABRAL_TEAR, hip_osteoarthritis, labral_tear
from .hip_treatments import HIP_REPLACEMENT, INJECTION, hip_replacement, injection
from .leg_length import LEG_LENGTH, leg_length
from .lifts import HEEL_LIFT, LEG_LIFT, heel_lift, leg_lift
from .muscle_groups import GROUPS, muscles_in_group
from .muscle_strength import GLUTEAL_STRENGTH, MUSCLE_STRENGTH, gluteal_strength, muscle_strength
from .orthosis import METATARSAL_PAD, ORTHOSIS, metatarsal_pad, orthosis
from .osteotomy import OSTEOTOMY, osteotomy
from .plantar_fascia import FASCIOTOMY, fasciotomy
from .sciatic_compression import SCIATIC_COMPRESSION, sciatic_compression
from .tendons import (
    TENDON_COMPLIANCE,
    TENDON_LENGTHENING,
    tendon_compliance,
    tendon_lengthening,
)
from .toes import HALLUX_VALGUS, HAMMERTOE, hallux_valgus, hammertoe
from .training import STRENGTHENING, STRETCHING, strengthening, stretching
from .wedge import WEDGE, wedge

CATALOGUE: dict[str, Intervention] = {
    intervention.kind: intervention
    for intervention in (
        *(ARCH_STIFFNESS, LEG_LENGTH, MUSCLE_STRENGTH, GLUTEAL_STRENGTH),
        *(WEDGE, HEEL_LIFT, LEG_LIFT),
        *(SCIATIC_COMPRESSION, HIP_OSTEOARTHRITIS, LABRAL_TEAR),
        *(INJECTION, HIP_REPLACEMENT, OSTEOTOMY),
        *(TENDON_COMPLIANCE, TENDON_LENGTHENING, STRENGTHENING, STRETCHING),
        *(FLAT_FOOT, HIGH_ARCH, HALLUX_VALGUS, HAMMERTOE, FASCIOTOMY),
        *(ORTHOSIS, METATARSAL_PAD, FOOTWEAR),
    )
}
"""Every intervention by the `kind` a configuration names it with."""

__all__ = [
    "CATALOGUE",
    "GROUPS",
    "Intervention",
    "Parameter",
    "arch_stiffness",
    "fasciotomy",
    "flat_foot",
    "footwear",
    "gluteal_strength",
    "hallux_valgus",
    "hammertoe",
    "heel_lift",
    "high_arch",
    "hip_osteoarthritis",
    "hip_replacement",
    "injection",
    "labral_tear",
    "leg_length",
    "leg_lift",
    "metatarsal_pad",
    "muscle_strength",
    "muscles_in_group",
    "orthosis",
    "osteotomy",
    "sciatic_compression",
    "strengthening",
    "stretching",
    "tendon_compliance",
    "tendon_lengthening",
    "wedge",
]
