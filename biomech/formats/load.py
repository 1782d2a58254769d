"""Open a model by what the user has: a built-in name, an .osim file or a native file."""

import os
from typing import Any

from ..model import library
from ..model.body import Model
from ..model.build import build_model
from ..model.knee import hinge_knee
from ..model.names import BadInput, near_miss, suggest
from ..precision import require_precision
from .files import as_path, why_no_file
from .native import SUFFIXES, parse_description, read_model


def load_built_in(name: str, *, knee: str | None = None) -> Model:
    """A body that comes with the package, e.g. "planar"; `knee` as for `load_model`."""
    text = library.built_in_text("model", name, library.BUILT_IN)
    kinds = library.KNEES.get(name, ())
    if knee is not None and knee not in kinds:
        raise BadInput(
            f"knee is '{knee}'. {suggest(str(knee), kinds)}"
            if kinds
            else f"The knee of '{name}' is what it is; leave `knee` out."
        )
    description = parse_description(text, library.BUILT_IN[name])
    if kinds and (knee or kinds[0]) == "hinge":
        description = hinge_knee(description)
    return build_model(description)


def load_model(
    name_or_path: str | os.PathLike[str],
    *,
    knee: str | None = None,
    precision: str = "float64",
    **osim_options: Any,
) -> Model:
    """A built-in model by name, or the model in an .osim or native .yaml file.

    `knee` is for "lower_limb": "hinge" (the default: adduction and axial rotation follow flexion)
    or "compliant" (both may also give way, against passive stiffness). `osim_options` go to the
    .osim reader.

    **Raises:** `BadInput` for an unknown name or file; unless JAX computes in `precision`.
    """
    require_precision(precision)
    path = as_path(name_or_path, "name_or_path")
    text, suffix = str(name_or_path), path.suffix.lower()
    if text in library.BUILT_IN:
        if osim_options:
            raise BadInput(f"'{text}' is built in, so it takes no {', '.join(osim_options)}.")
        return load_built_in(text, knee=knee)
    if knee is not None:
        raise BadInput(f"'{text}' is no built-in model, so there is no `knee` to choose.")
    if suffix == ".osim":
        from .osim import load_osim

        return load_osim(text, **osim_options)
    if osim_options:
        raise BadInput(f"'{text}' is no .osim file, so it takes no {', '.join(osim_options)}.")
    if suffix in SUFFIXES:
        return read_model(text)
    if path.is_file():
        raise BadInput(f"'{text}' is no model: pass an .osim or .yaml file.")
    if path.is_dir():
        raise BadInput(why_no_file(path))
    hint = near_miss(text, tuple(library.BUILT_IN)) or f"Built in: {', '.join(library.BUILT_IN)}."
    raise BadInput(f"No model '{text}'. {hint} Or pass the path of an .osim or .yaml file.")
