"""`bm.design`: the cases of a sweep as a dataset, for any function of them; no model is needed."""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from ..model.names import BadInput, suggest
from .config import axis_values, check_as, design_fits
from .schema import AnyDesign, Name, Pair, Strict, SweepAxis
from .sweep import CaseTable, tabulate

_TAKEN = ("case", "metric")


class _Asked(Strict):
    """The arguments of `bm.design`, checked as a configuration is."""

    sweep: dict[Name, SweepAxis]
    design: AnyDesign  # type: ignore[valid-type]
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)]
    limits: dict[Name, Pair]
    units: dict[Name, Name]


def design(
    sweep: Mapping[str, Mapping[str, Any]],
    *,
    kind: str,
    samples: int | None = None,
    second_order: bool | None = None,
    trajectories: int | None = None,
    levels: int | None = None,
    seed: int = 0,
    limits: Mapping[str, tuple[float, float]] | None = None,
    units: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """The cases of a sweep: one variable over `case` for each parameter.

    - `sweep`: a parameter's name -> its distribution, e.g. `{"arm": {"uniform": [0.2, 1.0]}}`, or
      its `values` or `linspace` on a grid; as in a configuration, but with any names.
    - `kind`: "grid", "random", "lhs", "sobol", "saltelli" or "morris".
    - `samples`: of all but "grid" and "morris". `second_order`: of "saltelli" (default True).
    - `trajectories`, `levels` (default 4): of "morris".
    - `limits`: a parameter's name -> (lower, upper); `normal` and `lognormal` are cut off there.
    - `units`: of the parameters; "1" by default.

    The attribute `design` says as JSON how the cases were chosen. To analyse a function of them,
    add its results as `metric_value` over `case` and `metric`; see `bm.sobol_indices`.

    **Raises:** `BadInput` with every complaint.
    """
    settings = {
        "samples": samples,
        "second_order": second_order,
        "trajectories": trajectories,
        "levels": levels,
    }
    given = {key: value for key, value in settings.items() if value is not None}
    data = {
        "sweep": sweep,
        "design": {"kind": kind, **given},
        "seed": seed,
        "limits": limits or {},
        "units": units or {},
    }
    asked = check_as(_Asked, _plain(data), "bm.design", _names_fit, _limits_fit, _design_fits)
    table = tabulate(asked.sweep, asked.design, asked.seed, asked.limits, asked.units)
    return _as_dataset(table)


def _plain(value: Any) -> Any:
    """`value` without NumPy's own numbers and arrays."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _names_fit(asked: _Asked) -> Iterable[str]:
    for name in asked.sweep:
        if name in _TAKEN:
            yield f"`sweep`: the name '{name}' is taken; choose another."
    for part in ("limits", "units"):
        for name in getattr(asked, part):
            if name not in asked.sweep:
                hint = suggest(name, tuple(asked.sweep))
                yield f"`{part}`: nothing swept is called '{name}'. {hint}"


def _limits_fit(asked: _Asked) -> Iterable[str]:
    for name, (lower, upper) in asked.limits.items():
        axis = asked.sweep.get(name)
        if not lower < upper:
            yield f"`limits.{name}` is [{lower:g}, {upper:g}]; lower must be below upper."
        elif axis is not None and axis.is_distribution:
            try:
                axis.distribution(lower, upper)
            except BadInput as problem:
                yield f"`sweep.{name}`: {problem}."
        elif axis is not None:
            beyond = [f"`{v:g}`" for v in axis_values(axis) if not lower <= v <= upper]
            if beyond:
                yield f"`sweep.{name}` has {', '.join(beyond)}, beyond its limits."


def _design_fits(asked: _Asked) -> Iterable[str]:
    if not asked.sweep:
        yield "`sweep` names no parameter."
    elif asked.design.kind == "cohort":
        yield "a cohort is read from a file; use it in a configuration."
    else:
        yield from design_fits(asked.sweep, asked.design)


def _as_dataset(table: CaseTable) -> xr.Dataset:
    columns = {
        name: ("case", column, {"units": table.units.get(name, "1"), "long_name": name})
        for name, column in zip(table.names, table.values.T, strict=True)
    }
    attributes = {"title": f"biomech design: {table.design['kind']}"}
    attributes["design"] = json.dumps(table.design)
    return xr.Dataset(columns, attrs=attributes)
