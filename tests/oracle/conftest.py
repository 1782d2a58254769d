"""OpenSim's reference results as arrays on the model's axes, made once for all comparisons."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tables import read_table


@dataclass
class States:
    """A model at OpenSim's reference states, with the folder of its tables."""

    model: object
    folder: object
    value: np.ndarray
    speed: np.ndarray

    def table(self, name):
        return read_table(self.folder / f"{name}.csv.gz")

    def joint_space(self, name):
        """A table with one column per coordinate, in the model's order."""
        return self.table(name)[list(self.model.skeleton.coordinates.names)].to_numpy()


def _states(model, folder):
    names = list(model.skeleton.coordinates.names)
    value, speed = (read_table(folder / f"state_{x}.csv.gz")[names].to_numpy() for x in ("q", "u"))
    return States(model, folder, value, speed)


@pytest.fixture(scope="session")
def subject(walk3d):
    from biomech.formats.osim import load_osim

    return load_osim(walk3d / "subject_walk_scaled.osim")


@pytest.fixture(scope="session")
def subject_states(subject, walk3d):
    return _states(subject, walk3d / "oracle_states")


@pytest.fixture(scope="session")
def foot_states(dhondt2024):
    from biomech.formats.osim import load_osim

    model = load_osim(dhondt2024 / "DHondt_et_al_2024_4seg.osim")
    return _states(model, dhondt2024 / "oracle")


@pytest.fixture(scope="session")
def analysed_subject(subject):
    """The model OpenSim analysed: toes welded, residuals 100, reserves 1, activation 0.01-1."""
    from biomech.model.edits import weld, with_activation_bounds
    from biomech.studies.prepare import ensure_actuated

    model = ensure_actuated(weld(weld(subject, "mtp_r"), "mtp_l"))
    return with_activation_bounds(model, 0.01, 1.0)


@pytest.fixture(scope="session")
def recorded_motion(analysed_subject, walk3d):
    """The 116 frames with OpenSim's own values, speeds, accelerations and external loads."""
    from biomech.dynamics.spatial import wrench_at
    from biomech.studies.inverse import MeasuredMotion

    skeleton = analysed_subject.skeleton
    names = list(skeleton.coordinates.names)
    tables = [read_table(walk3d / "oracle" / f"{x}.csv.gz") for x in ("q", "qd", "qdd")]
    loads = read_table(walk3d / "oracle" / "external_loads.csv.gz")
    time = tables[0]["time"].to_numpy()
    wrench = np.zeros((time.size, len(skeleton.body_names), 6))
    for body in ("calcn_r", "calcn_l"):
        parts = [
            jnp.asarray(loads[[f"{body}_{part}_{axis}" for axis in "xyz"]].to_numpy())
            for part in ("force", "point", "torque")
        ]
        wrench[:, skeleton.body_index(body)] = np.asarray(wrench_at(*parts))
    values = [jnp.asarray(table[names].to_numpy()) for table in tables]
    return MeasuredMotion(jnp.asarray(time), *values, jnp.asarray(wrench))


@pytest.fixture(scope="session")
def reactions_to_their_muscles(analysed_subject, recorded_motion, walk3d):
    """Joint reaction force and moment [time, joint, 3] with OpenSim's muscle forces on our paths,
    and the rotation of every body."""
    from biomech.compilation import compiled
    from biomech.dynamics.inverse_dynamics import joint_reactions
    from biomech.dynamics.kinematics import body_motion, coupled_motion
    from biomech.muscles.paths import path_geometry, pull_on_bodies

    model, skeleton = analysed_subject, analysed_subject.skeleton
    forces = read_table(walk3d / "oracle" / "so_force.csv.gz")[list(model.muscles.names)]

    def each(instant, force):
        state = coupled_motion(skeleton, instant.value, instant.speed, instant.acceleration)
        motion = body_motion(skeleton, *state)
        paths = path_geometry(model.muscles.paths, motion.pose, state[0])
        pull = pull_on_bodies(paths, force, len(skeleton.body_names))
        found = joint_reactions(skeleton, motion, instant.external_wrench + pull)
        return *found, motion.pose.rotation

    return compiled(jax.vmap(each))(recorded_motion, jnp.asarray(forces.to_numpy()))


@pytest.fixture(scope="session")
def recorded_answers(analysed_subject, recorded_motion):
    """Our whole chain on OpenSim's inputs: as it stands, and with OpenSim's pennation slip."""
    from biomech.studies.inverse import inverse

    plain = inverse(analysed_subject, recorded_motion)
    slip = inverse(analysed_subject, recorded_motion, opensim_pennation=True)
    return {"ours": jax.block_until_ready(plain), "opensim_pennation": slip}
