"""The study `stand` from a configuration: checks, runs, sweeps, failures, and going on."""

import json
import os

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import biomech as bm
from biomech.analysis.cases import failed_cases
from biomech.analysis.stand_dataset import POSTURE_WEIGHT_ASSUMED
from biomech.cli import app
from biomech.experiment import run_files, stand_cases
from biomech.experiment.case_study import case_study
from biomech.experiment.config import check, load_config, sweepable, to_plain
from biomech.experiment.open_run import open_run
from biomech.experiment.runner import SOME_FAILED, run
from biomech.experiment.schema import ALWAYS_KEPT, OUTPUTS
from biomech.experiment.stand_cases import StandCases
from biomech.experiment.store import BATCHES, Store
from biomech.interventions import CATALOGUE
from biomech.model.names import BadInput
from biomech.solvers import interior_point
from biomech.studies.stand import STATUS

A, B = "weak.scale", "study.posture_weight"
SERIAL = ["execution.executor=serial"]


def config(**changes):
    return {
        "schema": 1,
        "name": "a",
        "model": {"name": "planar"},
        "study": {"kind": "stand"},
        **changes,
    }


def study(**arguments):
    return {"study": {"kind": "stand", **arguments}}


WEAK = {"interventions": {"weak": {"kind": "gluteal_strength", "side": "r"}}}
SWEEP = {**WEAK, "sweep": {A: {"values": [1, 0.5]}, B: {"values": [0.1, 1]}}}


def bits(folder):
    """Everything in a result, byte by byte."""
    dataset = open_run(folder)
    return {str(name): v.values.tobytes() for name, v in dataset.data_vars.items()}


@pytest.fixture(autouse=True)
def without_figures(monkeypatch):
    """They take a second each; the runs of the two fixtures have theirs."""
    monkeypatch.setattr(run_files, "write_figures", lambda *arguments, **options: ())


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    return run(config(**SWEEP), out=tmp_path_factory.mktemp("sweep") / "out", overrides=SERIAL)


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    weak = {"interventions": {"weak": {**WEAK["interventions"]["weak"], "scale": 0.5}}}
    return run(
        config(**weak, **study(posture_weight=1.0)), out=tmp_path_factory.mktemp("s") / "out"
    )


# ------------------------------------------------------------------------------------- schema


def test_minimal_configuration_is_good():
    checked = check(config())
    assert checked.trial is None and checked.study.support == "both"
    assert checked.solver.tolerance == interior_point.TOLERANCE
    assert checked.solver.max_steps == interior_point.MAX_STEPS
    assert check(json.loads(json.dumps(to_plain(checked)))) == checked


@pytest.mark.parametrize(
    "changes, said",
    [
        (
            study(suport="both"),
            "`study` has no key 'suport'. Did you mean 'support'? There are: ",
        ),
        (
            study(rate_hz=50),
            "`study` of kind 'stand' takes no `rate_hz`, which is for inverse.",
        ),
        (study(support="tiptoe"), "it must be 'both', 'right_leg' or 'left_leg'."),
        (study(posture_weight=-1), "`study.posture_weight` is -1; it must be greater than or equ"),
        (study(uphill_deg=40), "`study.uphill_deg` is 40; it must be less than or equal to 30."),
        (study(uphill_deg="5 deg"), '"5 deg"; it must be a number: write 5.'),
        (study(held="knee_angle_r"), "it must be a list"),
        (
            {"trial": {"reference": "default"}},
            "`trial`: the study 'stand' is about a body at",
        ),
        ({"precision": "float32"}, "the study 'stand' is computed in float64 only"),
        ({"model_edits": {"value": {"mtp_angle_r": 0.1}}}, "`lock` the coordinate at that value"),
        ({"model_edits": {"residuals": {"pelvis_ty": 1}}}, "would hold the body up from outside"),
        (
            {"outputs": ["stance"]},
            "`outputs`: there is no 'stance' of the study 'stand'. There are: ",
        ),
        ({"outputs": ["arch_angel"]}, "Did you mean 'arch_angle'?"),
        (
            {"sweep": {"study.support": {"values": [1]}}},
            "What can be varied here: model.height_m, model.mass_kg, study.posture_weight, "
            "study.uphill_deg, study.right_side_up_deg. `study.support` is the same in all cases",
        ),
        ({"sweep": {"study.exponent": {"values": [2]}}}, "`study.exponent` is the same in all"),
        ({"sweep": {"study.lowpass_hz": {"values": [6]}}}, "'study.lowpass_hz' is none of them."),
        (
            {"sweep": {"study.uphill_deg": {"values": [40]}}},
            "has `40`; it must be between -30 and 30 deg (neutral 0).",
        ),
        ({"solver": {"max_step": 3}}, "Did you mean 'max_steps'? There are: max_steps, tolerance."),
    ],
)
def test_mistake_is_named_with_what_there_is(changes, said):
    with pytest.raises(BadInput) as error:
        check(config(**changes))
    assert said in str(error.value)


