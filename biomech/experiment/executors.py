"""Who computes the batches of a run: this process, a process per core, or a dask cluster.

Each executor is given the batches to compute and yields, in any order, what came of each. A batch
is always computed by the same code on the same values, so that all executors give the same bits on
one kind of machine. Workers write their own batches; nothing large travels between processes.

A worker that dies costs the batches it was computing, which are tried again, and given up after
`retries` more tries: one case that takes all memory must not stop the rest. So does one that takes
longer than `Work.timeout`. What the disk refuses (`CannotStore`) stops the run.
"""

import contextlib
import dataclasses
import functools
import importlib
import json
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Collection, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import xarray as xr
from jaxtyping import Float

from ..analysis.cases import failed_cases
from ..model.names import BadInput
from .case_study import case_study
from .compile_cache import use_compile_cache
from .config import CheckedConfig, check, to_plain
from .deadline import process_ends_after
from .identity import check_same
from .interruption import ctrl_c_ignored
from .store import BatchEntry, Store
from .sweep import CaseTable

Batches = Generator[BatchEntry, None, None]
"""What came of each batch; closed, it leaves no worker behind."""
MOST_DEATHS = 8
"""Workers that may die in a row before the run is stopped."""
STOPPED_S = 60.0
"""Beyond a batch's limit, until a worker that cannot end itself is ended: it starts in less."""
ONE_THREAD: dict[str, str] = {
    name: "1" for name in ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
}
"""Environment of a worker: no library starts more threads, pinned or not. XLA reads `NPROC`."""


@dataclasses.dataclass(frozen=True)
class Team:
    """Who computes the batches of a run; its manifest keeps it.

    - `workers`: processes; None where a scheduler elsewhere knows.
    - `threads_per_worker`: that compute; None likewise.
    - `cores`: the one that each worker is pinned to; None where the system decides.
    """

    executor: str
    workers: int | None
    threads_per_worker: int | None
    cores: tuple[int, ...] | None = None


def this_process() -> Team:
    """This process alone, with as many threads as XLA takes."""
    chosen = os.environ.get("NPROC", "")
    return Team("serial", 1, int(chosen) if chosen.isdecimal() else len(_cores()))


def process_team(batches: int, workers: int | None = None) -> Team:
    """The processes that `processes` starts."""
    places = usable_cores(workers)[:batches]
    cores = [core for core, _ in places if core is not None]
    return Team("processes", len(places), 1, tuple(cores) or None)


@dataclasses.dataclass(frozen=True)
class Work:
    """What a worker is told, in a form that travels between processes.

    - `folder`: of the run. `config`: the checked configuration as JSON; its file names are relative
      to `data_folder`. `source`: for messages.
    - `run`: the manifest, so that a worker does not take another run in the folder for this one.
    - `timeout`: what a batch may take [s]; then the worker ends.
    """

    folder: Path
    config: str
    source: str
    data_folder: Path
    run: str
    timeout: float | None = None

    @classmethod
    def of(cls, checked: CheckedConfig, store: Store) -> "Work":
        config, run = json.dumps(to_plain(checked.config)), json.dumps(store.manifest)
        timeout = checked.config.execution.batch_timeout_s
        return cls(store.folder, config, checked.source, checked.folder, run, timeout)


@runtime_checkable
class BatchStudy(Protocol):
    """What can be computed in batches: a table of cases, and results along `case` of some of them.

    A result has the variable `status` over `case`, and `time` if the study has instants; its
    attribute `flag_meanings` says what 0, 1, 2, ... mean.
    """

    table: CaseTable

    def batch(
        self,
        values: Float[np.ndarray, "case parameter"],
        only: Collection[str] | None = None,
    ) -> xr.Dataset: ...


class Worker:
    """Computes batches of a run and stores them. One that is stored already is left as it is."""

    def __init__(self, study: BatchStudy, store: Store):
        self._study, self._store = study, store

    def __call__(self, batch: int) -> BatchEntry:
        stored = self._store.entry(batch)
        if stored is not None and not stored.error:
            return stored
        plan = self._store.plan
        span = plan.span(batch)
        count = span.stop - span.start
        swept = self._store.manifest["variables"]
        dataset = self._study.batch(self._study.table.values[plan.rows(batch)], swept)
        dataset = dataset.isel(case=slice(0, count))
        failed = int(failed_cases(dataset).sum())
        self._store.write(batch, dataset, failed)
        return BatchEntry(batch, failed)


@functools.lru_cache(maxsize=1)
def _worker(work: Work) -> Worker:
    use_compile_cache()
    checked = CheckedConfig(
        check(json.loads(work.config), work.source), work.source, work.data_folder
    )
    study, store = case_study(checked), Store(work.folder)
    check_same(store, study)  # a file may have changed since the run began
    return Worker(study, store)


def compute(work: Work, batch: int) -> BatchEntry:
    """Compute a batch in a worker process."""
    with process_ends_after(work.timeout):
        return _worker(work)(batch)


# --------------------------------------------------------------------------------- serial


def serial(worker: Worker, batches: Sequence[int], retries: int) -> Batches:
    """One after the other, in this process."""
    for batch in batches:
        yield _with_retries(worker, batch, retries)


