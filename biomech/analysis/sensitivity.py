"""`bm.sensitivity`: how much each parameter of a model moves each metric, as a labelled dataset."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr

from ..dynamics.slope import on_slope
from ..formats.trial import Trial
from ..interventions import CATALOGUE
from ..interventions.catalogue import painful_joints
from ..interventions.chain import Chain, chain
from ..model.body import Model
from ..model.names import BadInput, UnknownName, suggest
from ..model.parameters import PARAMETERS, Parameters, choose_parameters, parameter_values
from ..precision import require_precision
from ..studies.gait_events import gait_events
from ..studies.metrics import METRICS, available_metrics, closes, find_metric
from ..studies.prepare import ensure_actuated, measured_motion
from ..studies.sensitivity import (
    load_gradients,
    metric_gradients,
    standing_gradients,
    walking_gradients,
)
from ..studies.stand import POSTURE_WEIGHT, STATUS, standing
from ..studies.standing_metrics import standing_metrics
from ..studies.static_optimization import equal_weights
from ..studies.walking import DEFAULT_MESH, Mesh, WalkingSolver, track, walking
from ..studies.walking_metrics import walking_metrics
from .compare import WITHOUT_ZERO
from .inverse_dataset import require_model_and_trial
from .labels import kind_of
from .provenance import provenance
from .stand_dataset import POSTURE_WEIGHT_ASSUMED, require_list
from .track_dataset import ROUNDED_FRICTION, WEIGHTS_ASSUMED, require_sound, walking_events

STUDIES = ("inverse", "stand", "track")
_LOADS = tuple(f"{joint}_force_{side}" for joint in ("hip", "knee", "ankle") for side in "rl")
_PEAKS = tuple(f"peak_{load}" for load in _LOADS)
DEFAULT_METRICS = {"inverse": _PEAKS, "stand": _LOADS, "track": _PEAKS}
WALKING_TOLERANCE = 1e-8
"""How closely a walk is solved before it is differentiated: bounds are then told apart."""
DEFAULT_PARAMETERS = (
    *("max_isometric_force", "optimal_fiber_length", "tendon_slack_length"),
    *("path_point", "segment_mass"),
)
LOADS = tuple((joint, side) for joint in ("hip", "knee") for side in "rl")
INTERVENTION = "intervention"
"""`parameter_group` of a number of an intervention."""
_OF_STUDY = {
    "inverse": (*("over_cycle", "start", "end", "rate_hz", "lowpass_hz", "passive_fiber_force"),),
    "stand": ("support", "held", "posture_weight", "uphill_deg", "right_side_up_deg"),
    "track": ("intervals", "rule", "terms"),
}
"""Options of each study that the other does not take."""


def sensitivity(
    study: str,
    model: Model,
    trial: Trial | None = None,
    *,
    metrics: Sequence[str] | None = None,
    parameters: Sequence[str] = DEFAULT_PARAMETERS,
    interventions: Mapping[str, Mapping[str, Any]] | None = None,
    exponent: float = 2.0,
    over_cycle: bool = False,
    start: float | None = None,
    end: float | None = None,
    rate_hz: float | None = None,
    lowpass_hz: float | None = None,
    passive_fiber_force: bool = False,
    support: str = "both",
    held: Sequence[str] = (),
    posture_weight: float = POSTURE_WEIGHT,
    uphill_deg: float = 0.0,
    right_side_up_deg: float = 0.0,
    intervals: int = DEFAULT_MESH.intervals,
    rule: str = DEFAULT_MESH.rule,
    terms: Mapping[str, float] | None = None,
) -> xr.Dataset:
    """How metrics of a study change with parameters of the model: exact derivatives.

    - `study`: "inverse", which needs a `trial`; "track", whose `trial` is the reference; or
      "stand", which has none. A whole stride is tracked, so that each side changes by itself.
    - `metrics`: names of the study's metrics; by default hip, knee and ankle load, of a motion
      their peaks.
    - `parameters`: patterns such as "max_isometric_force", "segment_mass:tibia_*" or
      "path_point:glmed1_r.*" (see `model.parameters`), and numbers of interventions, such as
      "arch_stiffness.scale", where they stand: at their neutral value unless `interventions` says
      otherwise.
    - `interventions`: name -> {"kind": ..., arguments}, as in a configuration; applied in order.
      Parameters of the model are those before them. An intervention with its default arguments
      need not be named here.
    - `over_cycle`: also how hip and knee loads change at every instant.
    - The rest as in `bm.inverse`, `bm.stand` and `bm.track`.

    Variables: `derivative` [unit of the metric per unit of the parameter], `elasticity` (percent of
    the metric per percent of the parameter; NaN where one is an angle, a place or zero) and
    `effect`: change of the metric in percent for one `parameter_step`: 1 % of the parameter, 1 mm
    along the axis where it is a place, 1 mm or 1 deg of an intervention. Derivatives hold for small
    changes: a muscle that reaches a bound, or a peak that passes to another instant, bends the
    curve. Of a body at rest or a walk `weakly_active` says so.

    **Raises:** `UnknownName` (near misses suggested), `BadInput`, `TypeError` as `bm.inverse`.
    """
    if study not in STUDIES:
        raise UnknownName(f"No study named '{study}'. {suggest(study, STUDIES)}")
    given = dict(locals())
    _refuse_options_of_others(study, given)
    asked = _Asked(tuple(parameters), interventions or {})
    if study == "stand":
        _require_no_motion(model, trial)
        require_precision()
        of_standing = {name: given[name] for name in _OF_STUDY["stand"]}
        return _of_standing(model, metrics, asked, exponent=exponent, **of_standing)
    require_model_and_trial(model, trial)
    require_precision()
    assert trial is not None
    if study == "track":
        of_walking = {name: given[name] for name in _OF_STUDY["track"]}
        return _of_walking(model, trial, metrics, asked, exponent=exponent, **of_walking)
    of_motion = {name: given[name] for name in _OF_STUDY["inverse"]}
    return _of_motion(model, trial, metrics, asked, exponent=exponent, **of_motion)


class _Asked(NamedTuple):
    """What derivatives are asked with respect to."""

    parameters: tuple[str, ...]
    interventions: Mapping[str, Mapping[str, Any]]

    def chosen(self, model: Model) -> tuple[Parameters, Chain]:
        """Parameters of the model, and the interventions with the numbers that are open."""
        if not self.parameters:
            raise BadInput("`parameters` is empty: name what to differentiate with respect to.")
        numbers = [p for p in self.parameters if self._is_number(p)]
        leaves = [p for p in self.parameters if not self._is_number(p)]
        return choose_parameters(model, leaves), chain(CATALOGUE, self.interventions, numbers)

    def _is_number(self, pattern: str) -> bool:
        return ":" not in pattern and "." in pattern


def _refuse_options_of_others(study, given) -> None:
    """`BadInput` for an option of another study that is given."""
    usual = inspect.signature(sensitivity).parameters
    for other, names in _OF_STUDY.items():
        for name in names:
            if name not in _OF_STUDY[study] and given[name] != usual[name].default:
                raise BadInput(f"`{name}` is an option of the study '{other}', not of '{study}'.")


def _require_no_motion(model, trial) -> None:
    if not isinstance(model, Model):
        raise TypeError(
            "`sensitivity` takes a model, as `bm.load_model(...)` returns it, not "
            f"{kind_of(model)}."
        )
    if trial is not None:
        raise BadInput("The study 'stand' is about a body at rest: it takes no `trial`.")


def _of_motion(
    model, trial, metrics, asked, *, over_cycle, exponent, passive_fiber_force, **window
):
    model = ensure_actuated(model)
    available = available_metrics(model.skeleton.joint_names)
    usual = tuple(m for m in DEFAULT_METRICS["inverse"] if m in available)
    names = usual if metrics is None else tuple(metrics)
    for name in names:
        find_metric(name)
        if name not in available:
            raise BadInput(f"The model has no joint for the metric '{name}'.")
    chosen, change = asked.chosen(model)
    _require_same_movement(change)
    motion, notes = measured_motion(model, trial, **window)
    events = gait_events(trial) if trial.external_forces else None
    time = np.asarray(motion.time)
    of_gait = (None, None, None)
    if events is not None:
        facts = (events.percent, events.stance, events.stance_share)
        of_gait = tuple(jnp.asarray(fact(time)) for fact in facts)
    weights, groups = equal_weights(model, exponent), chosen.distinct_groups
    numbers = jnp.asarray(change.values)
    values, gradients = metric_gradients(
        *(model, motion, weights, *of_gait, groups, names),
        _is_periodic(motion, model),
        *(passive_fiber_force, change, numbers),
    )
    columns = _columns(model, chosen, change)
    derivative = _derivatives(chosen, change, gradients, 1)
    units = {name: METRICS[name].unit for name in names}
    variables = _metric_variables(columns, units, values, derivative)
    coordinates = _coordinates(columns, units)
    if over_cycle:
        loads = tuple(load for load in LOADS if f"peak_{load[0]}_force_{load[1]}" in available)
        sizes, gradients = load_gradients(
            *(model, motion, weights, groups, loads, passive_fiber_force, change, numbers)
        )
        derivative = _derivatives(chosen, change, gradients, 2)
        variables |= _load_variables(columns, sizes, derivative)
        coordinates |= _load_coordinates(loads, time, events)
    options = {"start_s": window["start"], "end_s": window["end"]}
    options |= {key: window[key] for key in ("rate_hz", "lowpass_hz")}
    options |= {"exponent": exponent, "passive_fiber_force": passive_fiber_force}
    told = (*trial.notes, *notes)
    made = xr.Dataset(variables, coordinates)
    return _told(made, "inverse", model, names, asked, options, told, trial.citations)


def _require_same_movement(change: Chain) -> None:
    for name, entry, _ in change.steps:
        if entry.needs_motion:
            raise BadInput(
                f"`{name}`: '{entry.kind}' acts by changing the movement, which `inverse` holds as "
                "measured. Ask the study 'stand', where the body may move."
            )


def _of_standing(
    model,
    metrics,
    asked,
    *,
    support,
    held,
    posture_weight,
    exponent,
    uphill_deg,
    right_side_up_deg,
):
    known = standing_metrics(model)
    usual = tuple(m for m in DEFAULT_METRICS["stand"] if m in known)
    names = usual if metrics is None else tuple(metrics)
    for name in names:
        if name not in known:
            hint = suggest(name, tuple(known))
            raise UnknownName(f"No metric of standing named '{name}'. {hint}")
    chosen, change = asked.chosen(model)
    painful = painful_joints(model, [(entry, dict(fixed)) for _, entry, fixed in change.steps])
    how = standing(
        model, support, held=held, weight=posture_weight, exponent=exponent, painful=painful
    )
    ground = model
    if right_side_up_deg:
        require_list(model)
    if uphill_deg or right_side_up_deg:
        ground = on_slope(model, uphill_deg=uphill_deg, right_side_up_deg=right_side_up_deg)
    values, gradients, record = standing_gradients(
        *(ground, how, chosen.distinct_groups, names),
        change=change,
        numbers=jnp.asarray(change.values),
    )
    if int(record.status) != STATUS.index("successful"):
        raise BadInput(
            f"The body finds no balance ({STATUS[int(record.status)]}), so there is nothing to "
            "differentiate. `bm.stand` shows how far it came."
        )
    columns = _columns(model, chosen, change)
    derivative = _derivatives(chosen, change, gradients, 1)
    units = {name: known[name].unit for name in names}
    variables = _metric_variables(columns, units, values, derivative)
    variables["weakly_active"] = (
        *((), np.int8(record.weakly_active)),
        _about("1", "1 where derivatives are one-sided: something sits on its bound"),
    )
    coordinates = _coordinates(columns, units)
    options = {
        "support": support,
        "held": list(held),
        "posture_weight": posture_weight,
        "exponent": exponent,
        "uphill_deg": uphill_deg,
        "right_side_up_deg": right_side_up_deg,
    }
    made = xr.Dataset(variables, coordinates)
    return _told(made, "stand", model, names, asked, options, (POSTURE_WEIGHT_ASSUMED,))


def _of_walking(model, trial, metrics, asked, *, exponent, intervals, rule, terms):
    terms = {"exponent": exponent, **(terms or {})}
    require_sound(model, trial, "track", intervals, WALKING_TOLERANCE, 1, terms)
    units = _walking_units(model)
    usual = tuple(m for m in DEFAULT_METRICS["track"] if m in units)
    names = usual if metrics is None else tuple(metrics)
    for name in names:
        if name not in units:
            raise UnknownName(f"No metric of walking named '{name}'. {suggest(name, tuple(units))}")
    chosen, change = asked.chosen(model)
    numbers = jnp.asarray(change.values)
    walked = change(model, numbers)
    mesh = Mesh(int(intervals), rule)
    how = walking(model, trial, mesh=mesh, half=False, **terms)
    record = track(walked, how, solver=WalkingSolver(WALKING_TOLERANCE))
    if int(record.status) != STATUS.index("successful"):
        raise BadInput(
            f"No gait is found ({STATUS[int(record.status)]}), so there is nothing to "
            "differentiate. `bm.track(..., half=False)` shows how far it came."
        )
    events, time = walking_events(record, walked), np.asarray(record.stride.time)
    facts = (events.percent, events.stance, events.stance_share)
    values, gradients = walking_gradients(
        *(model, how, record, *(jnp.asarray(fact(time)) for fact in facts)),
        *(chosen.distinct_groups, names, change, numbers),
    )
    columns = _columns(model, chosen, change)
    units = {name: units[name] for name in names}
    variables = _metric_variables(
        columns, units, values, _derivatives(chosen, change, gradients, 1)
    )
    variables["weakly_active"] = (
        *((), int(np.asarray(record.weakly_active).sum())),
        _about("1", "How many bounds are reached by a hair: there derivatives are one-sided"),
    )
    options = {"intervals": intervals, "rule": rule, "terms": terms}
    told = (*trial.notes, WEIGHTS_ASSUMED["track"], ROUNDED_FRICTION)
    made = xr.Dataset(variables, _coordinates(columns, units))
    return _told(made, "track", model, names, asked, options, told, trial.citations)


def _walking_units(model) -> dict[str, str]:
    """Name -> unit of the metrics of a walk that have a derivative: stance is counted."""
    units = {name: METRICS[name].unit for name in available_metrics(model.skeleton.joint_names)}
    own = {name: metric.unit for name, metric in walking_metrics(model).items()}
    return units | {name: unit for name, unit in own.items() if not name.startswith("stance_share")}


def _told(dataset, study, model, names, asked, options, notes, citations=()) -> xr.Dataset:
    """The dataset with where it comes from."""
    config = {
        "study": study,
        "metrics": list(names),
        "parameters": list(asked.parameters),
        "interventions": {name: dict(chosen) for name, chosen in asked.interventions.items()},
        **options,
    }
    return dataset.assign_attrs(
        {
            "title": f"biomech sensitivity of {study}: {model.name}",
            "study": f"sensitivity of {study}",
            **provenance(
                model, config=config, precision="float64", citations=citations, study=study
            ),
            "notes": "\n".join((*model.notes, *notes)),
        }
    )


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


def _derivatives(chosen, change, gradients, lead):
    """[..., parameter]: first those of the model, then the open numbers of interventions."""
    of_model = gradients[: len(chosen.distinct_groups)]
    parts = [_by_parameter(chosen, of_model, lead)] if chosen.names else []
    parts += [np.asarray(gradients[-1])] if change.open else []
    return np.concatenate(parts, axis=-1)


class _Columns(NamedTuple):
    """What is known of every parameter.

    - `step`: a change worth speaking of: 1 % of it, or the group's own step; of an intervention
      whose neutral value is 0, one unit.
    - `has_share`: whether a percentage of it means something.
    """

    names: list[str]
    groups: list[str]
    units: list[str]
    values: np.ndarray
    steps: np.ndarray
    has_share: np.ndarray


def _columns(model: Model, chosen: Parameters, change: Chain) -> _Columns:
    value = parameter_values(model, chosen)
    own = [PARAMETERS[group].step for group in chosen.groups]
    rows = [
        (name, group, PARAMETERS[group].unit, x, 0.01 * x if step is None else step, step is None)
        for name, group, x, step in zip(chosen.names, chosen.groups, value, own, strict=True)
    ]
    opened = zip(change.open, change.parameters, change.values, strict=True)
    rows += [
        (
            f"{name}.{parameter}",
            INTERVENTION,
            "1" if known.unit == "-" else known.unit,
            x,
            0.01 * x if known.neutral else 1.0,
            bool(known.neutral),
        )
        for (name, parameter), known, x in opened
    ]
    names, groups, units, values, steps, shares = zip(*rows, strict=True)
    return _Columns(list(names), list(groups), list(units), *map(np.array, (values, steps, shares)))


def _metric_variables(columns: _Columns, metric_units, values, derivative) -> dict[str, Any]:
    value = np.asarray(values)
    known = [unit not in WITHOUT_ZERO for unit in metric_units.values()]
    whole = np.where(known, value, np.nan)[:, None]
    scale = np.where(columns.has_share & (columns.values != 0.0), columns.values, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        elasticity = derivative * scale / whole
        effect = 100.0 * derivative * columns.steps / whole
    both = ("metric", "parameter")
    return {
        "metric_value": ("metric", value, _about("see metric_unit", "Value of the metric")),
        "parameter_value": (
            *("parameter", columns.values),
            _about("see parameter_unit", "Value of the parameter"),
        ),
        "parameter_step": (
            *("parameter", columns.steps),
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


def _load_variables(columns: _Columns, sizes, derivative) -> dict[str, Any]:
    dims = ("time", "load", "parameter")
    return {
        "load_value": (dims[:2], np.asarray(sizes), _about("BW", "Joint load")),
        "load_effect": (
            *(dims, derivative * columns.steps),
            _about("BW", "Change of the joint load for one `parameter_step`"),
        ),
    }


def _coordinates(columns: _Columns, metric_units: Mapping[str, str]) -> dict[str, Any]:
    text = lambda dim, values, words: (dim, list(values), {"long_name": words})
    return {
        "metric": text("metric", metric_units, "Named metric"),
        "metric_unit": text("metric", metric_units.values(), "Unit of the metric"),
        "parameter": text(
            "parameter",
            columns.names,
            "Parameter: group:element of the model, or <intervention>.<parameter>",
        ),
        "parameter_group": text("parameter", columns.groups, "Kind of parameter"),
        "parameter_unit": text("parameter", columns.units, "Unit of the parameter"),
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
