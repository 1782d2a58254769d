"""Heel strikes, toe-offs and gait percentage of each leg, from the measured ground reaction.

A foot is on the ground while the vertical force under it is at least a threshold (20 N by default;
thresholds of 10 to 50 N are usual). Heel strike is the upward crossing, toe-off the downward one,
placed by linear interpolation between the samples on both sides. Time above (or below) the
threshold that is shorter than `shortest` [s] is taken for noise and ignored. A stance cut short by
the beginning or end of the record may be as brief as it likes, but must reach `SURELY_LOADED` times
the threshold: a foot that lands or leaves does so within hundredths of a second, noise does not.

    gait percentage = 100 x (t - last heel strike) / stride time              in [0, 100)

Between two recorded heel strikes the stride time is the time between them. Elsewhere, where no
whole stride of this leg was recorded, the percentage is taken modulo the leg's mean stride time;
a leg with fewer than two heel strikes borrows the other leg's stride time, since in steady gait
both have the same. So a window as long as one stride covers 0 to 100 % of both legs, but for the
leg whose heel strike lies inside the window the percentage wraps there: two neighbours in
percentage may be one stride apart in time.

A *cyclic* motion (whole strides whose last instant repeats the first, as in the built-in
reference gaits) is continued periodically before the crossings are looked for.

The side of a force is the suffix, `_r` or `_l`, of the body it acts on. Host code, NumPy.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from ..formats.external_loads import ExternalForce, evaluate_external_force
from ..formats.trial import Trial

SIDES = ("r", "l")
"""Order of the `side` axis."""
STANCE_THRESHOLD = 20.0
"""Vertical force from which a foot counts as on the ground [N]."""
SURELY_LOADED = 2.0
"""Times the threshold that a brief stance at an end of the record must reach [-]."""
_PERIODIC = 1e-3  # last and first instant of a cyclic motion differ by less [rad, m]


@dataclasses.dataclass(frozen=True, eq=False)
class SideEvents:
    """Events of one leg.

    **Attributes:**

    - `side`: "r" or "l".
    - `heel_strikes`, `toe_offs`: [s], increasing.
    - `stride_time`: mean [s]; NaN if neither leg shows a stride.
    - `toe_off_percent`: of the gait cycle, mean over the whole stances [%]; NaN if there is none.
    """

    side: str
    heel_strikes: Float[np.ndarray, " strike"]
    toe_offs: Float[np.ndarray, " lift"]
    stride_time: float
    toe_off_percent: float

    def percent(self, time: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        """Percentage of the gait cycle at each instant, in [0, 100); NaN if unknown."""
        strikes = self.heel_strikes
        if strikes.size == 0 or not np.isfinite(self.stride_time):
            return np.full(time.shape, np.nan)
        last = np.clip(np.searchsorted(strikes, time, side="right") - 1, 0, strikes.size - 1)
        duration = np.full(strikes.size, self.stride_time)
        duration[:-1] = np.diff(strikes)
        before_first = time < strikes[0]
        stride = np.where(before_first, self.stride_time, duration[last])
        return np.mod((time - strikes[last]) / stride, 1.0) * 100.0


@dataclasses.dataclass(frozen=True, eq=False)
class GaitEvents:
    """Events of both legs, and the forces they were read from.

    **Attributes:**

    - `right`, `left`: `SideEvents`.
    - `external_forces`: of the whole record.
    - `threshold`: [N].
    """

    right: SideEvents
    left: SideEvents
    external_forces: tuple[ExternalForce, ...]
    threshold: float

    @property
    def sides(self) -> tuple[SideEvents, SideEvents]:
        """In the order of `SIDES`."""
        return self.right, self.left

    def percent(self, time: Float[np.ndarray, " time"]) -> Float[np.ndarray, "time 2"]:
        """Gait percentage of each leg, columns in the order of `SIDES`."""
        return np.stack([side.percent(time) for side in self.sides], axis=1)

    def stance(self, time: Float[np.ndarray, " time"]) -> Bool[np.ndarray, "time 2"]:
        """Whether each foot is on the ground, columns in the order of `SIDES`."""
        load = lambda side: side_load(self.external_forces, side, time)[0][:, 1]
        return np.stack([load(side) >= self.threshold for side in SIDES], axis=1)

    def stance_share(self, time: Float[np.ndarray, " time"]) -> Float[np.ndarray, "interval 2"]:
        """Share of each interval between instants that each foot is on the ground [-].

        1 or 0 if it is at both ends or at neither; else the event inside divides the interval.
        """
        stance = self.stance(time)
        before, after = stance[:-1], stance[1:]
        share = (before & after).astype(float)
        for column, side in enumerate(self.sides):
            for events, lands in ((side.heel_strikes, True), (side.toe_offs, False)):
                event = events[(events >= time[0]) & (events < time[-1])]
                i = np.searchsorted(time, event, side="right") - 1
                part = (event - time[i]) / (time[i + 1] - time[i])
                inside = (before[i, column] != lands) & (after[i, column] == lands)
                share[i[inside], column] = (1.0 - part if lands else part)[inside]
        return share


def gait_events(
    trial: Trial,
    *,
    threshold: float = STANCE_THRESHOLD,
    shortest: float = 0.1,
    cyclic: bool | None = None,
) -> GaitEvents:
    """Events of both legs from the whole force record of `trial`.

    `threshold`: [N]. `shortest`: stance or swing that counts [s]. `cyclic`: whether the record is
    to be continued periodically; by default found out (`is_cyclic`).
    """
    forces = trial.external_forces
    period = None
    if is_cyclic(trial) if cyclic is None else cyclic:
        period = float(trial.time[-1] - trial.time[0])
    crossings = [_crossings(forces, side, threshold, shortest, period) for side in SIDES]
    strides = [_stride_time(strikes, lifts) for strikes, lifts in crossings]
    known = [stride for stride in strides if np.isfinite(stride)]
    borrowed = known[0] if known else float("nan")
    right, left = (
        _side_events(side, *found, stride if np.isfinite(stride) else borrowed)
        for side, found, stride in zip(SIDES, crossings, strides, strict=True)
    )
    return GaitEvents(right, left, forces, threshold)


def is_cyclic(trial: Trial) -> bool:
    """Whether the last instant repeats the first, but for the distance travelled (`..._tx`).

    Measured strides never close to within a milliradian in every coordinate.
    """
    closing = [i for i, name in enumerate(trial.coordinate_names) if not name.endswith("_tx")]
    if trial.time.size < 3 or not closing:
        return False
    gap = np.abs(trial.coordinate_values[-1, closing] - trial.coordinate_values[0, closing])
    travelled = np.ptp(trial.coordinate_values[:, closing], axis=0).max()
    return bool(gap.max() < _PERIODIC and travelled > 100.0 * _PERIODIC)


def side_load(
    forces: Sequence[ExternalForce], side: str, time: Float[np.ndarray, " time"]
) -> tuple[Float[np.ndarray, "time 3"], Float[np.ndarray, "time 3"], Float[np.ndarray, "time 3"]]:
    """Force under one foot [N], its center of pressure [m] and the free moment there [N m].

    Several forces on one side act together. The center of pressure lies in the horizontal plane
    through their (load-weighted) points of application, where the moment is vertical; it is
    meaningless while the vertical force is near zero.
    """
    force, moment, weighted_height = np.zeros((3, *time.shape, 3))
    for external in forces:
        if not external.body.endswith(f"_{side}"):
            continue
        load = evaluate_external_force(external, time)
        force += load.force
        moment += np.cross(load.point, load.force) + load.torque
        weighted_height += load.point * load.force[:, 1:2]
    vertical = np.where(np.abs(force[:, 1]) > 0.0, force[:, 1], np.inf)
    height = weighted_height[:, 1] / vertical
    x = (moment[:, 2] + height * force[:, 0]) / vertical
    z = (height * force[:, 2] - moment[:, 0]) / vertical
    center = np.stack([x, height, z], axis=1)
    return force, center, moment - np.cross(center, force)


def _crossings(forces, side, threshold, shortest, period):
    """Times of upward and downward crossings [s]."""
    times = [force.time for force in forces if force.body.endswith(f"_{side}")]
    if not times:
        return np.zeros(0), np.zeros(0)
    start, end = max(t[0] for t in times), min(t[-1] for t in times)
    time = times[0][(times[0] >= start) & (times[0] <= end)]
    vertical = side_load(forces, side, time)[0][:, 1]
    if period is not None:
        once = time < time[0] + period * (1.0 - 1e-9)
        time, vertical = time[once], vertical[once]
        time = np.concatenate([time - period, time, time + period])
        vertical = np.tile(vertical, 3)
    loaded = _without_short_runs(time, vertical >= threshold, shortest)
    loaded = _without_weak_ends(time, loaded, vertical < SURELY_LOADED * threshold, shortest)
    change = np.flatnonzero(loaded[1:] != loaded[:-1])
    rise = vertical[change + 1] - vertical[change]
    # Where noise was bridged the crossing may lie outside the interval: keep it inside.
    share = np.clip((threshold - vertical[change]) / np.where(rise == 0.0, 1.0, rise), 0.0, 1.0)
    at = time[change] + share * (time[change + 1] - time[change])
    upward = loaded[change + 1]
    return at[upward], at[~upward]


def _without_short_runs(time, loaded, shortest):
    """`loaded` with every inner run of less than `shortest` seconds merged into its neighbours."""
    loaded = loaded.copy()
    while True:
        edges = np.flatnonzero(loaded[1:] != loaded[:-1]) + 1
        durations = np.diff(time[edges])
        if durations.size == 0 or durations.min() >= shortest:
            return loaded
        run = int(np.argmin(durations))
        loaded[edges[run] : edges[run + 1]] ^= True


def _without_weak_ends(time, loaded, weak, shortest):
    """`loaded` without a first or last run shorter than `shortest` that is weak throughout."""
    loaded = loaded.copy()
    edges = np.flatnonzero(loaded[1:] != loaded[:-1]) + 1
    if edges.size:
        for run in (slice(0, edges[0]), slice(edges[-1], None)):
            part = time[run]
            if loaded[run][0] and part[-1] - part[0] < shortest and weak[run].all():
                loaded[run] = False
    return loaded


def _stride_time(strikes, lifts):
    """Mean time between heel strikes, or else between toe-offs [s]; NaN if there are not two."""
    for events in (strikes, lifts):
        if events.size > 1:
            return float(np.mean(np.diff(events)))
    return float("nan")


def _side_events(side, strikes, lifts, stride):
    nothing = float("nan")
    if not strikes.size or not np.isfinite(stride):
        return SideEvents(side, strikes, lifts, stride, nothing)
    stances = [
        lifts[lifts > strike][0] - strike
        for strike in strikes
        if np.any((lifts > strike) & (lifts < strike + stride))
    ]
    toe_off = 100.0 * float(np.mean(stances)) / stride if stances else nothing
    return SideEvents(side, strikes, lifts, stride, toe_off)
