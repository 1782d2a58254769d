"""Configurations that come with the package: `biomech run quickstart` works anywhere."""

import os
from importlib import resources
from pathlib import Path

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

    **Raises:** `BadInput` that lists the shipped ones.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path, False
    shipped = shipped_configurations()
    name = str(name_or_path)
    if name in shipped:
        return shipped[name], True
    if path.suffix.lower() in _SUFFIXES or len(path.parts) > 1:
        raise BadInput(f"There is no configuration file {path}. Shipped: {', '.join(shipped)}.")
    raise BadInput(f"No configuration named '{name}'. {suggest(name, tuple(shipped))}")


def copy_configurations(destination: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Copies of the shipped configurations in `destination`, to change; none is overwritten."""
    folder = Path(destination)
    shipped = shipped_configurations()
    existing = [file.name for file in shipped.values() if (folder / file.name).exists()]
    if existing:
        raise BadInput(
            f"{folder} already has {', '.join(existing)}. Choose another folder, or remove them."
        )
    folder.mkdir(parents=True, exist_ok=True)
    copies = []
    for file in shipped.values():
        copies.append(folder / file.name)
        copies[-1].write_bytes(file.read_bytes())
    return tuple(copies)
