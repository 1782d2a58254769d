"""What each swept parameter does to each metric, one at a time, the others unchanged.

Of a grid these are its own cases on the lines through the unchanged one. Of any other design they
are read off a polynomial through all solved cases (`response_surface`), at `PERCENTILES` of what
was sampled; such rows say so in `warning`. `cases` tells which value is the unchanged one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ..model.names import BadInput, UnknownName, suggest
from .cases import Cases, cases_of, metric_column, metrics_of, parameter_unit
from .compare import compare
from .labels import require_dataset
from .response_surface import ResponseSurface, fit_response

PERCENTILES = (5.0, 25.0, 50.0, 75.0, 95.0)
"""Of a sampled parameter, where the fitted response is read."""
_INDEX = ["metric", "parameter", "at"]
_COLUMNS = [
    *("unit", "baseline", "value", "change", "percent", "slope", "slope_unit"),
    *("explained", "warning", "long_name"),
]
_SAMPLE_MARKS = {
    "metric_rival_peak": "rival peak",
    "metric_at_edge": "at the record's edge",
    "metric_limited_share": "strength-limited",
}
_NEAR = 1e-9  # values closer than this, relative, are the same value of an axis


def effect_table(
    dataset: xr.Dataset,
    metrics: Sequence[str] | None = None,
    *,
    baseline: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """The effect of every swept parameter on every metric; `.to_csv()` writes the table.

    Index: `metric`, `parameter`, `at` (the parameter's value). Columns: `unit`, `baseline` (the
    metric with nothing changed), `value`, `change`, `percent` (of the baseline), `slope` (per unit
    of the parameter, at the baseline) and its `slope_unit`, `explained` (share of the variance that
    a fit predicts; NaN for a grid), `warning` as of `compare`, `long_name`.

    - `metrics`: which ones, in that order; by default all that have a value.
    - `baseline`: parameter -> the value to compare with, instead of the one that changes nothing;
      of a grid one of its own values.

    **Raises:** `TypeError` for a path instead of a dataset; `BadInput` for a single case, or for
    fewer solved cases than a fit needs.
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
    table: Any = rows(dataset, cases, list(chosen))
    table["change"] = table["value"] - table["baseline"]
    share = 100.0 * table["change"] / table["baseline"].abs().where(table["baseline"] != 0.0)
    return table.assign(percent=share).set_index(_INDEX)[_COLUMNS]


def known_metrics(dataset: xr.Dataset) -> tuple[str, ...]:
    """Metrics that have a value in any case."""
    value = dataset["metric_value"].transpose("metric", ...)
    known = np.isfinite(value.values.reshape(value.shape[0], -1)).any(axis=1)
    return tuple(map(str, value["metric"].values[known]))


def fitted(dataset: xr.Dataset, cases: Cases, metric: str) -> ResponseSurface:
    """The polynomial through the solved cases of a sample."""
    value = metric_column(dataset, "metric_value", metric)
    solved = np.isfinite(value) & ~cases.failed
    return fit_response(cases.values[solved], value[solved])


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


def _grid_rows(dataset, cases, metrics):
    """The cases on the lines through the unchanged one, compared with it."""
    at_baseline = dict(zip(cases.parameters, cases.unchanged, strict=True))
    base = dataset.sel(at_baseline)
    parts = []
    for name in cases.parameters:
        others = {key: value for key, value in at_baseline.items() if key != name}
        line = dataset.sel(others).sortby(name)
        table = compare(base, line, metrics, names=("baseline", "case")).reset_index()
        table = table.rename(columns={name: "at", "case": "value"})
        table = table.assign(parameter=name, explained=np.nan)
        slopes = {m: _slope(own, at_baseline[name]) for m, own in table.groupby("metric")}
        table["slope"] = [slopes[metric] for metric in table["metric"]]
        unit = parameter_unit(dataset, name)
        table["slope_unit"] = [_slope_unit(metric_unit, unit) for metric_unit in table["unit"]]
        parts.append(table)
    table = pd.concat(parts, ignore_index=True)
    order = {name: i for i, name in enumerate(metrics)}
    return table.sort_values("metric", key=lambda column: column.map(order), kind="stable")


def _slope(line: pd.DataFrame, at: float) -> float:
    """Slope at a point of a curve: of the parabola through it and its neighbours, at an end that
    to the only one. NaN where the neighbours are unknown."""
    x, y = line["at"].to_numpy(float), line["value"].to_numpy(float)
    if x.size < 2:
        return float("nan")
    return float(np.gradient(y, x)[np.argmin(np.abs(x - at))])


def _slope_unit(metric: str, parameter: str) -> str:
    return metric if parameter == "-" else f"{metric}/{parameter}"


# ---------------------------------------------------------------------------------- samples


def _sample_rows(dataset, cases, metrics):
    """Values of the fitted response at percentiles of each parameter."""
    rows = []
    for metric in metrics:
        surface = fitted(dataset, cases, metric)
        baseline = float(surface.value(cases.unchanged))
        facts = dataset.sel(metric=metric)
        fit = "fitted, quadratic" if surface.order == 2 else "fitted, linear"
        said = "; ".join([fit, *_sample_warnings(dataset, cases, metric)])
        for i, name in enumerate(cases.parameters):
            points = np.unique(np.percentile(cases.values[:, i], PERCENTILES))
            along = np.tile(cases.unchanged, (points.size, 1))
            along[:, i] = points
            unit = str(facts["metric_unit"].item())
            part = pd.DataFrame({"at": points, "value": surface.value(along)})
            rows.append(
                part.assign(
                    metric=metric,
                    parameter=name,
                    unit=unit,
                    baseline=baseline,
                    slope=surface.slope(cases.unchanged, i),
                    slope_unit=_slope_unit(unit, parameter_unit(dataset, name)),
                    explained=surface.explained,
                    warning=said,
                    long_name=str(facts["metric_long_name"].item()),
                )
            )
    return pd.concat(rows, ignore_index=True)


def _sample_warnings(dataset, cases, metric):
    count = cases.failed.size
    for variable, words in _SAMPLE_MARKS.items():
        raised = int((metric_column(dataset, variable, metric) > 0).sum())
        if raised:
            yield f"{words} in {raised} of {count} cases"
    if cases.failed.any():
        yield f"{int(cases.failed.sum())} of {count} cases failed and are left out"
