"""A sweep in real processes: who computes it and what is killed on the way changes no bit."""

import contextlib
import errno
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from biomech.experiment import executors, run_files, runner
from biomech.experiment.config import load_config
from biomech.experiment.executors import Work
from biomech.experiment.inverse_cases import InverseCases
from biomech.experiment.open_run import open_run
from biomech.experiment.runner import SOME_FAILED, RunInterrupted, run
from biomech.experiment.store import BATCHES, MANIFEST, CannotStore, Store, only_runner
from biomech.model.names import BadInput
from experiment.swinging_leg import SWEEP, write

CASES = 14
MANY = {
    "interventions": SWEEP["interventions"],
    "sweep": {"gluteal.scale": {"linspace": [0.4, 1.0, CASES]}},
}


def bits(folder):
    """Everything in a result, byte by byte."""
    dataset = open_run(folder)
    return {str(name): v.values.tobytes() for name, v in dataset.data_vars.items()}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write(tmp_path_factory.mktemp("many"), **MANY)


@pytest.fixture(scope="module")
def undisturbed(path):
    """The folder of a run in this process."""
    folder = path.parent / "undisturbed"
    assert run(path, out=folder, overrides=["execution.executor=serial"]).exit_code == 0
    return folder


def test_every_executor_gives_the_same_bits(path, undisturbed, tmp_path):
    for executor in ("processes", "dask"):
        if executor == "dask":
            pytest.importorskip("distributed")
        asked = [f"execution.executor={executor}", "execution.workers=2"]
        run(path, out=tmp_path / executor, overrides=asked)
        first, team = Store(tmp_path / executor).manifest["teams"]
        assert (first["executor"], first["cores"]) == ("serial", None)
        assert first["threads_per_worker"] == len(os.sched_getaffinity(0))
        assert (team["executor"], team["workers"], team["threads_per_worker"]) == (executor, 2, 1)
        assert bits(tmp_path / executor) == bits(undisturbed)


def test_stored_configuration_runs_again_to_the_same_bits(path, undisturbed, tmp_path):
    asked = [f"data_folder={path.parent}", "execution.executor=serial"]
    run(undisturbed / "config.resolved.yaml", out=tmp_path / "again", overrides=asked)
    assert bits(tmp_path / "again") == bits(undisturbed)


def test_resuming_what_is_finished_computes_nothing(path, undisturbed, monkeypatch):
    before = bits(undisturbed)
    monkeypatch.setattr(InverseCases, "batch", lambda *arguments: 1 / 0)
    assert run(path, out=undisturbed, resume=True).exit_code == 0
    assert bits(undisturbed) == before


def test_resume_begins_what_is_not_there_yet(path, tmp_path):
    with pytest.warns(UserWarning, match="a new one begins"):
        run(
            path,
            out=tmp_path / "new",
            resume=True,
            overrides=["sweep.gluteal.scale.linspace=[1,2,2]"],
        )
    assert open_run(tmp_path / "new").sizes["gluteal.scale"] == 2


@pytest.mark.parametrize(
    "changes, said",
    [
        (["sweep.gluteal.scale.linspace=[0.4,1.0,15]"], "configuration is another one, in sweep"),
        (["study.rate_hz=25"], "its configuration is another one, in study"),
        (["solver.tolerance=1e-9"], "its configuration is another one, in solver"),
        (["seed=1"], "its configuration is another one, in seed"),
    ],
)
def test_another_experiment_does_not_resume_it(path, undisturbed, changes, said):
    before = bits(undisturbed)
    with pytest.raises(BadInput, match=said):
        run(path, out=undisturbed, resume=True, overrides=changes)
    assert bits(undisturbed) == before


def test_other_versions_or_bodies_do_not_resume_it(path, undisturbed):
    manifest = undisturbed / MANIFEST
    kept = manifest.read_text()
    try:
        for key, said in (("versions", "other versions"), ("model_sha256", "its body")):
            manifest.write_text(json.dumps({**json.loads(kept), key: "x"}))
            with pytest.raises(BadInput, match=said):
                run(path, out=undisturbed, resume=True)
    finally:
        manifest.write_text(kept)


