"""Ctrl-C that is not lost.

JAX and other libraries call back into Python where an exception is printed and dropped, so that a
KeyboardInterrupt raised there stops nothing. What was pressed is remembered and said at the next
occasion.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def remembered_ctrl_c() -> Iterator[Callable[[], None]]:
    """A function that raises KeyboardInterrupt if Ctrl-C was pressed since the block began.

    Outside the main thread, which alone hears signals, it never does.
    """
    pressed = threading.Event()

    def hear(number: int, frame: Any) -> None:
        pressed.set()
        raise KeyboardInterrupt

    def check() -> None:
        if pressed.is_set():
            raise KeyboardInterrupt

    ours = threading.current_thread() is threading.main_thread()
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not (ours and usual):  # somebody else's handler knows better
        yield check
        return
    signal.signal(signal.SIGINT, hear)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def ctrl_c_ignored() -> Iterator[None]:
    """For a short block that must not be left half done, such as ending worker processes."""
    if threading.current_thread() is not threading.main_thread():  # which alone hears it
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
