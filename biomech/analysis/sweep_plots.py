"""Figures of a sweep: how named metrics answer to what was varied.

The right leg is dark and solid, the left one light and dashed, as in `plots`. Circles are hollow
where muscles were too weak in part of the metric's window, so that loads there are too small, or
where there is no reliable peak: such cases are shown but not counted (`cases`), neither in medians
and bands nor in fits. Cases with instants that have no solution are left out. The lines below the
axes say how many cases both are.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib.colors
import matplotlib.patheffects as patheffects
import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from ..model.names import BadInput, UnknownName, legible, suggest
from ..studies.gait_events import SIDES
from .cases import (
    Cases,
    cases_of,
    counted_cases,
    failed_cases,
    main_loads,
    metric_column,
    metrics_of,
    parameter_label,
    parameter_words,
    uncounted_cases,
)
from .effects import (
    NOT_APART,
    NOT_COUNTED,
    PERCENTILES,
    UNSOLVED,
    counted_size,
    effect_table,
    is_counted,
    known_metrics,
    signed,
    varying_together,
)
from .plots import INK, SIDE_LINE, fewest_gaps, legend_above, metric_title, panels, styled

_BAND = (5.0, 95.0)
"""Percentiles over the other parameters."""
_CASES_PER_BIN, _MOST_BINS, _FEWEST_BINS = 20, 10, 3
_LEAST_SPAN = 0.1  # of the largest value [-]: what hardly changes is drawn as a flat line
_MOST_TICKS = 7
_MOST_PRINTED = 60  # cells of a heat map that have their value written in them
_GREY = "#777777"


# --------------------------------------------------------------------------------- response


@styled
def plot_response(
    dataset: xr.Dataset, parameter: str | None = None, metrics: Sequence[str] | None = None
) -> Figure:
    """Metrics of both legs against one swept `parameter`.

    With more than one parameter: median and 5-95 % band over the others; of a sample in bins of
    equally many cases, the cases as dots.

    - `parameter`: by default the first one swept.
    - `metrics`: full names, or names without `_r` or `_l` for both legs; by default joint loads, of
      a motion their peaks.
    """
    cases = cases_of(dataset)
    column = _column(cases, parameter)
    by_panel = _by_panel(dataset, metrics)
    columns = fewest_gaps(len(by_panel), (2, 3))
    figure, axes = panels(len(by_panel), columns=columns, width=3.6, height=2.6)
    for (stem, names), ax in zip(by_panel.items(), axes, strict=True):
        for name in names:
            _draw_response(ax, dataset, cases, column, name)
        ax.axvline(cases.unchanged[column], color=_GREY, linewidth=0.8, linestyle=":", zorder=0.5)
        _flat_stays_flat(ax)
        ax.set_title(metric_title(stem if len(names) > 1 else names[0]))
        ax.set_ylabel(f"[{_unit(dataset, names[0])}]")
    for ax in axes[-columns:]:
        ax.tick_params(labelbottom=True)
    swept = np.unique(cases.values[:, column])
    if cases.is_grid and swept.size <= _MOST_TICKS:
        axes[0].set_xticks(swept, [f"{value:g}" for value in swept])  # the axes share them
    words = _axis_words(dataset, cases.parameters[column])
    drawn = [name for names in by_panel.values() for name in names]
    below = [words, *_not_counted(dataset, drawn), *_left_out(cases)]
    figure.supxlabel("\n".join(below), fontsize=9.0)
    _response_legend(figure, dataset, cases, column, drawn)
    return figure


def _draw_response(ax: Axes, dataset, cases, column, metric):
    """One leg's answer: a line through the cases, or the median and a band of many."""
    x = cases.values[:, column]
    value = metric_column(dataset, "metric_value", metric)
    y = np.where(counted_cases(dataset, metric), value, np.nan)
    side = _side(metric)
    color, order = SIDE_LINE[side]["color"], np.argsort(x)
    if _is_line(cases):
        ax.plot(x[order], y[order], marker="o", markersize=3.5, **SIDE_LINE[side])
    else:
        if not cases.is_grid:
            ax.plot(x, y, linestyle="none", marker="." if side == "r" else "x", markersize=2.5,
                    markeredgewidth=0.5, color=color, alpha=0.4, rasterized=True)  # fmt: skip
        _draw_band(ax, x, y, list(_bins(cases, column, y)), side)
    weak = uncounted_cases(dataset, metric)
    if weak.any():
        ax.plot(x[weak], value[weak], linestyle="none", marker="o", markersize=4.0, zorder=3.0,
                markerfacecolor="white", markeredgewidth=0.9, markeredgecolor=color)  # fmt: skip


