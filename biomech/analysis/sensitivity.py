"""`bm.sensitivity`: how much each parameter of a model moves each metric, as a labelled dataset."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

from ..formats.trial import Trial
from ..model.body import Model
from ..model.names import BadInput, UnknownName, suggest
from ..model.parameters import PARAMETERS, choose_parameters, parameter_values
from ..precision import require_precision
from ..studies.gait_events import gait_events
from ..studies.metrics import METRICS, available_metrics, closes, find_metric
from ..studies.prepare import ensure_actuated, measured_motion
from ..studies.sensitivity import load_gradients, metric_gradients
from ..studies.static_optimization import equal_weights
from .inverse_dataset import require_model_and_trial
from .provenance import provenance

STUDIES = ("inverse",)
DEFAULT_METRICS = tuple(
    f"peak_{joint}_force_{side}" for joint in ("hip", "knee", "ankle") for side in "rl"
)
DEFAULT_PARAMETERS = (
    *("max_isometric_force", "optimal_fiber_length", "tendon_slack_length"),
    *("path_point", "segment_mass"),
)
LOADS = tuple((joint, side) for joint in ("hip", "knee") for side in "rl")


def sensitivity(
    study: str,
    model: Model,
    trial: Trial,
    *,
    metrics: Sequence[str] | None = None,
    parameters: Sequence[str] = DEFAULT_PARAMETERS,
    over_cycle: bool = False,
    start: float | None = None,
    end: float | None = None,
    rate_hz: float | None = None,
    lowpass_hz: float | None = None,
    exponent: float = 2.0,
    passive_fiber_force: bool = False,
) -> xr.Dataset:
    """How metrics of a study change with parameters of the model: exact derivatives.

    - `study`: "inverse".
    - `metrics`: names as in `METRICS`; by default the peaks of hip, knee and ankle load.
    - `parameters`: patterns such as "max_isometric_force", "segment_mass:tibia_*" or
      "path_point:glmed1_r.*"; see `model.parameters`.
    - `over_cycle`: also how hip and knee loads change at every instant.
    - The rest as in `bm.inverse`.

    Variables: `derivative` [unit of the metric per unit of the parameter], `elasticity` (percent of
    the metric per percent of the parameter; NaN where the parameter is a place or zero) and
    `effect`: change of the metric in percent for a 1 % larger parameter, or for 1 mm along the
    axis where the parameter is a place. Derivatives hold for small changes: a muscle that reaches
    a bound, or a peak that passes to another instant, bends the curve.

    **Raises:** `UnknownName` (near misses suggested), `BadInput`, `TypeError` as `bm.inverse`.
    """
    if study not in STUDIES:
        raise UnknownName(f"No study named '{study}'. {suggest(study, STUDIES)}")
    require_model_and_trial(model, trial)
    require_precision()
    model = ensure_actuated(model)
    available = available_metrics(model.skeleton.joint_names)
    names = tuple(m for m in DEFAULT_METRICS if m in available) if metrics is None else metrics
    for name in names:
        find_metric(name)
        if name not in available:
            raise BadInput(f"The model has no joint for the metric '{name}'.")
    chosen = choose_parameters(model, parameters)
    motion, notes = measured_motion(
        model, trial, start=start, end=end, rate_hz=rate_hz, lowpass_hz=lowpass_hz
    )
    events = gait_events(trial) if trial.external_forces else None
    time = np.asarray(motion.time)
    of_gait = (None, None, None)
    if events is not None:
        facts = (events.percent, events.stance, events.stance_share)
        of_gait = tuple(jnp.asarray(fact(time)) for fact in facts)
    weights, groups = equal_weights(model, exponent), chosen.distinct_groups
    values, gradients = metric_gradients(
        *(model, motion, weights, *of_gait, groups, tuple(names)),
        _is_periodic(motion, model),
        passive_fiber_force,
    )
    variables = _metric_variables(model, chosen, names, values, gradients)
    coordinates = _coordinates(chosen, names)
    if over_cycle:
        loads = tuple(load for load in LOADS if f"peak_{load[0]}_force_{load[1]}" in available)
        sizes, gradients = load_gradients(
            *(model, motion, weights, groups, loads, passive_fiber_force)
        )
        variables |= _load_variables(model, chosen, sizes, gradients)
        coordinates |= _load_coordinates(loads, time, events)
    dataset = xr.Dataset(variables, coordinates)
    dataset.attrs = {
        "title": f"biomech sensitivity of {study}: {model.name}",
        "study": f"sensitivity of {study}",
        **provenance(
            model,
            config={
                "study": study,
                "metrics": list(names),
                "parameters": list(parameters),
                "start_s": start,
                "end_s": end,
                "rate_hz": rate_hz,
                "lowpass_hz": lowpass_hz,
                "exponent": exponent,
                "passive_fiber_force": passive_fiber_force,
            },
            precision="float64",
            citations=trial.citations,
        ),
        "notes": "\n".join((*model.notes, *trial.notes, *notes)),
    }
    return dataset


def _is_periodic(motion, model):
    """Whether the motion and its loads end as they begin, but for the distance travelled."""
    names = model.skeleton.coordinates.names
    stays = [i for i, name in enumerate(names) if not name.endswith("_tx")]
    force = motion.external_wrench[..., 3:].reshape(motion.time.size, -1)
    parts = (motion.value[:, stays], motion.speed, motion.acceleration, force)
    return motion.time.size > 2 and all(closes(np.asarray(part)) for part in parts)


def _by_parameter(chosen, gradients, lead):
    """[..., parameter] from one array for each group."""
    flat = {
        group: np.asarray(part).reshape(*part.shape[:lead], -1)
        for group, part in zip(chosen.distinct_groups, gradients, strict=True)
    }
    columns = zip(chosen.groups, chosen.entry, strict=True)
    return np.stack([flat[group][..., entry] for group, entry in columns], axis=-1)


def _steps(model, chosen):
    """A change of each parameter worth speaking of: 1 % of it, or the group's own step."""
    values = parameter_values(model, chosen)
    own = [PARAMETERS[group].step for group in chosen.groups]
    return np.array(
        [0.01 * value if step is None else step for value, step in zip(values, own, strict=True)]
    )


