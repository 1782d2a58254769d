"""Walks as OpenSim Moco reads them, beside the body's own file."""

import numpy as np
import pytest

from biomech.formats.load import load_built_in
from biomech.formats.moco import write_moco
from biomech.formats.osim_writer import format_osim

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def opensim():
    opensim = pytest.importorskip("opensim")
    opensim.Logger.removeFileSink()
    opensim.Logger.setLevelString("warn")
    return opensim


@pytest.fixture(scope="module", params=["planar", "lower_limb"])
def both(opensim, request, tmp_path_factory):
    """A body whose tendons are rigid in OpenSim, a motion of it at random, and Moco's view."""
    folder, ours = tmp_path_factory.mktemp("moco"), load_built_in(request.param)
    (folder / "body.osim").write_text(format_osim(ours).text)
    processor = opensim.ModelProcessor(str(folder / "body.osim"))
    processor.append(opensim.ModOpIgnoreTendonCompliance())
    theirs = processor.process()
    theirs.initSystem()
    draw = np.random.default_rng(5).uniform
    coordinates, muscles = len(ours.skeleton.coordinates.names), len(ours.muscles.names)
    sizes = coordinates, coordinates, muscles, muscles, len(ours.actuators.names)
    motion = [draw(0.1, 0.2, (6, size)) for size in sizes]
    write_moco(ours, folder / "walk.sto", np.linspace(0.0, 0.5, 6), *motion)
    return theirs, motion, opensim.MocoTrajectory(str(folder / "walk.sto"))


def test_moco_reads_the_same_numbers(both):
    _, (value, speed, activation, *controls), read = both
    np.testing.assert_array_equal(read.getTimeMat(), np.linspace(0.0, 0.5, 6))
    states = np.concatenate([value, speed, activation], axis=1)
    np.testing.assert_array_equal(read.getStatesTrajectoryMat(), states)
    np.testing.assert_array_equal(read.getControlsTrajectoryMat(), np.concatenate(controls, axis=1))


def test_its_states_and_controls_are_those_of_the_body(opensim, both):
    theirs, _, read = both
    states = theirs.getStateVariableNames()
    assert {states.get(i) for i in range(states.getSize())} == set(read.getStateNames())
    assert set(opensim.createControlNamesFromModel(theirs)) == set(read.getControlNames())


def test_moco_takes_it_as_a_guess(opensim, both):
    """But of a body with couplers, whose multipliers a motion does not know."""
    theirs, _, read = both
    if theirs.getConstraintSet().getSize():
        pytest.skip("couplers")
    study = opensim.MocoStudy()
    problem = study.updProblem()
    problem.setModel(theirs)
    problem.setTimeBounds(0.0, 0.5)
    study.initCasADiSolver().setGuess(read)
    assert read.exportToStatesTrajectory(theirs).getSize() == 6
