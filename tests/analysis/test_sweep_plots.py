import matplotlib
import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.patches import Rectangle

from biomech.analysis.effects import effect_table
from biomech.analysis.plots import plot, save_figure, svg_of
from biomech.analysis.sweep_plots import most_changed
from biomech.model.names import BadInput, UnknownName
from small_sweeps import A, B, factor, grid_of, sample_of

KNEE = "peak_knee_force_r"
NOT_COUNTED = "muscles too weak or no reliable peak: not counted"


@pytest.fixture
def line(grid):
    """One parameter only."""
    return grid.sel({B: 1.0}, drop=True)


def _metric(dataset, name):
    return dataset["metric_value"].sel(metric=name).values


def _lines(ax, style=None):
    """Curves of a panel by their label in the legend."""
    return {line.get_label(): line for line in ax.lines if style in (None, line.get_linestyle())}


def _limited(dataset, cases, metric=KNEE):
    share = dataset["metric_limited_share"].copy()
    column = dataset["metric"].values.tolist().index(metric)
    for index in cases:
        share[(*index, column)] = 0.2
    return dataset.assign(metric_limited_share=share)


def _spoilt(sample, mark, at):
    """A sample whose marked cases have a value of the knee that is far off."""
    value, marks = sample["metric_value"].copy(), sample[mark].copy()
    column = sample["metric"].values.tolist().index(KNEE)
    value[at, column], marks[at, column] = -50.0, 1
    return sample.assign({"metric_value": value, mark: marks})


def _failed(dataset, cases):
    status = dataset["status"].copy()
    for index in cases:
        status[(*index, 0)] = 3
    return dataset.assign(status=status)


def _hollow(ax):
    return [x for x in ax.lines if x.get_marker() == "o" and x.get_markerfacecolor() == "white"]


def _legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


# --------------------------------------------------------------------------------- response


def test_one_parameter_gives_a_line_for_each_leg(line):
    figure = plot(line, "response")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["Peak hip force", "Peak knee force"]
    curves = _lines(figure.axes[1])
    for label, side in (("right", "r"), ("left", "l")):
        np.testing.assert_array_equal(curves[label].get_xdata(), [0.25, 0.5, 1.0])
        expected = _metric(line, f"peak_knee_force_{side}")[::-1]
        np.testing.assert_allclose(curves[label].get_ydata(), expected)
    assert figure.axes[1].get_ylabel() == "[BW]"
    assert figure.get_supxlabel() == f"{A} [-]: gluteal strength, right"
    assert _legend(figure) == ["right", "left", "unchanged (1)"]


def test_what_does_not_change_is_flat(line):
    flat = line.assign(metric_value=line["metric_value"] * 0.0 + 2.0)
    low, high = plot(flat, "response").axes[0].get_ylim()
    assert 0.2 <= high - low < 0.25 and low < 2.0 < high


def test_over_another_parameter_median_and_band(grid):
    figure = plot(grid, "response", parameter=B, metrics=["peak_knee_force"])
    (ax,) = figure.axes
    values = _metric(grid, KNEE)
    median = _lines(ax)["right"]
    np.testing.assert_array_equal(median.get_xdata(), [0.6, 1.0, 1.4])
    np.testing.assert_allclose(median.get_ydata(), np.median(values, axis=0))
    corners = ax.collections[0].get_paths()[0].vertices
    at_end = corners[np.isclose(corners[:, 0], 1.4), 1]
    expected = np.percentile(values[:, 2], (5.0, 95.0))
    np.testing.assert_allclose([at_end.min(), at_end.max()], expected)
    assert "median and 5-95 % over the other parameter" in _legend(figure)


def test_weak_cases_are_hollow_and_failed_ones_are_counted(grid):
    figure = plot(_failed(_limited(grid, [(2, 0), (2, 1)]), [(2, 1), (0, 0)]), "response")
    hip, knee = figure.axes
    (marks,) = _hollow(knee)  # of two weak cases one failed
    np.testing.assert_allclose(marks.get_data(), [[0.25], [_metric(grid, KNEE)[2, 0]]])
    assert _hollow(hip) == []
    assert figure.get_supxlabel().endswith("\n2 of 9 cases failed and are left out")
    assert NOT_COUNTED in _legend(figure)
    median = _lines(knee)["right"].get_ydata()
    expected = [_metric(grid, KNEE)[2, 2], np.median(_metric(grid, KNEE)[0, 1:])]
    np.testing.assert_allclose([median[0], median[-1]], expected)
    assert "not counted: 0 to 1 of 9 cases" in figure.get_supxlabel()


