"""What each swept parameter does to each metric, one at a time, the others unchanged.

Of a grid these are its own cases on the lines through the unchanged one. Of any other design they
are read off a polynomial through all counted cases (`response_surface`), at `PERCENTILES` of what
was sampled; such rows say so in `warning`. `cases` tells which value is the unchanged one, and
which cases count: the others reach neither fits nor slopes. A fit is not read where it would have
to reach further than `_REACH` beyond the counted cases: the values there are NaN. The effect of a
parameter that varies together with others (`response_surface.variance_inflation`) may be theirs:
its rows warn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..model.names import BadInput, UnknownName, suggest
from .cases import (
    Cases,
    cases_of,
    counted_cases,
    metric_column,
    metrics_of,
    parameter_unit,
    uncounted_cases,
)
from .compare import WITHOUT_ZERO, compare
from .labels import require_dataset
from .response_surface import MOST_INFLATION, ResponseSurface, fit_response

PERCENTILES = (5.0, 25.0, 50.0, 75.0, 95.0)
"""Of a sampled parameter, where the fitted response is read."""
_INDEX = ["metric", "parameter", "at"]
_COLUMNS = [
    *("unit", "baseline", "value", "change", "percent", "slope", "slope_unit"),
    *("explained", "warning", "long_name"),
]
NOT_COUNTED = "muscles too weak or no reliable peak"
UNSOLVED = "unsolved instants in"
NOT_APART = "not told apart"
"""In the warning of an effect of a parameter that varies together with others."""
_UNCOUNTED_MARKS = f"(?:strength-limited in|at the record's edge in|{UNSOLVED}) (?:case|baseline)"
_REACH = 0.05  # of a parameter's sampled range [-]
_NEAR = 1e-9  # values closer than this, relative, are the same value of an axis


def effect_table(
    dataset: xr.Dataset,
    metrics: Sequence[str] | None = None,
    *,
    baseline: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """The effect of every swept parameter on every metric; `.to_csv()` writes the table.

    Index: `metric`, `parameter`, `at` (the parameter's value). Columns: `unit`, `baseline` (the
    metric with nothing changed), `value`, `change`, `percent` (of the baseline; not of an angle),
    `slope` (per unit of the parameter, at the baseline) and its `slope_unit`, `explained` (share of
    the variance that a fit predicts; NaN for a grid), `warning` as of `compare`, `long_name`. The
    warning of a fit says how many cases it leaves out.

    - `metrics`: which ones, in that order; by default all that have a value.
    - `baseline`: parameter -> the value to compare with, instead of the one that changes nothing;
      of a grid one of its own values.

    **Raises:** `TypeError` for a path instead of a dataset; `BadInput` for a single case, or for
    fewer counted cases than a fit needs (by default: of every metric; of some, their rows are NaN).
    """
    require_dataset(dataset, "effect_table")
    cases = _with_baseline(cases_of(dataset), baseline or {})
    dataset = metrics_of(dataset)
    chosen = known_metrics(dataset) if metrics is None else tuple(metrics)
    for name in chosen:
        if name not in dataset["metric"].values:
            names = tuple(map(str, dataset["metric"].values))
            raise UnknownName(f"No metric named '{name}' in the result. {suggest(name, names)}")
    if not chosen:
        raise BadInput("No metric of the result has a value in any case.")
    rows = _grid_rows if cases.is_grid else _sample_rows
    table: Any = rows(dataset, cases, list(chosen), strict=metrics is not None)
    table["change"] = table["value"] - table["baseline"]
    has_share = (table["baseline"] != 0.0) & ~table["unit"].isin(WITHOUT_ZERO)
    share = 100.0 * table["change"] / table["baseline"].abs().where(has_share)
    return table.assign(percent=share).set_index(_INDEX)[_COLUMNS]


def known_metrics(dataset: xr.Dataset) -> tuple[str, ...]:
    """Metrics that have a value in any case."""
    value = dataset["metric_value"].transpose("metric", ...)
    known = np.isfinite(value.values.reshape(value.shape[0], -1)).any(axis=1)
    return tuple(map(str, value["metric"].values[known]))


def fitted(dataset: xr.Dataset, cases: Cases, metric: str) -> ResponseSurface:
    """The polynomial through the counted cases of a sample."""
    counted = counted_cases(dataset, metric)
    value = metric_column(dataset, "metric_value", metric)
    try:
        return fit_response(cases.values[counted], value[counted])
    except BadInput as error:
        said = "; ".join(_left_out(dataset, cases, metric))
        raise BadInput(f"{error} Of {metric}, {said}." if said else str(error)) from None


def is_counted(table: Any) -> Any:
    """Whether each row of a table of effects rests on counted cases only."""
    return table["change"].notna() & ~table["warning"].str.contains(_UNCOUNTED_MARKS)


def varying_together(table: Any) -> list[str]:
    """Parameters of a table of effects that vary together with others."""
    marked = table["warning"].str.contains(NOT_APART)
    return list(dict.fromkeys(table.index.get_level_values("parameter")[marked]))


def counted_size(table: Any, column: str) -> Any:
    """Size of the change or percent of every row; NaN where it does not count."""
    return table[column].abs().where(is_counted(table))


def nearest_case(cases: Cases) -> int:
    """Index of the solved case of a sample that is nearest to the unchanged body, each parameter
    in shares of its sampled range."""
    span = np.ptp(cases.values, axis=0)
    apart = (cases.values - cases.unchanged) / np.where(span > 0.0, span, 1.0)
    return int(np.argmin(np.where(cases.failed, np.inf, np.sum(apart**2, axis=1))))


def _with_baseline(cases: Cases, baseline: Mapping[str, float]) -> Cases:
    unchanged = cases.unchanged.copy()
    for name, value in baseline.items():
        if name not in cases.parameters:
            hint = suggest(name, cases.parameters)
            raise UnknownName(f"No swept parameter named '{name}' in the result. {hint}")
        column = cases.parameters.index(name)
        swept = np.unique(cases.values[:, column])
        nearest = swept[np.argmin(np.abs(swept - value))]
        if cases.is_grid and not np.isclose(nearest, value, rtol=_NEAR, atol=_NEAR):
            known = ", ".join(f"{x:g}" for x in swept)
            raise BadInput(f"`baseline`: {name} was not computed at {value:g}, only at {known}.")
        if not swept[0] <= value <= swept[-1]:
            raise BadInput(
                f"`baseline`: {name} is {value:g}, outside the sampled {swept[0]:g} to "
                f"{swept[-1]:g}."
            )
        unchanged[column] = nearest if cases.is_grid else value
    return cases._replace(unchanged=unchanged)


def signed(value: float, digits: int) -> str:
    """A change with its sign, for people; what rounds to nothing has none."""
    text = f"{value:+.{digits}f}"
    return text.replace("-", "\u2212") if float(text) else f"{0.0:.{digits}f}"


# ------------------------------------------------------------------------------------ grids


def _grid_rows(dataset, cases, metrics, *, strict):
    """The cases on the lines through the unchanged one, compared with it."""
    del strict  # a grid is not fitted
    at_baseline = dict(zip(cases.parameters, cases.unchanged, strict=True))
    base = dataset.sel(at_baseline)
    parts = []
    for name in cases.parameters:
        others = {key: value for key, value in at_baseline.items() if key != name}
        line = dataset.sel(others).sortby(name)
        table = compare(base, line, metrics, names=("baseline", "case")).reset_index()
        table = table.rename(columns={name: "at", "case": "value"})
        table = table.assign(parameter=name, explained=np.nan)
        failed = table["warning"].str.contains("unsolved instants in case")
        table.loc[failed, ["value", "difference", "percent"]] = np.nan
        slopes = {m: _slope(own, at_baseline[name]) for m, own in table.groupby("metric")}
        table["slope"] = [slopes[metric] for metric in table["metric"]]
        unit = parameter_unit(dataset, name)
        table["slope_unit"] = [_slope_unit(metric_unit, unit) for metric_unit in table["unit"]]
        parts.append(table)
    table = pd.concat(parts, ignore_index=True)
    order = {name: i for i, name in enumerate(metrics)}
    return table.sort_values("metric", key=lambda column: column.map(order), kind="stable")


def _slope(line: pd.DataFrame, at: float) -> float:
    """Slope at a point of a curve: of the parabola through it and its neighbours, or that to the
    only one that counts. NaN where neither does, or the point itself does not."""
    x = line["at"].to_numpy(float)
    own = int(np.argmin(np.abs(x - at)))
    near = np.arange(max(own - 1, 0), min(own + 2, x.size))
    counts = ~line["warning"].str.contains(_UNCOUNTED_MARKS) & np.isfinite(line["value"])
    near = near[counts.to_numpy(bool)[near]]
    if own not in near or near.size < 2:
        return float("nan")
    y = line["value"].to_numpy(float)
    return float(np.gradient(y[near], x[near])[near == own][0])


def _slope_unit(metric: str, parameter: str) -> str:
    return metric if parameter == "-" else f"{metric}/{parameter}"


# ---------------------------------------------------------------------------------- samples


def _sample_rows(dataset, cases, metrics, *, strict):
    """Values of the fitted response at percentiles of each parameter; NaN of a metric that cannot
    be fitted, unless none can or `strict`."""
    rows, problems = [], []
    for metric in metrics:
        try:
            surface = fitted(dataset, cases, metric)
            fit = "fitted, quadratic" if surface.order == 2 else "fitted, linear"
        except BadInput as error:
            problems.append(error)
            if strict or len(problems) == len(metrics):
                raise problems[0] from None
            surface, fit = None, "too few counted cases to fit"
        read = _reader(dataset, cases, metric, surface)
        baseline = float(read(cases.unchanged))
        facts = dataset.sel(metric=metric)
        said = "; ".join([fit, *_sample_warnings(dataset, cases, metric)])
        apart = {} if surface is None else _not_apart(dataset, cases, metric, surface)
        for i, name in enumerate(cases.parameters):
            points = np.unique(np.percentile(cases.values[:, i], PERCENTILES))
            along = np.tile(cases.unchanged, (points.size, 1))
            along[:, i] = points
            unit = str(facts["metric_unit"].item())
            part = pd.DataFrame({"at": points, "value": read(along)})
            rows.append(
                part.assign(
                    metric=metric,
                    parameter=name,
                    unit=unit,
                    baseline=baseline,
                    slope=_fitted_slope(surface, cases, i, baseline),
                    slope_unit=_slope_unit(unit, parameter_unit(dataset, name)),
                    explained=np.nan if surface is None else surface.explained,
                    warning="; ".join([said, apart[i]]) if i in apart else said,
                    long_name=str(facts["metric_long_name"].item()),
                )
            )
    return pd.concat(rows, ignore_index=True)


def _not_apart(dataset, cases, metric, surface) -> dict[int, str]:
    """Parameters that vary together with others in the counted cases, and what to say of each."""
    counted = cases.values[counted_cases(dataset, metric)]
    found = {}
    for i in np.flatnonzero(surface.inflation > MOST_INFLATION):
        alike = [abs(np.corrcoef(counted[:, i], x)[0, 1]) if np.ptp(x) else -1.0 for x in counted.T]
        alike[i] = -2.0
        other = cases.parameters[int(np.argmax(alike))]
        found[int(i)] = (
            f"{NOT_APART} from {other} and any others that vary with it (variance inflation "
            f"{surface.inflation[i]:.3g})"
        )
    return found


def _fitted_slope(surface, cases, parameter, baseline) -> float:
    """At the unchanged case; NaN where its value is."""
    return float("nan") if np.isnan(baseline) else surface.slope(cases.unchanged, parameter)


def _reader(dataset, cases, metric, surface):
    """The fitted response as a function of points; NaN too far from the counted cases."""
    counted = cases.values[counted_cases(dataset, metric)]
    if surface is None:
        return lambda points: np.full(np.shape(points)[:-1], np.nan)
    reach = _REACH * np.ptp(cases.values, axis=0)
    low, high = counted.min(axis=0) - reach, counted.max(axis=0) + reach
    inside = lambda points: ((points >= low) & (points <= high)).all(axis=-1)
    return lambda points: np.where(inside(points), surface.value(points), np.nan)


def _sample_warnings(dataset, cases, metric):
    raised = int((metric_column(dataset, "metric_rival_peak", metric) > 0).sum())
    if raised:
        yield f"rival peak in {raised} of {cases.failed.size} cases"
    yield from _left_out(dataset, cases, metric)


def _left_out(dataset, cases, metric):
    count, weak = cases.failed.size, int(uncounted_cases(dataset, metric).sum())
    if weak:
        yield f"{weak} of {count} cases are not counted ({NOT_COUNTED})"
    if cases.failed.any():
        yield f"{int(cases.failed.sum())} of {count} cases failed and are left out"
