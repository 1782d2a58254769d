import numpy as np
import pytest

import biomech as bm
from biomech.analysis.effects import (
    NOT_APART,
    PERCENTILES,
    counted_size,
    effect_table,
    is_counted,
    known_metrics,
    signed,
    varying_together,
)
from biomech.model.names import BadInput, UnknownName
from small_sweeps import A, B, factor

KNEE, OTHER = "peak_knee_force_r", "peak_knee_force_l"


def _raised(dataset, variable, **where):
    """`dataset` with a mark of the knee metric set in one case."""
    marks = dataset[variable].copy()
    marks[{**where, "metric": dataset["metric"].values.tolist().index(KNEE)}] = 1
    return dataset.assign({variable: marks})


def test_effects_on_a_grid_are_those_of_its_lines(grid, walk):
    base = float(walk["metric_value"].sel(metric=KNEE))
    table = effect_table(grid, [KNEE, OTHER])
    line = table.loc[KNEE].loc[A]
    np.testing.assert_array_equal(line.index, [0.25, 0.5, 1.0])
    expected = base * factor(line.index.to_numpy(), 1.0)
    np.testing.assert_allclose(line["value"], expected)
    np.testing.assert_allclose(line["change"], expected - base, atol=1e-12)
    np.testing.assert_allclose(line["percent"], 100.0 * (expected / base - 1.0), atol=1e-9)
    np.testing.assert_allclose(line["baseline"], base)
    assert set(line["unit"]) == set(line["slope_unit"]) == {"BW"}
    assert line["explained"].isna().all() and set(line["warning"]) == {""}
    np.testing.assert_allclose(table.loc[OTHER]["change"], 0.0)


def test_slope_is_that_of_the_curve_at_the_baseline(grid, walk):
    """Inside the range exact for a parabola, at its end that to the neighbour."""
    base = float(walk["metric_value"].sel(metric=KNEE))
    table = effect_table(grid, [KNEE])
    np.testing.assert_allclose(table.loc[KNEE].loc[B]["slope"], 0.1 * base)
    at_end = (factor(1.0, 1.0) - factor(0.5, 1.0)) / 0.5
    np.testing.assert_allclose(table.loc[KNEE].loc[A]["slope"], at_end * base)


def test_another_baseline(grid, walk):
    base = float(walk["metric_value"].sel(metric=KNEE))
    table = effect_table(grid, [KNEE], baseline={A: 0.5})
    assert table.loc[(KNEE, A, 1.0), "change"] == pytest.approx(base * (1.0 - factor(0.5, 1.0)))
    at = table.loc[(KNEE, B, 1.4)]
    assert at["value"] == pytest.approx(base * factor(0.5, 1.4))
    with pytest.raises(BadInput, match=r"not computed at 0.6, only at 0.25, 0.5, 1"):
        effect_table(grid, baseline={A: 0.6})


def test_a_unit_of_the_parameter_is_in_that_of_the_slope(grid):
    grid[A].attrs["units"] = "mm"
    table = effect_table(grid, [KNEE])
    assert set(table.loc[KNEE].loc[A]["slope_unit"]) == {"BW/mm"}


def test_effects_of_a_sample_are_read_off_the_fit(sample, walk):
    """The formula is a parabola, so the fit is exact."""
    base = float(walk["metric_value"].sel(metric=KNEE))
    table = effect_table(sample, [KNEE])
    strongest = sample[A].values.max()
    line = table.loc[KNEE].loc[B]
    np.testing.assert_allclose(line.index, np.percentile(sample[B].values, PERCENTILES))
    np.testing.assert_allclose(line["value"], base * factor(strongest, line.index.to_numpy()))
    np.testing.assert_allclose(line["baseline"], base * factor(strongest, 1.0))
    np.testing.assert_allclose(line["slope"], base * (0.1 - 0.3 * (strongest - 1.0)))
    np.testing.assert_allclose(line["explained"], 1.0)
    assert set(line["warning"]) == {"fitted, quadratic"}
    with pytest.raises(BadInput, match=r"outside the sampled 0.2\d* to (1|0.99)"):
        effect_table(sample, baseline={A: 1.5})