def test_nobody_is_blamed_for_a_tolerance_that_was_not_asked_for():
    with pytest.raises(BadInput) as error:
        check(config(precision="float32"))
    assert "solver" not in str(error.value)


@pytest.mark.parametrize(
    "changes, said",
    [
        (study(held=["knee_angel_r"]), "`study.held`: No coordinate named 'knee_angel_r'"),
        (
            {"metrics": ["hip_force"]},
            "`metrics`: standing of 'planar' has no 'hip_force'. Did you mean 'hip_force_r'",
        ),
        (study(right_side_up_deg=2), "no coordinate 'pelvis_list'"),
        ({"sweep": {"study.right_side_up_deg": {"values": [1]}}}, "no coordinate 'pelvis_list'"),
        (
            {"interventions": {"w": {"kind": "muscle_strength", "group": "gluteals", "scale": 2}}}
            | {"model_edits": {"weld": {"hip_x": 0}}},
            "`model_edits`: No joint or coordinate",
        ),
    ],
)
def test_what_the_body_does_not_have_is_found_before_anything_is_computed(
    changes, said, monkeypatch
):
    monkeypatch.setattr(stand_cases, "stand_batch", None)
    with pytest.raises(BadInput) as error:
        case_study(load_config(config(**changes)))
    assert said in str(error.value)


def test_interventions_that_need_movement_are_welcome():
    moving = [kind for kind, entry in CATALOGUE.items() if entry.needs_motion]
    assert "arch_stiffness" in moving
    arch = {"interventions": {"arch": {"kind": "arch_stiffness", "side": "r", "scale": 0.5}}}
    check(config(**arch))
    walking = {"study": {"kind": "inverse"}, "trial": {"reference": "default"}}
    with pytest.raises(BadInput, match="The studies `stand` and `track` let the body move"):
        check(config(**arch, **walking))


def test_what_can_be_varied():
    sizes = ("model.height_m", "model.mass_kg")
    of_study = ("study.posture_weight", "study.uphill_deg", "study.right_side_up_deg")
    assert sweepable(check(config())) == (*sizes, *of_study)


# --------------------------------------------------------------------------------------- runs


def test_single_run_holds_everything(single):
    assert single.exit_code == 0 and single.warnings == (POSTURE_WEIGHT_ASSUMED,)
    files = {str(f.relative_to(single.folder)) for f in single.folder.rglob("*") if f.is_file()}
    assert {
        *("results.nc", "metrics.csv", "credibility.csv", "config.resolved.yaml", "notes.txt"),
        *("figures/standing.png", "figures/standing.pdf", "figures/body.png"),
    } <= files
    result = single.open()
    assert {*OUTPUTS["stand"], *ALWAYS_KEPT["stand"]} == set(result.data_vars)
    table = pd.read_csv(single.folder / "metrics.csv")
    assert table.columns.tolist() == ["metric", "unit", "value"]
    assert "successful: 1 of 1 cases" in (single.folder / "notes.txt").read_text()