def test_what_cannot_be_resumed_is_refused(path, undisturbed, tmp_path):
    with pytest.raises(BadInput, match="needs --out"):
        run(path, resume=True)
    (tmp_path / "mine").mkdir()
    with pytest.raises(BadInput, match="holds no sweep that could be resumed"):
        run(path, out=tmp_path / "mine", resume=True)
    with pytest.raises(BadInput, match="exists already"):
        run(path, out=undisturbed)


@pytest.fixture(scope="module")
def one_case(path):
    """The result of one case, to be taken for any other where the numbers do not matter."""
    return InverseCases(load_config(path)).batch(np.array([[1.0]]))


@pytest.mark.filterwarnings("ignore:There is no run")
def test_of_two_runs_that_begin_at_once_one_waits(path, one_case, tmp_path, monkeypatch):
    """While the second computes its first batch, the first makes the folder and holds it."""
    out, held = tmp_path / "out", contextlib.ExitStack()

    def overtaken(study, values, only=None):
        monkeypatch.setattr(InverseCases, "batch", lambda *arguments: one_case)
        folder = runner._begin(study, out)
        held.enter_context(only_runner(folder))
        return one_case

    monkeypatch.setattr(InverseCases, "batch", overtaken)
    with held, pytest.raises(BadInput, match="Another run has this folder: a process is comp"):
        run(path, out=out, resume=True)
    monkeypatch.setattr(InverseCases, "batch", overtaken)
    shutil.rmtree(out)
    with held, pytest.raises(BadInput, match=r"exists already and holds a sweep\. Go on with it"):
        run(path, out=out)
    assert [f.name for f in tmp_path.iterdir()] == ["out"]


def test_folder_that_is_made_and_left_meanwhile_is_gone_on_with(
    path, one_case, tmp_path, monkeypatch
):
    out, few = tmp_path / "out", ["sweep.gluteal.scale.linspace=[0.4,1,2]"]

    def overtaken(study, values, only=None):
        monkeypatch.setattr(InverseCases, "batch", lambda *arguments: one_case)
        runner._begin(study, out)
        return one_case

    monkeypatch.setattr(InverseCases, "batch", overtaken)
    with pytest.warns(UserWarning, match="a new one begins"):
        done = run(path, out=out, resume=True, overrides=few)
    assert (done.folder, Store(out).pending()) == (out, [])


def test_script_that_its_own_workers_run_again_is_told_how_to_stop_that(path, monkeypatch):
    """As multiprocessing marks a process that still reads the script it was started from."""
    monkeypatch.setattr(multiprocessing.current_process(), "_inheriting", True, raising=False)
    with pytest.raises(BadInput, match="Put the call of `run` under `if __name__ == '__main__':`"):
        run(path)


@pytest.mark.parametrize("failures", [2, 3])
def test_first_batch_has_as_many_tries_as_any_other(
    path, one_case, tmp_path, monkeypatch, failures
):
    tried = []

    def fails_at_first(study, values, only=None):
        tried.append(values)
        if len(tried) <= failures:
            raise RuntimeError("no device")
        return one_case

    monkeypatch.setattr(InverseCases, "batch", fails_at_first)
    study = InverseCases(load_config(path, ["execution.retries=2"]))
    if failures == 2:
        folder = runner._begin(study, tmp_path / "out")
        assert Store(folder).pending() == list(range(1, CASES))
    else:
        with pytest.raises(RuntimeError, match="no device"):
            runner._begin(study, tmp_path / "out")
        assert not list(tmp_path.iterdir())
    assert len(tried) == 3


def test_wrong_input_in_the_first_batch_is_not_tried_again(path, tmp_path, monkeypatch):
    tried = []

    def refused(study, values, only=None):
        tried.append(values)
        raise BadInput("no such muscle")

    monkeypatch.setattr(InverseCases, "batch", refused)
    with pytest.raises(BadInput, match="no such muscle"):
        runner._begin(InverseCases(load_config(path)), tmp_path / "out")
    assert len(tried) == 1 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("number, said", [(errno.ENOSPC, "Free some"), (errno.EACCES, "Make it w")])
