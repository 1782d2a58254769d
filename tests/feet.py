"""The foot generator of the built-in bodies, and feet on their own as small models."""

import sys
from pathlib import Path

import numpy as np

from biomech.model.build import build_model

GENERATORS = Path(__file__).resolve().parents[1] / "experiments" / "built_in_bodies"
SUBTALAR_AXIS = [0.7871796, 0.6047475, -0.1209490]  # inversion of the right foot, generic model


def generator():
    """The module `foot` that makes the foot of both built-in bodies."""
    if str(GENERATORS) not in sys.path:
        sys.path.insert(0, str(GENERATORS))
    import foot

    return foot


def _root(body):
    """Six degrees of freedom between ground and `body`."""
    line = {"kind": "linear", "slope": 1.0, "intercept": 0.0}
    axes = [[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    names = [f"{body}_{kind}" for kind in ("pitch", "roll", "yaw", "tx", "ty", "tz")]
    joint = {
        "name": "root",
        "parent": "ground",
        "child": body,
        "parent_position": [0.0] * 3,
        "axes": [
            {"axis": axis, "coordinate": name, "function": line}
            for axis, name in zip(axes, names, strict=True)
        ],
    }
    kinds = ["rotational"] * 3 + ["translational"] * 3
    coordinates = [
        {"name": name, "motion_type": kind, "range": [-10.0, 10.0]}
        for name, kind in zip(names, kinds, strict=True)
    ]
    return joint, coordinates


def foot_description(form, side="r"):
    """One foot, free in space: `form` "plane" (from calcn on) or "space" (from the talus on)."""
    foot = generator()
    from mirror import mirrored

    parts = foot.right_foot(form)
    root, coordinates = _root("talus_r" if form == "space" else "calcn_r")
    joints = parts["joints"]
    if form == "space":
        subtalar = foot._hinge(
            "subtalar_r", ("talus", "calcn"), "subtalar_angle_r", SUBTALAR_AXIS, "generic model"
        )
        joints = [subtalar, *joints]
        coordinates.append(
            {"name": "subtalar_angle_r", "motion_type": "rotational", "range": [-1.0, 1.0]}
        )
    acting = {c["name"] for c in parts["coordinates"]} | {"subtalar_angle_r"}
    right = {
        "bodies": parts["bodies"],
        "joints": [root, *joints],
        "coordinates": [*coordinates, *parts["coordinates"]],
        "muscles": parts["muscles"],
        "ligaments": parts["ligaments"],
        "passive_moments": [m for m in parts["passive_moments"] if m["coordinate"] in acting],
        "contacts": parts["contacts"],
    }
    if side == "l":
        right = mirrored(right)
    return {
        "format": "biomech-model",
        "version": 1,
        "name": "foot",
        "gravity": [0.0, -9.80665, 0.0],
        **_without_sources(right),
    }


def foot_model(form, side="r"):
    return build_model(foot_description(form, side))


def _without_sources(value):
    if isinstance(value, dict):
        return {key: _without_sources(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_without_sources(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value
