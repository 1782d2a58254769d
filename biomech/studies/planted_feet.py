"""Feet on which a body stands: flat, and where they are habitually put.

    sum over loaded feet (pitch / PITCH)^2 + (roll / ROLL)^2
    + |stance - habitual stance|^2 / PLACE^2                       where both feet are loaded

Pitch and roll are those of the sole against the ground: of the plane nearest to the depths to which
heel and metatarsal regions press into it. So a foot flattens freely, but does not go on its toes or
its edge to be longer; with a wedge or a lift under it, the wedge lies flat. The stance is the
horizontal distance between the middles of both soles: a standing person does not step to suit a
lift. (People do widen or stagger their stance; that is another habit to give.)

The three sizes are assumed. Pitch counts little, since pads of heel and ball press in by some
millimetres, and where the load stands between them is for the posture of the body to say, not for
the feet: half of this pitch would move it by 4 mm, and make a softer heel lean the body forward.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..dynamics.contact import sphere_centers
from ..dynamics.kinematics import Pose, apply_couplers, pose
from ..model.body import Model
from .equilibrium import full_value, ground_forces
from .gait_events import SIDES

PITCH, ROLL = math.radians(5.0), math.radians(3.0)
"""Tilt of a loaded sole that counts 1 [rad]."""
PLACE = 0.005
"""Shift of one foot against the other that counts 1 [m]."""
_SOLE = ("heel", "metatarsal")  # stems of the regions that a flat foot stands on
_HORIZONTAL = np.array([0, 2])


def feet_cost(
    model: Model,
    now: Pose,
    loaded: Float[Array, " contact"],
    stance: Float[Array, "2"],
) -> Float[Array, ""]:
    """How far loaded feet are from flat and from their place [-]; 0 without regions of a sole."""
    soles = _soles(model)
    total = jnp.zeros((), loaded.dtype)
    if not soles:
        return total
    nothing = jnp.zeros((len(model.contacts.names), 2), loaded.dtype)
    depth = ground_forces(model.contacts, now, nothing, jnp.ones_like(loaded)).indentation
    for rows in soles:
        pitch, roll = _slopes(model, rows) @ depth[rows]
        total = total + loaded[rows[0]] * ((pitch / PITCH) ** 2 + (roll / ROLL) ** 2)
    if len(soles) == len(SIDES):
        both = loaded[soles[0][0]] * loaded[soles[1][0]]
        shift = _stance(model, now, soles) - stance
        total = total + both * jnp.sum(shift**2) / PLACE**2
    return total


def stance_of(model: Model, free_value: Float[Array, " free"]) -> Float[Array, "2"]:
    """From the middle of the left to that of the right sole, forward and to the right [m]."""
    soles = _soles(model)
    if len(soles) < len(SIDES):
        return jnp.zeros(2, free_value.dtype)
    return _stance(model, pose(model.skeleton, full_value(model, free_value)), soles)


def _soles(model) -> list[np.ndarray]:
    """Rows of the contact regions of each sole that has enough of them, right one first."""
    of = lambda side: [
        row
        for row, name in enumerate(model.contacts.names)
        if name.startswith(_SOLE) and name.endswith(f"_{side}")
    ]
    return [np.array(rows) for side in SIDES if len(rows := of(side)) >= 3]


def _places(model, now: Pose, rows):
    return sphere_centers(model.contacts, now)[rows]


def _stance(model, now, soles):
    right, left = (jnp.mean(_places(model, now, rows), axis=0) for rows in soles)
    return (right - left)[_HORIZONTAL]


def _slopes(model, rows):
    """[2, region]: what gives the slopes along x and z of the plane nearest to values at regions.

    By least squares, at where the regions are in the neutral foot.
    """
    default = model.skeleton.coordinates.default_value
    now = pose(model.skeleton, apply_couplers(model.skeleton, default))
    place = jax.lax.stop_gradient(_places(model, now, rows))[:, _HORIZONTAL]
    return jnp.linalg.pinv(place - jnp.mean(place, axis=0, keepdims=True))
