import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.inverse_dynamics import inverse_dynamics
from biomech.dynamics.kinematics import body_motion, coupled_motion, pose
from biomech.model.build import build_model, describe_model
from biomech.model.edits import lock, weld, with_activation_bounds, with_reserves
from biomech.model.names import BadInput
from small_models import leg_description


@pytest.fixture(scope="module")
def leg():
    return build_model(leg_description())


def _pose(model, **values):
    names = model.skeleton.coordinates.names
    return pose(model.skeleton, jnp.array([values[name] for name in names]))


def test_weld_keeps_every_body_where_it_was(leg):
    welded = weld(leg, "knee_angle", 0.6)
    now = _pose(leg, hip_tx=0.2, hip_flexion=0.3, knee_angle=0.6, patella_angle=0.31)
    after = _pose(welded, hip_tx=0.2, hip_flexion=0.3)
    np.testing.assert_allclose(after.position, now.position, atol=1e-15)
    np.testing.assert_allclose(after.rotation, now.rotation, atol=1e-15)


def test_weld_keeps_the_other_generalized_forces(leg):
    value, speed = jnp.array([0.2, 0.6, 0.3, 0.31]), jnp.array([0.5, 0.0, -2.0, 0.0])
    states = coupled_motion(leg.skeleton, value, speed, speed)
    free = inverse_dynamics(leg.skeleton, body_motion(leg.skeleton, *states), jnp.zeros((3, 6)))
    small = weld(leg, "knee_angle", 0.6).skeleton
    kept = [0, 2]
    states = tuple(s[jnp.array(kept)] for s in states)
    force = inverse_dynamics(small, body_motion(small, *states), jnp.zeros((3, 6)))
    np.testing.assert_allclose(force, free[jnp.array(kept)], rtol=1e-12)


def test_weld_takes_what_follows_with_it_and_points_stay(leg):
    welded = weld(leg, "knee_angle", 0.6)
    assert welded.skeleton.coordinates.names == ("hip_tx", "hip_flexion")
    assert welded.skeleton.coordinates.dependent == ()
    paths = welded.muscles.paths
    assert paths.conditional == ()  # 0.6 rad is inside its range: now always there
    assert paths.moving_coordinates == ((-1, -1, 1),)
    assert weld(leg, "knee_angle", 0.0).muscles.paths.wraps == (((0, 1, 2),),)


def test_weld_by_joint_name_removes_all_its_coordinates_and_their_motors(leg):
    welded = weld(leg, "hip")
    assert welded.skeleton.coordinates.names == ("knee_angle", "patella_angle")
    assert welded.actuators.names == ()


def test_weld_refuses_a_follower_and_unknown_names(leg):
    with pytest.raises(BadInput, match=r"follows 'knee_angle'; weld 'knee_angle'"):
        weld(leg, "patella_angle")
    with pytest.raises(KeyError, match=r"No joint or coordinate named 'kneee'.*'knee'"):
        weld(leg, "kneee")


def test_weld_leaves_the_given_model_alone(leg):
    before = describe_model(leg)
    weld(leg, "knee_angle", 0.6)
    assert describe_model(leg) == before


def test_lock_keeps_the_coordinate_but_not_its_freedom(leg):
    locked = lock(leg, "knee_angle", 0.25)
    coordinates = locked.skeleton.coordinates
    assert coordinates.locked == (False, True, False, False)
    assert coordinates.free_names == ("hip_tx", "hip_flexion")
    assert float(coordinates.default_value[1]) == 0.25
    assert leg.skeleton.coordinates.locked == (False,) * 4


def test_lock_is_differentiable_in_its_value(leg):
    total = lambda value: jnp.sum(lock(leg, "knee_angle", value).skeleton.coordinates.default_value)
    assert float(jax.grad(total)(0.25)) == 1.0


def test_lock_refuses_a_follower(leg):
    with pytest.raises(BadInput, match="lock 'knee_angle' instead"):
        lock(leg, "patella_angle", 0.0)


def test_reserves_are_added_after_the_model_s_own_actuators(leg):
    model = with_reserves(leg, {"knee_angle": 10.0, "hip_flexion": 5.0})
    model = with_reserves(model, {"hip_tx": 100.0}, kind="residual")
    actuators = model.actuators
    assert actuators.names == (
        "hip_motor",
        "reserve_knee_angle",
        "reserve_hip_flexion",
        "residual_hip_tx",
    )
    assert actuators.coordinates == (2, 1, 2, 0)
    assert actuators.kinds == ("motor", "reserve", "reserve", "residual")
    np.testing.assert_array_equal(actuators.optimal_force, [100.0, 10.0, 5.0, 100.0])
    assert np.all(np.isneginf(actuators.min_control[1:]))
    assert np.all(np.isposinf(actuators.max_control[1:]))
    assert describe_model(build_model(describe_model(model))) == describe_model(model)


@pytest.mark.parametrize(
    "forces, kind, words",
    [
        ({"knee": 1.0}, "reserve", "No coordinate named 'knee'"),
        ({"knee_angle": 0.0}, "reserve", "'reserve_knee_angle'.*positive"),
        ({"knee_angle": 1.0}, "motor", "'reserve' or 'residual'"),
    ],
)
def test_reserves_refuse_bad_input(leg, forces, kind, words):
    with pytest.raises(BadInput, match=words):
        with_reserves(leg, forces, kind)


def test_a_second_reserve_of_the_same_name_is_refused(leg):
    with pytest.raises(BadInput, match="already has an actuator 'reserve_knee_angle'"):
        with_reserves(with_reserves(leg, {"knee_angle": 1.0}), {"knee_angle": 1.0})


def test_activation_bounds(leg):
    muscles = with_activation_bounds(leg, 0.02, jnp.array([0.9])).muscles
    assert (float(muscles.min_activation[0]), float(muscles.max_activation[0])) == (0.02, 0.9)
    with pytest.raises(BadInput, match="one per muscle"):
        with_activation_bounds(leg, jnp.zeros(3), 1.0)
