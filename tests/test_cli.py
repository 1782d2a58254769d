"""The command line: what it prints, and the exit code it ends with."""

import errno
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import equinox as eqx
import pytest
from typer.testing import CliRunner

from biomech import __version__
from biomech.analysis.inverse_dataset import NO_LOADS
from biomech.cli import app
from biomech.experiment import inverse_cases
from biomech.experiment.inverse_cases import InverseCases
from biomech.interventions import CATALOGUE
from biomech.studies.inverse import STATUS
from experiment.swinging_leg import SWEEP, write

ROOT = Path(__file__).resolve().parents[1]


def biomech(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_version_and_help():
    assert biomech("--version").stdout.split() == ["biomech", __version__]
    told = biomech("--help")
    assert told.exit_code == 0
    commands = ("run", "configs", "models", "interventions", "inspect", "compare", "report")
    for command in (*commands, "schema", "doctor"):
        assert command in told.stdout


def test_run_prints_peaks_and_how_far_to_trust_them(tmp_path):
    path = write(tmp_path, **SWEEP)
    done = biomech("run", path, "--out", tmp_path / "out", "--set", "seed=1")
    assert done.exit_code == 0, done.output
    assert "hip r" in done.stdout and "BW" in done.stdout
    assert "Hicks et al. 2015" in done.stdout
    assert str(tmp_path / "out") in done.stdout
    assert (tmp_path / "out" / "results.zarr").is_dir()
    again = biomech("run", path, "--out", tmp_path / "out")
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert f"Note: {NO_LOADS}" in done.stdout
    no_csv = biomech("compare", tmp_path / "out", tmp_path / "out", "--csv", tmp_path)
    assert (no_csv.exit_code, "Cannot write" in no_csv.stderr) == (2, True)
    _compare_into_a_full_disk(tmp_path / "out", tmp_path / "table.csv")
    table = biomech("compare", tmp_path / "out", tmp_path / "out" / "results.zarr")
    assert table.exit_code == 0, table.output
    assert "peak_hip_force_r" in table.stdout
    _compare_cases(tmp_path / "out", tmp_path / "cases.csv")


def _compare_into_a_full_disk(run, csv):
    """Nothing is left of the table; a device takes it as it always did."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", _no_space)
        refused = biomech("compare", run, run, "--csv", csv)
    assert refused.exit_code == 2 and "No space left" in refused.stderr, refused.output
    assert not [file for file in csv.parent.iterdir() if csv.name in file.name]
    if os.path.exists(os.devnull):
        assert biomech("compare", run, run, "--csv", os.devnull).exit_code == 0
        assert not os.path.isfile(os.devnull)


def _no_space(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _compare_cases(sweep, csv):
    """Two cases of one sweep, chosen by number or by value."""
    for chosen in (("--case", 0, "--case", 1), ("--where", "gluteal.scale=1,0.5")):
        done = biomech("compare", sweep, sweep, *chosen, "--csv", csv)
        assert done.exit_code == 0, done.output
        assert done.stdout.startswith("first: gluteal.scale 1\nsecond: gluteal.scale 0.5\n")
        (row,) = (x for x in csv.read_text().splitlines() if x.startswith("peak_hip_force_r,"))
    several = biomech("compare", sweep, sweep, "--where", "gluteal.scale=1")
    assert several.stdout.startswith("first: gluteal.scale 1\nsecond: gluteal.scale 1\n")
    for chosen, said in (
        (("--case", 2), "There is no case 2; they are numbered 0 to 1."),
        (("--where", "gluteal.scale=0.7"), "was not computed at 0.7. There are: 0.5, 1."),
        (("--where", "gluteal=1"), "'gluteal' is not varied here. Did you mean 'gluteal.scale'?"),
        (("--where", "gluteal.scale"), "write NAME=VALUE, for example"),
        (("--where", "gluteal.scale=1,2,3"), "write NAME=VALUE, for example"),
        (("--where", "gluteal.scale=a"), "write NAME=VALUE, for example"),
        (("--where", "gluteal.scale=1", "--case", 1), "either --case or --where"),
        (("--where", "gluteal.scale=1", "--where", "gluteal.scale=0.5"), "a parameter twice"),
        (("--case", 1, "--case", 1, "--case", 1), "is given 3 times"),
    ):
        refused = biomech("compare", sweep, sweep, *chosen)
        assert refused.exit_code == 2 and said in refused.stderr, refused.output


def test_report_of_a_run(tmp_path):
    told = biomech("run", write(tmp_path), "--out", tmp_path / "out")
    assert told.exit_code == 0, told.output
    (tmp_path / "out" / "notes.txt").write_text("seen by Ann <b>")
    page = tmp_path / "out" / "report.html"
    page.write_text("an earlier report")
    done = biomech("report", tmp_path / "out")
    assert (done.exit_code, done.stdout) == (0, f"Report: {page}\n"), done.output
    text = page.read_text(encoding="utf-8")
    assert "seen by Ann &lt;b&gt;" in text
    assert "# What was run, every default written out." in text  # the file, not the attribute
    other = tmp_path / "other.html"
    assert biomech("report", tmp_path / "out" / "results.nc", "--out", other).exit_code == 0
    assert other.read_text(encoding="utf-8") == text
    for taken in (other, page):
        refused = biomech("report", tmp_path / "out", "--out", taken)
        assert refused.exit_code == 2 and "exists already" in refused.stderr


def test_failed_case_has_its_exit_code(tmp_path, monkeypatch):
    solve = inverse_cases.inverse

    def fails(*arguments, **options):
        record = solve(*arguments, **options)
        status = record.status.at[0].set(STATUS.index("maximum_iterations"))
        return eqx.tree_at(lambda r: r.status, record, status)

    monkeypatch.setattr(inverse_cases, "inverse", fails)
    done = biomech("run", write(tmp_path), "--out", tmp_path / "out")
    assert done.exit_code == 3
    assert "have no solution at some instants" in done.stderr


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("run", "quickstrat"), "Did you mean 'quickstart'?"),
        (("run", "no/such.yaml"), "no configuration file"),
        (("run", "quickstart", "--set", "study.rate=4"), "Did you mean 'rate_hz'?"),
        (("run", "quickstart", "--set", "study.kind=predict"), "not available in this version"),
        (("run", "measured_walk", "--set", "data_folder=/nowhere"), "opensim-org/opensim-core"),
        (("compare", "a", "b"), "There is no file 'a'"),
        (("report", "nowhere/at_all"), "There is no file 'at_all'"),
        (("report", "a", "--out", "no/x.html"), "There is no folder 'no' to write 'x.html' in"),
        (("inspect", "no.osim"), "no.osim"),
        (("inspect", "."), "'.' is a folder; name a file."),
        (("run", "."), "'.' is a folder; name a .yaml file."),
        (("compare", "a", "b", "--csv", "no/x.csv"), "There is no folder 'no' to write 'x.csv' in"),
        (("export", "a", "no/x.nc"), "There is no folder 'no' to write 'x.nc' in"),
        (("compare", __file__, __file__), "'test_cli.py' cannot be read as NetCDF 4"),
        (("configs", "init", __file__), "is a file; name a folder"),
        (("configs", "int", "x"), "biomech configs init FOLDER"),
        (("configs", "init"), "biomech configs init FOLDER"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(arguments, said):
    done = biomech(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.output
    assert done.stdout == ""


def test_our_own_bugs_keep_their_traceback(tmp_path, monkeypatch):
    monkeypatch.setattr(InverseCases, "single", lambda study: 1 / 0)
    done = biomech("run", write(tmp_path), "--out", tmp_path / "out")
    assert isinstance(done.exception, ZeroDivisionError)
    assert not (tmp_path / "out").exists()


def test_interruption_is_one_line_and_exit_code_130(tmp_path, monkeypatch):
    def interrupted(study):
        raise KeyboardInterrupt

    monkeypatch.setattr(InverseCases, "single", interrupted)
    done = biomech("run", write(tmp_path), "--out", tmp_path / "out")
    assert (done.exit_code, done.stdout, done.stderr) == (
        130,
        "",
        "Interrupted before anything was kept: begin again.\n",
    )
    assert not (tmp_path / "out").exists()


def test_namesake_of_a_shipped_configuration_is_warned_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart.yaml").write_text("x")
    with warnings.catch_warnings():
        warnings.simplefilter("always")  # an error in the tests otherwise
        told = biomech("run", "quickstart", "--set", "seed=x").stderr
    warning, error = told.splitlines()
    assert warning.startswith("Warning: 'quickstart' is the shipped configuration, not the file")
    assert error.startswith("(shipped) quickstart.yaml: `seed`")


def test_lists():
    told = biomech("interventions").stdout
    for kind, entry in CATALOGUE.items():
        assert kind in told
        assert all(parameter.name in told for parameter in entry.parameters)
    assert max(map(len, told.splitlines())) <= 100
    one = biomech("interventions", "wedge").stdout
    assert one.startswith("wedge: The model with a wedge") and "heel_lift" not in one
    assert "angle_deg: -20 to 20 deg, neutral 0" in one and "Khamis & Yizhar 2007" in one
    wrong = biomech("interventions", "wegde")
    assert wrong.exit_code == 2 and "Did you mean 'wedge'" in wrong.stderr
    assert "quickstart" in biomech("configs").stdout
    assert "planar" in biomech("models").stdout


def test_models_saves_one_for_opensim(tmp_path):
    done = biomech("models", "planar", "--save", tmp_path / "body.osim")
    assert done.exit_code == 0, done.output
    assert str(tmp_path / "body.osim") in done.stdout
    assert "planar" in biomech("inspect", tmp_path / "body.osim").stdout
    again = biomech("models", "planar", "--save", tmp_path / "body.osim")
    assert again.exit_code == 2 and "exists already" in again.stderr
    for incomplete in (("planar",), ("--save", tmp_path / "other.osim")):
        told = biomech("models", *incomplete)
        assert told.exit_code == 2 and "models NAME --save FILE" in told.stderr


def test_configs_init_copies(tmp_path):
    done = biomech("configs", "init", tmp_path / "mine")
    assert done.exit_code == 0
    assert (tmp_path / "mine" / "quickstart.yaml").is_file()
    assert biomech("configs", "init", tmp_path / "mine").exit_code == 2


def test_schema_is_json_schema():
    schema = json.loads(biomech("schema").stdout)
    assert schema["properties"]["study"]
    assert "GlutealStrength" in schema["$defs"]


def test_doctor_says_what_is_here():
    told = biomech("doctor").stdout
    assert __version__ in told and "float64" in told and "cpu" in told


def test_as_a_program(tmp_path):
    """A fresh process: double precision without being asked, exit code and streams as they are."""
    script = "from biomech.cli import main; main()"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    env.pop("JAX_ENABLE_X64", None)
    call = lambda *arguments: subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    doctor = call("doctor")
    assert doctor.returncode == 0, doctor.stderr
    assert "float64" in doctor.stdout
    bad = call("run", "quickstart", "--set", "seed=x")
    assert (bad.returncode, bad.stdout) == (2, "")
    said = '(shipped) quickstart.yaml: `seed` is "x"; it must be a whole number.'
    assert bad.stderr.strip() == said
    assert os.listdir(tmp_path) == []


def test_starting_loads_nothing_heavy():
    look = "import sys, biomech.cli; print(*{name.split('.')[0] for name in sys.modules})"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", look], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    heavy = {"xarray", "matplotlib", "pydantic", "scipy", "pandas", "equinox"}
    assert not heavy & set(done.stdout.split())
