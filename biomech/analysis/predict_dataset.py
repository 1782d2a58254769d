"""`bm.predict`: a model and a speed in, how the body would walk at it as a labelled dataset out.

As `bm.track`, but nothing is followed: the body takes the gait, and the time for a stride, that
spare its muscles and joints most (`WEIGHTS`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from ..dynamics.knee_compartments import KneeContacts
from ..formats.reference_gait import reference_gait
from ..formats.trial import Trial
from ..model.body import Model
from ..studies.predicting import predict as predict_record
from ..studies.walking import DEFAULT_MESH, DEFAULT_SOLVER, Mesh, WalkingSolver, walking
from ..studies.walking_cost import PREDICTED
from .track_dataset import label_walk, require_sound

SPEED = 1.25
"""Unless another one is asked for [m/s]."""


def predict(
    model: Model,
    guess: Trial | None = None,
    *,
    speed: float = SPEED,
    intervals: int = DEFAULT_MESH.intervals,
    rule: str = DEFAULT_MESH.rule,
    half: bool | None = None,
    terms: Mapping[str, float] | None = None,
    knees: KneeContacts | None = None,
    tolerance: float = DEFAULT_SOLVER.tolerance,
    max_steps: int = DEFAULT_SOLVER.max_steps,
    config: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """How `model` would walk at `speed` [m/s].

    - `guess`: a stride near which the search begins; by default `bm.reference_gait()`, which fits
      bodies with the coordinates of `planar`. Other guesses may lead to other gaits: compare their
      `walking_cost`.
    - `terms`: weights of what walking costs, in place of those of `studies.walking_cost.PREDICTED`.
    - the others as in `bm.track`.

    Nothing is raised where no gait is found: see `status` and the attribute `solve_report`.

    **Raises:** as `bm.track`; `BadInput` for a speed at which no one walks.
    """
    require_sound(model, guess, "predict", intervals, tolerance, max_steps, terms)
    begin = reference_gait() if guess is None else guess
    weights: dict[str, Any] = {**PREDICTED, **(terms or {})}
    mesh = Mesh(int(intervals), rule)
    near = walking(model, begin, mesh=mesh, half=half, speed=speed, free_duration=True, **weights)
    record, how = predict_record(model, near, solver=WalkingSolver(tolerance, int(max_steps)))
    asked = {
        "study": "predict",
        "speed": speed,
        "intervals": intervals,
        "rule": rule,
        "half": how.half,
        "friction_sharpness": float(how.friction_sharpness),
        "terms": weights,
        "tolerance": tolerance,
        "max_steps": max_steps,
        "files": [{"name": name, "sha256": digest} for name, digest in begin.source],
    }
    dataset = label_walk(
        *(record, model, how),
        knees=knees,
        config=asked if config is None else config,
        notes=begin.notes,
        citations=begin.citations,
        study="predict",
    )
    return dataset.assign_attrs(walking_speed_m_per_s=float(np.asarray(how.speed)))
