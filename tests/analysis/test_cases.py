import json

import numpy as np
import pytest

from biomech.analysis.cases import (
    cases_of,
    configuration,
    neutral_value,
    parameter_words,
    sweep_dimensions,
    swept_parameters,
    unchanged_case,
)
from biomech.model.names import BadInput
from small_sweeps import A, B, grid_of


def _with_config(dataset, config):
    return dataset.assign_attrs(config=json.dumps(config))


def test_a_grid_in_a_row_keeps_the_order_of_its_axes(grid):
    cases = cases_of(grid)
    assert cases.parameters == (A, B) and cases.shape == (3, 3) and cases.is_grid
    np.testing.assert_array_equal(cases.values[:4, 0], [1.0, 1.0, 1.0, 0.5])
    np.testing.assert_array_equal(cases.values[:4, 1], [0.6, 1.0, 1.4, 0.6])
    np.testing.assert_array_equal(cases.unchanged, [1.0, 1.0])
    assert not cases.failed.any()


def test_parameters_of_a_sample_are_its_coordinates(sample, walk):
    named = sample.assign_coords(person=("case", [f"p{i}" for i in range(sample.sizes["case"])]))
    assert sweep_dimensions(named) == ("case",)
    assert swept_parameters(named) == (A, B)
    cases = cases_of(named)
    assert cases.values.shape == (80, 2) and not cases.is_grid
    # Neutral is 1: at the very end of one range, inside the other.
    np.testing.assert_allclose(cases.unchanged, [sample[A].values.max(), 1.0])
    assert swept_parameters(walk) == ()


def test_unsolved_instants_fail_their_case_only(grid):
    status = grid["status"].copy()
    status[0, 2, :3] = 4
    status[1, 1, :3] = 1  # limited by strength: solved
    cases = cases_of(grid.assign(status=status))
    assert np.flatnonzero(cases.failed).tolist() == [2]


def test_unchanged_is_neutral_then_what_the_configuration_says_then_the_first(grid):
    assert neutral_value(grid, A) == 1.0
    stated = _with_config(grid, {"model": {"mass_kg": 75}, "interventions": {"x": {"kind": "?"}}})
    assert neutral_value(stated, "model.mass_kg") == 75.0
    assert neutral_value(stated, "x.scale") is None
    assert neutral_value(_with_config(grid, []), A) is None
    unknown = grid_of(grid.isel({A: 0, B: 0}, drop=True), {A: (0.5, 1.0), B: (1.4, 0.9)})
    np.testing.assert_array_equal(cases_of(unknown).unchanged, [1.0, 0.9])
    np.testing.assert_array_equal(cases_of(unknown.assign_attrs(config="{")).unchanged, [0.5, 1.4])


def test_the_unchanged_case_is_one_case(grid):
    case = unchanged_case(grid)
    assert sweep_dimensions(case) == ()
    assert (float(case[A]), float(case[B])) == (1.0, 1.0)


def test_what_a_parameter_changes_in_words(grid):
    assert parameter_words(grid, A) == "gluteal strength, right"
    assert parameter_words(grid, B) == "muscle strength, hamstrings, right"
    assert parameter_words(_with_config(grid, {}), A) == ""
    named = {"kind": "muscle_strength", "muscles": ["glmed1_r"], "side": "both"}
    named = _with_config(grid, {"interventions": {"gluteal": named}})
    assert parameter_words(named, A) == "muscle strength, glmed1_r"


@pytest.mark.parametrize("held", ["{", "[1]", "null", "[" * 100_000])
def test_a_configuration_that_cannot_be_read_is_empty(grid, held):
    assert configuration(grid.assign_attrs(config=held)) == {}


def test_mistakes_are_explained(walk, grid, sample):
    with pytest.raises(BadInput, match="single case"):
        cases_of(walk)
    with pytest.raises(BadInput, match=r"no `metric_value` in it"):
        cases_of(grid.drop_vars("metric_value"))
    with pytest.raises(BadInput, match=f"same value of {A} twice"):
        cases_of(grid.isel({A: [0, 0, 1]}))
    with pytest.raises(BadInput, match="mixes `case`"):
        cases_of(sample.expand_dims(speed=[1.0, 1.2]))
