"""Treatments of the hip: an injection, a replacement.

`injection`: both weights of the hip's pain times (1 - relief). It changes nothing in a hip that
does not hurt: apply it after what makes it hurt.

`hip_replacement`:

    weights of pain, and stiffness of the straight part of the passive moments, times (1 - relief)
    angle of each limit, both ends, moved outwards by range_gain_deg
    center of the joint in the pelvis:  medial_mm towards the middle, distal_mm downwards
    center of the joint in the femur:   offset_mm towards the middle

along the axes of pelvis and femur. A larger offset so leaves the shaft, with all that is attached
to it, further out. Muscles lie where their bones are, so shift and offset change their moment arms;
fibers and tendons are as long for their new paths as they were for the old ones
(`muscles.segment_scaling`): a hip that has healed, not one just operated, whose muscles are
stretched or slack. As much offset as medial shift leaves the shaft where it was. A center
`distal_mm` lower makes the whole leg longer by as much: `leg_length` takes that back. A body in a
plane cannot tilt its pelvis, and there a longer leg carries far more.

Not modelled: muscles that were cut or moved, a neck that is longer along the shaft, version of the
stem, limits of the implant, its weight.

Source: shifts as in Johnston, Brand & Crowninshield (1979), J. Bone Joint Surg. Am. 61:639-652;
Delp & Maloney (1993), J. Biomech. 26:485-499, doi:10.1016/0021-9290(93)90011-3; offset: Ruediger
et al. (2017), Arch. Orthop. Trauma Surg. 137:1579-1585, doi:10.1007/s00402-017-2788-6.
Assumed: that relief from pain and from stiffness go together.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import ScalarLike

from ..model.body import Model
from ..muscles.segment_scaling import fit_lengths
from .catalogue import SIDES, Intervention, Parameter, suffixes
from .hip_joint import hip, hip_moments

_OUTWARDS = {"r": 1.0, "l": -1.0}  # sign of z away from the middle of the body

_RELIEF = Parameter(
    name="relief",
    unit="-",
    lower=0.0,
    upper=1.0,
    neutral=0.0,
    description="part of the hip's pain that is taken away",
    source="0.49 two months after a steroid, 0.03 after a placebo: Lambert 2007, Arthritis Rheum. "
    "56:2278-2287, doi:10.1002/art.22739",
)
_RELIEF_OF_ALL = Parameter(
    name="relief",
    unit="-",
    lower=0.0,
    upper=1.0,
    neutral=0.0,
    description="part of the hip's pain and of the stiffness of its passive moments taken away",
    source="assumed",
)
_MEDIAL = Parameter(
    name="medial_mm",
    unit="mm",
    lower=-10.0,
    upper=10.0,
    neutral=0.0,
    description="center of the joint in the pelvis, towards the middle (+)",
    source="20 mm in Delp & Maloney 1993, J. Biomech. 26:485-499, "
    "doi:10.1016/0021-9290(93)90011-3; range assumed",
)
_DISTAL = Parameter(
    name="distal_mm",
    unit="mm",
    lower=-10.0,
    upper=10.0,
    neutral=0.0,
    description="center of the joint in the pelvis, downwards (+)",
    source="20 mm in Delp & Maloney 1993, J. Biomech. 26:485-499, "
    "doi:10.1016/0021-9290(93)90011-3; range assumed",
)
_OFFSET = Parameter(
    name="offset_mm",
    unit="mm",
    lower=-10.0,
    upper=10.0,
    neutral=0.0,
    description="femoral offset: the shaft further from the center of the joint (+)",
    source="a fifth more or less in Ruediger 2017, Arch. Orthop. Trauma Surg. 137:1579-1585, "
    "doi:10.1007/s00402-017-2788-6; range assumed",
)


_RANGE_GAIN = Parameter(
    name="range_gain_deg",
    unit="deg",
    lower=0.0,
    upper=25.0,
    neutral=0.0,
    description="how much every limit of the hip moves outwards: what the disease had taken",
    source="as `range_loss_deg` of `hip_osteoarthritis`",
)


def injection(model: Model, *, side: str, relief: ScalarLike) -> Model:
    """The model whose hip on `side` hurts less: both weights of its pain times (1 - relief).

    Differentiable; shapes are kept. Neutral at 0.

    **Raises:** `UnknownName` for a model without that hip.
    """
    left = 1.0 - _RELIEF.of("injection", relief, model)
    for suffix in suffixes(side):
        model = _relieved(model, suffix, left)
    return model


def hip_replacement(
    model: Model,
    *,
    side: str,
    relief: ScalarLike = 0.0,
    range_gain_deg: ScalarLike = 0.0,
    medial_mm: ScalarLike = 0.0,
    distal_mm: ScalarLike = 0.0,
    offset_mm: ScalarLike = 0.0,
) -> Model:
    """The model with an artificial hip on `side`: less pain and stiffness, another center.

    Differentiable; shapes are kept. Neutral where every number is 0.

    **Raises:** `UnknownName` for a model without that hip.
    """
    kind = "hip_replacement"
    left = 1.0 - _RELIEF_OF_ALL.of(kind, relief, model)
    gain = jnp.deg2rad(_RANGE_GAIN.of(kind, range_gain_deg, model))
    medial = 1e-3 * _MEDIAL.of(kind, medial_mm, model)
    distal = 1e-3 * _DISTAL.of(kind, distal_mm, model)
    offset = 1e-3 * _OFFSET.of(kind, offset_mm, model)
    before = model
    for suffix in suffixes(side):
        model = _relieved(model, suffix, left)
        joint, out = hip(model, suffix), _OUTWARDS[suffix]
        skeleton, moments = model.skeleton, model.passive_moments
        rows = jnp.array(hip_moments(model, suffix), int)
        in_pelvis = jnp.stack([jnp.zeros_like(medial), -distal, -out * medial])
        in_femur = jnp.stack([jnp.zeros_like(offset), jnp.zeros_like(offset), -out * offset])
        model = eqx.tree_at(
            lambda m: (
                m.skeleton.parent_frame_position,
                m.skeleton.child_frame_position,
                m.passive_moments.stiffness,
                m.passive_moments.lower_angle,
                m.passive_moments.upper_angle,
            ),
            model,
            (
                skeleton.parent_frame_position.at[joint].add(in_pelvis),
                skeleton.child_frame_position.at[joint].add(in_femur),
                jnp.ones_like(moments.stiffness).at[rows].set(left) * moments.stiffness,
                moments.lower_angle.at[rows].add(-gain),
                moments.upper_angle.at[rows].add(gain),
            ),
        )
    return fit_lengths(model, before)


def _relieved(model, suffix, left):
    weights = lambda m: (m.pains.load_weight, m.pains.anterior_weight)
    joint = hip(model, suffix)
    return eqx.tree_at(
        weights, model, tuple(jnp.ones_like(w).at[joint].set(left) * w for w in weights(model))
    )


INJECTION = Intervention(
    kind="injection",
    apply=injection,
    parameters=(_RELIEF,),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
HIP_REPLACEMENT = Intervention(
    kind="hip_replacement",
    apply=hip_replacement,
    parameters=(_RELIEF_OF_ALL, _RANGE_GAIN, _MEDIAL, _DISTAL, _OFFSET),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
