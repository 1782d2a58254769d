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


def sole_height(model: Model, side: str) -> Float[Array, ""]:
    """Height of the unloaded sole in the frame of the calcaneus [m]; negative, it is below."""
    calcn, midfoot = (_body(model, name, side) for name in ("calcn", "midfoot"))
    contacts = model.contacts
    lowest = []
    for i, name in enumerate(contacts.names):
        if name.endswith(f"_{side}") and name.startswith(("heel", "metatarsal")):
            shift = 0.0 if contacts.bodies[i] == calcn else _center(model, midfoot)[1]
            lowest.append(contacts.location[i, 1] - contacts.radius[i] + shift)
    if not lowest:
        find("contact", f"heel_medial_{side}", contacts.names)
    return sum(lowest[1:], start=lowest[0]) / len(lowest)


def arch_height(model: Model, side: str) -> Float[Array, ""]:
    """Height of the midtarsal center above the unloaded sole [m]."""
    midfoot = _body(model, "midfoot", side)
    return _center(model, midfoot)[1] - sole_height(model, side)


def with_arch_height(model: Model, side: str, height: ArrayLike) -> Model:
    """The model with the midtarsal center of one foot at `height` above its unloaded sole [m].

    Heel, metatarsal heads, toes and all that is attached to them stay where they are; the plantar
    ligaments of the arch (those across the midtarsal joint but the fascia) keep their places along
    the foot and their height in proportion to the arch's, and their strain at the default pose.
    Muscles keep their points. Differentiable in `height`.

    **Raises:** `UnknownName` for a foot without midtarsal joint or contact regions.
    """
    midfoot, calcn = (_body(model, name, side) for name in ("midfoot", "calcn"))
    sole, old = sole_height(model, side), arch_height(model, side)
    rise = jnp.asarray(height, old.dtype) - old
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
    center = _center(model, midfoot)[1] + rise
    for i in arch:
        of = np.array(ligaments.paths.point_bodies[i])
        frame = jnp.where(jnp.asarray(of == midfoot), center, 0.0)  # of the body, above calcn
        before = new[i, : len(of)]
        y = sole + (before[:, 1] + frame - sole) * (1.0 + rise / old) - frame
        after = before.at[:, 1].set(y)
        in_calcn = jnp.outer(
            jnp.asarray(of == midfoot, old.dtype),
            _center(model, midfoot) + rise * jnp.array([0.0, 1.0, 0.0], old.dtype),
        )
        resting = resting.at[i].multiply(_length(after + in_calcn) / _length(before + in_calcn))
        new = new.at[i, : len(of)].set(after)
    return eqx.tree_at(lambda x: (x.resting_length, x.paths.location), ligaments, (resting, new))


def _length(points):
    return jnp.sum(jnp.sqrt(jnp.sum(jnp.diff(points, axis=0) ** 2, axis=-1)))


def _lifted_points(paths: Paths, body: int, rise):
    """Fixed points on `body`, lower by `rise` in its frame, which is as much higher."""
    mask = np.zeros(paths.location.shape)
    for i, bodies in enumerate(paths.point_bodies):
        for j, on in enumerate(bodies):
            if on == body and (i, j) not in paths.moving:
                mask[i, j, 1] = 1.0
    return paths.location - rise * jnp.asarray(mask, paths.location.dtype)


def _center(model, midfoot):
    """Midtarsal center in the frame of the calcaneus [m]."""
    return model.skeleton.parent_frame_position[midfoot]


def _body(model, name, side):
    return find("body", f"{name}_{side}", model.skeleton.body_names)
