import numpy as np
import pytest

from biomech.analysis.compare import compare
from biomech.analysis.selection import case_at, cases_where, words_of_case
from biomech.model.names import BadInput
from small_sweeps import GRID, A, B

KNEE = "peak_knee_force_r"


def test_cases_of_a_grid_are_numbered_with_the_last_parameter_fastest(grid):
    for number, (a, b) in enumerate((a, b) for a in GRID[A] for b in GRID[B]):
        case = case_at(grid, str(number))
        assert (case[A].item(), case[B].item()) == (a, b)
        assert case["metric_value"].dims == ("metric",)
    assert words_of_case(case_at(grid, "5")) == f"{A} 0.5, {B} 1.4"


def test_cases_of_a_list_have_a_number_and_may_have_a_name(sample):
    assert case_at(sample, "7")[A].item() == sample[A].values[7]
    names = np.array([f"{i + 10}" for i in range(79)] + ["ann"], object)
    named = sample.assign_coords(case=names)
    assert case_at(named, "ann")[A].item() == sample[A].values[79]
    assert case_at(named, "12")[A].item() == sample[A].values[2]  # a name comes first
    assert case_at(named, "3")[A].item() == sample[A].values[3]
    with pytest.raises(BadInput, match=r"No case is called 'anm'; they .* 79\. Did you mean 'ann'"):
        case_at(named, "anm")


def test_values_choose_cases(grid, sample, walk):
    assert cases_where(grid, {A: 0.5})["metric_value"].dims == (B, "metric")
    one = cases_where(grid, {A: 0.5, B: 1.0})
    assert words_of_case(one) == f"{A} 0.5, {B} 1"
    np.testing.assert_array_equal(one["metric_value"], grid["metric_value"][1, 1])
    as_shown = float(f"{sample[A].values[7]:.6g}")  # in peaks.csv
    assert cases_where(sample, {A: as_shown})[B].item() == sample[B].values[7]
    levels = sample.assign_coords({A: ("case", np.repeat([0.5, 1.0], 40))})
    assert cases_where(levels, {A: 1.0}).sizes["case"] == 40
    assert compare(walk, one, [KNEE]).shape[0] == 1


@pytest.mark.parametrize(
    "select, said",
    [
        (lambda grid, sample: case_at(grid, "9"), "no case 9; they are numbered 0 to 8."),
        (lambda grid, sample: case_at(grid, "-1"), "No case is called '-1'; they are numbered 0"),
        (lambda grid, sample: case_at(grid, "\u00b2"), "numbered 0 to 8"),
        (lambda grid, sample: case_at(grid.isel({A: 0, B: 0}), "0"), "a single case"),
        (
            lambda grid, sample: cases_where(grid, {A: 0.6}),
            f"{A} was not computed at 0.6. There are: 0.25, 0.5, 1.",
        ),
        (
            lambda grid, sample: cases_where(sample, {A: 0.6}),
            "There are 80 values from 0.257466 to",
        ),
        (
            lambda grid, sample: cases_where(grid, {"gluteal.scal": 1.0}),
            "'gluteal.scal' is not varied here. Did you mean",
        ),
    ],
)
def test_what_there_is_not_is_said_with_what_there_is(grid, sample, select, said):
    with pytest.raises(BadInput) as error:
        select(grid, sample)
    assert said in str(error.value)
