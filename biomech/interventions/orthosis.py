"""Foot orthoses: arch support, posts, heel cup; and a metatarsal pad.

`orthosis` puts under the foot, fixed to it (`sole`):

    arch support   thickness under the midfoot regions, all of it under the innermost, tapering
                   across the foot to nothing under the outermost; it gives with `arch_softness`
    posts          the sole of hindfoot or forefoot turned about its middle, which stays as high;
                   positive: valgus post, higher laterally, everts; negative: varus (medial) post
    heel cup       modulus of the heel regions times 1 + heel_cup (CUP - 1)

The support's height counts from the plane on which heel and ball rest: below what the arch leaves
free (15 mm under the medial midfoot of the built-in unloaded foot, 11 mm standing) it touches
nothing, and at 20 mm it carries most of the foot. It pushes and never pulls. A heel cup keeps the
heel pad from spreading: the pad is squeezed less for the same load. CUP: in a plastic cup the
standing heel pad is 17.0 instead of 14.4 mm thick (Wang et al. 1994, Clin. Biomech. 9:297-302); of
20 mm unloaded (assumed) it gives 3.0 instead of 5.6 mm, so (5.6 / 3.0)^(3/2) = 2.55 times the
modulus. A confined pad is stiffer also in cadavers (Footwear Sci. 2021, 13:199-207,
doi:10.1080/19424280.2021.1950215).

`metatarsal_pad` lifts the foot behind the metatarsal heads so that the heads carry less. These
bodies have no region just behind the heads, where a pad lies. The nearest that belong to the same
rigid segment are those under the midfoot; they get what lies under them on a straight line from the
heel to the top of the pad, and the heads nothing:

    thickness(x) = height (x - x_heel) / (x_heads - x_heel)        under midfoot regions

So a rigid foot would stand as on the pad, but the pad pushes 60 to 90 mm too far back, where it
holds up the arch, mostly from the lateral side. Read directions, not pressures.

Not modelled: forefoot against hindfoot turning about the long axis of the foot (there is one
midtarsal hinge): a post under the forefoot turns the whole foot, and the fascia, one strand, is
not spared by a lateral and strained by a medial one (Kogler et al. 1999); the shoe around it,
what an orthosis changes in sensation and habit, its bending, the shank of a shell that bridges heel
and midfoot, pressure relief by a larger area.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from ..model.body import Model
from .catalogue import SIDES, Intervention, Parameter, suffixes
from .sole import HEEL, METATARSALS, MIDFOOT, Regions, cushion, put_under, regions, times_modulus
from .wedge import tilted

CUP = ((20.0 - 14.4) / (20.0 - 17.0)) ** 1.5
"""Modulus of a heel pad in a full cup over that of a free one [-]."""
_NARROWEST = 1e-3  # regions less apart than this are one line, and carry the whole support [m]

_HEIGHT = Parameter(
    name="arch_height_mm",
    unit="mm",
    lower=0.0,
    upper=20.0,
    neutral=0.0,
    description="height of the arch support under the medial midfoot, above heel and ball; below "
    "about 11 mm it touches nothing",
    source="0 to 40 mm in Wahmkow 2017, PLoS ONE 12:e0172334, doi:10.1371/journal.pone.0172334; "
    "range: what this rigid support can hold without lifting heel and ball (assumed)",
)
_SOFTNESS = Parameter(
    name="arch_softness",
    unit="-",
    lower=0.0,
    upper=10.0,
    neutral=0.0,
    description="give of the arch support over that of the midfoot's own pad; 0 is rigid",
    source="range assumed",
)
_REARFOOT = Parameter(
    name="rearfoot_post_deg",
    unit="deg",
    lower=-10.0,
    upper=10.0,
    neutral=0.0,
    description="post under the heel; positive: valgus, everts the heel; negative: varus (medial)",
    source="6 deg in Kogler 1999, J. Bone Joint Surg. Am. 81:1403; range assumed",
)
_FOREFOOT = Parameter(
    name="forefoot_post_deg",
    unit="deg",
    lower=-10.0,
    upper=10.0,
    neutral=0.0,
    description="post under ball and toes; positive: valgus; negative: varus (medial)",
    source="6 deg in Kogler 1999, J. Bone Joint Surg. Am. 81:1403; range assumed",
)
_CUP = Parameter(
    name="heel_cup",
    unit="-",
    lower=0.0,
    upper=1.0,
    neutral=0.0,
    description="how far the heel pad is confined; 1: as in a rigid cup",
    source="Wang 1994, Clin. Biomech. 9:297; unloaded thickness assumed",
)
_PAD = Parameter(
    name="height_mm",
    unit="mm",
    lower=0.0,
    upper=8.0,
    neutral=0.0,
    description="thickness of the pad behind the metatarsal heads",
    source="forefoot pressure -17 % with a dome: Lee 2014, J. Foot Ankle Res. 7:18; range assumed",
)


def orthosis(
    model: Model,
    *,
    side: str,
    arch_height_mm: ScalarLike = 0.0,
    arch_softness: ScalarLike = 0.0,
    rearfoot_post_deg: ScalarLike = 0.0,
    forefoot_post_deg: ScalarLike = 0.0,
    heel_cup: ScalarLike = 0.0,
) -> Model:
    """The model with a foot orthosis on `side`.

    Differentiable; shapes are kept. Neutral where every number is 0; a softness without a height is
    that of a liner under the midfoot.

    **Raises:** `BadInput` for a model without named contact regions side by side.
    """
    kind = "orthosis"
    height = 1e-3 * _HEIGHT.of(kind, arch_height_mm, model)
    softness = _SOFTNESS.of(kind, arch_softness, model)
    rearfoot = jnp.deg2rad(_REARFOOT.of(kind, rearfoot_post_deg, model))
    forefoot = jnp.deg2rad(_FOREFOOT.of(kind, forefoot_post_deg, model))
    confined = _CUP.of(kind, heel_cup, model)
    for suffix in suffixes(side):
        arch, heel = (regions(model, suffix, x, kind) for x in (MIDFOOT, HEEL))
        model = tilted(model, suffix, "hindfoot", rearfoot, kind)
        model = tilted(model, suffix, "forefoot", forefoot, kind)
        model = put_under(model, arch, height * _share(arch))
        model = cushion(model, arch, softness)
        model = times_modulus(model, heel, 1.0 + (CUP - 1.0) * confined)
    return model


def _share(arch: Regions) -> Float[Array, " region"]:
    """1 under the innermost region, falling evenly to 0 under the outermost; 1 if in one line."""
    inner, outer = jnp.min(arch.lateral), jnp.max(arch.lateral)
    wide = outer - inner > _NARROWEST
    width = jnp.where(wide, outer - inner, 1.0)  # no gradient through one line
    return jnp.where(wide, (outer - arch.lateral) / width, 1.0)


def metatarsal_pad(model: Model, *, side: str, height_mm: ScalarLike) -> Model:
    """The model with a pad of `height_mm` behind the metatarsal heads of `side`.

    Differentiable; shapes are kept. Neutral at 0.

    **Raises:** `BadInput` for a model without named heel, midfoot and metatarsal regions.
    """
    height = 1e-3 * _PAD.of("metatarsal_pad", height_mm, model)
    for suffix in suffixes(side):
        heel, under, heads = (
            regions(model, suffix, x, "metatarsal_pad") for x in (HEEL, MIDFOOT, METATARSALS)
        )
        rear, front = jnp.max(heel.forward), jnp.min(heads.forward)
        share = jnp.clip((under.forward - rear) / (front - rear), 0.0, 1.0)
        model = put_under(model, under, height * share)
    return model


ORTHOSIS = Intervention(
    kind="orthosis",
    apply=orthosis,
    parameters=(_HEIGHT, _SOFTNESS, _REARFOOT, _FOREFOOT, _CUP),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
METATARSAL_PAD = Intervention(
    kind="metatarsal_pad",
    apply=metatarsal_pad,
    parameters=(_PAD,),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
