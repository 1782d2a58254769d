"""The inverse study on an elbow whose answers fit on a page."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.compilation import compiled
from biomech.model.build import build_model
from biomech.studies.gait_events import SIDES
from biomech.studies.inverse import STATUS, inverse, strength_limited
from biomech.studies.prepare import ensure_actuated
from bodies import body, coordinate, description, pin
from elbow import HEIGHT, INSERT, MASS, REACH, G, forearm, still
from small_walk import walking_model, walking_record


def test_one_muscle_holds_a_weight():
    """Moments about the hinge, then forces on the forearm: a free-body diagram."""
    record = inverse(forearm(), still(forearm()))
    span = np.hypot(INSERT, HEIGHT)
    arm = INSERT * HEIGHT / span
    reserve = record.actuator_force[0, -1]  # dear, so it helps by next to nothing
    assert abs(float(reserve)) < 1e-3 * MASS * G * REACH
    force = (MASS * G * REACH - float(reserve)) / arm
    pull = force * np.array([-INSERT, HEIGHT, 0.0]) / span
    assert int(record.status[0]) == 0
    np.testing.assert_allclose(record.muscle_force[0, 0], force, rtol=1e-9)
    elbow = 1
    np.testing.assert_allclose(record.center_of_mass[0], [REACH, 0.0, 0.0], atol=1e-12)
    expected = np.array([0.0, MASS * G, 0.0]) - pull
    np.testing.assert_allclose(record.joint_reaction_force[0, elbow], expected, rtol=1e-9)
    np.testing.assert_allclose(
        record.joint_reaction_moment[0, elbow], [0.0, 0.0, float(reserve)], atol=1e-9
    )
    np.testing.assert_allclose(
        record.intersegmental_force[0, elbow], [0.0, MASS * G, 0.0], atol=1e-12
    )
    np.testing.assert_allclose(
        record.intersegmental_moment[0, elbow], [0.0, 0.0, MASS * G * REACH], atol=1e-12
    )


def test_an_external_load_takes_the_weight():
    model = forearm()
    motion = still(model)
    lift = jnp.array([0.0, 0.0, MASS * G * REACH, 0.0, MASS * G, 0.0])
    motion = eqx.tree_at(
        lambda m: m.external_wrench, motion, motion.external_wrench.at[:, 1].set(lift[None])
    )
    record = inverse(model, motion)
    np.testing.assert_allclose(record.muscle_force, 0.0, atol=1e-6)


def test_too_weak_a_muscle_is_marked():
    record = inverse(forearm((100.0,)), still(forearm()))
    assert [STATUS[int(s)] for s in record.status] == ["strength_limited"] * 2
    np.testing.assert_allclose(record.activation, 1.0)
    reserve = record.actuator_force[0, -1]
    supplied = record.muscle_force[0, 0] * record.moment_arm[0, 0, 0]
    np.testing.assert_allclose(reserve + supplied, MASS * G * REACH, rtol=1e-9)
    assert bool(record.limited.all())  # an elbow without a side counts for both
    assert not bool(inverse(forearm(), still(forearm())).limited.any())


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("share, limited", [(0.049, False), (0.051, True)])
def test_a_leg_is_limited_by_its_own_reserves(side, share, limited):
    """Moments peak at 50 N m; one reserve of one leg gives a share of that at one instant."""
    model = walking_model()
    record = walking_record(model, np.linspace(0.0, 1.0, 101))
    column = [model.skeleton.coordinates.names[c] for c in model.actuators.coordinates].index(
        f"knee_angle_{side}"
    )
    force = record.actuator_force.at[7, column].set(-50.0 * share)
    marked = strength_limited(model, eqx.tree_at(lambda r: r.actuator_force, record, force))
    expected = np.zeros((101, 2), bool)
    expected[7, SIDES.index(side)] = limited
    np.testing.assert_array_equal(marked, expected)


def test_passive_fibers_and_their_pull_are_an_option():
    model = forearm(height=0.265)  # stretched beyond optimal length
    without = inverse(model, still(model))
    with_passive = inverse(model, still(model), passive_fiber_force=True)
    assert float(with_passive.activation[0, 0]) < float(without.activation[0, 0])
    np.testing.assert_allclose(with_passive.muscle_force, without.muscle_force, rtol=1e-3)


def test_sharing_follows_the_least_effort():
    """Equal capacity, unequal arms: activations are in proportion to the arms."""
    model = forearm((800.0, 800.0))
    record = inverse(model, still(model))
    share = record.capacity[0] * record.moment_arm[0, :, 0]
    ratio = record.activation[0, 0] / record.activation[0, 1]
    np.testing.assert_allclose(ratio, share[0] / share[1], rtol=1e-9)


@pytest.mark.parametrize("which", [0, 1])
def test_joint_load_follows_strength_as_differences_say(which):
    model = forearm((800.0, 600.0))
    motion = still(model)

    def load(strength):
        changed = eqx.tree_at(
            lambda m: m.muscles.max_isometric_force,
            model,
            model.muscles.max_isometric_force.at[which].set(strength),
        )
        force = inverse(changed, motion).joint_reaction_force[0, 1]
        return jnp.sqrt(jnp.sum(force**2))

    @compiled
    def value_and_slopes(strength):
        value, forward = jax.jvp(load, (strength,), (jnp.ones(()),))
        return value, forward, jax.grad(load)(strength)

    strength, h = jnp.asarray(700.0), 0.1
    up, down = (value_and_slopes(strength + sign * h)[0] for sign in (1.0, -1.0))
    for slope in value_and_slopes(strength)[1:]:
        np.testing.assert_allclose(slope, (up - down) / (2.0 * h), rtol=1e-5)


def test_a_batch_of_cases_equals_single_ones():
    model = forearm((800.0, 600.0))
    motion = still(model)

    def load(scale):
        where = lambda m: m.muscles.max_isometric_force
        changed = eqx.tree_at(where, model, scale * where(model))
        return inverse(changed, motion).joint_reaction_force

    scales = jnp.array([1.0, 0.8])
    batch = jax.vmap(load)(scales)
    for i, scale in enumerate(scales):
        np.testing.assert_allclose(batch[i], load(scale), rtol=1e-12, atol=1e-10)


def test_nothing_is_nan_but_what_has_no_answer():
    model = forearm()
    motion = still(model)
    broken = eqx.tree_at(lambda m: m.acceleration, motion, motion.acceleration.at[0].set(jnp.nan))
    record = inverse(model, broken)
    assert STATUS[int(record.status[0])] == "not_finite" and int(record.status[1]) == 0
    assert np.all(np.isnan(record.joint_reaction_force[0]))
    assert np.all(np.isfinite(record.joint_reaction_force[1]))


def test_a_motor_on_a_coupled_coordinate_acts_through_the_coupling():
    """A follower that turns twice as far: its motor's work is that of twice the moment."""
    heavy = body("arm", MASS, (REACH, 0.0, 0.0), (0.01,) * 3 + (0.0,) * 3)
    double = {"kind": "linear", "slope": 2.0, "intercept": 0.0}
    motor = {
        "name": "motor",
        "coordinate": "follower",
        "optimal_force": 10.0,
        "min_control": -np.inf,
        "max_control": np.inf,
        "kind": "motor",
    }
    model = build_model(
        description(
            bodies=[heavy, body("wheel", 0.0, inertia=(0.0,) * 6)],
            joints=[pin("hinge", "ground", "arm", "lift"), pin("axle", "arm", "wheel", "follower")],
            coordinates=[coordinate("lift"), coordinate("follower")],
            couplers=[
                {
                    "name": "gear",
                    "dependent": "follower",
                    "independent": "lift",
                    "function": double,
                }
            ],
            actuators=[motor],
        )
    )
    record = inverse(model, still(model))
    np.testing.assert_allclose(record.actuator_force, MASS * G * REACH / 2.0, rtol=1e-12)
    np.testing.assert_allclose(record.residual_moment, 0.0, atol=1e-12)


