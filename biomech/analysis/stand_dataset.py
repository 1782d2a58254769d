"""`bm.stand`: a model in, how it stands as a labelled dataset out.

Dimensions and names are those of `labels`, without time; new are `contact_region`, `ground_axis`
and `metric` of standing (`studies.standing_metrics`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr
from scipy.spatial import ConvexHull, QhullError

from ..compilation import compiled
from ..dynamics.slope import on_slope
from ..model.body import Model
from ..model.names import BadInput
from ..precision import require_precision
from ..studies.gait_events import SIDES
from ..studies.stand import POSTURE_WEIGHT, STATUS, Standing, StandingRecord, standing
from ..studies.stand import stand as stand_record
from ..studies.standing_metrics import evaluate_standing_metrics, standing_metrics
from .labels import DIRECT, attributes, filled, kind_of, model_coordinates, name_variable
from .provenance import provenance

_PER_LENGTH = 1e-3  # a region that carries less than this share of the weight does not support [-]
_FIELDS = (
    *("value", "activation", "muscle_force", "norm_fiber_length", "muscle_tendon_length"),
    *("actuator_force", "joint_reaction_force", "joint_reaction_moment"),
    *("joint_reaction_force_body_axes", "intersegmental_force", "intersegmental_moment"),
    *("joint_center", "ligament_force"),
)
_COSTS = ("effort", "departure", "grip", "feet")


def stand(
    model: Model,
    *,
    support: str = "both",
    held: Sequence[str] = (),
    posture_weight: float = POSTURE_WEIGHT,
    exponent: float = 2.0,
    uphill_deg: float = 0.0,
    right_side_up_deg: float = 0.0,
    config: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """How `model` stands: pose, muscles, foot and joint loads in balance with least effort.

    - `support`: "both", "right_leg" or "left_leg".
    - `held`: coordinates that muscles keep at their habitual value, e.g. `("knee_angle_r",)`.
    - `posture_weight`: w of the departure from habit against effort, see `studies.stand`; assumed,
      so look at effects at 0.01, 0.1 and 1.
    - `exponent`: of activation in the effort.
    - `uphill_deg`, `right_side_up_deg`: slope of the ground, forward and to the right.
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
    how = standing(model, support, held=held, weight=posture_weight, exponent=exponent)
    if uphill_deg or right_side_up_deg:
        model = on_slope(model, uphill_deg=uphill_deg, right_side_up_deg=right_side_up_deg)
    record = stand_record(model, how)
    return label_standing(record, model, how, config=asked if config is None else config)


