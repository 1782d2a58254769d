"""The study `track` from a configuration: checks, runs, sweeps, failures, and going on."""

import json
import re
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import biomech as bm
from biomech.analysis.cases import failed_cases
from biomech.analysis.track_dataset import WEIGHTS_ASSUMED
from biomech.cli import app
from biomech.experiment import run_files, track_cases
from biomech.experiment.case_study import case_study
from biomech.experiment.config import check, load_config, parse_yaml, sweepable, to_plain
from biomech.experiment.open_run import open_run
from biomech.experiment.runner import SOME_FAILED, run
from biomech.experiment.schema import ALWAYS_KEPT, OUTPUTS
from biomech.experiment.store import BATCHES
from biomech.experiment.track_cases import NO_PAIN, TrackCases
from biomech.model.names import BadInput
from biomech.studies import walking
from biomech.studies.inverse import STATUS
from biomech.studies.walking_continuation import WAYS

A = "weak.scale"
SERIAL = ["execution.executor=serial"]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "studies.md"
PAGE_BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
INTERVALS = 12  # as in test_walking: what is compiled there is compiled


def config(**changes):
    return {
        "schema": 1,
        "name": "a",
        "model": {"name": "planar"},
        "trial": {"reference": "default"},
        "study": {"kind": "track", "intervals": INTERVALS},
        **changes,
    }


def study(**arguments):
    return {"study": {"kind": "track", "intervals": INTERVALS, **arguments}}


def weak(side="both", **arguments):
    return {"interventions": {"weak": {"kind": "gluteal_strength", "side": side, **arguments}}}


SWEEP = {**weak(), "sweep": {A: {"values": [1, 0.5]}}}


def made(**changes):
    cases = case_study(load_config(config(**changes)))
    assert isinstance(cases, TrackCases)
    return cases


def bits(folder):
    """Everything in a result, byte by byte."""
    dataset = open_run(folder)
    plain = lambda x: x.tolist() if x.dtype.kind == "O" else x.tobytes()
    return {str(name): plain(v.values) for name, v in dataset.data_vars.items()}


@pytest.fixture(autouse=True)
def without_figures(monkeypatch):
    """They take a second each; the runs of the two fixtures have theirs."""
    monkeypatch.setattr(run_files, "write_figures", lambda *arguments, **options: ())


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    return run(config(**SWEEP), out=tmp_path_factory.mktemp("sweep") / "out", overrides=SERIAL)


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    return run(config(**weak(scale=0.5)), out=tmp_path_factory.mktemp("single") / "out")


@pytest.fixture(scope="module")
def another(sweep):
    """Cases after the sweep, and one of them that it does not have, found without compiling."""
    cases = made(**SWEEP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walking, "minimise", None)
        return cases, cases._found((0.75,))


# ------------------------------------------------------------------------------------- schema


def test_minimal_configuration_is_that_of_the_function():
    checked = check(config(study={"kind": "track"}))
    assert checked.study.intervals == walking.DEFAULT_MESH.intervals
    assert checked.study.rule == walking.DEFAULT_MESH.rule
    assert checked.solver.tolerance == walking.DEFAULT_SOLVER.tolerance
    assert checked.solver.max_steps == walking.DEFAULT_SOLVER.max_steps
    assert check(json.loads(json.dumps(to_plain(checked)))) == checked


@pytest.mark.parametrize(
    "changes, said",
    [
        (study(interval=50), "`study` has no key 'interval'. Did you mean 'intervals'?"),
        (study(posture_weight=1), "of kind 'track' takes no `posture_weight`, which is for stand."),
        (study(intervals=9), "`study.intervals` is 9; it must be greater than or equal to 10."),
        (study(rule="euler"), "it must be 'trapezoidal', 'radau1' or 'radau2'."),
        (study(activation_weight=-1.0), "`study.activation_weight` is -1.0; it must be greater"),
        (study(exponent=0.5), "`study.exponent` is 0.5; it must be greater than or equal to 1"),
        (study(start=1.0, end=0.5), "start must come before end"),
        ({"trial": None}, "`trial` is missing"),
        (
            {"trial": {"coordinates": "a.sto", "external_loads": "a.xml"}},
            "`trial.external_loads`: the ground reaction is found and not given",
        ),
        ({"precision": "float32"}, "the study 'track' is computed in float64 only"),
        ({"model_edits": {"value": {"mtp_angle_r": 0.1}}}, "'track' may depart from it: `lock`"),
        ({"model_edits": {"residuals": {"pelvis_ty": 1}}}, "so that it need not walk by itself"),
        ({"outputs": ["support_margin"]}, "there is no 'support_margin' of the study 'track'."),
        ({"sweep": {"study.intervals": {"values": [20]}}}, "`study.intervals` is the same in all"),
    ],
)
def test_mistake_is_named_with_what_there_is(changes, said):
    with pytest.raises(BadInput) as error:
        check(config(**changes))
    assert said in str(error.value)


