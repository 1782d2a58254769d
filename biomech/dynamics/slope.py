"""Sloping ground: every half space turned about the ground's origin.

Ground axes stay level (y up); only the surface that feet stand on turns.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from ..model.body import Model
from .spatial import axis_angle_rotation, body_fixed_xyz_rotation, compose


def on_slope(
    model: Model, *, uphill_deg: ScalarLike = 0.0, right_side_up_deg: ScalarLike = 0.0
) -> Model:
    """The model over ground that rises forward and to the right by these angles [deg].

    The ground is turned about z by `uphill_deg`, then about the level x axis by minus
    `right_side_up_deg`. Differentiable; 0 and 0 are neutral to rounding.
    """
    axes = jnp.asarray([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])
    angles = jnp.deg2rad(jnp.stack([jnp.asarray(uphill_deg), jnp.asarray(right_side_up_deg)]))
    uphill, sideways = axis_angle_rotation(axes, angles.astype(axes.dtype))
    turn = compose(sideways, uphill)
    contacts = model.contacts
    old = body_fixed_xyz_rotation(contacts.half_space_orientation)
    turned = dataclasses.replace(
        contacts,
        half_space_position=contacts.half_space_position @ turn.T,
        half_space_orientation=_angles(compose(jnp.broadcast_to(turn, old.shape), old)),
    )
    return eqx.tree_at(lambda m: m.contacts, model, turned)


def _angles(rotation: Float[Array, "contact 3 3"]) -> Float[Array, "contact 3"]:
    """Body-fixed x-y-z angles [rad] of rotations whose y angle is within 90 degrees."""
    return jnp.stack(
        [
            jnp.arctan2(-rotation[:, 1, 2], rotation[:, 2, 2]),
            jnp.arcsin(jnp.clip(rotation[:, 0, 2], -1.0, 1.0)),
            jnp.arctan2(-rotation[:, 0, 1], rotation[:, 0, 0]),
        ],
        axis=-1,
    )