def _with_retries(worker: Worker, batch: int, retries: int) -> BatchEntry:
    for attempt in range(retries + 1):
        try:
            return worker(batch)
        except BadInput:
            raise
        except Exception as error:
            if attempt == retries:
                return BatchEntry(batch, 0, in_a_line(error))
    raise AssertionError


def in_a_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500]


# ------------------------------------------------------------------------------ processes


def processes(
    work: Work, batches: Sequence[int], retries: int, workers: int | None = None
) -> Batches:
    """One process per core, each on a core of its own; they share the cache of compiled code.

    A process of its own pool each: one that dies takes nothing with it but its batch.
    """
    waiting, tries = deque(batches), dict.fromkeys(batches, 0)
    pools = {core: _pool(core) for core in usable_cores(workers)[: len(batches)]}
    running: dict[Future[BatchEntry], tuple[Any, int, float]] = {}

    def give(core: Any) -> None:
        if not waiting:
            return
        batch = waiting.popleft()
        try:
            future = pools[core].submit(compute, work, batch)
        except BrokenProcessPool:  # it died while it had nothing to do
            pools[core] = _pool(core)
            future = pools[core].submit(compute, work, batch)
        running[future] = core, batch, time.monotonic()

    finished, deaths = False, 0
    try:
        for core in pools:
            give(core)
        while running:
            for future in _next(running, pools, work.timeout):
                core, batch, begun = running.pop(future)
                error = future.exception()
                tries[batch] += 1
                deaths = deaths + 1 if isinstance(error, BrokenProcessPool) else 0
                if deaths > MOST_DEATHS:
                    raise BadInput(_too_many_deaths(deaths, work.timeout))
                if isinstance(error, BrokenProcessPool):
                    error = _named_if_late(error, time.monotonic() - begun, work.timeout)
                    pools[core].shutdown(wait=False, kill_workers=True)
                    pools[core] = _pool(core)
                if isinstance(error, BadInput):
                    raise error
                if error is None:
                    yield future.result()
                elif tries[batch] > retries:
                    yield BatchEntry(batch, 0, in_a_line(error))
                else:
                    waiting.append(batch)
                give(core)
        finished = True
    finally:
        # Pressed again, it would leave a pool that is never told to end, which Python waits for.
        with contextlib.nullcontext() if finished else ctrl_c_ignored():
            for pool in pools.values():
                pool.shutdown(wait=True, kill_workers=not finished)


def _next(
    running: dict[Future[BatchEntry], tuple[Any, int, float]], pools: Any, timeout: float | None
) -> set[Future[BatchEntry]]:
    """What finished. A worker that is stopped, or waits for a dead disk, is ended from here."""
    from loky.backend.utils import kill_process_tree

    if timeout is None:
        return wait(running, return_when=FIRST_COMPLETED).done
    while True:
        limit = min(begun for _, _, begun in running.values()) + timeout + STOPPED_S
        left = max(limit - time.monotonic(), 0.0)
        done = wait(running, left, return_when=FIRST_COMPLETED).done
        if done:
            return done
        for core, _, begun in running.values():
            if time.monotonic() >= begun + timeout + STOPPED_S:
                for process in list((pools[core]._processes or {}).values()):
                    kill_process_tree(process)
        time.sleep(0.2)


def _named_if_late(error: Exception, seconds: float, timeout: float | None) -> Exception:
    if timeout is None or seconds < timeout:
        return error
    return TimeoutError(
        f"its worker was gone after {seconds:.1f} s; `execution.batch_timeout_s` is {timeout:g}"
    )


def _too_many_deaths(deaths: int, timeout: float | None) -> str:
    late = "" if timeout is None else f" Or are {timeout:g} s (`execution.batch_timeout_s`) short?"
    return (
        f"{deaths} worker processes died one after the other, without a batch in between: is there "
        f"too little memory?{late} What was finished is kept. Try fewer --workers or a smaller "
        "`execution.batch` in a new run."
    )


def usable_cores(workers: int | None) -> tuple[tuple[int | None, int], ...]:
    """A core for each of `workers` processes, with its number; all cores by default.

    Fewer or more workers than cores are not pinned: other runs may be at work on the first cores.
    """
    cores = _cores()
    if workers is None or workers == len(cores):
        return tuple((core, i) for i, core in enumerate(cores))
    return tuple((None, i) for i in range(workers))


def _cores() -> list[int]:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _pool(place: tuple[int | None, int]) -> Any:
    """One process on one core, that ends with this one."""
    from loky.process_executor import ProcessPoolExecutor

    return ProcessPoolExecutor(
        max_workers=1, initializer=_begin, initargs=(place[0], os.getpid()), env=ONE_THREAD
    )


def _begin(core: int | None, parent: int) -> None:
    """Before JAX starts: it sizes its thread pools by the cores it may use.

    Ctrl-C reaches every process of a terminal; what to do then is the runner's to say.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _keep_no_shared_lock()


def _keep_no_shared_lock() -> None:
    """The compressor makes a lock for several processes, which a killed worker leaves behind.

    Python then tells the user of a leak. A lock for threads does here: workers share no array.
    """
    shared = multiprocessing.Lock
    multiprocessing.Lock = threading.Lock  # type: ignore[assignment]
    try:
        importlib.import_module("numcodecs.blosc").get_mutex()
    finally:
        multiprocessing.Lock = shared


def _end_with(parent: int) -> None:
    """A runner that is killed must leave nobody behind who writes in its folder."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
