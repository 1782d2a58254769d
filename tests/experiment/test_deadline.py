"""A batch that hangs costs its worker and its tries, and nothing else."""

import inspect
import os
import subprocess
import sys
import time

import pytest

from biomech.experiment import executors, runner
from biomech.experiment.config import check
from biomech.experiment.schema import Execution
from biomech.model.names import BadInput
from experiment import sleeper
from experiment.sleeper import Asleep
from experiment.swinging_leg import configuration

LONG = 60.0
processes = inspect.unwrap(executors.processes)  # takes a light `Work` too


@pytest.fixture
def light(monkeypatch):
    """Workers that start in a moment."""
    monkeypatch.setattr(executors, "compute", sleeper.compute)
    monkeypatch.setattr(executors, "_begin", sleeper.begin)


def test_batch_that_hangs_is_tried_again_then_given_up(light):
    work = Asleep((0.0, LONG, 0.0, 0.0), timeout=0.4)
    begun = time.monotonic()
    found = {entry.batch: entry.error for entry in processes(work, range(4), 1, 2)}
    assert time.monotonic() - begun < 0.5 * LONG
    assert [found[batch] for batch in (0, 2, 3)] == ["", "", ""]
    assert found[1].startswith("TimeoutError: its worker was gone after ")
    assert "`execution.batch_timeout_s` is 0.4" in found[1]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_worker_that_is_stopped_is_ended_by_the_runner(light, monkeypatch):
    """It cannot end itself."""
    monkeypatch.setattr(executors, "STOPPED_S", 4.0)
    monkeypatch.setattr(executors, "compute", sleeper.stop_at_one)
    found = {
        entry.batch: entry.error for entry in processes(Asleep((0.0,) * 3, 1.0), range(3), 0, 2)
    }
    assert (found[0], found[2]) == ("", "")
    assert found[1].startswith("TimeoutError: its worker was gone after ")


def test_all_that_hangs_ends_the_run(light, monkeypatch):
    monkeypatch.setattr(executors, "MOST_DEATHS", 1)
    with pytest.raises(BadInput, match=r"Or are 0\.2 s \(`execution\.batch_timeout_s`\) short"):
        list(processes(Asleep((LONG,) * 3, timeout=0.2), range(3), 5, 1))


def test_process_that_holds_every_lock_of_python_is_ended():
    """A regular expression that takes for ever lets no other thread of Python run."""
    script = (
        "import re, time\n"
        "from biomech.experiment.deadline import process_ends_after\n"
        "with process_ends_after(5.0): print('in time', flush=True)\n"
        "with process_ends_after(0.3): re.match('(a*)*b', 'a' * 40)\n"
        "print('never')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=LONG
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "in time\n", "")


def test_threads_have_a_deadline_each():
    """The shorter one is over in time and leaves the longer one in force."""
    script = (
        "import threading, time\n"
        "from biomech.experiment.deadline import process_ends_after\n"
        "def block(limit, takes):\n"
        "    with process_ends_after(limit): time.sleep(takes)\n"
        "    print(takes, flush=True)\n"
        "for one in ((0.6, 30.0), (20.0, 0.1)):\n"
        "    threading.Thread(target=block, args=one).start()\n"
    )
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=LONG
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "0.1\n", "")
    assert time.monotonic() - begun < 0.4 * LONG


def test_what_cannot_be_ended_is_said():
    with pytest.raises(BadInput, match=r"`execution\.executor` is serial, which has none"):
        check(configuration(execution={"executor": "serial", "batch_timeout_s": 60}))
    with pytest.raises(BadInput, match=r"`execution\.batch_timeout_s` is 0\.5; it must be greater"):
        check(configuration(execution={"batch_timeout_s": 0.5}))


def test_a_limit_needs_processes_even_for_few_batches(monkeypatch):
    asked = Execution.model_validate({"batch_timeout_s": 60})
    assert runner._executor(asked, [0]) == "processes"
    assert runner._executor(Execution.model_validate({}), [0]) == "serial"
    monkeypatch.setattr(runner.jax, "default_backend", lambda: "gpu")
    with pytest.raises(BadInput, match="there are none on this device"):
        runner._executor(asked, [0])
