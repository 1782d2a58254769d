"""Open a model by what the user has: a built-in name, an .osim file or a native file."""

import os
from typing import Any

from ..model import library
from ..model.body import Model
from ..model.names import BadInput, near_miss
from ..precision import require_precision
from .files import as_path, why_no_file
from .native import SUFFIXES, parse_model, read_model


def load_built_in(name: str) -> Model:
    """A body that comes with the package, e.g. "planar"."""
    return parse_model(
        library.built_in_text("model", name, library.BUILT_IN), library.BUILT_IN[name]
    )


def load_model(
    name_or_path: str | os.PathLike[str], *, precision: str = "float64", **osim_options: Any
) -> Model:
    """A built-in model by name, or the model in an .osim or native .yaml file.

    `osim_options` go to the .osim reader.

    **Raises:** `BadInput` for an unknown name or file; unless JAX computes in `precision`.
    """
    require_precision(precision)
    path = as_path(name_or_path, "name_or_path")
    text, suffix = str(name_or_path), path.suffix.lower()
    if suffix == ".osim":
        from .osim import load_osim

        return load_osim(text, **osim_options)
    if osim_options:
        raise BadInput(f"'{text}' is no .osim file, so it takes no {', '.join(osim_options)}.")
    if suffix in SUFFIXES:
        return read_model(text)
    if text in library.BUILT_IN:
        return load_built_in(text)
    if path.is_file():
        raise BadInput(f"'{text}' is no model: pass an .osim or .yaml file.")
    if path.is_dir():
        raise BadInput(why_no_file(path))
    hint = near_miss(text, tuple(library.BUILT_IN)) or f"Built in: {', '.join(library.BUILT_IN)}."
    raise BadInput(f"No model '{text}'. {hint} Or pass the path of an .osim or .yaml file.")