def test_single_run_is_the_case_of_a_sweep(single, sweep):
    case = sweep.open().sel({A: 0.5, B: 1.0})
    alone = single.open()
    for name in alone.data_vars:
        if name != "habitual_value":
            np.testing.assert_allclose(
                case[name], alone[name], rtol=1e-9, atol=1e-9, err_msg=str(name)
            )


def test_run_is_what_bm_stand_says(single):
    model = bm.interventions.gluteal_strength(bm.load_model("planar"), scale=0.5, side="r")
    # Another path to the same answer: both within the solver's tolerance of it.
    asked = bm.stand(model, posture_weight=1.0)["metric_value"]
    np.testing.assert_allclose(single.open()["metric_value"], asked, rtol=1e-6, atol=1e-7)


def test_sweep_has_a_dimension_for_each_parameter(sweep):
    result = sweep.open()
    assert result["joint_reaction_force"].dims == (A, B, "joint", "axis")
    assert result["status"].dims == (A, B) and not result["status"].values.any()
    assert result["habitual_value"].dims == ("coordinate",)
    heavier = result["posture_cost"].sel(cost="departure")
    assert np.all(heavier.values[:, 1] != heavier.values[:, 0])
    assert (sweep.folder / "figures" / "tornado.png").is_file()
    rows = pd.read_csv(sweep.folder / "metrics.csv")
    assert len(rows) == 4 * result.sizes["metric"] and "time_s" not in rows


def test_stored_configuration_runs_again_to_the_same_bits(single, sweep, tmp_path):
    for name, done in (("single", single), ("sweep", sweep)):
        again = run(done.folder / "config.resolved.yaml", out=tmp_path / name, overrides=SERIAL)
        assert bits(again.folder) == bits(done.folder)


def test_resumed_sweep_gives_the_same_bits(sweep, tmp_path):
    whole = run(config(**SWEEP), out=tmp_path / "out", overrides=SERIAL)
    for mark in sorted((whole.folder / BATCHES).iterdir())[1:]:
        mark.unlink()
    assert run(config(**SWEEP), out=whole.folder, resume=True, overrides=SERIAL).exit_code == 0
    assert bits(whole.folder) == bits(sweep.folder)


def test_cases_share_one_programme_and_the_unchanged_body(sweep, monkeypatch):
    """Batches of one size trace once, and the unchanged body is solved once."""
    cases = case_study(load_config(config(**SWEEP)))
    assert isinstance(cases, StandCases)
    first = cases.batch(cases.table.values[:1])
    changes = []
    apply = stand_cases.apply_interventions
    monkeypatch.setattr(
        stand_cases, "apply_interventions", lambda *a: changes.append(1) or apply(*a)
    )
    near = cases._near
    second = cases.batch(cases.table.values[1:2])
    assert not changes and near is not None
    solved = sweep.open().isel({A: 0})["joint_reaction_force"].values
    np.testing.assert_array_equal(first["joint_reaction_force"].values[0], solved[0])
    np.testing.assert_array_equal(second["joint_reaction_force"].values[0], solved[1])


def test_longer_leg_keeps_the_habit_of_the_unchanged_body():
    leg = {"interventions": {"leg": {"kind": "leg_length", "side": "r", "difference_mm": 10}}}
    found = case_study(load_config(config(**leg))).single()
    plain = case_study(load_config(config()))
    np.testing.assert_array_equal(found["habitual_value"], plain.single()["habitual_value"])
    assert float(found["status"]) == 0.0


def test_slope_is_swept_in_one_go():
    slopes = {"sweep": {"study.uphill_deg": {"values": [0, 3]}}}
    cases = case_study(load_config(config(**slopes)))
    assert cases.table.units == {"study.uphill_deg": "deg"}
    level, uphill = (cases.batch(row[None]).isel(case=0) for row in cases.table.values)
    alone = case_study(load_config(config(**study(uphill_deg=3.0)))).single()
    np.testing.assert_allclose(uphill["metric_value"], alone["metric_value"], atol=1e-9)
    lean = lambda found: float(found["metric_value"].sel(metric="ankle_angle_r"))
    assert lean(uphill) > lean(level) + 1.0  # the shank stays upright on rising ground


