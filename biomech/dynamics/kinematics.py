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

import itertools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..indexing import replace_rows, sum_by_table, take_rows
from ..model.skeleton import Skeleton
from .spatial import (
    axis_angle_rotation,
    body_fixed_xyz_rotation,
    compose,
    cross,
    rodrigues_terms,
    rotate,
    turned,
)


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


class DrivenAxes(NamedTuple):
    """Which joint axes a coordinate drives: first `turning` rotations, then translations.

    Each one's body, place among the six axes of its joint, and coordinate.
    """

    body: np.ndarray
    axis: np.ndarray
    coordinate: np.ndarray
    turning: int


class Frames(NamedTuple):
    """Of each body its frame and joint center, of each driven axis its direction, in ground."""

    position: Float[Array, "body 3"]
    rotation: Float[Array, "body 3 3"]
    joint_center: Float[Array, "body 3"]
    direction: Float[Array, "axis 3"]


class JointAxes(NamedTuple):
    """Of each driven axis the rate of its amount with its coordinate, the rate of that (`bend`),
    its direction in ground and its twist per unit of amount; of those of rotation the center."""

    rate: Float[Array, " axis"]
    bend: Float[Array, " axis"]
    direction: Float[Array, "axis 3"]
    screw: Float[Array, "axis 6"]
    center: Float[Array, "turning 3"]


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
    rows = _driven_axes(skeleton)
    functions = jax.tree.map(lambda leaf: leaf[rows.body, rows.axis], skeleton.axis_functions)
    slope = functions.derivative()
    argument = _of_axes(skeleton, value)
    amount, rate, bend = (f(argument) for f in (functions, slope, slope.derivative()))
    frames = _frames(skeleton, amount)
    center = _centers(skeleton, frames)
    screw = _screws(frames.direction, center)
    axes = JointAxes(rate, bend, frames.direction, screw, center)
    subspace = sum_by_table(_drives(skeleton).T, rate[:, None] * axes.screw)
    return Pose(frames.position, frames.rotation, frames.joint_center, subspace), axes


@eqx.filter_custom_jvp
def _frames(skeleton, amount) -> Frames:
    """Where driven axes moved by `amount` put everything. Derivatives to it are rigid motions: no
    need to follow them through the products of rotations."""
    return _composed(skeleton, amount)


@_frames.def_jvp
def _frames_jvp(primals, tangents):
    skeleton, amount = primals
    of_skeleton, speed = tangents
    frames = _frames(skeleton, amount)
    change = None if speed is None else _change(skeleton, frames, speed)
    if jax.tree.leaves(of_skeleton):
        composed = lambda skeleton: _composed(skeleton, amount)
        _, more = eqx.filter_jvp(composed, (skeleton,), (of_skeleton,))
        change = more if change is None else jax.tree.map(jnp.add, change, more)
    return frames, change


def _change(skeleton, frames, speed) -> Frames:
    """Rate of the frames where driven axes move at `speed`."""
    n = _driven_axes(skeleton).turning
    center = _centers(skeleton, frames)
    screws = _screws(frames.direction, center)
    twist = sum_by_table(_moves(skeleton), speed[:, None] * screws)
    spin, at_origin = twist[:, :3], twist[:, 3:]
    carried = sum_by_table(_carries(skeleton), speed[:n, None] * frames.direction[:n])
    columns = jnp.swapaxes(frames.rotation, -1, -2)
    turned = cross(jnp.broadcast_to(spin[:, None], columns.shape), columns)
    return Frames(
        at_origin + cross(spin, frames.position),
        jnp.swapaxes(turned, -1, -2),
        at_origin + cross(spin, frames.joint_center),
        cross(carried, frames.direction),
    )


def _composed(skeleton, amount) -> Frames:
    rows = _driven_axes(skeleton)
    turning, shifting = rows.body[: rows.turning], rows.body[rows.turning :]
    relative_rotation, turn = _joint_rotations(skeleton, amount[: rows.turning])
    translation, shift = _joint_translations(skeleton, amount[rows.turning :])
    relative_position = (
        skeleton.parent_frame_position
        + translation
        - rotate(relative_rotation, skeleton.child_frame_position)
    )
    position, rotation, of_parent = _compose(skeleton, relative_position, relative_rotation)
    turn, shift = (
        rotate(take_rows(of_parent, body), axis)
        for body, axis in ((turning, turn), (shifting, shift))
    )
    joint_center = position + rotate(rotation, skeleton.child_frame_position)
    return Frames(position, rotation, joint_center, jnp.concatenate([turn, shift]))


