"""SALib, which the extra `uq` brings: imported when it is needed, or what to install."""

import importlib
from typing import Any

from ..model.names import BadInput


def salib(module: str) -> Any:
    """A module of SALib, such as `analyze.sobol`.

    **Raises:** `BadInput` that says how to install it.
    """
    try:
        return importlib.import_module(f"SALib.{module}")
    except ImportError as error:
        raise BadInput(
            'Saltelli and Morris designs need SALib: pip install "biomech[uq]" (from a clone: '
            'pip install -e ".[uq]").'
        ) from error
