"""What muscles and joints carry along a walk, in the fields of the study `inverse`.

Between the two there is no difference in meaning: only that here nothing is measured, and muscles
follow from the whole movement instead of each instant by itself.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..dynamics.inverse_dynamics import center_of_mass, inverse_dynamics, joint_reactions
from ..dynamics.kinematics import project_couplers
from ..dynamics.spatial import rotate_back
from ..model.body import Model
from ..muscles.paths import lengthening, moment_arms
from ..muscles.rigid_tendon import active_force_at_full_activation, rigid_tendon_state
from ..solvers.collocation import Collocation
from .gait_events import SIDES
from .inverse import InverseRecord
from .mirror import Mirror
from .moving_body import MovingBody, missing, moving_body
from .walking_programme import Unknowns


class Drive(NamedTuple):
    """What drives a body within the intervals of a mesh [-]; a polynomial passes through it.

    - `excitation`: of every muscle. `control`: of every coordinate actuator.
    """

    excitation: Float[Array, "*interval node muscle"]
    control: Float[Array, "*interval node actuator"]


def nodes(rule: Collocation) -> Float[np.ndarray, " node"]:
    """Where in an interval `Drive` is given [-]: its points, and its start if the rule asks what
    the body does there."""
    return np.concatenate([[0.0], rule.points]) if rule.start_rate else rule.points


def drive(rule: Collocation, u: Unknowns, image: Mirror, half: bool) -> Drive:
    """Within every interval of a whole stride, of the unknowns at every point of the programme;
    `half` is followed by its `image`."""

    def within(of_points):
        inside = of_points[1:].reshape(-1, rule.points.size, of_points.shape[-1])
        if not rule.start_rate:
            return inside
        return jnp.concatenate([of_points[:: rule.points.size][:-1, None], inside], axis=1)

    first = Drive(within(u.excitation), within(u.control))
    if not half:
        return first
    other = Drive(image.muscles(first.excitation), image.actuators(first.control))
    return jax.tree.map(lambda *halves: jnp.concatenate(halves), first, other)


def walked_bodies(
    model: Model, u: Unknowns, friction_sharpness: Float[Array, ""] | float | None
) -> MovingBody:
    """The moving body at every instant of `u`."""
    at = lambda u: moving_body(
        *(model, u.value, u.speed, u.acceleration, u.activation, u.control),
        friction_sharpness=friction_sharpness,
    )
    return jax.vmap(at)(u)


def inverse_record(
    model: Model,
    time: Float[Array, " time"],
    u: Unknowns,
    bodies: MovingBody,
    status: Int[Array, ""],
) -> InverseRecord:
    """The record of `inverse` of a walk; `status` of all of it."""
    each = lambda time, u, body: _at(model, time, u, body, status)
    return jax.vmap(each)(time, u, bodies)


def _at(model, time, u, body, status) -> InverseRecord:
    skeleton, motion = model.skeleton, body.motion
    now, value = motion.pose, body.value
    free = np.array(skeleton.coordinates.free, int)
    arms = moment_arms(body.muscles, skeleton, now)
    stretching = lengthening(body.muscles, motion.velocity, body.speed)
    fiber = rigid_tendon_state(model.muscles, body.muscles.length, stretching)
    net = inverse_dynamics(skeleton, motion, body.ground_wrench)
    force, moment = joint_reactions(skeleton, motion, body.wrench)
    segment_force, segment_moment = joint_reactions(skeleton, motion, body.ground_wrench)
    back = lambda v: rotate_back(now.rotation, v)
    return InverseRecord(
        time=time,
        value=value,
        speed=body.speed,
        acceleration=body.acceleration,
        generalized_force=net,
        moment=project_couplers(skeleton, value, net)[free],
        activation=u.activation,
        muscle_force=body.muscle_force,
        norm_fiber_length=fiber.norm_fiber_length,
        muscle_tendon_length=body.muscles.length,
        muscle_tendon_speed=stretching,
        moment_arm=project_couplers(skeleton, value, arms)[:, free],
        capacity=active_force_at_full_activation(model.muscles, fiber),
        actuator_force=u.control * model.actuators.optimal_force,
        residual_moment=missing(model, body),
        joint_reaction_force=force,
        joint_reaction_moment=moment,
        joint_reaction_force_body_axes=back(force),
        joint_reaction_moment_body_axes=back(moment),
        intersegmental_force=segment_force,
        intersegmental_moment=segment_moment,
        intersegmental_force_body_axes=back(segment_force),
        intersegmental_moment_body_axes=back(segment_moment),
        joint_center=now.joint_center,
        center_of_mass=center_of_mass(skeleton, now),
        ligament_force=body.ligament_force,
        status=status,
        limited=jnp.zeros(len(SIDES), bool),
    )
