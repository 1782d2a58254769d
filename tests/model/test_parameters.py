"""Parameters by name."""

import numpy as np
import pytest

import biomech as bm
from biomech.model.build import build_model
from biomech.model.names import UnknownName
from biomech.model.parameters import PARAMETERS, choose_parameters, parameter_values
from small_models import leg_description


@pytest.fixture(scope="module")
def planar():
    return bm.load_model("planar")


def test_a_group_a_pattern_and_a_name(planar):
    every = choose_parameters(planar, ["max_isometric_force"])
    assert [name.split(":")[1] for name in every.names] == list(planar.muscles.names)
    right = choose_parameters(planar, ["max_isometric_force:*_r", "segment_mass:tibia_l"])
    assert right.names[-1] == "segment_mass:tibia_l"
    assert all(name.endswith("_r") for name in right.names[:-1])
    assert right.distinct_groups == ("max_isometric_force", "segment_mass")


def test_values_are_the_models(planar):
    chosen = choose_parameters(planar, ["path_point:soleus_r.*", "optimal_fiber_length:soleus_r"])
    row = planar.muscles.names.index("soleus_r")
    values = parameter_values(planar, chosen)
    assert values[0] == float(planar.muscles.optimal_fiber_length[row])
    count = len(planar.muscles.paths.point_bodies[row])
    points = np.asarray(planar.muscles.paths.location[row, :count]).ravel()
    np.testing.assert_array_equal(values[1:], points)


@pytest.mark.parametrize("group", PARAMETERS)
def test_every_group_names_each_entry_once(planar, group):
    entry = PARAMETERS[group]
    names = entry.elements(planar)
    assert len(names) == np.asarray(entry.leaf(planar)).size
    used = [name for name in names if name]
    assert len(set(used)) == len(used)
    assert entry.unit and entry.description


def test_a_misspelt_name_is_met_with_a_near_one(planar):
    with pytest.raises(UnknownName, match="max_isometric_force:soleus_r"):
        choose_parameters(planar, ["max_isometric_force:soelus_r"])
    with pytest.raises(UnknownName, match="segment_mass"):
        choose_parameters(planar, ["segment_mas"])


def test_moving_points_are_no_parameters():
    model = build_model(leg_description())
    moving = {(row, place) for row, place in model.muscles.paths.moving}
    assert moving
    chosen = choose_parameters(model, ["path_point"])
    shape = model.muscles.paths.location.shape
    places = {tuple(np.unravel_index(entry, shape)[:2]) for entry in chosen.entry}
    assert not places & moving
