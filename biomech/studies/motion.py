"""Value, speed and acceleration of recorded coordinates at the frames of an analysis.

Two steps, on the host and in float64, as OpenSim's tools do them:

1. optionally a low-pass filter, `lowpass`: Butterworth, forwards and backwards (zero phase, so the
   amplitude at the cut-off frequency falls to 1/2). Coefficients are the bilinear transform with
   the frequency warped, `tan(pi f dt)`; before it the record is lengthened at both ends by its own
   point reflection, `2 q(end) - q(end -+ i dt)`. That is OpenSim's `Storage.pad(n / 2)` followed
   by `Storage.lowpassIIR(f)`, and reproduces them to rounding, except that OpenSim resamples a
   record whose time stamps are not exactly regular, and here they may be rounded.
2. the natural spline of degree 5 through every sample (third and fourth derivative zero at both
   ends), differentiated exactly: OpenSim's `GCVSpline` of degree 5 without smoothing
   (Woltring 1986, doi:10.1016/0141-1195(86)90098-7).

Units: s, and the unit of the values per s and s^2. Nothing is extrapolated.

Near the ends of a record acceleration is wrong, since both steps must assume what lies outside:
the point reflection and the natural spline pull it towards zero at the very end. How far this
reaches was measured on the 80-muscle walk of `docs/measured_walk.md`, sampled at 1 kHz, by cutting
14 pieces of 0.6 s out of it and comparing their joint loads (hip, knee, ankle) with those of the
whole record, at cut-offs of 6, 10 and 15 Hz. The largest error was

    time from the end x cut-off   0         0.25       0.5        0.8         1.5
    error [body weights]          1.6       0.4        0.2        0.05        0.01

so the reach goes with the period of the cut-off, and `near_end` marks `END_PERIODS` of it. Without
a filter the spline alone errs, on the last `END_SAMPLES` samples (0.16 and 0.02 body weights at
100 Hz, below 0.01 farther inside).
"""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float

from ..model.names import BadInput

END_PERIODS = 0.8
"""Periods of the cut-off frequency within which an end of the record is felt [-]."""
END_SAMPLES = 2
"""The same without a filter, in samples; the end itself is the first of them."""


@dataclasses.dataclass(frozen=True, eq=False)
class Motion:
    """Coordinates [rad or m] at some frames, their speed [1/s] and acceleration [1/s^2]."""

    value: Float[np.ndarray, "frame coordinate"]
    speed: Float[np.ndarray, "frame coordinate"]
    acceleration: Float[np.ndarray, "frame coordinate"]


def smooth_and_differentiate(
    time: Float[np.ndarray, " time"],
    values: Float[np.ndarray, "time coordinate"],
    frame_times: Float[np.ndarray, " frame"],
    *,
    lowpass_hz: float | int | None = None,
    pad: int | None = None,
    order: int = 3,
    spline_degree: int = 5,
) -> Motion:
    """Recorded `values` at `frame_times` [s] with their derivatives.

    `lowpass_hz`, `pad`, `order`: see `lowpass`; None filters nothing. `spline_degree`: 5 or 3.
    """
    from scipy.interpolate import make_interp_spline  # on use: slow to import

    _check_record(time, values, spline_degree)
    if lowpass_hz is not None:
        values = lowpass(time, values, lowpass_hz, order=order, pad=pad)
    step = float(time[-1] - time[0]) / (time.size - 1)
    # In units of samples, so that the end conditions weigh as much as the samples.
    samples = (time - time[0]) / step
    half = (spline_degree + 1) // 2
    ends = [(k, np.zeros(values.shape[1])) for k in range(half, 2 * half - 1)]
    spline = make_interp_spline(samples, values, k=spline_degree, bc_type=(ends, ends))
    frames = _inside(time, frame_times, step)
    return Motion(
        value=spline(frames),
        speed=spline(frames, 1) / step,
        acceleration=spline(frames, 2) / step**2,
    )


def reach_of_end(time: Float[np.ndarray, " time"], lowpass_hz: float | int | None) -> float:
    """How far from the ends of a record joint loads depend on what lies outside [s]."""
    if lowpass_hz is not None:
        return END_PERIODS / lowpass_hz
    return END_SAMPLES * float(time[-1] - time[0]) / (time.size - 1)


def near_end(
    time: Float[np.ndarray, " time"],
    frame_times: Float[np.ndarray, " frame"],
    lowpass_hz: float | int | None = None,
) -> Bool[np.ndarray, " frame"]:
    """Frames nearer to an end of the record than `reach_of_end`; see the head of this file."""
    reach = reach_of_end(time, lowpass_hz) * (1.0 - 1e-6)  # so that rounding takes none more
    return (frame_times < time[0] + reach) | (frame_times > time[-1] - reach)


