"""Segments of another size: every length that is fixed in a body, times a factor per body axis.

A body is stretched by F = diag(factors) in its own axes. Then, with f = 1 leaving all as it is,

    points (joint frames, mass center, path points, contacts, markers):   x -> F x
    translations of a joint, along a unit axis d of the parent:           amount -> (d . F d) amount
    second moments of mass J (inertia I = tr(J) 1 - J), mass kept:        J -> F J F
    wrap cylinder with unit axis d:   length -> |F d| length,  radius -> sqrt(det F / |F d|) radius
    contact sphere:                   radius -> F_yy radius

The inertia is that of the same material stretched uniformly: mass x length^2, axis by axis. The
cross-section of a cylinder keeps its share of the stretched area. A contact sphere keeps the place
of its lowest point in the stretched sole (y is up in the reference posture). Orientations of
frames, axes and cylinders stay, as in OpenSim's scaling.

A coordinate that is a translation (not of the root, whose parent is ground, which has no size)
takes the factor of its axis: its default, range, passive angles and what depends on it follow, so
that f(q) becomes s f(q / s). Forces, moments, masses and contact stiffness stay.

Source: stretching of coordinates and of their second moments, elementary. Where factors are equal
along x, y and z, all is as OpenSim's `Model.scale` does it. Departures where they are not: OpenSim
takes a body for a cylinder to scale its inertia, and scales the radius of a wrap cylinder with the
mean of the factors along its own x and y.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..model.body import Model
from ..model.contacts import Contacts
from ..model.functions import PiecewisePolynomial
from ..model.passive_moments import PassiveMoments
from ..model.paths import Paths, WrapCylinders
from ..model.skeleton import Coordinates, Skeleton
from .kinematics import default_values, pose
from .spatial import body_fixed_xyz_rotation, rotate, rotate_back


def stretch_segments(model: Model, factors: Float[Array, "body 3"]) -> Model:
    """The model with every body-fixed length times its body's `factors` [-] along x, y, z.

    Lengths of fibers, tendons and ligaments stay: see `muscles.segment_scaling`.
    """
    everywhere = jnp.concatenate([factors, jnp.ones((1, 3), factors.dtype)])  # ground, index -1
    along = _joint_translations(model.skeleton, everywhere)
    of_coordinate = _of_coordinates(model.skeleton, along)
    markers = np.array(model.markers.bodies, dtype=int)
    return eqx.tree_at(
        lambda m: (
            *(m.skeleton, m.muscles.paths, m.ligaments.paths, m.passive_moments, m.contacts),
            m.markers.location,
        ),
        model,
        (
            _skeleton(model.skeleton, factors, everywhere, along, of_coordinate),
            _paths(model.muscles.paths, everywhere, of_coordinate),
            _paths(model.ligaments.paths, everywhere, of_coordinate),
            _passive_moments(model.passive_moments, of_coordinate),
            _contacts(model.contacts, everywhere),
            everywhere[markers] * model.markers.location,
        ),
    )


def segment_length(skeleton: Skeleton, body: str, top: str, bottom: str) -> Float[Array, ""]:
    """Length [m] along the long axis (y) of `body`, from the joint of `top` to that of `bottom`.

    A joint is named by the body that it moves. In the reference posture (default coordinates).
    """
    now = pose(skeleton, default_values(skeleton))
    this, upper, lower = (skeleton.body_index(name) for name in (body, top, bottom))
    across = now.joint_center[lower] - now.joint_center[upper]
    return jnp.abs(rotate_back(now.rotation[this], across)[1])


def _joint_translations(skeleton, everywhere):
    """Factor [-] of the amount along each joint's three translation axes, [body, 3]."""
    in_parent = body_fixed_xyz_rotation(skeleton.parent_frame_orientation)
    axis = rotate(
        jnp.broadcast_to(in_parent[:, None], (len(in_parent), 3, 3, 3)), skeleton.axes[:, 3:]
    )
    return _along(everywhere[np.array(skeleton.parents, dtype=int)][:, None], axis)


def _along(factors, axis):
    """d . F d of unit axes d, written so that it is exactly 1 where every factor is."""
    return 1.0 + jnp.sum((factors - 1.0) * axis**2, axis=-1)


def _of_coordinates(skeleton, along):
    """Factor [-] of each coordinate's own amount: 1 of a rotation, that of its axis of a slide."""
    found = [jnp.ones((), along.dtype)] * len(skeleton.coordinates.names)
    for body, axes in enumerate(skeleton.axis_coordinates):
        for place in reversed(range(3)):  # the first axis that a coordinate slides along counts
            c = axes[3 + place]
            if c >= 0 and skeleton.coordinates.motion_types[c] == "translational":
                found[c] = along[body, place]
    return jnp.stack(found) if found else jnp.ones(0, along.dtype)


