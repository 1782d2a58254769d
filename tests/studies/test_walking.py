"""Walking near a reference, on a coarse mesh: is it a movement, a minimum, and found again?"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from biomech.analysis.labels import read_netcdf, write_netcdf
from biomech.analysis.replay_dataset import replay
from biomech.analysis.save_walk import save_walk
from biomech.analysis.track_dataset import label_walk, track
from biomech.analysis.walking_report import solve_report
from biomech.dynamics.inverse_dynamics import body_weight
from biomech.formats.load import load_model
from biomech.formats.reference_gait import reference_gait
from biomech.formats.storage import read_storage
from biomech.interventions.muscle_strength import gluteal_strength
from biomech.model.edits import with_reserves
from biomech.model.names import BadInput
from biomech.studies import walking as study
from biomech.studies.inverse import STATUS
from biomech.studies.metrics import is_periodic
from biomech.studies.walking import Mesh, walking

MESH = Mesh(12)
SOLVED = STATUS.index("successful")


@pytest.fixture(scope="module")
def planar():
    return load_model("planar")


@pytest.fixture(scope="module")
def how(planar):
    return walking(planar, reference_gait("planar"), mesh=MESH)


@pytest.fixture(scope="module")
def record(planar, how):
    found = study.track(planar, how)
    assert found.status == SOLVED
    return found


@pytest.fixture(scope="module")
def dataset(record, planar, how):
    return label_walk(record, planar, how, config={"study": "track"})


def test_the_laws_of_mechanics_hold_at_every_instant(planar, record):
    weight = body_weight(planar.skeleton)
    # Solved to 1e-6 in units of 0.07 weights x 1 m, or 0.25 weights.
    assert np.abs(record.stride.residual_moment).max() < 1e-6 * weight
    assert np.abs(record.residual).max() < 1e-6


def test_over_a_stride_the_ground_carries_the_weight(planar, how, record):
    """Momentum ends as it began; by the quadrature of the mesh's own rule."""
    rule = how.collocation()
    z = np.asarray(record.x).reshape(-1, how.guess.shape[1])
    u = study.unknowns(planar, jnp.asarray(z))
    bodies = jax.jit(study.walked_bodies)(planar, u, how.friction_sharpness)
    force = np.asarray(bodies.ground.force).sum(axis=1)[1:].reshape(how.intervals, -1, 3)
    mean = np.einsum("j,kjx->x", rule.quadrature, force) / how.intervals
    weight = float(body_weight(planar.skeleton))
    assert mean[1] == pytest.approx(weight, rel=2e-2)
    assert abs(mean[0]) < 2e-2 * weight


def test_the_second_half_mirrors_the_first(planar, how, record):
    n = how.intervals
    image, free = how.image, list(planar.skeleton.coordinates.free)
    value = np.asarray(record.stride.value)[:, free]
    other = np.array(image.motion(jnp.asarray(value[:n])))
    other[:, planar.skeleton.coordinates.free_names.index("pelvis_tx")] += how.advance
    np.testing.assert_allclose(value[n : 2 * n], other, atol=1e-12)
    np.testing.assert_allclose(
        record.stride.muscle_force[n : 2 * n],
        np.asarray(record.stride.muscle_force)[:n][:, image.muscle],
        atol=1e-6,
    )


def test_the_stride_ends_as_it_began(planar, record, dataset):
    assert is_periodic(record.stride, planar.skeleton.coordinates.names)
    for name in ("excitation", "activation", "muscle_force", "joint_reaction_force"):
        ends = dataset[name].isel(time=[0, -1])
        scale = float(np.abs(dataset[name]).max())
        np.testing.assert_allclose(ends[0], ends[1], atol=1e-5 * scale, err_msg=name)
    right, left = (dataset.metric_value.sel(metric=f"peak_ankle_force_{s}") for s in "rl")
    assert right == pytest.approx(float(left), rel=1e-6)


def test_a_limp_is_not_averaged_away(planar):
    """Of a reference with unlike sides the whole stride is walked."""
    gait = reference_gait("planar")
    values, knee = gait.coordinate_values.copy(), gait.coordinate_names.index("knee_angle_r")
    values[:, knee] += 0.08
    assert not walking(planar, dataclasses.replace(gait, coordinate_values=values)).half
    values[:, knee] += 0.08
    with pytest.raises(BadInput, match=r"'knee_angle_[rl]' differs between both"):
        walking(planar, dataclasses.replace(gait, coordinate_values=values), half=True)


