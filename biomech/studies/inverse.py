"""Study `inverse`: what muscles and joints carried in a measured motion.

At each instant, independently:

1. kinematics, and the net moments the motion needs under gravity and the measured ground
   reaction (inverse dynamics);
2. muscle-tendon lengths, speeds and moment arms; force capacity with a rigid tendon;
3. static optimization: the activations of least effort that supply the moments;
4. joint reactions: the loads that cross each joint once those muscle forces pull along their
   paths.

No activation dynamics and no tendon compliance. Passive fiber force is off by default, as in
OpenSim's static optimization, and can be switched on. Ligaments pull as their lengths say and
passive moments act as angles and speeds say, before muscles share the rest; a passive moment is
part of the joint's reaction moment. Everything is differentiable with respect to the model and the
motion.

`opensim_pennation` repeats a slip of OpenSim 4.6 in the force capacity of Millard muscles (see
`muscles.rigid_tendon`), for comparing with its static optimization number by number.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..compilation import compiled
from ..dynamics.inverse_dynamics import (
    center_of_mass,
    generalized_forces,
    inverse_dynamics,
    joint_reactions,
)
from ..dynamics.kinematics import (
    BodyMotion,
    Pose,
    body_motion,
    coupled_motion,
    project_couplers,
)
from ..dynamics.spatial import rotate_back
from ..model.body import Model
from ..muscles.ligaments import ligament_tension
from ..muscles.passive_moments import about_coordinates, passive_moment
from ..muscles.paths import PathGeometry, moment_arms, path_geometry, pull_on_bodies
from ..muscles.rigid_tendon import (
    active_force_at_full_activation,
    passive_force,
    rigid_tendon_state,
)
from ..solvers.separable_programme import RESULTS, SeparableProgrammeSolution
from .gait_events import SIDES
from .static_optimization import (
    DEFAULT_SOLVER,
    EffortWeights,
    SolverSettings,
    equal_weights,
    share_moments,
)

STATUS = (
    "successful",
    "strength_limited",
    "infeasible",
    "maximum_iterations",
    "not_finite",
    "not_computed",
)
"""Meaning of `status` 0, 1, 2, ...; the last is of cases of a sweep that were never reached."""

STRENGTH_LIMIT = 0.05
"""A reserve above this share of its coordinate's peak net moment marks the frame [-].

