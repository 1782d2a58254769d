"""Named numbers of standing, pure functions of a record: what a sweep or a gradient is taken of.

- `<joint>_force_<side>`: size of the joint reaction force over body weight.
- `medial_knee_force_<side>`, `lateral_knee_force_<side>`: what each compartment of the knee carries
  over body weight (`dynamics.knee_compartments`, contact points 40 mm apart).
- `knee_adduction_moment_<side>`: external, without muscles, about x of the tibia over body mass.
- `weight_share_<side>`: vertical force on the foot over body weight.
- `fascia_force_<side>` over body weight, `fascia_strain_<side>`: of the plantar fascia.
- `midtarsal_angle_<side>`: dorsiflexion of the midfoot on the hindfoot: the arch flattens.
- `pelvic_obliquity`: of the line through the hip centers against level; positive with the right
  hip higher.
- `pelvic_tilt`: rotation of the pelvis about z; anterior tilt is negative (OpenSim).
- `hip_rotation_<side>`: internal positive. `effort`: the sum that the muscles minimise.

Angles are in degrees. Everything is differentiable in the record; a load of 0 has no slope.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..dynamics.inverse_dynamics import body_mass, body_weight
from ..dynamics.knee_compartments import (
    COMPARTMENTS,
    DEFAULT_SPACING,
    compartment_forces,
    external_adduction_moment,
)
from ..dynamics.spatial import length
from ..model.body import Model
from ..model.names import UnknownName, suggest
from ..model.skeleton import Skeleton
from .gait_events import SIDES
from .metrics import joint_index
from .stand import StandingRecord

_DEGREES = 180.0 / math.pi
_SIDE_WORDS = {"r": "right", "l": "left"}


class StandingMetric(NamedTuple):
    """What a metric is: its unit, words for it, and how it is found."""

    unit: str
    long_name: str
    evaluate: Callable[[Model, StandingRecord], Float[Array, ""]]


class StandingMetricReport(eqx.Module):
    """Metrics of a record: `value` in the metric's unit, `names` the order of the axis."""

    value: Float[Array, " metric"]
    names: tuple[str, ...] = eqx.field(static=True)


def standing_metrics(model: Model) -> dict[str, StandingMetric]:
    """Name -> metric, of all that `model` has."""
    skeleton = model.skeleton
    found: dict[str, StandingMetric] = {}
    for side, word in _SIDE_WORDS.items():
        for joint, words in _JOINTS.items():
            if _has_joint(skeleton.joint_names, joint, side):
                text = f"{word.capitalize()} {words} joint reaction force"
                found[f"{joint}_force_{side}"] = StandingMetric("BW", text, _joint(joint, side))
        if not in_the_plane(skeleton) and _has_joint(skeleton.joint_names, "knee", side):
            for i, part in enumerate(COMPARTMENTS):
                text = f"{word.capitalize()} {part} tibiofemoral contact force"
                metric = StandingMetric("BW", text, _compartment(i, side))
                found[f"{part}_knee_force_{side}"] = metric
            text = f"{word.capitalize()} external knee adduction moment"
            metric = StandingMetric("N m/kg", text, _adduction_moment(side))
            found[f"knee_adduction_moment_{side}"] = metric
        text = f"Share of the weight on the {word} foot"
        found[f"weight_share_{side}"] = StandingMetric("1", text, _weight_share(side))
        if f"plantar_fascia_{side}" in model.ligaments.names:
            text = f"Tension of the {word} plantar fascia"
            found[f"fascia_force_{side}"] = StandingMetric("BW", text, _fascia_force(side))
            text = f"Strain of the {word} plantar fascia"
            found[f"fascia_strain_{side}"] = StandingMetric("1", text, _fascia_strain(side))
        for name, words in _ANGLES.items():
            if f"{name}_{side}" in skeleton.coordinates.names:
                text = f"{word.capitalize()} {words}"
                found[f"{name}_{side}"] = StandingMetric("deg", text, _angle(f"{name}_{side}"))
    if "lumbar" in skeleton.joint_names:
        text = "Lumbar joint reaction force (net: the trunk has no muscles)"
        found["lumbar_force"] = StandingMetric("BW", text, _lumbar)
    if all(_has_joint(skeleton.joint_names, "hip", side) for side in SIDES):
        text = "Obliquity of the line through the hip centers, right side up"
        found["pelvic_obliquity"] = StandingMetric("deg", text, _obliquity)
    if "pelvis_tilt" in skeleton.coordinates.names:
        text = "Pelvic tilt, anterior negative"
        found["pelvic_tilt"] = StandingMetric("deg", text, _angle("pelvis_tilt"))
    found["effort"] = StandingMetric("1", "Effort of muscles and motors", lambda _, r: r.cost[0])
    return found


