"""The edge where arrays get names: records become labelled datasets, and datasets become files.

Dimensions: `time`, `coordinate`, `muscle`, `joint`, `actuator`, `ligament`, `axis` (x forward,
y up, z right), `side` (r, l), `compartment` (medial, lateral), `metric`; a sweep adds one
dimension per swept parameter in front.

Facts that fix a number are coordinates of the dataset, never hidden in a label:

- `coordinate` carries `motion_type`, `value_unit` (rad, m) and `force_unit` (N m, N).
- A joint reaction is the load of the parent **on** a body (`on_body`), **expressed in** a frame
  (`expressed_in`), **at** a point (`at`). Variables that end in `_body_axes` hold the same load in
  the axes of `on_body`: for the hip these are femur axes, as instrumented implants measure it.
- `gait_pct` is the percentage of each side's own gait cycle at each instant; see
  `studies.gait_events` for what happens where a window holds no whole stride.

Everything about coordinates uses the full `coordinate` dimension. Moment arms and the forces of
reserves and residuals are NaN for coordinates that are locked or follow another one (a
follower's share is carried, times the slope of its coupler, by the coordinate it follows) or
that have no such actuator.

A model without ligaments has no `ligament` dimension and no variables over it; the same holds for
muscles and actuators, and for the compartments of the knee where all motion is in one plane or a
hip, knee or ankle is missing.

Every variable has a `long_name`, and `units` if it holds numbers. Attributes are text or numbers
only, so that NetCDF holds all of them; no path, user or host name is among them.
"""

import io
import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import ArrayLike, Bool, Float

from ..compilation import compiled
from ..dynamics.inverse_dynamics import body_mass as mass_of
from ..dynamics.knee_compartments import COMPARTMENTS, KneeContacts, knee_contacts
from ..formats.external_loads import evaluate_external_force
from ..formats.files import as_path
from ..model.body import Model
from ..model.names import BadInput
from ..model.skeleton import GROUND
from ..studies.gait_events import SIDES, GaitEvents, side_load
from ..studies.inverse import STATUS, InverseRecord
from ..studies.metrics import (
    METRICS,
    context,
    evaluate_metrics,
    has_leg,
    is_periodic,
    knee_adduction_moment,
    knee_contact_force,
    medial_force_per_varus,
)
from .provenance import provenance

MAX_BYTES = 512 * 2**20
"""Most memory that the variables of a file may need [bytes]."""
AXES = ("x", "y", "z")
AT_JOINT_CENTER = "joint center (origin of the child frame)"
_RAD_OR_M = "rad or m"
_FORCE_OR_MOMENT = "N m or N"

