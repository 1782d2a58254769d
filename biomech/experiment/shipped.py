"""Configurations that come with the package: `biomech run quickstart` works anywhere."""

import os
import warnings
from importlib import resources
from pathlib import Path

from ..formats.files import as_path, files_in
from ..model.names import BadInput, suggest

_SUFFIXES = (".yaml", ".yml")


def shipped_folder() -> Path | None:
    """Folder of the shipped configurations: in the installed package, or of the source tree."""
    packaged = Path(str(resources.files(__name__.split(".")[0]).joinpath("configs")))
    source = Path(__file__).resolve().parents[2] / "configs"
    return next((folder for folder in (packaged, source) if folder.is_dir()), None)


def shipped_configurations() -> dict[str, Path]:
    """File of each shipped configuration by its name."""
    folder = shipped_folder()
    files = sorted(folder.glob("*.yaml")) if folder else []
    return {file.stem: file for file in files}


def find_configuration(name_or_path: str | os.PathLike[str]) -> tuple[Path, bool]:
    """The file meant by a path or by the name of a shipped configuration; whether it is shipped.

    Warns if a file of that name lies in the current folder too and says something else.

    **Raises:** `BadInput` that names near misses, or what there is.
    """
    path = as_path(name_or_path, "config")
    if path.is_file():
        return path, False
    shipped = shipped_configurations()
    name = str(name_or_path)
    if name in shipped:
        _warn_of_namesake(name)
        return shipped[name], True
    if path.is_dir():
        inside = ", ".join(_yaml_files(path)[:12]) or "none"
        raise BadInput(f"'{path}' is a folder; name a .yaml file. In it there are: {inside}.")
    hint = suggest(path.name, (*_yaml_files(path.parent), *shipped))
    if path.suffix.lower() in _SUFFIXES or len(path.parts) > 1:
        raise BadInput(f"There is no configuration file {path}. {hint}")
    raise BadInput(f"No configuration named '{name}'. {hint}")


def _yaml_files(folder: Path) -> list[str]:
    return [name for name in files_in(folder) if name.lower().endswith(_SUFFIXES)]


def _warn_of_namesake(name: str) -> None:
    meant = shipped_configurations()[name].read_bytes()
    for suffix in _SUFFIXES:
        namesake = Path(f"{name}{suffix}")
        if namesake.is_file() and namesake.read_bytes() != meant:
            warnings.warn(
                f"'{name}' is the shipped configuration, not the file {name}{suffix} in this "
                f"folder. To use that one, write ./{name}{suffix}.",
                stacklevel=2,
            )


def copy_configurations(destination: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Copies of the shipped configurations in `destination`, to change; none is overwritten."""
    folder = as_path(destination, "destination")
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"'{folder}' is a file; name a folder for the copies.")
    shipped = shipped_configurations()
    existing = [file.name for file in shipped.values() if (folder / file.name).exists()]
    if existing:
        raise BadInput(
            f"{folder} already has {', '.join(existing)}. Choose another folder, or remove them."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(_copy(file, folder / file.name) for file in shipped.values())
    except OSError as error:
        raise BadInput(f"Cannot write in '{folder}': {error.strerror}.") from error


def _copy(file: Path, to: Path) -> Path:
    to.write_bytes(file.read_bytes())
    return to
