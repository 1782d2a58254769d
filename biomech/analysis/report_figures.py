"""The few figures of a report: which ones tell most of a result, with caption and words instead.

A single case shows its joint loads, moments, angles and activations; a body at rest what it carries
and how it presses on the ground. A sweep shows first what moves
the peak loads most, then the response to each parameter (the strongest first, at most `MOST`),
a grid over two or more also the heat map of the two strongest, and the loads over the gait cycle.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from ..model.names import BadInput
from ..studies.gait_events import SIDES
from .cases import (
    Cases,
    cases_of,
    has_instants,
    main_loads,
    parameter_words,
    sweep_dimensions,
    unchanged_case,
    uncounted_cases,
)
from .effects import NOT_COUNTED, counted_size, effect_table
from .plots import NEEDS, metric_title, plot, svg_of
from .sweep_plots import most_changed

MOST = 4
"""Parameters whose response is drawn."""
_OF_ONE_CASE = {
    "joint_loads": "Joint reaction forces of both legs over the gait cycle, in body weights.",
    "moments": "Net internal joint moments of both legs over the gait cycle, over body mass.",
    "angles": "Joint angles of both legs over the gait cycle.",
    "activations": "Muscle activations of the right leg over the gait cycle; the bars below the "
    "curves show when the muscle is active in published recordings.",
}
_AT_REST = (
    "What the body carries at rest: joint reaction forces of both legs in body weights, vertical "
    "forces under both soles seen from above, and the most active muscles."
)


class ReportFigure(NamedTuple):
    """A figure as SVG, its size [inch], its caption, and what it shows for those who do not see."""

    svg: bytes
    size: tuple[float, float]
    caption: str
    alt: str


def report_figures(dataset: xr.Dataset) -> list[ReportFigure]:
    """Those that the variables of the result allow."""
    wanted = _of_sweep(dataset) if sweep_dimensions(dataset) else _of_one(dataset)
    return [drawn for one in wanted if (drawn := _drawn(*one)) is not None]


def _drawn(dataset, kind, caption, alt, options) -> ReportFigure | None:
    if not all(name in dataset for name in NEEDS.get(kind, ())):
        return None
    try:
        figure = plot(dataset, kind, **options)
    except BadInput:  # a model without the joints or muscles that it shows
        return None
    width, height = (float(x) for x in figure.get_size_inches())
    return ReportFigure(svg_of(figure), (width, height), caption, alt)


def _of_one(dataset: xr.Dataset) -> Iterator[tuple[Any, ...]]:
    if not has_instants(dataset):
        yield _standing(dataset, _AT_REST)
        return
    for kind, caption in _OF_ONE_CASE.items():
        yield dataset, kind, caption, f"Curves. {caption}", {}


def _standing(dataset, caption) -> tuple[Any, ...]:
    words = f"Bars and discs. {caption} {_loads_words(dataset)}"
    return dataset, "standing", caption, words, {}


def _loads_words(dataset) -> str:
    """The main joint loads in numbers."""
    value = dataset["metric_value"].to_series().to_dict()
    names = [f"{stem}_{side}" for stem in main_loads(dataset) for side in SIDES]
    known = [f"{metric_title(name)}: {value[name]:.2f} BW." for name in names if name in value]
    return " ".join(known)


def _of_sweep(dataset: xr.Dataset) -> Iterator[tuple[Any, ...]]:
    cases = cases_of(dataset)
    try:
        metrics = most_changed(dataset)
        table: Any = effect_table(dataset, metrics)
    except BadInput:  # no case was solved, or too few for a fit
        return
    strongest = by_strength(table, cases)
    loads = "peak loads" if has_instants(dataset) else "joint loads"
    if len(cases.parameters) > 1:
        ends = "ends of its range" if cases.is_grid else "5th and 95th percentile, fitted"
        caption = (
            f"What moves the {loads} most: each parameter at the {ends}, the others unchanged."
            f"{_not_counted(dataset, metrics)}"
        )
        yield dataset, "tornado", caption, f"Ranked bars. {_in_words(table, strongest)}", {}
    for name in strongest[:MOST]:
        words = parameter_words(dataset, name)
        forces = "Peak joint forces" if has_instants(dataset) else "Joint forces"
        caption = f"{forces} against {name}{f' ({words})' if words else ''}."
        caption += _not_counted(dataset, metrics)
        alt = f"Lines. {caption} {_in_words(table, (name,))}"
        yield dataset, "response", caption, alt, {"parameter": name}
    if cases.is_grid and len(cases.parameters) > 1:
        first, second = strongest[:2]
        metric = metrics[-1]
        caption = f"{metric_title(metric)} over {first} and {second}, any others unchanged."
        yield (
            *(dataset, "heat_map", caption, f"Heat map. {caption}"),
            {"metric": metric, "x": first, "y": second},
        )
    yield from _loads_of_sweep(dataset, cases, metrics)


def _loads_of_sweep(dataset, cases, metrics):
    if not cases.is_grid:
        return
    if not has_instants(dataset):
        yield _standing(unchanged_case(dataset), f"Unchanged case: {_AT_REST}")
        return
    if len(cases.parameters) > 1:
        caption = f"Unchanged case: {_OF_ONE_CASE['joint_loads']}"
        yield unchanged_case(dataset), "joint_loads", caption, f"Curves. {caption}", {}
        return
    side = metrics[-1].rpartition("_")[2]
    leg = "left" if side == "l" else "right"
    caption = f"Joint reaction forces of the {leg} leg, a curve for each value of the parameter."
    yield dataset, "sweep_joint_loads", caption, f"Curves. {caption}", {"side": side}


def by_strength(table: Any, cases: Cases) -> tuple[str, ...]:
    """The swept parameters, that with the largest counted relative effect on any metric first."""
    size = counted_size(table, "percent").groupby("parameter").max()
    key = lambda name: -np.nan_to_num(float(size.get(name, 0.0)))
    return tuple(sorted(cases.parameters, key=key))


def _in_words(table: Any, parameters: tuple[str, ...]) -> str:
    """The ends of every range in numbers."""
    said = []
    for metric in dict.fromkeys(table.index.get_level_values("metric")):
        for name in parameters:
            line = table.loc[metric].loc[name].sort_index()
            ends = [f"{_value_words(line.iloc[i])} at {line.index[i]:.3g}" for i in (0, -1)]
            said.append(f"{metric_title(metric)}, by {name}: {', '.join(ends)}.")
    return " ".join(said)


def _value_words(effect: Any) -> str:
    value = float(effect["value"])
    return "not known" if np.isnan(value) else f"{value:.2f} {effect['unit']}"


def _not_counted(dataset, metrics) -> str:
    """A sentence for the caption; empty where every case counts."""
    said = [
        f"{count} of {bad.size} for {metric_title(name).lower()}"
        for name in metrics
        if (count := int((bad := uncounted_cases(dataset, name)).sum()))
    ]
    return f" Shown but not counted ({NOT_COUNTED}): {', '.join(said)}." if said else ""
