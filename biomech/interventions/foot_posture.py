"""Foot posture: a flat (pronated) or a high-arched (supinated) foot.

With s = severity, + for a high arch and - for a flat foot:

    arch height    = (1 +- s HEIGHT) that of the model      (`model.arch`)
    arch stiffness = (1 +- s STIFFNESS)                     (`arch_stiffness`)
    subtalar rest  = s SUBTALAR towards inversion (high arch) or eversion (flat foot)
    forefoot       turned by s FOREFOOT about its long axis, the medial side down (high arch) or up

The midtarsal center goes down or up and the midfoot regions of the sole with it, in proportion;
heel, metatarsal heads and toes stay. That is the neutral angle of the midtarsal joint: a keystone
8 mm lower between arms of about 0.1 m is 10 degrees between hindfoot and forefoot, at which spring
and ligaments rest as they did. So the midtarsal coordinate keeps its zero, and is the angle from
the new shape.

The subtalar joint has limits only, and no spring: they shift. They lie 37 degrees from the middle,
where standing does not reach. What everts the standing flat foot is its forefoot in varus: to
bring both sides of the ball to the ground the heel follows; and a first ray that is down inverts
the high-arched one (what Coleman's block shows). Here ball and toes are turned about the middle of
the ball. A body without subtalar joint does without both, since nothing in it could follow.

Sizes at severity 1. HEIGHT: two standard deviations of the arch height index, 0.340 +- 0.030
(Butler et al. 2008, J. Am. Podiatr. Med. Assoc. 98:102-106), so indices of 0.28 and 0.40, beyond
the usual cut-offs of 1.5 (Williams & McClay 2000, Phys. Ther. 80:864-871). STIFFNESS: heights and
stiffnesses of arches go together weakly, r = 0.30 (Zifchock et al. 2006,
doi:10.1177/107110070602700509), so two standard deviations of height go with 0.6 of stiffness,
0.3 if that is one half of the mean (assumed); the lower or higher truss is already 0.18 softer or
0.23 stiffer at 683 N (planar body), which leaves about 0.1. SUBTALAR: assumed; feet whose heel
stands everted by 2 degrees or more count as pronated, inverted by 3 or more as supinated (static
measures in J. Foot Ankle Res. 2014, 7(Suppl 1):A55). FOREFOOT: assumed alike.

Not modelled: abduction of the forefoot, a heel that is itself crooked, weak tibialis posterior,
tight calf, pain. What is flat here is flexible: without load it is flatter only by HEIGHT.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from ..model.arch import arch_height, clearance, raised_arch
from ..model.body import Model
from .arch_stiffness import arch_stiffness
from .catalogue import SIDES, Intervention, Parameter, suffixes
from .joint_tissue import Tissue, has_tissue, with_tissue
from .sole import METATARSALS, MIDFOOT, TOES, edges, lowered, regions

HEIGHT = 2.0 * 0.030 / 0.340
"""Change of arch height at severity 1, as a part of it [-]."""
STIFFNESS = 0.1
"""Change of arch stiffness at severity 1 beside that of its height [-]."""
SUBTALAR = math.radians(5.0)
"""Shift of the subtalar limits at severity 1 [rad]."""
FOREFOOT = math.radians(5.0)
"""Turn of the forefoot about its long axis at severity 1 [rad]."""


def _severity(description: str) -> Parameter:
    return Parameter(
        name="severity",
        unit="-",
        lower=0.0,
        upper=1.5,
        neutral=0.0,
        description=description,
        source="index 0.340 +- 0.030: Butler 2008, J. Am. Podiatr. Med. Assoc. 98:102; "
        "range assumed",
    )


_FLAT = _severity("arch height two standard deviations below the mean at 1")
_HIGH = _severity("arch height two standard deviations above the mean at 1")


def flat_foot(model: Model, *, side: str, severity: ScalarLike) -> Model:
    """The model with a flat, flexible, pronated foot on `side`.

    Differentiable in `severity` [-]; shapes are kept. Neutral at 0.

    **Raises:** `BadInput` for a model without midtarsal joint, plantar ligaments and regions.
    """
    severity = _FLAT.of("flat_foot", severity, model)
    return _with_posture(model, side, -severity, "flat_foot")


def high_arch(model: Model, *, side: str, severity: ScalarLike) -> Model:
    """The model with a high-arched, stiff, supinated foot on `side`.

    Differentiable in `severity` [-]; shapes are kept. Neutral at 0.

    **Raises:** `BadInput` for a model without midtarsal joint, plantar ligaments and regions.
    """
    severity = _HIGH.of("high_arch", severity, model)
    return _with_posture(model, side, severity, "high_arch")


def _with_posture(model: Model, side: str, supinated: Float[Array, ""], kind: str) -> Model:
    for suffix in suffixes(side):
        under = regions(model, suffix, MIDFOOT, kind)
        share = HEIGHT * supinated
        heights = jnp.stack([clearance(model, suffix, int(i)) for i in under.index])
        model = raised_arch(model, suffix, share * arch_height(model, suffix))
        model = lowered(model, under, -share * heights)
        model = arch_stiffness(model, side=suffix, scale=1.0 + STIFFNESS * supinated)
        if f"subtalar_angle_{suffix}" in model.skeleton.coordinates.names:
            model = _turned_forefoot(model, suffix, FOREFOOT * supinated, kind)
        if has_tissue(model, f"subtalar_{suffix}"):
            rest = Tissue(rest=SUBTALAR * supinated)
            model = with_tissue(model, f"subtalar_{suffix}", kind, rest)
    return model


def _turned_forefoot(model: Model, suffix: str, angle: Float[Array, ""], kind: str) -> Model:
    """Ball and toes with their medial side down by `angle` [rad], turned about their middle."""
    under = regions(model, suffix, (*METATARSALS, *TOES), kind)
    medial, lateral = edges(under)
    return lowered(model, under, jnp.tan(angle) * (0.5 * (medial + lateral) - under.lateral))


FLAT_FOOT = Intervention(
    kind="flat_foot",
    apply=flat_foot,
    parameters=(_FLAT,),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
HIGH_ARCH = Intervention(
    kind="high_arch",
    apply=high_arch,
    parameters=(_HIGH,),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