@pytest.mark.parametrize("metrics", [None, [KNEE]])
def test_the_longest_legend_is_not_cut_off(grid, metrics):
    figure = plot(_limited(grid, [(2, 0)]), "response", metrics=metrics)
    assert len(_legend(figure)) >= 4 and NOT_COUNTED in _legend(figure)
    assert figure.legends[0].get_window_extent().width <= figure.bbox.width


@pytest.mark.parametrize("mark", ["metric_limited_share", "metric_at_edge"])
def test_weak_cases_and_unreliable_peaks_do_not_move_medians_and_bands(sample, mark):
    """Values far off in marked cases leave the curves where they are without these cases."""
    spoilt = _spoilt(sample, mark, np.arange(0, 80, 8))
    rest = sample.isel(case=np.flatnonzero(np.arange(80) % 8))
    drawn = plot(spoilt, "response", parameter=B, metrics=[KNEE])
    alone = plot(rest, "response", parameter=B, metrics=[KNEE])
    ours, clean = (_lines(figure.axes[0], "-")["right"].get_data() for figure in (drawn, alone))
    np.testing.assert_allclose(ours, clean)
    band, clean = (figure.axes[0].collections[0].get_paths()[0] for figure in (drawn, alone))
    np.testing.assert_allclose(band.vertices, clean.vertices)
    (marks,) = _hollow(drawn.axes[0])
    assert marks.get_ydata().tolist() == [-50.0] * 10
    assert NOT_COUNTED in _legend(drawn) and "not counted: 10 of 80" in drawn.get_supxlabel()


def test_the_line_of_one_parameter_is_broken_at_a_weak_case(line):
    figure = plot(_limited(line, [(1,)]), "response", metrics=[KNEE])
    expected = _metric(line, KNEE)[[2, 1, 0]]
    expected[1] = np.nan
    np.testing.assert_allclose(_lines(figure.axes[0])["right"].get_ydata(), expected)


def test_a_sample_is_drawn_case_by_case_with_the_median_of_bins(sample):
    (ax,) = plot(sample, "response", parameter=B, metrics=[KNEE]).axes
    dots = next(x for x in ax.lines if x.get_marker() == ".")
    np.testing.assert_array_equal(dots.get_xdata(), sample[B].values)
    np.testing.assert_allclose(dots.get_ydata(), _metric(sample, KNEE))
    order = np.argsort(sample[B].values)
    bins = np.array_split(order, 4)  # 80 cases, 20 each
    median = _lines(ax, "-")["right"]
    np.testing.assert_allclose(median.get_xdata(), [np.median(sample[B].values[b]) for b in bins])
    expected = [np.median(_metric(sample, KNEE)[b]) for b in bins]
    np.testing.assert_allclose(median.get_ydata(), expected)


def test_a_small_sample_has_no_bins(walk):
    (ax,) = plot(sample_of(walk, 30), "response", metrics=[KNEE]).axes
    assert len(ax.lines) == 2 and not ax.collections  # the cases, and where nothing changes


def test_one_leg_alone_is_named(line):
    figure = plot(line, "response", metrics=["knee_force_impulse_l"])
    assert figure.axes[0].get_title(loc="left") == "Knee force impulse, left"
    assert figure.axes[0].get_ylabel() == "[BW s]"
    assert _legend(figure)[0] == "left"


# ---------------------------------------------------------------------------------- tornado


