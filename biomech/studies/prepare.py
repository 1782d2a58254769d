"""From a model and a trial to the arrays the `inverse` study takes.

Host code: filters, splines and checks happen here, where values are concrete.
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..dynamics.kinematics import coupled_motion, pose
from ..dynamics.spatial import wrench_at
from ..formats.external_loads import TIME_ROUNDING, Load, evaluate_external_force
from ..formats.trial import Trial, match_coordinates
from ..model.body import Model
from ..model.edits import with_reserves
from ..model.names import BadInput
from .gait_events import STANCE_THRESHOLD
from .inverse import MeasuredMotion
from .motion import near_end, reach_of_end, smooth_and_differentiate

RESERVE = 1.0
"""Optimal force of a default reserve [N m or N]: so small that muscles are always cheaper."""
RESIDUAL = 100.0
"""Optimal force of a default residual between ground and the root body [N m or N]."""
MOST_FRAMES = 100_000
"""Most instants of one study: 100 s at 1000 Hz; each takes some 20 kB of a detailed model."""
FARTHEST_POINT = 1.0
"""No segment of a person reaches so far from its own origin (the origin is a joint) [m]."""

_ROUNDING = 1e-6  # of a spline through forces that are exactly 0 [N]


def ensure_actuated(model: Model) -> Model:
    """The model with an actuator of unlimited control on every free coordinate.

    Coordinates of a joint to ground that have none get a residual (`RESIDUAL`), others a reserve
    (`RESERVE`), so that static optimization always has an answer and says where muscles, and
    motors with limits, fell short.
    """
    coordinates, at_root = model.skeleton.coordinates, model.skeleton.root_coordinates
    low, high = np.asarray(model.actuators.min_control), np.asarray(model.actuators.max_control)
    unlimited = np.array(model.actuators.coordinates, int)[np.isinf(low) & np.isinf(high)]
    names, taken = coordinates.names, set(model.actuators.names)
    bare = [
        c  # one limited by its user's own wish stays alone
        for c in coordinates.free
        if c not in unlimited and not {f"residual_{names[c]}", f"reserve_{names[c]}"} & taken
    ]
    residuals = {names[c]: RESIDUAL for c in bare if c in at_root}
    reserves = {names[c]: RESERVE for c in bare if c not in at_root}
    return with_reserves(with_reserves(model, residuals, kind="residual"), reserves)


def measured_motion(
    model: Model,
    trial: Trial,
    *,
    start: float | None = None,
    end: float | None = None,
    rate_hz: float | None = None,
    lowpass_hz: float | None = None,
    values: Mapping[str, float] | None = None,
) -> tuple[MeasuredMotion, tuple[str, ...]]:
    """The trial on the model's coordinates, with its loads as wrenches on bodies, and notes.

    - `start`, `end`: window [s]; the trial's own by default.
    - `rate_hz`: frames per second; the recorded samples by default.
    - `lowpass_hz`: cut-off of the zero-phase Butterworth filter on coordinates; none by default.
    - `values`: coordinates held at a value [rad or m] instead of read.
    """
    coordinates = model.skeleton.coordinates
    names, default = coordinates.names, np.asarray(coordinates.default_value)
    columns, notes = match_coordinates(
        trial,
        names,
        coupled=[names[i] for i in coordinates.dependent],
        locked={n: float(default[i]) for i, n in enumerate(names) if coordinates.locked[i]},
        values=values,
        translational=[
            n
            for n, kind in zip(names, coordinates.motion_types, strict=True)
            if kind == "translational"
        ],
    )
    frames = _frame_times(trial, start, end, rate_hz)
    motion = smooth_and_differentiate(trial.time, columns, frames, lowpass_hz=lowpass_hz)
    wrench = np.zeros((frames.size, len(model.skeleton.body_names), 6))
    for external in trial.external_forces:
        body = model.skeleton.body_index(external.body)
        if body < 0:
            continue
        load, moved = _on_body(model, motion.value, body, evaluate_external_force(external, frames))
        if moved:
            notes += (
                f"External force '{external.name}': at {moved} of {frames.size} frames it is below "
                f"{STANCE_THRESHOLD:g} N and its point of application more than "
                f"{FARTHEST_POINT:g} m from the origin of '{external.body}', so noise; there it "
                "acts at that origin.",
            )
        wrench[:, body] += np.asarray(
            wrench_at(*(jnp.asarray(part) for part in (load.force, load.point, load.torque)))
        )
    return MeasuredMotion(
        *map(jnp.asarray, (frames, motion.value, motion.speed, motion.acceleration, wrench))
    ), (*notes, *_notes_of_ends(trial.time, frames, lowpass_hz))


def _on_body(model, value, body, load) -> tuple[Load, int]:
    """The load with points far from the body moved to its origin, and how many.

    Under an unloaded plate the point of application is noise over noise, anywhere: 1 N at 100 m
    would be the moment of a whole leg. Only loads below the stance threshold are touched.
    """
    size = np.linalg.norm(load.force, axis=1)
    low = (size > _ROUNDING) & (size < STANCE_THRESHOLD)
    if not low.any():
        return load, 0
    values = jnp.asarray(value, model.skeleton.mass.dtype)
    origin = np.asarray(_origins(model.skeleton, values))[:, body]
    far = low & (np.linalg.norm(load.point - origin, axis=1) > FARTHEST_POINT)
    return load._replace(point=np.where(far[:, None], origin, load.point)), int(far.sum())


@eqx.filter_jit
def _origins(skeleton, values):
    """Origin of every body in ground at every frame [m]."""

    def one(value):
        still = jnp.zeros_like(value)
        return pose(skeleton, coupled_motion(skeleton, value, still, still)[0]).position

    return jax.vmap(one)(values)


def _notes_of_ends(time, frames, lowpass_hz) -> tuple[str, ...]:
    """Which frames are too near the ends of the record for their accelerations to be right."""
    near = frames[near_end(time, frames, lowpass_hz)]
    if not near.size:
        return ()
    reach, middle = reach_of_end(time, lowpass_hz), 0.5 * (time[0] + time[-1])
    parts = [part for part in (near[near < middle], near[near >= middle]) if part.size]
    spans = " and ".join(f"{part[0]:.4g} to {part[-1]:.4g} s" for part in parts)
    cause = "the spline" if lowpass_hz is None else f"the filter of {lowpass_hz:g} Hz"
    better = f"analyse {time[0] + reach:.4g} to {time[-1] - reach:.4g} s or "
    return (
        f"Frames from {spans} lie within {reach:.2g} s of an end of the recorded motion "
        f"({time[0]:.4g} to {time[-1]:.4g} s). There {cause} lacks what came before or after, and "
        "accelerations, joint loads and residuals are not reliable: "
        f"{better if 2.0 * reach < time[-1] - time[0] else ''}record longer.",
    )


def _frame_times(trial, start, end, rate_hz):
    """Instants to analyse, inside the trial's window [s]."""
    start = trial.start if start is None else start
    end = trial.end if end is None else end
    slack = TIME_ROUNDING
    if not trial.start - slack <= start <= end <= trial.end + slack:
        raise BadInput(
            f"The window {start:g} to {end:g} s does not lie within what was recorded, "
            f"{trial.start:g} to {trial.end:g} s. Change `start` and `end`."
        )
    start, end = max(start, trial.start), min(end, trial.end)
    inside = (trial.time >= start - slack) & (trial.time <= end + slack)
    if rate_hz is None:
        count = int(inside.sum())
    else:
        count = int(np.floor((end - start) * rate_hz + slack)) + 1
    if not 1 <= count <= MOST_FRAMES:
        raise BadInput(
            f"The window {start:g} to {end:g} s holds {count} instants; 1 to {MOST_FRAMES} can be "
            "analysed at once. Change `start`, `end` or `rate_hz`."
        )
    if rate_hz is None:
        return trial.time[inside]
    return np.minimum(start + np.arange(count) / rate_hz, end)