# Field of the record -> (name in the dataset, dimensions, units, long name, more attributes).
DIRECT = {
    "value": ("coordinate_value", ("coordinate",), _RAD_OR_M, "Coordinate value", {}),
    "speed": ("coordinate_speed", ("coordinate",), "rad/s or m/s", "Coordinate speed", {}),
    "acceleration": (
        "coordinate_acceleration",
        ("coordinate",),
        "rad/s^2 or m/s^2",
        "Coordinate acceleration",
        {},
    ),
    "generalized_force": (
        "generalized_force",
        ("coordinate",),
        _FORCE_OR_MOMENT,
        "Net internal generalized force",
        {"comment": "Sign as the coordinate; forces of couplers are not included."},
    ),
    "activation": ("activation", ("muscle",), "1", "Muscle activation", {}),
    "muscle_force": ("muscle_force", ("muscle",), "N", "Force along the tendon", {}),
    "norm_fiber_length": (
        "norm_fiber_length",
        ("muscle",),
        "1",
        "Fiber length over optimal fiber length",
        {},
    ),
    "muscle_tendon_length": (
        "muscle_tendon_length",
        ("muscle",),
        "m",
        "Length of muscle and tendon",
        {},
    ),
    "muscle_tendon_speed": (
        "muscle_tendon_speed",
        ("muscle",),
        "m/s",
        "Lengthening speed of muscle and tendon",
        {},
    ),
    "capacity": (
        "force_at_full_activation",
        ("muscle",),
        "N",
        "Active force along the tendon at activation 1",
        {},
    ),
    "actuator_force": (
        "actuator_force",
        ("actuator",),
        _FORCE_OR_MOMENT,
        "Generalized force of a coordinate actuator",
        {},
    ),
    "joint_reaction_force": (
        "joint_reaction_force",
        ("joint", "axis"),
        "N",
        "Joint reaction force of the parent on the child body, ground axes",
        {},
    ),
    "joint_reaction_moment": (
        "joint_reaction_moment",
        ("joint", "axis"),
        "N m",
        "Joint reaction moment of the parent on the child body, ground axes",
        {},
    ),
    "joint_reaction_force_body_axes": (
        "joint_reaction_force_body_axes",
        ("joint", "axis"),
        "N",
        "Joint reaction force of the parent on the child body, axes of the child body",
        {"comment": "Expressed in the body that `on_body` names, not in `expressed_in`."},
    ),
    "intersegmental_force": (
        "intersegmental_force",
        ("joint", "axis"),
        "N",
        "Net force across the joint, without muscles, ground axes",
        {},
    ),
    "intersegmental_moment": (
        "intersegmental_moment",
        ("joint", "axis"),
        "N m",
        "Net moment across the joint, without muscles, ground axes",
        {},
    ),
    "joint_center": ("joint_center", ("joint", "axis"), "m", "Joint center in ground", {}),
    "ligament_force": ("ligament_force", ("ligament",), "N", "Ligament tension", {}),
}
# Field over the free coordinates -> the same; filled up to all coordinates.
_FREE = {
    "moment": (
        "moment_to_balance",
        (),
        _FORCE_OR_MOMENT,
        "Net generalized force along the coupled motion, which muscles and actuators supply",
    ),
    "moment_arm": (
        "moment_arm",
        ("muscle",),
        "m or 1",
        "Moment arm along the coupled motion: -d(muscle-tendon length)/d(coordinate)",
    ),
    "residual_moment": (
        "unbalanced_force",
        (),
        _FORCE_OR_MOMENT,
        "Generalized force that nothing could supply",
    ),
}
_GROUND = (
    *("external_force", "ground_reaction_force", "center_of_pressure", "free_moment", "stance"),
    *("stride_time", "toe_off_pct"),
)
_DEG = math.pi / 180.0
_KNEES = ("knee", "walker_knee")
_NOT_FREE = "NaN for coordinates that are locked or follow another."


