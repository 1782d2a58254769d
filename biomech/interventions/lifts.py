"""Lifts: something of even thickness under a foot, or under its heel.

`heel_lift` is as thick as it is high under the heel regions, tapers evenly from the foremost heel
region to the rearmost metatarsal head, and ends there:

    thickness(x) = height * clip((x_heads - x) / (x_heads - x_heel), 0, 1)

`leg_lift` has the same thickness under the whole foot, as a raised sole has. Both are rigid and
fixed to the foot (`sole`). Not modelled: the lift's own give, weight and friction, and what a
raised sole does to the bending of a shoe.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from ..model.body import Model
from .catalogue import SIDES, Intervention, Parameter, suffixes
from .sole import HEEL, METATARSALS, WHOLE, put_under, regions

_HEEL_HEIGHT = Parameter(
    name="height_mm",
    unit="mm",
    lower=0.0,
    upper=30.0,
    neutral=0.0,
    description="how much the heel is raised over the metatarsal heads",
    source="12 mm in Wulf 2016, J. Orthop. Sports Phys. Ther. 46:79-86; range assumed",
)
_LEG_HEIGHT = Parameter(
    name="height_mm",
    unit="mm",
    lower=0.0,
    upper=70.0,
    neutral=0.0,
    description="thickness under the whole foot",
    source="23, 35, 65 mm in Brand & Yack 1996, Clin. Orthop. 333:172-180, "
    "doi:10.1097/00003086-199612000-00017",
)


def heel_lift(model: Model, *, side: str, height_mm: ScalarLike) -> Model:
    """The model with its heel on `side` raised by `height_mm`, tapering to 0 at the metatarsals.

    Differentiable; shapes are kept. Neutral at 0.

    **Raises:** `BadInput` for a model without named heel and metatarsal regions.
    """
    height = 1e-3 * _HEEL_HEIGHT.of("heel_lift", height_mm, model)
    for suffix in suffixes(side):
        model = heel_raised(model, suffix, height)
    return model


def heel_raised(
    model: Model, suffix: str, height: Float[Array, ""], kind: str = "heel_lift"
) -> Model:
    """The model with the heel of the foot `suffix` raised by `height` [m], tapering as above.

    **Raises:** `BadInput` that names the intervention `kind`, as `heel_lift` does.
    """
    heel, heads = (regions(model, suffix, x, kind) for x in (HEEL, METATARSALS))
    under = regions(model, suffix, WHOLE, kind)
    rear, front = jnp.max(heel.forward), jnp.min(heads.forward)
    share = jnp.clip((front - under.forward) / (front - rear), 0.0, 1.0)
    return put_under(model, under, height * share)


def leg_lift(model: Model, *, side: str, height_mm: ScalarLike) -> Model:
    """The model with `height_mm` under the whole foot on `side`.

    Differentiable; shapes are kept. Neutral at 0.

    **Raises:** `BadInput` for a model without named contact regions.
    """
    height = 1e-3 * _LEG_HEIGHT.of("leg_lift", height_mm, model)
    for suffix in suffixes(side):
        under = regions(model, suffix, WHOLE, "leg_lift")
        model = put_under(model, under, height * jnp.ones_like(under.radius))
    return model


HEEL_LIFT = Intervention(
    kind="heel_lift",
    apply=heel_lift,
    parameters=(_HEEL_HEIGHT,),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
LEG_LIFT = Intervention(
    kind="leg_lift",
    apply=leg_lift,
    parameters=(_LEG_HEIGHT,),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=True,
)
