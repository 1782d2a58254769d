"""Toes that are out of shape: a hallux that carries less, lesser toes that stand up.

With s = severity, times or plus:

                                   hallux_valgus             hammertoe
    contact stiffness under        hallux (1 - 0.5 s)        lesser toes (1 - 0.5 s)
    strength                       fhl (1 - 0.5 s)           fdl, fdb (1 - 0.6 s)
    MTP joint                      spring, damping           neutral angle and limits
                                   (1 - 0.25 s)              15 deg s towards extension

All toes of these bodies are one segment on one MTP joint, so that only what the ground carries at
each can differ. A softer region is pressed in as deep for less force.

Sizes at severity 1, a severe deformity. Of hallux valgus: flexion strength of the big toe is lower
by 50 N and peak pressure under it by 106 kPa in severe deformity (Hurn et al. 2015,
doi:10.1002/acr.22380); about half of what controls reach (assumed; not in the abstract), for both.
Its MTP joint, half of the spring of all (as built), loses half of that (assumed). Of hammertoe:
extensors over flexors of toes 2 to 4 are 2.3 to 3.0 times as strong as in straight toes (Kwon et
al. 2009, doi:10.1016/j.clinbiomech.2009.05.010), here all of it lost by the flexors (assumed): 1 -
1/2.65. Extension of 30 degrees in the lesser toes, which are half of the spring (assumed); half of
the contact (assumed).

Not modelled: the angle of the hallux and what it does to the lever of its muscles, a first ray that
gives way, the windlass of a single toe, shorter toes, corns, pain, shoes.
"""

import math
import re

from jaxtyping import Array, Float, ScalarLike

from ..model.body import Model
from .catalogue import SIDES, Intervention, Parameter, suffixes
from .joint_tissue import Tissue, with_tissue
from .muscle_strength import times_strength
from .sole import regions, times_modulus

HALLUX_CONTACT, HALLUX_STRENGTH, HALLUX_SPRING = 0.5, 0.5, 0.25
"""Part of the big toe's contact stiffness and flexor strength, and of the MTP spring, that is lost
at severity 1 [-]."""
LESSER_CONTACT, LESSER_STRENGTH = 0.5, 0.6
"""Part of the lesser toes' contact stiffness and flexor strength that is lost at severity 1 [-]."""
LESSER_EXTENSION = math.radians(15.0)
"""Shift of the MTP joint's neutral angle at severity 1 [rad]."""
_HALLUX_FLEXORS = ("fhl", "flex_hal")
_LESSER_FLEXORS = ("fdl", "flex_dig", "fdb")


def _severity(source: str) -> Parameter:
    return Parameter(
        name="severity",
        unit="-",
        lower=0.0,
        upper=1.0,
        neutral=0.0,
        description="of the deformity; 1 is severe",
        source=source,
    )


_VALGUS = _severity("Hurn 2015, Arthritis Care Res., doi:10.1002/acr.22380; partly assumed")
_HAMMER = _severity(
    "Kwon 2009, Clin. Biomech. 24:670, doi:10.1016/j.clinbiomech.2009.05.010; partly assumed"
)


def hallux_valgus(model: Model, *, side: str, severity: ScalarLike) -> Model:
    """The model with a big toe on `side` that carries, pulls and holds less.

    A model without long flexor of the hallux has none that gets weaker. Differentiable in
    `severity` [-]; shapes are kept. Neutral at 0.

    **Raises:** `BadInput` for a model without a region of the hallux or MTP passive moment.
    """
    severity = _VALGUS.of("hallux_valgus", severity, model)
    for suffix in suffixes(side):
        under = regions(model, suffix, ("hallux",), "hallux_valgus")
        model = times_modulus(model, under, 1.0 - HALLUX_CONTACT * severity)
        model = _weaker(model, suffix, _HALLUX_FLEXORS, 1.0 - HALLUX_STRENGTH * severity)
        spring = Tissue(spring=1.0 - HALLUX_SPRING * severity)
        model = with_tissue(model, f"mtp_{suffix}", "hallux_valgus", spring)
    return model


def hammertoe(model: Model, *, side: str, severity: ScalarLike) -> Model:
    """The model with lesser toes on `side` that stand up at the MTP joint and hardly flex.

    A model without flexors of the lesser toes has none that get weaker. Differentiable in
    `severity` [-]; shapes are kept. Neutral at 0.

    **Raises:** `BadInput` for a model without a region of the lesser toes or MTP passive moment.
    """
    severity = _HAMMER.of("hammertoe", severity, model)
    for suffix in suffixes(side):
        under = regions(model, suffix, ("toes",), "hammertoe")
        model = times_modulus(model, under, 1.0 - LESSER_CONTACT * severity)
        model = _weaker(model, suffix, _LESSER_FLEXORS, 1.0 - LESSER_STRENGTH * severity)
        rest = Tissue(rest=LESSER_EXTENSION * severity)
        model = with_tissue(model, f"mtp_{suffix}", "hammertoe", rest)
    return model


def _weaker(model: Model, suffix: str, stems: tuple[str, ...], left: Float[Array, ""]) -> Model:
    """The model with its muscles of these stems, if any, times `left` as strong."""
    pattern = re.compile(rf"(?:{'|'.join(stems)})\d*_{suffix}")
    index = [i for i, name in enumerate(model.muscles.names) if pattern.fullmatch(name)]
    return times_strength(model, index, left)


HALLUX_VALGUS = Intervention(
    kind="hallux_valgus",
    apply=hallux_valgus,
    parameters=(_VALGUS,),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
HAMMERTOE = Intervention(
    kind="hammertoe",
    apply=hammertoe,
    parameters=(_HAMMER,),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
