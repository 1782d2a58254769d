"""Files of the field and the records read from them; every reader says what it dropped."""

from .external_loads import (
    ExternalForce,
    ExternalLoads,
    Load,
    evaluate_external_force,
    read_external_loads,
)
from .storage import Storage, read_storage, write_storage
from .trc import Markers, read_trc
from .trial import Trial, load_trial, match_coordinates

__all__ = [
    "Storage",
    "read_storage",
    "write_storage",
    "ExternalForce",
    "ExternalLoads",
    "Load",
    "read_external_loads",
    "evaluate_external_force",
    "Markers",
    "read_trc",
    "Trial",
    "load_trial",
    "match_coordinates",
]
