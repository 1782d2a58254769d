"""A body in motion on the ground, and what is missing to move as it does.

If its free coordinates moved at *virtual* speeds u, whatever its own speeds, the forces on it would
work at

    virtual power(u) = sum over bodies of twist(u) . (wrench needed - wrench of the ground)
                       + sum over muscles and ligaments of tension * d(length)/dt (u)
                       - (passive moments + actuators) . u                                       [W]

It is linear in u, and zero for every u where the laws of mechanics hold: those between ground and
pelvis included. Its slope to u is what is missing about each free coordinate, the same as inverse
dynamics less moment arms times forces; but no moment arm and no sum along the tree has to be formed
for it, nor differentiated.

The ground pushes on each contact region by the region's own law (`dynamics.contact`); muscles have
rigid tendons (`muscles.rigid_tendon`), and passive fibers that pull but do not damp: their damping
ends in a corner, which a solver would run into.

Source: the principle of virtual power (d'Alembert, Jourdain), e.g. Kane & Levinson (1985),
*Dynamics: Theory and Applications*, chapter 6.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..dynamics.contact import ContactForce, contact_force, sphere_centers
from ..dynamics.inverse_dynamics import needed_wrenches
from ..dynamics.kinematics import BodyMotion, body_motion, body_twist, coupled_motion
from ..dynamics.spatial import cross, wrench_at
from ..indexing import pick_rows, sum_by_table
from ..model.body import Model
from ..muscles.ligaments import ligament_tension
from ..muscles.paths import PathGeometry, lengthening, path_geometry, pull_on_bodies
from ..muscles.rigid_tendon import (
    active_force_at_full_activation,
    passive_force,
    rigid_tendon_state,
)
from .equilibrium import full_value, tissue_and_actuators


class MovingBody(eqx.Module):
    """A body at an instant of its motion.

    **Attributes:**

    - `motion`: of the bodies. `value`, `speed`, `acceleration`: of every coordinate.
    - `ground`: what the ground does to each contact region.
    - `muscles`, `ligaments`: their paths. `muscle_force` along the tendon, `ligament_force` [N].
    - `supplied`: generalized force of passive moments and actuators [N m or N].
    - `ground_wrench`: of the ground on each body, about the origin [N m, N].
    """

    motion: BodyMotion
    value: Float[Array, " coordinate"]
    speed: Float[Array, " coordinate"]
    acceleration: Float[Array, " coordinate"]
    ground: ContactForce
    muscles: PathGeometry
    ligaments: PathGeometry
    muscle_force: Float[Array, " muscle"]
    ligament_force: Float[Array, " ligament"]
    supplied: Float[Array, " coordinate"]
    ground_wrench: Float[Array, "body 6"]

    @property
    def wrench(self) -> Float[Array, "body 6"]:
        """Of ground, muscles and ligaments on each body, about the origin [N m, N]."""
        n = self.ground_wrench.shape[0]
        muscles = pull_on_bodies(self.muscles, self.muscle_force, n)
        return self.ground_wrench + muscles + pull_on_bodies(self.ligaments, self.ligament_force, n)


def moving_body(
    model: Model,
    value: Float[Array, " free"],
    speed: Float[Array, " free"],
    acceleration: Float[Array, " free"],
    activation: Float[Array, " muscle"],
    control: Float[Array, " actuator"],
    *,
    friction_sharpness: Float[Array, ""] | float | None = None,
) -> MovingBody:
    """The body with its free coordinates so [rad or m, per s, s^2], its muscles at `activation`.

    `control`: of every coordinate actuator [-]. Locked coordinates stay at their defaults, coupled
    ones follow. `friction_sharpness` as in `contact_force`: None is the law itself.
    """
    skeleton = model.skeleton
    value, speed, acceleration = coupled_motion(
        skeleton,
        full_value(model, value),
        _of_every_coordinate(model, speed),
        _of_every_coordinate(model, acceleration),
    )
    motion = body_motion(skeleton, value, speed, acceleration)
    ground, ground_wrench = _ground(model, motion, friction_sharpness)
    ligaments = path_geometry(model.ligaments.paths, motion.pose, value)
    muscles = path_geometry(model.muscles.paths, motion.pose, value)
    stretching = lengthening(muscles, motion.velocity, speed)
    fiber = rigid_tendon_state(model.muscles, muscles.length, stretching)
    force = activation * active_force_at_full_activation(model.muscles, fiber)
    return MovingBody(
        motion=motion,
        value=value,
        speed=speed,
        acceleration=acceleration,
        ground=ground,
        muscles=muscles,
        ligaments=ligaments,
        muscle_force=force + passive_force(model.muscles, fiber, damping=False),
        ligament_force=ligament_tension(model.ligaments, ligaments.length),
        supplied=tissue_and_actuators(model, value, speed, control),
        ground_wrench=ground_wrench,
    )


def virtual_power(
    model: Model, body: MovingBody, virtual: Float[Array, " free"]
) -> Float[Array, ""]:
    """Virtual power [W] of what `body` is missing, at virtual speeds [rad/s or m/s]."""
    skeleton, value = model.skeleton, body.value
    still = jnp.zeros_like(value)
    _, speed, _ = coupled_motion(skeleton, value, _of_every_coordinate(model, virtual), still)
    twist = body_twist(skeleton, body.motion.pose, speed)
    owed = jnp.sum(twist * (needed_wrenches(skeleton, body.motion) - body.ground_wrench))
    owed = owed + body.muscle_force @ lengthening(body.muscles, twist, speed)
    owed = owed + body.ligament_force @ lengthening(body.ligaments, twist, speed)
    return owed - body.supplied @ speed


def missing(model: Model, body: MovingBody) -> Float[Array, " free"]:
    """What is missing about the free coordinates [N m or N]: 0 where the laws of mechanics hold."""
    none = jnp.zeros(len(model.skeleton.coordinates.free), body.value.dtype)
    return jax.grad(lambda virtual: virtual_power(model, body, virtual))(none)


def _of_every_coordinate(model, of_free):
    coordinates = model.skeleton.coordinates
    onto = np.array(coordinates.free, int)[:, None] == np.arange(len(coordinates.names))
    return of_free @ jnp.asarray(onto, of_free.dtype)


def _ground(model, motion, friction_sharpness):
    """Force on each contact region, and wrench on each body."""
    contacts, n = model.contacts, len(model.skeleton.body_names)
    body = np.array(contacts.bodies, int)
    center = sphere_centers(contacts, motion.pose)
    spin, at_origin = jnp.split(pick_rows(motion.velocity, body), 2, axis=-1)
    moving = at_origin + cross(spin, center)
    force = contact_force(contacts, center, moving, spin, friction_sharpness)
    own = (np.arange(n)[:, None] == body).astype(float)
    return force, sum_by_table(own, wrench_at(force.force, force.point))