def label_inverse(
    record: InverseRecord,
    model: Model,
    events: GaitEvents | None = None,
    *,
    sweep: Mapping[str, Any] | None = None,
    sweep_units: Mapping[str, str] | None = None,
    near_end: Bool[np.ndarray, "*case time"] | None = None,
    body_mass: Float[ArrayLike, "*own"] | None = None,
    knees: KneeContacts | None = None,
    config: Mapping[str, Any] | None = None,
    precision: str = "float64",
    notes: Sequence[str] = (),
    citations: Sequence[str] = (),
    only: Collection[str] | None = None,
    study: str = "inverse",
) -> xr.Dataset:
    """The dataset of an `inverse` record, or of another study's that has the same fields.

    - `events`: of the trial; they bring ground reaction and gait percentage.
    - `near_end`: instants too near the ends of the recorded motion (`studies.motion.near_end`);
      metrics found there are marked. Of all cases, or for each along the leading axes.
    - `body_mass`: of each case [kg], where a sweep changes it; by default that of `model`, once.
    - `knees`: where femur and tibia touch; by default `knee_contacts()`.
    - `sweep`: what the leading axes of the record are, in order: a name and its values each,
      e.g. `{"gluteal.scale": [1.0, 0.5]}`, or `{"case": {"a.scale": [...], "b.scale": [...]}}` for
      one axis along which several parameters change. `model` is then the unchanged one.
    - `sweep_units`: of the swept parameters; "1" by default.
    - `config`: what was asked for; stored as JSON. `notes`: what a reader should know.
    - `citations`: works to cite for the motion and its loads.
    - `only`: names of the variables to make; all by default.
    """
    axes = sweep_coordinates(sweep or {}, sweep_units or {})
    lead = tuple(axes)
    check_lead(record.status.shape[:-1], axes)
    time = np.asarray(record.time)
    time = time.reshape(-1, time.shape[-1])[0]  # the clock is the same in every case
    wanted = lambda name: only is None or name in only
    variables = {
        **_record_variables(record, model, lead, wanted),
        **_derived_variables(record, model, events, near_end, body_mass, knees, lead, time),
        **(_ground_variables(events, time) if any(map(wanted, _GROUND)) else {}),
    }
    names = ("metric", "metric_unit", "metric_long_name")
    variables = {n: v for n, v in variables.items() if wanted(n) or n in names}
    coordinates = {**model_coordinates(model), **_time_coordinates(events, time)}
    if "knee_contact_force" in variables:
        coordinates["compartment"] = name_variable("compartment", COMPARTMENTS, "Half of the knee")
    for parts in axes.values():
        coordinates |= parts
    empty = [name for name in ("muscle", "actuator", "ligament") if not coordinates[name][1].size]
    dataset = xr.Dataset(variables, coordinates).drop_dims(empty)
    dataset = dataset.set_coords(names)
    dataset.attrs = {
        "title": f"biomech {study}: {model.name}",
        "study": study,
        **provenance(model, config=config, precision=precision, citations=citations, study=study),
        "notes": "\n".join((*model.notes, *notes)),
        "convention": "ground axes: x forward, y up, z right; SI units and radians",
    }
    return dataset


# --------------------------------------------------------------------------------- sweeps


def sweep_coordinates(sweep, units):
    """Dimension -> its coordinate variables."""
    axes = {}
    for name, values in sweep.items():
        parameters = values if isinstance(values, Mapping) else {name: values}
        axes[name] = {
            parameter: (
                name,
                np.asarray(column),
                attributes(units.get(parameter, "1"), f"Swept parameter {parameter}"),
            )
            for parameter, column in parameters.items()
        }
        if len({np.shape(column) for column in parameters.values()}) != 1:
            raise BadInput(f"The parameters swept along '{name}' need equally many values each.")
    return axes


def check_lead(shape, axes):
    """`BadInput` if the leading axes of a record are not those that `axes` name."""
    wanted = tuple(len(next(iter(parts.values()))[1]) for parts in axes.values())
    if shape != wanted:
        raise BadInput(
            f"The record has leading axes {shape}, but `sweep` describes {wanted}. Name every "
            "leading axis in `sweep`, in order, with one value per case."
        )


def attributes(units: str, long_name: str, **more: Any) -> dict[str, Any]:
    return {"units": units, "long_name": long_name, **more}


def name_variable(dim: str, values: Iterable[str], long_name: str, **more: Any) -> tuple[Any, ...]:
    """A variable of words, which have no unit."""
    return dim, np.array(list(values), dtype=object), {"long_name": long_name, **more}


# ------------------------------------------------------------------------------ variables


