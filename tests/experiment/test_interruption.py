"""Ctrl-C is heard whatever a library does with it, and leaves nobody at work."""

import contextlib
import inspect
import os
import signal
import threading
import time

import pytest

from biomech.experiment import executors
from biomech.experiment.interruption import remembered_ctrl_c
from experiment import sleeper
from experiment.sleeper import Asleep

LONG = 60.0


def press_into_deaf_ears():
    """Ctrl-C in a callback whose caller drops exceptions, as JAX's do."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_that_a_library_drops_is_said_at_the_next_occasion():
    with remembered_ctrl_c() as check:
        check()
        press_into_deaf_ears()
        with pytest.raises(KeyboardInterrupt):
            check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_is_heard_at_once_where_nobody_drops_it():
    with pytest.raises(KeyboardInterrupt), remembered_ctrl_c():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_somebody_elses_handler_stays():
    heard = []
    signal.signal(signal.SIGINT, lambda *arguments: heard.append(1))
    try:
        with remembered_ctrl_c() as check:
            signal.raise_signal(signal.SIGINT)
            check()
        assert heard == [1]
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_other_threads_hear_no_signals():
    problems = []

    def work():
        try:
            with remembered_ctrl_c() as check:
                check()
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not problems


def test_workers_that_are_still_at_work_end_with_the_run(monkeypatch):
    monkeypatch.setattr(executors, "compute", sleeper.compute)
    monkeypatch.setattr(executors, "_begin", sleeper.begin)
    pools, make = [], executors._pool
    monkeypatch.setattr(executors, "_pool", lambda place: pools.append(make(place)) or pools[-1])
    finished = inspect.unwrap(executors.processes)(Asleep((0.0, LONG, LONG), None), range(3), 2, 2)
    assert next(finished).batch == 0
    workers = [pid for pool in pools for pid in pool._processes]
    assert len(workers) == 2 and all(map(alive, workers))
    begun = time.monotonic()
    finished.close()  # as on KeyboardInterrupt in the loop over it
    assert time.monotonic() - begun < 0.2 * LONG
    assert not any(map(alive, workers))


def test_ctrl_c_pressed_again_leaves_no_worker(monkeypatch):
    """It comes while the first of the worker processes is being ended."""
    monkeypatch.setattr(executors, "compute", sleeper.compute)
    monkeypatch.setattr(executors, "_begin", sleeper.begin)
    pools, make = [], executors._pool
    monkeypatch.setattr(executors, "_pool", lambda place: pools.append(make(place)) or pools[-1])
    finished = inspect.unwrap(executors.processes)(Asleep((0.0, LONG, LONG), None), range(3), 2, 2)
    assert next(finished).batch == 0
    workers = [pid for pool in pools for pid in pool._processes]
    for pool in pools:
        monkeypatch.setattr(pool, "shutdown", pressed_again(pool.shutdown))
    with remembered_ctrl_c(), contextlib.closing(finished):
        pass
    assert len(workers) == 2 and not any(map(alive, workers))


def pressed_again(shutdown):
    def pressed(**options):
        signal.raise_signal(signal.SIGINT)
        shutdown(**options)

    return pressed


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
