"""From a configuration to a folder: what is in it, and what happens when something is wrong."""

import csv
import dataclasses
import errno
import hashlib
import inspect
import json
import os

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import biomech as bm
from biomech.analysis.inverse_dataset import NO_LOADS
from biomech.experiment import inverse_cases, run_files, runner
from biomech.experiment.config import check, load_config, parse_yaml
from biomech.experiment.figures import write_figures
from biomech.experiment.inputs import load_inputs
from biomech.experiment.inverse_cases import InverseCases, warnings_about
from biomech.experiment.runner import SOME_FAILED, run
from biomech.experiment.schema import ALWAYS_KEPT, OUTPUTS
from biomech.formats.storage import Storage
from biomech.interventions import CATALOGUE
from biomech.model.names import BadInput
from biomech.studies.inverse import STATUS, blank_unsolved
from experiment.swinging_leg import SWEEP, configuration, write


@pytest.fixture(scope="module")
def swing(tmp_path_factory):
    """One run without a sweep."""
    folder = tmp_path_factory.mktemp("swing")
    return run(write(folder), out=folder / "out")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """One run with two cases, its files elsewhere than its configuration."""
    folder = tmp_path_factory.mktemp("sweep")
    path = write(folder / "data", **SWEEP)
    path = path.rename(folder / "sweep.yaml")
    return run(path, out=folder / "out", overrides=[f"data_folder={folder / 'data'}"])


def test_folder_holds_everything(swing):
    assert swing.exit_code == 0
    files = {str(f.relative_to(swing.folder)) for f in swing.folder.rglob("*") if f.is_file()}
    assert {
        *("results.nc", "peaks.csv", "credibility.csv", "config.resolved.yaml", "notes.txt"),
        *("figures/joint_loads.png", "figures/joint_loads.pdf"),
        *("figures/angles.png", "figures/moments.pdf"),
    } <= files
    assert not [name for name in files if "part" in name]


def test_result_is_that_of_the_study(swing):
    """A swinging rod of 8 kg: the hip carries what Newton's second law asks of its mass center."""
    result = swing.open()
    time = result["time"].values
    np.testing.assert_allclose(time, 0.1 + np.arange(7) / 20, atol=1e-12)
    angle = 0.3 * np.sin(2 * np.pi * time)
    rate = 0.3 * 2 * np.pi * np.cos(2 * np.pi * time)
    turn = -0.3 * (2 * np.pi) ** 2 * np.sin(2 * np.pi * time)
    radial, along = (
        np.array([np.sin(angle), -np.cos(angle)]),
        np.array([np.cos(angle), np.sin(angle)]),
    )
    acceleration = 0.2 * (turn * along - rate**2 * radial)
    expected = 8.0 * (acceleration + np.array([[0.0], [9.80665]]))
    # The spline through 100 Hz samples of a sine leaves 1e-4 of its acceleration.
    got = result["intersegmental_force"].sel(joint="hip_r").values[:, :2].T
    np.testing.assert_allclose(got, expected, rtol=0.0, atol=2e-2)
    assert (result["status"] == 0).all()


def test_outputs_that_may_be_asked_for_are_those_there_are(swing):
    here = set(swing.open().data_vars)
    needs_loads = {
        *("external_force", "ground_reaction_force", "center_of_pressure", "free_moment"),
        *("stance", "stride_time", "toe_off_pct"),
    }
    needs_space = {"knee_contact_force", "medial_knee_force_per_varus"}
    outputs = set(OUTPUTS["inverse"])
    assert outputs - here - needs_loads - needs_space == {"ligament_force"}  # it has none
    assert not needs_space & here


def test_solver_of_the_configuration_is_the_one_at_work(tmp_path):
    """One Newton step is too few for a cubic effort, in a run of its own and in a sweep."""
    asked = {"solver": {"max_steps": 1}, "study": {**configuration()["study"], "exponent": 3.0}}
    steps = STATUS.index("maximum_iterations")
    study = InverseCases(load_config(write(tmp_path, **asked, **SWEEP)))
    some = study.batch(study.table.values, {"status"})
    assert (some["status"] == steps).all()
    single = InverseCases(load_config(write(tmp_path, **asked))).single()
    assert (single["status"] == steps).all()
    assert json.loads(single.attrs["config"])["solver"] == {"tolerance": None, "max_steps": 1}


