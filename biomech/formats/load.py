"""Open a model by what the user has: a built-in name, an .osim file or a native file."""

import os
from pathlib import Path
from typing import Any

from ..model.body import Model
from ..model.library import BUILT_IN, built_in_text
from ..model.names import BadInput, suggest
from ..precision import require_precision
from .native import parse_model, read_model


def load_built_in(name: str) -> Model:
    """A body that comes with the package, e.g. "planar"."""
    return parse_model(built_in_text("model", name, BUILT_IN), BUILT_IN[name])


def load_model(
    name_or_path: str | os.PathLike[str], *, precision: str = "float64", **osim_options: Any
) -> Model:
    """A built-in model by name, or the model in an .osim or native .yaml file.

    `osim_options` go to the .osim reader.

    **Raises:** `BadInput` for an unknown name or file; unless JAX computes in `precision`.
    """
    require_precision(precision)
    text = os.fspath(name_or_path)
    suffix = Path(text).suffix.lower()
    if suffix == ".osim":
        from .osim import load_osim

        return load_osim(text, **osim_options)
    if osim_options:
        raise BadInput(f"'{text}' is no .osim file, so it takes no {', '.join(osim_options)}.")
    if suffix in (".yaml", ".yml"):
        return read_model(text)
    if text in BUILT_IN:
        return load_built_in(text)
    raise BadInput(
        f"No model '{text}'. {suggest(text, tuple(BUILT_IN))} Built in: {', '.join(BUILT_IN)}; "
        "otherwise pass the path of an .osim or .yaml file."
    )
