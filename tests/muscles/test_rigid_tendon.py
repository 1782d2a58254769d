import xml.etree.ElementTree as ET

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from biomech.model.build import build_model
from biomech.model.muscle_curves import (
    ActiveForceLengthCurve,
    DeGrooteFregly2016Curves,
    FiberForceLengthCurve,
    ForceVelocityCurve,
    Millard2012Curves,
    TendonForceLengthCurve,
    Thelen2003Curves,
)
from biomech.model.muscles import Muscles
from biomech.muscles.rigid_tendon import (
    active_force_at_full_activation,
    passive_force,
    rigid_tendon_state,
)
from small_models import leg_description
from tables import read_table


def _muscles(curves, names, pennation_angle, **other):
    """Muscles whose paths play no part here."""
    n = len(names)
    values = {
        "max_isometric_force": jnp.full(n, 1000.0),
        "optimal_fiber_length": jnp.full(n, 0.1),
        "tendon_slack_length": jnp.full(n, 0.2),
        "max_contraction_velocity": jnp.full(n, 10.0),
        "min_activation": jnp.full(n, 0.01),
        "max_activation": jnp.full(n, 1.0),
    }
    paths = build_model(leg_description()).muscles.paths
    values["pennation_angle"] = jnp.asarray(pennation_angle)
    return Muscles(**{**values, **other}, curves=curves, paths=paths, names=names)


@eqx.filter_jit
def _both_forces(muscles, length, speed, slip=False):
    state = rigid_tendon_state(muscles, length, speed)
    active = active_force_at_full_activation(muscles, state, normalized_length_pennation=slip)
    return active, passive_force(muscles, state)


def _read_subject(file):
    """Muscles of the walking subject, as far as this module needs them."""
    entries = list(ET.parse(file).getroot().iter("Millard2012EquilibriumMuscle"))

    def number(tag):
        return jnp.array([float(entry.findtext(tag)) for entry in entries])

    def record(kind):
        fields = [f for f in kind.__dataclass_fields__]
        published = kind.published(1)
        values = {}
        for field in fields:
            default = float(getattr(published, field)[0])
            texts = [entry.findtext(f"{kind.__name__}/{field}") for entry in entries]
            values[field] = jnp.array([default if t is None else float(t) for t in texts])
        return kind(**values)

    fiber, tendon = record(FiberForceLengthCurve), record(TendonForceLengthCurve)
    curves = Millard2012Curves(
        active_force_length=record(ActiveForceLengthCurve),
        force_velocity=record(ForceVelocityCurve),
        fiber_force_length=FiberForceLengthCurve.fitted(
            fiber.strain_at_zero_force, fiber.strain_at_one_norm_force
        ),
        tendon_force_length=TendonForceLengthCurve.fitted(tendon.strain_at_one_norm_force),
        fiber_damping=number("fiber_damping"),
    )
    return _muscles(
        curves,
        tuple(entry.get("name") for entry in entries),
        number("pennation_angle_at_optimal"),
        max_isometric_force=number("max_isometric_force"),
        optimal_fiber_length=number("optimal_fiber_length"),
        tendon_slack_length=number("tendon_slack_length"),
        max_contraction_velocity=jnp.full(len(entries), 10.0),  # left unset in the file
        min_activation=jnp.full(len(entries), 0.01),
        max_activation=jnp.ones(len(entries)),
    )


def test_active_force_of_walking_matches_opensim(walk3d):
    muscles = _read_subject(walk3d / "subject_walk_scaled.osim")
    names = list(muscles.names)
    length, speed, expected = (
        read_table(walk3d / "oracle" / f"{table}.csv.gz")[names].to_numpy()
        for table in ("mtu_length", "mtu_speed", "so_active_force_a1")
    )
    forces = jax.jit(jax.vmap(lambda l, v: _both_forces(muscles, l, v, slip=True)[0]))
    got = forces(jnp.asarray(length), jnp.asarray(speed))
    # The tables have ten digits; fiber length is a difference of lengths, velocity has gain 5.
    assert got.shape == (116, 80)
    np.testing.assert_allclose(got, expected, rtol=1e-7)


def test_angle_at_the_true_length_lowers_pennate_muscles_only(walk3d):
    muscles = _read_subject(walk3d / "subject_walk_scaled.osim")
    length = muscles.tendon_slack_length + muscles.optimal_fiber_length
    right = _both_forces(muscles, length, jnp.zeros(80))[0]
    slip = _both_forces(muscles, length, jnp.zeros(80), slip=True)[0]
    straight = muscles.pennation_angle < 0.05
    assert np.all(right <= slip * (1.0 + 1e-12))
    np.testing.assert_allclose(right[straight], slip[straight], rtol=2e-3)


