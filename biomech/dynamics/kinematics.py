"""Where every body is and how it moves, from the generalized coordinates.

Poses are composed level by level of the tree; twists and accelerations are sums over ancestors,

    v = A S(q) qd,      a = d/dt v   (a forward derivative of the line above)

with A the 0/1 ancestor matrix and S(q) the motion subspace, one column per coordinate.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..indexing import replace_rows
from ..model.skeleton import Skeleton
from .spatial import axis_angle_rotation, body_fixed_xyz_rotation, compose, cross, rotate


class Pose(eqx.Module):
    """Body frames in ground.

    **Attributes:**

    - `position`: of each body's origin [m].
    - `rotation`: of each body; columns are the body's axes in ground.
    - `joint_center`: origin of each joint's child frame [m].
    - `motion_subspace`: twist per unit speed of each coordinate, see `spatial`.
    """

    position: Float[Array, "body 3"]
    rotation: Float[Array, "body 3 3"]
    joint_center: Float[Array, "body 3"]
    motion_subspace: Float[Array, "coordinate 6"]


class BodyMotion(eqx.Module):
    """Pose with twist (`velocity`) and its rate (`acceleration`), ground axes, ground origin."""

    pose: Pose
    velocity: Float[Array, "body 6"]
    acceleration: Float[Array, "body 6"]


def apply_couplers(
    skeleton: Skeleton, value: Float[Array, " coordinate"]
) -> Float[Array, " coordinate"]:
    """Coordinates with every dependent one recomputed from its coupler."""
    coordinates = skeleton.coordinates
    if not coordinates.dependent:
        return value
    dependent = coordinates.coupler(value[np.array(coordinates.independent)])
    return replace_rows(value, np.array(coordinates.dependent), dependent)


def default_values(skeleton: Skeleton) -> Float[Array, " coordinate"]:
    """Coordinates [rad or m] of the reference posture: their defaults, couplers applied."""
    return apply_couplers(skeleton, skeleton.coordinates.default_value)


def coupled_motion(
    skeleton: Skeleton,
    value: Float[Array, " coordinate"],
    speed: Float[Array, " coordinate"],
    acceleration: Float[Array, " coordinate"],
) -> tuple[Float[Array, " coordinate"], Float[Array, " coordinate"], Float[Array, " coordinate"]]:
    """Value, speed and acceleration with every dependent coordinate recomputed."""
    coordinates = skeleton.coordinates
    if not coordinates.dependent:
        return value, speed, acceleration
    dependent, independent = np.array(coordinates.dependent), np.array(coordinates.independent)
    x, v, a = value[independent], speed[independent], acceleration[independent]
    slope = coordinates.coupler.derivative()
    curvature = slope.derivative()
    return (
        replace_rows(value, dependent, coordinates.coupler(x)),
        replace_rows(speed, dependent, slope(x) * v),
        replace_rows(acceleration, dependent, slope(x) * a + curvature(x) * v * v),
    )


def project_couplers(
    skeleton: Skeleton,
    value: Float[Array, " coordinate"],
    generalized_force: Float[Array, "*row coordinate"],
) -> Float[Array, "*row coordinate"]:
    """Generalized forces along the constraint manifold (virtual work).

    A dependent coordinate's force is added, times the coupler's slope, to its independent
    coordinate and becomes zero itself.
    """
    coordinates = skeleton.coordinates
    if not coordinates.dependent:
        return generalized_force
    dependent, independent = np.array(coordinates.dependent), np.array(coordinates.independent)
    every = np.arange(len(coordinates.names))
    kept, onto = (
        jnp.asarray(x, value.dtype)
        for x in (~np.isin(every, dependent), independent[:, None] == every)
    )
    carried = generalized_force[..., dependent]
    slope = jnp.broadcast_to(coordinates.coupler.derivative()(value[independent]), carried.shape)
    kept = jnp.broadcast_to(kept, generalized_force.shape)
    return kept * generalized_force + (carried * slope) @ onto


def pose(skeleton: Skeleton, value: Float[Array, " coordinate"]) -> Pose:
    """Pose of every body at coordinates `value` [rad or m] (couplers already applied)."""
    amount, rate = _axis_amounts(skeleton, value)
    single = axis_angle_rotation(skeleton.axes[:, :3], amount[:, :3])
    in_parent = body_fixed_xyz_rotation(skeleton.parent_frame_orientation)
    in_child = body_fixed_xyz_rotation(skeleton.child_frame_orientation)
    first_two = compose(single[:, 0], single[:, 1])
    joint_rotation = compose(first_two, single[:, 2])
    joint_translation = jnp.sum(skeleton.axes[:, 3:] * amount[:, 3:, None], axis=1)

    relative_rotation = compose(compose(in_parent, joint_rotation), jnp.swapaxes(in_child, -1, -2))
    relative_position = (
        skeleton.parent_frame_position
        + rotate(in_parent, joint_translation)
        - rotate(relative_rotation, skeleton.child_frame_position)
    )
    position, rotation, parent_rotation = _compose(skeleton, relative_position, relative_rotation)

    frame = compose(parent_rotation, in_parent)
    joint_center = position + rotate(rotation, skeleton.child_frame_position)
    axes = skeleton.axes
    direction = jnp.stack(
        [
            rotate(frame, axes[:, 0]),
            rotate(compose(frame, single[:, 0]), axes[:, 1]),
            rotate(compose(frame, first_two), axes[:, 2]),
            *(rotate(frame, axes[:, i]) for i in (3, 4, 5)),
        ],
        axis=1,
    )
    subspace = _motion_subspace(skeleton, direction, joint_center, rate)
    return Pose(position, rotation, joint_center, subspace)


def _axis_amounts(skeleton, value):
    """Amount and its derivative along each joint axis, [body, 6]."""
    index = np.array(skeleton.axis_coordinates)
    argument = jnp.where(index >= 0, value[np.maximum(index, 0)], 0.0)
    functions = skeleton.axis_functions
    return functions(argument), functions.derivative()(argument)


def _compose(skeleton, relative_position, relative_rotation):
    """Poses in ground, and each parent's rotation, level by level of the tree."""
    levels = [np.array(level) for level in skeleton.levels]
    order = np.concatenate(levels)  # body of each row of what is concatenated level by level
    row = np.argsort(order)
    bodies = levels[0]
    identity = jnp.eye(3, dtype=relative_rotation.dtype)
    positions, rotations = relative_position[bodies], relative_rotation[bodies]
    parents = [jnp.broadcast_to(identity, rotations.shape)]
    for bodies in levels[1:]:
        parent = row[np.array([skeleton.parents[body] for body in bodies])]
        base = rotations[parent]
        position = positions[parent] + rotate(base, relative_position[bodies])
        positions = jnp.concatenate([positions, position])
        rotations = jnp.concatenate([rotations, compose(base, relative_rotation[bodies])])
        parents.append(base)
    return positions[row], rotations[row], jnp.concatenate(parents)[row]


