"""A longer or shorter leg: femur and tibia stretched along their length, in proportion.

    factor = 1 + difference / (length of femur + length of tibia)        along y of both bodies

so that with the leg in the reference posture (default coordinates, straight in the built-in bodies)
the ankle moves `difference` away from the hip. Lengths are along y, from joint to joint.

What follows (`muscles.segment_scaling`): joint frames, muscle and ligament paths, wraps, markers,
inertia; fibers, tendons and ligaments keep their norm lengths in the reference posture. What stays:
mass, strength, the foot, the patella, all widths. Models a difference that the leg has grown up
with; not an operation that leaves muscles too short, nor a functional difference (pelvis, knee,
foot posture).
"""

import jax.numpy as jnp
from jaxtyping import ScalarLike

from ..compilation import compiled
from ..dynamics.stretched_segments import segment_length
from ..model.body import Model
from ..model.names import BadInput
from ..muscles.segment_scaling import scale_segments
from .catalogue import Intervention, Parameter, suffixes

_SIDES = ("r", "l")
_BELOW = {"femur": ("tibia",), "tibia": ("talus", "calcn")}
"""Long bone -> the body below it, whichever the model has."""

_DIFFERENCE = Parameter(
    name="difference_mm",
    unit="mm",
    lower=-65.0,
    upper=65.0,
    neutral=0.0,
    description="how much longer (+) or shorter (-) the leg is than the model's",
    source="mean 5.2, SD 4.1 mm: Knutson 2005, Chiropr. Osteopat. 13:11, "
    "doi:10.1186/1746-1340-13-11; range as simulated by Brand & Yack 1996, Clin. Orthop. "
    "333:172-180, doi:10.1097/00003086-199612000-00017",
)


def leg_length(model: Model, *, side: str, difference_mm: ScalarLike) -> Model:
    """The model with femur and tibia of `side` ("r", "l") longer (+) or shorter (-) in proportion.

    Differentiable; shapes are kept. Neutral at 0.

    **Raises:** `BadInput` for a model without femur, tibia and talus or calcn of that side.
    """
    (suffix,) = suffixes(side, _SIDES)
    difference = 1e-3 * _DIFFERENCE.of("leg_length", difference_mm, model)
    bones = long_bones(model, suffix)
    factor = 1.0 + difference / sum(_lengths(model.skeleton, bones))
    lengthwise = jnp.stack([jnp.ones_like(factor), factor, jnp.ones_like(factor)])
    return scale_segments(model, {bone: lengthwise for bone, _ in bones})


def long_bones(model: Model, suffix: str) -> tuple[tuple[str, str], ...]:
    """Femur and tibia of the side "r" or "l", each with the body below it.

    **Raises:** `BadInput` for a model that lacks one.
    """
    names = model.skeleton.body_names
    found = []
    for bone, below in _BELOW.items():
        under = next((b for b in (f"{stem}_{suffix}" for stem in below) if b in names), None)
        if f"{bone}_{suffix}" not in names or under is None:
            raise BadInput(
                f"The length of a leg needs the bodies femur_{suffix}, tibia_{suffix} and "
                f"talus_{suffix} or calcn_{suffix}; this model has {', '.join(names)}."
            )
        found.append((f"{bone}_{suffix}", under))
    return tuple(found)


@compiled
def _lengths(skeleton, bones):
    return [segment_length(skeleton, bone, below) for bone, below in bones]


LEG_LENGTH = Intervention(
    kind="leg_length",
    apply=leg_length,
    parameters=(_DIFFERENCE,),
    choices={"side": _SIDES},
    texts=(),
    needs_motion=True,
)