def _record_variables(record, model, lead, wanted):
    variables = {}
    for field, (name, dims, units, long_name, more) in DIRECT.items():
        if not wanted(name):
            continue
        values = np.asarray(getattr(record, field))
        variables[name] = ((*lead, "time", *dims), values, attributes(units, long_name, **more))
    coordinates = model.skeleton.coordinates
    n, free = len(coordinates.names), list(coordinates.free)
    for field, (name, dims, units, long_name) in _FREE.items():
        if not wanted(name):
            continue
        values = filled(np.asarray(getattr(record, field)), free, n)
        variables[name] = (
            (*lead, "time", *dims, "coordinate"),
            values,
            attributes(units, long_name, comment=_NOT_FREE),
        )
    for kind, words, more in (
        ("reserve", "reserve actuators", ""),
        ("residual", "residual actuators", " A model's own motors at a joint to ground count."),
    ):
        values = _actuators_by_coordinate(np.asarray(record.actuator_force), model, kind)
        variables[f"{kind}_force"] = (
            (*lead, "time", "coordinate"),
            values,
            attributes(
                _FORCE_OR_MOMENT,
                f"Generalized force of {words}",
                comment=f"NaN for coordinates without one.{more}",
            ),
        )
    meanings = attributes(
        "1",
        "Whether this instant was solved",
        flag_values=np.arange(len(STATUS), dtype=np.int8),
        flag_meanings=" ".join(STATUS),
    )
    status = np.asarray(record.status).astype(np.int8)
    variables["status"] = ((*lead, "time"), status, meanings)
    variables["strength_limited"] = (
        (*lead, "time", "side"),
        np.asarray(record.limited).astype(np.int8),
        attributes("1", "1 where muscles of this leg were too weak, so that its loads fall"),
    )
    return variables


def filled(values, indices, size):
    """`values` of the last axis put at `indices` of an axis of `size`; NaN elsewhere."""
    full = np.full((*values.shape[:-1], size), np.nan, values.dtype)
    full[..., indices] = values
    return full


def _actuators_by_coordinate(force, model, kind):
    """Sum of the actuators of one kind on each coordinate; NaN where there is none.

    A motor at a joint to ground is a residual: nothing in the body pushes there.
    """
    actuators, n = model.actuators, len(model.skeleton.coordinates.names)
    at_root = model.skeleton.root_coordinates
    full = np.full((*force.shape[:-1], n), np.nan, force.dtype)
    for i, (own, coordinate) in enumerate(zip(actuators.kinds, actuators.coordinates, strict=True)):
        if kind == ("residual" if own == "motor" and coordinate in at_root else own):
            full[..., coordinate] = np.nan_to_num(full[..., coordinate]) + force[..., i]
    return full