def test_filter_is_swept_as_the_study_alone_would_filter(tmp_path, monkeypatch):
    """Each case is a run with that cut-off, marks at the ends too; one programme serves all."""
    weak = {"gluteal": {"kind": "gluteal_strength", "side": "r", "scale": 0.8}}
    swept = {"interventions": weak, "sweep": {"study.lowpass_hz": {"values": [20, 6, 8]}}}
    checked = load_config(write(tmp_path, **swept))
    study = InverseCases(checked)
    assert study.table.units == {"study.lowpass_hz": "Hz"}
    assert "the filter of 6 Hz lacks" in study.inputs.notes[0]  # which reaches furthest
    cases = study.batch(study.table.values[:2])
    for case, cutoff in enumerate((20, 6)):
        asked = [f"study.lowpass_hz={cutoff}", "sweep={}"]
        alone = InverseCases(load_config(write(tmp_path, **swept), asked)).single()
        for name in ("activation", "coordinate_acceleration", "metric_value", "metric_at_edge"):
            # 1e-10: what static optimization is solved to, from whatever start.
            np.testing.assert_allclose(cases[name][case], alone[name], rtol=0.0, atol=1e-10)
    assert cases["metric_at_edge"].values[1].any()
    fast, slow = cases["coordinate_acceleration"].values
    assert np.abs(fast - slow).max() > 1e-3
    traced = []
    apply = inverse_cases.apply_interventions
    counted = lambda *arguments: traced.append(1) or apply(*arguments)
    monkeypatch.setattr(inverse_cases, "apply_interventions", counted)
    study.batch(study.table.values[1:])
    assert not traced


def test_filter_that_cannot_cut_there_is_found_before_anything_is_computed(tmp_path):
    path = write(tmp_path, sweep={"study.lowpass_hz": {"values": [6, 80]}})
    with pytest.raises(BadInput, match=r"`sweep.study.lowpass_hz`: The low-pass filter cannot cut"):
        InverseCases(load_config(path))


def test_nothing_stored_tells_where_files_were(swing, sweep):
    for result in (swing, sweep):
        for name in ("config.resolved.yaml", "notes.txt", "peaks.csv"):
            assert str(result.folder.parent) not in (result.folder / name).read_text()
        attributes = json.dumps({k: str(v) for k, v in result.open().attrs.items()})
        assert str(result.folder.parent) not in attributes


def test_resolved_configuration_runs_again(swing, tmp_path):
    path = swing.folder / "config.resolved.yaml"
    stored = parse_yaml(path.read_text(), path.name)
    assert set(stored["files"]) == {"leg.yaml", "swing.sto"}
    assert stored == json.loads(swing.open().attrs["config"])
    data = [f"data_folder={swing.folder.parent}"]
    again = run(path, out=tmp_path / "again", overrides=data)
    assert again.open()["activation"].equals(swing.open()["activation"])
    (swing.folder.parent / "elsewhere").mkdir()
    for name in ("leg.yaml", "swing.sto"):
        text = (swing.folder.parent / name).read_text()
        (swing.folder.parent / "elsewhere" / name).write_text(text + "\n")
    with pytest.raises(BadInput, match="is not the one this configuration was run with"):
        run(path, overrides=[f"data_folder={swing.folder.parent / 'elsewhere'}"])


def test_sweep_is_a_dimension(sweep):
    result = sweep.open()
    assert result["activation"].dims == ("gluteal.scale", "time", "muscle")
    assert result["gluteal.scale"].attrs["units"] == "1"
    np.testing.assert_array_equal(result["gluteal.scale"], [1.0, 0.5])
    assert "case" not in result.dims
    assert result["body_weight"].dims == ()
    capacity = result["force_at_full_activation"].sel(muscle="glmax1_r")
    np.testing.assert_allclose(capacity[1], 0.5 * capacity[0])
    assert (sweep.folder / "figures" / "joint_loads_r.pdf").is_file()


def test_a_body_of_another_mass_is_measured_by_its_own_weight(tmp_path):
    """Loads over body weight, as a run with that mass alone gives them."""
    asked = {
        "schema": 1,
        "name": "mass",
        "model": {"name": "planar"},
        "trial": {"reference": "default"},
        "study": {"kind": "inverse"},
        "outputs": ["joint_reaction_force"],
    }
    swept = asked | {"sweep": {"model.mass_kg": {"values": [60.0, 90.0]}}}
    cases = InverseCases(load_config(swept)).batch(np.array([[60.0], [90.0]]))
    alone = InverseCases(
        load_config(asked | {"model": {"name": "planar", "mass_kg": 90.0}})
    ).single()
    np.testing.assert_allclose(cases["body_mass"], [60.0, 90.0])
    np.testing.assert_allclose(cases["body_weight"][1], alone["body_weight"])
    np.testing.assert_allclose(
        cases["metric_value"][1], alone["metric_value"], rtol=1e-6, atol=1e-9
    )