def test_a_start_of_another_mesh_is_refused(planar, record):
    whole = walking(planar, reference_gait("planar"), mesh=Mesh(6), half=False)
    assert whole.intervals == MESH.intervals
    with pytest.raises(BadInput, match="another mesh"):
        study.track(planar, whole, record)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_start_far_off_comes_to_the_same_walk(planar, how, record, seed):
    rng = np.random.default_rng(seed)
    guess = np.array(how.guess)
    coordinates = planar.skeleton.coordinates
    kinds = np.array(coordinates.motion_types)[list(coordinates.free)]
    turning = np.flatnonzero(kinds == "rotational")
    guess[:, turning] += rng.uniform(-0.1, 0.1, (guess.shape[0], turning.size))
    found = study.track(planar, dataclasses.replace(how, guess=jnp.asarray(guess)))
    assert found.status == SOLVED
    assert found.cost.sum() == pytest.approx(float(record.cost.sum()), rel=1e-6)


def test_from_a_neighbour_it_takes_a_third_of_the_steps(planar, how, record):
    weaker = gluteal_strength(planar, side="both", scale=0.9)
    cold = study.track(weaker, how)
    warm = study.track(weaker, how, record)
    assert cold.status == SOLVED and warm.status == SOLVED
    assert 3 * int(warm.iterations) <= int(cold.iterations)
    # Minima lie close together: the neighbour's leads to one that is no worse.
    assert float(warm.cost.sum()) < (1.0 + 1e-6) * float(cold.cost.sum())
    assert warm.cost.sum() == pytest.approx(float(cold.cost.sum()), rel=1e-2)


def test_effort_weighed_more_is_spared(planar, how, record):
    lazier = dataclasses.replace(
        how, weights=how.weights._replace(activation=jnp.asarray(3.0), control=jnp.asarray(3.0))
    )
    found = study.track(planar, lazier, record)
    assert found.status == SOLVED
    effort = lambda r: float(np.mean(np.asarray(r.stride.activation) ** 2))
    assert effort(found) < 0.97 * effort(record)


def test_unsolved_it_says_what_is_worst(planar, how, record):
    free = planar.skeleton.coordinates.free_names
    knee = 7 * len(free) + free.index("knee_angle_r")  # of the seventh point but the start
    stopped = dataclasses.replace(
        record,
        status=jnp.asarray(STATUS.index("maximum_iterations")),
        residual=record.residual.at[knee].set(-0.25),
    )
    text = solve_report(stopped, planar, how)
    assert "Stopped after" in text and "Raise `max_steps`" in text
    assert "Violated most: balance about knee_angle_r, by 2.5e-01 at 14 % of the stride." in text


# -------------------------------------------------------------------------------- dataset


def test_the_dataset_is_a_stride_of_walking(dataset):
    assert dataset.attrs["study"] == "track" and (dataset.status == 0).all()
    assert dataset.sizes["time"] == 2 * MESH.intervals + 1
    assert "Solved in" in dataset.attrs["solve_report"]
    assert "At a bound, not excited: " in dataset.attrs["solve_report"]
    ground = dataset.ground_reaction_force.sel(axis="y")
    regions = dataset.regional_plantar_force.sel(axis="y")
    right = [name for name in dataset.contact_region.values if name.endswith("_r")]
    np.testing.assert_allclose(
        regions.sel(contact_region=right).sum("contact_region"), ground.sel(side="r"), atol=1e-6
    )
    assert 50.0 < dataset.toe_off_pct.sel(side="r") < 70.0
    peak = dataset.metric_value.sel(metric="peak_knee_force_r")
    assert 2.0 < peak < 5.0
    assert dataset.walking_cost.sel(cost="passive") == 0.0
    for variable in dataset.variables.values():
        assert "long_name" in variable.attrs


def test_the_dataset_survives_a_file(dataset, tmp_path):
    again = read_netcdf(write_netcdf(dataset, tmp_path / "walk.nc"))
    xr.testing.assert_identical(again.excitation, dataset.excitation)


# ------------------------------------------------------------------------- replayed, written


@pytest.fixture(scope="module")
def steps(dataset):
    """Three intervals on the right foot."""
    return dataset.isel(time=slice(5, 9), interval=slice(5, 8))


@pytest.fixture(scope="module")
def replayed(planar, steps):
    return replay(planar, steps)


def departure(replayed):
    """Median over intervals of the largest of a coordinate [rad or m]."""
    return np.median(np.abs(replayed.value_departure).max("coordinate"))


def test_each_interval_replayed_ends_near_the_walk(replayed, steps):
    """On this coarse mesh by 1e-3; with what it holds as states and nothing else."""
    assert replayed.value_departure.dims == ("interval", "coordinate")
    assert (replayed.replayed == 1).all()
    assert 0.0 < departure(replayed) < 2e-3
    assert np.abs(replayed.activation_departure).max() < 1e-2
    np.testing.assert_array_equal(replayed.end_time, steps.time[1:])
    assert "Coordinates depart by" in replayed.attrs["replay_report"]
    for variable in replayed.variables.values():
        assert "long_name" in variable.attrs