@pytest.mark.parametrize(
    "changes, said",
    [
        (
            {"metrics": ["peak_ground_reaction_r"]},
            "`metrics`: walking of 'planar' has no 'peak_ground_reaction_r'. Did you mean",
        ),
        (study(end=0.7), "The reference is no stride that ends as it began"),
        (study(end=60.0), "`study.end` is 60 s; the record goes from"),
        ({"model_edits": {"lock": {"pelvis_tx": 0.0}}}, "cannot walk: it needs contact regions"),
        ({"trial": {"reference": "lower_limb"}, "model": {"name": "planar"}}, "lower_limb"),
        ({**study(half=True), **weak("r", scale=0.5)}, "'planar' is not the same on both sides"),
        (
            {**study(half=True), **weak("r"), "sweep": {A: {"values": [1, 0.9]}}},
            "'planar' is not the same on both sides",
        ),
    ],
)
def test_what_cannot_be_walked_is_refused_before_anything_is_computed(changes, said, monkeypatch):
    monkeypatch.setattr(track_cases, "track_unchanged", None)
    with pytest.raises(BadInput) as error:
        case_study(load_config(config(**changes)))
    assert said in str(error.value)


def test_interventions_that_need_movement_are_welcome():
    check(config(interventions={"arch": {"kind": "arch_stiffness", "side": "r", "scale": 0.5}}))


def test_what_can_be_varied():
    terms = ("tracking", "activation", "excitation", "control", "acceleration", "passive")
    of_study = (*(f"study.{term}_weight" for term in terms), "study.exponent")
    assert sweepable(check(config())) == ("model.height_m", "model.mass_kg", *of_study)


# -------------------------------------------------------------------------------------- cases


@pytest.mark.parametrize(
    "changes, half",
    [
        (SWEEP, True),
        ({**weak("r"), "sweep": {A: {"values": [1, 0.9]}}}, False),
        (study(half=False), False),
    ],
)
def test_half_a_stride_if_every_case_may(changes, half):
    how = made(**changes)._how
    assert how.half is half and how.intervals == (INTERVALS if half else 2 * INTERVALS)


def test_legs_that_are_unlike_only_in_between_walk_a_whole_stride():
    """At the least and the largest values of both together the legs are alike."""
    legs = {
        "interventions": {
            side: {"kind": "gluteal_strength", "side": side[0]} for side in ("right", "left")
        },
        "sweep": {f"{side}.scale": {"values": [1, 0.5]} for side in ("right", "left")},
    }
    assert not made(**legs)._how.half


def test_the_line_goes_from_the_unchanged_body_to_the_case():
    cases = made(
        **weak(scale=0.5),
        **study(activation_weight=2.0, tracking_weight=3.0),
        sweep={"study.tracking_weight": {"values": [5.0]}, "model.mass_kg": {"values": [90.0]}},
    )
    plain, glutei = cases.model, "glmed2_r"
    index = plain.muscles.names.index(glutei)
    strength = lambda body: float(body.muscles.max_isometric_force[index])
    mass = lambda body: float(jnp.sum(body.skeleton.mass))
    unit = cases._tracking
    start, middle, end = (cases._case(cases._how, (5.0, 90.0), s) for s in (0.0, 0.5, 1.0))
    assert start[0] is plain
    assert mass(middle[0]) == pytest.approx(0.5 * (mass(plain) + 90.0))
    assert mass(end[0]) == pytest.approx(90.0)
    heavy, light = strength(end[0]) / 0.5, strength(middle[0]) / 0.75
    assert strength(plain) < light < heavy  # strength goes with mass, too
    for (_, how), times in ((start, 3.0), (middle, 4.0), (end, 5.0)):
        np.testing.assert_allclose(how.weights.tracking, times * unit)
        assert float(how.weights.activation) == 2.0