def _derived_variables(record, model, events, near_end, body_mass, knees, lead, time):
    """What follows from the record and the model: metrics, knee loads, center of mass."""
    knees = knee_contacts() if knees is None else knees
    percent = stance = share = None
    if events is not None:
        percent, stance, share = (
            f(time) for f in (events.percent, events.stance, events.stance_share)
        )
    shape = record.status.shape[:-1]
    cases = math.prod(shape)
    together = jax.tree.map(
        lambda x: np.asarray(x).reshape((cases, *x.shape[len(shape) :])), record
    )
    first = jax.tree.map(lambda x: x[0], together)
    periodic = is_periodic(first, model.skeleton.coordinates.names)
    near = np.zeros(time.size, bool) if near_end is None else near_end
    near = np.broadcast_to(near, (*shape, time.size)).reshape(cases, time.size)
    known = {"stance_share": share, "periodic": periodic, "knees": knees}
    own = np.asarray(mass_of(model.skeleton) if body_mass is None else body_mass)
    each = np.broadcast_to(own, shape).reshape(cases)
    found = _derive(model, together, near, each, percent, stance, known)
    moment, contact, per_varus, mass, weight, report = found
    unfold = lambda x: np.asarray(x).reshape((*shape, *x.shape[1:]))
    names = list(report.names)
    value, adduction = np.array(report.value), np.array(moment)
    compartments = {}
    if _in_one_plane(model):  # it knows nothing about frontal moments
        adduction[:] = np.nan
        frontal = ("knee_adduction", *(f"{part}_knee" for part in COMPARTMENTS))
        value[:, [any(word in name for word in frontal) for name in names]] = np.nan
    elif any(has_leg(model.skeleton.joint_names, side) for side in SIDES):
        compartments = _compartment_variables(unfold(contact), unfold(per_varus), knees, lead)
    on_metric = (*lead, "metric")
    of_body = lambda values, unit, words: (
        *((lead, unfold(values)) if own.ndim else ((), np.asarray(values)[0])),
        attributes(unit, words),
    )
    return {
        **compartments,
        "knee_adduction_moment": (
            (*lead, "time", "side"),
            unfold(adduction),
            attributes(
                "N m/kg",
                "External knee adduction moment over body mass",
                comment="About the x axis of the tibia at the knee center; positive adducts the "
                "tibia on both sides; without muscles. NaN without such a knee or in the plane.",
            ),
        ),
        "center_of_mass": (
            (*lead, "time", "axis"),
            np.asarray(record.center_of_mass),
            attributes("m", "Center of mass of the whole body in ground"),
        ),
        "body_weight": of_body(weight, "N", "Body weight of the model"),
        "body_mass": of_body(mass, "kg", "Body mass of the model"),
        "metric_value": (
            on_metric,
            unfold(value),
            attributes("see metric_unit", "Value of a named metric"),
        ),
        "metric_time": (
            on_metric,
            unfold(np.where(np.isfinite(value), report.time, np.nan)),
            attributes(
                "s",
                "Time of the largest sample in the metric's window",
                comment="NaN for an impulse.",
            ),
        ),
        "metric_rival_peak": (
            on_metric,
            unfold(np.array(report.rival_peak) & np.isfinite(value)).astype(np.int8),
            attributes("1", "1 where a second peak comes within 1 % of the one reported"),
        ),
        "metric_at_edge": (
            on_metric,
            unfold(np.array(report.at_edge) & np.isfinite(value)).astype(np.int8),
            attributes(
                "1",
                "1 where the value is no reliable peak, since it lies at an end of the record",
                comment="The first or last instant, unless the motion ends as it begins and peaks "
                "wrap around; or so near an end of the recorded motion that its filter or spline "
                "spoils the accelerations.",
            ),
        ),
        "metric_limited_share": (
            on_metric,
            unfold(report.limited_share),
            attributes("1", "Share of the metric's window in which the leg was too weak"),
        ),
        **_metric_coordinates(names),
    }


def _in_one_plane(model):
    """Whether no joint turns about more than one axis, as in a body of the sagittal plane."""
    rotations = [{c for c in axes[:3] if c >= 0} for axes in model.skeleton.axis_coordinates]
    return all(len(own) <= 1 for own in rotations)


def _compartment_variables(contact, per_varus, knees, lead):
    """The knee's load by compartments, with what it rests on."""
    of_sides = lambda values: np.asarray(values, float)
    geometry = {
        "contact_spacing_mm": of_sides(1e3 * knees.spacing),
        "varus_deg": of_sides(knees.varus / _DEG),
    }
    return {
        "knee_contact_force": (
            (*lead, "time", "side", "compartment"),
            contact,
            attributes(
                "N",
                "Contact force of a compartment of the knee",
                comment="Compression along the tibia, of the joint reaction force and its frontal "
                "moment on two points beside the knee center. All of that moment counts as "
                "contact: in a hinge knee it is the moment of the constraint, in a compliant one "
                "that of its passive adduction stiffness. Negative: the compartment lifts off.",
                **geometry,
            ),
        ),
        "medial_knee_force_per_varus": (
            (*lead, "time", "side"),
            per_varus * _DEG,
            attributes(
                "N/deg",
                "What one degree of varus adds to the medial contact force of the knee",
                comment="And takes from the lateral one, with the same motion, ground reaction "
                "and muscle forces.",
                **geometry,
            ),
        ),
    }