@pytest.mark.oracle
@pytest.mark.parametrize("speed", [-0.4, 0.0, 0.2])
def test_thelen_force_matches_opensim(speed):
    opensim = pytest.importorskip("opensim")
    curves = Thelen2003Curves(
        FmaxTendonStrain=jnp.array([0.033]),
        FmaxMuscleStrain=jnp.array([0.6]),
        KshapeActive=jnp.array([0.5]),
        KshapePassive=jnp.array([4.0]),
        Af=jnp.array([0.3]),
        Flen=jnp.array([1.8]),
        fv_linear_extrap_threshold=jnp.array([0.95]),
    )
    model, theirs = _hanging_muscle(opensim, "Thelen2003Muscle", 0.4)
    for field in curves.__dataclass_fields__:
        value = float(getattr(curves, field)[0])
        opensim.PropertyHelper.setValueDouble(value, theirs.getPropertyByName(field))
    muscles = _muscles(curves, ("m",), [0.4])
    force = jax.jit(lambda l, v: _both_forces(muscles, l, v)[0])
    for length, expected in _opensim_forces(model, theirs, speed):
        got = force(jnp.array([length]), jnp.array([speed]))
        # OpenSim iterates force-velocity to 1e-6 of velocity; slopes below 10, 1000 N.
        np.testing.assert_allclose(got, expected, atol=1e-2)


@pytest.mark.oracle
@pytest.mark.parametrize("speed", [-0.4, 0.2])
def test_degroote_force_matches_opensim(speed):
    opensim = pytest.importorskip("opensim")
    model, theirs = _hanging_muscle(opensim, "DeGrooteFregly2016Muscle", 0.4)
    muscles = _muscles(DeGrooteFregly2016Curves.published(1), ("m",), [0.4])
    for length, expected in _opensim_forces(model, theirs, speed):
        if length - 0.2 < 0.02:
            continue  # OpenSim lets the fiber along the tendon shorten to nothing
        state = rigid_tendon_state(muscles, jnp.array([length]), jnp.array([speed]))
        got = active_force_at_full_activation(muscles, state) / state.cos_pennation
        np.testing.assert_allclose(got, expected, rtol=1e-10)


def _hanging_muscle(opensim, kind, pennation_angle):
    """A point mass on a slider under one muscle of 0.1 m fiber and 0.2 m tendon."""
    model = opensim.Model()
    body = opensim.Body("mass", 1.0, opensim.Vec3(0), opensim.Inertia(1, 1, 1))
    model.addBody(body)
    model.addJoint(opensim.SliderJoint("slider", model.getGround(), body))
    muscle = getattr(opensim, kind)()
    muscle.setName("m")
    muscle.setMaxIsometricForce(1000.0)
    muscle.setOptimalFiberLength(0.1)
    muscle.setTendonSlackLength(0.2)
    muscle.setPennationAngleAtOptimalFiberLength(pennation_angle)
    muscle.addNewPathPoint("origin", model.getGround(), opensim.Vec3(0))
    muscle.addNewPathPoint("insertion", body, opensim.Vec3(0))
    model.addForce(muscle)
    return model, muscle


def _opensim_forces(model, muscle, speed):
    state = model.initSystem()
    coordinate = model.getCoordinateSet().get(0)
    for length in (0.19, 0.202, 0.21, 0.25, 0.2921, 0.31, 0.34):
        coordinate.setValue(state, length)
        coordinate.setSpeedValue(state, speed)
        model.realizeVelocity(state)
        yield length, muscle.calcInextensibleTendonActiveFiberForce(state, 1.0)


MILLARD = _muscles(Millard2012Curves.published(3), ("a", "b", "c"), [0.0, 0.2, 0.5])


def test_optimal_length_at_rest_is_the_definition():
    along = 0.1 * jnp.cos(MILLARD.pennation_angle)
    state = rigid_tendon_state(MILLARD, 0.2 + along, jnp.zeros(3))
    np.testing.assert_allclose(state.norm_fiber_length, 1.0, atol=1e-14)
    np.testing.assert_allclose(state.pennation_angle, MILLARD.pennation_angle, atol=1e-14)
    active, passive = _both_forces(MILLARD, 0.2 + along, jnp.zeros(3))
    np.testing.assert_allclose(active, 1000.0 * jnp.cos(MILLARD.pennation_angle), rtol=1e-13)
    np.testing.assert_allclose(passive, 0.0, atol=1e-12)


