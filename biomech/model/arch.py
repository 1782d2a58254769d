"""The arch of a foot as a shape: how high its keystone, the midtarsal center, stands.

Height is counted from the plane on which the heel and the metatarsal heads of the unloaded foot
rest at the default pose of midtarsal joint: the lowest points of the contact regions `heel_*` and
`metatarsal_*`, in the frame of the calcaneus (y up).
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from .body import Model
from .names import find
from .paths import Paths

FASCIA = "plantar_fascia"
"""How the names of the strands of plantar fascia begin."""
_SOLE = ("heel", "metatarsal")  # how the names of the regions begin on which a foot rests


def sole_height(model: Model, side: str) -> Float[Array, ""]:
    """Height of the unloaded sole in the frame of the calcaneus [m]; negative, it is below."""
    contacts = model.contacts
    names = enumerate(contacts.names)
    of_sole = [i for i, name in names if name.startswith(_SOLE) and name.endswith(f"_{side}")]
    if not of_sole:
        find("contact", f"heel_medial_{side}", contacts.names)
    lowest = [_lowest(model, side, i) for i in of_sole]
    return sum(lowest[1:], start=lowest[0]) / len(lowest)


def clearance(model: Model, side: str, region: int) -> Float[Array, ""]:
    """Height of the lowest point of a contact region of hindfoot or midfoot above the sole [m]."""
    return _lowest(model, side, region) - sole_height(model, side)


def arch_height(model: Model, side: str) -> Float[Array, ""]:
    """Height of the midtarsal center above the unloaded sole [m]."""
    midfoot = _body(model, "midfoot", side)
    return _center(model, midfoot)[1] - sole_height(model, side)


def fascia_strands(model: Model, side: str) -> list[int]:
    """Index of every ligament that is a strand of the plantar fascia of one foot."""
    names = enumerate(model.ligaments.names)
    return [i for i, name in names if name.startswith(FASCIA) and name.endswith(f"_{side}")]


def with_arch_height(model: Model, side: str, height: ArrayLike) -> Model:
    """The model with the midtarsal center of one foot at `height` above its unloaded sole [m].

    See `raised_arch`. Differentiable in `height`.

    **Raises:** `UnknownName` for a foot without midtarsal joint or contact regions.
    """
    old = arch_height(model, side)
    return raised_arch(model, side, jnp.asarray(height, old.dtype) - old)


def raised_arch(model: Model, side: str, rise: ArrayLike) -> Model:
    """The model with the midtarsal center of one foot higher by `rise` [m]; 0 changes nothing.

    Heel, metatarsal heads, toes and all that is attached to them stay where they are; the plantar
    ligaments of the arch (those across the midtarsal joint but the fascia) keep their places along
    the foot and their height in proportion to the arch's, and their strain at the default pose.
    Muscles keep their points. Differentiable in `rise`.

    **Raises:** `UnknownName` for a foot without midtarsal joint or contact regions.
    """
    midfoot, calcn = (_body(model, name, side) for name in ("midfoot", "calcn"))
    sole, old = sole_height(model, side), arch_height(model, side)
    rise = jnp.asarray(rise, old.dtype)
    up = jnp.array([0.0, 1.0, 0.0], old.dtype)
    lifted = lambda values, rows: values.at[np.array(rows, int)].add(-rise * up)
    skeleton, contacts, markers = model.skeleton, model.contacts, model.markers
    beyond = [i for i, parent in enumerate(skeleton.parents) if parent == midfoot]
    frames = lifted(skeleton.parent_frame_position, beyond).at[midfoot].add(rise * up)
    on = lambda bodies: [i for i, body in enumerate(bodies) if body == midfoot]
    ligaments = _with_arch_ligaments(model, (calcn, midfoot), sole, old, rise)
    return eqx.tree_at(
        lambda m: (
            m.skeleton.parent_frame_position,
            m.skeleton.mass_center,
            m.contacts.location,
            m.markers.location,
            m.muscles.paths.location,
            m.ligaments,
        ),
        model,
        (
            frames,
            lifted(skeleton.mass_center, [midfoot]),
            lifted(contacts.location, on(contacts.bodies)),
            lifted(markers.location, on(markers.bodies)),
            _lifted_points(model.muscles.paths, midfoot, rise),
            ligaments,
        ),
    )


def _with_arch_ligaments(model, bodies, sole, old, rise):
    calcn, midfoot = bodies
    ligaments = model.ligaments
    new = _lifted_points(ligaments.paths, midfoot, rise)
    arch = [
        i
        for i, path in enumerate(ligaments.paths.point_bodies)
        if set(path) == {calcn, midfoot} and not ligaments.names[i].startswith(FASCIA)
    ]
    resting = ligaments.resting_length
    for i in arch:
        of = np.array(ligaments.paths.point_bodies[i])
        on_midfoot = jnp.asarray(of == midfoot, old.dtype)
        place = ligaments.paths.location[i, : len(of)] + jnp.outer(
            on_midfoot, _center(model, midfoot)
        )  # in calcn, where lifting body and points alike changes nothing
        shift = (place[:, 1] - sole) * (rise / old)
        new = new.at[i, : len(of), 1].add(shift)
        longer = _lengthening(place, jnp.zeros_like(place).at[:, 1].set(shift))
        resting = resting.at[i].add(resting[i] * longer / _length(place))
    return eqx.tree_at(lambda x: (x.resting_length, x.paths.location), ligaments, (resting, new))


def _lengthening(points, shifts):
    """How much longer a path through `points` is once they are shifted; exactly 0 for no shift."""
    before, change = jnp.diff(points, axis=0), jnp.diff(shifts, axis=0)
    both = _size(before) + _size(before + change)
    return jnp.sum(jnp.sum(change * (2.0 * before + change), axis=-1) / both)


def _length(points):
    return jnp.sum(_size(jnp.diff(points, axis=0)))


def _size(vectors):
    return jnp.sqrt(jnp.sum(vectors**2, axis=-1))


def _lifted_points(paths: Paths, body: int, rise):
    """Fixed points on `body`, lower by `rise` in its frame, which is as much higher."""
    mask = np.zeros(paths.location.shape)
    for i, bodies in enumerate(paths.point_bodies):
        for j, on in enumerate(bodies):
            if on == body and (i, j) not in paths.moving:
                mask[i, j, 1] = 1.0
    return paths.location - rise * jnp.asarray(mask, paths.location.dtype)


def _lowest(model, side, region):
    """Lowest point of a contact region of hindfoot or midfoot in the frame of calcn [m]."""
    calcn, midfoot = (_body(model, name, side) for name in ("calcn", "midfoot"))
    contacts = model.contacts
    shift = 0.0 if contacts.bodies[region] == calcn else _center(model, midfoot)[1]
    return contacts.location[region, 1] - contacts.radius[region] + shift


def _center(model, midfoot):
    """Midtarsal center in the frame of the calcaneus [m]."""
    return model.skeleton.parent_frame_position[midfoot]


def _body(model, name, side):
    return find("body", f"{name}_{side}", model.skeleton.body_names)
