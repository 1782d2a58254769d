"""The diseased hip: osteoarthritis, a torn labrum.

`hip_osteoarthritis`, about every coordinate of the hip that has a passive moment (flexion,
adduction, rotation):

    stiffness of the straight part + stiffness [N m/rad]
    angle of each limit, both ends, moved inwards by range_loss_deg
    pain: the joint's load_weight + pain (see `stand`)

`labral_tear`: limits of flexion and of internal rotation moved inwards by range_loss_deg; the
joint's anterior_weight + pain, since the head pushes on the torn front of the labrum.

A straight part that was none vanishes at the model's own `neutral`, 0 in the built-in bodies: the
stiff hip is then at ease when straight. A limit keeps its width, so it is met earlier, not harder.

Not modelled: weakness (add `muscle_strength`), loss of joint space, deformed bone, fluid, friction
of the joint, a stiffness that is more in one plane than another, and pain that depends on posture
or that lasts. Pain spares load that a study may choose; under a measured motion it has no say.

Source: arthritic hips move less, abduction and rotation most, Arokoski et al. (2004), Arch. Phys.
Med. Rehabil. 85:574-581; flexion and internal rotation with impingement, which tears the labrum:
Tannast et al. (2007) as tabulated by Diamond et al. (2015), Br. J. Sports Med. 49:230-242; force on
the front of the hip as the cause of a tear: Lewis, Sahrmann & Moran (2007), J. Biomech.
40:3725-3731.
Assumed: that all directions lose equally many degrees, and what pain weighs against effort.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import ScalarLike

from ..model.body import Model
from ..model.names import BadInput, find
from .catalogue import SIDES, Intervention, Parameter, suffixes
from .joint_tissue import moments_about

_COORDINATES = ("hip_flexion", "hip_adduction", "hip_rotation")
_TORN = ("hip_flexion", "hip_rotation")

_STIFFNESS = Parameter(
    name="stiffness",
    unit="N m/rad",
    lower=0.0,
    upper=100.0,
    neutral=0.0,
    description="added to the hip's passive moments, about each of its coordinates",
    source="assumed: no measurement of the passive diseased hip was found",
)
_RANGE_LOSS = Parameter(
    name="range_loss_deg",
    unit="deg",
    lower=0.0,
    upper=25.0,
    neutral=0.0,
    description="how much every limit of the hip moves inwards; quiet standing is far from them",
    source="less motion: Arokoski 2004, Arch. Phys. Med. Rehabil. 85:574-581; range assumed",
)
_PAIN = Parameter(
    name="pain",
    unit="-",
    lower=0.0,
    upper=2.0,
    neutral=0.0,
    description="weight of (hip force / body weight)^2 beside the effort of muscles",
    source="assumed",
)
_TORN_RANGE_LOSS = Parameter(
    name="range_loss_deg",
    unit="deg",
    lower=0.0,
    upper=30.0,
    neutral=0.0,
    description="how much the limits of flexion and internal rotation move inwards",
    source="with impingement 105 (SD 16) against 121 (SD 12) deg of flexion, 12 (SD 7) against 35 "
    "(SD 12) of internal rotation: Tannast 2007, as tabulated by Diamond 2015, Br. J. Sports Med. "
    "49:230-242",
)
_FRONT_PAIN = Parameter(
    name="pain",
    unit="-",
    lower=0.0,
    upper=20.0,
    neutral=0.0,
    description="weight of (forward hip force / body weight)^2 beside the effort of muscles",
    source="assumed",
)


def hip_osteoarthritis(
    model: Model,
    *,
    side: str,
    stiffness: ScalarLike = 0.0,
    range_loss_deg: ScalarLike = 0.0,
    pain: ScalarLike = 0.0,
) -> Model:
    """The model with an osteoarthritic hip on `side`: stiffer, less mobile, painful to load.

    Differentiable; shapes are kept. Neutral at 0, 0, 0.

    **Raises:** `BadInput` for a model without the hip's joint and passive moment, by name.
    """
    kind = "hip_osteoarthritis"
    stiffness = _STIFFNESS.of(kind, stiffness, model)
    loss = jnp.deg2rad(_RANGE_LOSS.of(kind, range_loss_deg, model))
    pain = _PAIN.of(kind, pain, model)
    for suffix in suffixes(side):
        rows = required_moments(model, suffix, kind)
        moments, pains = model.passive_moments, model.pains
        model = eqx.tree_at(
            lambda m: (
                m.passive_moments.stiffness,
                m.passive_moments.lower_angle,
                m.passive_moments.upper_angle,
                m.pains.load_weight,
            ),
            model,
            (
                moments.stiffness.at[rows].add(stiffness),
                moments.lower_angle.at[rows].add(loss),
                moments.upper_angle.at[rows].add(-loss),
                pains.load_weight.at[hip(model, suffix)].add(pain),
            ),
        )
    return model


def labral_tear(
    model: Model, *, side: str, pain: ScalarLike = 0.0, range_loss_deg: ScalarLike = 0.0
) -> Model:
    """The model with a torn labrum of the hip on `side`: pain in front, less flexion and rotation.

    Differentiable; shapes are kept. Neutral at 0, 0. In a body whose hip does not rotate, flexion
    alone is limited.

    **Raises:** `BadInput` for a model without the hip's joint and passive moment, by name.
    """
    kind = "labral_tear"
    pain = _FRONT_PAIN.of(kind, pain, model)
    loss = jnp.deg2rad(_TORN_RANGE_LOSS.of(kind, range_loss_deg, model))
    for suffix in suffixes(side):
        required_moments(model, suffix, kind)
        rows = jnp.array(hip_moments(model, suffix, _TORN))
        model = eqx.tree_at(
            lambda m: (m.passive_moments.upper_angle, m.pains.anterior_weight),
            model,
            (
                model.passive_moments.upper_angle.at[rows].add(-loss),
                model.pains.anterior_weight.at[hip(model, suffix)].add(pain),
            ),
        )
    return model


def hip(model: Model, suffix: str) -> int:
    """Index of the hip's joint.

    **Raises:** `UnknownName` for a model that has none of that name.
    """
    return find("joint", f"hip_{suffix}", model.skeleton.joint_names)


def hip_moments(
    model: Model, suffix: str, stems: tuple[str, ...] = _COORDINATES
) -> tuple[int, ...]:
    """Index of every passive moment about these coordinates of the hip."""
    return moments_about(model, [f"{stem}_{suffix}" for stem in stems])


def required_moments(model: Model, suffix: str, kind: str):
    """`hip_moments`, as an array.

    **Raises:** `BadInput` for a model without one about flexion.
    """
    if not hip_moments(model, suffix, ("hip_flexion",)):
        raise BadInput(
            f"{kind}: '{model.name}' has no passive moment about hip_flexion_{suffix}, whose "
            "limits and stiffness this changes. Use a built-in body, or give your own one."
        )
    return jnp.array(hip_moments(model, suffix))


HIP_OSTEOARTHRITIS = Intervention(
    kind="hip_osteoarthritis",
    apply=hip_osteoarthritis,
    parameters=(_STIFFNESS, _RANGE_LOSS, _PAIN),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
    pains=("hip",),
)
LABRAL_TEAR = Intervention(
    kind="labral_tear",
    apply=labral_tear,
    parameters=(_FRONT_PAIN, _TORN_RANGE_LOSS),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
    pains=("hip",),
)