def test_a_limited_motor_is_backed_by_a_reserve():
    """A motor of 1 N m cannot hold the arm; what is missing is said, not left unsolved."""
    motor = {
        "name": "motor",
        "coordinate": "flexion",
        "optimal_force": 1.0,
        "min_control": -1.0,
        "max_control": 1.0,
        "kind": "motor",
    }
    weak = build_model(
        description(
            bodies=[
                body("upper", 0.0, inertia=(0.0,) * 6),
                body("forearm", MASS, (REACH, 0.0, 0.0), (0.01,) * 3 + (0.0,) * 3),
            ],
            joints=[
                pin("shoulder", "ground", "upper", "lift"),
                pin("elbow", "upper", "forearm", "flexion"),
            ],
            coordinates=[coordinate("lift") | {"locked": True}, coordinate("flexion")],
            actuators=[motor],
        )
    )
    model = ensure_actuated(weak)
    assert model.actuators.names == ("motor", "reserve_flexion")
    assert ensure_actuated(model).actuators.names == model.actuators.names
    record = inverse(model, still(model))
    assert np.all(np.asarray(record.status) == STATUS.index("strength_limited"))
    expected = [1.0, MASS * G * REACH - 1.0]
    np.testing.assert_allclose(record.actuator_force, np.tile(expected, (2, 1)), rtol=1e-9)
