"""Poses, mass matrices, bias and generalized forces against OpenSim's tables.

One term of OpenSim is off. Simbody's function-based joint leaves out

    omega_2 x omega_3

(the turning of the third rotation axis by the second rotation) of the acceleration bias where
*one* coordinate drives several rotations: the knees of the Rajagopal family. Its accelerations
then differ from the derivative of its own velocities, by up to 1 N and 1 N m in this walk. So
where such a joint matters the comparison is made twice: with that term taken out of our motion,
we equal the tables; with it, we equal the derivative of the velocities
(`test_osim_live.py` shows that the wheel's velocities say the same).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.inverse_dynamics import inverse_dynamics, mass_matrix
from biomech.dynamics.kinematics import body_motion, coupled_motion, pose
from biomech.dynamics.spatial import axis_angle_rotation, body_fixed_xyz_rotation, cross
from tables import read_table


@pytest.fixture(scope="module", params=["subject_states", "foot_states"])
def states(request):
    return request.getfixturevalue(request.param)


def test_body_poses(states):
    """Bar 5e-9 m and 5e-9; the tables have 10 significant digits."""
    skeleton = states.model.skeleton
    now = jax.jit(jax.vmap(lambda q: pose(skeleton, q)))(states.value)
    table = states.table("body_pose")
    for i, name in enumerate(skeleton.body_names):
        position = table[[f"{name}_p{a}" for a in "xyz"]]
        rotation = table[[f"{name}_r{a}{b}" for a in "123" for b in "123"]]
        np.testing.assert_allclose(now.position[:, i], position, atol=5e-9, err_msg=name)
        ours = now.rotation[:, i].reshape(-1, 9)
        np.testing.assert_allclose(ours, rotation, atol=5e-9, err_msg=name)


def test_mass_matrices(states):
    skeleton = states.model.skeleton
    table = states.table("mass_matrix")
    state = table["state"].to_numpy().astype(int)
    ours = jax.jit(jax.vmap(lambda q: mass_matrix(skeleton, pose(skeleton, q))))(
        states.value[: state.max() + 1]
    )
    i, j = (
        np.array([skeleton.coordinates.names.index(n) for n in table[c]]) for c in ("row", "col")
    )
    scale = np.sqrt(ours[state, i, i] * ours[state, j, j])
    assert np.max(np.abs(ours[state, i, j] - table["value"].to_numpy()) / scale) <= 1e-8


def bias(skeleton, value, speed, change=lambda skeleton, motion, value, speed: motion):
    motion = body_motion(skeleton, value, speed, jnp.zeros_like(value))
    none = jnp.zeros((len(skeleton.body_names), 6))
    return inverse_dynamics(skeleton, change(skeleton, motion, value, speed), none)


def without_turn_of_third_axis(skeleton, motion, value, speed):
    """The motion as Simbody has it, see the top of this file."""
    functions, index = skeleton.axis_functions, np.array(skeleton.axis_coordinates)
    argument = jnp.where(index >= 0, value[np.maximum(index, 0)], 0.0)
    amount, rate = functions(argument), functions.derivative()(argument)
    alone = [
        i
        for i, axes in enumerate(skeleton.axis_coordinates)
        if len({c for c in axes if c >= 0}) == 1 and axes[1] >= 0 and axes[2] >= 0
    ]
    acceleration = motion.acceleration
    for i in alone:
        turn = axis_angle_rotation(skeleton.axes[i, :3], amount[i, :3])
        parent = motion.pose.rotation[skeleton.parents[i]]
        frame = parent @ body_fixed_xyz_rotation(skeleton.parent_frame_orientation[i])
        u = speed[skeleton.axis_coordinates[i][1]]
        second = frame @ turn[0] @ skeleton.axes[i, 1] * rate[i, 1] * u
        third = frame @ turn[0] @ turn[1] @ skeleton.axes[i, 2] * rate[i, 2] * u
        missing = cross(second, third)
        twist = jnp.concatenate([missing, cross(motion.pose.joint_center[i], missing)])
        beyond = np.flatnonzero(skeleton.ancestors[:, i])
        acceleration = acceleration.at[beyond].add(-jnp.broadcast_to(twist, (beyond.size, 6)))
    return eqx.tree_at(lambda m: m.acceleration, motion, acceleration)


def test_bias_forces(states):
    skeleton = states.model.skeleton
    table = states.joint_space("bias")
    largest = np.abs(table).max(axis=1, keepdims=True)
    ours = jax.jit(jax.vmap(lambda q, u: bias(skeleton, q, u, without_turn_of_third_axis)))
    error = np.abs(ours(states.value, states.speed) - table) / largest
    assert error.max() <= 1e-7


def test_the_omitted_term_is_there(subject_states):
    """The full bias differs from the tables only through the knees, and by less than 1e-4."""
    skeleton = subject_states.model.skeleton
    table = subject_states.joint_space("bias")
    ours = jax.jit(jax.vmap(lambda q, u: bias(skeleton, q, u)))
    error = np.abs(ours(subject_states.value, subject_states.speed) - table)
    error = error / np.abs(table).max(axis=1, keepdims=True)
    arms = [i for i, n in enumerate(skeleton.coordinates.names) if n.startswith(("arm", "elbow"))]
    assert 1e-6 < error.max() < 1e-4
    assert error[:, arms].max() <= 1e-9


def test_generalized_forces_of_the_walk(analysed_subject, recorded_motion, walk3d):
    """Bar 1e-3 N m, 0.01 N, from OpenSim's own q, qd, qdd and loads."""
    skeleton = analysed_subject.skeleton
    table = read_table(walk3d / "oracle" / "id.csv.gz")

    def moment(motion, change):
        state = coupled_motion(skeleton, motion.value, motion.speed, motion.acceleration)
        moved = change(skeleton, body_motion(skeleton, *state), *state[:2])
        return inverse_dynamics(skeleton, moved, motion.external_wrench)

    ours = jax.jit(jax.vmap(lambda m: moment(m, without_turn_of_third_axis)))(recorded_motion)
    full = jax.jit(jax.vmap(lambda m: moment(m, lambda s, m, q, u: m)))(recorded_motion)
    for i, name in enumerate(skeleton.coordinates.names):
        kind, bar = (
            ("force", 0.01)
            if name in ("pelvis_tx", "pelvis_ty", "pelvis_tz")
            else (
                "force" if name.endswith("_beta") else "moment",
                1e-3,
            )
        )
        expected = table[f"{name}_{kind}"]
        np.testing.assert_allclose(ours[:, i], expected, atol=bar, err_msg=name)
        np.testing.assert_allclose(full[:, i], expected, atol=1.2, err_msg=name)


