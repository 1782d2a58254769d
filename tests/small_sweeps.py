"""Sweeps by formula over two strengths, a grid and a sample, made of one labelled case."""

import json

import numpy as np

A, B = "gluteal.scale", "ham.scale"
GRID = {A: (1.0, 0.5, 0.25), B: (0.6, 1.0, 1.4)}
CONFIG = {
    "schema": 1,
    "name": "two_strengths",
    "description": "What do two strengths do?",
    "model": {"name": "planar"},
    "trial": {"reference": "default"},
    "study": {"kind": "inverse", "start": None, "lowpass_hz": None, "exponent": 2.0},
    "interventions": {
        "gluteal": {"kind": "gluteal_strength", "side": "r", "scale": 1.0},
        "ham": {"kind": "muscle_strength", "group": "hamstrings", "side": "r", "scale": 1.0},
    },
}


def factor(a, b, c=1.0):
    """Of every metric of the right leg: quadratic, 1 where all strengths are unchanged."""
    a, b, c = a - 1.0, b - 1.0, c - 1.0
    return 1.0 - 0.4 * a + 0.1 * b + 0.2 * a**2 - 0.3 * a * b + 0.05 * c


def grid_of(case, values=GRID):
    """The dataset of one case as a grid, one dimension for each of two or three parameters."""
    steps = {name: np.array(axis) for name, axis in values.items()}
    made = _repeated(case, steps, factor(*np.meshgrid(*steps.values(), indexing="ij")))
    return made.assign_coords({name: (name, axis, _facts(name)) for name, axis in steps.items()})


def sample_of(case, count=80, seed=0):
    """The same as cases drawn evenly from 0.25 to 1 and from 0.6 to 1.4."""
    drawn = np.random.default_rng(seed).uniform((0.25, 0.6), (1.0, 1.4), (count, 2)).T
    made = _repeated(case, {"case": np.arange(count)}, factor(*drawn))
    made.attrs["design"] = json.dumps({"kind": "random", "parameters": [A, B], "samples": count})
    columns = {name: ("case", x, _facts(name)) for name, x in zip((A, B), drawn)}
    return made.drop_vars("case").assign_coords(columns)


def _repeated(case, axes, load):
    """`case` along new axes, the right leg's metrics times `load`."""
    lead = [name for name in case.data_vars if _is_of_a_case(name)]
    many = case[lead].expand_dims(axes)
    made = case.assign(many.copy(deep=True).data_vars).assign_coords(axes)
    right = np.array([str(name).endswith("_r") for name in made["metric"].values])
    value = made["metric_value"].transpose(*axes, "metric")
    made["metric_value"] = value * np.where(right, load[..., None], 1.0)
    made.attrs = {**case.attrs, "config": json.dumps(CONFIG)}
    return made


def _is_of_a_case(name):
    own = ("status", "strength_limited", "joint_reaction_force", "coordinate_value", "activation")
    return str(name) in (*own, "reserve_force", "residual_force", "moment_to_balance") or (
        str(name).startswith("metric_")
    )


def _facts(name):
    return {"units": "1", "long_name": f"Swept parameter {name}"}