@compiled
def _derive(model, records, near_end, masses, percent, stance, known):
    """Knee moment and compartments, body mass and weight, and metrics of every case."""

    def one(case):
        record, near, mass = case
        here = context(model, record, percent, stance, near_end=near, mass=mass, **known)
        none = jnp.full_like(record.time, jnp.nan)
        of_knees = lambda make, has, blank: jnp.stack(
            [make(record, here, side) if has(side) else blank for side in SIDES], axis=1
        )
        knee = lambda side: any(
            f"{stem}_{side}" in here.joint_names for stem in ("knee", "walker_knee")
        )
        leg = lambda side: has_leg(here.joint_names, side)
        return (
            of_knees(knee_adduction_moment, knee, none),
            of_knees(knee_contact_force, leg, jnp.stack([none] * len(COMPARTMENTS), axis=1)),
            of_knees(medial_force_per_varus, leg, none),
            here.body_mass,
            here.body_weight,
            evaluate_metrics(record, here),
        )

    return jax.lax.map(one, (records, near_end, masses))


def _ground_variables(events, time):
    """Ground reaction of each foot; absent without events."""
    if events is None:
        return {}
    stance = events.stance(time)
    loads = [side_load(events.external_forces, side, time) for side in SIDES]
    force, center, moment = (np.stack(part, axis=1) for part in zip(*loads, strict=True))
    swing = np.where(stance, 0.0, np.nan)
    strides = [side.stride_time for side in events.sides]
    toe_off = [side.toe_off_percent for side in events.sides]
    in_swing = "NaN in swing."
    on_body = [force for force in events.external_forces if force.body != "ground"]
    every = [evaluate_external_force(force, time).force for force in on_body]
    return {
        "external_force": (
            ("time", "axis"),
            sum(every, np.zeros((time.size, 3))),
            attributes("N", "Sum of all external forces on the body, ground axes"),
        ),
        "ground_reaction_force": (
            ("time", "side", "axis"),
            force,
            attributes("N", "Ground reaction force on the foot, ground axes"),
        ),
        "center_of_pressure": (
            ("time", "side", "axis"),
            center + swing[:, :, None],
            attributes("m", "Center of pressure in ground", comment=in_swing),
        ),
        "free_moment": (
            ("time", "side"),
            moment[:, :, 1] + swing,
            attributes(
                "N m", "Vertical moment on the foot at the center of pressure", comment=in_swing
            ),
        ),
        "stance": (
            ("time", "side"),
            stance.astype(np.int8),
            attributes("1", f"1 while the vertical force is at least {events.threshold:g} N"),
        ),
        "stride_time": (("side",), np.array(strides), attributes("s", "Stride time")),
        "toe_off_pct": (
            ("side",),
            np.array(toe_off),
            attributes("%", "Toe-off in percent of the gait cycle"),
        ),
    }


# ---------------------------------------------------------------------------- coordinates


