"""The left side's description from that of the right side."""

import re

_PLACE, _AXIAL = (1, 1, -1), (-1, -1, 1)  # what a reflection in z does to vectors, and to turns
_SIGNS = {
    "location": _PLACE,
    "position": _PLACE,
    "parent_position": _PLACE,
    "child_position": _PLACE,
    "mass_center": _PLACE,
    "orientation": _AXIAL,
    "parent_orientation": _AXIAL,
    "child_orientation": _AXIAL,
    "inertia": (1, 1, 1, 1, -1, -1),
}


def left(name):
    """The left one's name."""
    return re.sub(r"_r(?=_|$)", "_l", name)


def mirrored(entry):
    """The left side's counterpart of a description of something on the right.

    Places change the sign of z, frames of joints and cylinders that of their body-fixed x and y
    angles; rotation axes keep z, so that equal coordinates are mirror images. The half spaces of
    contacts are the ground's and stay.
    """
    if isinstance(entry, list):
        return [mirrored(inner) for inner in entry]
    if isinstance(entry, str):
        return left(entry)
    if not isinstance(entry, dict):
        return entry
    new = {key: value if key == "source" else mirrored(value) for key, value in entry.items()}
    for key, signs in _SIGNS.items():
        if key in new:
            new[key] = _signed(new[key], signs)
    if "axes" in new:
        for axis, signs in zip(new["axes"], [_AXIAL] * 3 + [_PLACE] * 3, strict=True):
            axis["axis"] = _signed(axis["axis"], signs)
    if "moving" in new:  # a point: its third axis is z
        new["moving"][2] = _reversed(new["moving"][2])
    return new


def _signed(values, signs):
    """Products, without minus zero."""
    return [float(v) * s + 0.0 for v, s in zip(values, signs, strict=True)]


def _reversed(axis):
    """A moving point's axis with its function times -1."""
    function = axis["function"]
    return axis | {"function": function | {"scale": -function.get("scale", 1.0)}}