def test_disk_that_is_full_at_the_end_keeps_the_numbers(
    path, one_case, tmp_path, monkeypatch, number, said
):
    """Every batch is stored; the files made of them are not."""
    few = ["sweep.gluteal.scale.linspace=[0.4,1,2]", "execution.executor=serial"]
    monkeypatch.setattr(InverseCases, "batch", lambda *arguments: one_case)

    def full(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(run_files, "write_metrics", full)
    with pytest.raises(CannotStore, match=f"What was finished is kept. {said}") as error:
        run(path, out=tmp_path / "out", overrides=few)
    assert f"--resume --out {tmp_path / 'out'}" in str(error.value)
    assert Store(tmp_path / "out").pending() == []
    assert not (tmp_path / "out" / "notes.txt").exists()
    written = []
    monkeypatch.setattr(runner, "write_files", lambda folder, *rest: written.append(folder))
    assert run(path, out=tmp_path / "out", resume=True, overrides=few).exit_code == 0
    assert written == [tmp_path / "out"]


@pytest.mark.parametrize("at", ["Worker", "write_files"])
def test_ctrl_c_before_or_after_computing_says_what_is_kept(
    path, one_case, tmp_path, monkeypatch, at
):
    few = ["sweep.gluteal.scale.linspace=[0.4,1,2]", "execution.executor=serial"]
    monkeypatch.setattr(InverseCases, "batch", lambda *arguments: one_case)
    monkeypatch.setattr(runner, at, lambda *arguments: signal.raise_signal(signal.SIGINT))
    kept = {"Worker": 1, "write_files": 2}[at]
    with pytest.raises(RunInterrupted, match=f"{kept} of 2 cases are kept") as told:
        run(path, out=tmp_path / "out", overrides=[*few, "execution.batch=1"])
    assert f"--resume --out {tmp_path / 'out'}" in str(told.value)
    with only_runner(tmp_path / "out"):  # nobody holds it any more
        pass


def test_report_about_fewer_cases_does_not_stay(path, undisturbed, tmp_path, monkeypatch):
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    (out / "report.html").write_text("14 cases")
    assert run(path, out=out, resume=True).exit_code == 0
    assert (out / "report.html").exists()  # nothing was computed
    next((out / BATCHES).glob("*.json")).unlink()
    with pytest.warns(UserWarning, match="report.html was made before all cases were computed"):
        run(path, out=out, resume=True, overrides=["execution.executor=serial"])
    assert not (out / "report.html").exists()


def test_ctrl_c_that_a_library_drops_ends_the_run_after_that_batch(
    path, one_case, tmp_path, monkeypatch
):
    calls = []

    def deaf(study, values, only=None):
        calls.append(values)
        if len(calls) == 3:
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        return one_case

    monkeypatch.setattr(InverseCases, "batch", deaf)
    with pytest.raises(RunInterrupted, match=f"3 of {CASES} cases are kept"):
        run(path, out=tmp_path / "out", overrides=["execution.executor=serial"])
    assert len(calls) == 3 and len(Store(tmp_path / "out").entries()) == 3
    with only_runner(tmp_path / "out"):  # nobody holds it any more
        pass


def test_batch_that_keeps_failing_is_given_up_alone(path, undisturbed, tmp_path, monkeypatch):
    compute, tried = InverseCases.batch, []

    def third_fails(study, values, only=None):
        if 0.53 < values[0, 0] < 0.55:
            tried.append(values)
            raise MemoryError("no room for this one")
        return compute(study, values, only)

    asked = ["execution.executor=serial", "execution.retries=1"]
    with monkeypatch.context() as patch:
        patch.setattr(InverseCases, "batch", third_fails)
        done = run(path, out=tmp_path / "out", overrides=asked)
    assert done.exit_code == SOME_FAILED and len(tried) == 2
    status = done.open()["status"]
    lost = (status == status.attrs["flag_values"][-1]).all("time")
    assert status.attrs["flag_meanings"].split()[-1] == "not_computed"
    assert 0 < int(lost.sum()) < CASES
    (given_up,) = (e for e in Store(tmp_path / "out").entries().values() if e.error)
    assert given_up.error == "MemoryError: no room for this one"
    assert "not_computed" in (tmp_path / "out" / "notes.txt").read_text()
    assert run(path, out=tmp_path / "out", resume=True, overrides=asked).exit_code == 0
    assert bits(tmp_path / "out") == bits(undisturbed)


def test_interruption_keeps_what_is_done_and_says_how_to_go_on(
    path, undisturbed, tmp_path, monkeypatch
):
    compute, calls = InverseCases.batch, []

    def interrupted(study, values, only=None):
        calls.append(values)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return compute(study, values, only)

    asked = ["execution.executor=serial"]
    with monkeypatch.context() as patch:
        patch.setattr(InverseCases, "batch", interrupted)
        with pytest.raises(RunInterrupted, match=f"3 of {CASES} cases are kept") as error:
            run(path, out=tmp_path / "out", overrides=asked)
    assert f"--resume --out {tmp_path / 'out'}" in str(error.value)
    run(path, out=tmp_path / "out", resume=True, overrides=asked)
    assert bits(tmp_path / "out") == bits(undisturbed)


def test_file_that_changes_during_a_run_is_not_mixed_in(tmp_path, monkeypatch):
    path = write(tmp_path / "data", **MANY)
    execute = runner.processes

    def changed_before(*arguments):
        table = tmp_path / "data" / "swing.sto"
        table.write_text(table.read_text() + "\n")
        return execute(*arguments)

    monkeypatch.setattr(runner, "processes", changed_before)
    asked = ["execution.executor=processes", "execution.workers=1"]
    with pytest.raises(BadInput, match="its configuration is another one, in files"):
        run(path, out=tmp_path / "out", overrides=asked)
    assert len(Store(tmp_path / "out").pending()) == CASES - 1


def test_worker_that_dies_while_idle_is_replaced(path, undisturbed, tmp_path):
    """The consumer takes its time; meanwhile the only worker has nothing to do and is killed."""
    checked = load_config(path)
    study = InverseCases(checked)
    folder = runner._begin(study, tmp_path / "out")
    store = Store(folder)
    finished = executors.processes(Work.of(checked, store), store.pending(), 1, 1)
    for _ in finished:
        for worker in children_of(os.getpid()):
            if b"popen_loky" in Path(f"/proc/{worker}/cmdline").read_bytes():
                os.kill(worker, signal.SIGKILL)
        break
    assert [entry.error for entry in finished] == [""] * (CASES - 2)
    assert bits(folder) == bits(undisturbed)


def test_workers_that_cannot_start_end_the_run(path, tmp_path, monkeypatch):
    checked = load_config(path)
    store = Store(runner._begin(InverseCases(checked), tmp_path / "out"))
    monkeypatch.setattr(executors, "_begin", die)
    with pytest.raises(BadInput, match="worker processes died one after the other"):
        list(executors.processes(Work.of(checked, store), store.pending(), 100, 1))


def die(*arguments):
    os._exit(1)


# ------------------------------------------------------------------------------- kill -9


def start(path, folder, *more):
    command = [sys.executable, "-m", "biomech.cli", "run", path, "--out", folder, "--resume", *more]
    environment = {**os.environ, "PYTHONPATH": str(Path(executors.__file__).parents[2])}
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a process group of its own, as in a terminal
    )


