"""A body at rest: what gravity, ground, muscles and passive tissue add up to.

    residual = inverse dynamics of the still body under ground and ligaments
               - passive moments - moment arms . muscle forces - actuators           [N m or N]

is zero about every free coordinate of a body in balance, the six (or three) between ground and
pelvis included: then the ground carries the whole weight, under the center of mass.

The ground pushes on each contact region by the region's own law at rest (`dynamics.contact`). That
law has no friction at rest, so the force along the ground is an unknown of its own, the *grip*: for
each region two numbers g along the ground's axes, in shares of the largest friction,

    force along the ground = static_friction * normal force * g,      |g_1|, |g_2| <= 1 / sqrt(2)

a pyramid inside the friction cone. Muscles and their elastic tendons are at constant length
(`muscles.resting_muscle`).
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..dynamics.contact import contact_force, sphere_centers
from ..dynamics.inverse_dynamics import inverse_dynamics, joint_reactions
from ..dynamics.kinematics import BodyMotion, Pose, apply_couplers, pose, project_couplers
from ..dynamics.spatial import body_fixed_xyz_rotation, wrench_at
from ..indexing import sum_by_group
from ..model.body import Model
from ..model.contacts import Contacts
from ..muscles.ligaments import ligament_tension
from ..muscles.passive_moments import about_coordinates, passive_moment
from ..muscles.paths import moment_arms, path_geometry, pull_on_bodies
from ..muscles.resting_muscle import resting_muscle

GRIP_BOUND = math.sqrt(0.5)
"""Largest share of the friction along either axis of the ground [-]."""


class Effort(NamedTuple):
    """What a body does to stay as it is.

    - `activation`: of every muscle [-]. `control`: of every coordinate actuator [-].
    - `grip`: of every contact region along the ground's two axes [-].
    """

    activation: Float[Array, " muscle"]
    control: Float[Array, " actuator"]
    grip: Float[Array, "contact 2"]


class GroundForces(eqx.Module):
    """What the ground does to each contact region, in ground.

    **Attributes:**

    - `force`: [N]. `point`: where it acts [m]. `normal`: its part out of the ground [N].
    - `indentation`: of the region into the ground, negative when apart [m].
    """

    force: Float[Array, "contact 3"]
    point: Float[Array, "contact 3"]
    normal: Float[Array, " contact"]
    indentation: Float[Array, " contact"]


class StillBody(eqx.Module):
    """A body at rest in a pose; the fields that `InverseRecord` has too mean the same.

    **Attributes:**

    - `residual`: what is missing to balance, about the free coordinates [N m or N].
    - `value`: of every coordinate. `now`: the pose.
    - `ground`: what the ground does.
    - `muscle_force`, `muscle_tendon_length`, `norm_fiber_length`, `moment_arm`.
    - `ligament_force` [N]; `ligament_length` [m]; `passive_moment` [N m].
    - `wrench`: of ground, muscles and ligaments on each body [N m, N].
    - `ground_wrench`: that of the ground alone.
    """

    residual: Float[Array, " free"]
    value: Float[Array, " coordinate"]
    now: Pose
    ground: GroundForces
    muscle_force: Float[Array, " muscle"]
    muscle_tendon_length: Float[Array, " muscle"]
    norm_fiber_length: Float[Array, " muscle"]
    moment_arm: Float[Array, "muscle free"]
    ligament_force: Float[Array, " ligament"]
    ligament_length: Float[Array, " ligament"]
    passive_moment: Float[Array, " moment"]
    wrench: Float[Array, "body 6"]
    ground_wrench: Float[Array, "body 6"]


def still_body(
    model: Model,
    free_value: Float[Array, " free"],
    effort: Effort,
    loaded: Float[Array, " contact"],
) -> StillBody:
    """The body at rest with its free coordinates at `free_value` [rad or m].

    `loaded` is 1 for regions that the ground may carry and 0 for others: a lifted foot.
    """
    skeleton = model.skeleton
    value = full_value(model, free_value)
    now = pose(skeleton, value)
    still = _at_rest(now)
    n = len(skeleton.body_names)

    ground = ground_forces(model.contacts, now, effort.grip, loaded)
    body = np.array(model.contacts.bodies, int)
    per_region = wrench_at(ground.force, ground.point)
    ground_wrench = sum_by_group(per_region, body, n) if body.size else jnp.zeros((n, 6))

    ligaments = path_geometry(model.ligaments.paths, now, value)
    tension = ligament_tension(model.ligaments, ligaments.length)
    ligament_wrench = pull_on_bodies(ligaments, tension, n)

    muscles = path_geometry(model.muscles.paths, now, value)
    arms = moment_arms(muscles, skeleton, now)
    resting = resting_muscle(model.muscles, effort.activation, muscles.length)
    force = resting.force

    speed = jnp.zeros_like(value)
    supplied = force @ arms + tension @ ligaments.mobility
    supplied = supplied + tissue_and_actuators(model, value, speed, effort.control)
    needed = inverse_dynamics(skeleton, still, ground_wrench + ligament_wrench)

    free = np.array(skeleton.coordinates.free, int)
    return StillBody(
        residual=project_couplers(skeleton, value, needed - supplied)[free],
        value=value,
        now=now,
        ground=ground,
        muscle_force=force,
        muscle_tendon_length=muscles.length,
        norm_fiber_length=resting.norm_fiber_length,
        moment_arm=project_couplers(skeleton, value, arms)[:, free],
        ligament_force=tension,
        ligament_length=ligaments.length,
        passive_moment=passive_moment(model.passive_moments, value, speed),
        wrench=ground_wrench + ligament_wrench + pull_on_bodies(muscles, force, n),
        ground_wrench=ground_wrench,
    )


def tissue_and_actuators(
    model: Model,
    value: Float[Array, " coordinate"],
    speed: Float[Array, " coordinate"],
    control: Float[Array, " actuator"],
) -> Float[Array, " coordinate"]:
    """Generalized force of passive moments and actuators [N m or N]."""
    tissue = passive_moment(model.passive_moments, value, speed)
    supplied = about_coordinates(model.passive_moments, tissue, value.size)
    own = np.array(model.actuators.coordinates, int)[:, None] == np.arange(value.size)
    return supplied + (control * model.actuators.optimal_force) @ jnp.asarray(own, value.dtype)


def full_value(model: Model, free_value: Float[Array, " free"]) -> Float[Array, " coordinate"]:
    """All coordinates [rad or m]: locked ones at their defaults, coupled ones recomputed."""
    coordinates = model.skeleton.coordinates
    free = np.array(coordinates.free, int)
    onto = jnp.asarray(free[:, None] == np.arange(len(coordinates.names)), free_value.dtype)
    rest = jnp.asarray(~np.isin(np.arange(len(coordinates.names)), free), free_value.dtype)
    return apply_couplers(model.skeleton, free_value @ onto + rest * coordinates.default_value)


def reactions(
    model: Model, body: StillBody, wrench: Float[Array, "body 6"]
) -> tuple[Float[Array, "joint 3"], Float[Array, "joint 3"]]:
    """Force [N] and moment [N m] of each joint's parent on its child, see `joint_reactions`."""
    return joint_reactions(model.skeleton, _at_rest(body.now), wrench)


def ground_forces(
    contacts: Contacts,
    now: Pose,
    grip: Float[Array, "contact 2"],
    loaded: Float[Array, " contact"],
) -> GroundForces:
    """Forces of the ground on the contact regions of a still body."""
    center = sphere_centers(contacts, now)
    still = jnp.zeros_like(center)
    pushed = contact_force(contacts, center, still, still)
    normal_force = loaded * pushed.normal_force
    axes = body_fixed_xyz_rotation(contacts.half_space_orientation)
    along = jnp.sum(axes[..., 1:] * grip[:, None, :], axis=-1)
    friction = (contacts.static_friction * normal_force)[:, None] * along
    force = -normal_force[:, None] * axes[..., 0] + friction
    return GroundForces(force, pushed.point, normal_force, pushed.indentation)


def _at_rest(now: Pose) -> BodyMotion:
    still = jnp.zeros((*now.position.shape[:-1], 6), now.position.dtype)
    return BodyMotion(now, still, still)
