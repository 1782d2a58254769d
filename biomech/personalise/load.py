"""Open a model as a body of a given height and mass."""

import os
from typing import Any

from jaxtyping import ScalarLike

from ..formats.load import load_model as load_as_is
from ..model.body import Model
from .body_size import scale_model


def load_model(
    name_or_path: str | os.PathLike[str],
    *,
    height_m: ScalarLike | None = None,
    mass_kg: ScalarLike | None = None,
    current_height_m: ScalarLike | None = None,
    knee: str | None = None,
    precision: str = "float64",
    **osim_options: Any,
) -> Model:
    """A built-in model by name, or the model in an .osim or native .yaml file.

    - `height_m` [m], `mass_kg` [kg]: scale it to this size (`personalise.body_size`); as it is by
      default.
    - `current_height_m`: height [m] of a model from a file that has no marker `vertex`.
    - `knee` is for "lower_limb": "hinge" (the default: adduction and axial rotation follow flexion)
      or "compliant" (both may also give way, against passive stiffness).
    - `osim_options` go to the .osim reader.

    **Raises:** `BadInput` for an unknown name or file, or an unlikely size; unless JAX computes in
    `precision`.
    """
    model = load_as_is(name_or_path, knee=knee, precision=precision, **osim_options)
    return scale_model(model, height_m=height_m, mass_kg=mass_kg, current_height_m=current_height_m)
