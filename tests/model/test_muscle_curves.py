import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from biomech.model.muscle_curves import (
    ActiveForceLengthCurve,
    DeGrooteFregly2016Curves,
    FiberForceLengthCurve,
    ForceVelocityCurve,
    Millard2012Curves,
    TendonForceLengthCurve,
    Thelen2003Curves,
)
from biomech.model.names import BadInput

RECORDS = [
    DeGrooteFregly2016Curves,
    Thelen2003Curves,
    ActiveForceLengthCurve,
    ForceVelocityCurve,
    FiberForceLengthCurve,
    TendonForceLengthCurve,
]
OPENSIM_CLASS = {
    DeGrooteFregly2016Curves: "DeGrooteFregly2016Muscle",
    Thelen2003Curves: "Thelen2003Muscle",
}


@pytest.mark.oracle
@pytest.mark.parametrize("record", RECORDS)
def test_published_values_are_opensim_defaults(record):
    opensim = pytest.importorskip("opensim")
    name = OPENSIM_CLASS.get(record, record.__name__)
    theirs = getattr(opensim, name)()
    ours = record.published(2)
    for field in dataclasses.fields(record):
        text = theirs.getPropertyByName(field.name).toString()
        if text != "()":  # unset: fitted, see the next test
            np.testing.assert_allclose(getattr(ours, field.name), [float(text)] * 2, atol=1e-12)


@pytest.mark.oracle
def test_fitted_values_are_those_opensim_uses():
    opensim = pytest.importorskip("opensim")
    fiber = opensim.FiberForceLengthCurve()
    fiber.setCurveStrains(0.1, 0.8)
    ours = FiberForceLengthCurve.fitted(jnp.array([0.1]), jnp.array([0.8]))
    got = (ours.stiffness_at_low_force, ours.stiffness_at_one_norm_force, ours.curviness)
    expected = (
        fiber.getStiffnessAtLowForceInUse(),
        fiber.getStiffnessAtOneNormForceInUse(),
        fiber.getCurvinessInUse(),
    )
    np.testing.assert_allclose(np.ravel(got), expected, rtol=1e-12)

    tendon = opensim.TendonForceLengthCurve()
    tendon.setStrainAtOneNormForce(0.06)
    ours = TendonForceLengthCurve.fitted(jnp.array([0.06]))
    got = (ours.stiffness_at_one_norm_force, ours.norm_force_at_toe_end, ours.curviness)
    expected = (
        tendon.getStiffnessAtOneNormForceInUse(),
        tendon.getNormForceAtToeEndInUse(),
        tendon.getCurvinessInUse(),
    )
    np.testing.assert_allclose(np.ravel(got), expected, rtol=1e-12)


def test_one_value_per_muscle_is_required():
    curves = Millard2012Curves.published(3)
    with pytest.raises(BadInput, match=r"`Millard2012Curves` got arrays.*lengths \[2, 3\]"):
        dataclasses.replace(curves, fiber_damping=jnp.zeros(2))
