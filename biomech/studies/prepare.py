"""From a model and a trial to the arrays the `inverse` study takes.

Host code: filters, splines and checks happen here, where values are concrete.
"""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from ..dynamics.spatial import wrench_at
from ..formats.external_loads import evaluate_external_force
from ..formats.trial import Trial, match_coordinates
from ..model.body import Model
from ..model.edits import with_reserves
from ..model.names import BadInput
from .inverse import MeasuredMotion
from .motion import smooth_and_differentiate

RESERVE = 1.0
"""Optimal force of a default reserve [N m or N]: so small that muscles are always cheaper."""
RESIDUAL = 100.0
"""Optimal force of a default residual between ground and the root body [N m or N]."""


def ensure_actuated(model: Model) -> Model:
    """The model with an actuator on every free coordinate that has none.

    Coordinates of a joint to ground get a residual (`RESIDUAL`), others a reserve (`RESERVE`), so
    that static optimization always has an answer and says where muscles fell short.
    """
    coordinates, owner = model.skeleton.coordinates, model.skeleton.coordinate_body
    bare = [c for c in coordinates.free if c not in model.actuators.coordinates]
    at_root = lambda c: model.skeleton.parents[owner[c]] < 0
    residuals = {coordinates.names[c]: RESIDUAL for c in bare if at_root(c)}
    reserves = {coordinates.names[c]: RESERVE for c in bare if not at_root(c)}
    return with_reserves(with_reserves(model, residuals, kind="residual"), reserves)


def measured_motion(
    model: Model,
    trial: Trial,
    *,
    start: float | None = None,
    end: float | None = None,
    rate_hz: float | None = None,
    lowpass_hz: float | None = None,
    values: Mapping[str, float] | None = None,
) -> tuple[MeasuredMotion, tuple[str, ...]]:
    """The trial on the model's coordinates, with its loads as wrenches on bodies, and notes.

    - `start`, `end`: window [s]; the trial's own by default.
    - `rate_hz`: frames per second; the recorded samples by default.
    - `lowpass_hz`: cut-off of the zero-phase Butterworth filter on coordinates; none by default.
    - `values`: coordinates held at a value [rad or m] instead of read.
    """
    coordinates = model.skeleton.coordinates
    names, default = coordinates.names, np.asarray(coordinates.default_value)
    columns, notes = match_coordinates(
        trial,
        names,
        coupled=[names[i] for i in coordinates.dependent],
        locked={n: float(default[i]) for i, n in enumerate(names) if coordinates.locked[i]},
        values=values,
        translational=[
            n
            for n, kind in zip(names, coordinates.motion_types, strict=True)
            if kind == "translational"
        ],
    )
    frames = _frame_times(trial, start, end, rate_hz)
    motion = smooth_and_differentiate(trial.time, columns, frames, lowpass_hz=lowpass_hz)
    wrench = np.zeros((frames.size, len(model.skeleton.body_names), 6))
    for external in trial.external_forces:
        body = model.skeleton.body_index(external.body)
        if body < 0:
            continue
        load = evaluate_external_force(external, frames)
        wrench[:, body] += np.asarray(
            wrench_at(*(jnp.asarray(part) for part in (load.force, load.point, load.torque)))
        )
    return MeasuredMotion(
        *map(jnp.asarray, (frames, motion.value, motion.speed, motion.acceleration, wrench))
    ), notes


def _frame_times(trial, start, end, rate_hz):
    """Instants to analyse, inside the trial's window [s]."""
    start = trial.start if start is None else start
    end = trial.end if end is None else end
    slack = 1e-6
    if not trial.start - slack <= start <= end <= trial.end + slack:
        raise BadInput(
            f"The window {start:g} to {end:g} s does not lie within what was recorded, "
            f"{trial.start:g} to {trial.end:g} s. Change `start` and `end`."
        )
    if rate_hz is None:
        return trial.time[(trial.time >= start - slack) & (trial.time <= end + slack)]
    count = int(np.floor((end - start) * rate_hz + slack)) + 1
    return start + np.arange(count) / rate_hz