def label_standing(
    record: StandingRecord,
    model: Model,
    how: Standing,
    *,
    config: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> xr.Dataset:
    """The dataset of one standing record."""
    known = model_coordinates(model)
    coordinates = {
        **known,
        "contact_region": name_variable(
            "contact_region", model.contacts.names, "Region of the sole"
        ),
        "cost": name_variable("cost", _COSTS, "Part of what standing minimises"),
    }
    variables = {
        **_record_variables(record, model),
        **_foot_variables(record, model),
        **_balance_variables(record, model, how),
        **_metric_variables(record, model, coordinates),
    }
    empty = [name for name in ("muscle", "actuator", "ligament") if not known[name][1].size]
    dataset = xr.Dataset(variables, coordinates).drop_dims(empty)
    dataset = dataset.set_coords(("metric_unit", "metric_long_name"))
    dataset.attrs = {
        "title": f"biomech stand: {model.name}",
        "study": "stand",
        **provenance(model, config=config, precision="float64", study="stand"),
        "notes": "\n".join((*model.notes, *notes)),
        "convention": "ground axes: x forward, y up, z right; SI units and radians",
    }
    return dataset


def _record_variables(record, model):
    variables = {}
    for field in _FIELDS:
        name, dims, units, long_name, more = DIRECT[field]
        values = np.asarray(getattr(record, field))
        variables[name] = (dims, values, attributes(units, long_name, **more))
    free, n = list(model.skeleton.coordinates.free), len(model.skeleton.coordinates.names)
    variables["moment_arm"] = (
        ("muscle", "coordinate"),
        filled(np.asarray(record.moment_arm), free, n),
        attributes("m or 1", "Moment arm along the coupled motion"),
    )
    return variables


def _foot_variables(record, model):
    force, point = np.asarray(record.ground.force), np.asarray(record.ground.point)
    of_side = np.array([[n.endswith(f"_{side}") for n in model.contacts.names] for side in SIDES])
    reaction = of_side @ force
    names, strain = list(model.ligaments.names), np.asarray(record.ligament_strain)
    fascia = [f"plantar_fascia_{side}" for side in SIDES]
    stretched = [strain[names.index(n)] if n in names else np.nan for n in fascia]
    coordinates = list(model.skeleton.coordinates.names)
    arch = [f"midtarsal_angle_{side}" for side in SIDES]
    bend = [float(record.value[coordinates.index(n)]) if n in coordinates else np.nan for n in arch]
    return {
        "regional_plantar_force": (
            ("contact_region", "axis"),
            force,
            attributes("N", "Force of the ground on a region of the sole, ground axes"),
        ),
        "contact_indentation": (
            ("contact_region",),
            np.asarray(record.ground.indentation),
            attributes("m", "Depth of a region in the ground, negative when apart"),
        ),
        "ground_reaction_force": (
            ("side", "axis"),
            reaction,
            attributes("N", "Ground reaction force on the foot, ground axes"),
        ),
        "center_of_pressure": (
            ("side", "axis"),
            _centers_of_pressure(of_side, np.asarray(record.ground.normal), point),
            attributes(
                "m",
                "Center of pressure in ground",
                comment="Mean of the regions' points, weighted by their normal forces; NaN for a "
                "foot that carries nothing.",
            ),
        ),
        "plantar_fascia_strain": (
            ("side",),
            np.array(stretched),
            attributes("1", "Lengthening of the plantar fascia over its slack length"),
        ),
        "arch_angle": (
            ("side",),
            np.array(bend),
            attributes(
                "rad",
                "Midtarsal dorsiflexion",
                comment="0 in the unloaded neutral foot; positive when the arch is flatter.",
            ),
        ),
    }


def _centers_of_pressure(of_side, normal, point):
    total = of_side @ normal
    with np.errstate(invalid="ignore", divide="ignore"):
        center = (of_side @ (normal[:, None] * point)) / total[:, None]
    return np.where(total[:, None] > 0.0, center, np.nan)


def _balance_variables(record, model, how):
    weight = float(jnp.sum(model.skeleton.mass) * jnp.linalg.norm(model.skeleton.gravity))
    return {
        "center_of_mass": (
            ("axis",),
            np.asarray(record.center_of_mass),
            attributes("m", "Center of mass of the whole body in ground"),
        ),
        "support_margin": (
            (),
            support_margin(record, weight),
            attributes(
                "m",
                "Distance of the center of mass from the nearest edge of the support, seen from "
                "above; negative outside",
            ),
        ),
        "posture_cost": (
            ("cost",),
            np.asarray(record.cost),
            attributes("1", "What standing minimises, part by part"),
        ),
        "habitual_value": (
            ("coordinate",),
            filled(
                np.asarray(how.habit),
                list(model.skeleton.coordinates.free),
                len(model.skeleton.coordinates.names),
            ),
            attributes("rad or m", "Habitual value of the coordinate"),
        ),
        "body_weight": ((), weight, attributes("N", "Body weight of the model")),
        "balance_residual": (
            (),
            float(record.residual),
            attributes("1", "Largest force or moment left over, in weights or weights x 0.1 m"),
        ),
        "iterations": ((), int(record.iterations), attributes("1", "Steps of the solver")),
        "weakly_active": (
            (),
            np.int8(record.weakly_active),
            attributes("1", "1 where derivatives are one-sided: something sits on its bound"),
        ),
        "status": (
            (),
            np.int8(record.status),
            attributes(
                "1",
                "Whether a balance was found",
                flag_values=np.arange(len(STATUS), dtype=np.int8),
                flag_meanings=" ".join(STATUS),
            ),
        ),
    }


def support_margin(record: StandingRecord, weight: float) -> float:
    """How far inside the hull of the loaded regions the center of mass is, from above [m]."""
    loaded = np.asarray(record.ground.normal) > _PER_LENGTH * weight
    corners = np.asarray(record.ground.point)[loaded][:, [0, 2]]
    try:
        hull = ConvexHull(corners)
    except (QhullError, ValueError):
        return float("nan")  # fewer than three points, or all in a line: no area to be inside of
    center = np.asarray(record.center_of_mass)[[0, 2]]
    return float(-np.max(hull.equations[:, :2] @ center + hull.equations[:, 2]))


@compiled
def _evaluate(model, record):
    return evaluate_standing_metrics(model, record).value


def _metric_variables(record, model, coordinates):
    metrics = standing_metrics(model)
    values = np.array(_evaluate(model, record))
    if int(record.status) != 0:
        values[:] = np.nan
    coordinates["metric"] = name_variable("metric", metrics, "Named metric")
    return {
        "metric_value": (
            ("metric",),
            values,
            attributes("see metric_unit", "Value of a named metric"),
        ),
        "metric_unit": name_variable(
            "metric", (m.unit for m in metrics.values()), "Unit of the metric"
        ),
        "metric_long_name": name_variable(
            "metric", (m.long_name for m in metrics.values()), "What the metric is"
        ),
    }
