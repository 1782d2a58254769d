"""Compartments of the knee in the measured walk."""

import numpy as np
import pytest

from biomech.dynamics.knee_compartments import compartment_forces
from biomech.dynamics.spatial import rotate_back
from biomech.studies.metrics import context, knee_contact_force, medial_force_per_varus
from tables import read_table

TRUSTED = slice(4, -3)  # OpenSim's accelerations are off at the ends of the record
SPACING = 0.04
FIRST_PEAK = {"r": (1.58, 1.64), "l": (0.95, 1.10)}  # [s]; the right one ends the window


def opensims_compartments(folder, side):
    """[time, compartment] of OpenSim's joint reaction in the tibia, by hand [N]."""
    table = read_table(folder / "oracle" / "jra_child.csv.gz")
    name = f"walker_knee_{side}_on_tibia_{side}_in_tibia_{side}"
    compression, out = -table[f"{name}_fy"].to_numpy(), 1.0 if side == "r" else -1.0
    difference = out * table[f"{name}_mx"].to_numpy() / SPACING
    return np.stack([0.5 * compression - difference, 0.5 * compression + difference], axis=1)


@pytest.mark.parametrize("side", ["r", "l"])
def test_compartments_from_opensims_muscle_forces(
    analysed_subject, reactions_to_their_muscles, walk3d, side
):
    """Same muscle forces, own paths: 10 N, as for the joint reaction."""
    knee = analysed_subject.skeleton.joint_names.index(f"walker_knee_{side}")
    force, moment, rotation = (x[:, knee] for x in reactions_to_their_muscles)
    force, moment = (rotate_back(rotation, x) for x in (force, moment))
    ours = compartment_forces(force, moment, force, side=side, spacing=SPACING)
    error = np.abs(np.asarray(ours) - opensims_compartments(walk3d, side))[TRUSTED]
    assert error.max() <= 10.0


@pytest.mark.parametrize("side", ["r", "l"])
def test_medial_share_at_the_first_peak(analysed_subject, recorded_answers, side):
    """Bar: 55 to 85 %; no compartment lifts off in stance; a degree of varus is 0.05-0.12 BW."""
    record = recorded_answers["ours"]
    here = context(analysed_subject, record)
    force = np.asarray(knee_contact_force(record, here, side))
    time, weight = np.asarray(record.time), float(here.body_weight)
    start, end = FIRST_PEAK[side]
    inside = np.flatnonzero((time >= start) & (time <= end))
    top = inside[np.argmax(force[inside].sum(axis=1))]
    share = force[top, 0] / force[top].sum()
    assert 0.55 <= share <= 0.85
    assert force[inside].min() > 0.0
    per_degree = float(medial_force_per_varus(record, here, side)[top]) * np.pi / 180.0
    assert 0.05 <= per_degree / weight <= 0.12
