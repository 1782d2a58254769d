"""Smooth contact force between a sphere and a half space.

With indentation d, its speed v_n (both positive when going deeper), slip velocity v_t of the
sphere, and s = sqrt(v_t^2 + c):

    k     = 1/2 stiffness^(2/3)
    f_H   = 4/3 k sqrt(radius k) (d^2 + c)^(3/4) * (1 + tanh(b_d d)) / 2              Hertz
    f_HC  = f_H (1 + 3/2 dissipation v_n)
            * (1 + tanh(b_v (v_n + 2 / (3 dissipation)))) / 2                         Hunt-Crossley
    mu(s) = min(s / v_s, 1) (mu_d + 2 (mu_s - mu_d) / (1 + (s / v_s)^2)) + mu_v s
    force on the sphere = -f_HC n - f_HC mu(s) v_t / s

n points from the sphere into the half space; c is `constant_contact_force`, b_d `hertz_smoothing`,
b_v `hunt_crossley_smoothing`, v_s `transition_velocity`. The force acts midway between the two
surfaces, where v_n and v_t are taken. At rest it has no friction.
Place, stiffness and dissipation are those of the sphere with what lies under it (`Contacts`).

Source: Serrancoli, Falisse, Dembia, Vantilt, Tanghe, Lefeber, Jonkers, De Schutter & De Groote
(2019), IEEE Trans. Neural Syst. Rehabil. Eng. 27:1597-1605, doi:10.1109/TNSRE.2019.2924536; Hunt &
Crossley (1975), J. Appl. Mech. 42:440-445, doi:10.1115/1.3423596;
Sherman, Seth & Delp (2011), doi:10.1016/j.piutam.2011.04.023, for the point and the friction law.
Same numbers as OpenSim's `SmoothSphereHalfSpaceForce`.
The min() has a kink at s = v_s, where the gradient is the mean of both sides. For solvers that use
second derivatives `friction_sharpness` p replaces it by r (1 + r^p)^(-1/p), r = s / v_s: lower by
2^(-1/p) at the kink, equal to first order elsewhere as p grows.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..indexing import pick_rows
from ..model.contacts import Contacts, with_underlay_merged
from .kinematics import Pose
from .spatial import body_fixed_xyz_rotation, cross, rotate


class ContactForce(eqx.Module):
    """Force of the half spaces on the spheres' bodies, in ground.

    **Attributes:**

    - `force`: on the sphere's body [N]; the half space gets the opposite.
    - `point`: where it acts [m].
    - `normal_force`: its part along the half space's outward normal [N].
    - `indentation`: of the sphere, negative when apart [m].
    """

    force: Float[Array, "contact 3"]
    point: Float[Array, "contact 3"]
    normal_force: Float[Array, " contact"]
    indentation: Float[Array, " contact"]


def contact_force(
    contacts: Contacts,
    center: Float[Array, "contact 3"],
    center_velocity: Float[Array, "contact 3"],
    angular_velocity: Float[Array, "contact 3"],
    friction_sharpness: Float[Array, ""] | float | None = None,
) -> ContactForce:
    """Force on each sphere from the place [m] and velocity [m/s] of its center in ground.

    The center is that of `sphere_centers`, lower by what lies under it.
    `angular_velocity` is that of the sphere's body in ground [rad/s]. `friction_sharpness` [-]
    rounds the friction law's kink for solvers, 4 gently, 40 closely; None is the law itself.
    """
    contacts = with_underlay_merged(contacts)
    normal = half_space_normal(contacts)
    depth = jnp.sum((center - contacts.half_space_position) * normal, axis=-1) + contacts.radius
    to_point = (contacts.radius - 0.5 * depth)[:, None] * normal
    velocity = center_velocity + cross(angular_velocity, to_point)
    speed_in = jnp.sum(velocity * normal, axis=-1)
    slip = velocity - speed_in[:, None] * normal

    normal_force = _hunt_crossley(contacts, _hertz(contacts, depth), speed_in)
    slip_speed = jnp.sqrt(jnp.sum(slip**2, axis=-1) + contacts.constant_contact_force)
    friction = normal_force * _friction_coefficient(contacts, slip_speed, friction_sharpness)
    force = -normal_force[:, None] * normal - (friction / slip_speed)[:, None] * slip
    return ContactForce(force, center + to_point, normal_force, depth)


def sphere_centers(contacts: Contacts, now: Pose) -> Float[Array, "contact 3"]:
    """Place in ground [m] of the center of every sphere, lower by what lies under it."""
    body = np.array(contacts.bodies, int)
    position, rotation = (pick_rows(part, body) for part in (now.position, now.rotation))
    return position + rotate(rotation, with_underlay_merged(contacts).location)


def half_space_normal(contacts: Contacts) -> Float[Array, "contact 3"]:
    """Unit vector in ground pointing into each half space: its frame's x axis."""
    return body_fixed_xyz_rotation(contacts.half_space_orientation)[..., 0]


def _hertz(contacts, depth):
    k = 0.5 * contacts.stiffness ** (2.0 / 3.0)
    smooth_depth = (depth**2 + contacts.constant_contact_force) ** 0.75
    inside = 0.5 * (1.0 + jnp.tanh(contacts.hertz_smoothing * depth))
    return 4.0 / 3.0 * k * jnp.sqrt(contacts.radius * k) * smooth_depth * inside


def _hunt_crossley(contacts, hertz_force, speed_in):
    # Without dissipation the cut-off at fast separation is at infinity; the gradient there is 0.
    damped = contacts.dissipation > 0.0
    cut_off = 2.0 / (3.0 * jnp.where(damped, contacts.dissipation, 1.0))
    pushing = 0.5 * (1.0 + jnp.tanh(contacts.hunt_crossley_smoothing * (speed_in + cut_off)))
    damping = 1.0 + 1.5 * contacts.dissipation * speed_in
    return hertz_force * damping * jnp.where(damped, pushing, 1.0)


def _friction_coefficient(contacts, slip_speed, sharpness):
    ratio = slip_speed / contacts.transition_velocity
    if sharpness is None:
        build_up = jnp.minimum(ratio, 1.0)
    else:
        build_up = ratio * jnp.exp(-jax.nn.softplus(sharpness * jnp.log(ratio)) / sharpness)
    excess = 2.0 * (contacts.static_friction - contacts.dynamic_friction)
    dry = build_up * (contacts.dynamic_friction + excess / (1.0 + ratio**2))
    return dry + contacts.viscous_friction * slip_speed