def test_a_replay_notices_another_excitation(planar, steps, replayed):
    """By 0.05 in one muscle."""
    more = steps.copy(deep=True)
    more["interval_excitation"].loc[{"muscle": "soleus_r"}] += 0.05
    assert departure(replay(planar, more)) > 10.0 * departure(replayed)


def test_a_replay_notices_another_body(planar, steps, replayed):
    found = replay(gluteal_strength(planar, side="r", scale=0.5), steps)
    assert departure(found) > 3.0 * departure(replayed)
    assert "not the one that walked" in found.attrs["notes"]
    assert "not the one that walked" not in replayed.attrs["notes"]


def test_what_is_no_walk_is_not_replayed(planar, dataset, steps):
    with pytest.raises(TypeError):
        replay(dataset, planar)
    with pytest.raises(TypeError):
        replay(planar, "walk.nc")
    with pytest.raises(BadInput, match="of the study 'track'"):
        replay(planar, dataset.drop_vars("interval_excitation"))
    with pytest.raises(BadInput, match="several along arch"):
        replay(planar, xr.concat([dataset, dataset], "arch"))
    with pytest.raises(BadInput, match=r"'planar' has 28 muscles, the walk of 'planar' 27"):
        replay(planar, dataset.isel(muscle=slice(1, None)))
    with pytest.raises(BadInput, match="3 intervals between 25 instants"):
        replay(planar, dataset.isel(interval=slice(5, 8)))
    with pytest.raises(BadInput, match="`tolerance` is 0"):
        replay(planar, steps, tolerance=0.0)


def test_a_walk_written_for_moco_reads_back(planar, dataset, tmp_path):
    save_walk(planar, dataset, tmp_path / "walk.sto")
    table = read_storage(tmp_path / "walk.sto")
    np.testing.assert_array_equal(table.time, dataset.time)
    for name in ("knee_angle_r", "pelvis_tx"):
        value = dataset.coordinate_value.sel(coordinate=name)
        np.testing.assert_array_equal(table.column(name), value)
    excitation = dataset.excitation.sel(muscle="soleus_l")
    np.testing.assert_array_equal(table.column("/forceset/soleus_l"), excitation)
    lumbar = dataset.interval_control.isel(interval_point=-1, actuator=0)
    np.testing.assert_allclose(table.column("/forceset/lumbar")[1:], lumbar, atol=1e-12)
    with pytest.raises(TypeError):
        save_walk(dataset, planar, tmp_path / "walk.sto")
    with pytest.raises(BadInput, match="exists already"):
        save_walk(planar, dataset, tmp_path / "walk.sto")


# ------------------------------------------------------------------------------ bad input


def test_what_cannot_be_walked_is_refused(planar):
    gait = reference_gait("planar")
    with pytest.raises(TypeError):
        track("planar", gait)
    with pytest.raises(TypeError):
        track(planar, "gait.sto")
    with pytest.raises(BadInput, match="No rule 'euler'"):
        track(planar, gait, rule="euler")
    with pytest.raises(BadInput, match="whole number from 10"):
        track(planar, gait, intervals=3)
    with pytest.raises(BadInput, match="No term 'pain'"):
        track(planar, gait, terms={"pain": 1.0})
    with pytest.raises(BadInput, match="at least 0"):
        track(planar, gait, terms={"activation": -1.0})
    with pytest.raises(BadInput, match="'exponent' of what walking costs is 0"):
        track(planar, gait, terms={"exponent": 0.5})
    with pytest.raises(BadInput, match="`tolerance` is nan"):
        track(planar, gait, tolerance=float("nan"))
    with pytest.raises(BadInput, match="'planar' is not the same on both sides"):
        track(gluteal_strength(planar, side="r", scale=0.5), gait, half=True)
    with pytest.raises(BadInput, match="is pushed from the ground by residual_pelvis_ty"):
        track(with_reserves(planar, {"pelvis_ty": 100.0}, kind="residual"), gait)
    with pytest.raises(BadInput, match="no stride that ends as it began: "):
        track(planar, dataclasses.replace(gait, end=0.7 * gait.end))
    lacking = dataclasses.replace(
        gait,
        coordinate_names=gait.coordinate_names[1:],
        coordinate_values=gait.coordinate_values[:, 1:],
    )
    with pytest.raises(BadInput, match="no column for pelvis_tilt"):
        track(planar, lacking)
    few = dataclasses.replace(
        gait, time=gait.time[::20], coordinate_values=gait.coordinate_values[::20]
    )
    with pytest.raises(BadInput, match="frames in its stride"):
        track(planar, few)
    barefoot = dataclasses.replace(planar, contacts=no_contacts(planar.contacts))
    with pytest.raises(BadInput, match="cannot walk"):
        track(barefoot, gait)


def no_contacts(contacts):
    empty = {
        field.name: getattr(contacts, field.name)[:0] for field in dataclasses.fields(contacts)
    }
    return dataclasses.replace(contacts, **empty)