def test_warnings_of_a_grid_are_those_of_compare(grid):
    weak = _raised(grid, "metric_limited_share", **{A: 2, B: 1})
    warning = effect_table(weak, [KNEE])["warning"]
    assert warning.loc[(KNEE, A, 0.25)] == "strength-limited in case"
    assert warning.loc[(KNEE, A, 0.5)] == warning.loc[(KNEE, B, 1.4)] == ""
    status = grid["status"].copy()
    status[0, 1, :2] = 3
    failed = effect_table(grid.assign(status=status), [KNEE])["warning"]
    assert set(failed.loc[KNEE].loc[B].drop(1.0)) == {"unsolved instants in baseline"}


def test_failed_case_of_a_grid_has_no_effect(grid, walk):
    """Whatever value its solved instants left; the slope beside it is that to the other side."""
    base = float(walk["metric_value"].sel(metric=KNEE))
    status, value = grid["status"].copy(), grid["metric_value"].copy()
    status[0, 2, :2], value[0, 2] = 3, 1e3
    table = effect_table(grid.assign(status=status, metric_value=value), [KNEE])
    line = table.loc[KNEE].loc[B]
    lost = line.loc[1.4]
    assert lost[["value", "change", "percent"]].isna().all() and lost["baseline"] == base
    assert not is_counted(line)[1.4] and np.isnan(counted_size(line, "change")[1.4])
    assert is_counted(line)[0.6] and line.loc[0.6, "value"] == pytest.approx(base * factor(1, 0.6))
    one_sided = (factor(1.0, 1.0) - factor(1.0, 0.6)) / 0.4
    np.testing.assert_allclose(line["slope"], base * one_sided)
    assert not table.loc[KNEE].loc[A]["change"].isna().any()  # not on that line


def test_warnings_of_a_sample_count_its_cases(sample):
    marked = _raised(_raised(sample, "metric_limited_share", case=3), "metric_rival_peak", case=4)
    status = sample["status"].copy()
    status[7:9, 0] = 2
    said = effect_table(marked.assign(status=status), [KNEE])["warning"].iloc[0].split("; ")
    assert said[1:] == [
        "rival peak in 1 of 80 cases",
        "1 of 80 cases are not counted (muscles too weak or no reliable peak)",
        "2 of 80 cases failed and are left out",
    ]


def test_failed_cases_do_not_reach_the_fit(sample):
    status, value = sample["status"].copy(), sample["metric_value"].copy()
    status[5:8], value[5:8] = 3, 1e3
    spoilt = effect_table(sample.assign(status=status, metric_value=value), [KNEE])
    clean = effect_table(sample, [KNEE])
    np.testing.assert_allclose(spoilt["value"], clean["value"], rtol=1e-9)


@pytest.mark.parametrize("mark", ["metric_limited_share", "metric_at_edge"])
def test_cases_that_do_not_count_do_not_reach_the_fit(sample, mark):
    at = np.arange(0, 80, 5)
    spoilt = _raised(sample, mark, case=at)
    spoilt["metric_value"] = spoilt["metric_value"].copy()
    spoilt["metric_value"][at] = 1e3
    table, clean = effect_table(spoilt, [KNEE]), effect_table(sample, [KNEE])
    np.testing.assert_allclose(table["value"], clean["value"], rtol=1e-9)
    np.testing.assert_allclose(table["slope"], clean["slope"], rtol=1e-9)
    assert table["warning"].str.contains("16 of 80 cases are not counted").all()


def test_a_fit_is_not_read_beyond_the_cases_that_count(sample):
    low = np.flatnonzero(sample[A].values < 0.5)
    line = effect_table(_raised(sample, "metric_limited_share", case=low), [KNEE]).loc[KNEE].loc[A]
    reach = 0.05 * np.ptp(sample[A].values)
    inside = line.index >= sample[A].values[sample[A].values >= 0.5].min() - reach
    assert not inside.all()
    np.testing.assert_array_equal(np.isfinite(line["value"]), inside)