def model_coordinates(model):
    skeleton, coordinates, actuators = model.skeleton, model.skeleton.coordinates, model.actuators
    rotational = [kind == "rotational" for kind in coordinates.motion_types]
    bodies = (*skeleton.body_names, "ground")  # index -1 is ground
    assert GROUND == -1
    joints = len(skeleton.joint_names)
    named = lambda dim, names, long_name: {dim: name_variable(dim, names, long_name)}
    return {
        **named("coordinate", coordinates.names, "Generalized coordinate"),
        **named("muscle", model.muscles.names, "Muscle"),
        **named("joint", skeleton.joint_names, "Joint"),
        **named("actuator", actuators.names, "Coordinate actuator"),
        **named("ligament", model.ligaments.names, "Ligament"),
        **named("axis", AXES, "Axis"),
        **named("side", SIDES, "Side of the body"),
        "motion_type": name_variable(
            "coordinate", coordinates.motion_types, "Rotational or translational"
        ),
        "value_unit": name_variable(
            "coordinate", ("rad" if turn else "m" for turn in rotational), "Unit of the coordinate"
        ),
        "force_unit": name_variable(
            "coordinate",
            ("N m" if turn else "N" for turn in rotational),
            "Unit of the generalized force",
        ),
        "on_body": name_variable("joint", skeleton.body_names, "Body the joint reaction acts on"),
        "from_body": name_variable(
            "joint",
            (bodies[parent] for parent in skeleton.parents),
            "Body that exerts the joint reaction",
        ),
        "expressed_in": name_variable(
            "joint",
            ["ground"] * joints,
            "Frame in which joint reactions are expressed",
            comment="Variables ending in _body_axes are expressed in `on_body` instead.",
        ),
        "at": name_variable(
            "joint", [AT_JOINT_CENTER] * joints, "Point at which joint reactions are given"
        ),
        "actuator_kind": name_variable("actuator", actuators.kinds, "motor, reserve or residual"),
        "acts_on": name_variable(
            "actuator",
            (coordinates.names[i] for i in actuators.coordinates),
            "Coordinate the actuator acts on",
        ),
    }


def _time_coordinates(events, time):
    found: dict[str, Any] = {"time": ("time", time, attributes("s", "Time"))}
    if events is not None:
        found["gait_pct"] = (
            ("time", "side"),
            events.percent(time),
            attributes(
                "%",
                "Gait cycle since the side's own heel strike",
                comment="Modulo one stride where no whole stride of that side was recorded.",
            ),
        )
    return found


def _metric_coordinates(names):
    return {
        "metric": name_variable("metric", names, "Named metric"),
        "metric_unit": name_variable(
            "metric", (METRICS[n].unit for n in names), "Unit of the metric"
        ),
        "metric_long_name": name_variable(
            "metric", (METRICS[n].long_name for n in names), "What the metric is"
        ),
    }


# --------------------------------------------------------------------------------- files


