"""Motions for OpenSim Moco: the columns, and where the body's own file has them."""

from xml.etree.ElementTree import fromstring

import numpy as np
import pytest

from biomech.formats.load import load_model
from biomech.formats.moco import moco_paths, write_moco
from biomech.formats.osim_writer import format_osim
from biomech.formats.trial import load_trial
from biomech.model.names import BadInput


def motion(model, instants=4):
    """Numbers at random: time, value, speed, activation, excitation, control."""
    draw = np.random.default_rng(2).uniform
    coordinates, muscles = len(model.skeleton.coordinates.names), len(model.muscles.names)
    sizes = coordinates, coordinates, muscles, muscles, len(model.actuators.names)
    return np.arange(instants) / 100.0, *(draw(0.0, 1.0, (instants, size)) for size in sizes)


@pytest.fixture(scope="module")
def planar():
    return load_model("planar")


@pytest.mark.parametrize("name", ["planar", "lower_limb"])
def test_the_paths_are_those_of_the_file(name):
    model = load_model(name)
    root = fromstring(format_osim(model).text.split("\n", 1)[1])
    forces = {f"/forceset/{entry.get('name')}" for entry in root.find(".//ForceSet/objects")}
    coordinates, muscles, actuators = moco_paths(model)
    for path, own in zip(coordinates, model.skeleton.coordinates.names, strict=True):
        _, group, joint, coordinate = path.split("/")
        assert (group, coordinate) == ("jointset", own)
        found = root.find(f".//JointSet/objects/*[@name='{joint}']/coordinates")
        assert coordinate in [entry.get("name") for entry in found]
    assert forces.issuperset((*muscles, *actuators)) and len(muscles) == len(model.muscles.names)


def test_the_columns_hold_what_is_written(planar, tmp_path):
    time, value, speed, activation, excitation, control = motion(planar)
    path = tmp_path / "walk.sto"
    write_moco(planar, path, time, value, speed, activation, excitation, control)
    head, table = path.read_text().split("endheader\n")
    labels, *rows = (line.split("\t") for line in table.splitlines())
    numbers = dict(zip(labels, np.array(rows, float).T, strict=True))
    i, j = 3, 5
    hip = f"/jointset/hip_r/{planar.skeleton.coordinates.names[i]}"
    muscle = f"/forceset/{planar.muscles.names[j]}"
    np.testing.assert_array_equal(numbers["time"], time)
    np.testing.assert_array_equal(numbers[f"{hip}/value"], value[:, i])
    np.testing.assert_array_equal(numbers[f"{hip}/speed"], speed[:, i])
    np.testing.assert_array_equal(numbers[f"{muscle}/activation"], activation[:, j])
    np.testing.assert_array_equal(numbers[muscle], excitation[:, j])
    np.testing.assert_array_equal(numbers["/forceset/lumbar"], control[:, 0])
    lines = head.splitlines()
    assert "num_states=56" in lines and "num_controls=29" in lines and "inDegrees=no" in lines


def test_a_motion_reads_back_as_a_trial(planar, tmp_path):
    moved = motion(planar)
    write_moco(planar, tmp_path / "walk.sto", *moved)
    trial = load_trial(tmp_path / "walk.sto")
    names = planar.skeleton.coordinates.names
    columns = [trial.coordinate_names.index(name) for name in names]
    np.testing.assert_array_equal(trial.coordinate_values[:, columns], moved[1])


def test_a_file_is_not_overwritten_unasked(planar, tmp_path):
    moved = motion(planar)
    write_moco(planar, tmp_path / "walk.sto", *moved)
    with pytest.raises(BadInput, match="exists already"):
        write_moco(planar, tmp_path / "walk.sto", *moved)
    write_moco(planar, tmp_path / "walk.sto", *moved, overwrite=True)
    with pytest.raises(BadInput, match=r"let it end in \.sto"):
        write_moco(planar, tmp_path / "walk.mot", *moved)
