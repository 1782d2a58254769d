"""Write a model to a file: the suffix of its name decides the format."""

import os
import warnings

from ..model.body import Model
from ..model.names import BadInput
from .files import as_path
from .native import SUFFIXES, write_model


def save_model(model: Model, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write `model` to a native (.yaml) or OpenSim (.osim) file, all of it or (on failure) nothing.

    A native file holds the whole model. What an .osim file says otherwise comes as a warning.

    **Raises:** `TypeError` for arguments the wrong way round; `BadInput` for another suffix, a
    folder that does not exist, a file that does unless `overwrite`, and a model with parts that an
    .osim file cannot hold.
    """
    if not isinstance(model, Model):
        raise TypeError(
            "`save_model` takes a model, then the file to write: "
            f'save_model(model, "leg.yaml"). Its first argument is {type(model).__name__}.'
        )
    path = as_path(path, "path")
    if path.suffix.lower() not in (*SUFFIXES, ".osim"):
        raise BadInput(f"'{path}' is no name for a model file; let it end in .yaml or .osim.")
    if path.suffix.lower() != ".osim":
        write_model(model, path, overwrite=overwrite)
        return
    from .osim_writer import write_osim

    if changed := write_osim(model, path, overwrite=overwrite):
        listed = "\n".join(f"  - {line}" for line in changed)
        warnings.warn(f"{path.name} is not the model in all:\n{listed}", stacklevel=2)