def test_generalized_forces_through_our_own_splines(analysed_subject, walk3d):
    """From the recorded motion file and force plates; bar 0.05 N m RMS."""
    from biomech.formats.trial import load_trial
    from biomech.studies.prepare import measured_motion

    trial = load_trial(
        walk3d / "kinematics_100hz.mot", walk3d / "grf_walk.xml", model=analysed_subject
    )
    motion, notes = measured_motion(analysed_subject, trial, start=0.48, end=1.63)
    assert any("beta" in note for note in notes)
    skeleton = analysed_subject.skeleton

    def moment(motion):
        state = coupled_motion(skeleton, motion.value, motion.speed, motion.acceleration)
        moved = body_motion(skeleton, *state)
        moved = without_turn_of_third_axis(skeleton, moved, *state[:2])
        return inverse_dynamics(skeleton, moved, motion.external_wrench)

    ours = jax.jit(jax.vmap(moment))(motion)
    table = read_table(walk3d / "oracle" / "id.csv.gz")
    for i, name in enumerate(skeleton.coordinates.names):
        column = next(c for c in table if c in (f"{name}_moment", f"{name}_force"))
        rms = np.sqrt(np.mean((ours[:, i] - table[column].to_numpy()) ** 2))
        assert rms <= 0.05, name
