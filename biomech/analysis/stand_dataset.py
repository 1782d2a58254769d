"""`bm.stand`: a model in, how it stands as a labelled dataset out.

Dimensions and names are those of `labels`, without time; new are `contact_region`, `cost` and the
metrics of standing (`studies.standing_metrics`). A sweep adds its dimensions in front, as there.
Where no balance was found everything is NaN but what was asked for and what the solver says of it.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import ArrayLike, Float
from scipy.spatial import ConvexHull, QhullError

from ..compilation import compiled
from ..dynamics.inverse_dynamics import body_mass as mass_of
from ..dynamics.slope import on_slope
from ..model.body import Model
from ..model.names import BadInput
from ..precision import require_precision
from ..studies.gait_events import SIDES
from ..studies.stand import POSTURE_WEIGHT, STATUS, Standing, StandingRecord, standing
from ..studies.stand import stand as stand_record
from ..studies.standing_metrics import (
    evaluate_standing_metrics,
    in_the_plane,
    standing_metrics,
)
from .labels import (
    DIRECT,
    attributes,
    check_lead,
    filled,
    kind_of,
    model_coordinates,
    name_variable,
    sweep_coordinates,
)
from .provenance import provenance

_LEAST_SHARE = 1e-3  # a region that carries less than this share of the weight does not support [-]
_FIELDS = (
    *("value", "activation", "muscle_force", "norm_fiber_length", "muscle_tendon_length"),
    *("actuator_force", "joint_reaction_force", "joint_reaction_moment"),
    *("joint_reaction_force_body_axes", "intersegmental_force", "intersegmental_moment"),
    *("joint_center", "ligament_force"),
)
_COSTS = ("effort", "departure", "grip", "feet", "pain")
_KNOWN_ANYWAY = ("residual", "dual_residual", "iterations", "weakly_active", "status")
POSTURE_WEIGHT_ASSUMED = (
    "How much habit weighs against effort (posture_weight) is assumed: no study gives that number. "
    "Look at effects at 0.01, 0.1 and 1, and count none whose sign changes."
)
IN_THE_PLANE = (
    "The ground slopes sideways (`right_side_up_deg`), and this body has no coordinate "
    "'pelvis_list' to lean with. Take a body in three dimensions."
)


def stand(
    model: Model,
    *,
    support: str = "both",
    held: Sequence[str] = (),
    posture_weight: float = POSTURE_WEIGHT,
    exponent: float = 2.0,
    uphill_deg: float = 0.0,
    right_side_up_deg: float = 0.0,
    habit_of: Model | None = None,
    config: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """How `model` stands: pose, muscles, foot and joint loads in balance with least effort.

    - `support`: "both", "right_leg" or "left_leg".
    - `held`: coordinates that muscles keep at their habitual value, e.g. `("knee_angle_r",)`.
    - `posture_weight`: w of the departure from habit against effort, see `studies.stand`; assumed,
      so look at effects at 0.01, 0.1 and 1.
    - `exponent`: of activation in the effort.
    - `uphill_deg`, `right_side_up_deg`: slope of the ground, forward and to the right.
    - `habit_of`: the body before a change, whose habit this one keeps, such as where its feet are
      put; by default its own. Sweeps and configurations keep that of the unchanged body.
    - `config`: stored in the dataset instead of these arguments.

    Nothing is raised where no balance is found: see `status`.

    **Raises:** `TypeError` for a path instead of a model; `BadInput` for a model that cannot stand.
    """
    if not isinstance(model, Model):
        raise TypeError(
            f"`stand` takes a model, as `bm.load_model(...)` returns it, not {kind_of(model)}."
        )
    require_precision("float64")
    asked = {
        "study": "stand",
        "support": support,
        "held": list(held),
        "posture_weight": posture_weight,
        "exponent": exponent,
        "uphill_deg": uphill_deg,
        "right_side_up_deg": right_side_up_deg,
    }
    if not (np.isfinite(posture_weight) and posture_weight >= 0.0):
        raise BadInput(f"`posture_weight` is {posture_weight}; it must be a number, at least 0.")
    before = model if habit_of is None else habit_of
    painful = [model.skeleton.joint_names[i] for i in model.pains.joints()]
    how = standing(
        before, support, held=held, weight=posture_weight, exponent=exponent, painful=painful
    )
    if right_side_up_deg:
        require_list(model)
    if uphill_deg or right_side_up_deg:
        model = on_slope(model, uphill_deg=uphill_deg, right_side_up_deg=right_side_up_deg)
    record = stand_record(model, how)
    return label_standing(record, model, how, config=asked if config is None else config)


def require_list(model: Model) -> None:
    """`BadInput` for a body that cannot follow ground that slopes sideways."""
    if in_the_plane(model.skeleton):
        raise BadInput(IN_THE_PLANE)


def label_standing(
    record: StandingRecord,
    model: Model,
    how: Standing,
    *,
    metrics: Float[ArrayLike, "*case metric"] | None = None,
    body_mass: Float[ArrayLike, "*case"] | None = None,
    sweep: Mapping[str, Any] | None = None,
    sweep_units: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    only: Collection[str] | None = None,
) -> xr.Dataset:
    """The dataset of standing records.

    - `metrics`, `body_mass`: of each case, where interventions change what they are taken of; by
      default those of `model`.
    - `sweep`: what the leading axes of the record are, in order, as in `label_inverse`; `model` and
      `how` are then those of the unchanged body. `sweep_units`: of the swept parameters.
    - `config`: what was asked for; stored as JSON. `notes`: what a reader should know.
    - `only`: names of the variables to make; all by default.
    """
    axes = sweep_coordinates(sweep or {}, sweep_units or {})
    lead, shape = tuple(axes), np.shape(record.status)
    check_lead(shape, axes)
    values = np.asarray(_metrics(model, record) if metrics is None else metrics)
    mass = np.broadcast_to(mass_of(model.skeleton) if body_mass is None else body_mass, shape)
    weight = mass * float(jnp.linalg.norm(model.skeleton.gravity))
    solved = np.asarray(np.asarray(record.status) == STATUS.index("successful"))
    record = _where_solved(record, solved)
    known = model_coordinates(model)
    coordinates = {
        **known,
        "contact_region": name_variable(
            "contact_region", model.contacts.names, "Region of the sole"
        ),
        "cost": name_variable("cost", _COSTS, "Part of what standing minimises"),
        **_metric_coordinates(model),
        **{name: column for parts in axes.values() for name, column in parts.items()},
    }
    variables = {
        **_record_variables(record, model),
        **foot_variables(_soles(record), model),
        **_balance_variables(record, weight),
        "body_weight": ((), weight, attributes("N", "Body weight of the model")),
        "body_mass": ((), mass, attributes("kg", "Body mass of the model")),
        "metric_value": (
            ("metric",),
            np.where(solved[..., None], values, np.nan),
            attributes("see metric_unit", "Value of a named metric"),
        ),
    }
    variables = {name: ((*lead, *dims), *rest) for name, (dims, *rest) in variables.items()}
    variables |= _habit(model, how)
    wanted = {n: v for n, v in variables.items() if only is None or n in only}
    empty = [name for name in ("muscle", "actuator", "ligament") if not known[name][1].size]
    dataset = xr.Dataset(wanted, coordinates).drop_dims(empty)
    dataset.attrs = {
        "title": f"biomech stand: {model.name}",
        "study": "stand",
        **provenance(model, config=config, precision="float64", study="stand"),
        "notes": "\n".join((*model.notes, *notes, POSTURE_WEIGHT_ASSUMED)),
        "convention": "ground axes: x forward, y up, z right; SI units and radians",
    }
    return dataset


def _where_solved(record: StandingRecord, solved: np.ndarray) -> StandingRecord:
    """The record as NumPy arrays, NaN in cases without a balance."""

    def blank(x):
        x = np.asarray(x)
        hidden = ~solved.reshape(solved.shape + (1,) * (x.ndim - solved.ndim))
        return np.where(hidden, np.nan, x) if x.dtype.kind == "f" else x

    blanked = jax.tree.map(blank, record)
    kept = lambda r: [getattr(r, name) for name in _KNOWN_ANYWAY]
    return eqx.tree_at(kept, blanked, [np.asarray(x) for x in kept(record)])


def _record_variables(record, model):
    variables = {}
    for field in _FIELDS:
        name, dims, units, long_name, more = DIRECT[field]
        variables[name] = (dims, getattr(record, field), attributes(units, long_name, **more))
    free, n = list(model.skeleton.coordinates.free), len(model.skeleton.coordinates.names)
    variables["moment_arm"] = (
        ("muscle", "coordinate"),
        filled(record.moment_arm, free, n),
        attributes("m or 1", "Moment arm along the coupled motion"),
    )
    return variables


def _soles(record):
    ground = record.ground
    return Soles(
        *(ground.force, ground.point, ground.normal, ground.indentation),
        *(record.ligament_strain, record.value),
    )


class Soles(NamedTuple):
    """What `foot_variables` needs; time or nothing leads.

    - `force`, `point`, `normal`, `indentation`: of each region of the sole, as in `GroundForces`.
    - `ligament_strain`: [-]. `value`: of every coordinate.
    """

    force: Any
    point: Any
    normal: Any
    indentation: Any
    ligament_strain: Any
    value: Any


def foot_variables(soles: Soles, model: Model) -> dict[str, Any]:
    """What the ground does to the soles, and what arch and fascia do."""
    force, point = soles.force, soles.point
    of_side = np.array(
        [[n.endswith(f"_{side}") for n in model.contacts.names] for side in SIDES], float
    )
    fascia = [f"plantar_fascia_{side}" for side in SIDES]
    arch = [f"midtarsal_angle_{side}" for side in SIDES]
    return {
        "regional_plantar_force": (
            ("contact_region", "axis"),
            force,
            attributes("N", "Force of the ground on a region of the sole, ground axes"),
        ),
        "contact_point": (
            ("contact_region", "axis"),
            point,
            attributes("m", "Where the ground acts on a region of the sole, in ground"),
        ),
        "contact_indentation": (
            ("contact_region",),
            soles.indentation,
            attributes("m", "Depth of a region in the ground, negative when apart"),
        ),
        "ground_reaction_force": (
            ("side", "axis"),
            of_side @ force,
            attributes("N", "Ground reaction force on the foot, ground axes"),
        ),
        "center_of_pressure": (
            ("side", "axis"),
            _centers_of_pressure(of_side, soles.normal, point),
            attributes(
                "m",
                "Center of pressure in ground",
                comment="Mean of the regions' points, weighted by their normal forces; NaN for a "
                "foot that carries nothing.",
            ),
        ),
        "plantar_fascia_strain": (
            ("side",),
            _at_names(soles.ligament_strain, model.ligaments.names, fascia),
            attributes("1", "Lengthening of the plantar fascia over its slack length"),
        ),
        "arch_angle": (
            ("side",),
            _at_names(soles.value, model.skeleton.coordinates.names, arch),
            attributes(
                "rad",
                "Midtarsal dorsiflexion",
                comment="0 in the unloaded neutral foot; positive when the arch is flatter.",
            ),
        ),
    }


def _at_names(values, names, wanted):
    """`values` of the last axis at `wanted` names; NaN for one that is not there."""
    none = np.full(values.shape[:-1], np.nan)
    found = [values[..., names.index(n)] if n in names else none for n in wanted]
    return np.stack(found, axis=-1)


def _centers_of_pressure(of_side, normal, point):
    total = normal @ of_side.T
    with np.errstate(invalid="ignore", divide="ignore"):
        center = (of_side @ (normal[..., None] * point)) / total[..., None]
    return np.where(total[..., None] > 0.0, center, np.nan)


def _balance_variables(record, weight):
    return {
        "center_of_mass": (
            ("axis",),
            record.center_of_mass,
            attributes("m", "Center of mass of the whole body in ground"),
        ),
        "support_margin": (
            (),
            _support_margins(record, weight),
            attributes(
                "m",
                "Distance of the center of mass from the nearest edge of the support, seen from "
                "above; negative outside",
            ),
        ),
        "posture_cost": (
            ("cost",),
            record.cost,
            attributes("1", "What standing minimises, part by part"),
        ),
        "balance_residual": (
            (),
            record.residual,
            attributes("1", "Largest force or moment left over, in weights or weights x 0.1 m"),
        ),
        "iterations": ((), record.iterations, attributes("1", "Steps of the solver")),
        "weakly_active": (
            (),
            record.weakly_active.astype(np.int8),
            attributes("1", "1 where derivatives are one-sided: something sits on its bound"),
        ),
        "status": (
            (),
            record.status.astype(np.int8),
            attributes(
                "1",
                "Whether a balance was found",
                flag_values=np.arange(len(STATUS), dtype=np.int8),
                flag_meanings=" ".join(STATUS),
            ),
        ),
    }


def _habit(model, how):
    """What habit asks for: the same in all cases of a sweep."""
    coordinates = model.skeleton.coordinates
    value = filled(np.asarray(how.habit), list(coordinates.free), len(coordinates.names))
    told = attributes("rad or m", "Habitual value of the coordinate")
    return {"habitual_value": (("coordinate",), value, told)}


def _support_margins(record, weight):
    """`support_margin` of every case."""
    together = record.ground.normal, record.ground.point, record.center_of_mass, weight
    shape = weight.shape
    rows = [np.reshape(x, (math.prod(shape), *x.shape[len(shape) :])) for x in together]
    return np.reshape([support_margin(*row) for row in zip(*rows, strict=True)], shape)


def support_margin(normal, point, center_of_mass, weight: float) -> float:
    """How far inside the hull of the loaded regions the center of mass is, from above [m].

    - `normal` [N], `point` [m]: of every region. `weight`: of the body [N].
    """
    corners = support_corners(normal, point, weight)
    try:
        hull = ConvexHull(corners)
    except (QhullError, ValueError):
        return float("nan")  # fewer than three points, or all in a line: no area to be inside of
    center = center_of_mass[[0, 2]]
    return float(-np.max(hull.equations[:, :2] @ center + hull.equations[:, 2]))


def support_corners(normal, point, weight: float):
    """Forward and rightward place of every region that supports [m]."""
    return np.asarray(point)[np.asarray(normal) > _LEAST_SHARE * weight][:, [0, 2]]


def _metrics(model, record):
    """Metrics of all cases, of one body."""
    shape = np.shape(record.status)
    flat = lambda x: np.reshape(x, (math.prod(shape), *np.shape(x)[len(shape) :]))
    values = np.asarray(_evaluate(model, jax.tree.map(flat, record)))
    return values.reshape(*shape, values.shape[-1])


@compiled
def _evaluate(model, records):
    return jax.lax.map(lambda record: evaluate_standing_metrics(model, record).value, records)


def _metric_coordinates(model):
    metrics = standing_metrics(model)
    return {
        "metric": name_variable("metric", metrics, "Named metric"),
        "metric_unit": name_variable(
            "metric", (m.unit for m in metrics.values()), "Unit of the metric"
        ),
        "metric_long_name": name_variable(
            "metric", (m.long_name for m in metrics.values()), "What the metric is"
        ),
    }
