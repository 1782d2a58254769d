"""`bm.save_walk`: a walk as a file for other programs."""

import os

import numpy as np
import xarray as xr

from ..formats.moco import write_moco
from ..model.body import Model
from .labels import kind_of, require_dataset
from .replay_dataset import require_walk


def save_walk(
    model: Model, walk: xr.Dataset, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write a walk of `model` as a .sto table that OpenSim Moco reads as a `MocoTrajectory`.

    It goes with the body's own file, `bm.save_model(model, "body.osim")`: states (coordinates
    [rad or m], speeds, activations) and controls (excitations and the actuators' controls [-]) have
    the paths of that file. Tendons of a walk are rigid: give Moco a body without tendon
    compliance (`ModOpIgnoreTendonCompliance`).

    - `walk`: a single case, as `bm.track` returns it.

    **Raises:** `TypeError` for arguments in another order; `BadInput` for a dataset that is no
    single walk of this body, another suffix, a folder that does not exist, and a file that does
    unless `overwrite`.
    """
    if not isinstance(model, Model):
        raise TypeError(
            "`save_walk` takes a model, then its walk, then the file to write: "
            f'save_walk(model, walk, "walk.sto"). Its first argument is {kind_of(model)}.'
        )
    require_dataset(walk, "save_walk")
    require_walk(walk, model, "save_walk")
    names = ("time", "coordinate_value", "coordinate_speed", "activation", "excitation")
    time, value, speed, activation, excitation = (walk[name].values for name in names)
    control = np.zeros((time.size, 0))
    if model.actuators.names:
        control = walk["actuator_force"].values / np.asarray(model.actuators.optimal_force)
    write_moco(
        *(model, path, time, value, speed, activation, excitation, control), overwrite=overwrite
    )
