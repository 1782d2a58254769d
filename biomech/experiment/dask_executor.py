"""Batches on a dask cluster: on this machine, at an address, or through SLURM.

Every worker is one process with one thread, which keeps the compiled programme between batches. The
run folder must be on a disk that all workers share. Dask schedules, restarts workers that die, and
tries their batches again elsewhere.

A cluster elsewhere is only talked to over TLS: whoever can reach a dask worker can run code on it.
"""

import contextlib
import importlib
import logging
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..model.names import BadInput
from .executors import ONE_THREAD, Batches, Team, Work, compute, in_a_line, usable_cores
from .interruption import ctrl_c_ignored
from .store import BatchEntry

QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error"}
"""Environment in which dask's processes report errors only; read when they import it."""
NO_HTTP = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
"""dask's pages on the state of a cluster, which need no password."""
ONE_EACH = {"distributed.scheduler.worker-saturation": 1.0}
"""No batch waits in a worker: one that dies is blamed on all that it holds."""
_SLURM: dict[str, Any] = {"cores": 1, "memory": "2 GB"}
"""What a job of ours asks for, unless told otherwise; a process for each core, of one thread."""
_SELF = ("127.0.0.1", "localhost", "[::1]")


def on_dask(
    work: Work,
    batches: Sequence[int],
    retries: int,
    workers: int | None = None,
    cluster: str = "local",
    options: Mapping[str, Any] | None = None,
) -> Batches:
    """What came of each batch, as batches finish.

    - `cluster`: "local", "slurm", or the address of a scheduler.
    - `options`: of `dask_jobqueue.SLURMCluster`: `queue`, `cores`, `memory`, `walltime`, ...
    """
    distributed = _import("distributed")
    count = workers or len(usable_cores(None))
    with contextlib.ExitStack() as stack:
        stack.enter_context(_import("dask").config.set({**NO_HTTP, **ONE_EACH}))
        stack.enter_context(_environment({**ONE_THREAD, **QUIET}))
        try:
            started = _start(distributed, cluster, count, dict(options or {}))
            if not isinstance(started, str):
                stack.callback(_closed, started, patient=cluster != "local")
            client = stack.enter_context(distributed.Client(started, set_as_default=False))
        except (OSError, RuntimeError) as error:
            raise BadInput(
                f"The dask cluster '{cluster}' cannot be reached or started: "
                f"{str(error).rstrip('.')}. In a script, "
                "put the call of `run` under `if __name__ == '__main__':`."
            ) from error
        futures = {
            client.submit(compute, work, batch, pure=False, retries=retries): batch
            for batch in batches
        }
        for future in distributed.as_completed(futures, loop=client.loop):
            error = future.exception()
            if isinstance(error, BadInput):
                client.cancel(list(futures))
                raise error
            batch = futures[future]
            said = "" if error is None else f"{in_a_line(error)}{_about(work.timeout)}"
            yield future.result() if error is None else BatchEntry(batch, 0, said)
            future.release()


def _closed(cluster: Any, patient: bool) -> None:
    """End a cluster; Ctrl-C pressed again meanwhile is heard if that may take long (`patient`)."""
    with contextlib.nullcontext() if patient else ctrl_c_ignored():
        cluster.close()


def dask_team(workers: int | None, cluster: str) -> Team:
    """The workers that `on_dask` asks for."""
    count = workers or len(usable_cores(None))
    if cluster == "local":
        environments = worker_environments(count, gpus())
        return Team("dask", len(environments), 1)
    return Team("dask", count, 1) if cluster == "slurm" else Team("dask", None, None)


@contextlib.contextmanager
def _environment(chosen: Mapping[str, str]) -> Iterator[None]:
    """Variables for the processes that are started in the block, and no longer for this one."""
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextlib.contextmanager
def _own_ctrl_c() -> Iterator[None]:
    """Ctrl-C stays ours: once imported, `dask_jobqueue` would end the program without a word."""
    if threading.current_thread() is not threading.main_thread():  # which alone hears it
        yield
        return
    own = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, own)


def _about(timeout: float | None) -> str:
    return "" if timeout is None else f" (`execution.batch_timeout_s` is {timeout:g})"


def _start(distributed: Any, cluster: str, workers: int, options: dict[str, Any]) -> Any:
    if cluster == "local":
        return _local(distributed, workers)
    if cluster == "slurm":
        return _slurm(distributed, workers, options)
    return check_address(cluster)


def check_address(address: str) -> str:
    """The address, if it is this machine's or encrypted."""
    scheme, _, rest = address.rpartition("://")
    host = rest.rpartition(":")[0]
    if scheme == "tls" or (scheme in ("", "tcp") and host in _SELF):
        return address
    raise BadInput(
        f"`cluster` is '{address}'; it must be local, slurm, or an address such as "
        "tls://HOST:8786. Without TLS anybody who reaches the scheduler could run code on it."
    )


def _local(distributed: Any, workers: int) -> Any:
    """Processes of this machine, one thread each, and a GPU each where there are several."""
    security = distributed.security.Security.temporary()  # other users of this machine too
    options = {
        "nthreads": 1,
        "host": "127.0.0.1",
        "protocol": "tls://",
        "dashboard": False,
        "security": security,
    }
    specification = {
        place: {"cls": distributed.Nanny, "options": {**options, "env": environment}}
        for place, environment in enumerate(worker_environments(workers, gpus()))
    }
    scheduler = {
        "cls": distributed.Scheduler,
        "options": {
            "dashboard": False,
            "dashboard_address": "127.0.0.1:0",
            "host": "127.0.0.1",
            "protocol": "tls://",
            "security": security,
        },
    }
    return distributed.SpecCluster(
        specification, scheduler, security=security, silence_logs=logging.ERROR
    )


def worker_environments(workers: int, gpus: Sequence[str]) -> list[dict[str, str]]:
    """Environment of each worker: one thread, and one of several GPUs."""
    if len(gpus) < 2:
        return [ONE_THREAD for _ in range(workers)]
    return [{**ONE_THREAD, "CUDA_VISIBLE_DEVICES": gpu} for gpu in gpus[:workers]]


def gpus() -> list[str]:
    """Numbers of the NVIDIA GPUs that this process may use."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [number for number in chosen.split(",") if number.strip() not in ("", "-1")]
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    listed = subprocess.run([command, "-L"], capture_output=True, text=True, check=False).stdout
    return [str(i) for i, line in enumerate(listed.splitlines()) if line.startswith("GPU ")]


def _slurm(distributed: Any, workers: int, options: dict[str, Any]) -> Any:
    jobqueue = _import("dask_jobqueue")
    security = distributed.security.Security.temporary()
    asked = {**_SLURM, **options}
    try:
        cluster = jobqueue.SLURMCluster(
            **asked,
            processes=int(asked["cores"]),
            protocol="tls://",
            security=security,
            scheduler_options={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        )
    except (TypeError, ValueError) as error:
        raise BadInput(f"`execution.cluster_options`: {error}.") from error
    cluster.scale(workers)
    return cluster


def _import(name: str) -> Any:
    try:
        with _own_ctrl_c():
            return importlib.import_module(name)
    except ImportError as error:
        raise BadInput(
            f"The executor `dask` needs {name}: pip install 'biomech[cluster]'."
        ) from error
