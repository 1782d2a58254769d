"""The cases of a sweep in a row, whatever its design, and which of them is the unchanged one.

A grid has one dimension per swept parameter. Other designs have one dimension `case`, with every
parameter as a numeric coordinate over it.

The *unchanged* value of a parameter is the neutral one of its intervention; for a key of the
configuration that is no intervention, the value written there. Of a grid the value nearest to it
counts, of a sample the nearest one inside the range. Where neither is known it is the first value
of a grid and the median of a sample.

A case is *counted* for a metric if all its instants have a solution, the muscles were strong enough
in all of the metric's window (else its load is too small), and its peak is a reliable one. A study
without instants, such as `stand`, has neither windows nor peaks: there a case counts if it has a
solution.
"""

import json
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from ..interventions import CATALOGUE
from ..model.names import BadInput, legible
from ..studies.inverse import STATUS

CASE = "case"
MARKS = ("metric_limited_share", "metric_rival_peak", "metric_at_edge")
"""What may be said against a value of a metric; of studies without instants there are none."""
_NEEDED = ("status", "metric", "metric_value", "metric_unit", "metric_long_name")
_SOLVED = ("successful", "strength_limited")
_MAIN_JOINTS = ("hip", "knee", "patellofemoral", "ankle")
_SIDE_WORDS = {"r": "right", "l": "left", "both": "both legs"}


class Cases(NamedTuple):
    """Every case of a sweep.

    - `parameters`: names of what was swept; `values` of each in every case.
    - `unchanged`: the value of each parameter that stands for "nothing changed".
    - `shape`: of a grid, one size per parameter; empty for other designs.
    - `failed`: cases with instants that have no solution.
    """

    parameters: tuple[str, ...]
    values: Float[np.ndarray, "case parameter"]
    unchanged: Float[np.ndarray, " parameter"]
    shape: tuple[int, ...]
    failed: Bool[np.ndarray, " case"]

    @property
    def is_grid(self) -> bool:
        return bool(self.shape)


def sweep_dimensions(dataset: xr.Dataset) -> tuple[str, ...]:
    """Dimensions of a sweep: its parameters, or `case`; none for a single case.

    Also none for what has no metrics: who needs them says so.
    """
    if "metric_value" not in dataset:
        return ()
    return tuple(str(name) for name in dataset["metric_value"].dims if name != "metric")


def swept_parameters(dataset: xr.Dataset) -> tuple[str, ...]:
    """Names of the swept parameters; none for a single case."""
    dims = sweep_dimensions(dataset)
    if CASE not in dims:
        return dims
    over_cases = (str(name) for name, c in dataset.coords.items() if c.dims == (CASE,))
    return tuple(n for n in over_cases if n != CASE and dataset[n].dtype.kind in "iuf")


def require_metrics(dataset: xr.Dataset) -> None:
    """`BadInput` if the dataset is none of a study: it has no metrics or no status."""
    missing = [name for name in _NEEDED if name not in dataset]
    if missing:
        raise BadInput(f"The dataset is no result of a study: there is no `{missing[0]}` in it.")


def cases_of(dataset: xr.Dataset) -> Cases:
    """The cases of a sweep. **Raises:** `BadInput` for a single case, and for no study's result."""
    require_metrics(dataset)
    dims, parameters = sweep_dimensions(dataset), swept_parameters(dataset)
    if not parameters:
        raise BadInput("The result sweeps no parameter: it is a single case.")
    if CASE in dims and len(dims) > 1:
        raise BadInput(f"The result mixes `{CASE}` with other dimensions. Select one of them.")
    columns = [np.asarray(dataset[name].values, float) for name in parameters]
    for name, column in zip(parameters, columns, strict=True):
        if CASE not in dims and np.unique(column).size < column.size:
            raise BadInput(f"The result holds the same value of {name} twice. Select one of them.")
    if CASE in dims:
        values, shape = np.stack(columns, axis=-1), ()
    else:
        grid = np.meshgrid(*columns, indexing="ij")
        values, shape = np.stack([x.ravel() for x in grid], axis=-1), grid[0].shape
    unchanged = [
        _unchanged(column, neutral_value(dataset, name), is_grid=bool(shape))
        for name, column in zip(parameters, columns, strict=True)
    ]
    return Cases(parameters, values, np.array(unchanged), shape, failed_cases(dataset))


def metric_column(dataset: xr.Dataset, variable: str, metric: str) -> Float[np.ndarray, " case"]:
    """A variable over `metric` (`metric_value`, `metric_limited_share`, ...), case by case.

    0 for one of `MARKS` that the study does not have.
    """
    if variable in MARKS and variable not in dataset:
        return np.zeros(failed_cases(dataset).size)
    chosen = dataset[variable].sel(metric=metric).transpose(*sweep_dimensions(dataset))
    return np.asarray(chosen.values, float).ravel()


def uncounted_cases(dataset: xr.Dataset, metric: str) -> Bool[np.ndarray, " case"]:
    """Whether each case has a value of the metric, but one that does not count."""
    column = lambda variable: metric_column(dataset, variable, metric)
    known = np.isfinite(column("metric_value")) & ~failed_cases(dataset)
    return known & ((column("metric_limited_share") > 0.0) | (column("metric_at_edge") > 0.0))


def counted_cases(dataset: xr.Dataset, metric: str) -> Bool[np.ndarray, " case"]:
    """Whether each case has a value of the metric that counts."""
    known = np.isfinite(metric_column(dataset, "metric_value", metric)) & ~failed_cases(dataset)
    return known & ~uncounted_cases(dataset, metric)