def _bars(ax):
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def test_tornado_shows_both_ends_of_each_range_ranked(grid):
    figure = plot(grid, "tornado", metrics=[KNEE])
    (ax,) = figure.axes
    base = _metric(grid, KNEE)[0, 1]
    widths = [bar.get_width() for bar in _bars(ax)]
    ends = [factor(1.0, 0.6), factor(1.0, 1.4), factor(0.25, 1.0), factor(1.0, 1.0)]
    np.testing.assert_allclose(widths, base * (np.array(ends) - 1.0), atol=1e-12)
    assert [bool(bar.get_hatch()) for bar in _bars(ax)] == [
        True,
        False,
    ] * 2  # the low end is hatched
    rows = [label.get_text().splitlines() for label in ax.get_yticklabels()]
    assert rows == [[B, "muscle strength, hamstrings, right"], [A, "gluteal strength, right"]]
    words = [text.get_text() for text in ax.texts]
    assert words[2].startswith(f"0.25: +{0.4125 * base:.2f} BW, +41.2")
    assert words[3] == "1: unchanged"
    assert figure.get_supxlabel().startswith("one parameter at a time")


def test_tornado_of_a_sample_says_where_it_is_read(sample):
    figure = plot(sample, "tornado", metrics=[KNEE])
    assert figure.get_supxlabel() == (
        "fitted response at the 5th and the 95th percentile of each parameter"
    )
    table = effect_table(sample, [KNEE]).loc[KNEE].loc[A].sort_index()
    widths = [bar.get_width() for bar in _bars(figure.axes[0])]
    np.testing.assert_allclose(widths[2:], table["change"].iloc[[0, -1]])


def test_tornado_marks_weak_ends_and_draws_no_bar_for_a_failed_one(grid):
    value = grid["metric_value"].copy()
    value[0, 0] = np.nan
    figure = plot(_limited(grid.assign(metric_value=value), [(2, 1)]), "tornado", metrics=[KNEE])
    (ax,) = figure.axes
    assert len(_hollow(ax)) == 1
    assert NOT_COUNTED in _legend(figure)
    assert ax.texts[2].get_text() == "0.6: failed" and _bars(ax)[2].get_width() == 0.0
    assert all(bar.get_width() == 0.0 for bar in _bars(ax) if bar.get_hatch())  # 0.25 is weak
    assert _legend(figure) == ["high end of the range", NOT_COUNTED]


def test_tornado_draws_no_bar_for_a_case_without_a_solution(grid):
    """Although its solved instants have a value, and a large one."""
    value = grid["metric_value"].copy()
    value[0, 2] = 1e3
    figure = plot(_failed(grid.assign(metric_value=value), [(0, 2)]), "tornado", metrics=[KNEE])
    (ax,) = figure.axes
    words = [text.get_text() for text in ax.texts]
    assert "1.4: failed" in words
    assert [bar.get_width() for bar in _bars(ax)][words.index("1.4: failed")] == 0.0
    assert max(abs(bar.get_width()) for bar in _bars(ax)) < 10.0
    assert "1 of 9 cases failed and are left out" in figure.get_supxlabel()
    assert most_changed(_failed(grid.assign(metric_value=value), [(0, 2)]))[-1] == KNEE


def test_tornado_says_which_effects_may_be_those_of_others(sample):
    noise = np.random.default_rng(2).normal(size=80)
    together = sample.assign_coords({B: ("case", sample[A].values + 0.02 * noise)})
    figure = plot(together, "tornado", metrics=[KNEE])
    assert f"not told apart, since they vary together: {A}, {B}" in figure.get_supxlabel()


def test_tornado_of_a_sample_says_that_its_unchanged_value_is_fitted(sample):
    figure = plot(sample, "tornado", metrics=[KNEE])
    title = figure.axes[0].get_title(loc="left")
    assert title.endswith("BW unchanged (fitted)")
    assert figure.axes[0].get_xlabel() == "change [BW]; the fit predicts 100 % of the variance"


def test_tornado_is_read_off_counted_cases_and_not_beyond_them(sample):
    low = np.flatnonzero(sample[A].values < 0.5)
    figure = plot(_spoilt(sample, "metric_at_edge", low), "tornado", metrics=[KNEE])
    words = [text.get_text() for text in figure.axes[0].texts]
    widths = [bar.get_width() for bar in _bars(figure.axes[0])]
    clean = [bar.get_width() for bar in _bars(plot(sample, "tornado", metrics=[KNEE]).axes[0])]
    beyond = next(i for i, text in enumerate(words) if text.endswith("not counted"))
    assert widths[beyond] == 0.0 and not _hollow(figure.axes[0])
    assert sum("not counted" in text for text in words) == 1
    kept = [i for i, text in enumerate(words) if "not counted" not in text]
    assert {round(widths[i], 3) for i in kept} <= {round(width, 3) for width in clean}
    assert f"not counted: {low.size} of 80 cases" in figure.get_supxlabel()