def test_pain_that_is_not_spared_is_told():
    kind = {"kind": "hip_osteoarthritis", "side": "r", "pain": 1.0}
    assert NO_PAIN in made(interventions={"sore": kind}).warnings
    assert NO_PAIN not in made(**weak(scale=0.5)).warnings


# --------------------------------------------------------------------------------------- runs


def test_single_run_holds_everything(single):
    assert single.exit_code == 0 and WEIGHTS_ASSUMED["track"] in single.warnings
    files = {str(f.relative_to(single.folder)) for f in single.folder.rglob("*") if f.is_file()}
    assert {
        *("results.nc", "peaks.csv", "credibility.csv", "config.resolved.yaml", "notes.txt"),
        *("figures/joint_loads.png", "figures/activations_r.pdf"),
    } <= files
    result = single.open()
    kept = {*OUTPUTS["track"], *ALWAYS_KEPT["track"]} - {"solve_report"}
    in_the_plane = {"knee_contact_force", "medial_knee_force_per_varus"}
    assert set(result.data_vars) == kept - in_the_plane
    assert result.attrs["solve_report"].startswith("Solved in")
    checks = pd.read_csv(single.folder / "credibility.csv").set_index("check")
    assert checks.loc["laws", "verdict"] == "pass" and "residual force" not in checks.index
    assert (single.folder / "notes.txt").read_text().count(WEIGHTS_ASSUMED["track"]) == 1


def test_metrics_are_those_of_the_curves(single):
    result = single.open()
    value = result["metric_value"].to_series()
    vertical = result["ground_reaction_force"].sel(axis="y", side="r") / result["body_weight"]
    late = vertical.where(result["gait_pct"].sel(side="r") > 5.0)
    peak = value["peak_vertical_ground_reaction_r"]
    assert float(late.max()) <= peak < 1.05 * float(late.max())
    assert value["stance_share_r"] == pytest.approx(
        float(result["toe_off_pct"].sel(side="r")), 0.01
    )
    arch = float(np.rad2deg(result["arch_angle"].sel(side="r")).max())
    assert arch <= value["peak_midtarsal_angle_r"] < 1.05 * arch
    assert value["walking_cost"] == pytest.approx(float(result["walking_cost"].sum()), rel=1e-12)
    assert "peak_fascia_strain_l" in value.index and "peak_knee_force_l" in value.index


def test_single_run_is_the_case_of_a_sweep(single, sweep):
    case, alone = sweep.open().sel({A: 0.5}), single.open()
    assert float(alone["other_basin"]) == 0.0
    for name in alone.data_vars:
        np.testing.assert_array_equal(case[name].values, alone[name].values, err_msg=str(name))


def test_sweep_from_a_neighbour_finds_what_the_function_finds_alone(sweep):
    model = bm.interventions.gluteal_strength(bm.load_model("planar"), scale=0.5, side="both")
    alone = bm.track(model, bm.reference_gait(), intervals=INTERVALS)
    case = sweep.open().sel({A: 0.5})
    np.testing.assert_allclose(case["coordinate_value"], alone["coordinate_value"], atol=1e-4)
    # Bounds are kept at distances that the tolerance leaves: 1e-6 here and there.
    cost = float(alone["walking_cost"].sum())
    assert float(case["walking_cost"].sum()) == pytest.approx(cost, rel=1e-4)


def test_sweep_has_every_case_with_its_own_report(sweep):
    result = sweep.open()
    assert result["status"].dims == (A, "time") and not result["status"].values.any()
    assert result["joint_reaction_force"].dims == (A, "time", "joint", "axis")
    assert result["gait_pct"].dims == ("time", "side")
    assert [text.split(" ")[0] for text in result["solve_report"].values] == ["Solved", "Solved"]
    assert not result["found_from"].values.any() and not result["other_basin"].values.any()
    assert (sweep.folder / "figures" / "joint_loads_r.png").is_file()
    hip = result["metric_value"].sel(metric="peak_hip_force_r").values
    assert hip[1] < hip[0]  # what the glutei do not press on the hip


def test_cases_share_one_programme(another):
    _, found = another
    assert int(found.record.status) == STATUS.index("successful")
    assert WAYS[found.way] == "unchanged_body" and not found.other_basin


def test_unchanged_case_is_the_unchanged_body(sweep):
    """From its own answer it takes a few steps to the same one."""
    unchanged = sweep.open().sel({A: 1.0})
    assert int(unchanged["iterations"]) <= 3


