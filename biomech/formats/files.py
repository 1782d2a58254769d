"""A file that the user names: opened within bounds, or what is wrong with it in words."""

import os
import stat
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
    """Names of the files in a folder, sorted; none if it cannot be read."""
    try:
        return sorted(entry.name for entry in folder.iterdir() if entry.is_file())[:_MOST_NAMES]
    except OSError:
        return []
