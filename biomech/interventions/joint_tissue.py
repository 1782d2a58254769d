"""The passive tissue of one joint of the foot: where it rests and how stiff it is.

Joints are known by the names of the built-in bodies' passive moments, as in `mtp_r`.
"""

from collections.abc import Collection
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import ArrayLike

from ..model.body import Model
from ..model.names import BadInput, suggest

_SPRING = ("stiffness", "damping")
_ANGLES = ("neutral", "lower_angle", "upper_angle")


class Tissue(NamedTuple):
    """Changes to the passive moment of one joint; each on its own changes nothing by default.

    - `spring`: stiffness of the straight part and damping, times this [-].
    - `added_stiffness`: to the straight part [N m/rad].
    - `rest`: neutral angle and both limits, shifted by this [rad].
    - `spring_rest`: neutral angle alone [rad].
    """

    spring: ArrayLike = 1.0
    added_stiffness: ArrayLike = 0.0
    rest: ArrayLike = 0.0
    spring_rest: ArrayLike = 0.0


def moments_about(model: Model, coordinates: Collection[str]) -> tuple[int, ...]:
    """Index of every passive moment about one of these coordinates."""
    names = model.skeleton.coordinates.names
    at = model.passive_moments.coordinates
    return tuple(i for i, row in enumerate(at) if names[row] in coordinates)


def has_tissue(model: Model, joint: str) -> bool:
    """Whether the model has a passive moment of this name."""
    return joint in model.passive_moments.names


def with_tissue(model: Model, joint: str, kind: str, change: Tissue) -> Model:
    """The model with the passive moment `joint` changed.

    **Raises:** `BadInput` that names the intervention `kind` if there is none.
    """
    moments = model.passive_moments
    if not has_tissue(model, joint):
        raise BadInput(
            f"{kind} needs the passive moment '{joint}'. {suggest(joint, moments.names)} "
            "The built-in bodies have it; in a file of your own, name that of the joint so."
        )
    row = moments.names.index(joint)
    gain = jnp.ones_like(moments.stiffness).at[row].set(change.spring)
    new = {part: gain * getattr(moments, part) for part in _SPRING}
    new["stiffness"] = new["stiffness"].at[row].add(change.added_stiffness)
    new |= {part: getattr(moments, part).at[row].add(change.rest) for part in _ANGLES}
    new["neutral"] = new["neutral"].at[row].add(change.spring_rest)
    return eqx.tree_at(
        lambda m: [getattr(m.passive_moments, part) for part in new], model, list(new.values())
    )
