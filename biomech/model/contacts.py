"""Contact elements: spheres fixed in the foot against half spaces fixed in ground."""

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
        return cls(*(scalars,) * 10, *(vectors,) * 3, names=(), bodies=())
