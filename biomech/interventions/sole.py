"""The sole of a foot: its contact regions, where they lie, and what is put under them.

Regions are known by name: a stem, any further words, the side, as in `heel_medial_r`. Their places
are those in the reference posture (default coordinates), in which a body stands upright, facing
along x: forward is x and lateral is away from the middle of the body.

What is put under a region is a *foot-fixed* offset: its sphere moves along the sole normal, which
is -y of the body it is fixed in, by the thickness there. It takes part in every motion of the foot;
the ground stays level. `put_under` compresses nothing: what it puts under is rigid.

Where something gives, its give adds to that of the foot's own pad under the same force. Both follow
the region's law, force ~ modulus * depth^(3/2), so with `softness` = give of the one / give of the
other

    modulus = modulus of the pad / (1 + softness)^(3/2)

The pad is what the region is then: of two layers, each given a softness, the second counts from the
pad and the first together. Give both as one number, their sum, instead.
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
    location = model.contacts.location.at[under.index, 1].add(-thickness)
    return eqx.tree_at(lambda m: m.contacts.location, model, location)


def edges(under: Regions) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Medial and lateral edge of the regions: where the outermost spheres end [m]."""
    return jnp.min(under.lateral - under.radius), jnp.max(under.lateral + under.radius)


def times_modulus(model: Model, under: Regions, factor: ArrayLike) -> Model:
    """The model with the contact stiffness of each of the regions times `factor` [-]."""
    stiffness = model.contacts.stiffness
    gain = jnp.ones_like(stiffness).at[under.index].set(factor)
    return eqx.tree_at(lambda m: m.contacts.stiffness, model, gain * stiffness)


def in_series(softness: ArrayLike) -> Float[Array, ""]:
    """Factor of the modulus of a pad with something that gives under it; see above."""
    total = 1.0 + jnp.asarray(softness)
    return 1.0 / (total * jnp.sqrt(total))


@compiled
def _places(skeleton, contacts):
    """Center of every contact sphere in ground [m], in the reference posture."""
    now = pose(skeleton, default_values(skeleton))
    body = np.array(contacts.bodies, dtype=int)
    return now.position[body] + rotate(now.rotation[body], contacts.location)
