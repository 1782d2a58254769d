"""Derivatives of a walk that is free to change, against central differences of solving again."""

import equinox as eqx
import numpy as np
import pytest

import biomech as bm
from biomech.analysis.sensitivity import WALKING_TOLERANCE
from biomech.analysis.track_dataset import label_walk
from biomech.studies.inverse import STATUS
from biomech.studies.walking import Mesh, WalkingSolver, track, walking

SOLVED, SOLVER = STATUS.index("successful"), WalkingSolver(WALKING_TOLERANCE)
MESH = Mesh(10, "radau1")
METRICS = [
    *("peak_vertical_ground_reaction_r", "peak_knee_force_r", "peak_hip_force_r"),
    "walking_cost",
]
SOLE = "metatarsal_23_r"
STEPS = {
    "gluteal_strength.scale": 1e-3,
    "arch_stiffness.scale": 1e-3,
    "leg_length.difference_mm": 0.05,
    f"contact_stiffness:{SOLE}": 1e4,
}
"""Parameter -> how far it is moved, in its own unit [-], [mm], [N/m^2]."""


@pytest.fixture(scope="module")
def planar():
    return bm.load_model("planar")


@pytest.fixture(scope="module")
def how(planar):
    return walking(planar, bm.reference_gait("planar"), mesh=MESH, half=False)


@pytest.fixture(scope="module")
def record(planar, how):
    found = track(planar, how, solver=SOLVER)
    assert found.status == SOLVED
    return found


@pytest.fixture(scope="module")
def exact(planar):
    kinds = [name.partition(".")[0] for name in STEPS if "." in name]
    return bm.sensitivity(
        *("track", planar, bm.reference_gait("planar")),
        metrics=METRICS,
        parameters=tuple(STEPS),
        interventions={kind: {"kind": kind, "side": "r"} for kind in kinds},
        intervals=MESH.intervals,
        rule=MESH.rule,
    )


def changed(model, parameter, by):
    """`model` with one number moved from where it is."""
    if parameter.startswith("contact_stiffness"):
        row = model.contacts.names.index(SOLE)
        return eqx.tree_at(
            lambda m: m.contacts.stiffness, model, replace_fn=lambda x: x.at[row].add(by)
        )
    kind, _, number = parameter.partition(".")
    neutral = 0.0 if number == "difference_mm" else 1.0
    return getattr(bm.interventions, kind)(model, side="r", **{number: neutral + by})


@pytest.mark.science
@pytest.mark.parametrize("parameter", STEPS)
def test_of_peaks_and_effort_to_what_an_orthosis_or_a_surgeon_changes(
    planar, how, record, exact, parameter
):
    ends = []
    for sign in (-1.0, 1.0):
        body = changed(planar, parameter, sign * STEPS[parameter])
        found = track(body, how, record, solver=SOLVER)
        assert found.status == SOLVED
        walk = label_walk(found, body, how)
        ends.append(walk.metric_value.sel(metric=METRICS).values)
    difference = (ends[1] - ends[0]) / (2.0 * STEPS[parameter])
    got = exact.derivative.sel(parameter=parameter, metric=METRICS).values
    np.testing.assert_allclose(got, difference, rtol=1e-3)