def batches_done(folder):
    return len(list((folder / BATCHES).glob("*.json"))) if folder.is_dir() else 0


def wait_for(condition, process, seconds=120.0):
    """Whether it came true while the process ran."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if condition():
            return True
        time.sleep(0.005)
    return False


def children_of(pid):
    """The worker processes of a runner."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_ctrl_c_ends_all_processes_with_one_line(path, tmp_path):
    folder = tmp_path / "out"
    process = start(path, folder, "--executor", "processes", "--workers", "2")
    assert wait_for(lambda: batches_done(folder) >= 2, process), process.stderr.read()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    begins, line = said.splitlines()
    assert begins.endswith("a new one begins.")
    assert line.startswith("Interrupted: ") and f"--resume --out {folder}" in line
    assert Store(folder).pending()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for workers in /proc")
def test_killed_runner_and_workers_cost_no_bit(path, undisturbed, tmp_path):
    folder = tmp_path / "out"
    process = start(path, folder, "--executor", "serial")
    assert wait_for(lambda: batches_done(folder) >= 3, process), process.stderr.read()
    process.kill()
    process.communicate()
    first = {f: f.stat().st_mtime_ns for f in (folder / BATCHES).glob("*.json")}
    assert 3 <= len(first) < CASES

    process = start(path, folder, "--executor", "processes", "--workers", "2")
    assert wait_for(lambda: batches_done(folder) > len(first), process), process.stderr.read()
    workers = children_of(process.pid)
    for worker in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    assert workers
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    for file, when in first.items():
        assert file.stat().st_mtime_ns == when  # not computed again
    assert bits(folder) == bits(undisturbed)
