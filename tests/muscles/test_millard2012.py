import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from biomech.model.muscle_curves import (
    ActiveForceLengthCurve,
    FiberForceLengthCurve,
    ForceVelocityCurve,
    Millard2012Curves,
    TendonForceLengthCurve,
)
from biomech.muscles import millard2012 as curve

OTHER = {
    ActiveForceLengthCurve: (0.3, 0.8, 1.7, 0.5, 0.0),
    ForceVelocityCurve: (0.1, 0.3, 4.0, 0.05, 0.2, 1.6, 0.3, 0.5),
    FiberForceLengthCurve: (0.1, 0.8, 0.3, 2.5, 0.6),
    TendonForceLengthCurve: (0.06, 30.0, 0.5, 0.3),
}
FIELDS = {
    ActiveForceLengthCurve: ("active_force_length", (0.0, 2.2)),
    ForceVelocityCurve: ("force_velocity", (-1.3, 1.3)),
    FiberForceLengthCurve: ("fiber_force_length", (0.5, 2.0)),
    TendonForceLengthCurve: ("tendon_force_length", (0.95, 1.1)),
}
FUNCTIONS = {
    ActiveForceLengthCurve: curve.active_force_length,
    ForceVelocityCurve: curve.force_velocity,
    FiberForceLengthCurve: curve.passive_force_length,
    TendonForceLengthCurve: curve.tendon_force_length,
}


def _takes_numpy(function):
    """check_grads hands over NumPy arrays; the curves are annotated for JAX's."""
    compiled = jax.jit(function)
    return lambda *arguments: compiled(*jax.tree.map(jnp.asarray, arguments))


def _all_curves(values, count):
    """Every muscle with the same parameters: the published ones, or `OTHER`."""
    records = {}
    for record, numbers in OTHER.items():
        if values == "published":
            records[FIELDS[record][0]] = record.published(count)
        else:
            records[FIELDS[record][0]] = record(*(jnp.full(count, x) for x in numbers))
    return Millard2012Curves(**records, fiber_damping=jnp.full(count, 0.1))


@pytest.mark.oracle
@pytest.mark.parametrize("values", ["published", "other"])
@pytest.mark.parametrize("record", list(OTHER))
def test_curves_and_slopes_match_opensim(record, values):
    opensim = pytest.importorskip("opensim")
    kind = getattr(opensim, record.__name__)
    theirs = kind() if values == "published" else kind(*OTHER[record])
    grid = np.linspace(*FIELDS[record][1], 1001)
    curves = _all_curves(values, grid.size)
    evaluate = lambda x: FUNCTIONS[record](curves, x)
    both = jax.jit(lambda x: jax.jvp(evaluate, (x,), (jnp.ones_like(x),)))
    got, slope = both(jnp.asarray(grid))
    expected = [theirs.calcValue(float(x)) for x in grid]
    expected_slope = [theirs.calcDerivative(float(x), 1) for x in grid]
    # OpenSim inverts x(u) to 2e-14; slopes reach 40 and curvatures 2000.
    np.testing.assert_allclose(got, expected, atol=1e-11)
    np.testing.assert_allclose(slope, expected_slope, atol=1e-9)


def test_anchors():
    curves = _all_curves("published", 1)
    for function, x, expected in (
        (curve.active_force_length, 1.0, 1.0),
        (curve.active_force_length, 0.4441, 0.1),
        (curve.active_force_length, 1.8123, 0.1),
        (curve.force_velocity, -1.0, 0.0),
        (curve.force_velocity, 0.0, 1.0),
        (curve.force_velocity, 1.0, 1.4),
        (curve.passive_force_length, 1.0, 0.0),
        (curve.passive_force_length, 1.7, 1.0),
        (curve.tendon_force_length, 1.0, 0.0),
        (curve.tendon_force_length, 1.049, 1.0),
    ):
        np.testing.assert_allclose(jax.jit(function)(curves, jnp.array([x])), expected, atol=1e-13)


@pytest.mark.parametrize("record", [ForceVelocityCurve, FiberForceLengthCurve])
def test_curves_never_fall(record):
    grid = jnp.linspace(*FIELDS[record][1], 400)
    values = jax.jit(FUNCTIONS[record])(_all_curves("published", 400), grid)
    assert np.all(np.diff(values) >= -1e-15)


def test_second_derivative_is_continuous_at_a_joint_of_segments():
    curves = _all_curves("published", 1)
    value = lambda x: curve.force_velocity(curves, x[None])[0]
    second = jax.jit(jax.grad(jax.grad(value)))
    # Curvature vanishes where segments meet: control points come in pairs on the tangent.
    np.testing.assert_allclose(second(jnp.array(1e-7)), 0.0, atol=1e-3)
    np.testing.assert_allclose(second(jnp.array(-1e-7)), 0.0, atol=1e-3)


@pytest.mark.parametrize("record", list(OTHER))
def test_gradients_in_argument_and_parameters(record):
    low, high = FIELDS[record][1]
    at = jnp.linspace(low + 0.013, high - 0.017, 7)
    curves = _all_curves("other", 7)
    # Steps of 1e-6 keep every sample on its side of the joints; tendon curvatures reach 1e3.
    options = {"order": 1, "modes": ["fwd", "rev"], "eps": 1e-6, "rtol": 1e-5, "atol": 1e-5}
    check_grads(_takes_numpy(FUNCTIONS[record]), (curves, at), **options)


def test_second_order_gradient():
    curves = _all_curves("other", 3)
    at = jnp.array([0.55, 1.2, 1.5])
    evaluate = jax.jit(lambda x: curve.active_force_length(curves, x))
    slope = jax.jit(lambda x: jax.jvp(evaluate, (x,), (jnp.ones(3),))[1])
    central = (slope(at + 1e-6) - slope(at - 1e-6)) / 2e-6
    np.testing.assert_allclose(
        jax.jvp(slope, (at,), (jnp.ones(3),))[1], central, rtol=1e-6, atol=1e-6
    )


def test_batch_over_instants_equals_single():
    curves = _all_curves("published", 2)
    grid = jnp.linspace(0.3, 1.9, 10).reshape(5, 2)
    many = jax.jit(jax.vmap(lambda x: curve.active_force_length(curves, x)))(grid)
    one = jax.jit(lambda x: curve.active_force_length(curves, x))
    single = jnp.stack([one(x) for x in grid])
    np.testing.assert_allclose(many, single, atol=1e-15)
