"""A study that takes as long as it is told: what a worker process computes in tests of time-outs.

Imports nothing heavy, so that a worker starts in a moment.
"""

import os
import signal
import time
from typing import NamedTuple

from biomech.experiment.deadline import process_ends_after


class Asleep(NamedTuple):
    """In place of `executors.Work`: how long each batch takes, and may take [s]."""

    seconds: tuple[float, ...]
    timeout: float | None


class Done(NamedTuple):
    """In place of `store.BatchEntry`."""

    batch: int
    failed: int = 0
    error: str = ""


def compute(work: Asleep, batch: int) -> Done:
    with process_ends_after(work.timeout):
        time.sleep(work.seconds[batch])
        return Done(batch)


def stop_at_one(work: Asleep, batch: int) -> Done:
    """A batch during which somebody stops the worker."""
    with process_ends_after(work.timeout):
        if batch == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        return Done(batch)


def begin(core: int | None, parent: int) -> None:
    """In place of what a worker of biomech imports first."""


def place() -> tuple[set[int], str | None]:
    """Cores this process may use, and the threads XLA is to start."""
    return os.sched_getaffinity(0), os.environ.get("NPROC")
