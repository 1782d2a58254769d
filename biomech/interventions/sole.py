"""The sole of a foot: its contact regions, where they lie, and what is put under them.

Regions are known by name: a stem, any further words, the side, as in `heel_medial_r`. Their places
are those in the reference posture (default coordinates), in which a body stands upright, facing
along x: forward is x and lateral is away from the middle of the body.

What is put under a region is fixed to the foot and kept apart from it (`under_thickness`,
`under_softness`, `under_dissipation` of `model.contacts`, where its law stands): it takes part in
every motion of the foot, adds to what is there, and does not change the foot's own shape. So the
order of what is done to a foot and what is put under it does not matter. The ground stays level.
"""

import re
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ..compilation import compiled
from ..dynamics.kinematics import default_values, pose
from ..dynamics.spatial import rotate
from ..model.body import Model
from ..model.names import BadInput

HEEL, MIDFOOT = ("heel",), ("midfoot",)
METATARSALS, TOES = ("metatarsal",), ("hallux", "toes")
WHOLE = (*HEEL, *MIDFOOT, *METATARSALS, *TOES)


class Regions(NamedTuple):
    """Some contact regions of one foot.

    - `index`: of each in the model's contacts.
    - `forward`, `lateral`: place of the sphere's center [m]; only differences mean something.
    - `radius`: [m].
    """

    index: np.ndarray
    forward: Float[Array, " region"]
    lateral: Float[Array, " region"]
    radius: Float[Array, " region"]


def regions(model: Model, suffix: str, stems: tuple[str, ...], kind: str) -> Regions:
    """The regions of the foot `suffix` ("r" or "l") whose names begin with one of `stems`.

    **Raises:** `BadInput` that names the intervention `kind` if there is none.
    """
    pattern = re.compile(rf"(?:{'|'.join(stems)})(?:_\w+)?_{suffix}")
    names = model.contacts.names
    found = [i for i, name in enumerate(names) if pattern.fullmatch(name)]
    if not found:
        wanted = ", ".join(f"{stem}..._{suffix}" for stem in stems)
        has = f"It has {', '.join(names[:12])}." if names else "It has none."
        raise BadInput(
            f"{kind} needs contact regions named {wanted}; this model has none so named. {has} "
            "The built-in bodies have them; in a file of your own, name its contact spheres so."
        )
    index = np.array(found)
    place = _places(model.skeleton, model.contacts)[index]
    outwards = 1.0 if suffix == "r" else -1.0
    return Regions(index, place[:, 0], outwards * place[:, 2], model.contacts.radius[index])


def put_under(model: Model, under: Regions, thickness: Float[Array, " region"]) -> Model:
    """The model with something of `thickness` [m] fixed under each of the regions."""
    return _added(model, lambda m: m.contacts.under_thickness, under, thickness)


def cushion(
    model: Model, under: Regions, softness: ArrayLike, dissipation: ArrayLike = 0.0
) -> Model:
    """The model with something that gives under each of the regions.

    `softness` [-]: its give over that of the foot's own pad under the same force. `dissipation`
    [s/m]: at the speed of all together.
    """
    model = _added(model, lambda m: m.contacts.under_softness, under, softness)
    return _added(model, lambda m: m.contacts.under_dissipation, under, dissipation)


def _added(model, leaf, under, amount):
    return eqx.tree_at(leaf, model, leaf(model).at[under.index].add(amount))


def lowered(model: Model, under: Regions, distance: Float[Array, " region"]) -> Model:
    """The model with regions of the foot itself lower by `distance` [m], along -y of their body."""
    location = model.contacts.location.at[under.index, 1].add(-distance)
    return eqx.tree_at(lambda m: m.contacts.location, model, location)


def edges(under: Regions) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Medial and lateral edge of the regions: where the outermost spheres end [m]."""
    return jnp.min(under.lateral - under.radius), jnp.max(under.lateral + under.radius)


def times_modulus(model: Model, under: Regions, factor: ArrayLike) -> Model:
    """The model with the contact stiffness of each of the regions times `factor` [-]."""
    stiffness = model.contacts.stiffness
    gain = jnp.ones_like(stiffness).at[under.index].set(factor)
    return eqx.tree_at(lambda m: m.contacts.stiffness, model, gain * stiffness)


@compiled
def _places(skeleton, contacts):
    """Center of every contact sphere in ground [m], in the reference posture."""
    now = pose(skeleton, default_values(skeleton))
    body = np.array(contacts.bodies, dtype=int)
    return now.position[body] + rotate(now.rotation[body], contacts.location)
