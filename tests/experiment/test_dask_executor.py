"""Where dask runs what, and who may be talked to. The work itself is in `test_resume`."""

import contextlib
import inspect
import os
import signal
import subprocess
import urllib.request

import pytest

from biomech.experiment import dask_executor
from biomech.experiment.config import check
from biomech.experiment.dask_executor import (
    check_address,
    dask_team,
    gpus,
    on_dask,
    worker_environments,
)
from biomech.experiment.executors import ONE_THREAD, Team, Work
from biomech.model.names import BadInput
from experiment import sleeper
from experiment.swinging_leg import configuration


@pytest.mark.parametrize(
    "address", ["127.0.0.1:8786", "tcp://localhost:8786", "tls://head:8786", "tcp://[::1]:8786"]
)
def test_this_machine_and_encrypted_addresses_are_taken(address):
    assert check_address(address) == address


@pytest.mark.parametrize(
    "address", ["head:8786", "tcp://10.0.0.1:8786", "ws://localhost:1", "nowhere", "tcp://x"]
)
def test_anything_else_is_refused(address):
    with pytest.raises(BadInput, match="Without TLS anybody"):
        check_address(address)


def test_each_worker_has_a_gpu_of_its_own_where_there_are_several():
    assert worker_environments(3, []) == [ONE_THREAD] * 3
    assert worker_environments(3, ["0"]) == [ONE_THREAD] * 3
    several = worker_environments(8, ["0", "2"])
    assert [env["CUDA_VISIBLE_DEVICES"] for env in several] == ["0", "2"]


def test_gpus_are_those_this_process_may_use(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,3")
    assert gpus() == ["1", "3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert gpus() == []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(dask_executor.shutil, "which", lambda name: None)
    assert gpus() == []
    listed = "GPU 0: A (UUID: x)\nGPU 1: A (UUID: y)\n"
    monkeypatch.setattr(dask_executor.shutil, "which", lambda name: name)
    answer = subprocess.CompletedProcess([], 0, stdout=listed)
    monkeypatch.setattr(dask_executor.subprocess, "run", lambda *_, **__: answer)
    assert gpus() == ["0", "1"]


def test_missing_extra_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(BadInput, match=r"pip install 'biomech\[cluster\]'"):
        next(on_dask(Work(tmp_path, "{}", "x", tmp_path, "{}"), [0], 0))


def test_slurm_jobs_are_one_process_each_and_encrypted(monkeypatch):
    distributed = pytest.importorskip("distributed")
    pytest.importorskip("cryptography")
    try:
        jobqueue = dask_executor._import("dask_jobqueue")
    except BadInput:
        pytest.skip("needs dask_jobqueue")
    made = {}

    class Cluster:
        def __init__(self, **options):
            made.update(options)

        def scale(self, workers):
            made["workers"] = workers

    monkeypatch.setattr(jobqueue, "SLURMCluster", Cluster)
    dask_executor._slurm(distributed, 40, {"queue": "cpu", "walltime": "01:00:00"})
    assert made["workers"] == 40 and made["queue"] == "cpu"
    assert (made["cores"], made["processes"], made["protocol"]) == (1, 1, "tls://")
    assert made["security"].require_encryption
    dask_executor._slurm(distributed, 40, {"cores": 4})
    assert (made["cores"], made["processes"]) == (4, 4)


def test_ctrl_c_stays_with_the_run(tmp_path, monkeypatch):
    """A library that takes it when imported, as `dask_jobqueue` does, does not keep it."""
    (tmp_path / "grabber.py").write_text(
        "import signal, sys\nsignal.signal(signal.SIGINT, lambda *_: sys.exit())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    before = signal.getsignal(signal.SIGINT)
    dask_executor._import("grabber")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    "options",
    [
        {"job_script_prologue": ["touch /tmp/x"]},
        {"python": "/tmp/evil.sh"},
        {"queue": "cpu\n#SBATCH --wrap=x"},
        {"account": "$(id)"},
    ],
)
def test_configuration_runs_no_command_on_the_cluster(options):
    with pytest.raises(BadInput, match="cluster_options"):
        check(configuration(execution={"executor": "dask", "cluster_options": options}))
    good = {"queue": "cpu", "walltime": "01:00:00", "memory": "3 GB", "cores": 2}
    assert check(configuration(execution={"cluster_options": good}))


def test_scheduler_that_does_not_answer_is_said(tmp_path):
    distributed = pytest.importorskip("distributed")
    pytest.importorskip("cryptography")
    with (
        distributed.Client.__init__.__globals__["dask"].config.set(
            {"distributed.comm.timeouts.connect": "0.2s"}
        ),
        pytest.raises(BadInput, match="cannot be reached or started"),
    ):
        next(on_dask(Work(tmp_path, "{}", "x", tmp_path, "{}"), [0], 0, cluster="127.0.0.1:1"))


def test_cluster_that_does_not_start_tells_how_a_script_must_be_written(tmp_path, monkeypatch):
    """dask's workers read the script again, and fail in the call of `run` (see test_resume)."""
    pytest.importorskip("distributed")

    def fails(*arguments):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(dask_executor, "_start", fails)
    said = r"Nanny failed to start\. In a script, put the call of `run` under `if __name__ == '__m"
    with pytest.raises(BadInput, match=said):
        next(on_dask(Work(tmp_path, "{}", "x", tmp_path, "{}"), [0], 0))


def test_teams_are_what_is_asked_for(monkeypatch):
    monkeypatch.setattr(dask_executor, "gpus", lambda: [])
    assert dask_team(3, "local") == Team("dask", 3, 1)
    assert dask_team(40, "slurm") == Team("dask", 40, 1)
    assert dask_team(None, "tls://head:8786") == Team("dask", None, None)
    monkeypatch.setattr(dask_executor, "gpus", lambda: ["0", "2"])
    assert dask_team(8, "local") == Team("dask", 2, 1)


def test_real_workers_show_no_pages_say_nothing_and_end_in_time(monkeypatch, capfd):
    """Of three batches the second hangs; a worker that dies takes no batch with it but that."""
    dask = pytest.importorskip("dask")
    pytest.importorskip("distributed")
    psutil = pytest.importorskip("psutil")
    monkeypatch.setattr(dask_executor, "compute", sleeper.compute)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    work = sleeper.Asleep((0.0, 60.0, 0.0), timeout=0.3)
    run = inspect.unwrap(on_dask)(work, range(3), 0, 1)
    with contextlib.closing(run), dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        found = [next(run)]
        processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
        ports = [
            connection.laddr
            for process in processes
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert len(ports) >= 2 and {address.ip for address in ports} == {"127.0.0.1"}
        assert not [page for port in ports for page in PAGES if answers(port.port, page)]
        found += run
    errors = {entry.batch: entry.error for entry in found}
    assert errors[0] == errors[2] == ""
    assert errors[1].startswith("KilledWorker") and "batch_timeout_s` is 0.3" in errors[1]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    said = capfd.readouterr()
    assert " - INFO - " not in said.out + said.err


PAGES = ("/", "/status", "/health", "/metrics", "/info/main/workers.html", "/json/counts.json")


def answers(port, page):
    """Whether a page is there for whoever asks without a password."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=2.0):
            return True
    except OSError:
        return False
