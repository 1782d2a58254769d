"""`bm.track`: a model and a reference in, how the body walks as a labelled dataset out.

Dimensions and names are those of `labels`: one whole stride, at the ends of the mesh's intervals.
New are `excitation`, what drives the body within an interval (polynomials through its values at
every `interval_point`, which `bm.replay` follows), the regions of the sole (`contact_region`), arch
and fascia, what walking cost (`cost`) and what the solver says (`solve_report` among the
attributes).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from ..compilation import compiled
from ..dynamics.knee_compartments import KneeContacts
from ..formats.external_loads import ExternalForce
from ..formats.trial import Trial
from ..model.body import Model
from ..model.names import BadInput
from ..precision import require_precision
from ..studies.gait_events import GaitEvents, gait_events
from ..studies.metrics import context, is_periodic
from ..studies.walking import (
    DEFAULT_MESH,
    DEFAULT_SOLVER,
    LEAST_INTERVALS,
    Mesh,
    Walking,
    WalkingRecord,
    WalkingSolver,
    walking,
)
from ..studies.walking import track as track_record
from ..studies.walking_cost import TERMS
from ..studies.walking_metrics import evaluate_walking_metrics, walking_metrics
from ..studies.walking_record import nodes
from .labels import attributes, kind_of, label_inverse, name_variable
from .stand_dataset import Soles, foot_variables
from .walking_report import solve_report

WEIGHTS_ASSUMED = {
    "track": "How much departures from the reference weigh against effort is assumed, and what "
    "changes in the gait depends on it. Look at effects at other weights before believing them.",
    "predict": "What walking spares is assumed, and the whole gait follows from it. Compare the "
    "unchanged body's with measured walking before believing effects, and look at other weights.",
}
ROUNDED_FRICTION = (
    "The kink of the friction law is rounded for the solver: where a sole begins to slip the "
    "ground holds it by up to 16 % less than the law itself."
)
_OF_SOLES = ("regional_plantar_force", "contact_point", "contact_indentation")
_OF_FEET = (*_OF_SOLES, "plantar_fascia_strain", "arch_angle")


def track(
    model: Model,
    reference: Trial,
    *,
    intervals: int = DEFAULT_MESH.intervals,
    rule: str = DEFAULT_MESH.rule,
    half: bool | None = None,
    terms: Mapping[str, float] | None = None,
    knees: KneeContacts | None = None,
    tolerance: float = DEFAULT_SOLVER.tolerance,
    max_steps: int = DEFAULT_SOLVER.max_steps,
    config: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """How `model` walks near `reference`, free to depart from it: motion, ground, muscles, loads.

    - `reference`: its window `start` to `end` is one whole stride; see `bm.reference_gait`.
    - `intervals`, `rule`: of the mesh of half a stride; "radau2", "radau1" or "trapezoidal".
    - `half`: whether the left leg does what the right one did half a stride ago; by default where
      the body is the same on both sides. It takes half the time.
    - `terms`: weights of what walking costs, e.g. `{"activation": 2.0}`; see
      `studies.walking_cost`.
    - `knees`: as in `inverse`. `tolerance`, `max_steps`: of the solver.
    - `config`: stored in the dataset instead of these arguments.

    Nothing is raised where no gait is found: see `status` and the attribute `solve_report`.

    **Raises:** `TypeError` for a path instead of what is read from it; `BadInput` where the model
    cannot walk or the reference is no stride.
    """
    if reference is None:
        raise TypeError("`track` needs a reference; `bm.predict` walks without one.")
    require_sound(model, reference, "track", intervals, tolerance, max_steps, terms)
    chosen: dict[str, Any] = dict(terms or {})
    how = walking(model, reference, mesh=Mesh(int(intervals), rule), half=half, **chosen)
    record = track_record(model, how, solver=WalkingSolver(tolerance, int(max_steps)))
    asked = {
        "study": "track",
        "intervals": intervals,
        "rule": rule,
        "half": how.half,
        "friction_sharpness": float(how.friction_sharpness),
        "terms": dict(terms or {}),
        "tolerance": tolerance,
        "max_steps": max_steps,
        "files": [{"name": name, "sha256": digest} for name, digest in reference.source],
    }
    return label_walk(
        record,
        model,
        how,
        knees=knees,
        config=asked if config is None else config,
        notes=reference.notes,
        citations=reference.citations,
    )


def label_walk(
    record: WalkingRecord,
    model: Model,
    how: Walking,
    *,
    knees: KneeContacts | None = None,
    config: Mapping[str, Any] | None = None,
    notes: tuple[str, ...] = (),
    citations: tuple[str, ...] = (),
    study: str = "track",
) -> xr.Dataset:
    """The dataset of a walk, tracked or predicted (`study`)."""
    """The dataset of a walk."""
    events = walking_events(record, model)
    dataset = label_inverse(
        record.stride,
        model,
        events,
        knees=knees,
        config=config,
        notes=(*notes, WEIGHTS_ASSUMED[study], ROUNDED_FRICTION),
        citations=citations,
        study=study,
    )
    under = record.bodies.ground
    pushed = (under.force, under.point, under.normal_force, under.indentation)
    soles = Soles(*pushed, _strain(record, model), record.stride.value)
    soles = Soles(*map(np.asarray, soles))
    feet = foot_variables(soles, model)
    added = {name: (("time", *feet[name][0]), *feet[name][1:]) for name in _OF_FEET}
    added["excitation"] = (
        ("time", "muscle"),
        np.asarray(record.excitation),
        attributes("1", "Muscle excitation"),
    )
    added |= _of_the_intervals(record) | _of_the_solver(record)
    coordinates = {
        "interval_point": (
            "interval_point",
            nodes(how.collocation()),
            attributes("1", "Where in an interval, of its length"),
        ),
        "contact_region": name_variable(
            "contact_region", model.contacts.names, "Region of the sole"
        ),
        "cost": name_variable("cost", tuple(TERMS), "Part of what walking minimises"),
    }
    dataset = dataset.assign_coords(coordinates).assign(added)
    dataset.attrs["friction_sharpness"] = float(how.friction_sharpness)
    dataset = _with_metrics(dataset, record, model, events)
    dataset.attrs["solve_report"] = solve_report(record, model, how)
    return dataset


def require_sound(
    model: Any,
    reference: Any,
    study: str,
    intervals: float | int,
    tolerance: float,
    max_steps: float | int,
    terms: Mapping[str, float] | None,
) -> None:
    """Refuse what cannot be asked of a walk.

    **Raises:** `TypeError` for a path instead of what is read from it, `BadInput` for numbers.
    """
    if not isinstance(model, Model):
        raise TypeError(
            f"`{study}` takes a model first, as `bm.load_model(...)` returns it, not "
            f"{kind_of(model)}."
        )
    if reference is not None and not isinstance(reference, Trial):
        raise TypeError(
            f"`{study}` takes a stride second, as `bm.reference_gait()` or `bm.load_trial(...)` "
            f"returns it, not {kind_of(reference)}."
        )
    require_precision("float64")
    _require_whole("intervals", intervals, LEAST_INTERVALS)
    _require_whole("max_steps", max_steps, 1)
    if not 0.0 < tolerance < 1e-2:
        raise BadInput(f"`tolerance` is {tolerance}; it must be a number above 0 and below 0.01.")
    _require_terms(terms or {})


def _require_whole(name, value, least):
    if not np.isfinite(value) or value < least or int(value) != value:
        raise BadInput(f"`{name}` is {value}; it must be a whole number from {least} on.")


def _require_terms(terms):
    known = (*(name for name in TERMS if name != "tracking"), "exponent")
    for name in terms:
        if name not in known:
            raise BadInput(
                f"No term '{name}' in what walking costs. There are: {', '.join(known)}."
            )


def _strain(record, model):
    resting = np.asarray(model.ligaments.resting_length)
    return np.asarray(record.bodies.ligaments.length) / resting - 1.0


def _with_metrics(dataset, record, model, events: GaitEvents) -> xr.Dataset:
    """The metrics of `inverse`, and those of walks."""
    time, names = np.asarray(record.stride.time), model.skeleton.coordinates.names
    facts = events.percent(time), events.stance(time), events.stance_share(time)
    found = _evaluate(model, record, *facts, is_periodic(record.stride, names))
    known = walking_metrics(model)
    values = {
        "metric_value": found.value,
        "metric_time": found.time,
        "metric_rival_peak": np.asarray(found.rival_peak, np.int8),
        "metric_at_edge": np.asarray(found.at_edge, np.int8),
        "metric_limited_share": found.limited_share,
    }
    words = {
        "metric": tuple(known),
        "metric_unit": [metric.unit for metric in known.values()],
        "metric_long_name": [metric.long_name for metric in known.values()],
    }
    joined = {}
    for name, more in {**values, **words}.items():
        both = np.concatenate([dataset[name].values, np.array(more, dataset[name].dtype)])
        joined[name] = ("metric", both, dataset[name].attrs)
    apart = dataset.drop_dims("metric").drop_vars("metric", errors="ignore")
    order = list(dataset.data_vars)
    return apart.assign(joined).set_coords(tuple(words))[order]


@compiled
def _evaluate(model, record, percent, stance, stance_share, periodic):
    known = {"stance_share": stance_share, "periodic": periodic}
    here = context(model, record.stride, percent, stance, **known)
    return evaluate_walking_metrics(model, record, here)


def walking_events(record: WalkingRecord, model: Model) -> GaitEvents:
    """Heel strikes and toe-offs, from what the ground does to every region."""
    time, force = np.asarray(record.stride.time), np.asarray(record.bodies.ground.force)
    point, bodies = np.asarray(record.bodies.ground.point), model.skeleton.body_names
    pushes = tuple(
        ExternalForce(
            *(name, bodies[body], "ground", "ground", time),
            *(force[:, i], point[:, i], np.zeros_like(force[:, i])),
        )
        for i, (name, body) in enumerate(
            zip(model.contacts.names, model.contacts.bodies, strict=True)
        )
    )
    value = np.asarray(record.stride.value)
    names = model.skeleton.coordinates.names
    stride = Trial(time, names, value, pushes, float(time[0]), float(time[-1]))
    return gait_events(stride, cyclic=True)


def _of_the_intervals(record):
    driven = {
        "interval_excitation": ("muscle", record.drive.excitation, "Muscle excitation"),
        "interval_control": ("actuator", record.drive.control, "Control of coordinate actuators"),
    }
    return {
        name: (
            ("interval", "interval_point", dim),
            np.asarray(values),
            attributes("1", f"{what} within the intervals between instants"),
        )
        for name, (dim, values, what) in driven.items()
        if values.shape[-1]
    }


def _of_the_solver(record):
    number = lambda value, words: ((), np.asarray(value), attributes("1", words))
    return {
        "walking_cost": (
            ("cost",),
            np.asarray(record.cost),
            attributes("1", "What walking minimises, part by part, weighed"),
        ),
        "iterations": number(record.iterations, "Steps of the solver"),
        "constraint_residual": number(
            np.abs(record.residual).max(), "Largest violation of a law or of the mesh's rule"
        ),
        "dual_residual": number(record.dual_residual, "Largest slope that is left along the laws"),
        "weakly_active": number(
            np.asarray(record.weakly_active).sum(),
            "How many bounds are reached by a hair: there derivatives are one-sided",
        ),
    }