def _centers(skeleton, frames):
    """Joint center of each driven axis of rotation."""
    rows = _driven_axes(skeleton)
    return take_rows(frames.joint_center, rows.body[: rows.turning])


def _driven_axes(skeleton) -> DrivenAxes:
    index = np.array(skeleton.axis_coordinates, int).reshape(-1, 6)
    turning, shifting = (np.argwhere(part >= 0) for part in (index[:, :3], index[:, 3:]))
    body, axis = np.concatenate([turning, shifting + np.array([0, 3])]).T
    return DrivenAxes(body, axis, index[body, axis], len(turning))


def _drives(skeleton):
    """[axis, coordinate] of 0 and 1: which coordinate drives which axis."""
    coordinates = np.arange(len(skeleton.coordinates.names))
    return (_driven_axes(skeleton).coordinate[:, None] == coordinates).astype(float)


def _of_axes(skeleton, of_coordinates):
    """What the coordinate of each driven axis has."""
    return sum_by_table(_drives(skeleton), of_coordinates)


def _resting_amounts(skeleton):
    """Amount along each joint axis that no coordinate drives, [body, 6]; 0 along the others."""
    driven = np.array(skeleton.axis_coordinates).reshape(-1, 6) >= 0
    amount = skeleton.axis_functions(jnp.zeros(driven.shape, skeleton.axes.dtype))
    return jnp.where(driven, 0.0, amount)


def _joint_rotations(skeleton, amount):
    """From each body to its parent, and the driven axes in the parent.

    What no coordinate drives is constant, so the terms of Rodrigues' formula are multiplied by it
    before they meet the angle.
    """
    rows = _driven_axes(skeleton)
    body, axis = rows.body[: rows.turning], rows.axis[: rows.turning]
    driven = np.array(skeleton.axis_coordinates).reshape(-1, 6)[:, :3] >= 0
    turn = np.cumsum(driven, axis=1)  # how many driven rotations up to this axis
    resting = _resting_amounts(skeleton)[:, :3]
    from_child = jnp.swapaxes(body_fixed_xyz_rotation(skeleton.child_frame_orientation), -1, -2)

    def after(count):
        """The constant rotation that follows so many driven ones."""
        still = jnp.where(turn == count, resting, 0.0)
        single = axis_angle_rotation(skeleton.axes[:, :3], still)
        last = (turn[:, 2:] == count)[..., None]
        end = jnp.where(last, from_child, jnp.eye(3, dtype=from_child.dtype)[None])
        return compose(compose(single[:, 0], single[:, 1]), compose(single[:, 2], end))

    rotation = compose(body_fixed_xyz_rotation(skeleton.parent_frame_orientation), after(0))
    directions = jnp.zeros((rows.turning, 3), rotation.dtype)
    for count in range(1, int(turn.max(initial=0)) + 1):
        own = np.flatnonzero(turn[body, axis] == count)
        about = skeleton.axes[body[own], axis[own]]
        before = take_rows(rotation, body[own])
        directions = replace_rows(directions, own, rotate(before, about))
        terms = tuple(compose(term, after(count)[body[own]]) for term in rodrigues_terms(about))
        angle = take_rows(amount, own)
        if count == 1:  # before it everything is constant, too
            new = turned(tuple(compose(before, term) for term in terms), angle)
        else:
            new = compose(before, turned(terms, angle))
        rotation = replace_rows(rotation, body[own], new)
    return rotation, directions


def _joint_translations(skeleton, amount):
    """Of each joint, and the driven axes, in the parent."""
    rows = _driven_axes(skeleton)
    body, axis = rows.body[rows.turning :], rows.axis[rows.turning :]
    in_parent = body_fixed_xyz_rotation(skeleton.parent_frame_orientation)
    resting = skeleton.axes[:, 3:] * _resting_amounts(skeleton)[:, 3:, None]
    along = rotate(in_parent[body], skeleton.axes[body, axis])
    own = (np.arange(len(skeleton.body_names))[:, None] == body).astype(float)
    moved = sum_by_table(own, amount[:, None] * along)
    return rotate(in_parent, jnp.sum(resting, axis=1)) + moved, along


