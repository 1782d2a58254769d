"""Weaker or stronger muscles: max isometric force times a factor.

Models loss or gain of force-producing capacity (atrophy, nerve block, training). Does *not* model
pain inhibition, changed timing, fatigue, fibre-type or passive stiffness.
"""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import ScalarLike

from ..model.body import Model
from ..model.names import BadInput, find
from .catalogue import SIDES, Intervention, Parameter, suffixes
from .muscle_groups import muscles_in_group

_SCALE = Parameter(
    name="scale",
    unit="-",
    lower=0.0,
    upper=3.0,
    neutral=1.0,
    description="max isometric force of each muscle named, times this",
    source="0.48 after a superior gluteal nerve block: Kendall 2013, Clin. J. Sport Med. "
    "23:45-51, doi:10.1097/JSM.0b013e31825e66a1; range assumed",
)


def muscle_strength(
    model: Model,
    *,
    scale: ScalarLike,
    muscles: tuple[str, ...] = (),
    group: str | None = None,
    side: str = "both",
) -> Model:
    """The model with `max_isometric_force` [N] of some muscles multiplied by `scale` [-].

    Name `muscles` in full (`("glmed1_r", ...)`), or a clinical `group` (see
    `muscle_groups.GROUPS`) and a `side` ("r", "l", "both"). Differentiable in `scale`; shapes are
    kept, so a sweep compiles once. Neutral at 1.
    """
    if bool(muscles) == (group is not None):
        too = "not both" if muscles else "to say which muscles"
        raise BadInput(f"Give either `muscles=(...)` or `group=...` to muscle_strength, {too}.")
    suffixes(side)
    names = muscles or muscles_in_group(str(group), side, model.muscles.names)
    _SCALE.check("muscle_strength", scale)
    index = sorted({find("muscle", name, model.muscles.names) for name in names})
    return times_strength(model, index, scale)


def times_strength(model: Model, index: Sequence[int], factor: ScalarLike) -> Model:
    """The model with `max_isometric_force` of the muscles at `index` times `factor` [-]."""
    force = model.muscles.max_isometric_force
    gain = jnp.ones_like(force).at[jnp.array(index, int)].set(factor)
    return eqx.tree_at(lambda m: m.muscles.max_isometric_force, model, gain * force)


def gluteal_strength(model: Model, *, scale: ScalarLike, side: str = "both") -> Model:
    """The model with all gluteal muscles (maximus, medius, minimus) of `side` scaled by `scale`."""
    _SCALE.check("gluteal_strength", scale)
    return muscle_strength(model, scale=scale, group="gluteals", side=side)


MUSCLE_STRENGTH = Intervention(
    kind="muscle_strength",
    apply=muscle_strength,
    parameters=(_SCALE,),
    choices={"side": tuple(SIDES)},
    texts=("muscles", "group"),
    needs_motion=False,
)
GLUTEAL_STRENGTH = Intervention(
    kind="gluteal_strength",
    apply=gluteal_strength,
    parameters=(_SCALE,),
    choices={"side": tuple(SIDES)},
    texts=(),
    needs_motion=False,
)
