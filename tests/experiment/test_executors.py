"""Who computes: how many, with how many threads, on which cores."""

import os
import subprocess
import sys

import pytest

from biomech.experiment import executors
from biomech.experiment.executors import (
    ONE_THREAD,
    Team,
    process_team,
    this_process,
    usable_cores,
)
from experiment import sleeper

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="this system says nothing about cores"
)
CORES: tuple[int, ...] = (
    tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()
)


def test_every_core_has_a_worker_of_its_own_unless_more_or_fewer_are_asked_for():
    assert usable_cores(None) == tuple((core, i) for i, core in enumerate(CORES))
    assert usable_cores(len(CORES)) == usable_cores(None)
    assert usable_cores(len(CORES) + 1) == tuple((None, i) for i in range(len(CORES) + 1))
    assert process_team(1000) == Team("processes", len(CORES), 1, CORES)
    assert process_team(1) == Team("processes", 1, 1, CORES[:1])
    more = len(CORES) + 3
    assert process_team(1000, more) == Team("processes", more, 1, None)


def test_worker_is_where_the_plan_says():
    pool = executors._pool((CORES[-1], 0))
    try:
        assert pool.submit(sleeper.place).result(timeout=60) == ({CORES[-1]}, "1")
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def test_threads_are_those_that_xla_starts():
    """`NPROC` is not documented: this fails where a new XLA no longer heeds it."""
    script = (
        "import jax, os; jax.numpy.ones(8).block_until_ready();"
        "names = [open(f'/proc/self/task/{t}/comm').read() for t in os.listdir('/proc/self/task')];"
        "print(sum('XLAEigen' in name for name in names))"
    )
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    environment.pop("NPROC", None)
    threads = lambda **more: int(
        subprocess.run(
            [sys.executable, "-c", script],
            env={**environment, **more},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
    )
    assert threads(**ONE_THREAD) == 1
    assert threads() == len(CORES)


def test_this_process_has_the_threads_it_was_given(monkeypatch):
    monkeypatch.delenv("NPROC", raising=False)
    assert this_process() == Team("serial", 1, len(CORES), None)
    monkeypatch.setenv("NPROC", "3")
    assert this_process().threads_per_worker == 3
