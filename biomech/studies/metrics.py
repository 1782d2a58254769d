"""Named numbers of a gait: peaks and impulses of joint loads, pure functions of a record.

    peak     = top of the parabola through the largest sample of a window and its two neighbours
    impulse  = integral of |load| over stance, from event to event; linear between samples
    knee adduction moment = -+ (moment of the femur on the tibia) . (tibia x axis) / body mass
    medial, lateral knee force: see `dynamics.knee_compartments`

Joint loads are sizes of joint reaction forces over body weight. The knee adduction moment is
*external*: what ground reaction, weight and inertia do about the knee center; positive presses the
tibia into adduction (varus) on either side. It is the negative of the internal net moment that
the femur exerts on the tibia, taken about the tibia's x (anterior) axis; a positive rotation about
x adducts a right tibia and abducts a left one, hence the sign of the side. Muscles do not enter.
The forces of the two compartments are over body weight and keep their sign: below zero the
compartment lifts off.

Windows: peaks are taken in stance without the first 5 % of the gait cycle, where measured
kinematics and ground reaction are least in step; early stance is 5 to 30 % and late stance 30 % to
toe-off, which hold the two peaks of knee and hip load of normal walking. A record of several
strides gives the largest peak and the sum of the impulses of all of them; of a stance that the
record cuts off the impulse is what the record holds of it. Where the stance is known
but no stride, the 5 % are not left out, and early and late stance are NaN. Without external loads
the window is the whole record. Instants that were not solved are left out; those limited by
strength are kept, and `limited_share` says how many there are.

A largest sample without both neighbours in the window has no parabola and counts as it is; so the
derivative there is that of the sample. One on the first or last instant of the record is no peak at
all, since the load may have been larger just outside, and one too near the ends of the recorded
motion (`motion.near_end`) has wrong accelerations in it: `at_edge` says so. A record whose last
instant repeats its first (`is_periodic`) has no edge: peaks are taken across it. Where two
peaks lie within 1 % (`rival_peak`) the larger may change place under a small change of the model,
and its derivative tells only one side.

Everything is differentiable in the record and the context, and jits.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float

from ..dynamics.inverse_dynamics import body_mass
from ..dynamics.knee_compartments import (
    COMPARTMENTS,
    KneeContacts,
    compartment_forces,
    external_adduction_moment,
    knee_contacts,
    lateral_shift,
)
from ..dynamics.spatial import length
from ..model.body import Model
from ..model.names import UnknownName, find, suggest
from .gait_events import SIDES
from .inverse import STATUS, InverseRecord

EXCLUDED_PERCENT = 5.0
"""Gait cycle after heel strike that no peak is taken from [%]."""
MID_STANCE_PERCENT = 30.0
"""Between the first and the second peak of stance [%]; the trough of measured loads lies there."""
RIVAL_SHARE = 0.01
"""Peaks closer than this share of the larger one are rivals [-]."""
_CLOSES = 1e-3  # first and last instant of a periodic record differ by less, over the range [-]

LEG = ("hip", "knee", "ankle")
_JOINT_NAMES = {
    "hip": ("hip",),
    "knee": ("walker_knee", "knee"),
    "patellofemoral": ("patellofemoral",),
    "ankle": ("ankle",),
    "subtalar": ("subtalar",),
}


class Context(eqx.Module):
    """What a metric needs to know besides the record.

    **Attributes:**

    - `body_mass`: [kg]. `body_weight`: [N].
    - `gait_percent`: of each leg [%], NaN without events.
    - `stance`: whether each foot is on the ground; all true without external loads.
    - `stance_share`: share of each interval between instants that it is [-].
    - `near_end`: instants too near the ends of the recorded motion for their accelerations.
    - `knees`: where femur and tibia touch.
    - `joint_names`: of the model. Static.
    - `periodic`: whether the last instant of the record repeats the first. Static.
    """

    body_mass: Float[Array, ""]
    body_weight: Float[Array, ""]
    gait_percent: Float[Array, "time side"]
    stance: Bool[Array, "time side"]
    stance_share: Float[Array, "interval side"]
    near_end: Bool[Array, " time"]
    knees: KneeContacts
    joint_names: tuple[str, ...] = eqx.field(static=True)
    periodic: bool = eqx.field(static=True, default=False)


class Window(NamedTuple):
    """A part of the gait cycle of one leg [%]; `end` counts only inside stance."""

    start: float
    end: float
    words: str


class Metric(NamedTuple):
    """A number of one side: the peak in a window of the gait cycle, or the impulse over stance.

    - `joint`, `side`; `of`: "force" (joint load), "adduction_moment" (external, of the knee),
      "medial" or "lateral" (force of that compartment of the knee).
    - `window`: where the peak is looked for; None for an impulse.
    """

    joint: str
    side: str
    of: str
    window: Window | None
    unit: str
    long_name: str


STANCE = Window(0.0, 100.0, "stance")
PEAK = Window(EXCLUDED_PERCENT, 100.0, f"stance after {EXCLUDED_PERCENT:g} % of the gait cycle")
EARLY = Window(EXCLUDED_PERCENT, MID_STANCE_PERCENT, "early stance, 5-30 % of the gait cycle")
LATE = Window(MID_STANCE_PERCENT, 100.0, "late stance, 30 % of the gait cycle to toe-off")


def context(
    model: Model,
    record: InverseRecord,
    gait_percent: Float[ArrayLike, "time side"] | None = None,
    stance: Bool[ArrayLike, "time side"] | None = None,
    *,
    stance_share: Float[ArrayLike, "interval side"] | None = None,
    near_end: Bool[ArrayLike, " time"] | None = None,
    knees: KneeContacts | None = None,
    periodic: bool = False,
    mass: Float[ArrayLike, ""] | None = None,
) -> Context:
    """The context of a record.

    `gait_percent` [%], `stance` and `stance_share` come from `gait_events`; without a stance every
    window is the whole record, without a share only whole intervals count. `near_end`: as
    `motion.near_end` finds it; by default nowhere. `knees`: by default those of
    `knee_contacts()`. `periodic`: as `is_periodic` finds it. `mass`: of the body [kg], if it is not
    that of `model`.
    """
    skeleton = model.skeleton
    mass = body_mass(skeleton) if mass is None else jnp.asarray(mass)
    shape = (record.time.shape[0], len(SIDES))
    percent = jnp.full(shape, jnp.nan) if gait_percent is None else jnp.asarray(gait_percent)
    on_ground = jnp.ones(shape, bool) if stance is None else jnp.asarray(stance)
    share = on_ground[1:] & on_ground[:-1] if stance_share is None else jnp.asarray(stance_share)
    near = jnp.zeros(shape[0], bool) if near_end is None else jnp.asarray(near_end)
    knees = knee_contacts() if knees is None else knees
    return Context(
        body_mass=mass,
        body_weight=mass * length(skeleton.gravity),
        gait_percent=percent.astype(record.time.dtype),
        stance=on_ground,
        stance_share=share.astype(record.time.dtype),
        near_end=near,
        knees=jax.tree.map(lambda x: x.astype(record.time.dtype), knees),
        joint_names=model.skeleton.joint_names,
        periodic=periodic,
    )


def is_periodic(record: InverseRecord, coordinate_names: Sequence[str]) -> bool:
    """Whether the last instant repeats the first, but for the distance travelled (`..._tx`).

    Coordinates, speeds and net moments must all close, as in a whole stride of a built-in gait;
    measured strides never do. Takes a record of one case, outside compiled code.
    """
    stays = [i for i, name in enumerate(coordinate_names) if not name.endswith("_tx")]
    parts = (record.value[:, jnp.array(stays, int)], record.speed, record.generalized_force)
    return record.time.size > 2 and all(map(closes, map(np.asarray, parts)))


def closes(values: np.ndarray) -> bool:
    gap = np.abs(values[-1] - values[0]).max(initial=0.0)
    return bool(gap <= _CLOSES * np.ptp(values, axis=0).max(initial=0.0))


def joint_index(joint_names: Sequence[str], joint: str, side: str) -> int:
    """Index of a joint named in plain words ("knee"), whatever the model calls it."""
    index = _find_joint(joint_names, joint, side)
    if index is not None:
        return index
    return find("joint", f"{_JOINT_NAMES.get(joint, (joint,))[-1]}_{side}", joint_names)


def _find_joint(joint_names: Sequence[str], joint: str, side: str) -> int | None:
    """`joint_index`, or None."""
    for stem in _JOINT_NAMES.get(joint, (joint,)):
        if f"{stem}_{side}" in joint_names:
            return tuple(joint_names).index(f"{stem}_{side}")
    return None


# ---------------------------------------------------------------------------------- windows


def window_mask(
    record: InverseRecord, context: Context, side: str, window: Window
) -> Bool[Array, " time"]:
    """Solved instants of `record` inside `window`."""
    column = SIDES.index(side)
    percent = context.gait_percent[:, column]
    inside = (percent >= window.start) & (percent < window.end)
    if window in (STANCE, PEAK):
        inside = inside | jnp.isnan(percent)
    return inside & context.stance[:, column] & solved(record)


def solved(record: InverseRecord) -> Bool[Array, " time"]:
    """Instants with an answer, be it limited by strength."""
    limited = STATUS.index("strength_limited")
    return (record.status == STATUS.index("successful")) | (record.status == limited)


# ------------------------------------------------------------------------- peak and impulse


def peak(
    values: Float[Array, " time"], mask: Bool[Array, " time"], *, periodic: bool = False
) -> Float[Array, ""]:
    """Largest of `values` where `mask` holds, refined by a parabola; NaN if it holds nowhere.

    Samples are taken to be equally spaced. `periodic`: the last repeats the first, and the one
    before it is the first one's neighbour.
    """
    if periodic:
        values, mask = values[:-1], mask[:-1]
    n = values.shape[0]
    top = jnp.argmax(jnp.where(mask, values, -jnp.inf))
    before, after = (top - 1) % n, (top + 1) % n
    inner = mask[before] & mask[after]
    if not periodic:
        inner = inner & (top > 0) & (top < n - 1)
    y0, y1, y2 = values[before], values[top], values[after]
    curvature = y0 - 2.0 * y1 + y2
    curved = inner & (curvature < 0.0)
    safe = jnp.where(curved, curvature, -1.0)
    vertex = y1 - (y2 - y0) ** 2 / (8.0 * safe)
    return jnp.where(jnp.any(mask), jnp.where(curved, vertex, y1), jnp.nan)


def at_edge(
    values: Float[Array, " time"],
    mask: Bool[Array, " time"],
    near_end: Bool[Array, " time"],
    *,
    periodic: bool = False,
) -> Bool[Array, ""]:
    """Whether the largest of `values` in `mask` is the first or last of the record or `near_end`.

    `periodic`: the record has no first or last.
    """
    top = jnp.argmax(jnp.where(mask, values, -jnp.inf))
    edge = near_end[top]
    if not periodic:
        edge = edge | (top == 0) | (top == values.shape[0] - 1)
    return jnp.any(mask) & edge


def rival_peak(
    values: Float[Array, " time"],
    mask: Bool[Array, " time"],
    share: float = RIVAL_SHARE,
    *,
    periodic: bool = False,
) -> Bool[Array, ""]:
    """Whether another local maximum comes within `share` of the largest value in `mask`."""
    inside = jnp.where(mask, values, -jnp.inf)
    inside = inside[:-1] if periodic else inside
    before, after = jnp.roll(inside, 1), jnp.roll(inside, -1)
    if not periodic:
        before, after = before.at[0].set(-jnp.inf), after.at[-1].set(-jnp.inf)
    top = jnp.max(inside)
    near = (inside > before) & (inside >= after) & (inside >= top - share * jnp.abs(top))
    return jnp.sum(near) > 1


def impulse(
    time: Float[Array, " time"],
    values: Float[Array, " time"],
    stance: Bool[Array, " time"],
    stance_share: Float[Array, " interval"],
    known: Bool[Array, " time"],
) -> Float[Array, ""]:
    """Integral of `values` over stance, between instants that are `known`; NaN if there is none.

    `stance_share`: of each interval between instants; the part next to the instant in stance.
    """
    begin = jnp.where(stance[:-1], 0.0, 1.0 - stance_share)
    middle = begin + 0.5 * stance_share
    mean = values[:-1] + middle * (values[1:] - values[:-1])
    counted = known[1:] & known[:-1] & (stance_share > 0.0)
    area = jnp.where(counted, stance_share * mean * (time[1:] - time[:-1]), 0.0)
    return jnp.where(jnp.any(counted), jnp.sum(area), jnp.nan)


# --------------------------------------------------------------------------------- loads


def joint_load(
    record: InverseRecord, context: Context, joint: str, side: str
) -> Float[Array, " time"]:
    """Size of a joint reaction force over body weight [-]; its gradient where it is 0 is 0."""
    force = record.joint_reaction_force[:, joint_index(context.joint_names, joint, side)]
    return length(force) / context.body_weight


def knee_adduction_moment(
    record: InverseRecord, context: Context, side: str
) -> Float[Array, " time"]:
    """External knee adduction moment over body mass [N m/kg]; see the head of this file."""
    knee = joint_index(context.joint_names, "knee", side)
    moment = record.intersegmental_moment_body_axes[:, knee]
    return external_adduction_moment(moment, side) / context.body_mass


def knee_contact_force(
    record: InverseRecord, context: Context, side: str
) -> Float[Array, "time compartment"]:
    """Medial and lateral contact force of the knee [N]; see `dynamics.knee_compartments`."""
    row, knee = SIDES.index(side), joint_index(context.joint_names, "knee", side)
    shift = _lateral_shift(record, context, side, context.knees.varus[row])
    return compartment_forces(
        record.joint_reaction_force_body_axes[:, knee],
        record.joint_reaction_moment_body_axes[:, knee],
        record.intersegmental_force_body_axes[:, knee],
        side=side,
        spacing=context.knees.spacing[row],
        lateral_shift=shift,
    )


def medial_force_per_varus(
    record: InverseRecord, context: Context, side: str
) -> Float[Array, " time"]:
    """What one radian of varus adds to the medial force, and takes from the lateral one [N/rad].

    Exact: both are linear in varus.
    """
    knee = joint_index(context.joint_names, "knee", side)
    shift = _lateral_shift(record, context, side, 1.0)
    force = record.intersegmental_force_body_axes[:, knee, 1]
    return -shift * force / context.knees.spacing[SIDES.index(side)]


def _lateral_shift(record, context, side, varus):
    joints = [joint_index(context.joint_names, joint, side) for joint in LEG]
    return lateral_shift(varus, *(record.joint_center[:, i] for i in joints))


def has_leg(joint_names: Sequence[str], side: str) -> bool:
    """Whether there are a hip, a knee and an ankle, which compartments of the knee need."""
    return all(_find_joint(joint_names, joint, side) is not None for joint in LEG)


# ------------------------------------------------------------------------------- registry

_WORDS = {
    "hip": "hip",
    "knee": "tibiofemoral",
    "patellofemoral": "patellofemoral",
    "ankle": "ankle",
}
_WINDOWS = {"peak": PEAK, "early_peak": EARLY, "late_peak": LATE}
_TWO_PEAKS = ("hip", "knee")
_SIDE_WORDS = {"r": "right", "l": "left"}


def _registry() -> dict[str, Metric]:
    metrics: dict[str, Metric] = {}
    for side, side_word in _SIDE_WORDS.items():
        for joint, word in _WORDS.items():
            for kind, window in (_WINDOWS if joint in _TWO_PEAKS else {"peak": PEAK}).items():
                what = f"Peak {side_word} {word} joint reaction force, {window.words}"
                name = f"{kind}_{joint}_force_{side}"
                metrics[name] = Metric(joint, side, "force", window, "BW", what)
            what = f"Impulse of the {side_word} {word} joint reaction force over stance"
            name = f"{joint}_force_impulse_{side}"
            metrics[name] = Metric(joint, side, "force", None, "BW s", what)
        for kind, window in _WINDOWS.items():
            what = f"Peak external {side_word} knee adduction moment, {window.words}"
            name = f"{kind}_knee_adduction_moment_{side}"
            metrics[name] = Metric("knee", side, "adduction_moment", window, "N m/kg", what)
        for part in COMPARTMENTS:
            for kind, window in _WINDOWS.items():
                what = f"Peak {side_word} {part} knee contact force, {window.words}"
                name = f"{kind}_{part}_knee_force_{side}"
                metrics[name] = Metric("knee", side, part, window, "BW", what)
            what = f"Impulse of the {side_word} {part} knee contact force over stance"
            metrics[f"{part}_knee_force_impulse_{side}"] = Metric(
                "knee", side, part, None, "BW s", what
            )
    return metrics


METRICS: Mapping[str, Metric] = _registry()
"""Name -> `Metric`. Names end with the side."""


def find_metric(name: str) -> Metric:
    """The metric of that name; `UnknownName` with near misses if there is none."""
    if name not in METRICS:
        raise UnknownName(f"No metric named '{name}'. {suggest(name, tuple(METRICS))}")
    return METRICS[name]


def available_metrics(joint_names: Sequence[str]) -> tuple[str, ...]:
    """Metrics whose joint is among `joint_names`."""
    return tuple(name for name, metric in METRICS.items() if _has_joint(joint_names, metric))


def _has_joint(joint_names, metric):
    if metric.of in COMPARTMENTS:
        return has_leg(joint_names, metric.side)
    return _find_joint(joint_names, metric.joint, metric.side) is not None


class MetricReport(eqx.Module):
    """Metrics of a record.

    **Attributes:**

    - `value`: in the metric's unit.
    - `time`: of the largest sample in its window [s]; NaN for an impulse.
    - `rival_peak`: whether a second peak comes within `RIVAL_SHARE` of the one reported.
    - `at_edge`: whether it lies at an end of the record or too near one; see the head of this file.
    - `limited_share`: of its window where muscles were too weak [-].
    - `names`: order of the axis. Static.
    """

    value: Float[Array, " metric"]
    time: Float[Array, " metric"]
    rival_peak: Bool[Array, " metric"]
    at_edge: Bool[Array, " metric"]
    limited_share: Float[Array, " metric"]
    names: tuple[str, ...] = eqx.field(static=True)


def evaluate_metrics(
    record: InverseRecord, context: Context, names: Sequence[str] | None = None
) -> MetricReport:
    """Named metrics (by default all the model has) with their warnings. Jits; `vmap` over cases."""
    names = available_metrics(context.joint_names) if names is None else tuple(names)
    metrics = [find_metric(name) for name in names]
    signals = _Table(lambda of, joint, side: _SIGNALS[of](record, context, joint, side))
    masks = _Table(lambda side, window: window_mask(record, context, side, window))
    signal = np.array([signals.row(m.of, m.joint, m.side) for m in metrics], int)
    mask = np.array([masks.row(m.side, m.window or STANCE) for m in metrics], int)
    side = np.array([SIDES.index(m.side) for m in metrics], int)
    is_peak = np.array([m.window is not None for m in metrics], bool)
    if not metrics:
        none = jnp.zeros(0, record.time.dtype)
        return MetricReport(none, none, none.astype(bool), none.astype(bool), none, names)

    values, inside = signals.stacked(signal), masks.stacked(mask)
    periodic = context.periodic
    at_peak = functools.partial(jax.vmap, in_axes=(0, 0))
    top = at_peak(lambda x, m: peak(x, m, periodic=periodic))(values, inside)
    rival = at_peak(lambda x, m: rival_peak(x, m, periodic=periodic))(values, inside)
    edge = at_peak(lambda x, m: at_edge(x, m, context.near_end, periodic=periodic))(values, inside)
    integral = jax.vmap(
        lambda x, stance, share: impulse(record.time, x, stance, share, solved(record))
    )(values, context.stance.T[side], context.stance_share.T[side])
    limited = record.limited.T[side] & inside
    largest = jnp.argmax(jnp.where(inside, values, -jnp.inf), axis=1)
    return MetricReport(
        jnp.where(is_peak, top, integral),
        jnp.where(is_peak & jnp.any(inside, axis=1), record.time[largest], jnp.nan),
        rival & is_peak,
        edge & is_peak,
        (jnp.sum(limited, axis=1) / jnp.sum(inside, axis=1)).astype(record.time.dtype),
        names,
    )


class _Table:
    """Rows that are made once however many metrics ask for them."""

    def __init__(self, make):
        self._make, self._rows, self._index = make, [], {}

    def row(self, *key) -> int:
        if key not in self._index:
            self._index[key] = len(self._rows)
            self._rows.append(self._make(*key))
        return self._index[key]

    def stacked(self, rows: np.ndarray):
        return jnp.stack(self._rows)[rows]


def _compartment(part, record, context, _, side):
    force = knee_contact_force(record, context, side)[:, COMPARTMENTS.index(part)]
    return force / context.body_weight


_SIGNALS = {
    "force": lambda record, context, joint, side: joint_load(record, context, joint, side),
    "adduction_moment": lambda record, context, _, side: knee_adduction_moment(
        record, context, side
    ),
    **{part: functools.partial(_compartment, part) for part in COMPARTMENTS},
}