Half of what OpenSim's guide "Simulation with OpenSim - Best Practices" allows: peak reserve
actuator torques below 10 % of the peak joint torque.
"""


class MeasuredMotion(eqx.Module):
    """A motion and the external wrenches on bodies, at the instants to analyse.

    **Attributes:**

    - `time`: [s].
    - `value`, `speed`, `acceleration`: of every coordinate [rad, m and per s, s^2].
    - `external_wrench`: on each body, ground axes, about the ground origin [N m, N].
    """

    time: Float[Array, "*time"]
    value: Float[Array, "*time coordinate"]
    speed: Float[Array, "*time coordinate"]
    acceleration: Float[Array, "*time coordinate"]
    external_wrench: Float[Array, "*time body 6"]


class InverseRecord(eqx.Module):
    """Answers of the study; every field has the motion's time axis first.

    **Attributes:**

    - `value`, `speed`, `acceleration`: with coupled coordinates recomputed.
    - `generalized_force`: net internal moment [N m or N], couplers not applied.
    - `moment`: the same about the free coordinates, along the coupling.
    - `activation`, `muscle_force` (along the tendon [N]), `norm_fiber_length`.
    - `muscle_tendon_length` [m], `muscle_tendon_speed` [m/s], `moment_arm` [m].
    - `capacity`: force along the tendon at activation 1 [N].
    - `actuator_force`: of coordinate actuators, reserves and residuals [N m or N].
    - `residual_moment`: what nothing could supply [N m or N].
    - `joint_reaction_force` [N], `joint_reaction_moment` [N m]: of the parent on the child body,
      at the joint center, in ground; `..._body_axes`: the same in the child body's axes.
    - `intersegmental_force`, `intersegmental_moment`: the same without muscles.
    - `joint_center`, `center_of_mass` (of the whole body): in ground [m].
    - `ligament_force`: [N].
    - `status`: index into `STATUS`. From "infeasible" on, what muscles and joints carried is NaN.
    - `limited`: whether the muscles of each leg were too weak; see `strength_limited`.
    """

    time: Float[Array, "*time"]
    value: Float[Array, "*time coordinate"]
    speed: Float[Array, "*time coordinate"]
    acceleration: Float[Array, "*time coordinate"]
    generalized_force: Float[Array, "*time coordinate"]
    moment: Float[Array, "*time free"]
    activation: Float[Array, "*time muscle"]
    muscle_force: Float[Array, "*time muscle"]
    norm_fiber_length: Float[Array, "*time muscle"]
    muscle_tendon_length: Float[Array, "*time muscle"]
    muscle_tendon_speed: Float[Array, "*time muscle"]
    moment_arm: Float[Array, "*time muscle free"]
    capacity: Float[Array, "*time muscle"]
    actuator_force: Float[Array, "*time actuator"]
    residual_moment: Float[Array, "*time free"]
    joint_reaction_force: Float[Array, "*time joint 3"]
    joint_reaction_moment: Float[Array, "*time joint 3"]
    joint_reaction_force_body_axes: Float[Array, "*time joint 3"]
    joint_reaction_moment_body_axes: Float[Array, "*time joint 3"]
    intersegmental_force: Float[Array, "*time joint 3"]
    intersegmental_moment: Float[Array, "*time joint 3"]
    intersegmental_force_body_axes: Float[Array, "*time joint 3"]
    intersegmental_moment_body_axes: Float[Array, "*time joint 3"]
    joint_center: Float[Array, "*time joint 3"]
    center_of_mass: Float[Array, "*time 3"]
    ligament_force: Float[Array, "*time ligament"]
    status: Int[Array, "*time"]
    limited: Bool[Array, "*time side"]


class MuscleState(eqx.Module):
    """Geometry and force capacity of all muscles at one instant; see `InverseRecord`."""

    length: Float[Array, " muscle"]
    speed: Float[Array, " muscle"]
    moment_arm: Float[Array, "muscle free"]
    paths: PathGeometry
    norm_fiber_length: Float[Array, " muscle"]
    capacity: Float[Array, " muscle"]
    passive: Float[Array, " muscle"]


def muscle_state(
    model: Model,
    now: Pose,
    value: Float[Array, " coordinate"],
    speed: Float[Array, " coordinate"],
    *,
    passive_fiber_force: bool = False,
    opensim_pennation: bool = False,
) -> MuscleState:
    """Lengths, moment arms about free coordinates and capacities at a pose."""
    skeleton, muscles = model.skeleton, model.muscles
    geometry = path_geometry(muscles.paths, now, value)
    arms = moment_arms(geometry, skeleton, now)
    lengthening = -arms @ speed
    fiber = rigid_tendon_state(muscles, geometry.length, lengthening)
    capacity = active_force_at_full_activation(
        muscles, fiber, normalized_length_pennation=opensim_pennation
    )
    passive = passive_force(muscles, fiber) if passive_fiber_force else jnp.zeros_like(capacity)
    free = jnp.array(skeleton.coordinates.free)
    return MuscleState(
        geometry.length,
        lengthening,
        project_couplers(skeleton, value, arms)[:, free],
        geometry,
        fiber.norm_fiber_length,
        capacity,
        passive,
    )


class BeforeSharing(eqx.Module):
    """What is known of an instant before its muscles share the load; see `InverseRecord`.

    **Attributes:**

    - `motion`: of the bodies. `muscles`: geometry and force capacity.
    - `ligament_wrench`: on each body, ground axes, about the ground origin [N m, N].
    - `to_share`: what muscles and actuators must supply about each free coordinate [N m or N].
    """

    value: Float[Array, " coordinate"]
    speed: Float[Array, " coordinate"]
    acceleration: Float[Array, " coordinate"]
    generalized_force: Float[Array, " coordinate"]
    moment: Float[Array, " free"]
    ligament_force: Float[Array, " ligament"]
    ligament_wrench: Float[Array, "body 6"]
    muscles: MuscleState
    motion: BodyMotion
    to_share: Float[Array, " free"]


def before_sharing(
    model: Model,
    instant: MeasuredMotion,
    *,
    passive_fiber_force: bool = False,
    opensim_pennation: bool = False,
) -> BeforeSharing:
    """Kinematics, inverse dynamics and muscle geometry of one instant (steps 1 and 2)."""
    skeleton = model.skeleton
    value, speed, acceleration = coupled_motion(
        skeleton, instant.value, instant.speed, instant.acceleration
    )
    motion = body_motion(skeleton, value, speed, acceleration)
    net = inverse_dynamics(skeleton, motion, instant.external_wrench)

    ligaments = path_geometry(model.ligaments.paths, motion.pose, value)
    ligament_force = ligament_tension(model.ligaments, ligaments.length)
    ligament_wrench = pull_on_bodies(ligaments, ligament_force, len(skeleton.body_names))
    ligament_moment = generalized_forces(skeleton, motion.pose, ligament_wrench)
    ligament_moment = ligament_moment + ligament_force @ ligaments.mobility

    muscles = muscle_state(
        model,
        motion.pose,
        value,
        speed,
        passive_fiber_force=passive_fiber_force,
        opensim_pennation=opensim_pennation,
    )
    free = jnp.array(skeleton.coordinates.free)
    moment = project_couplers(skeleton, value, net)[free]
    tissue = passive_moment(model.passive_moments, value, speed)
    tissue = ligament_moment + about_coordinates(model.passive_moments, tissue, value.size)
    passive = project_couplers(skeleton, value, tissue)[free]
    passive = passive + muscles.passive @ muscles.moment_arm
    return BeforeSharing(
        value=value,
        speed=speed,
        acceleration=acceleration,
        generalized_force=net,
        moment=moment,
        ligament_force=ligament_force,
        ligament_wrench=ligament_wrench,
        muscles=muscles,
        motion=motion,
        to_share=moment - passive,
    )


def after_sharing(
    model: Model,
    instant: MeasuredMotion,
    before: BeforeSharing,
    shared: SeparableProgrammeSolution,
) -> InverseRecord:
    """Muscle forces and joint reactions of one instant (step 4)."""
    skeleton, muscles, motion = model.skeleton, before.muscles, before.motion
    now, external = motion.pose, instant.external_wrench
    n = muscles.capacity.shape[0]
    activation, control = shared.x[:n], shared.x[n:]
    force = activation * muscles.capacity + muscles.passive

    pull = pull_on_bodies(muscles.paths, force, len(skeleton.body_names)) + before.ligament_wrench
    reaction_force, reaction_moment = joint_reactions(skeleton, motion, external + pull)
    segment_force, segment_moment = joint_reactions(skeleton, motion, external)
    return InverseRecord(
        time=instant.time,
        value=before.value,
        speed=before.speed,
        acceleration=before.acceleration,
        generalized_force=before.generalized_force,
        moment=before.moment,
        activation=activation,
        muscle_force=force,
        norm_fiber_length=muscles.norm_fiber_length,
        muscle_tendon_length=muscles.length,
        muscle_tendon_speed=muscles.speed,
        moment_arm=muscles.moment_arm,
        capacity=muscles.capacity,
        actuator_force=control * model.actuators.optimal_force,
        residual_moment=shared.residual,
        joint_reaction_force=reaction_force,
        joint_reaction_moment=reaction_moment,
        joint_reaction_force_body_axes=rotate_back(now.rotation, reaction_force),
        joint_reaction_moment_body_axes=rotate_back(now.rotation, reaction_moment),
        intersegmental_force=segment_force,
        intersegmental_moment=segment_moment,
        intersegmental_force_body_axes=rotate_back(now.rotation, segment_force),
        intersegmental_moment_body_axes=rotate_back(now.rotation, segment_moment),
        joint_center=now.joint_center,
        center_of_mass=center_of_mass(skeleton, now),
        ligament_force=before.ligament_force,
        status=_status(shared.result),
        limited=jnp.zeros(len(SIDES), bool),  # known once the whole motion is
    )


def inverse_instant(
    model: Model,
    instant: MeasuredMotion,
    weights: EffortWeights,
    *,
    passive_fiber_force: bool = False,
    opensim_pennation: bool = False,
    solver: SolverSettings = DEFAULT_SOLVER,
) -> InverseRecord:
    """The study at one instant. Pure; `vmap` over instants and cases."""
    before = before_sharing(
        model,
        instant,
        passive_fiber_force=passive_fiber_force,
        opensim_pennation=opensim_pennation,
    )
    muscles = before.muscles
    shared = share_moments(
        *(model, before.value, muscles.moment_arm, muscles.capacity, before.to_share, weights),
        solver=solver,
    )
    return after_sharing(model, instant, before, shared)


def inverse(
    model: Model,
    motion: MeasuredMotion,
    weights: EffortWeights | None = None,
    *,
    passive_fiber_force: bool = False,
    opensim_pennation: bool = False,
    solver: SolverSettings = DEFAULT_SOLVER,
) -> InverseRecord:
    """The study at every instant of `motion`. Jitted; compiles once per model structure.

    For many models of one structure see `batch.inverse_batch`.
    """
    weights = equal_weights(model) if weights is None else weights
    return _inverse(model, motion, weights, passive_fiber_force, opensim_pennation, solver)


def inverse_uncompiled(
    model: Model,
    motion: MeasuredMotion,
    weights: EffortWeights,
    passive_fiber_force: bool,
    opensim_pennation: bool,
    solver: SolverSettings = DEFAULT_SOLVER,
) -> InverseRecord:
    """`inverse`, to be compiled as a part of something larger."""
    each = lambda instant: inverse_instant(
        model,
        instant,
        weights,
        passive_fiber_force=passive_fiber_force,
        opensim_pennation=opensim_pennation,
        solver=solver,
    )
    return over_the_motion(model, jax.vmap(each)(motion))


def over_the_motion(model: Model, record: InverseRecord) -> InverseRecord:
    """`record` of all instants with what only the whole motion tells: see `strength_limited`."""
    limited = strength_limited(model, record) & (record.status == 0)[:, None]
    status = jnp.where(jnp.any(limited, axis=1), STATUS.index("strength_limited"), record.status)
    return blank_unsolved(eqx.tree_at(lambda r: (r.status, r.limited), record, (status, limited)))


_inverse = compiled(inverse_uncompiled)


_NEEDS_A_SOLUTION = (
    *("activation", "muscle_force", "actuator_force", "residual_moment"),
    *("joint_reaction_force", "joint_reaction_moment"),
    *("joint_reaction_force_body_axes", "joint_reaction_moment_body_axes"),
)


def blank_unsolved(record: InverseRecord) -> InverseRecord:
    """NaN for what muscles and joints carried where static optimization has no answer."""
    unsolved = record.status > STATUS.index("strength_limited")
    fields = lambda r: [getattr(r, name) for name in _NEEDS_A_SOLUTION]
    blank = lambda x: jnp.where(unsolved.reshape((-1,) + (1,) * (x.ndim - 1)), jnp.nan, x)
    return eqx.tree_at(fields, record, [blank(x) for x in fields(record)])


def strength_limited(model: Model, record: InverseRecord) -> Bool[Array, "time side"]:
    """Whether a reserve of a leg exceeds `STRENGTH_LIMIT` of its coordinate's peak net moment.

    There its muscles are too weak for the measured motion, and its loads fall artificially. A leg's
    reserves are those on coordinates that end with its side; one on a coordinate without a side
    counts for both. The other leg is not concerned: static optimization is one programme per leg
    wherever, as usual, no muscle crosses joints of both.

    The peak is that of the instants in `record`, so the same instant may be marked in a short
    window and not in a long one: where a net moment passes through zero, a reserve of next to
    nothing is a large share of it. Of 116 instants of a measured stride none is marked; analysed
    one by one, 13 are. Judge strength over a whole stride.
    """
    coordinates = model.skeleton.coordinates
    free = coordinates.free
    reserves = [
        (i, free.index(coordinate))
        for i, (kind, coordinate) in enumerate(
            zip(model.actuators.kinds, model.actuators.coordinates, strict=True)
        )
        if kind == "reserve" and coordinate in free
    ]
    if not reserves:
        return jnp.zeros((*record.time.shape, len(SIDES)), bool)
    actuator, row = np.array(reserves).T
    peak = jnp.max(jnp.abs(record.moment[:, row]), axis=0)
    used = jnp.abs(record.actuator_force[:, actuator])
    names = [coordinates.names[free[k]] for k in row]
    suffixes = tuple(f"_{side}" for side in SIDES)
    of_side = [[n.endswith(own) or not n.endswith(suffixes) for own in suffixes] for n in names]
    over = used > STRENGTH_LIMIT * peak[None]
    return jnp.any(over[:, :, None] & jnp.array(of_side)[None], axis=1)


def _status(result):
    code = jnp.array(0)
    for name in ("infeasible", "maximum_iterations", "not_finite"):
        hit = result == getattr(RESULTS, name)
        code = jnp.where(hit, STATUS.index(name), code)
    return code