def test_emg_beside_a_sweep_is_said_not_to_be_drawn(sweep, tmp_path):
    time = np.linspace(0.0, 0.5, 51)
    emg = Storage("emg", time, ("gluteus_maximus",), np.ones((51, 1)), False)
    (missing,) = write_figures(sweep.open(), tmp_path / "figures", emg)
    assert missing.startswith("The measured EMG is not drawn")


def test_first_case_of_a_sweep_is_the_run_without_it(swing, sweep):
    neutral = sweep.open().isel({"gluteal.scale": 0})
    for name in ("activation", "joint_reaction_force", "metric_value", "metric_time"):
        # A batch is a programme of its own: equal but for rounding.
        alone = swing.open()[name]
        np.testing.assert_allclose(neutral[name], alone, rtol=1e-10, atol=1e-10, err_msg=name)


def test_peaks_are_those_of_the_dataset(sweep):
    with (sweep.folder / "peaks.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "peak_hip_force_r"]
    result = sweep.open()
    assert [row["gluteal.scale"] for row in rows] == ["1", "0.5"]
    for i, row in enumerate(rows):
        case = result.isel({"gluteal.scale": i})
        force = np.linalg.norm(case["joint_reaction_force"].sel(joint="hip_r"), axis=-1)
        top = int(np.argmax(force))
        assert float(row["time_s"]) == pytest.approx(float(result["time"][top]), abs=1e-5)
        # The parabola through three samples tops the largest of them.
        assert float(row["value"]) >= force[top] / float(result["body_weight"]) - 1e-6
        assert row["unit"] == "BW"
        # The swing is cut out of a longer motion and does not end as it begins.
        assert (row["at_edge"] == "1") == (top in (0, force.size - 1))


def test_outputs_and_metrics_choose(tmp_path):
    chosen = {"outputs": ["activation"], "metrics": ["peak_hip_force_r"]}
    result = run(write(tmp_path, **SWEEP, **chosen), out=tmp_path / "out").open()
    assert set(result.data_vars) <= {"activation", *ALWAYS_KEPT["inverse"]}
    assert result["metric"].values.tolist() == ["peak_hip_force_r"]
    assert "joint_reaction_force" in (tmp_path / "out" / "notes.txt").read_text()


def test_single_precision(tmp_path, swing):
    result = run(write(tmp_path, precision="float32"), out=tmp_path / "out").open()
    assert result["activation"].dtype == np.float32
    assert result.attrs["precision"] == "float32"
    # Single precision carries 7 digits and the programme is well conditioned.
    np.testing.assert_allclose(
        result["activation"].values, swing.open()["activation"].values, atol=1e-4
    )


def test_inputs_of_the_quickstart_are_all_built_in():
    inputs = load_inputs(load_config("quickstart"))
    assert inputs.model.name == "planar"
    # One whole stride, which ends as it begins but for the way travelled.
    value = np.array(inputs.motion.value)
    value[:, inputs.model.skeleton.coordinates.names.index("pelvis_tx")] = 0.0
    np.testing.assert_allclose(value[0], value[-1], atol=1e-9)
    assert set(inputs.files) == {"planar_gait.csv"}


# ----------------------------------------------------------------------------- what goes wrong


def test_case_without_a_solution_is_nan_with_status_and_exit_code(tmp_path, monkeypatch):
    solve = inverse_cases.inverse_batch

    def one_instant_fails(model, motion, change, values, *arguments, **options):
        records = solve(model, motion, change, values, *arguments, **options)
        weak = values[:, 0] < 0.9
        third = weak[:, None] & (jnp.arange(records.status.shape[1]) == 2)[None]
        status = jnp.where(third, STATUS.index("infeasible"), records.status)
        return jax.vmap(blank_unsolved)(eqx.tree_at(lambda r: r.status, records, status))

    monkeypatch.setattr(inverse_cases, "inverse_batch", one_instant_fails)
    done = run(write(tmp_path, **SWEEP), out=tmp_path / "out")
    assert done.exit_code == SOME_FAILED
    result = done.open()
    failed = (result["status"] == STATUS.index("infeasible")).values
    assert failed.tolist() == [[False] * 7, [i == 2 for i in range(7)]]
    for name in ("activation", "muscle_force", "joint_reaction_force"):
        rest = tuple(range(2, result[name].ndim))
        np.testing.assert_array_equal(np.isnan(result[name].values).all(axis=rest), failed)
        np.testing.assert_array_equal(np.isnan(result[name].values).any(axis=rest), failed)
    assert np.isfinite(result["generalized_force"]).all()
    assert "infeasible: 1 of 14 instants" in (done.folder / "notes.txt").read_text()


def test_disk_that_is_full_is_said_of_a_run_without_a_sweep(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "as a library words it")

    monkeypatch.setattr(run_files, "write_netcdf", full)
    with pytest.raises(BadInput, match=r"No space left on device\. Nothing of this run is kept\."):
        run(write(tmp_path / "in"), out=tmp_path / "out")
    assert os.listdir(tmp_path) == ["in"]


def test_crash_while_writing_leaves_earlier_runs_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "data")
    first = run(path)
    before = {f: f.read_bytes() for f in first.folder.rglob("*") if f.is_file()}
    crash = lambda *arguments: (_ for _ in ()).throw(MemoryError("no more"))
    monkeypatch.setattr(run_files, "write_metrics", crash)
    with pytest.raises(MemoryError):
        run(path)
    assert os.listdir(tmp_path / "runs") == [first.folder.name]
    assert {f: f.read_bytes() for f in first.folder.rglob("*") if f.is_file()} == before


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"model": {"path": "legs.yaml"}}, "no file for `model.path`: legs.yaml"),
        ({"data_folder": "x", "data_source": "ask Ann"}, "x, which does not exist. Set `data_f"),
        ({"data_folder": "x", "data_source": "ask Ann"}, "or get them: ask Ann"),
        ({"data_folder": "x"}, "--set data_folder=FOLDER"),
        ({"trial": {"coordinates": "swign.sto"}}, "swign.sto (Did you mean 'swing.sto'?) in the"),
        ({"trial": {"coordinates": "."}}, "`trial.coordinates`: . (a folder)"),
        (
            {"trial": {"coordinates": "swing.sto", "emg": "swing.sto"}},
            "no channel is over a muscle",
        ),
        ({"model_edits": {"weld": {"hip_x": 0}}}, "`model_edits`: No joint or coordinate"),
        ({"model_edits": {"value": {"hip": 0}}}, "`model_edits`: No coordinate named 'hip'"),
        ({"metrics": ["peak_knee_force_r"]}, "needs a joint that 'small' does not have"),
        ({"trial": {"reference": "default"}}, "a model from a file has no default gait"),
        ({"study": {"kind": "inverse", "end": 9}}, "does not lie within what was recorded"),
        (
            {"interventions": {"weak": {"kind": "gluteal_strength", "side": "l", "scale": 0.5}}},
            "`interventions.weak`: This model has no muscle of group 'gluteals' on side 'l'",
        ),
    ],
)
def test_bad_input_is_found_before_anything_is_computed(tmp_path, monkeypatch, changes, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(InverseCases, "single", None)
    monkeypatch.setattr(InverseCases, "batch", None)
    with pytest.raises(BadInput) as error:
        run(write(tmp_path / "data", **changes))
    assert said in str(error.value)
    assert os.listdir(tmp_path) == ["data"]


def test_where_to_get_the_data_is_said_only_if_all_are_missing(tmp_path):
    lacks_one = write(tmp_path, trial={"coordinates": "x.sto"}, data_source="ask Ann")
    with pytest.raises(BadInput, match=r"`trial.coordinates`: x.sto in the folder") as error:
        run(lacks_one)
    assert "ask Ann" not in str(error.value) and "model.path" not in str(error.value)


def test_existing_folder_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(BadInput, match="exists already"):
        run(configuration(), out=tmp_path)


def test_fixed_kinematics_are_marked(monkeypatch):
    asked = check(configuration(**SWEEP))
    trial = load_inputs(load_config("quickstart")).trial
    assert warnings_about(asked, trial) == ()
    moving = dict.fromkeys(CATALOGUE)
    for kind, entry in CATALOGUE.items():
        moving[kind] = dataclasses.replace(entry, needs_motion=True)
    monkeypatch.setattr(inverse_cases, "CATALOGUE", moving)
    assert "gluteal (gluteal_strength)" in warnings_about(asked, trial)[0]


def test_a_scaled_body_is_said_to_move_as_recorded():
    asked = check(configuration(model={"path": "leg.yaml", "mass_kg": 80.0}))
    trial = load_inputs(load_config("quickstart")).trial
    (told,) = warnings_about(asked, trial)
    assert told.startswith("The body is scaled (model.mass_kg); the motion")
    swept = warnings_about(check(configuration()), trial, ("model.height_m",))
    assert swept[0].startswith("The body is scaled (model.height_m); the motion")


def test_cautions_of_the_reference_gait_come_with_its_results():
    checked = load_config("quickstart")
    inputs = load_inputs(checked)
    told = warnings_about(checked.config, inputs.trial)
    assert "pass by construction" in told[0] and "ankle load is high" in told[1]
    assert set(told) <= set(inputs.notes)


def test_executor_of_a_single_case_is_said_to_be_idle(tmp_path):
    path = write(tmp_path)
    said = (
        r"`execution` \(executor dask, workers 4\) is not used: without a sweep there is one case"
    )
    with pytest.warns(UserWarning, match=said):
        _stop_at_single(path, ["execution.executor=dask", "execution.workers=4"])
    _stop_at_single(path, ["execution.executor=serial", "execution.retries=5"])  # is no warning


def _stop_at_single(path, overrides):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "_run_single", lambda *arguments: None)
        assert inspect.unwrap(run)(path, overrides=overrides) is None


