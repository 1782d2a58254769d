"""Inverse dynamics by Newton-Euler, and the loads that cross each joint.

    wrench a body needs = m a (at the mass center), I alpha + omega x I omega
    wrench across joint i = sum over bodies beyond it of (needed - gravity - applied)
    generalized force of coordinate k = motion subspace k . wrench across its joint

Applied wrenches are ground reactions for inverse dynamics proper; with muscle forces added along
their paths, the wrench across a joint is its *joint reaction* (bone-on-bone and everything the
model does not have: ligaments left out, coordinate actuators, coupler constraints).

Source: Featherstone (2008), *Rigid Body Dynamics Algorithms*, section 5.3 (RNEA), summed with the
ancestor matrix in ground axes instead of recursively.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..model.skeleton import Skeleton
from .kinematics import BodyMotion, Pose, coordinate_ancestry
from .spatial import compose, cross, rotate, rotate_back, wrench_at


def mass_centers(skeleton: Skeleton, now: Pose) -> Float[Array, "body 3"]:
    """Mass center of each body in ground [m]."""
    return now.position + rotate(now.rotation, skeleton.mass_center)


def body_mass(skeleton: Skeleton) -> Float[Array, ""]:
    """Mass of all bodies [kg]."""
    return jnp.sum(skeleton.mass)


def body_weight(skeleton: Skeleton) -> Float[Array, ""]:
    """Weight of all bodies [N]."""
    return body_mass(skeleton) * jnp.sqrt(jnp.sum(skeleton.gravity**2))


def center_of_mass(skeleton: Skeleton, now: Pose) -> Float[Array, "3"]:
    """Center of mass of the whole body in ground [m]."""
    centers = mass_centers(skeleton, now)
    return jnp.sum(skeleton.mass[:, None] * centers, axis=0) / body_mass(skeleton)


def inertia_in_ground(skeleton: Skeleton, now: Pose) -> Float[Array, "body 3 3"]:
    """Inertia of each body about its mass center, ground axes [kg m^2]."""
    inertia = inertia_in_body(skeleton)
    return compose(compose(now.rotation, inertia), jnp.swapaxes(now.rotation, -1, -2))


def inertia_in_body(skeleton: Skeleton) -> Float[Array, "body 3 3"]:
    """Inertia of each body about its mass center, body axes [kg m^2]."""
    xx, yy, zz, xy, xz, yz = jnp.moveaxis(skeleton.inertia, -1, 0)
    rows = [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)


def needed_wrenches(skeleton: Skeleton, motion: BodyMotion) -> Float[Array, "body 6"]:
    """Wrench each body needs, gravity's share taken off [N m, N], about the ground origin."""
    center = mass_centers(skeleton, motion.pose)
    angular, linear = motion.velocity[:, :3], motion.velocity[:, 3:]
    angular_rate, linear_rate = motion.acceleration[:, :3], motion.acceleration[:, 3:]
    center_speed = linear + cross(angular, center)
    center_acceleration = linear_rate + cross(angular_rate, center) + cross(angular, center_speed)
    to_body = lambda vector: rotate_back(motion.pose.rotation, vector)
    inertia, spin = inertia_in_body(skeleton), to_body(angular)
    moment = rotate(inertia, to_body(angular_rate)) + cross(spin, rotate(inertia, spin))
    moment = rotate(motion.pose.rotation, moment)
    pull = center_acceleration - jnp.broadcast_to(skeleton.gravity, center_acceleration.shape)
    return wrench_at(skeleton.mass[:, None] * pull, center, moment)


def across_joints(
    skeleton: Skeleton, wrench_on_body: Float[Array, "body 6"]
) -> Float[Array, "joint 6"]:
    """Sum of `wrench_on_body` over all bodies beyond each joint, about the ground origin."""
    chain = jnp.asarray(skeleton.ancestors, dtype=wrench_on_body.dtype)
    return chain.T @ wrench_on_body


def generalized_forces(
    skeleton: Skeleton, now: Pose, wrench_on_body: Float[Array, "*n body 6"]
) -> Float[Array, "*n coordinate"]:
    """Generalized forces [N m or N] that do the same virtual work as wrenches on bodies."""
    ancestry = jnp.asarray(coordinate_ancestry(skeleton), wrench_on_body.dtype)
    beyond = jnp.einsum("...bi,bc->...ci", wrench_on_body, ancestry)
    return jnp.einsum("...ci,ci->...c", beyond, now.motion_subspace)


def inverse_dynamics(
    skeleton: Skeleton, motion: BodyMotion, applied: Float[Array, "body 6"]
) -> Float[Array, " coordinate"]:
    """Generalized forces [N m or N] that produce `motion` under gravity and `applied` wrenches.

    Coupler constraint forces are not included: see `project_couplers`.
    """
    return generalized_forces(skeleton, motion.pose, needed_wrenches(skeleton, motion) - applied)


def joint_reactions(
    skeleton: Skeleton, motion: BodyMotion, applied: Float[Array, "body 6"]
) -> tuple[Float[Array, "joint 3"], Float[Array, "joint 3"]]:
    """Force [N] and moment [N m] of the parent ON the child body, at the joint center, in ground.

    `applied`: every wrench on the bodies but gravity: ground reactions, muscles, ligaments.
    """
    across = across_joints(skeleton, needed_wrenches(skeleton, motion) - applied)
    force = across[:, 3:]
    moment = across[:, :3] - cross(motion.pose.joint_center, force)
    return force, moment


def mass_matrix(skeleton: Skeleton, now: Pose) -> Float[Array, "coordinate coordinate"]:
    """Joint-space inertia [kg m^2, kg m, kg], couplers not applied."""
    ancestry = jnp.asarray(coordinate_ancestry(skeleton), now.position.dtype)
    twist = ancestry[:, :, None] * now.motion_subspace[None]
    center = mass_centers(skeleton, now)
    angular = twist[..., :3]
    at_center = jnp.broadcast_to(center[:, None, :], angular.shape)
    linear = twist[..., 3:] + cross(angular, at_center)
    inertia = inertia_in_ground(skeleton, now)
    rotational = jnp.einsum("bci,bij,bdj->cd", angular, inertia, angular)
    return rotational + jnp.einsum("b,bci,bdi->cd", skeleton.mass, linear, linear)
