import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from biomech.model.muscle_curves import DeGrooteFregly2016Curves
from biomech.muscles import degrootefregly2016 as curve

# width scale, damping, passive strain, tendon strain: the defaults and another muscle
CURVES = DeGrooteFregly2016Curves(
    active_force_width_scale=jnp.array([1.0, 1.5]),
    fiber_damping=jnp.array([0.0, 0.01]),
    passive_fiber_strain_at_one_norm_force=jnp.array([0.6, 0.9]),
    tendon_strain_at_one_norm_force=jnp.array([0.049, 0.033]),
)


def _takes_numpy(function):
    """check_grads hands over NumPy arrays; the curves are annotated for JAX's."""
    compiled = jax.jit(function)
    return lambda *arguments: compiled(*jax.tree.map(jnp.asarray, arguments))


def both(value):
    return jnp.full(2, value)


@pytest.mark.parametrize(
    "velocity, expected, atol",
    # 1.794 is printed with four digits
    [(-1.0, 0.0, 1e-14), (0.0, 1.0, 1e-14), (1.0, 1.794, 5e-4)],
)
def test_force_velocity_meets_published_anchors(velocity, expected, atol):
    np.testing.assert_allclose(curve.force_velocity(CURVES, both(velocity)), expected, atol=atol)


def test_length_curves_meet_their_anchors():
    one, zero = np.ones(2), np.zeros(2)
    strains = CURVES.passive_fiber_strain_at_one_norm_force, CURVES.tendon_strain_at_one_norm_force
    passive, tendon = curve.passive_force_length, curve.tendon_force_length
    np.testing.assert_allclose(curve.active_force_length(CURVES, both(1.0)), one, atol=1e-14)
    np.testing.assert_allclose(passive(CURVES, both(0.2)), zero, atol=1e-14)
    np.testing.assert_allclose(passive(CURVES, 1.0 + strains[0]), one, atol=1e-13)
    np.testing.assert_allclose(tendon(CURVES, both(1.0)), zero, atol=1e-14)
    np.testing.assert_allclose(tendon(CURVES, 1.0 + strains[1]), one, atol=1e-13)


@pytest.mark.oracle
@pytest.mark.parametrize("muscle", [0, 1])
def test_curves_match_opensim(muscle):
    opensim = pytest.importorskip("opensim")
    theirs = opensim.DeGrooteFregly2016Muscle()
    for name in ("active_force_width_scale", "passive_fiber_strain_at_one_norm_force"):
        getattr(theirs, f"set_{name}")(float(getattr(CURVES, name)[muscle]))
    theirs.set_tendon_strain_at_one_norm_force(
        float(CURVES.tendon_strain_at_one_norm_force[muscle])
    )
    theirs.finalizeFromProperties()
    # The constants agree to the last digit, so rounding is all that may differ.
    for ours, reference, grid in (
        (curve.active_force_length, theirs.calcActiveForceLengthMultiplier, (0.2, 1.8)),
        (curve.force_velocity, theirs.calcForceVelocityMultiplier, (-1.2, 1.2)),
        (curve.passive_force_length, theirs.calcPassiveForceMultiplier, (0.2, 1.8)),
        (curve.tendon_force_length, theirs.calcTendonForceMultiplier, (0.95, 1.08)),
    ):
        for x in np.linspace(*grid, 33):
            got = ours(CURVES, both(x))[muscle]
            np.testing.assert_allclose(got, reference(float(x)), rtol=1e-12, atol=1e-13)


def test_inverses_undo_the_curves():
    for v in (-1.0, -0.3, 0.0, 0.7):
        back = curve.inverse_force_velocity(CURVES, curve.force_velocity(CURVES, both(v)))
        np.testing.assert_allclose(back, v, atol=1e-13)
    for l in (0.98, 1.0, 1.02, 1.06):
        back = curve.inverse_tendon_force_length(CURVES, curve.tendon_force_length(CURVES, both(l)))
        np.testing.assert_allclose(back, l, atol=1e-13)


def test_curves_rise_where_they_must():
    for function, low, high in (
        (curve.force_velocity, -1.2, 1.2),
        (curve.passive_force_length, 0.2, 1.8),
        (curve.tendon_force_length, 0.9, 1.1),
    ):
        values = np.stack([function(CURVES, both(x)) for x in np.linspace(low, high, 30)])
        assert np.all(np.diff(values, axis=0) > 0.0)


@pytest.mark.parametrize(
    "function, at",
    [
        (curve.active_force_length, [0.6, 1.3]),
        (curve.passive_force_length, [0.6, 1.3]),
        (curve.force_velocity, [-0.2, 0.4]),
        (curve.tendon_force_length, [0.99, 1.03]),
    ],
)
def test_gradients_in_argument_and_parameters(function, at):
    # Steps of 1e-6: tendon curvatures reach 1e3.
    options = {"order": 1, "modes": ["fwd", "rev"], "eps": 1e-6, "rtol": 1e-5, "atol": 1e-5}
    check_grads(_takes_numpy(function), (CURVES, jnp.array(at)), **options)


def test_active_gradient_is_finite_at_any_length():
    lengths = jnp.linspace(-0.5, 3.0, 200)
    slope = lambda l: jax.jvp(
        lambda x: curve.active_force_length(CURVES, x), (jnp.full(2, l),), (jnp.ones(2),)
    )
    values, slopes = jax.jit(jax.vmap(slope))(lengths)
    assert np.all(np.isfinite(values)) and np.all(np.isfinite(slopes))