def test_result_tells_what_to_know_before_believing_it(swing):
    assert swing.warnings == (NO_LOADS,)
    assert swing.open().attrs["notes"].splitlines().count(NO_LOADS) == 1


def test_drawn_cases_are_a_list(tmp_path):
    asked = {
        "interventions": SWEEP["interventions"],
        "sweep": {"gluteal.scale": {"uniform": [0.5, 1.0]}},
        "design": {"kind": "lhs", "samples": 3},
        "seed": 5,
    }
    got = run(write(tmp_path, **asked), out=tmp_path / "out")
    result = got.open()
    scale = result["gluteal.scale"]
    assert scale.dims == ("case",) and scale.attrs["units"] == "1"
    assert result["activation"].dims == ("case", "time", "muscle")
    assert result["body_weight"].dims == ()
    drawn = bm.design(asked["sweep"], kind="lhs", samples=3, seed=5)
    np.testing.assert_array_equal(scale, drawn["gluteal.scale"])
    # The capacity of the only gluteal muscle is in proportion to its strength.
    capacity = result["force_at_full_activation"].sel(muscle="glmax1_r").isel(time=0)
    np.testing.assert_allclose(capacity / capacity[0], scale / scale[0], rtol=1e-12)
    assert json.loads(result.attrs["design"])["kind"] == "lhs"
    assert (got.folder / "figures" / "response_gluteal_scale.png").is_file()
    with (got.folder / "peaks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows if row["metric"] == "peak_hip_force_r"] == ["0", "1", "2"]
    assert float(rows[0]["gluteal.scale"]) == pytest.approx(float(scale[0]), rel=1e-5)


def test_a_cohort_runs_by_name_and_again(tmp_path):
    asked = {
        "interventions": SWEEP["interventions"],
        "design": {"kind": "cohort", "path": "lists/people.csv"},
    }
    path = write(tmp_path, **asked)
    (tmp_path / "lists").mkdir()
    people = tmp_path / "lists" / "people.csv"
    people.write_text("case,gluteal.scale\nanna,1\nben,0.5\n")
    got = run(path, out=tmp_path / "out")
    result = got.open()
    assert result["case"].values.tolist() == ["anna", "ben"]
    assert result.sel(case="ben")["gluteal.scale"].item() == 0.5
    stored = json.loads(result.attrs["config"])
    assert stored["design"] == {"kind": "cohort", "path": "people.csv"}
    assert stored["files"]["people.csv"] == hashlib.sha256(people.read_bytes()).hexdigest()
    assert "ben,0.5," in (got.folder / "peaks.csv").read_text()
    (tmp_path / "people.csv").write_text("case,gluteal.scale\nanna,1\nben,0.6\n")
    data = [f"data_folder={tmp_path}"]
    with pytest.raises(BadInput, match=r"people\.csv is not the one this configuration was run"):
        run(got.folder / "config.resolved.yaml", overrides=data)
    people.unlink()
    with pytest.raises(BadInput, match=r"no file for `design\.path`: lists/people\.csv"):
        run(path, out=tmp_path / "again")


def test_indices_come_from_a_run(tmp_path):
    pytest.importorskip("SALib")
    asked = {
        "interventions": SWEEP["interventions"],
        "sweep": {"gluteal.scale": {"uniform": [0.5, 1.0]}},
        "design": {"kind": "saltelli", "samples": 4, "second_order": False},
    }
    result = run(write(tmp_path, **asked), out=tmp_path / "out").open()
    found = bm.sobol_indices(result, ["peak_hip_force_r"])
    assert found["first_order"].shape == (1, 1) and found["metric_unit"].item() == "BW"
