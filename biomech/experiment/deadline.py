"""How long a batch may take in a worker process, before the process ends itself.

Code that hangs may hold any lock, Python's own too, so that no other Python code of its process
could stop it. `faulthandler` waits in a thread of its own that needs none of them. Whoever gave the
batch sees a worker that died.
"""

import contextlib
import faulthandler
import os
from collections.abc import Iterator


@contextlib.contextmanager
def process_ends_after(seconds: float | None) -> Iterator[None]:
    """End this whole process, unless the block ends before; one block at a time in a process."""
    if seconds is None:
        yield
        return
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