def test_fiber_velocity_is_the_rate_of_fiber_length():
    length, speed = jnp.array([0.28, 0.3, 0.29]), jnp.array([-0.2, 0.3, 0.1])
    fiber = lambda l: rigid_tendon_state(MILLARD, l, speed).norm_fiber_length
    rate = jax.jvp(fiber, (length,), (speed,))[1]
    state = rigid_tendon_state(MILLARD, length, speed)
    np.testing.assert_allclose(state.norm_fiber_velocity * 10.0, rate, rtol=1e-13)


def test_force_is_lost_when_the_fiber_is_too_short():
    state = rigid_tendon_state(MILLARD, jnp.full(3, 0.19), jnp.zeros(3))
    assert np.all(state.at_shortest)
    forces = _both_forces(MILLARD, jnp.full(3, 0.19), jnp.zeros(3))
    np.testing.assert_array_equal(forces, 0.0)
    longer = rigid_tendon_state(MILLARD, jnp.full(3, 0.23), jnp.zeros(3))
    assert not np.any(longer.at_shortest)


def test_damping_opposes_shortening():
    state = rigid_tendon_state(MILLARD, jnp.full(3, 0.35), jnp.full(3, -0.1))
    with_damping = passive_force(MILLARD, state)
    without = passive_force(MILLARD, state, damping=False)
    expected = 1000.0 * 0.1 * state.norm_fiber_velocity * state.cos_pennation
    np.testing.assert_allclose(with_damping - without, expected, rtol=1e-12)
    assert np.all(with_damping < without)


@pytest.mark.parametrize("kind", [DeGrooteFregly2016Curves, Millard2012Curves])
def test_a_fast_shortening_fiber_does_not_push(kind):
    curves = eqx.tree_at(lambda c: c.fiber_damping, kind.published(3), jnp.full(3, 0.1))
    muscles = _muscles(curves, ("a", "b", "c"), [0.01, 0.2, 0.5])
    length, speed = jnp.full(3, 0.27), jnp.array([-0.8, -0.4, 0.4])
    force = lambda l, v: passive_force(muscles, rigid_tendon_state(muscles, l, v))
    slopes = jax.jit(jax.jacfwd(force, argnums=(0, 1)))(length, speed)
    np.testing.assert_array_equal(force(length, speed)[:2], 0.0)
    assert force(length, speed)[2] >= 0.0
    np.testing.assert_array_equal(np.stack(slopes)[:, :2], 0.0)


@pytest.mark.parametrize("kind", [DeGrooteFregly2016Curves, Millard2012Curves, Thelen2003Curves])
def test_gradients_in_state_and_parameters(kind):
    muscles = _muscles(kind.published(3), ("a", "b", "c"), [0.01, 0.2, 0.5])
    numbers, rest = eqx.partition(muscles, eqx.is_inexact_array)
    compiled = jax.jit(lambda n, l, v: _both_forces(eqx.combine(n, rest), l, v))
    forces = lambda *x: compiled(*jax.tree.map(jnp.asarray, x))
    length, speed = jnp.array([0.28, 0.3, 0.32]), jnp.array([-0.2, 0.2, 0.1])
    # Forces are of order 1e3 N and their slopes of order 1e4 to 1e5 per metre or unit.
    options = {"order": 1, "modes": ["fwd", "rev"], "eps": 1e-7, "rtol": 1e-5, "atol": 1e-3}
    check_grads(forces, (numbers, length, speed), **options)


def test_gradient_is_finite_where_the_fiber_stops():
    total = lambda l: sum(jnp.sum(f) for f in _both_forces(MILLARD, l, jnp.zeros(3)))
    lengths = jnp.tile(jnp.linspace(0.15, 0.25, 60)[:, None], (1, 3))
    slope = jax.jit(jax.vmap(jax.grad(total)))(lengths)
    assert np.all(np.isfinite(slope))
    np.testing.assert_array_equal(slope[0], 0.0)


def test_a_sweep_over_strength_compiles_once():
    @eqx.filter_jit
    @eqx.debug.assert_max_traces(max_traces=1)
    def force(muscles, length):
        return _both_forces(muscles, length, jnp.zeros(3))[0]

    length = jnp.full(3, 0.3)
    single = force(MILLARD, length)
    stronger = eqx.tree_at(lambda m: m.max_isometric_force, MILLARD, jnp.full(3, 2000.0))
    np.testing.assert_allclose(force(stronger, length), 2.0 * single, rtol=1e-14)