def _metric_variables(model, chosen, names, values, gradients) -> dict[str, Any]:
    value, parameter = np.asarray(values), parameter_values(model, chosen)
    derivative = _by_parameter(chosen, gradients, 1)
    is_place = np.array([PARAMETERS[group].step is not None for group in chosen.groups])
    scale = np.where(is_place | (parameter == 0.0), np.nan, parameter)
    with np.errstate(divide="ignore", invalid="ignore"):
        elasticity = derivative * scale / value[:, None]
        effect = 100.0 * derivative * _steps(model, chosen) / value[:, None]
    both = ("metric", "parameter")
    return {
        "metric_value": ("metric", value, _about("see metric_unit", "Value of the metric")),
        "parameter_value": (
            *("parameter", parameter),
            _about("see parameter_unit", "Value of the parameter"),
        ),
        "parameter_step": (
            *("parameter", _steps(model, chosen)),
            _about("see parameter_unit", "Change of the parameter that `effect` is for"),
        ),
        "derivative": (
            *(both, derivative),
            _about("see metric_unit and parameter_unit", "Derivative of metric to parameter"),
        ),
        "elasticity": (
            *(both, elasticity),
            _about("1", "Percent of the metric per percent of the parameter"),
        ),
        "effect": (
            *(both, effect),
            _about("%", "Change of the metric for one `parameter_step`, of its value"),
        ),
    }


def _load_variables(model, chosen, sizes, gradients) -> dict[str, Any]:
    dims = ("time", "load", "parameter")
    effect = _by_parameter(chosen, gradients, 2) * _steps(model, chosen)
    return {
        "load_value": (dims[:2], np.asarray(sizes), _about("BW", "Joint load")),
        "load_effect": (
            *(dims, effect),
            _about("BW", "Change of the joint load for one `parameter_step`"),
        ),
    }


def _coordinates(chosen, names) -> dict[str, Any]:
    text = lambda dim, values, words: (dim, list(values), {"long_name": words})
    unit = [PARAMETERS[group].unit for group in chosen.groups]
    return {
        "metric": text("metric", names, "Named metric"),
        "metric_unit": text("metric", (METRICS[n].unit for n in names), "Unit of the metric"),
        "parameter": text("parameter", chosen.names, "Parameter of the model, group:element"),
        "parameter_group": text("parameter", chosen.groups, "Kind of parameter"),
        "parameter_unit": text("parameter", unit, "Unit of the parameter"),
    }


def _load_coordinates(loads, time, events) -> dict[str, Any]:
    sides = [side for _, side in loads]
    found = {
        "load": ("load", [f"{joint}_{side}" for joint, side in loads], {"long_name": "Joint load"}),
        "load_side": ("load", sides, {"long_name": "Side of the joint"}),
        "time": ("time", time, _about("s", "Time")),
    }
    if events is not None:
        column = [("r", "l").index(side) for side in sides]
        percent = np.asarray(events.percent(time))[:, column]
        found["gait_pct"] = (
            *(("time", "load"), percent),
            _about("%", "Gait cycle since the side's own heel strike"),
        )
    return found


def _about(units: str, long_name: str) -> dict[str, str]:
    return {"units": units, "long_name": long_name}
