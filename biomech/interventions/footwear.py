"""Footwear: a sole that gives, slopes, rocks and bends.

    cushioning   the sole's give adds to that of the foot's own pad (`sole`), by region: heel,
                 forefoot (ball and toes), and under the midfoot the mean of both
    damping      dissipation = (pad's give / whole give)^2 that of the pad + `dissipation`
    drop         thicker under the heel, as a heel lift (`lifts`)
    rocker       thinner by `rocker_mm` at the foremost toe, evenly from the foremost ball region on
    bending      MTP stiffness + `bending_stiffness`
    toe spring   MTP neutral angle + `toe_spring_deg`

Damping: of two layers under one force the pad moves its share of the speed, and what each loses
goes with the square of its own; `dissipation` is what the sole loses, counted at the speed of the
whole. Toe spring is where the toes rest in the shoe, of foot and sole together: so it counts also
for a sole that is soft to bend. A rocker wants a stiff one: without, the toes bend down to the
ground. Limits of the joint are the foot's own, and stay.

The give of running shoe heels: absorbed energy over force is 0.6 to 11.2 J/kN at its best for 112
shoes (Fuss et al. 2025, doi:10.3390/bioengineering12050467), which under the law of a region
(energy = 2/5 force * depth) is 1.5 to 28 mm; the pad of the built-in heel gives 6.4 mm under one
body weight.

Not modelled: thickness of the whole sole (`leg_lift`), its weight, grip, the upper, a bending or
twisting shank, width, a rocker under the heel, wear. The sole is fixed to the foot.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from ..model.body import Model
from .catalogue import SIDES, Intervention, Parameter, suffixes
from .joint_tissue import Tissue, with_tissue
from .lifts import heel_raised
from .sole import (
    HEEL,
    METATARSALS,
    MIDFOOT,
    TOES,
    cushion,
    put_under,
    regions,
)


def _softness(name: str, where: str) -> Parameter:
    return Parameter(
        name=name,
        unit="-",
        lower=0.0,
        upper=5.0,
        neutral=0.0,
        description=f"give of the sole under the {where} over that of the foot's own pad there",
        source="about 0.2 to 4 of 112 running shoes: Fuss 2025, Bioengineering 12:467, "
        "doi:10.3390/bioengineering12050467; range assumed",
    )


_HEEL = _softness("heel_softness", "heel")
_FOREFOOT = _softness("forefoot_softness", "ball and toes")
_DISSIPATION = Parameter(
    name="dissipation",
    unit="s/m",
    lower=0.0,
    upper=5.0,
    neutral=0.0,
    description="Hunt-Crossley dissipation of the sole, at the speed of sole and pad together",
    source="range assumed; the foot's own is 2 in the built-in bodies",
)
_DROP = Parameter(
    name="drop_mm",
    unit="mm",
    lower=0.0,
    upper=30.0,
    neutral=0.0,
    description="how much thicker the sole is under the heel than under the ball",
    source="12 mm in Wulf 2016, J. Orthop. Sports Phys. Ther. 46:79-86; range assumed",
)
_ROCKER = Parameter(
    name="rocker_mm",
    unit="mm",
    lower=0.0,
    upper=30.0,
    neutral=0.0,
    description="how much thinner the sole is at the tip than under the metatarsal heads",
    source="rocker shoes lower the push-off moment: Sobhani 2013, Gait Posture 38:998; "
    "range assumed",
)
_TOE_SPRING = Parameter(
    name="toe_spring_deg",
    unit="deg",
    lower=0.0,
    upper=40.0,
    neutral=0.0,
    description="how far the toes rest extended in the shoe, over bare",
    source="10 to 40 deg in Sichting 2020, Sci. Rep. 10:14643, doi:10.1038/s41598-020-71247-9",
)
_BENDING = Parameter(
    name="bending_stiffness",
    unit="N m/rad",
    lower=0.0,
    upper=60.0,
    neutral=0.0,
    description="of the sole about the MTP joint",
    source="soles with carbon insoles: Oh & Park 2017, J. Biomech., "
    "doi:10.1016/j.jbiomech.2017.01.014; range assumed",
)


def footwear(
    model: Model,
    *,
    side: str,
    heel_softness: ScalarLike = 0.0,
    forefoot_softness: ScalarLike = 0.0,
    dissipation: ScalarLike = 0.0,
    drop_mm: ScalarLike = 0.0,
    rocker_mm: ScalarLike = 0.0,
    toe_spring_deg: ScalarLike = 0.0,
    bending_stiffness: ScalarLike = 0.0,
) -> Model:
    """The model with a shoe on `side`.

    Differentiable; shapes are kept. Neutral, barefoot, where every number is 0.

    **Raises:** `BadInput` for a model without named contact regions or MTP passive moment.
    """
    kind = "footwear"
    heel, forefoot = (
        parameter.of(kind, value, model)
        for parameter, value in ((_HEEL, heel_softness), (_FOREFOOT, forefoot_softness))
    )
    loss = _DISSIPATION.of(kind, dissipation, model)
    drop = 1e-3 * _DROP.of(kind, drop_mm, model)
    rocker = 1e-3 * _ROCKER.of(kind, rocker_mm, model)
    spring = jnp.deg2rad(_TOE_SPRING.of(kind, toe_spring_deg, model))
    bending = _BENDING.of(kind, bending_stiffness, model)
    layers = ((HEEL, heel), (MIDFOOT, 0.5 * (heel + forefoot)), ((*METATARSALS, *TOES), forefoot))
    for suffix in suffixes(side):
        for stems, softness in layers:
            under = regions(model, suffix, stems, kind)
            model = cushion(model, under, softness, loss)
        model = heel_raised(model, suffix, drop, kind)
        model = _rocking(model, suffix, rocker, kind)
        bent = Tissue(added_stiffness=bending, spring_rest=spring)
        model = with_tissue(model, f"mtp_{suffix}", kind, bent)
    return model


def _rocking(model: Model, suffix: str, height: Float[Array, ""], kind: str) -> Model:
    heads, toes = (regions(model, suffix, x, kind) for x in (METATARSALS, TOES))
    start, tip = jnp.max(heads.forward), jnp.max(toes.forward)
    share = jnp.clip((toes.forward - start) / (tip - start), 0.0, 1.0)
    return put_under(model, toes, -height * share)


FOOTWEAR = Intervention(
    kind="footwear",
    apply=footwear,
    parameters=(_HEEL, _FOREFOOT, _DISSIPATION, _DROP, _ROCKER, _TOE_SPRING, _BENDING),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
