"""A file that the user names: read or written within bounds, or what is wrong in words."""

import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..model.names import BadInput, short_name, suggest

_MOST_NAMES = 1000  # of a folder that are looked through for near misses


def as_path(value: object, argument: str) -> Path:
    """`value` as a path.

    **Raises:** `TypeError` that names the `argument` unless it is text or a path; `BadInput` for a
    name that no file can have (too long, or in a folder that must not be read).
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"`{argument}` must be the name of a file, not {type(value).__name__}.")
    path = Path(value)
    try:
        path.exists()
    except (OSError, ValueError) as problem:
        raise _unreadable(path, problem) from None
    return path


def read_bytes(path: Path, max_bytes: int, advice: str = "") -> bytes:
    """The content of a file of at most `max_bytes`; `advice` is for whoever has a larger one.

    **Raises:** `BadInput` for anything else: no file, a device or pipe (which may never end), a
    file too large or one that must not be read.
    """
    content = None
    try:
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as file:
                content = file.read(max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the name
        raise _unreadable(path, problem) from None
    if content is None:
        raise BadInput(why_no_file(path))
    if len(content) > max_bytes:
        most = f"'{path.name}' has more than {max_bytes} bytes, the most that is read."
        raise BadInput(f"{most} {advice}".strip())
    return content


def _unreadable(path: Path, problem: Exception) -> BadInput:
    reason = getattr(problem, "strerror", None) or str(problem)
    return BadInput(f"'{short_name(str(path))}' cannot be read: {reason}.")


def why_no_file(path: Path) -> str:
    """Why nothing can be read at `path`: it is a folder, has no folder, or is a near miss."""
    if path.is_dir():
        return f"'{path}' is a folder; name a file."
    if path.exists():
        return f"'{path}' is a device or a pipe; name a file."
    if not path.parent.is_dir():
        return f"There is no file '{path}': its folder does not exist either."
    return f"There is no file '{path}'. {suggest(path.name, files_in(path.parent))}"


def files_in(folder: Path) -> list[str]:
    """Names of the files in a folder but hidden ones, sorted; none if it cannot be read."""
    try:
        names = (entry.name for entry in folder.iterdir() if entry.is_file())
        return sorted(name for name in names if not name.startswith("."))[:_MOST_NAMES]
    except OSError:
        return []


def check_destination(path: Path, overwrite: bool, suffixes: Sequence[str], what: str) -> None:
    """Make sure that a file may be written at `path`, and that its name says `what` is in it.

    **Raises:** `BadInput` for another suffix, a folder that does not exist, a folder, or a file
    that exists unless `overwrite`.
    """
    if path.suffix.lower() not in suffixes:
        raise BadInput(f"'{path}' is no name for {what}; let it end in {suffixes[0]}.")
    if not path.parent.is_dir():
        raise BadInput(f"There is no folder '{path.parent}' to write '{path.name}' in. Make it.")
    if path.is_dir():
        raise BadInput(f"'{path}' is a folder; name the file to write.")
    if path.exists() and not overwrite:
        raise BadInput(
            f"The file '{path}' exists already. Choose another name, or pass overwrite=True."
        )


def write_whole(path: Path, text: str) -> None:
    """Write a text file, all of it or (on failure) nothing.

    **Raises:** `BadInput` if the folder must not be written in, or the disk is full.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise BadInput(f"Cannot write in the folder '{path.parent}': {error.strerror}.") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException as error:
        os.unlink(name)
        if isinstance(error, OSError):
            raise BadInput(f"Cannot write '{path}': {error.strerror}.") from error
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