def _draw_band(ax: Axes, x, y, bins, side):
    """Median and percentiles of every bin; the right leg's band is filled, the left one's edged."""
    if not bins:
        return
    at = [float(np.median(x[inside])) for inside in bins]
    low, middle, high = np.transpose(
        [np.percentile(y[inside], (_BAND[0], 50.0, _BAND[1])) for inside in bins]
    )
    color = SIDE_LINE[side]["color"]
    if side == "r":
        ax.fill_between(at, low, high, facecolor=color, alpha=0.2, edgecolor="none", zorder=1.0)
    else:
        for edge in (low, high):
            ax.plot(at, edge, color=color, linewidth=0.8, linestyle=(0, (1, 1.5)))
    ax.plot(at, middle, **SIDE_LINE[side])


def _bins(
    cases: Cases, column: int, y: Float[np.ndarray, " case"]
) -> Iterator[Int[np.ndarray, " n"]]:
    """Indices of the counted cases at each value of a grid, or in each quantile of a sample."""
    x = cases.values[:, column]
    known = np.flatnonzero(np.isfinite(y))
    if cases.is_grid:
        for value in np.unique(x[known]):
            yield known[x[known] == value]
        return
    count = min(_MOST_BINS, known.size // _CASES_PER_BIN)
    if count >= _FEWEST_BINS:
        yield from np.array_split(known[np.argsort(x[known])], count)


def _flat_stays_flat(ax: Axes):
    """At least a tenth of the values high, so that a change of 1 % does not fill the panel."""
    low, high = ax.get_ylim()
    missing = _LEAST_SPAN * max(abs(low), abs(high)) - (high - low)
    if missing > 0.0:
        ax.set_ylim(low - 0.5 * missing, high + 0.5 * missing)


def _response_legend(figure, dataset, cases, column, metrics):
    sides = [side for side in SIDES if any(_side(name) == side for name in metrics)]
    handles: list = [Line2D([], [], **SIDE_LINE[side]) for side in sides]
    if not _is_line(cases):
        others = "the other parameter" if len(cases.parameters) == 2 else "the other parameters"
        label = f"median and 5-95 % over {others}"
        handles.append(Patch(facecolor=_pale(SIDE_LINE["r"]["color"]), linestyle=":",
                             edgecolor=SIDE_LINE["l"]["color"], label=label))  # fmt: skip
    at = f"unchanged ({cases.unchanged[column]:.3g})"
    handles.append(Line2D([], [], color=_GREY, linewidth=0.8, linestyle=":", label=at))
    if any(uncounted_cases(dataset, name).any() for name in metrics):
        handles.append(_not_counted_handle())
    legend_above(figure, handles)


# ---------------------------------------------------------------------------------- tornado


@styled
def plot_tornado(
    dataset: xr.Dataset, metrics: Sequence[str] | None = None, *, count: int = 12
) -> Figure:
    """Change of each metric between the ends of each parameter's range, the others unchanged.

    The ends are the smallest and the largest value of a grid; of a sample they are the 5th and
    95th percentile, and the response is fitted (`effects`). The parameter that moves a metric most
    is on top. An end that is not counted has a hollow circle instead of a bar. Metrics of one unit
    have one scale.

    - `metrics`: full names; by default the hip and knee force, of a motion their peaks, of the leg
      that changes more.
    - `count`: most parameters to draw.
    """
    cases = cases_of(dataset)
    chosen = tuple(metrics) if metrics else most_changed(dataset)
    table: Any = effect_table(dataset, chosen)
    height = 0.85 + 0.5 * min(count, len(cases.parameters))
    figure = Figure(figsize=(7.2, 0.6 + height * len(chosen)), layout="constrained")
    axes = np.atleast_1d(figure.subplots(len(chosen), 1))
    shown: set[str] = set()
    for ax, name in zip(axes, chosen, strict=True):
        shown |= _draw_tornado(ax, dataset, cases, table.loc[name], name, count)
    below = [] if cases.is_grid else _not_counted(dataset, chosen)
    words = [_tornado_words(cases), *below, *_left_out(cases), *_not_apart(table)]
    figure.supxlabel("\n".join(words), fontsize=9.0)
    handles: list = [
        *([Patch(label="low end of the range", **_LOW)] if "low" in shown else []),
        *([Patch(label="high end of the range", **_HIGH)] if "high" in shown else []),
        *([_not_counted_handle()] if "not counted" in shown else []),
    ]
    legend_above(figure, handles, columnspacing=1.2)
    figure.draw_without_rendering()  # so that the size of axes and words is known
    units = [str(table.loc[name]["unit"].iloc[0]) for name in chosen]
    for unit in dict.fromkeys(units):
        _leave_room([ax for ax, own in zip(axes, units, strict=True) if own == unit])
    return figure


_LOW: dict[str, Any] = {
    "facecolor": "white",
    "edgecolor": SIDE_LINE["l"]["color"],
    "hatch": "/////",
}
_HIGH: dict[str, Any] = {"facecolor": SIDE_LINE["r"]["color"], "edgecolor": SIDE_LINE["r"]["color"]}


_ALIKE = (
    0.01  # changes of both legs that differ less, relative, are the same: the right one is shown
)


def most_changed(dataset: xr.Dataset) -> tuple[str, ...]:
    """The (peak) hip and knee force of the leg that changes more, or of the other leg where that
    has none; other metrics if there are none."""
    known = known_metrics(dataset)
    wanted = [f"{stem}_{side}" for stem in main_loads(dataset)[:2] for side in SIDES]
    wanted = [name for name in wanted if name in known] or list(known[:1])
    table: Any = _fitted_of(dataset, wanted)
    wanted = [name for name in wanted if name in table.index.get_level_values("metric")]
    size: Any = counted_size(table, "change").groupby("metric").max().fillna(-1.0)
    leg = lambda name: name.rpartition("_")[2]
    of_leg = {
        side: max([size[n] for n in wanted if leg(n) == side], default=-2.0) for side in SIDES
    }
    main = "l" if of_leg["l"] > max(of_leg["r"], 0.0) * (1.0 + _ALIKE) else "r"
    first: dict[str, str] = {}
    for name in sorted(wanted, key=lambda name: leg(name) != main or size[name] < 0.0):
        first.setdefault(name.rpartition("_")[0], name)
    return tuple(name for name in wanted if name in first.values())


def _fitted_of(dataset, metrics) -> Any:
    """The table of effects of those metrics that can be fitted; `BadInput` if none can."""
    try:
        return effect_table(dataset, metrics)
    except BadInput:
        table: Any = effect_table(dataset)  # NaN where too few cases count
        some = table[table.index.get_level_values("metric").isin(metrics)]
        known = some["value"].notna().groupby("metric").any()
        if not known.any():
            raise
        return some[some.index.get_level_values("metric").isin(known.index[known])]


def _draw_tornado(ax: Axes, dataset, cases, table: Any, metric, count) -> set[str]:
    """Bars and words of one metric; returns what the legend has to explain."""
    ends = {name: table.loc[name].sort_index().iloc[[0, -1]] for name in cases.parameters}
    reach = {
        name: [0.0, *np.nan_to_num(both["change"].where(is_counted(both)))]
        for name, both in ends.items()
    }
    ranked = sorted(cases.parameters, key=lambda name: np.ptp(reach[name]))[-count:]
    unit, shown = str(table["unit"].iloc[0]), set()
    missing = "failed" if cases.is_grid else "not counted"
    for row, name in enumerate(ranked):
        for i, (offset, look) in enumerate([(0.19, _LOW), (-0.19, _HIGH)]):
            at, end = ends[name].index[i], ends[name].iloc[i]
            width = float(np.nan_to_num(end["change"]))
            counts = bool(is_counted(ends[name]).iloc[i])
            failed = np.isnan(end["change"]) or UNSOLVED in end["warning"]
            weak, width = not counts and not failed, 0.0 if failed else width
            ax.barh(row + offset, width if counts else 0.0, height=0.34, linewidth=0.8, **look)
            if counts and width:
                shown.add(("low", "high")[i])
            if weak:
                shown.add("not counted")
                ax.plot(width, row + offset, color=INK, marker="o", markersize=4.0,
                        markerfacecolor="white", zorder=3.0)  # fmt: skip
            ax.annotate(
                f"{at:.3g}: {missing if failed else _change_words(end, unit)}",
                (width, row + offset),
                xytext=((-1.0 if width < 0.0 else 1.0) * (7.0 if weak else 4.0), 0.0),
                textcoords="offset points",
                ha="right" if width < 0.0 else "left",
                va="center",
                fontsize=7.5,
            )
    ax.axvline(0.0, color=INK, linewidth=0.8)
    ax.set_yticks(range(len(ranked)), [_named(dataset, name) for name in ranked])
    ax.tick_params(axis="y", length=0.0)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(-0.55, len(ranked) - 0.45)
    ax.set_title(f"{metric_title(metric)}: {_baseline_words(table.iloc[0], unit)}")
    ax.set_xlabel(f"change [{unit}]{_fit_words(table.iloc[0])}")
    return shown


def _baseline_words(effect, unit) -> str:
    """`3.16 BW unchanged (fitted)`."""
    baseline = float(effect["baseline"])
    if np.isnan(baseline):
        return "unchanged value not known"
    return f"{baseline:.2f} {unit} unchanged{'' if np.isnan(effect['explained']) else ' (fitted)'}"


def _fit_words(effect) -> str:
    explained = float(effect["explained"])
    known = not np.isnan(explained)
    return f"; the fit predicts {percent_of(explained)} of the variance" if known else ""


def percent_of(share: float) -> str:
    """`97 %`; a share that is nearly but not quite the whole is not rounded up to it."""
    if share < 0.0:
        return "none"
    shown = 100.0 * share
    return f"{shown:.0f} %" if shown < 99.5 or shown > 99.95 else f"{shown:.1f} %"


def _change_words(effect, unit) -> str:
    """`+0.78 BW, +22.4 %`."""
    change, percent = float(effect["change"]), float(effect["percent"])
    share = "" if np.isnan(percent) else f", {signed(percent, 1)} %"
    return f"{signed(change, 2)} {unit}{share}" if change else "unchanged"


def _leave_room(axes: Sequence[Axes]):
    """Common limits that leave the words at the ends of the bars inside, by their drawn size."""
    width = min(float(ax.bbox.width) for ax in axes) - 2.0 * _PAD
    words: list[Any] = [text for ax in axes for text in ax.texts]
    at = np.array([text.xy[0] for text in words])
    own = np.array([text.get_window_extent().width for text in words])
    gap = np.abs([text.get_position()[0] for text in words]) * axes[0].figure.dpi / 72.0
    leftwards = np.array([text.get_ha() == "right" for text in words])
    low, high = min(0.0, *at), max(0.0, *at)
    if high <= low:
        low, high = -0.5, 0.5

    def room(scale):
        """Pixels needed left and right of the bars, at so many pixels for each unit."""
        left = np.where(leftwards, gap + own - scale * (at - low), 0.0).max(initial=0.0)
        right = np.where(leftwards, 0.0, gap + own - scale * (high - at)).max(initial=0.0)
        return left, right

    least, most = _LEAST_BARS * width / (high - low), width / (high - low)
    for _ in range(40):  # bisection: what is needed grows with the scale
        scale = 0.5 * (least + most)
        fits = scale * (high - low) + sum(room(scale)) <= width
        least, most = (scale, most) if fits else (least, scale)
    left, right = room(least)
    spare = max(width - least * (high - low) - left - right, 0.0)
    for ax in axes:
        ax.set_xlim(low - (left + _PAD) / least, high + (right + spare + _PAD) / least)


_PAD = 5.0  # pixels at 100 dpi, between words and the border of the axes
_LEAST_BARS = 0.05  # of the axes' width, for the bars, however long the words


def _named(dataset, parameter) -> str:
    """Name and, in a second line, what it changes."""
    words = parameter_words(dataset, parameter)
    return legible(f"{parameter}\n{words}" if words else parameter)


def _not_apart(table) -> list[str]:
    """Parameters whose effects may be those of others, a line of the figure at most."""
    names = varying_together(table)
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    named = legible(", ".join(names[:_MOST_NAMED]))
    return [f"{NOT_APART}, since they vary together: {named}{more}"] if names else []


_MOST_NAMED = 4


def _tornado_words(cases) -> str:
    if cases.is_grid:
        return "one parameter at a time, from one end of its range to the other"
    low, high = PERCENTILES[0], PERCENTILES[-1]
    return f"fitted response at the {low:g}th and the {high:g}th percentile of each parameter"


# --------------------------------------------------------------------------------- heat map


@styled
def plot_heat_map(
    dataset: xr.Dataset, metric: str | None = None, x: str | None = None, y: str | None = None
) -> Figure:
    """A metric over two parameters of a grid, any others unchanged.

    Few cells have their value written in them, many get contour lines. Hatched: muscles too weak in
    part of the window or no reliable peak (/), or no solution (x, blank). A frame marks the
    unchanged case.

    - `metric`: full name; by default the (peak) knee or hip force that changes most.
    - `x`, `y`: the parameters; by default the second and the first one swept.
    """
    cases = cases_of(dataset)
    if not cases.is_grid or len(cases.parameters) < 2:
        raise BadInput(
            "A heat map needs a grid over two parameters. Draw this result with kind 'response' "
            "or 'tornado'."
        )
    down, across = _two_axes(cases, x, y)
    metric = metric or most_changed(dataset)[-1]
    _require_metric(dataset, metric)
    others = dict(zip(cases.parameters, cases.unchanged, strict=True))
    at = {name: others.pop(name) for name in (down, across)}
    plane = metrics_of(dataset).sel(others).sortby([down, across])
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    ax = figure.subplots()
    image = _draw_plane(ax, plane, metric, down, across, at)
    figure.colorbar(image, ax=ax, label=f"[{_unit(dataset, metric)}]", shrink=0.9)
    ax.set_title(metric_title(metric))
    ax.set_xlabel(_axis_words(dataset, across))
    ax.set_ylabel(_axis_words(dataset, down).replace(": ", ":\n"))
    held = [legible(f"{name} = {value:g}") for name, value in others.items()]
    below = [*held, *_left_out(cases_of(plane))]
    if below:
        figure.supxlabel("\n".join(below), fontsize=9.0)
    _plane_legend(figure, plane, metric)
    return figure


def _draw_plane(ax: Axes, plane, metric, down, across, unchanged):
    value, weak = _values(plane, metric, down, across)
    printed = value.size <= _MOST_PRINTED
    ticks = {name: np.asarray(plane[name].values, float) for name in (down, across)}
    place = {name: np.arange(v.size, dtype=float) if printed else v for name, v in ticks.items()}
    edges = {name: _edges(position) for name, position in place.items()}
    image = ax.pcolormesh(edges[across], edges[down], value, cmap=_COLORS, rasterized=True)
    for i, j in np.argwhere(weak | np.isnan(value)):
        look = _FAILED if np.isnan(value[i, j]) else _WEAK
        ax.add_patch(Rectangle(**_cell(edges[across], edges[down], i, j), **look))
    if printed:
        _print_values(ax, value, image)
        ax.set_xticks(place[across], [f"{x:g}" for x in ticks[across]])
        ax.set_yticks(place[down], [f"{y:g}" for y in ticks[down]])
        ax.tick_params(length=0.0)
    elif np.isfinite(value).all() and np.ptp(value) > 0.0:
        lines = ax.contour(place[across], place[down], value, levels=6, colors="white",
                           linewidths=0.9)  # fmt: skip
        outline: list[Any] = [patheffects.withStroke(linewidth=1.9, foreground=INK)]
        lines.set(path_effects=outline)
        for text in ax.clabel(lines, fontsize=7.5):
            text.set_path_effects(outline)
    i, j = (int(np.argmin(np.abs(ticks[name] - unchanged[name]))) for name in (down, across))
    frame = Rectangle(**_cell(edges[across], edges[down], i, j), **_FRAME, clip_on=False, zorder=4)
    ax.add_patch(frame)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return image


_COLORS = "cividis"  # its lightness rises evenly, so it reads in grey
_WEAK: dict[str, Any] = {"fill": False, "hatch": "///", "edgecolor": "white", "linewidth": 0.0}
_FAILED: dict[str, Any] = {
    "facecolor": "white",
    "hatch": "xxx",
    "edgecolor": _GREY,
    "linewidth": 0.0,
}
_FRAME: dict[str, Any] = {
    "fill": False,
    "edgecolor": "black",
    "linewidth": 1.8,
    "path_effects": [patheffects.withStroke(linewidth=3.6, foreground="white")],
}


def _values(plane, metric, down, across):
    """The metric over a plane of the grid, NaN where a case failed, and where it does not count."""
    shape = [plane.sizes[name] for name in cases_of(plane).parameters]
    turned = tuple(cases_of(plane).parameters) == (across, down)
    columns = (
        np.where(failed_cases(plane), np.nan, metric_column(plane, "metric_value", metric)),
        uncounted_cases(plane, metric),
    )
    return tuple(c.reshape(shape).T if turned else c.reshape(shape) for c in columns)


def _edges(position):
    """Borders of cells around ascending positions, half way to the neighbours."""
    if position.size == 1:
        return position[0] + np.array([-0.5, 0.5])
    half = 0.5 * np.diff(position)
    return np.concatenate(
        [[position[0] - half[0]], position[:-1] + half, [position[-1] + half[-1]]]
    )


def _cell(x_edges, y_edges, i, j):
    corner = (x_edges[j], y_edges[i])
    return {"xy": corner, "width": x_edges[j + 1] - corner[0], "height": y_edges[i + 1] - corner[1]}


def _print_values(ax: Axes, value, image):
    """Every value in its cell, on a halo of the cell's color where it is hatched."""
    for (i, j), number in np.ndenumerate(value):
        if np.isnan(number):
            continue
        cell = image.cmap(image.norm(number))
        dark = np.dot(cell[:3], (0.299, 0.587, 0.114)) < 0.46
        halo = patheffects.withStroke(linewidth=2.5, foreground=cell)
        ax.text(j, i, f"{number:.2f}", color="white" if dark else "black", fontsize=8.5,
                ha="center", va="center", path_effects=[halo])  # fmt: skip


def _plane_legend(figure, plane, metric):
    handles = [Patch(label="unchanged", **_FRAME)]
    if uncounted_cases(plane, metric).any():
        handles.append(Patch(label=f"{NOT_COUNTED}: not counted", **_HATCHED))
    if failed_cases(plane).any():
        handles.append(Patch(label="no solution", **_FAILED))
    legend_above(figure, handles)


_HATCHED: dict[str, Any] = {"facecolor": _GREY, "hatch": "///", "edgecolor": "white"}


def _two_axes(cases, x, y):
    """The parameters downwards and across."""
    for name in (x, y):
        if name is not None:
            _column(cases, name)
    free = [name for name in cases.parameters if name not in (x, y)]
    down = y or free.pop(0)
    across = x or free.pop(0)
    if down == across:
        raise BadInput(f"`x` and `y` are both {across}. Name two different parameters.")
    return down, across


# ------------------------------------------------------------------------------------ parts


def _column(cases: Cases, parameter: str | None) -> int:
    if parameter is None:
        return 0
    if parameter not in cases.parameters:
        hint = suggest(parameter, cases.parameters)
        raise UnknownName(f"No swept parameter named '{parameter}' in the result. {hint}")
    return cases.parameters.index(parameter)


def _by_panel(dataset, metrics) -> dict[str, list[str]]:
    """Name without the leg -> metrics to draw in one panel."""
    known = known_metrics(dataset)
    if metrics is None:
        main = [n for stem in main_loads(dataset) for n in known if n in (f"{stem}_r", f"{stem}_l")]
        metrics = main or known[:4]
    found: dict[str, list[str]] = {}
    for name in metrics:
        legs = [f"{name}_{side}" for side in SIDES if f"{name}_{side}" in known]
        for one in legs or [name]:
            _require_metric(dataset, one)
            found.setdefault(one.rpartition("_")[0], []).append(one)
    if not found:
        raise BadInput("No metric of the result has a value in any case.")
    return found


def _require_metric(dataset, name):
    if name not in dataset["metric"].values:
        names = tuple(map(str, dataset["metric"].values))
        raise UnknownName(f"No metric named '{name}' in the result. {suggest(name, names)}")


def _is_line(cases):
    return cases.is_grid and len(cases.parameters) == 1


def _side(metric):
    side = metric.rpartition("_")[2]
    return side if side in SIDES else "r"


def _unit(dataset, metric) -> str:
    return str(dataset["metric_unit"].sel(metric=metric).item())


def _axis_words(dataset, parameter) -> str:
    """`gluteal.scale [-]: gluteal strength, right`."""
    words = parameter_words(dataset, parameter)
    label = parameter_label(dataset, parameter)
    return f"{label}: {words}" if words else label


def _left_out(cases: Cases) -> list[str]:
    failed = int(cases.failed.sum())
    return [f"{failed} of {cases.failed.size} cases failed and are left out"] if failed else []


def _not_counted(dataset, metrics) -> list[str]:
    """How many cases are not counted; of several metrics the least and the most."""
    counts = [int(uncounted_cases(dataset, name).sum()) for name in metrics]
    if not any(counts):
        return []
    fewest, most = min(counts), max(counts)
    number = f"{most}" if fewest == most else f"{fewest} to {most}"
    by = "" if len(counts) == 1 or fewest == most else ", depending on the metric"
    return [f"not counted: {number} of {failed_cases(dataset).size} cases ({NOT_COUNTED}){by}"]


def _not_counted_handle():
    return Line2D([], [], linestyle="none", marker="o", markersize=4, markerfacecolor="white",
                  markeredgecolor=INK, label=f"{NOT_COUNTED}: not counted")  # fmt: skip


def _pale(color) -> tuple[float, float, float]:
    red, green, blue = (1.0 - 0.25 * (1.0 - c) for c in matplotlib.colors.to_rgb(color))
    return red, green, blue
