"""A longer or shorter leg: femur and tibia stretched along their length, in proportion.

    factor = 1 + difference / (length of femur + length of tibia)        along y of both bodies

so that with the leg in the reference posture (default coordinates, straight in the built-in bodies)
the ankle moves `difference` away from the hip. Lengths are along y, from joint to joint. A
`knee_frame` (of a compliant knee) belongs to the tibia.

What follows (`muscles.segment_scaling`): joint frames, muscle and ligament paths, wraps, markers,
inertia; fibers, tendons and ligaments keep their norm lengths in the reference posture. What stays:
mass, strength, the foot, the patella, all widths. Models a difference that the leg has grown up
with; not an operation that leaves muscles too short, nor a functional difference (pelvis, knee,
foot posture).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from ..compilation import compiled
from ..dynamics.stretched_segments import segment_length
from ..model.body import Model
from ..model.names import BadInput
from ..model.skeleton import Skeleton
from ..muscles.segment_scaling import scale_segments
from .catalogue import Intervention, Parameter, suffixes

_SIDES = ("r", "l")
_FOOT = ("talus", "calcn")  # the first of them that a model has is below the ankle

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
    factor = 1.0 + difference / sum(bone_length(model.skeleton, bone) for bone in bones)
    lengthwise = jnp.stack([jnp.ones_like(factor), factor, jnp.ones_like(factor)])
    return scale_segments(model, {body: lengthwise for bone in bones for body in bone.bodies})


class LongBone(NamedTuple):
    """Femur or tibia: its `bodies`, itself the last, and the bodies that its end joints move."""

    stem: str
    bodies: tuple[str, ...]
    top: str
    bottom: str


def long_bones(model: Model, suffix: str) -> tuple[LongBone, LongBone]:
    """Femur and tibia of the side "r" or "l".

    **Raises:** `BadInput` for a model that lacks one.
    """
    names = model.skeleton.body_names
    femur, frame, tibia, *foot = (
        f"{stem}_{suffix}" for stem in ("femur", "knee_frame", "tibia", *_FOOT)
    )
    ankle = next((body for body in foot if body in names), None)
    if femur not in names or tibia not in names or ankle is None:
        raise BadInput(
            f"The length of a leg needs the bodies {femur}, {tibia} and {' or '.join(foot)}; this "
            f"model has {', '.join(names)}."
        )
    shank = (frame, tibia) if frame in names else (tibia,)
    return (
        LongBone("femur", (femur,), femur, shank[0]),
        LongBone("tibia", shank, shank[0], ankle),
    )


@compiled
def bone_length(skeleton: Skeleton, bone: LongBone) -> Float[Array, ""]:
    """Length [m] of a bone along y, from joint to joint, in the reference posture."""
    return segment_length(skeleton, bone.bodies[-1], bone.top, bone.bottom)


LEG_LENGTH = Intervention(
    kind="leg_length",
    apply=leg_length,
    parameters=(_DIFFERENCE,),
    choices={"side": _SIDES},
    texts=(),
    needs_motion=True,
)
