"""The folder of one run: all of it, under its final name, or nothing.

Everything is written into a hidden folder beside the final one, `.<name>-partial-...`, which is
renamed when it is complete (one step on one file system). A run that fails or is interrupted
removes it; a process that is killed leaves only that hidden folder. No existing folder is ever
written to.
"""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..model.names import BadInput
from .store import CannotStore, is_store, refusal

RUNS = "runs"
"""Folder of runs without a folder of their own, in the current folder."""
_ATTEMPTS = 100


class FolderTaken(BadInput):
    """There is something under the name of the folder asked for."""


def check_destination(out: str | os.PathLike[str] | None) -> None:
    """**Raises:** `FolderTaken` if the folder asked for exists already."""
    if out is None:
        return
    out = Path(out)
    try:
        if not (out.exists() or out.is_symlink()):
            return
    except OSError as error:  # a name too long, a folder that must not be looked into
        raise BadInput(f"Cannot use --out {out}: {error.strerror}. Choose another.") from error
    if is_store(out):
        raise FolderTaken(
            f"The folder {out} exists already and holds a sweep. Go on with it: add --resume. For "
            "a new one, choose another --out."
        )
    kind = "folder" if out.is_dir() else "file"
    raise FolderTaken(
        f"The {kind} {out} exists already, and earlier results are never overwritten. Choose "
        f"another --out, or leave --out away to get {RUNS}/<name>-<n>."
    )


@contextlib.contextmanager
def run_folder(name: str, out: str | os.PathLike[str] | None = None) -> Iterator["PartialRun"]:
    """A folder to write into; it gets its final name when the block ends without an exception.

    `out`: the final folder, which must not exist; by default `runs/<name>-<n>` with the next n.
    """
    check_destination(out)
    parent = Path(out).absolute().parent if out is not None else Path.cwd() / RUNS
    try:
        parent.mkdir(parents=True, exist_ok=True)
        label = Path(out).name if out is not None else name
        partial = Path(tempfile.mkdtemp(dir=parent, prefix=f".{label}-partial-"))
    except OSError as error:
        raise BadInput(f"Cannot write in {parent}: {error.strerror}.") from error
    run = PartialRun(partial, name, None if out is None else Path(out).absolute())
    try:
        yield run
        partial.chmod(0o777 & ~_umask())
        run._finish()
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, CannotStore) and isinstance(error.__cause__, OSError):
            reason, remedy = refusal(error.__cause__)  # the folder that it names is gone
            raise CannotStore(
                f"Cannot write in {parent}: {reason}. Nothing of this run is kept. {remedy}, then "
                "begin again."
            ) from error
        raise


class PartialRun:
    """A run being written: `folder` while it is, `final` (set at the end) afterwards."""

    def __init__(self, folder: Path, name: str, out: Path | None):
        self.folder = folder
        self.final: Path | None = None
        self._name, self._out = name, out

    def _finish(self) -> None:
        if self._out is not None:
            check_destination(self._out)  # someone may have made it meanwhile
            try:
                os.rename(self.folder, self._out)
            except OSError:
                check_destination(self._out)  # or between the two lines above
                raise
            self.final = self._out
            return
        parent = self.folder.parent
        for _ in range(_ATTEMPTS):
            final = parent / f"{self._name}-{_next_number(parent, self._name)}"
            try:
                os.rename(self.folder, final)
            except OSError:  # another run took the number between the two lines above
                if not final.exists():
                    raise
                continue
            self.final = final
            return
        raise BadInput(f"Cannot find a free name for the run in {parent}.")


def _next_number(parent: Path, name: str) -> int:
    pattern = re.compile(rf"{re.escape(name)}-(\d+)")
    taken = [pattern.fullmatch(entry.name) for entry in parent.iterdir()]
    return 1 + max((int(match[1]) for match in taken if match), default=0)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
