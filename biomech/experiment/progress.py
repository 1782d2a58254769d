"""A progress bar for runs: cases done, cases failed, time left. Shown on a terminal only."""

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(cases: int, wanted: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A function to call with how many more cases are done, and how many of them failed."""
    if not wanted or not sys.stderr.isatty():
        yield lambda done, failed: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("compiling", total=cases, failed=0)
        failures = 0

        def advance(done: int, failed: int) -> None:
            nonlocal failures
            failures += failed
            bar.update(task, advance=done, failed=failures, description="cases")

        yield advance