def lowpass(
    time: Float[np.ndarray, " time"],
    values: Float[np.ndarray, "time coordinate"],
    cutoff_hz: float | int,
    *,
    order: int = 3,
    pad: int | None = None,
) -> Float[np.ndarray, "time coordinate"]:
    """`values` without what is faster than `cutoff_hz`.

    `order`: of the Butterworth filter, which acts twice. `pad`: samples the record is lengthened by
    at each end; None means half its length.
    """
    from scipy.signal import butter  # on use: slow to import

    step = _sampling_interval(time)
    pad = time.size // 2 if pad is None else pad
    if not 1 <= order <= 5:
        raise BadInput(f"`order` of the low-pass filter is {order}; it must be 1 to 5.")
    if not 0.0 < cutoff_hz < 0.5 / step:
        raise BadInput(
            f"The low-pass filter cannot cut at {cutoff_hz} Hz a record sampled at "
            f"{1 / step:.6g} Hz. Choose a frequency between 0 and {0.5 / step:.6g} Hz."
        )
    if not 0 <= pad < time.size or time.size + 2 * pad <= order:
        raise BadInput(f"A record of {time.size} samples cannot be padded by {pad} and filtered.")
    numerator, denominator = np.asarray(butter(order, 2.0 * cutoff_hz * step))
    filtered = _filter(numerator, denominator, _reflect(values, pad))
    filtered = _filter(numerator, denominator, filtered[::-1])[::-1]
    return filtered[pad : pad + time.size].copy()


def _reflect(values, pad):
    """Lengthened at both ends by point reflection, which keeps value and slope."""
    before = 2.0 * values[0] - values[1 : pad + 1][::-1]
    after = 2.0 * values[-1] - values[values.shape[0] - 1 - pad : -1][::-1]
    return np.concatenate([before, values, after])


def _filter(numerator, denominator, values):
    """One pass; as in OpenSim the first `order` results are the samples themselves."""
    from scipy.signal import lfilter, lfiltic

    order = denominator.size - 1
    start = values[:order][::-1]
    state = np.stack([lfiltic(numerator, denominator, x, x) for x in start.T], axis=1)
    passed, _ = lfilter(numerator, denominator, values[order:], axis=0, zi=state)
    return np.concatenate([values[:order], passed])


def _sampling_interval(time) -> float:
    """Time between samples [s]; time stamps may be rounded, not irregular."""
    if time.size < 2:
        raise BadInput("A record of one instant cannot be filtered.")
    step = float(time[-1] - time[0]) / (time.size - 1)
    error = np.abs(time - (time[0] + step * np.arange(time.size)))
    if error.max() > max(1.5e-6, 5e-3 * step):
        worst = int(np.argmax(error))
        raise BadInput(
            f"The record is not regularly sampled: {time[worst]:.9g} s is {error[worst]:.3g} s off "
            f"a regular interval of {step:.6g} s, so a low-pass filter has no meaning. Do not "
            "filter it, or first resample it to a regular interval, which "
            "`smooth_and_differentiate` without `lowpass_hz` does."
        )
    return step


def _check_record(time, values, degree):
    if degree not in (3, 5):
        raise BadInput(f"`spline_degree` is {degree}; it must be 3 or 5.")
    if time.size <= degree:
        raise BadInput(
            f"The record has {time.size} instants; a spline of degree {degree} needs {degree + 1}."
        )
    if not (np.isfinite(time).all() and (time[1:] > time[:-1]).all()):
        raise BadInput("The times of the record do not increase.")
    bad = ~np.isfinite(values)
    if bad.any():
        row, column = (int(i[0]) for i in np.nonzero(bad))
        raise BadInput(
            f"Coordinate column {column + 1} is {values[row, column]} at {time[row]:.9g} s."
        )


def _inside(time, frame_times, step):
    """Frame times in samples from the start of the record."""
    tolerance = 1e-9 * max(1.0, float(np.abs(time).max()))
    outside = ~((frame_times >= time[0] - tolerance) & (frame_times <= time[-1] + tolerance))
    if outside.any():
        raise BadInput(
            f"Frame {frame_times[np.argmax(outside)]:.9g} s is outside the record, which runs from "
            f"{time[0]:.9g} to {time[-1]:.9g} s."
        )
    return (np.clip(frame_times, time[0], time[-1]) - time[0]) / step
