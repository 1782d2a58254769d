"""A file that the user names: what is wrong with the name, said before anything is read."""

import os
from pathlib import Path

from ..model.names import suggest

NO_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
"""What opening raises where there is no file; `why_no_file` says it in words."""
_MOST_NAMES = 1000  # of a folder that are looked through for near misses


def as_path(value: object, argument: str) -> Path:
    """`value` as a path.

    **Raises:** `TypeError` that names the `argument` unless it is text or a path.
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"`{argument}` must be the name of a file, not {type(value).__name__}.")
    return Path(value)


def why_no_file(path: Path) -> str:
    """Why nothing can be read at `path`: it is a folder, has no folder, or is a near miss."""
    if path.is_dir():
        return f"'{path}' is a folder; name a file."
    if not path.parent.is_dir():
        return f"There is no file '{path}': its folder does not exist either."
    return f"There is no file '{path}'. {suggest(path.name, files_in(path.parent))}"


def files_in(folder: Path) -> list[str]:
    """Names of the files in a folder, sorted; none if it cannot be read."""
    try:
        return sorted(entry.name for entry in folder.iterdir() if entry.is_file())[:_MOST_NAMES]
    except OSError:
        return []
