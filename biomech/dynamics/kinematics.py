"""Where every body is and how it moves, from the generalized coordinates.

Poses are composed level by level of the tree; twists and accelerations are sums over ancestors,

    v = A S(q) qd,      a = A (S(q) qdd + dS/dt qd)

with A the 0/1 ancestor matrix and S(q) the motion subspace, one column per coordinate. A column is
the sum of the joint axes that the coordinate drives, each times the rate r = d(amount)/dq. With d
the direction of an axis in ground, w the angular velocity of what carries it and c the joint
center, which moves with the child,

    rotation     s = (d, c x d)       ds/dt = (w x d, dc/dt x d + c x (w x d))
    translation  s = (0, d)           ds/dt = (0, w x d)

An axis of rotation is carried by the parent and the rotations before it, one of translation by the
parent.

Source: Featherstone (2008), *Rigid Body Dynamics Algorithms*, sections 2.10 and 4.4.
"""

from typing import NamedTuple

import equinox as eqx
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


class JointAxes(NamedTuple):
    """Of each joint's three rotations, then three translations: `direction` in ground, rate of the
    amount with its coordinate and the rate of that (`bend`)."""

    direction: Float[Array, "body 6 3"]
    rate: Float[Array, "body 6"]
    bend: Float[Array, "body 6"]


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
    return _pose_and_axes(skeleton, value)[0]


def _pose_and_axes(skeleton, value) -> tuple[Pose, JointAxes]:
    amount, rate, bend = _axis_amounts(skeleton, value)
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
    now = Pose(position, rotation, joint_center, subspace)
    return now, JointAxes(direction, rate, bend)


def _axis_amounts(skeleton, value):
    """Amount and its first and second derivative along each joint axis, [body, 6]."""
    argument = _of_axes(skeleton, value)
    amount = skeleton.axis_functions
    rate = amount.derivative()
    return amount(argument), rate(argument), rate.derivative()(argument)


def _of_axes(skeleton, of_coordinates):
    """What each joint axis' coordinate has, [body, 6]; 0 where it has none."""
    index = np.array(skeleton.axis_coordinates)
    return jnp.where(index >= 0, of_coordinates[np.maximum(index, 0)], 0.0)


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
    angular = axis[:, :3]
    center = jnp.broadcast_to(joint_center[:, None, :], angular.shape)
    twist = _twists(angular, cross(center, angular), axis[:, 3:])
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
    now, axes = _pose_and_axes(skeleton, value)
    velocity = body_twist(skeleton, now, speed)
    growth = _growth(skeleton, now, axes, velocity, _of_axes(skeleton, speed))
    chain = jnp.asarray(skeleton.ancestors, value.dtype)
    rate = body_twist(skeleton, now, acceleration) + chain @ growth
    return BodyMotion(now, velocity, rate)


def _growth(skeleton, now, axes, velocity, speed):
    """dS/dt qd, summed over the axes of each joint; `speed` of each axis' coordinate."""
    spin = jnp.concatenate([velocity[:, :3], jnp.zeros_like(velocity[:1, :3])])  # -1: ground
    of_parent = spin[np.array(skeleton.parents, int)]
    turning = axes.direction[:, :3] * (axes.rate * speed)[:, :3, None]
    first = of_parent + turning[:, 0]
    carrier = jnp.stack([of_parent, first, first + turning[:, 1], *([of_parent] * 3)], axis=1)
    turned = cross(carrier, axes.direction)

    center = now.joint_center
    drift = velocity[:, 3:] + cross(velocity[:, :3], center)  # of the joint center
    here = lambda v: jnp.broadcast_to(v[:, None], (v.shape[0], 3, 3))
    angular, turned_angular = axes.direction[:, :3], turned[:, :3]
    moment = cross(here(center), angular)
    growing = cross(here(drift), angular) + cross(here(center), turned_angular)
    axis = _twists(angular, moment, axes.direction[:, 3:])
    growth = _twists(turned_angular, growing, turned[:, 3:])
    weight = axes.rate * speed
    return jnp.sum(weight[..., None] * growth + (axes.bend * speed**2)[..., None] * axis, axis=1)


def _twists(angular, linear, translation):
    """Of three axes of rotation and three of translation, [body, 6, 6]."""
    turning = jnp.concatenate([angular, linear], axis=-1)
    shifting = jnp.concatenate([jnp.zeros_like(translation), translation], axis=-1)
    return jnp.concatenate([turning, shifting], axis=1)
