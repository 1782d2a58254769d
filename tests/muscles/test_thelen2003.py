import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from biomech.model.muscle_curves import Thelen2003Curves
from biomech.muscles import thelen2003 as curve

# OpenSim's defaults, and the values of the gait2392 family
CURVES = Thelen2003Curves(
    FmaxTendonStrain=jnp.array([0.04, 0.033]),
    FmaxMuscleStrain=jnp.array([0.6, 0.6]),
    KshapeActive=jnp.array([0.45, 0.5]),
    KshapePassive=jnp.array([5.0, 4.0]),
    Af=jnp.array([0.25, 0.3]),
    Flen=jnp.array([1.4, 1.8]),
    fv_linear_extrap_threshold=jnp.array([0.95, 0.9]),
)


def _takes_numpy(function):
    """check_grads hands over NumPy arrays; the curves are annotated for JAX's."""
    compiled = jax.jit(function)
    return lambda *arguments: compiled(*jax.tree.map(jnp.asarray, arguments))


def both(value):
    return jnp.full(2, value)


def test_anchors():
    np.testing.assert_allclose(curve.active_force_length(CURVES, both(1.0)), 1.0, atol=1e-15)
    np.testing.assert_allclose(curve.force_velocity(CURVES, both(-1.0)), 0.0, atol=1e-15)
    np.testing.assert_allclose(curve.force_velocity(CURVES, both(0.0)), 1.0, atol=1e-15)
    np.testing.assert_allclose(curve.passive_force_length(CURVES, both(1.0)), 0.0, atol=1e-15)
    np.testing.assert_allclose(curve.passive_force_length(CURVES, both(1.6)), 1.0, atol=1e-13)
    np.testing.assert_allclose(curve.tendon_force_length(CURVES, both(1.0)), 0.0, atol=1e-15)
    full = 1.0 + CURVES.FmaxTendonStrain
    np.testing.assert_allclose(curve.tendon_force_length(CURVES, full), 1.0, atol=1e-13)


def test_toe_is_where_the_paper_prints_it():
    # 0.609 and 1.712 are printed with three and four digits.
    toe_end = 1.0 + 0.609 * CURVES.FmaxTendonStrain
    np.testing.assert_allclose(curve.tendon_force_length(CURVES, toe_end), 0.33, atol=1e-3)
    _, slope = jax.jvp(
        lambda l: curve.tendon_force_length(CURVES, l), (both(1.05),), (jnp.ones(2),)
    )
    np.testing.assert_allclose(slope * CURVES.FmaxTendonStrain, 1.712, rtol=1e-3)


@pytest.mark.parametrize("velocity", [-0.9, -0.3, -0.01, 0.01, 0.1, 0.5])
def test_force_velocity_solves_equation_six(velocity):
    f = np.asarray(curve.force_velocity(CURVES, both(velocity)))
    af, flen = np.asarray(CURVES.Af), np.asarray(CURVES.Flen)
    if velocity < 0.0:
        b = 1.0 + f / af
    else:
        b = (2.0 + 2.0 / af) * (flen - f) / (flen - 1.0)
    curved = f < CURVES.fv_linear_extrap_threshold * flen
    np.testing.assert_allclose(((f - 1.0) / b)[curved], velocity, rtol=1e-12)


def test_force_velocity_joins():
    slope_at = jax.jit(
        lambda v: jax.jvp(lambda x: curve.force_velocity(CURVES, x), (v,), (jnp.ones_like(v),))
    )
    last = CURVES.fv_linear_extrap_threshold * CURVES.Flen
    steep = 2.0 + 2.0 / CURVES.Af
    join = (last - 1.0) * (CURVES.Flen - 1.0) / (steep * (CURVES.Flen - last))
    below, above = slope_at(join - 1e-9), slope_at(join + 1e-9)
    np.testing.assert_allclose(below[0], above[0], atol=1e-7)
    np.testing.assert_allclose(below[1], above[1], rtol=1e-6)
    # As published, the curve is twice as steep on the lengthening side of isometric.
    below, above = slope_at(both(-1e-9)), slope_at(both(1e-9))
    np.testing.assert_allclose(below[0], above[0], atol=1e-7)
    np.testing.assert_allclose(2.0 * below[1], above[1], rtol=1e-6)
    assert np.all(curve.force_velocity(CURVES, both(-1.5)) == 0.0)


