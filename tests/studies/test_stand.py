"""Standing: free-body diagrams, symmetry, limits, and derivatives against differences."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from biomech.dynamics.slope import on_slope
from biomech.formats.load import load_model
from biomech.model.names import BadInput, UnknownName
from biomech.studies import stand as stand_file
from biomech.studies.stand import STATUS, Standing, StandingSolver, stand, standing
from biomech.studies.standing_metrics import evaluate_standing_metrics

SIDES = ("r", "l")


@pytest.fixture(scope="module")
def model():
    return load_model("planar")


@pytest.fixture(scope="module")
def habit(model):
    return standing(model)


@pytest.fixture(scope="module")
def record(model, habit):
    return stand(model, habit)


def weight_of(model):
    return float(jnp.sum(model.skeleton.mass) * jnp.linalg.norm(model.skeleton.gravity))


def test_a_balance_is_found(record):
    assert STATUS[int(record.status)] == "successful"
    assert record.residual <= 1e-8
    assert record.dual_residual <= 1e-8


def test_ground_carries_the_weight_under_the_center_of_mass(model, record):
    force, point = np.asarray(record.ground.force), np.asarray(record.ground.point)
    weight = weight_of(model)
    np.testing.assert_allclose(force.sum(axis=0), [0.0, weight, 0.0], atol=1e-8 * weight)
    moment = np.cross(point - np.asarray(record.center_of_mass), force).sum(axis=0)
    np.testing.assert_allclose(moment[2], 0.0, atol=1e-8 * weight)  # in the plane of the body
    under = point[np.asarray(record.ground.normal) > 1.0, 0]
    assert under.min() < record.center_of_mass[0] < under.max()


def test_nothing_pulls_the_foot_down_or_slides(record, model):
    assert np.all(np.asarray(record.ground.normal) >= 0.0)
    force = np.asarray(record.ground.force)
    along = np.hypot(force[:, 0], force[:, 2])
    friction = np.asarray(model.contacts.static_friction) * np.asarray(record.ground.normal)
    assert np.all(along <= friction + 1e-12)


def test_joint_reactions_are_those_of_a_free_leg(model, record):
    # Cut at the knee: shank and foot in balance under ground, weight, and what crosses the knee.
    skeleton = model.skeleton
    names = skeleton.body_names
    for side in SIDES:
        below = [names.index(f"{b}_{side}") for b in ("tibia", "calcn", "midfoot", "toes")]
        regions = [n.endswith(f"_{side}") for n in model.contacts.names]
        ground = np.asarray(record.ground.force)[regions].sum(axis=0)
        weight = float(np.asarray(skeleton.mass)[below].sum()) * np.asarray(skeleton.gravity)
        knee = skeleton.joint_names.index(f"knee_{side}")
        np.testing.assert_allclose(
            record.intersegmental_force[knee] + ground + weight, 0.0, atol=1e-6
        )


def test_both_sides_of_a_symmetric_body_do_the_same(model, record):
    def mirrored(names, values):
        other = {"_r": "_l", "_l": "_r"}
        swap = [names.index(n[:-2] + other.get(n[-2:], n[-2:])) for n in names]
        return np.asarray(values)[swap]

    for names, values in (
        (model.muscles.names, record.activation),
        (model.ligaments.names, record.ligament_force),
        (model.contacts.names, record.ground.normal),
        (model.skeleton.coordinates.names, record.value),
    ):
        np.testing.assert_allclose(mirrored(list(names), values), values, rtol=1e-6, atol=1e-7)


def test_fibers_and_tendons_of_a_standing_body_agree_with_its_forces(model, record):
    from biomech.muscles.resting_muscle import resting_muscle

    found = resting_muscle(model.muscles, record.activation, record.muscle_tendon_length)
    np.testing.assert_allclose(found.force, record.muscle_force, rtol=1e-12)


def test_habit_wins_when_it_weighs_much_and_effort_when_it_weighs_little(model, habit):
    at = lambda w: stand(model, eqx.tree_at(lambda s: s.weight, habit, jnp.asarray(w, float)))
    light, heavy = at(0.01), at(100.0)
    assert heavy.cost[0] > light.cost[0]
    kept = np.isfinite(np.asarray(habit.spread))
    departure = lambda r: np.abs(np.asarray(r.free_value - habit.habit))[kept].max()
    assert departure(heavy) < 0.5 * departure(light)


def test_held_coordinates_stay(model):
    held = ("knee_angle_r", "knee_angle_l")
    asked = standing(model, held=held)
    found = stand(model, asked)
    for name in held:
        place = model.skeleton.coordinates.free_names.index(name)
        np.testing.assert_allclose(
            found.free_value[place], asked.habit[place], atol=np.deg2rad(0.01)
        )


def test_a_slope_is_held_by_friction(model, habit):
    found = stand(on_slope(model, uphill_deg=5.0), habit)
    assert STATUS[int(found.status)] == "successful"
    weight = weight_of(model)
    force = np.asarray(found.ground.force).sum(axis=0)
    np.testing.assert_allclose(force, [0.0, weight, 0.0], atol=1e-8 * weight)
    normal = np.asarray(found.ground.normal).sum()
    np.testing.assert_allclose(normal, weight * np.cos(np.deg2rad(5.0)), rtol=1e-8)


def test_level_ground_is_a_slope_of_nothing(model):
    flat = on_slope(model, uphill_deg=0.0, right_side_up_deg=0.0)
    np.testing.assert_allclose(
        flat.contacts.half_space_orientation, model.contacts.half_space_orientation, atol=1e-15
    )


def test_a_warm_start_saves_steps_and_changes_no_answer(model, habit, record):
    again = stand(model, habit, record)
    assert again.iterations <= 5
    np.testing.assert_allclose(again.joint_reaction_force, record.joint_reaction_force, atol=1e-4)


def test_an_impossible_task_is_said_and_not_raised(model, habit):
    nobody = eqx.tree_at(
        lambda m: m.muscles.max_isometric_force, model, 1e-9 * model.muscles.max_isometric_force
    )
    motors = eqx.tree_at(
        lambda m: (m.actuators.min_control, m.actuators.max_control),
        nobody,
        (-1e-9 * jnp.ones(1), 1e-9 * jnp.ones(1)),
    )
    leaning = eqx.tree_at(lambda s: s.loaded, habit, jnp.zeros_like(habit.loaded))
    assert STATUS[int(stand(motors, leaning).status)] != "successful"


def test_a_sweep_compiles_once(model, habit, record, monkeypatch):
    """Neither another body of that structure nor another habit traces the solver again."""
    monkeypatch.setattr(stand_file, "solve", lambda *_, **__: pytest.fail("traced again"))
    weaker = eqx.tree_at(
        lambda m: m.muscles.max_isometric_force, model, 0.9 * model.muscles.max_isometric_force
    )
    assert stand(weaker, habit).cost[0] > record.cost[0]
    assert stand(model, dataclasses.replace(habit, weight=2.0 * habit.weight)).status == 0
    load = lambda m, found: evaluate_standing_metrics(m, found, ["hip_force_r"]).value
    once = eqx.filter_jit(eqx.debug.assert_max_traces(load, max_traces=1))
    assert once(model, record) > 0.0 and once(weaker, record) > 0.0


def test_errors_name_what_is_missing(model):
    with pytest.raises(BadInput, match="both, right_leg, left_leg"):
        standing(model, "tiptoe")
    with pytest.raises(UnknownName, match="knee_angle_r"):
        standing(model, held=("knee_angel_r",))
    floating = eqx.tree_at(lambda m: m.contacts, model, type(model.contacts).none())
    with pytest.raises(BadInput, match="contact regions"):
        standing(floating)


LOADS = ("hip_force_r", "knee_force_r", "hip_force_l", "knee_force_l")
CLOSE = StandingSolver(tolerance=1e-11)  # so that differences of it can be told from rounding


def changed_body(model, change):
    """A body changed at strength, ligament stiffness, contact height and tendon length."""
    muscles, ligaments, contacts = model.muscles, model.ligaments, model.contacts
    right = lambda names: jnp.asarray([n.endswith("_r") for n in names], float)
    muscles = dataclasses.replace(
        muscles,
        max_isometric_force=muscles.max_isometric_force * (1.0 + change[0] * right(muscles.names)),
        tendon_slack_length=muscles.tendon_slack_length * (1.0 + change[1] * right(muscles.names)),
    )
    ligaments = dataclasses.replace(
        ligaments, pcsa_force=ligaments.pcsa_force * (1.0 + change[2] * right(ligaments.names))
    )
    down = jnp.array([[0.0, -1.0, 0.0]]) * right(contacts.names)[:, None]
    contacts = dataclasses.replace(contacts, location=contacts.location + change[3] * down)
    whole = lambda m: (m.muscles, m.ligaments, m.contacts)
    return eqx.tree_at(whole, model, (muscles, ligaments, contacts))


@pytest.fixture(scope="module")
def loads(model, habit):
    @eqx.filter_jit
    def found(change):
        changed = changed_body(model, change)
        record = stand(changed, habit, solver=CLOSE)
        return evaluate_standing_metrics(changed, record, LOADS).value

    return found


@pytest.mark.science  # `test_stand_three_changes` asks the same of other parameters
def test_derivatives_of_joint_loads_match_differences(loads):
    change = jnp.array([0.05, 0.002, 0.1, 0.001])
    exact = jax.jacfwd(loads)(change)
    for i, step in enumerate((1e-3, 1e-4, 1e-3, 1e-5)):
        differences = []
        for h in (step, 0.5 * step):
            far = jnp.zeros(4).at[i].set(h)
            differences.append((loads(change + far) - loads(change - far)) / (2.0 * h))
        np.testing.assert_allclose(*differences, rtol=1e-4, atol=1e-5 * np.abs(exact[:, i]).max())
        scale = np.maximum(np.abs(differences[1]), 1e-3 * np.abs(differences[1]).max())
        assert np.all(np.abs(exact[:, i] - differences[1]) <= 1e-4 * scale)


@pytest.mark.science  # `test_stand_three_changes` compares both of other parameters
def test_reverse_derivatives_are_the_forward_ones(loads):
    change = jnp.array([0.05, 0.002, 0.1, 0.001])
    forward, reverse = jax.jacfwd(loads)(change), jax.jacrev(loads)(change)
    np.testing.assert_allclose(reverse, forward, rtol=1e-8, atol=1e-10)


@pytest.mark.science  # `test_stand_three_changes` has the weight of habit too
def test_settings_carry_derivatives_too(model, habit, record):
    assert isinstance(habit, Standing)

    def effort(weight):
        return stand(model, eqx.tree_at(lambda s: s.weight, habit, weight), record).cost[0]

    exact = jax.grad(effort)(jnp.asarray(0.1))
    difference = (effort(jnp.asarray(0.1001)) - effort(jnp.asarray(0.0999))) / 2e-4
    np.testing.assert_allclose(exact, difference, rtol=1e-4)