def test_resumed_sweep_gives_the_same_bits(sweep):
    marks = sorted((sweep.folder / BATCHES).iterdir())
    before = bits(sweep.folder)
    marks[1].unlink()
    assert run(config(**SWEEP), out=sweep.folder, resume=True, overrides=SERIAL).exit_code == 0
    assert bits(sweep.folder) == before


def test_cases_of_one_batch_that_are_the_same_are_found_once(monkeypatch):
    """The last batch is filled up with its last case."""
    cases, asked = made(**SWEEP), []
    monkeypatch.setattr(cases, "_found", lambda row: asked.append(row))
    monkeypatch.setattr(cases, "_labelled", lambda found: _blank())
    monkeypatch.setattr(TrackCases, "_gait_percent", ("time", [0.0]))
    assert cases.batch(np.array([[1.0], [0.5], [0.5]])).sizes["case"] == 3
    assert asked == [(1.0,), (0.5,)]


def _blank():
    import xarray as xr

    coords = {"gait_pct": ("time", [0.0]), "time": [0.0]}
    return xr.Dataset({"status": ("time", [0])}, coords, {"solve_report": ""})


# ----------------------------------------------------------------------------- what goes wrong


@pytest.fixture
def one_fails(monkeypatch, another):
    """Weak glutei find no gait; the unchanged body has one that is known."""
    known, record = another
    strength = lambda model: np.asarray(model.muscles.max_isometric_force)

    def found(unchanged, line, *, solver):
        model, _ = line(1.0)
        if np.array_equal(strength(model), strength(known.model)):
            return record
        status = jnp.asarray(STATUS.index("maximum_iterations"))
        where = lambda r: (r.status, r.stride.status)
        all_of_it = jnp.full_like(record.record.stride.status, status)
        lost = eqx.tree_at(where, record.record, (status, all_of_it))
        return record._replace(record=lost, model=model, way=WAYS.index("reference"))

    monkeypatch.setattr(track_cases, "track_from", found)
    monkeypatch.setattr(track_cases, "track_unchanged", lambda *a, **o: record.record)


def test_case_without_a_gait_is_nan_with_status_and_report(one_fails, tmp_path):
    done = run(config(**SWEEP), out=tmp_path / "out", overrides=SERIAL)
    assert done.exit_code == SOME_FAILED
    result = done.open()
    assert failed_cases(result).tolist() == [False, True]
    for name in ("activation", "joint_reaction_force", "metric_value", "regional_plantar_force"):
        assert result[name].isel({A: 1}).isnull().all()
        assert result[name].isel({A: 0}).notnull().any()
    assert float(result["body_mass"].isel({A: 1})) == pytest.approx(75.0)
    assert result["solve_report"].values[1].startswith("Stopped after")
    page = bm.report(result, tmp_path / "page.html").read_text()
    assert "1 of 2 cases have instants without a solution" in page and "Stopped after" in page
    assert "Walks found from the answer of" in page


# -------------------------------------------------------------------------------- command line


def test_command_line_reports_and_compares(single, sweep, tmp_path):
    call = lambda *words: CliRunner().invoke(app, [str(word) for word in words])
    report = call("report", single.folder, "--out", tmp_path / "single.html")
    assert report.exit_code == 0, report.output
    page = (tmp_path / "single.html").read_text()
    assert "forces of the ground are found together" in page and "Solved in" in page
    compared = call("compare", single.folder, sweep.folder, "--where", f"{A}=1")
    assert compared.exit_code == 0 and "peak_hip_force_r" in compared.output, compared.output


def test_command_line_refuses_what_cannot_be_walked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "walk.yaml").write_text(json.dumps(config(**study(end=0.7))))
    told = CliRunner().invoke(app, ["run", "walk.yaml"])
    assert told.exit_code == 2 and "no stride that ends as it began" in told.output
    assert not (tmp_path / "runs").exists()


def test_configuration_of_the_page_is_good():
    (text,) = [block for block in PAGE_BLOCKS if "kind: track" in block]
    checked = check(parse_yaml(f"schema: 1\nname: page\n{text}", "studies.md"), "studies.md")
    assert set(checked.sweep) == {"arch.scale", "study.tracking_weight"}


def test_shipped_configuration_walks_half_a_stride():
    cases = case_study(load_config("track_smoke"))
    assert isinstance(cases, TrackCases) and len(cases.table) == 6 and cases._how.half
