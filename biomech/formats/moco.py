"""Motions of a body with its muscles as a table that OpenSim Moco reads (`MocoTrajectory`).

Columns are the states of the body's .osim file (`osim_writer`), then its controls, by their paths:

    /jointset/<joint>/<coordinate>/value, .../speed      [rad or m, per s]
    /forceset/<muscle>/activation                        [-]
    /forceset/<muscle>, /forceset/<actuator>             excitations and controls [-]

Tendons of a walk are rigid: a body with elastic ones in Moco has states that are not here, and one
with couplers multipliers.
"""

import os

import numpy as np
from jaxtyping import Float

from ..model.body import Model
from ..model.build import describe_model
from .files import as_path, check_destination
from .osim_elements import ExportReport
from .osim_joint_writer import coordinate_path
from .osim_names import with_legal_names
from .storage import write_storage

SUFFIX = ".sto"


def write_moco(
    model: Model,
    path: str | os.PathLike[str],
    time: Float[np.ndarray, " time"],
    value: Float[np.ndarray, "time coordinate"],
    speed: Float[np.ndarray, "time coordinate"],
    activation: Float[np.ndarray, "time muscle"],
    excitation: Float[np.ndarray, "time muscle"],
    control: Float[np.ndarray, "time actuator"],
    *,
    overwrite: bool = False,
) -> None:
    """Write a motion of `model` [s; rad or m, per s; -], all of it or (on failure) nothing.

    **Raises:** `BadInput` for another suffix than .sto, a folder that does not exist, and a file
    that does unless `overwrite`.
    """
    path = as_path(path, "path")
    check_destination(path, overwrite, (SUFFIX,), "a motion for OpenSim Moco")
    coordinates, muscles, actuators = moco_paths(model)
    states = (
        *(f"{path}/value" for path in coordinates),
        *(f"{path}/speed" for path in coordinates),
        *(f"{path}/activation" for path in muscles),
    )
    controls = (*muscles, *actuators)
    write_storage(
        path,
        time,
        (*states, *controls),
        np.concatenate([value, speed, activation, excitation, control], axis=1),
        header={
            "num_controls": len(controls),
            "num_derivatives": 0,
            "num_input_controls": 0,
            "num_multipliers": 0,
            "num_parameters": 0,
            "num_slacks": 0,
            "num_states": len(states),
            "DataType": "double",
        },
    )


def moco_paths(model: Model) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Where coordinates, muscles and actuators of `model` are in its .osim file, in their order."""
    description = with_legal_names(describe_model(model), ExportReport())
    of_set = lambda kind: tuple(f"/forceset/{entry['name']}" for entry in description[kind])
    coordinates = (entry["name"] for entry in description["coordinates"])
    places = tuple(coordinate_path(description, name) for name in coordinates)
    return places, of_set("muscles"), of_set("actuators")