def _motion_subspace(skeleton, direction, joint_center, rate):
    """Twist per unit coordinate speed: sum over the joint axes that the coordinate drives."""
    axis = direction * rate[..., None]
    angular, linear = axis[:, :3], axis[:, 3:]
    center = jnp.broadcast_to(joint_center[:, None, :], angular.shape)
    zero = jnp.zeros_like(angular)
    twist = jnp.concatenate(
        [
            jnp.concatenate([angular, cross(center, angular)], axis=-1),
            jnp.concatenate([zero, linear], axis=-1),
        ],
        axis=1,
    )
    return jnp.einsum("cba,bai->ci", _axis_of_coordinate(skeleton, twist.dtype), twist)


def _axis_of_coordinate(skeleton, dtype):
    """[coordinate, body, axis] of 0 and 1."""
    index = np.array(skeleton.axis_coordinates)
    n = len(skeleton.coordinates.names)
    return jnp.asarray(np.arange(n)[:, None, None] == index[None], dtype=dtype)


def coordinate_ancestry(skeleton: Skeleton) -> np.ndarray:
    """[body, coordinate] of 0 and 1: which coordinates move which bodies."""
    owner = np.array(skeleton.coordinate_body, dtype=int)
    return skeleton.ancestors[:, np.maximum(owner, 0)] * (owner >= 0)


def body_twist(
    skeleton: Skeleton, now: Pose, speed: Float[Array, " coordinate"]
) -> Float[Array, "body 6"]:
    """Twist of every body where coordinates move at `speed` [rad/s or m/s]."""
    ancestry = jnp.asarray(coordinate_ancestry(skeleton), speed.dtype)
    return ancestry @ (now.motion_subspace * speed[:, None])


def body_motion(
    skeleton: Skeleton,
    value: Float[Array, " coordinate"],
    speed: Float[Array, " coordinate"],
    acceleration: Float[Array, " coordinate"],
) -> BodyMotion:
    """Pose, twist and twist rate of every body."""

    def twist(value, speed):
        now = pose(skeleton, value)
        return body_twist(skeleton, now, speed), now

    velocity, rate, now = jax.jvp(twist, (value, speed), (speed, acceleration), has_aux=True)
    return BodyMotion(now, velocity, rate)
