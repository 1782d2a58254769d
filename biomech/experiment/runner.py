"""One configuration in, one folder of results out.

    configuration -> checked -> body and motion read, the sweep's extremes tried on the body
                  -> study, batch by batch (one compiled programme) -> labelled results -> folder

Whatever can be wrong with the input is found before the first case is computed. A case with
instants that have no solution stays in the result: what the muscles did is NaN there, `status` says
why, and the exit code is 3.

A run without a sweep appears in its folder all at once, with `results.nc`. A sweep keeps its cases
in `results.zarr` as batches of them finish (see `store`); it can be interrupted or killed at any
moment, and `resume` computes what is missing. `run_files` lists what else the folder holds.
"""

import contextlib
import dataclasses
import functools
import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float

from ..analysis.cases import CASE, failed_cases
from ..formats.files import as_path
from ..model.names import BadInput
from .case_study import CaseStudy, case_study
from .compile_cache import use_compile_cache
from .config import load_config
from .executors import (
    Batches,
    Work,
    Worker,
    process_team,
    processes,
    serial,
    this_process,
    usable_cores,
)
from .identity import check_same, identity
from .interruption import remembered_ctrl_c
from .open_run import open_run
from .plan import plan_batches
from .progress import progress_bar
from .run_files import REPORT_FILE, write_files
from .run_folder import FolderTaken, check_destination, run_folder
from .schema import Execution
from .store import MANIFEST, Store, create_store, is_store, only_runner, storing

GOOD, BAD_INPUT, SOME_FAILED = 0, 2, 3
"""Exit codes."""
WORTH_PROCESSES = 16
"""Batches left from which `auto` starts a process per core: each takes some seconds to begin."""


class RunInterrupted(KeyboardInterrupt):
    """Ctrl-C in a sweep; the message says what is kept and how to go on."""


@dataclasses.dataclass(frozen=True)
class RunResult:
    """A finished run.

    - `folder`: what it wrote.
    - `exit_code`: 0, or 3 if some cases have instants without a solution, or were given up.
    - `warnings`: what to know before believing it; among the dataset's notes too.
    """

    folder: Path
    exit_code: int
    warnings: tuple[str, ...] = ()

    def open(self) -> xr.Dataset:
        """The results; those of a sweep are read from disk where they are used."""
        return open_run(self.folder, max_bytes=None)


def run(
    config: str | os.PathLike[str] | Mapping[str, Any],
    *,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    overrides: Iterable[str] = (),
    progress: bool = True,
) -> RunResult:
    """Run a configuration: a file, the name of a shipped one, or a mapping.

    - `out`: the folder to make; `runs/<name>-<n>` by default. It must not exist unless `resume`.
    - `resume`: go on with the sweep in `out`, or begin it if there is none yet.
    - `overrides`: `key.sub=value` texts, as of `--set`.
    - `progress`: show a progress bar if the output is a terminal.

    **Raises:** `BadInput` before anything is computed or written, or when the disk is full;
    `RunInterrupted` on Ctrl-C in a sweep. What was finished is kept.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise BadInput(
            "A worker process is running this script from its top. Put the call of `run` under "
            "`if __name__ == '__main__':`."
        )
    checked = load_config(config, overrides)
    begun = _begun(out) if resume else None
    if begun is None:
        check_destination(out)
    use_compile_cache()
    with contextlib.ExitStack() as stack:
        check_ctrl_c = stack.enter_context(remembered_ctrl_c())
        study = case_study(checked)
        if not study.table.names:
            _warn_of_idle(study.config.execution)
            return _run_single(study, out, progress, check_ctrl_c)
        folder, is_new = _new_folder(study, out, resume) if begun is None else (begun, False)
        stack.enter_context(_telling_what_is_kept(folder))
        stack.enter_context(only_runner(folder))
        store = Store(folder)
        if not is_new:
            check_same(store, study)
            store.drop_incomplete()
            _remove_old_report(store)
        worker = Worker(study, store)
        work = Work.of(checked, store)
        asked = study.config.execution, work, worker, store.note_team
        execute = functools.partial(_execute, *asked)
        _compute(store, execute, progress, check_ctrl_c)
        with storing(folder):
            write_files(folder, open_run(folder), study)
    entries = store.entries().values()
    failed = any(entry.failed or entry.error for entry in entries)
    return RunResult(folder, SOME_FAILED if failed else GOOD, study.warnings)


def _warn_of_idle(asked: Execution) -> None:
    """Say that nobody else is needed for a single case."""
    usual = Execution.model_validate({})
    idle = [
        f"{key} {value}"
        for key in ("executor", "workers", "batch", "batch_timeout_s", "cluster")
        if (value := getattr(asked, key)) not in (getattr(usual, key), "serial")
    ]
    if idle:
        warnings.warn(
            f"`execution` ({', '.join(idle)}) is not used: without a sweep there is one case, "
            "computed by this process.",
            stacklevel=3,
        )


def _run_single(
    study: CaseStudy, out: Any, progress: bool, check_ctrl_c: Callable[[], None]
) -> RunResult:
    with run_folder(study.config.name, out) as partial:
        with progress_bar(1, wanted=progress) as advance:
            dataset = study.single()
            check_ctrl_c()
            failed = int(failed_cases(dataset).sum())
            advance(1, failed)
        with storing(partial.folder):
            write_files(partial.folder, dataset, study)
    assert partial.final is not None
    return RunResult(partial.final, SOME_FAILED if failed else GOOD, study.warnings)


# ---------------------------------------------------------------------------------- sweeps


@contextlib.contextmanager
def _telling_what_is_kept(folder: Path) -> Iterator[None]:
    """Ctrl-C in the block says what the run in `folder` holds and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        store = Store(folder)
        cases = store.plan.cases
        kept = cases - store.cases_in(store.pending())
        raise RunInterrupted(
            f"Interrupted: {kept} of {cases} cases are kept. To go on, give the same command "
            f"with --resume --out {folder}"
        ) from None