def test_outputs_and_metrics_choose():
    chosen = {"outputs": ["activation"], "metrics": ["hip_force_r", "fascia_strain_l"]}
    found = case_study(load_config(config(**chosen))).single()
    assert set(found.data_vars) == {"activation", *ALWAYS_KEPT["stand"]}
    assert found["metric"].values.tolist() == chosen["metrics"]


# ----------------------------------------------------------------------------- what goes wrong


@pytest.fixture
def one_fails(monkeypatch):
    """Cases with weak glutei and a heavy habit find no balance."""
    solve = stand_cases.stand_batch

    def made(model, how, change, values, *arguments, **options):
        found = solve(model, how, change, values, *arguments, **options)
        lost = (values[:, 0] < 0.9) & (values[:, 1] > 0.5)
        status = jnp.where(lost, STATUS.index("maximum_iterations"), found.record.status)
        return found._replace(record=eqx.tree_at(lambda r: r.status, found.record, status))

    monkeypatch.setattr(stand_cases, "stand_batch", made)


def test_case_without_a_balance_is_nan_with_status_and_exit_code(one_fails, tmp_path):
    done = run(config(**SWEEP), out=tmp_path / "out", overrides=SERIAL)
    assert done.exit_code == SOME_FAILED
    result = done.open()
    failed = result["status"] == STATUS.index("maximum_iterations")
    assert failed.values.tolist() == [[False, False], [False, True]]
    assert failed_cases(result).tolist() == failed.values.ravel().tolist()
    for name in ("activation", "joint_reaction_force", "metric_value", "regional_plantar_force"):
        rest = [dim for dim in result[name].dims if dim not in (A, B)]
        np.testing.assert_array_equal(result[name].isnull().any(rest), failed)
        np.testing.assert_array_equal(result[name].isnull().all(rest), failed)
    assert "maximum_iterations: 1 of 4 cases" in (done.folder / "notes.txt").read_text()
    page = bm.report(result, tmp_path / "page.html").read_text()
    assert "1 of 4 cases have no balance" in page


def test_cases_still_to_come_say_so(sweep):
    status = Store(sweep.folder)._open_arrays()["status"]
    assert status.fill_value == STATUS.index("not_computed")


# -------------------------------------------------------------------------------- command line


def test_command_line_prints_both_sides(single, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stand.yaml").write_text(json.dumps(config()))
    told = CliRunner().invoke(app, ["run", "stand.yaml", "--set", "study.posture_weight=1"])
    assert told.exit_code == 0, told.output
    rows = {line.split("  ")[1].strip(): line for line in told.output.splitlines() if "BW" in line}
    numbers = rows["hip force"].split()
    assert numbers[2] == numbers[3] and numbers[4] == "BW"  # the same on both sides
    assert "pelvic tilt" in told.output and "cases solved: 100 %" in told.output
    assert f"Note: {POSTURE_WEIGHT_ASSUMED}" in told.output
    (folder,) = os.listdir(tmp_path / "runs")
    report = CliRunner().invoke(app, ["report", str(tmp_path / "runs" / folder)])
    assert report.exit_code == 0 and "Report: " in report.output


def test_command_line_prints_a_sweep(sweep, tmp_path, capsys):
    from biomech.cli import _print_result

    _print_result(sweep)
    told = capsys.readouterr().out
    assert "study.posture_weight" in told and "hip r" in told and "peak" not in told


def test_shipped_configuration_is_that_of_the_page():
    checked = load_config("standing_smoke").config
    assert (
        checked.study.kind == "stand" and len(case_study(load_config("standing_smoke")).table) == 12
    )
