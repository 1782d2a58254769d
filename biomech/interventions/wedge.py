"""Wedges: a plane under the foot, or a part of it, that is inclined sideways.

With z the lateral distance, and the edges of the wedged part of the sole where its outermost
contact spheres end (center - or + radius),

    thickness(z) = tan(angle) (z - z_medial)         angle >= 0: lateral wedge, thin medially
    thickness(z) = tan(-angle) (z_lateral - z)       angle <  0: medial wedge, thin laterally

so the thin edge has thickness 0 and a region lies higher by what is under its center. A wedge of
part of the foot has its edges there. So it also raises that part, by half of its greatest
thickness: 3 mm for 4 degrees under a heel. It is rigid and fixed to the foot (`sole`). Not
modelled: its own give, weight and friction.

Gradient at angle 0: there the thin edge passes from one side to the other, so the even part of the
thickness, |tan(angle)| width / 2, has a kink. Its derivative is taken as 0, the mean of both sides:
at 0 the derivative is that of the tilt about the middle of the sole alone.
"""

import jax.numpy as jnp
from jax.errors import ConcretizationTypeError
from jaxtyping import Array, Float, ScalarLike

from ..model.body import Model
from ..model.names import BadInput, suggest
from .catalogue import SIDES, Intervention, Parameter, suffixes
from .sole import HEEL, METATARSALS, TOES, WHOLE, edges, put_under, regions

PARTS = {"full": WHOLE, "hindfoot": HEEL, "forefoot": (*METATARSALS, *TOES)}
"""Part of the foot -> stems of the names of its contact regions."""
_NARROWEST = 1e-3  # centers less apart than this are one line [m]

_ANGLE = Parameter(
    name="angle_deg",
    unit="deg",
    lower=-20.0,
    upper=20.0,
    neutral=0.0,
    description="inclination; positive: thicker on the lateral side",
    source="10, 15, 20 deg in Khamis & Yizhar 2007, Gait Posture 25:127-134, "
    "doi:10.1016/j.gaitpost.2006.02.005",
)


def wedge(model: Model, *, side: str, angle_deg: ScalarLike, part: str = "full") -> Model:
    """The model with a wedge under `part` of its foot: "full", "hindfoot" or "forefoot".

    Positive angles [deg]: the lateral side is thicker, so the foot is turned outwards (everted).
    Differentiable (see the kink above); shapes are kept. Neutral at 0.

    **Raises:** `BadInput` for a model without named contact regions side by side.
    """
    if part not in PARTS:
        raise BadInput(f"wedge.part is '{part}'. {suggest(part, tuple(PARTS))}")
    angle = jnp.deg2rad(_ANGLE.of("wedge", angle_deg, model))
    for suffix in suffixes(side):
        model = wedged(model, suffix, part, angle, "wedge")
    return model


def tilted(
    model: Model, suffix: str, part: str, angle: Float[Array, ""], kind: str = "wedge"
) -> Model:
    """The model with the sole under `part` of the foot `suffix` turned by `angle` [rad].

    As a wedge turns it, but about the middle between the edges: one side higher, the other lower.

    **Raises:** `BadInput` that names the intervention `kind`, as `wedge` does.
    """
    under = regions(model, suffix, PARTS[part], kind)
    _require_width(under, part, suffix, kind)
    medial, lateral = edges(under)
    return put_under(model, under, jnp.tan(angle) * (under.lateral - 0.5 * (medial + lateral)))


def wedged(
    model: Model, suffix: str, part: str, angle: Float[Array, ""], kind: str = "wedge"
) -> Model:
    """The model with a wedge of `angle` [rad], as above, under `part` of the foot `suffix`.

    **Raises:** `BadInput` that names the intervention `kind`, as `wedge` does.
    """
    model = tilted(model, suffix, part, angle, kind)
    under = regions(model, suffix, PARTS[part], kind)
    medial, lateral = edges(under)
    slope = jnp.tan(angle)
    steepness = jnp.sign(slope) * slope  # its derivative at 0 is 0; that of `abs` is not
    raised = steepness * 0.5 * (lateral - medial)
    return put_under(model, under, raised * jnp.ones_like(under.radius))


def _require_width(under, part, suffix, kind):
    try:
        width = float(jnp.max(under.lateral) - jnp.min(under.lateral))
    except ConcretizationTypeError:
        return
    if width < _NARROWEST:
        raise BadInput(
            f"{kind}: the contact regions of the foot '{suffix}' ({part}) lie in one line, "
            "so nothing tells its medial from its lateral side. Use a model with regions side by "
            "side, such as a built-in body."
        )


WEDGE = Intervention(
    kind="wedge",
    apply=wedge,
    parameters=(_ANGLE,),
    choices={"side": tuple(SIDES), "part": tuple(PARTS)},
    texts=(),
    needs_motion=True,
)