def test_too_few_cases_that_count(sample):
    weak = _raised(sample, "metric_limited_share", case=np.arange(76))
    with pytest.raises(BadInput, match=f"4 usable .* Of {KNEE}, 76 of 80 cases are not counted"):
        effect_table(weak, [KNEE])
    table = effect_table(weak)
    assert table.loc[KNEE]["value"].isna().all() and table.loc[OTHER]["value"].notna().all()
    assert table.loc[KNEE]["warning"].iloc[0].startswith("too few counted cases to fit")


@pytest.mark.parametrize("mark", ["metric_limited_share", "metric_at_edge"])
def test_slope_of_a_grid_is_that_to_neighbours_that_count(grid, walk, mark):
    base = float(walk["metric_value"].sel(metric=KNEE))
    slope = lambda dataset, name: effect_table(dataset, [KNEE]).loc[KNEE].loc[name]["slope"]
    one_sided = slope(_raised(grid, mark, **{A: 0, B: 2}), B)
    np.testing.assert_allclose(one_sided, base * (factor(1.0, 1.0) - factor(1.0, 0.6)) / 0.4)
    assert slope(_raised(grid, mark, **{A: 1, B: 1}), A).isna().all()  # not to the next but one
    assert slope(_raised(grid, mark, **{A: 0, B: 1}), B).isna().all()  # the baseline itself


def test_levels_of_a_sample_are_told_once(sample):
    """A screening design takes few values of each parameter, so percentiles coincide."""
    levels = sample.assign_coords({A: ("case", np.repeat([0.5, 1.0], 40))})
    at = effect_table(levels, [KNEE]).loc[KNEE].loc[A].index
    np.testing.assert_allclose(at, [0.5, 0.75, 1.0])
    held = sample.assign_coords({A: ("case", np.full(80, 0.5))})
    assert effect_table(held, [KNEE]).loc[KNEE].loc[A].index.tolist() == [0.5]


def test_parameters_that_vary_together_are_said_to(sample):
    """Their effects are warned of; that of a third one is not."""
    noise = np.random.default_rng(2).normal(size=(2, 80))
    together = sample.assign_coords(
        {
            B: ("case", sample[A].values + 0.02 * noise[0]),
            "own.scale": ("case", 1.0 + 0.1 * noise[1]),
        }
    )
    table = effect_table(together, [KNEE])
    said = table["warning"].groupby("parameter").first()
    assert f"; {NOT_APART} from {B} and any others" in said[A]
    assert f"; {NOT_APART} from {A} and any others" in said[B]
    assert NOT_APART not in said["own.scale"]
    factor_of = float(str(said[A]).rpartition("variance inflation ")[2].rstrip(")"))
    correlation = np.corrcoef(together[A].values, together[B].values)[0, 1]
    assert factor_of == pytest.approx(1.0 / (1.0 - correlation**2), rel=0.1)  # the third adds some
    assert varying_together(table) == [A, B]
    assert varying_together(effect_table(sample)) == []


def test_by_default_every_metric_with_a_value(grid):
    table = bm.effect_table(grid)
    names = tuple(dict.fromkeys(table.index.get_level_values("metric")))
    assert names == known_metrics(grid) and len(names) < grid.sizes["metric"]


def test_a_change_has_its_sign():
    assert signed(0.125, 1) == "+0.1" and signed(-2.0, 0) == "\u22122"
    assert signed(-0.004, 2) == "0.00"


def test_mistakes_are_explained(grid, sample, walk):
    with pytest.raises(UnknownName, match=r"Did you mean 'peak_knee_force_r'"):
        effect_table(grid, ["peak_knee_force_rr"])
    with pytest.raises(UnknownName, match=rf"Did you mean '{A}'"):
        effect_table(grid, baseline={"gluteal.scales": 1.0})
    with pytest.raises(BadInput, match="single case"):
        effect_table(walk)
    with pytest.raises(BadInput, match="5 usable cases are too few"):
        effect_table(sample.isel(case=slice(5)))
    with pytest.raises(BadInput, match="No metric"):
        effect_table(grid, [])
