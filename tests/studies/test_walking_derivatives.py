"""Derivatives of a walk that is free to change, against central differences of solving again."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.inverse_dynamics import body_weight
from biomech.formats.load import load_model
from biomech.formats.reference_gait import reference_gait
from biomech.interventions.arch_stiffness import arch_stiffness
from biomech.interventions.leg_length import leg_length
from biomech.interventions.muscle_strength import muscle_strength
from biomech.studies.inverse import STATUS
from biomech.studies.walking import Mesh, WalkingSolver, track_uncompiled, walking

SOLVER = WalkingSolver(1e-9, 200)
NEUTRAL = jnp.array([1.0, 0.0, 1.0, 1.0])
STEP = np.array([1e-3, 0.1, 1e-3, 1e-3])  # the leg's in mm
OUTPUTS = ("peak vertical ground reaction", "effort", "peak knee load")


@pytest.fixture(scope="module")
def planar():
    return load_model("planar")


def changed(model, parameters):
    """One side alone: strength of a muscle, length of the leg, stiffness of soles and arch."""
    strength, longer, sole, arch = parameters
    model = muscle_strength(model, muscles=("vaslat_r",), scale=strength)
    model = leg_length(model, side="r", difference_mm=longer)
    model = arch_stiffness(model, side="r", scale=arch)
    of_right = jnp.array([float(name.endswith("_r")) for name in model.contacts.names])
    stiffer = model.contacts.stiffness * (1.0 + of_right * (sole - 1.0))
    return eqx.tree_at(lambda m: m.contacts.stiffness, model, stiffer)


def outputs(record, model):
    weight = body_weight(model.skeleton)
    right = np.array([name.endswith("_r") for name in model.contacts.names])
    vertical = jnp.sum(record.bodies.ground.force[:, right, 1], axis=1)
    knee = model.skeleton.joint_names.index("knee_r")
    load = jnp.linalg.norm(record.stride.joint_reaction_force[:, knee], axis=-1)
    effort = jnp.mean(record.stride.activation**2)
    return jnp.stack([jnp.max(vertical) / weight, effort, jnp.max(load) / weight])


@pytest.mark.science
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_of_peaks_and_effort_to_what_an_orthosis_or_a_surgeon_changes(planar, mode):
    how = walking(planar, reference_gait("planar"), mesh=Mesh(12), half=False)

    def answer(parameters, start):
        body = changed(planar, parameters)
        record = track_uncompiled(body, how, start, SOLVER)
        return outputs(record, body), record

    cold = jax.jit(lambda parameters: answer(parameters, None)[1])(NEUTRAL)
    assert cold.status == STATUS.index("successful")
    assert cold.iterations < SOLVER.max_steps
    near = jax.jit(lambda parameters: answer(parameters, cold))
    take = jax.jacfwd if mode == "forward" else jax.jacrev
    found = jax.jit(take(lambda parameters: answer(parameters, cold)[0]))(NEUTRAL)
    for i, step in enumerate(STEP):
        ends = []
        for sign in (-1.0, 1.0):
            value, record = near(NEUTRAL.at[i].add(sign * step))
            assert record.status == STATUS.index("successful")
            ends.append(value)
        difference = (ends[1] - ends[0]) / (2.0 * step)
        size = np.maximum(np.abs(difference), 1e-3 * np.abs(np.asarray(found[:, i])).max())
        np.testing.assert_array_less(np.abs(found[:, i] - difference), 1e-3 * size, err_msg=str(i))