def write_netcdf(dataset: xr.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a NetCDF 4 file whole or not at all: under a temporary name, then renamed.

    **Raises:** `OSError` if the disk is full or the folder must not be written in.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    numbers = [n for n, v in dataset.variables.items() if v.dtype.kind in "fiu" and v.ndim > 1]
    packed = {name: {"zlib": True, "complevel": 4} for name in numbers}
    options: dict[str, Any] = {"engine": "h5netcdf", "format": "NETCDF4", "encoding": packed}
    try:
        with _NeverRefusing(temporary) as file:
            try:
                dataset.to_netcdf(file, **options)
            finally:
                if file.refusal is not None:
                    raise file.refusal
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


class _NeverRefusing(io.FileIO):
    """A file that takes whatever is written: HDF5 crashes when one refuses, or hands back less.

    From the first refusal on what is written is kept in memory, where HDF5 finds it again.

    - `refusal`: why the file on disk is not whole; None if it is.
    """

    refusal: BaseException | None = None

    def __init__(self, path: Path):
        super().__init__(path, "w+b")
        self._kept: list[tuple[int, bytes]] = []

    def write(self, data: Any) -> int:
        data, at = bytes(data), self.tell()
        try:
            rest = memoryview(data)
            while rest and self.refusal is None:
                rest = rest[super().write(rest) :]  # less than all of it when nearly full
        except (OSError, KeyboardInterrupt) as error:
            self.refusal = error
        if self.refusal is not None:
            self._kept.append((at, data))
            self.seek(at + len(data))
        return len(data)

    def readinto(self, buffer: Any) -> int:
        into, at = memoryview(buffer).cast("B"), self.tell()
        count = super().readinto(into) or 0
        if not self._kept:
            return count
        into[count:] = bytes(len(into) - count)
        for start, data in self._kept:
            low, high = max(at, start), min(at + len(into), start + len(data))
            if low < high:
                into[low - at : high - at] = data[low - start : high - start]
        self.seek(at + len(into))
        return len(into)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END and self._kept:
            end = max(start + len(data) for start, data in self._kept)
            return super().seek(max(end, super().seek(0, os.SEEK_END)) + offset)
        return super().seek(offset, whence)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.refusal = self.refusal or error
            return self.tell() if size is None else size


def read_netcdf(path: str | os.PathLike[str], *, max_bytes: int | None = MAX_BYTES) -> xr.Dataset:
    """A dataset from a file, held in memory, the file closed.

    `max_bytes`: most memory the variables may need, which a small compressed file does not show;
    None for a file that is trusted.

    **Raises:** `BadInput` for anything but NetCDF 4 of numbers and texts.
    """
    path = as_path(path, "path")
    if path.is_dir():
        raise BadInput(f"'{path.name}' is a folder; name the results.nc in it.")
    if not path.is_file():
        raise BadInput(f"There is no file '{path.name}' in '{path.parent.name or '.'}'.")
    try:
        _check_texts(path)
        with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as dataset:
            _check_variables(dataset, path.name, max_bytes)
            dataset.load()
    except BadInput:
        raise
    except Exception as error:  # a damaged file makes the libraries below raise whatever they like
        raise BadInput(
            f"'{path.name}' cannot be read as NetCDF 4. Name a run folder or its results.nc."
        ) from error
    for name, variable in dataset.variables.items():
        texts = variable.values.ravel() if variable.dtype.kind == "O" else ()
        if not all(isinstance(word, str) for word in texts):
            raise BadInput(f"'{path.name}': variable '{name}' holds neither numbers nor texts.")
    return dataset


def _check_texts(path: Path) -> None:
    """Raise for texts that claim to be longer than their file: they would be given that memory.

    In the file a text is its length, then where it stands: 4 bytes, 8 and 4.
    """
    import h5py

    claim = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
    with h5py.File(path) as file:
        for name, variable in file.items():
            if not isinstance(variable, h5py.Dataset) or variable.dtype.kind != "O":
                continue
            offset = variable.id.get_offset()
            if offset is None and variable.size:
                raise BadInput(f"'{path.name}': the texts of '{name}' are not in one piece.")
            count = int(variable.size or 0)
            claims = np.fromfile(path, dtype=claim, count=count, offset=offset or 0)
            if claims["length"].sum(dtype=np.int64) > path.stat().st_size:
                raise BadInput(f"'{path.name}': the texts of '{name}' are damaged.")


def _check_variables(dataset: xr.Dataset, file_name: str, max_bytes: int | None) -> None:
    """Raise for variables of no plain kind, or too large to hold, before they are read."""
    for name, variable in dataset.variables.items():
        if variable.dtype.kind not in "biufSUO":
            raise BadInput(f"'{file_name}': variable '{name}' holds neither numbers nor texts.")
    size = sum(variable.size * variable.dtype.itemsize for variable in dataset.variables.values())
    if max_bytes is not None and size > max_bytes:
        raise BadInput(
            f"'{file_name}' needs {size / 1e6:.0f} MB of memory; at most {max_bytes / 1e6:.0f} MB "
            "are read at once. Open it with `xarray.open_dataset` and select what you need."
        )


def require_dataset(value: Any, asked_by: str) -> None:
    """`TypeError` that says how to get a dataset, if `value` is none."""
    if isinstance(value, xr.Dataset):
        return
    raise TypeError(
        f"`{asked_by}` takes a dataset (xarray.Dataset), as `bm.inverse` returns it, not "
        f'{kind_of(value)}. Results on disk: `biomech.analysis.read_netcdf("results.nc")`; those '
        "of a run: `bm.run(...).open()`."
    )


def kind_of(value: Any) -> str:
    """What was given instead, in words: the type, and the text itself of a name or path."""
    shown = f" {str(value)!r}" if isinstance(value, (str, os.PathLike)) else ""
    return f"{type(value).__name__}{shown}"