@pytest.mark.oracle
@pytest.mark.parametrize("muscle", [0, 1])
def test_length_curves_match_opensim(muscle):
    opensim = pytest.importorskip("opensim")
    model, theirs = _hanging_muscle(opensim, muscle)
    state = model.initSystem()
    for length in (0.5, 0.8, 1.0, 1.2, 1.5):
        # Total length 0.3 m: the tendon takes what the fiber leaves, strains of -0.08 to 0.07.
        theirs.setFiberLength(state, 0.1 * length)
        tendon = 1.0 + 0.12 * (length - 0.9)
        model.getCoordinateSet().get(0).setValue(state, 0.1 * length + 0.2 * tendon)
        model.realizeDynamics(state)
        got = [
            curve.active_force_length(CURVES, both(length))[muscle],
            curve.passive_force_length(CURVES, both(length))[muscle],
            curve.tendon_force_length(CURVES, both(tendon))[muscle],
        ]
        expected = [
            theirs.getActiveForceLengthMultiplier(state),
            theirs.getPassiveForceMultiplier(state),
            theirs.getTendonForce(state) / 1000.0,
        ]
        # 1e-10: the tendon length is a difference of lengths of 1e-16 m, amplified by 1/strain.
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize("muscle", [0, 1])
def test_force_velocity_matches_opensim(muscle):
    opensim = pytest.importorskip("opensim")
    model, theirs = _hanging_muscle(opensim, muscle)
    state = model.initSystem()
    coordinate = model.getCoordinateSet().get(0)
    for velocity in (-1.2, -0.9, -0.3, -0.02, 0.0, 0.02, 0.3, 0.9, 1.4):
        coordinate.setValue(state, 0.3)
        coordinate.setSpeedValue(state, velocity)  # 1 m/s: 10 optimal lengths of 0.1 m per s
        model.realizeDynamics(state)
        expected = theirs.calcInextensibleTendonActiveFiberForce(state, 1.0) / 1000.0
        got = curve.force_velocity(CURVES, both(velocity))[muscle]
        # OpenSim stops its own iteration at a velocity error of 1e-6; slopes are below 10.
        np.testing.assert_allclose(got, expected, atol=1e-5)


def _hanging_muscle(opensim, muscle):
    """A point mass on a vertical slider under one muscle of 0.1 m fiber and 0.2 m tendon."""
    model = opensim.Model()
    body = opensim.Body("mass", 1.0, opensim.Vec3(0), opensim.Inertia(1, 1, 1))
    model.addBody(body)
    joint = opensim.SliderJoint("slider", model.getGround(), body)
    model.addJoint(joint)
    theirs = opensim.Thelen2003Muscle("m", 1000.0, 0.1, 0.2, 0.0)
    for name in (
        "FmaxTendonStrain",
        "FmaxMuscleStrain",
        "KshapeActive",
        "KshapePassive",
        "Af",
        "Flen",
        "fv_linear_extrap_threshold",
    ):
        value = float(getattr(CURVES, name)[muscle])
        opensim.PropertyHelper.setValueDouble(value, theirs.getPropertyByName(name))
    theirs.addNewPathPoint("origin", model.getGround(), opensim.Vec3(0))
    theirs.addNewPathPoint("insertion", body, opensim.Vec3(0))
    model.addForce(theirs)
    return model, theirs


@pytest.mark.parametrize(
    "function, at",
    [
        (curve.active_force_length, [0.7, 1.2]),
        (curve.passive_force_length, [0.7, 1.2]),
        (curve.force_velocity, [-0.5, 0.1]),
        (curve.force_velocity, [0.02, 1.3]),
        (curve.tendon_force_length, [1.01, 1.05]),
    ],
)
def test_gradients_in_argument_and_parameters(function, at):
    # Steps of 1e-6 stay on one side of the joints; tendon curvatures reach 1e3.
    options = {"order": 1, "modes": ["fwd", "rev"], "eps": 1e-6, "rtol": 1e-5, "atol": 1e-5}
    check_grads(_takes_numpy(function), (CURVES, jnp.array(at)), **options)