@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_words_of_a_tornado_stay_inside(grid, factor, tmp_path):
    """As saved: off both borders of the axes, beyond which the parameters have their names."""
    base = grid["metric_value"].values[:1, 1:2]
    turned = base + factor * (grid["metric_value"].values - base)
    long = grid.assign(metric_value=grid["metric_value"].copy(data=turned))
    figure = plot(long.rename({A: "gluteal_strength_of_both_legs.scale"}), "tornado")
    save_figure(figure, tmp_path / "tornado")
    for ax in figure.axes:
        for text in ax.texts:
            extent = text.get_window_extent()
            assert ax.bbox.x0 < extent.x0 and extent.x1 < ax.bbox.x1


def test_metrics_of_one_unit_have_one_scale_in_a_tornado(grid):
    """So that a bar twice as long is a change twice as large, in whichever panel."""
    impulse = "knee_force_impulse_r"
    figure = plot(grid, "tornado", metrics=["peak_hip_force_r", KNEE, impulse])
    hip, knee, other = (ax.get_xlim() for ax in figure.axes)
    assert hip == knee != other
    assert min(hip[1], -hip[0]) > 0.0
    for ax in figure.axes:
        for text in ax.texts:
            extent = text.get_window_extent()
            assert ax.bbox.x0 < extent.x0 and extent.x1 < ax.bbox.x1


def test_tornado_keeps_the_strongest(grid):
    (ax,) = plot(grid, "tornado", metrics=[KNEE], count=1).axes
    assert [label.get_text().splitlines()[0] for label in ax.get_yticklabels()] == [A]


def test_the_leg_that_changes_more_is_shown(grid):
    assert most_changed(grid) == ("peak_hip_force_r", KNEE)
    value, column = grid["metric_value"].copy(), grid["metric"].values.tolist()
    value[2, :, column.index("peak_hip_force_l")] *= 1.1  # less than the right knee changes
    value[..., column.index("peak_hip_force_r")] = value[0, 1, column.index("peak_hip_force_r")]
    assert most_changed(grid.assign(metric_value=value)) == ("peak_hip_force_r", KNEE)
    assert most_changed(grid.sel(metric=["hip_force_impulse_l"])) == ("hip_force_impulse_l",)


# --------------------------------------------------------------------------------- heat map


def _mesh(ax):
    return next(part for part in ax.collections if isinstance(part, QuadMesh))


def test_heat_map_prints_every_value(grid):
    figure = plot(grid, "heat_map", metric=KNEE)
    ax = figure.axes[0]
    expected = _metric(grid, KNEE)[::-1]  # gluteal strength upwards, hamstrings to the right
    np.testing.assert_allclose(np.ma.getdata(_mesh(ax).get_array()), expected)
    printed = [text.get_text() for text in ax.texts]
    assert printed == [f"{value:.2f}" for value in expected.ravel()]
    assert [x.get_text() for x in ax.get_xticklabels()] == ["0.6", "1", "1.4"]
    assert [y.get_text() for y in ax.get_yticklabels()] == ["0.25", "0.5", "1"]
    frame = ax.patches[-1]  # around the unchanged case
    assert (frame.get_x(), frame.get_y()) == (0.5, 1.5)


def test_heat_map_turned(grid):
    ax = plot(grid, "heat_map", metric=KNEE, x=A, y=B).axes[0]
    np.testing.assert_allclose(np.ma.getdata(_mesh(ax).get_array()), _metric(grid, KNEE)[::-1].T)
    assert ax.get_xlabel().startswith(A) and ax.get_ylabel().startswith(B)


