import jax.numpy as jnp
import numpy as np
import pytest

from biomech.model.muscle_curves import (
    DeGrooteFregly2016Curves,
    Millard2012Curves,
    Thelen2003Curves,
)
from biomech.muscles import curves as dispatch
from biomech.muscles import degrootefregly2016, millard2012, thelen2003

MODULES = {
    DeGrooteFregly2016Curves: degrootefregly2016,
    Millard2012Curves: millard2012,
    Thelen2003Curves: thelen2003,
}
NAMES = ("active_force_length", "force_velocity", "passive_force_length", "tendon_force_length")


@pytest.mark.parametrize("record", list(MODULES))
@pytest.mark.parametrize("name", NAMES)
def test_the_record_chooses_the_curve(record, name):
    curves, x = record.published(2), jnp.array([0.9, 1.03])
    expected = getattr(MODULES[record], name)(curves, x)
    np.testing.assert_array_equal(getattr(dispatch, name)(curves, x), expected)


@pytest.mark.parametrize("record", list(MODULES))
def test_mapped_curves_keep_the_points_of_one_norm_force(record):
    original = record.published(2)
    mapped = dispatch.map_to_degrootefregly2016(original)
    passive = 1.0 + mapped.passive_fiber_strain_at_one_norm_force
    tendon = 1.0 + mapped.tendon_strain_at_one_norm_force
    for curves in (original, mapped):
        force = dispatch.passive_force_length(curves, passive)
        np.testing.assert_allclose(force, 1.0, atol=1e-12)
        force = dispatch.tendon_force_length(curves, tendon)
        np.testing.assert_allclose(force, 1.0, atol=1e-12)
        np.testing.assert_allclose(
            dispatch.active_force_length(curves, jnp.ones(2)), 1.0, atol=1e-14
        )
    np.testing.assert_array_equal(dispatch.fiber_damping(mapped), dispatch.fiber_damping(original))


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["Millard2012EquilibriumMuscle", "Thelen2003Muscle"])
def test_mapping_is_that_of_opensim(name):
    opensim = pytest.importorskip("opensim")
    model = opensim.Model()
    body = opensim.Body("mass", 1.0, opensim.Vec3(0), opensim.Inertia(1, 1, 1))
    model.addBody(body)
    model.addJoint(opensim.SliderJoint("slider", model.getGround(), body))
    muscle = getattr(opensim, name)("m", 1000.0, 0.1, 0.2, 0.1)
    muscle.addNewPathPoint("origin", model.getGround(), opensim.Vec3(0))
    muscle.addNewPathPoint("insertion", body, opensim.Vec3(0))
    model.addForce(muscle)
    model.finalizeConnections()
    opensim.DeGrooteFregly2016Muscle.replaceMuscles(model)
    theirs = opensim.DeGrooteFregly2016Muscle.safeDownCast(model.getMuscles().get("m"))
    record = Thelen2003Curves if name == "Thelen2003Muscle" else Millard2012Curves
    ours = dispatch.map_to_degrootefregly2016(record.published(1))
    for field in (
        "active_force_width_scale",
        "fiber_damping",
        "passive_fiber_strain_at_one_norm_force",
        "tendon_strain_at_one_norm_force",
    ):
        expected = getattr(theirs, f"get_{field}")()
        np.testing.assert_allclose(getattr(ours, field), expected, atol=1e-12)