def _new_folder(study: CaseStudy, out: Any, resume: bool) -> tuple[Path, bool]:
    """A run folder and whether it is new: another run that resumes may have made it meanwhile."""
    try:
        return _begin(study, out), True
    except FolderTaken:
        begun = _begun(out) if resume else None
        if begun is None:
            raise
        return begun, False


def _begin(study: CaseStudy, out: Any) -> Path:
    """A new run folder with its store and the first batch, which shows that the study works."""
    asked = study.config.execution
    with run_folder(study.config.name, out) as partial:
        plan = plan_batches(len(study.table.values), study.bytes_per_case, asked.batch)
        part = _first_part(study, study.table.values[plan.rows(0)])
        part = part.isel({CASE: slice(0, plan.span(0).stop)})
        manifest = {**identity(study), "teams": [dataclasses.asdict(this_process())]}
        store = create_store(partial.folder, manifest, plan, part, study.table.coordinates)
        store.write(0, part, int(failed_cases(part).sum()))
    assert partial.final is not None
    return partial.final


def _remove_old_report(store: Store) -> None:
    """So that no page about fewer cases stays beside the results."""
    report = store.folder / REPORT_FILE
    if not (store.pending() and report.is_file()):
        return
    with storing(store.folder):
        report.unlink()
    warnings.warn(
        f"{report} was made before all cases were computed and is removed: write it again with "
        "`biomech report` afterwards.",
        stacklevel=3,
    )


def _first_part(study: CaseStudy, values: Float[np.ndarray, "case parameter"]) -> xr.Dataset:
    """The first batch, with as many tries as any other; without it there is no store."""
    for _ in range(study.config.execution.retries):
        with contextlib.suppress(MemoryError, RuntimeError):
            return study.batch(values)
    return study.batch(values)


def _compute(
    store: Store,
    execute: Callable[[list[int]], Batches],
    progress: bool,
    check_ctrl_c: Callable[[], None],
) -> None:
    """Compute what is pending; batches that nobody could compute are marked so."""
    batches, done = store.pending(), store.entries()
    with progress_bar(store.plan.cases, wanted=progress) as advance:
        for entry in done.values():
            if not entry.error:
                advance(store.cases_in([entry.batch]), entry.failed)
        check_ctrl_c()
        with contextlib.closing(execute(batches)) as finished:
            for entry in finished:
                if entry.error:
                    entry = store.give_up(entry.batch, entry.error)
                advance(store.cases_in([entry.batch]), entry.failed)
                check_ctrl_c()


def _execute(
    asked: Execution,
    work: Work,
    worker: Worker,
    note_team: Callable[[dict[str, Any]], None],
    batches: list[int],
) -> Batches:
    """`batches` by whom the configuration asks for, which the manifest notes."""
    kind = _executor(asked, batches)
    if kind == "serial":
        team, finished = this_process(), serial(worker, batches, asked.retries)
    elif kind == "processes":
        team = process_team(len(batches), asked.workers)
        finished = processes(work, batches, asked.retries, asked.workers)
    else:
        from .dask_executor import dask_team, on_dask

        options = {str(key): value for key, value in asked.cluster_options.items()}
        team = dask_team(asked.workers, asked.cluster)
        finished = on_dask(work, batches, asked.retries, asked.workers, asked.cluster, options)
    if batches:
        note_team(dataclasses.asdict(team))
    return finished


def _executor(asked: Execution, batches: list[int]) -> str:
    """Which executor computes `batches`."""
    if not batches:
        return "serial"
    if asked.executor != "auto":
        return asked.executor
    many = len(batches) >= WORTH_PROCESSES and len(usable_cores(asked.workers)) > 1
    limited = asked.batch_timeout_s is not None
    if jax.default_backend() == "cpu":
        return "processes" if many or limited else "serial"
    if limited:
        raise BadInput(
            "`execution.batch_timeout_s` limits worker processes, and there are none on this "
            "device unless asked for: choose `executor` dask, or take the limit out."
        )
    return "serial"


def _begun(out: str | os.PathLike[str] | None) -> Path | None:
    """The run folder to go on with; None if there is none yet."""
    if out is None:
        raise BadInput("--resume needs --out with the folder of the run to go on with.")
    folder = as_path(out, "out").absolute()
    if not folder.exists():
        warnings.warn(f"There is no run in {folder} to resume: a new one begins.", stacklevel=3)
        return None
    if not is_store(folder):
        raise BadInput(
            f"{folder} holds no sweep that could be resumed: there is no {MANIFEST} in it."
        )
    return folder
