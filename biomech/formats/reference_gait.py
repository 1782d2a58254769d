"""Reference gaits that come with the package: one stride, periodic, with its ground reaction.

The file holds one stride of both legs (left = right half a cycle later) at equal times, without
the last instant, which repeats the first. The trial made of it is longer, by `MARGIN` of a stride
at both ends, so that the splines through it have neighbours on both sides; its window `start` to
`end` is exactly one stride.
"""

import hashlib

import numpy as np

from ..model import library
from ..model.names import BadInput
from .external_loads import ExternalForce
from .trial import Trial

MARGIN = 0.2
"""Part of a stride added before and after it [-]."""

_CITATIONS = {
    "planar": ("Fukuchi, Fukuchi & Duarte (2018), PeerJ 6:e4640, doi:10.7717/peerj.4640",)
}
CAUTIONS = {
    "planar": (
        "The ground reaction is computed from the motion of the body `planar`, so its residual "
        "checks pass by construction and prove nothing.",
        "The ankle load is high: that of the unchanged body peaks at 6.16 body weights; a model of "
        "seven men gives 3.9 (Procter & Paul 1982, J. Biomech. 15:627-634).",
    )
}
"""What to know before believing the loads of a gait, by its name; among the trial's notes."""
_FORWARD = "pelvis_tx"
_AXES = ("x", "y", "z")


def reference_gait(name: str = "planar") -> Trial:
    """The stride made for the built-in model `name`, in its coordinates [rad, m].

    External forces are on heel, forefoot and toes of each foot; their sum per side is the ground
    reaction. Right heel strike is at 0 s.

    **Raises:** `BadInput` for a model without a reference gait; `TypeError` for another thing than
    a name.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"`name` must be that of a built-in gait, e.g. 'planar', not {type(name).__name__}."
        )
    text = library.built_in_text("reference gait", name, library.BUILT_IN_GAIT)
    notes, labels, values = _parse(text, library.BUILT_IN_GAIT[name])
    columns = dict(zip(labels, values.T, strict=True))
    stride = float(columns["stride_length"][0])
    time = columns["time"]
    index, cycle, padded = _several_strides(time)
    coordinates = [x for x in labels if x not in ("time", "stride_length") and ":" not in x]
    position = np.stack([columns[x][index] for x in coordinates], axis=1)
    position[:, coordinates.index(_FORWARD)] += cycle * stride
    forces = []
    for label in (x for x in labels if x.endswith(":force_x")):
        part, body = label.split(":")[:2]
        load = {
            kind: np.stack([columns[f"{part}:{body}:{kind}_{axis}"][index] for axis in _AXES], 1)
            for kind in ("force", "point")
        }
        load["point"][:, 0] += cycle * stride
        zero = np.zeros_like(load["force"])
        forces.append(
            ExternalForce(
                part, body, "ground", "ground", padded, load["force"], load["point"], zero
            )
        )
    period = float(time[1] - time[0]) * time.size
    return Trial(
        time=padded,
        coordinate_names=tuple(coordinates),
        coordinate_values=position,
        external_forces=tuple(forces),
        start=0.0,
        end=period,
        notes=(*notes, *CAUTIONS[name]),
        source=((library.BUILT_IN_GAIT[name], hashlib.sha256(text.encode()).hexdigest()),),
        citations=_CITATIONS[name],
    )


def _several_strides(time):
    """Row of each padded sample, how many strides on it is, and its time [s]."""
    count, step = time.size, float(time[1] - time[0])
    margin = round(MARGIN * count)
    sample = np.arange(-margin, count + margin + 1)
    return sample % count, (sample // count).astype(float), sample * step


def _parse(text: str, file_name: str):
    """Comment lines, column labels and values."""
    lines = text.splitlines()
    notes = tuple(line.lstrip("# ") for line in lines if line.startswith("#"))
    rows = [line.split(",") for line in lines if line and not line.startswith("#")]
    try:
        values = np.array(rows[1:], float)
    except (ValueError, IndexError) as error:
        raise BadInput(f"{file_name} is not a table of numbers: {error}.") from error
    if not np.all(np.isfinite(values)):
        raise BadInput(f"{file_name} holds numbers that are not finite.")
    return notes, tuple(rows[0]), values
