"""`bm.inverse`: a model and a trial in, a labelled dataset out."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ..dynamics.knee_compartments import KneeContacts, knee_contacts
from ..formats.trial import Trial
from ..model.body import Model
from ..precision import require_precision
from ..studies.gait_events import gait_events
from ..studies.inverse import inverse as inverse_record
from ..studies.motion import near_end
from ..studies.prepare import ensure_actuated, measured_motion
from ..studies.static_optimization import equal_weights
from .labels import kind_of, label_inverse

NO_LOADS = (
    "The trial has no external loads: the ground pushes on nothing, residuals carry the body, and "
    "joint loads in stance are far too small."
)
FIXED_KINEMATICS = "FIXED KINEMATICS"
"""How the note begins that a movement was held although the changed body would not make it."""
ROUNDED_MODEL = (
    "The model was loaded in single precision: its numbers hold 7 digits, although the study was "
    "computed in double. Call `bm.use_float64()` before `bm.load_model`."
)


def inverse(
    model: Model,
    trial: Trial,
    *,
    start: float | None = None,
    end: float | None = None,
    rate_hz: float | None = None,
    lowpass_hz: float | None = None,
    exponent: float = 2.0,
    passive_fiber_force: bool = False,
    opensim_pennation: bool = False,
    knees: KneeContacts | None = None,
    precision: str = "float64",
    config: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """What muscles and joints carried in a measured motion.

    - `start`, `end`: window [s]; by default all that was recorded.
    - `rate_hz`: instants per second; by default those recorded.
    - `lowpass_hz`: cut-off of the low-pass filter on the coordinates; none by default.
    - `exponent`: of activation in the effort that static optimization minimises.
    - `passive_fiber_force`: whether stretched fibers pull without activation.
    - `opensim_pennation`: repeat OpenSim's slip in the force capacity of Millard muscles.
    - `knees`: varus and spacing of the contact points, as `dynamics.knee_contacts` makes them; by
      default no varus and 40 mm.
    - `config`: stored in the dataset instead of these arguments.

    Nothing is raised for an instant that cannot be solved: see `status`.

    **Raises:** `TypeError` for a path instead of what is read from it; `BadInput` where model and
    trial do not fit each other.
    """
    require_model_and_trial(model, trial)
    require_precision(precision)
    knees = knee_contacts() if knees is None else knees
    asked = {
        "study": "inverse",
        "start_s": start,
        "end_s": end,
        "rate_hz": rate_hz,
        "lowpass_hz": lowpass_hz,
        "exponent": exponent,
        "passive_fiber_force": passive_fiber_force,
        "opensim_pennation": opensim_pennation,
        "knee_contact_spacing_m": np.asarray(knees.spacing).tolist(),
        "knee_varus_rad": np.asarray(knees.varus).tolist(),
        "files": [{"name": name, "sha256": digest} for name, digest in trial.source],
    }
    actuated = ensure_actuated(model)
    motion, notes = measured_motion(
        actuated, trial, start=start, end=end, rate_hz=rate_hz, lowpass_hz=lowpass_hz
    )
    near = near_end(trial.time, np.asarray(motion.time), lowpass_hz)
    if precision == "float64" and _has_single(actuated):
        notes += (ROUNDED_MODEL,)
    actuated, motion = _as_dtype(actuated, precision), _as_dtype(motion, precision)
    weights = equal_weights(actuated, exponent)
    record = inverse_record(
        actuated,
        motion,
        weights,
        passive_fiber_force=passive_fiber_force,
        opensim_pennation=opensim_pennation,
    )
    loaded = bool(trial.external_forces)
    return label_inverse(
        record,
        actuated,
        gait_events(trial) if loaded else None,
        near_end=near,
        knees=knees,
        config=asked if config is None else config,
        precision=precision,
        notes=(*trial.notes, *notes, *(() if loaded else (NO_LOADS,))),
        citations=trial.citations,
    )


def require_model_and_trial(model: Any, trial: Any) -> None:
    if not isinstance(model, Model):
        raise TypeError(
            "`inverse` takes a model first, as `bm.load_model(...)` returns it, not "
            f"{kind_of(model)}."
        )
    if not isinstance(trial, Trial):
        raise TypeError(
            "`inverse` takes a trial second, as `bm.load_trial(...)` or `bm.reference_gait()` "
            f"returns it, not {kind_of(trial)}."
        )


def _has_single(tree) -> bool:
    return any(eqx.is_array(x) and x.dtype == jnp.float32 for x in jax.tree.leaves(tree))


def _as_dtype(tree, dtype):
    """Every floating-point array in that precision."""
    cast = lambda x: x.astype(dtype) if eqx.is_inexact_array(x) else x
    return jax.tree.map(cast, tree)
