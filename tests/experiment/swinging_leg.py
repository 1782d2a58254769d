"""A whole experiment small enough to compile in seconds: one leg swings from a fixed hip.

`write` puts a model, a motion and a configuration in a folder. Hand-made: no physics is tested
with it, only that a configuration becomes a folder of results.
"""

from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from biomech.formats.native import write_model
from biomech.formats.storage import write_storage
from biomech.model.build import build_model
from bodies import axis, body, coordinate, description, joint, muscle, point

CURVES = {
    "active_force_width_scale": 1.0,
    "fiber_damping": 0.0,
    "passive_fiber_strain_at_one_norm_force": 0.6,
    "tendon_strain_at_one_norm_force": 0.049,
}


def leg():
    """A femur on a hip with one gluteal muscle behind and one flexor in front of it."""
    turn = [axis((0, 0, 1), "hip_flexion_r"), axis((1, 0, 0)), axis((0, 1, 0))]
    slide = [axis((1, 0, 0)), axis((0, 1, 0)), axis((0, 0, 1))]
    return build_model(
        description(
            bodies=[body("femur_r", 8.0, (0.0, -0.2, 0.0))],
            joints=[joint("hip_r", "ground", "femur_r", turn + slide, (0.0, 1.0, 0.0))],
            coordinates=[coordinate("hip_flexion_r")],
            muscles=[_line("glmax1_r", -0.05), _line("iliacus_r", 0.05)],
        )
    )


def _line(name, x):
    points = [point("ground", x, 1.1, 0.0), point("femur_r", x, -0.15, 0.0)]
    made = muscle(name, points, optimal_fiber_length=0.12, tendon_slack_length=0.13)
    return {**made, "curves": CURVES}


def configuration(**changes):
    """The experiment as a mapping; its files are the ones `write` makes."""
    return {
        "schema": 1,
        "name": "swing",
        "model": {"path": "leg.yaml"},
        "trial": {"coordinates": "swing.sto"},
        "model_edits": {"reserves": {"hip_flexion_r": 1}},
        "study": {"kind": "inverse", "start": 0.1, "end": 0.4, "rate_hz": 20},
        **changes,
    }


SWEEP = {
    "interventions": {"gluteal": {"kind": "gluteal_strength", "side": "r"}},
    "sweep": {"gluteal.scale": {"values": [1.0, 0.5]}},
}
"""Two cases."""


def write(folder: Path, **changes) -> Path:
    """Model, motion and configuration in `folder`; the configuration's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_model(leg(), folder / "leg.yaml", overwrite=True)
    time = np.linspace(0.0, 0.5, 51)
    values = 0.3 * np.sin(2.0 * np.pi * time)[:, None]
    write_storage(folder / "swing.sto", time, ["hip_flexion_r"], values)
    path = folder / "swing.yaml"
    yaml = YAML(typ="safe", pure=True)
    with path.open("w") as file:
        yaml.dump(configuration(**changes), file)
    return path
