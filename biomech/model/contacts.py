"""Contact elements: spheres fixed in the foot against half spaces fixed in ground.

Something may lie under a region, fixed to the foot: a shoe, an orthosis, a lift. It is kept apart
from the foot itself, so what is measured on the foot (the height of its arch) does not see it:

    thickness    the sphere acts lower by it, along -y of its body
    softness     give of what lies under it over give of the region, under the same force. By the
                 law of the region, force ~ stiffness depth^(3/2), both together have
                 stiffness / (1 + softness)^(3/2)
    dissipation  what it loses, at the speed of both together. Under one force the region moves
                 1 / (1 + softness) of that speed, and loses with the square of its own:
                 dissipation / (1 + softness)^2 + that of what lies under it

Of several things under one region, each of the three adds up.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .names import BadInput


class Contacts(eqx.Module):
    """Parameters of every sphere on its half space, one value per contact element.

    Names and meaning are those of OpenSim's `SmoothSphereHalfSpaceForce`, `ContactSphere` and
    `ContactHalfSpace`.

    **Attributes:**

    - `stiffness`: plane strain modulus [N/m^2].
    - `dissipation`: [s/m].
    - `static_friction`, `dynamic_friction`: coefficients [-]; `viscous_friction` [s/m].
    - `transition_velocity`: slip speed at which static friction is reached [m/s].
    - `constant_contact_force`: small constant, > 0, that rounds indentation [m^2] and slip speed
      [m^2/s^2] at zero.
    - `hertz_smoothing`: [1/m]; `hunt_crossley_smoothing`: [s/m].
    - `radius`: of the sphere [m]; `location`: of its center in the body [m].
    - `half_space_position` [m], `half_space_orientation` (body-fixed x-y-z angles [rad]): in
      ground. The half space fills the +x side of its own frame.
    - `under_thickness` [m] (negative: thinner than under the rest), `under_softness` [-],
      `under_dissipation` [s/m]: of what lies under the region; 0 where it is bare.
    - `names`: the order of the `contact` axis. Static.
    - `bodies`: index of each sphere's body. Static.
    """

    stiffness: Float[Array, " contact"]
    dissipation: Float[Array, " contact"]
    static_friction: Float[Array, " contact"]
    dynamic_friction: Float[Array, " contact"]
    viscous_friction: Float[Array, " contact"]
    transition_velocity: Float[Array, " contact"]
    constant_contact_force: Float[Array, " contact"]
    hertz_smoothing: Float[Array, " contact"]
    hunt_crossley_smoothing: Float[Array, " contact"]
    radius: Float[Array, " contact"]
    location: Float[Array, "contact 3"]
    half_space_position: Float[Array, "contact 3"]
    half_space_orientation: Float[Array, "contact 3"]
    under_thickness: Float[Array, " contact"]
    under_softness: Float[Array, " contact"]
    under_dissipation: Float[Array, " contact"]
    names: tuple[str, ...] = eqx.field(static=True)
    bodies: tuple[int, ...] = eqx.field(static=True)

    def __check_init__(self):
        n = len(self.names)
        found = {"bodies": len(self.bodies), "stiffness": self.stiffness.shape[-1]}
        found |= {"radius": self.radius.shape[-1], "location": self.location.shape[-2]}
        for field, size in found.items():
            if size != n:
                raise BadInput(
                    f"`Contacts` got {n} names but {size} values of `{field}`. Pass one value per "
                    "contact element, in `names` order."
                )

    @classmethod
    def none(cls) -> "Contacts":
        """No contact at all."""
        scalars, vectors = jnp.zeros(0, dtype=float), jnp.zeros((0, 3), dtype=float)
        return cls(*(scalars,) * 10, *(vectors,) * 3, *(scalars,) * 3, names=(), bodies=())


def with_underlay_merged(contacts: Contacts) -> Contacts:
    """Bare contacts that act as these do with what lies under them."""
    give = 1.0 + contacts.under_softness
    bare = jnp.zeros_like(give)
    return dataclasses.replace(
        contacts,
        location=contacts.location.at[:, 1].add(-contacts.under_thickness),
        stiffness=contacts.stiffness / (give * jnp.sqrt(give)),
        dissipation=contacts.dissipation / give**2 + contacts.under_dissipation,
        under_thickness=bare,
        under_softness=bare,
        under_dissipation=bare,
    )
