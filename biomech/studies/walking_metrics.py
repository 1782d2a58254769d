"""Named numbers of a walk that is free to change, beside those of `metrics`: ground, arch, cost.

- `peak_vertical_ground_reaction_<side>`: over body weight, in stance after 5 % of the gait cycle,
  as the peaks of joint loads.
- `peak_midtarsal_angle_<side>`: dorsiflexion of the midfoot on the hindfoot, in stance: how flat
  the arch becomes [deg]. `peak_fascia_strain_<side>`: of the plantar fascia, in stance [-].
- `stance_share_<side>`: how much of the stride the foot is on the ground [%].
- `walking_cost`: what walking minimises, all terms, weighed [-].
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..model.body import Model
from .gait_events import SIDES
from .metrics import (
    PEAK,
    STANCE,
    Context,
    MetricReport,
    Window,
    at_edge,
    peak,
    rival_peak,
    solved,
    window_mask,
)
from .walking import WalkingRecord

_DEGREES = 180.0 / math.pi
_SIDE_WORDS = {"r": "right", "l": "left"}


class WalkingMetric(NamedTuple):
    """A number of a walk: the peak of a curve in a window of stance, or of none.

    - `side`: whose stance; empty for none. `window`: None for a number that is no peak.
    - `of`: the curve, or the number.
    """

    unit: str
    long_name: str
    side: str
    window: Window | None
    of: Callable[[Model, WalkingRecord, Context], Float[Array, "*time"]]


def walking_metrics(model: Model) -> dict[str, WalkingMetric]:
    """Name -> metric, of all that `model` has beside `metrics.available_metrics`."""
    found: dict[str, WalkingMetric] = {}
    for side, word in _SIDE_WORDS.items():
        text = f"Peak vertical force of the ground on the {word} foot, {PEAK.words}"
        found[f"peak_vertical_ground_reaction_{side}"] = WalkingMetric(
            "BW", text, side, PEAK, _vertical_reaction(side)
        )
        if f"midtarsal_angle_{side}" in model.skeleton.coordinates.names:
            text = f"Peak {word} midtarsal dorsiflexion (flatter arch), {STANCE.words}"
            found[f"peak_midtarsal_angle_{side}"] = WalkingMetric(
                "deg", text, side, STANCE, _arch(side)
            )
        if f"plantar_fascia_{side}" in model.ligaments.names:
            text = f"Peak strain of the {word} plantar fascia, {STANCE.words}"
            found[f"peak_fascia_strain_{side}"] = WalkingMetric(
                "1", text, side, STANCE, _fascia(side)
            )
        text = f"Share of the stride that the {word} foot is on the ground"
        found[f"stance_share_{side}"] = WalkingMetric("%", text, side, None, _stance(side))
    text = "What walking minimises, all parts, weighed"
    found["walking_cost"] = WalkingMetric("1", text, "", None, _cost)
    return found


def evaluate_walking_metrics(model: Model, record: WalkingRecord, context: Context) -> MetricReport:
    """All of `walking_metrics`, with the warnings of peaks. Jits. NaN where no gait was found."""
    known = walking_metrics(model)
    rows = [_evaluate(metric, model, record, context) for metric in known.values()]
    value, time, rival, edge = (jnp.stack(column) for column in zip(*rows, strict=True))
    return MetricReport(value, time, rival, edge, jnp.zeros_like(value), tuple(known))


def _evaluate(metric, model, record, context):
    values, no = metric.of(model, record, context), jnp.zeros((), bool)
    known = solved(record.stride)
    if metric.window is None:
        none = jnp.full((), jnp.nan)
        return jnp.where(jnp.all(known), values, none), none, no, no
    inside = window_mask(record.stride, context, metric.side, metric.window)
    here = {"periodic": context.periodic}
    at = record.stride.time[jnp.argmax(jnp.where(inside, values, -jnp.inf))]
    return (
        peak(values, inside, **here),
        jnp.where(jnp.any(inside), at, jnp.nan),
        rival_peak(values, inside, **here),
        at_edge(values, inside, context.near_end, **here),
    )


def _vertical_reaction(side):
    def curve(model, record, context):
        regions = jnp.array([float(name.endswith(f"_{side}")) for name in model.contacts.names])
        up = -model.skeleton.gravity / jnp.sqrt(jnp.sum(model.skeleton.gravity**2))
        return (record.bodies.ground.force @ up) @ regions / context.body_weight

    return curve


def _arch(side):
    def curve(model, record, context):
        index = model.skeleton.coordinates.names.index(f"midtarsal_angle_{side}")
        return _DEGREES * record.stride.value[:, index]

    return curve


def _fascia(side):
    def curve(model, record, context):
        index = model.ligaments.names.index(f"plantar_fascia_{side}")
        return (
            record.bodies.ligaments.length[:, index] / model.ligaments.resting_length[index] - 1.0
        )

    return curve


def _stance(side):
    def number(model, record, context):
        time = record.stride.time
        share = context.stance_share[:, SIDES.index(side)]
        return 100.0 * jnp.sum(share * (time[1:] - time[:-1])) / (time[-1] - time[0])

    return number


def _cost(model, record, context):
    return jnp.sum(record.cost)