def _compose(skeleton, relative_position, relative_rotation):
    """Poses in ground, and each parent's rotation, level by level of the tree."""
    levels = [np.array(level) for level in skeleton.levels]
    row = np.argsort(np.concatenate(levels))  # of each body in what is put together by level
    positions, rotations = [relative_position[levels[0]]], [relative_rotation[levels[0]]]
    identity = jnp.eye(3, dtype=relative_rotation.dtype)
    parents = [jnp.broadcast_to(identity, rotations[0].shape)]
    for above, bodies in itertools.pairwise(levels):
        parent = np.searchsorted(above, [skeleton.parents[body] for body in bodies])
        base, origin = (take_rows(part[-1], parent) for part in (rotations, positions))
        position, rotation = (
            take_rows(part, bodies) for part in (relative_position, relative_rotation)
        )
        positions.append(origin + rotate(base, position))
        rotations.append(compose(base, rotation))
        parents.append(base)
    return tuple(take_rows(jnp.concatenate(part), row) for part in (positions, rotations, parents))


def _screws(direction, center):
    """Twist of each driven axis per unit of its amount's rate."""
    n = center.shape[0]
    return _twists(direction[:n], cross(center, direction[:n]), direction[n:])


def _twists(angular, linear, shift):
    """Of axes of rotation, then of translation, [axis, 6]."""
    turning = jnp.concatenate([angular, linear], axis=-1)
    shifting = jnp.concatenate([jnp.zeros_like(shift), shift], axis=-1)
    return jnp.concatenate([turning, shifting])


def coordinate_ancestry(skeleton: Skeleton) -> np.ndarray:
    """[body, coordinate] of 0 and 1: which coordinates move which bodies."""
    owner = np.array(skeleton.coordinate_body, dtype=int)
    return skeleton.ancestors[:, np.maximum(owner, 0)] * (owner >= 0)


def body_twist(
    skeleton: Skeleton, now: Pose, speed: Float[Array, " coordinate"]
) -> Float[Array, "body 6"]:
    """Twist of every body where coordinates move at `speed` [rad/s or m/s]."""
    return sum_by_table(coordinate_ancestry(skeleton), now.motion_subspace * speed[:, None])


def body_motion(
    skeleton: Skeleton,
    value: Float[Array, " coordinate"],
    speed: Float[Array, " coordinate"],
    acceleration: Float[Array, " coordinate"],
) -> BodyMotion:
    """Pose, twist and twist rate of every body."""
    now, axes = _pose_and_axes(skeleton, value)
    velocity = body_twist(skeleton, now, speed)
    along, change = _of_axes(skeleton, speed), _of_axes(skeleton, acceleration)
    steady = axes.rate * change + axes.bend * along**2
    grown = _growth(skeleton, axes, velocity, axes.rate * along)
    rate = sum_by_table(_moves(skeleton), steady[:, None] * axes.screw + grown)
    return BodyMotion(now, velocity, rate)


def _growth(skeleton, axes, velocity, speed):
    """ds/dt of each driven axis times its `speed`."""
    rows = _driven_axes(skeleton)
    n, center = rows.turning, axes.center
    turn = axes.direction[:n]
    spin = sum_by_table(_carries(skeleton), speed[:n, None] * turn)
    turned = cross(spin, axes.direction)
    own = take_rows(velocity, rows.body[:n])
    drift = own[:, 3:] + cross(own[:, :3], center)
    moment = cross(drift, turn) + cross(center, turned[:n])
    return speed[:, None] * _twists(turned[:n], moment, turned[n:])


def _moves(skeleton):
    """[body, axis] of 0 and 1: which axes move which bodies."""
    return skeleton.ancestors[:, _driven_axes(skeleton).body]


def _carries(skeleton):
    """[axis, axis of rotation] of 0 and 1: whether the one is turned by the other."""
    rows = _driven_axes(skeleton)
    body, axis = rows.body[: rows.turning], rows.axis[: rows.turning]
    above = skeleton.ancestors - np.eye(len(skeleton.body_names))
    same = (rows.body[:, None] == body) & (axis < rows.axis[:, None]) & (rows.axis[:, None] < 3)
    return above[rows.body[:, None], body] + same