def evaluate_standing_metrics(
    model: Model, record: StandingRecord, names: Sequence[str] | None = None
) -> StandingMetricReport:
    """Named metrics, by default all the model has. Jits; `vmap` over cases."""
    known = standing_metrics(model)
    names = tuple(known) if names is None else tuple(names)
    for name in names:
        if name not in known:
            raise UnknownName(
                f"No metric of standing named '{name}'. {suggest(name, tuple(known))}"
            )
    values = [known[name].evaluate(model, record) for name in names]
    return StandingMetricReport(jnp.stack(values), names)


_JOINTS = {
    "hip": "hip",
    "knee": "tibiofemoral",
    "patellofemoral": "patellofemoral",
    "ankle": "ankle",
    "subtalar": "subtalar",
    "midtarsal": "midtarsal",
}
_ANGLES = {
    "hip_adduction": "hip adduction",
    "hip_rotation": "internal rotation of the hip",
    "knee_angle": "knee flexion",
    "ankle_angle": "ankle dorsiflexion",
    "subtalar_angle": "subtalar inversion",
    "midtarsal_angle": "midtarsal dorsiflexion (flatter arch)",
}


def _has_joint(joint_names, joint, side):
    try:
        joint_index(joint_names, joint, side)
    except UnknownName:
        return False
    return True


def _joint(joint, side):
    def evaluate(model, record):
        index = joint_index(model.skeleton.joint_names, joint, side)
        return length(record.joint_reaction_force[index]) / body_weight(model.skeleton)

    return evaluate


def in_the_plane(skeleton: Skeleton) -> bool:
    """Whether a body cannot lean sideways, so that nothing is known of its frontal plane."""
    return "pelvis_list" not in skeleton.coordinates.free_names


def knee_compartments(model: Model, record: StandingRecord, side: str) -> Float[Array, "2"]:
    """Medial and lateral contact force of the knee [N]."""
    knee = joint_index(model.skeleton.joint_names, "knee", side)
    return compartment_forces(
        record.joint_reaction_force_body_axes[knee],
        record.joint_reaction_moment_body_axes[knee],
        record.intersegmental_force_body_axes[knee],
        side=side,
        spacing=DEFAULT_SPACING,
    )


def _compartment(part, side):
    return lambda model, record: (
        knee_compartments(model, record, side)[part] / body_weight(model.skeleton)
    )


def _adduction_moment(side):
    def evaluate(model, record):
        knee = joint_index(model.skeleton.joint_names, "knee", side)
        moment = record.intersegmental_moment_body_axes[knee]
        return external_adduction_moment(moment, side) / body_mass(model.skeleton)

    return evaluate


def _lumbar(model, record):
    index = model.skeleton.joint_names.index("lumbar")
    return length(record.joint_reaction_force[index]) / body_weight(model.skeleton)


def _weight_share(side):
    def evaluate(model, record):
        regions = [name.endswith(f"_{side}") for name in model.contacts.names]
        up = -model.skeleton.gravity / jnp.sqrt(jnp.sum(model.skeleton.gravity**2))
        return jnp.sum(jnp.where(jnp.array(regions), record.ground.force @ up, 0.0)) / body_weight(
            model.skeleton
        )

    return evaluate


def _fascia_force(side):
    def evaluate(model, record):
        index = model.ligaments.names.index(f"plantar_fascia_{side}")
        return record.ligament_force[index] / body_weight(model.skeleton)

    return evaluate


def _fascia_strain(side):
    def evaluate(model, record):
        return record.ligament_strain[model.ligaments.names.index(f"plantar_fascia_{side}")]

    return evaluate


def _angle(name):
    def evaluate(model, record):
        return _DEGREES * record.value[model.skeleton.coordinates.names.index(name)]

    return evaluate


def _obliquity(model, record):
    right, left = (
        record.joint_center[joint_index(model.skeleton.joint_names, "hip", side)] for side in SIDES
    )
    across = right - left
    return _DEGREES * jnp.arctan2(across[1], jnp.sqrt(across[0] ** 2 + across[2] ** 2))