def metrics_of(dataset: xr.Dataset) -> xr.Dataset:
    """Metrics and status alone, of which a selection costs no memory."""
    own = [name for name in dataset.data_vars if str(name).startswith("metric_")]
    return dataset[[*own, "status"]]


def main_loads(dataset: xr.Dataset) -> tuple[str, ...]:
    """Names without the leg of the joint loads one asks for first: `peak_hip_force` of a motion,
    `hip_force` of a body at rest."""
    names = {str(name).rpartition("_")[0] for name in dataset["metric"].values}
    stems = [f"{peak}{joint}_force" for joint in _MAIN_JOINTS for peak in ("peak_", "")]
    return tuple(stem for stem in stems if stem in names)


def statuses(dataset: xr.Dataset) -> tuple[str, ...]:
    """Meaning of `status` 0, 1, 2, ..., as the result says itself."""
    told = str(dataset["status"].attrs.get("flag_meanings", "")).split()
    return tuple(told) or STATUS


def unsolved(dataset: xr.Dataset) -> xr.DataArray:
    """Whether each instant, or case of a study without instants, has no solution."""
    known = [code for code, meaning in enumerate(statuses(dataset)) if meaning in _SOLVED]
    return ~dataset["status"].isin(known)


def has_instants(dataset: xr.Dataset) -> bool:
    """Whether a case is a motion, and not a body at rest."""
    return len(dataset["status"].dims) > len(sweep_dimensions(dataset))


def failed_cases(dataset: xr.Dataset) -> Bool[np.ndarray, " case"]:
    """Whether each case has instants without a solution."""
    wrong = unsolved(dataset)
    some = wrong.any([d for d in wrong.dims if d not in sweep_dimensions(dataset)])
    return np.asarray(some.transpose(*sweep_dimensions(dataset)).values).ravel()


def never_computed(dataset: xr.Dataset) -> Bool[np.ndarray, " case"]:
    """Whether each case was never reached."""
    codes = [i for i, meaning in enumerate(statuses(dataset)) if meaning == "not_computed"]
    never = dataset["status"].isin(codes)
    every = never.all([d for d in never.dims if d not in sweep_dimensions(dataset)])
    return np.asarray(every.transpose(*sweep_dimensions(dataset)).values).ravel()


def is_grid(dataset: xr.Dataset) -> bool:
    return bool(sweep_dimensions(dataset)) and CASE not in sweep_dimensions(dataset)


def unchanged_case(dataset: xr.Dataset) -> xr.Dataset:
    """The one case of a grid that stands for "nothing changed"."""
    cases = cases_of(dataset)
    return dataset.sel(dict(zip(cases.parameters, cases.unchanged, strict=True)))


def _unchanged(values, neutral, *, is_grid):
    if neutral is None:
        return values[0] if is_grid else np.nanmedian(values)
    if is_grid:
        return values[np.nanargmin(np.abs(values - neutral))]
    return np.clip(neutral, np.nanmin(values), np.nanmax(values))


# --------------------------------------------------------------------------- configuration


def configuration(dataset: xr.Dataset) -> dict[str, Any]:
    """What was asked for; empty where the dataset does not say."""
    return read_json(dataset, "config")


def read_json(dataset: xr.Dataset, attribute: str) -> dict[str, Any]:
    """The mapping that an attribute holds as JSON; empty where it holds none."""
    try:
        held = json.loads(dataset.attrs.get(attribute, "{}"))
    except (TypeError, ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}


def neutral_value(dataset: xr.Dataset, parameter: str) -> float | None:
    """The value of a parameter that changes nothing; None where nobody says."""
    config = configuration(dataset)
    name, _, own = parameter.partition(".")
    chosen = _part(config, "interventions", name)
    entry = CATALOGUE.get(str(chosen.get("kind")))
    if entry is not None:
        return next((p.neutral for p in entry.parameters if p.name == own), None)
    stated = _part(config, name).get(own)
    return float(stated) if isinstance(stated, int | float) else None


def parameter_unit(dataset: xr.Dataset, parameter: str) -> str:
    """Unit of a swept parameter; "-" for a pure number."""
    unit = str(dataset[parameter].attrs.get("units", "1"))
    return "-" if unit == "1" else unit


def parameter_label(dataset: xr.Dataset, parameter: str) -> str:
    """`gluteal.scale [-]`: the name in the configuration, and the unit."""
    return legible(f"{parameter} [{parameter_unit(dataset, parameter)}]")


def parameter_words(dataset: xr.Dataset, parameter: str) -> str:
    """`muscle strength, hamstrings, right`: what a parameter changes; empty if nobody says."""
    chosen = _part(configuration(dataset), "interventions", parameter.partition(".")[0])
    muscles = chosen.get("muscles")
    keys = ("kind", "group", "part")
    kind, group, part = (str(chosen.get(key) or "").replace("_", " ") for key in keys)
    if isinstance(muscles, list) and muscles:  # their names say the side too
        return legible(", ".join([kind, *map(str, muscles)]))
    side = _SIDE_WORDS.get(str(chosen.get("side")), "")
    return legible(", ".join(filter(None, (kind, group, part, side))))


def _part(config: Any, *keys: str) -> dict[str, Any]:
    """The mapping under `keys`; an empty one where there is none."""
    for key in keys:
        config = config.get(key) if isinstance(config, dict) else None
    return config if isinstance(config, dict) else {}
