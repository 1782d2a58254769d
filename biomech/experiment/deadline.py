"""How long a batch may take in a worker process, before the process ends itself.

Code that hangs may hold any lock, Python's own too, so that no other Python code of its process
could stop it. `faulthandler` waits in a thread of its own that needs none of them. Whoever gave the
batch sees a worker that died.
"""

import contextlib
import faulthandler
import functools
import itertools
import os
import threading
import time
from collections.abc import Iterator

_deadlines: dict[int, float] = {}
_numbers, _lock = itertools.count(), threading.Lock()


@contextlib.contextmanager
def process_ends_after(seconds: float | None) -> Iterator[None]:
    """End this whole process, unless the block ends before; threads may have a block each."""
    if seconds is None:
        yield
        return
    number = next(_numbers)
    _set(number, time.monotonic() + seconds)
    try:
        yield
    finally:
        _set(number, None)


def _set(number: int, deadline: float | None) -> None:
    """Wait for the earliest of all deadlines; there is one waiting thread in a process."""
    with _lock:
        if deadline is None:
            del _deadlines[number]
        else:
            _deadlines[number] = deadline
        faulthandler.cancel_dump_traceback_later()
        if _deadlines:
            left = max(min(_deadlines.values()) - time.monotonic(), 1e-3)
            faulthandler.dump_traceback_later(left, exit=True, file=_nowhere())


@functools.cache
def _nowhere() -> int:
    """Where the traceback goes; open as long as the process, which may end at any time."""
    return os.open(os.devnull, os.O_WRONLY)
