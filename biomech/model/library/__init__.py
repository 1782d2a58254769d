"""Built-in bodies and motions: our own data files, every number with its source."""

from importlib import resources

from ..names import BadInput, suggest

BUILT_IN = {"planar": "planar.yaml", "lower_limb": "lower_limb.yaml"}
"""File of each built-in model."""

KNEES = {"lower_limb": ("hinge", "compliant")}
"""Kinds of knee of the built-in models that have a choice, the default one first."""

BUILT_IN_GAIT = {"planar": "planar_gait.csv"}
"""File of each built-in reference gait, by the name of the model it is for."""


def built_in_text(kind: str, name: str, files: dict[str, str]) -> str:
    """Content of a packaged file.

    **Raises:** `BadInput` that lists what is built in.
    """
    if name not in files:
        raise BadInput(f"No built-in {kind} named '{name}'. {suggest(name, tuple(files))}")
    return resources.files(__name__).joinpath(files[name]).read_text(encoding="utf-8")
