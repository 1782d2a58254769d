"""A body in motion on the ground: what is missing to move as it does.

    residual = inverse dynamics under ground and ligaments
               - passive moments - moment arms . muscle forces - actuators           [N m or N]

is zero about every free coordinate of a motion that obeys the laws of mechanics, the six (or three)
between ground and pelvis included. The ground pushes on each contact region by the region's own law
(`dynamics.contact`); muscles have rigid tendons (`muscles.rigid_tendon`), and passive fibers that
pull but do not damp: their damping ends in a corner, which a solver would run into.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..dynamics.contact import ContactForce, contact_force, sphere_centers
from ..dynamics.inverse_dynamics import inverse_dynamics
from ..dynamics.kinematics import BodyMotion, body_motion, coupled_motion, project_couplers
from ..dynamics.spatial import cross, wrench_at
from ..indexing import sum_by_group
from ..model.body import Model
from ..muscles.ligaments import ligament_tension
from ..muscles.paths import moment_arms, path_geometry, pull_on_bodies
from ..muscles.rigid_tendon import (
    active_force_at_full_activation,
    passive_force,
    rigid_tendon_state,
)
from .equilibrium import full_value, supplied_without_muscles


class MovingBody(eqx.Module):
    """A body at an instant of its motion.

    **Attributes:**

    - `residual`: what is missing, about the free coordinates [N m or N].
    - `motion`: of the bodies. `value`, `speed`, `acceleration`: of every coordinate.
    - `ground`: what the ground does to each contact region.
    - `muscle_force` along the tendon, `ligament_force` [N].
    - `wrench`: of ground, muscles and ligaments on each body, about the origin [N m, N];
      `ground_wrench`: that of the ground alone.
    """

    residual: Float[Array, " free"]
    motion: BodyMotion
    value: Float[Array, " coordinate"]
    speed: Float[Array, " coordinate"]
    acceleration: Float[Array, " coordinate"]
    ground: ContactForce
    muscle_force: Float[Array, " muscle"]
    ligament_force: Float[Array, " ligament"]
    wrench: Float[Array, "body 6"]
    ground_wrench: Float[Array, "body 6"]


def moving_body(
    model: Model,
    value: Float[Array, " free"],
    speed: Float[Array, " free"],
    acceleration: Float[Array, " free"],
    activation: Float[Array, " muscle"],
    control: Float[Array, " actuator"],
    *,
    friction_sharpness: float | None = None,
) -> MovingBody:
    """The body with its free coordinates so [rad or m, per s, s^2], its muscles at `activation`.

    `control`: of every coordinate actuator [-]. Locked coordinates stay at their defaults, coupled
    ones follow. `friction_sharpness` as in `contact_force`: None is the law itself.
    """
    skeleton = model.skeleton
    n = len(skeleton.body_names)
    free = np.array(skeleton.coordinates.free, int)
    onto = jnp.asarray(free[:, None] == np.arange(len(skeleton.coordinates.names)), value.dtype)
    value, speed, acceleration = coupled_motion(
        skeleton, full_value(model, value), speed @ onto, acceleration @ onto
    )
    motion = body_motion(skeleton, value, speed, acceleration)

    ground = _ground(model, motion, friction_sharpness)
    body = np.array(model.contacts.bodies, int)
    per_region = wrench_at(ground.force, ground.point)
    ground_wrench = sum_by_group(per_region, body, n) if body.size else jnp.zeros((n, 6))

    ligaments = path_geometry(model.ligaments.paths, motion.pose, value)
    tension = ligament_tension(model.ligaments, ligaments.length)
    ligament_wrench = pull_on_bodies(ligaments, tension, n)

    muscles = path_geometry(model.muscles.paths, motion.pose, value)
    arms = moment_arms(muscles, skeleton, motion.pose)
    fiber = rigid_tendon_state(model.muscles, muscles.length, -arms @ speed)
    force = activation * active_force_at_full_activation(model.muscles, fiber)
    force = force + passive_force(model.muscles, fiber, damping=False)

    supplied = supplied_without_muscles(model, value, speed, ligaments, tension, control)
    needed = inverse_dynamics(skeleton, motion, ground_wrench + ligament_wrench)
    missing = project_couplers(skeleton, value, needed - supplied - force @ arms)
    return MovingBody(
        residual=missing[free],
        motion=motion,
        value=value,
        speed=speed,
        acceleration=acceleration,
        ground=ground,
        muscle_force=force,
        ligament_force=tension,
        wrench=ground_wrench + ligament_wrench + pull_on_bodies(muscles, force, n),
        ground_wrench=ground_wrench,
    )


def _ground(model, motion, friction_sharpness):
    contacts = model.contacts
    body = np.array(contacts.bodies, int)
    center = sphere_centers(contacts, motion.pose)
    spin, at_origin = motion.velocity[body, :3], motion.velocity[body, 3:]
    moving = at_origin + cross(spin, center)
    return contact_force(contacts, center, moving, spin, friction_sharpness)