def _skeleton(skeleton: Skeleton, factors, everywhere, along, of_coordinate) -> Skeleton:
    turns = jnp.ones_like(along)
    index = np.array(skeleton.axis_coordinates, dtype=int)
    return dataclasses.replace(
        skeleton,
        mass_center=factors * skeleton.mass_center,
        inertia=_inertia(skeleton.inertia, factors),
        parent_frame_position=everywhere[np.array(skeleton.parents, dtype=int)]
        * skeleton.parent_frame_position,
        child_frame_position=factors * skeleton.child_frame_position,
        axis_functions=_function(
            skeleton.axis_functions,
            jnp.concatenate([turns, along], axis=1),
            _argument(of_coordinate, index),
        ),
        coordinates=_coordinates(skeleton.coordinates, of_coordinate),
    )


def _inertia(inertia, factors):
    """Inertia of the stretched bodies of the same mass; exactly the same where factors are 1."""
    xx, yy, zz, xy, xz, yz = jnp.moveaxis(inertia, -1, 0)
    x, y, z = jnp.moveaxis(factors, -1, 0)
    diagonal = lambda own, ahead, behind, a, b: (
        0.5 * ((a**2 + b**2) * own + (a**2 - b**2) * (behind - ahead))
    )
    return jnp.stack(
        [
            diagonal(xx, yy, zz, y, z),
            diagonal(yy, zz, xx, z, x),
            diagonal(zz, xx, yy, x, y),
            *(x * y * xy, x * z * xz, y * z * yz),
        ],
        axis=-1,
    )


def _coordinates(coordinates: Coordinates, factor) -> Coordinates:
    dependent, independent = (
        np.array(index, dtype=int) for index in (coordinates.dependent, coordinates.independent)
    )
    return dataclasses.replace(
        coordinates,
        default_value=factor * coordinates.default_value,
        lower=_times(coordinates.lower, factor),
        upper=_times(coordinates.upper, factor),
        coupler=_function(coordinates.coupler, factor[dependent], factor[independent]),
    )


def _paths(paths: Paths, everywhere, of_coordinate) -> Paths:
    width = paths.location.shape[1]
    body = np.full(paths.location.shape[:2], -1)
    for row, bodies in enumerate(paths.point_bodies):
        body[row, : min(len(bodies), width)] = bodies
    owner = np.array([paths.point_bodies[i][j] for i, j in paths.moving], dtype=int)
    index = np.array(paths.moving_coordinates, dtype=int).reshape(-1, 3)
    conditions = np.array([c for *_, c in paths.conditional], dtype=int)
    return dataclasses.replace(
        paths,
        location=everywhere[body] * paths.location,
        moving_location=_function(
            paths.moving_location, everywhere[owner], _argument(of_coordinate, index)
        ),
        condition_range=_times(paths.condition_range, of_coordinate[conditions][:, None]),
        cylinders=_cylinders(paths.cylinders, everywhere),
    )


def _cylinders(cylinders: WrapCylinders, everywhere) -> WrapCylinders:
    factors = everywhere[np.array(cylinders.bodies, dtype=int)]
    axis = body_fixed_xyz_rotation(cylinders.orientation)[..., 2]
    along = jnp.sqrt(_along(factors**2, axis))
    return dataclasses.replace(
        cylinders,
        length=along * cylinders.length,
        radius=jnp.sqrt(jnp.prod(factors, axis=-1) / along) * cylinders.radius,
        position=factors * cylinders.position,
    )


def _passive_moments(moments: PassiveMoments, of_coordinate) -> PassiveMoments:
    factor = of_coordinate[np.array(moments.coordinates, dtype=int)]
    places = ("neutral", "lower_angle", "lower_width", "upper_angle", "upper_width")
    return dataclasses.replace(moments, **{p: factor * getattr(moments, p) for p in places})


def _contacts(contacts: Contacts, everywhere) -> Contacts:
    factors = everywhere[np.array(contacts.bodies, dtype=int)]
    return dataclasses.replace(
        contacts,
        location=factors * contacts.location,
        radius=factors[:, 1] * contacts.radius,
    )


def _argument(of_coordinate, index):
    """The factor of the coordinates with that index; 1 where there is none (-1)."""
    one = jnp.ones(1, of_coordinate.dtype)
    return jnp.concatenate([of_coordinate, one])[index]


def _function(functions: PiecewisePolynomial, value, argument) -> PiecewisePolynomial:
    """value f(x / argument) of each function."""
    slow = 1.0 / argument
    powers = [slow**n for n in range(functions.coefficients.shape[-1])]
    return PiecewisePolynomial(
        _times(functions.breaks, argument[..., None]),
        argument[..., None] * functions.origin,
        (value[..., None] * jnp.stack(powers, axis=-1))[..., None, :] * functions.coefficients,
    )


def _times(values, factor):
    """The product; infinite values stay, and so do their derivatives."""
    finite = jnp.isfinite(values)
    return jnp.where(finite, factor * jnp.where(finite, values, 0.0), values)