def test_heat_map_hatches_weak_and_failed_cells(grid):
    figure = plot(_failed(_limited(grid, [(2, 0)]), [(2, 2)]), "heat_map", metric=KNEE)
    ax = figure.axes[0]
    hatches = [(p.get_hatch(), p.get_x(), p.get_y()) for p in ax.patches if p.get_hatch()]
    assert hatches == [("///", -0.5, -0.5), ("xxx", 1.5, -0.5)]
    assert len(ax.texts) == 8
    assert _legend(figure)[1:] == [NOT_COUNTED, "no solution"]
    assert "1 of 9 cases failed" in figure.get_supxlabel()


def test_many_cells_have_contour_lines(walk):
    fine = grid_of(walk, {A: np.linspace(0.25, 1.0, 10), B: np.linspace(0.6, 1.4, 12)})
    ax = plot(fine, "heat_map", metric=KNEE).axes[0]
    labels = [text.get_text() for text in ax.texts]
    values = _metric(fine, KNEE)
    assert labels and all(values.min() < float(text) < values.max() for text in labels)
    assert ax.get_xlim() == pytest.approx((0.6 - 0.4 / 11, 1.4 + 0.4 / 11))


def test_heat_map_holds_other_parameters_unchanged(grid):
    cube = grid.expand_dims({"calf.scale": [0.7, 1.0]}).copy(deep=True)
    cube["metric_value"][1] *= 2.0
    cube.attrs["config"] = "{}"  # so the first value of each counts as unchanged
    figure = plot(cube, "heat_map", metric=KNEE, x=B, y=A)
    assert figure.get_supxlabel() == "calf.scale = 0.7"
    expected = _metric(grid, KNEE)[::-1]
    np.testing.assert_allclose(np.ma.getdata(_mesh(figure.axes[0]).get_array()), expected)


# ------------------------------------------------------------------------------------- all


@pytest.mark.parametrize("kind", ["response", "tornado", "heat_map"])
def test_an_axis_of_one_value(grid, kind):
    """It has no effect, and no neighbour to draw towards."""
    figure = plot(grid.isel({B: [1]}), kind, **({} if kind == "response" else _ONE_METRIC[kind]))
    svg_of(figure)
    if kind == "tornado":
        words = [text.get_text() for text in figure.axes[0].texts]
        assert words[:2] == ["1: unchanged", "1: unchanged"]


_ONE_METRIC = {"tornado": {"metrics": [KNEE]}, "heat_map": {"metric": KNEE}}


@pytest.mark.parametrize("kind", ["response", "tornado", "heat_map"])
def test_names_are_no_formulas(grid, kind, tmp_path):
    """A dollar sign from a file would be read as mathematics, and an odd one fail when drawn."""
    odd = grid.rename({A: "$\\frac{a$"})
    png, _ = save_figure(plot(odd, kind), tmp_path / "figure")
    assert png.stat().st_size > 10_000


def test_the_same_figure_is_the_same_svg(line):
    first, second = (svg_of(plot(line, "response")) for _ in range(2))
    assert first == second and b"<text" not in first


def test_drawing_leaves_the_settings_alone(line):
    before = dict(matplotlib.rcParams)
    svg_of(plot(line, "response"))
    assert dict(matplotlib.rcParams) == before


def test_mistakes_are_explained(grid, sample, line, walk):
    for kind in ("response", "tornado", "heat_map"):
        with pytest.raises(BadInput, match="single case"):
            plot(walk, kind)
    for single in (sample, line):
        with pytest.raises(BadInput, match="needs a grid over two parameters"):
            plot(single, "heat_map")
    with pytest.raises(UnknownName, match=f"Did you mean '{A}'"):
        plot(grid, "response", parameter="gluteal_scale")
    with pytest.raises(UnknownName, match="No metric named 'peak_toe_force'"):
        plot(grid, "response", metrics=["peak_toe_force"])
    with pytest.raises(UnknownName, match="No metric named 'knee'"):
        plot(grid, "heat_map", metric="knee")
    with pytest.raises(BadInput, match="Name two different parameters"):
        plot(grid, "heat_map", x=A, y=A)
    with pytest.raises(UnknownName, match=r"response.*tornado|tornado.*response"):
        plot(grid, "zzzz")
