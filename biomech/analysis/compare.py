"""Two results side by side: named metrics, their difference, and what to be careful about."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from ..model.names import BadInput, UnknownName, suggest
from .cases import MARKS, has_instants, unsolved
from .labels import require_dataset

_NEEDED = ("metric_value", "metric", "metric_unit", "metric_long_name")
WITHOUT_ZERO = ("deg",)
"""Units whose zero is a convention, so that a percentage of the value means nothing."""

_ROUNDING = 1e-12  # a difference below this share of the values is none [-]


def compare(
    a: xr.Dataset,
    b: xr.Dataset,
    metrics: Sequence[str] | None = None,
    *,
    names: tuple[str, str] = ("a", "b"),
) -> pd.DataFrame:
    """Named metrics of `a` and `b`; `.to_csv()` writes the table.

    Index: `metric`, and one level per swept parameter. Columns: `unit`, the two values (headed
    `names`; joint loads in body weights of each own body), `difference` (b - a), `percent` (of a;
    not of an angle, whose zero is a convention), `warning`, `long_name`. `metrics`: which ones, in
    that order; by default all that both have and at least one has a value of. A dataset with a
    sweep is compared case by case with the other one.

    Warnings: "rival peak" where a second peak comes within 1 % of the one reported, so that a small
    change may swap them; "at the record's edge" where the value is no reliable peak, since it lies
    at, or too near, an end of the record; "strength-limited" where the leg's muscles were too weak
    in part of the window, so that loads there are too small; "unsolved instants" where some of the
    case have no solution and the value is that of the others; "no solution" where a case of a study
    without instants has none.

    **Raises:** `TypeError` for a path instead of a dataset; `BadInput` if the two do not match.
    """
    require_dataset(a, "compare")
    require_dataset(b, "compare")
    if len(set(names)) != 2 or set(names) & {"metric", "unit", "difference", "percent"}:
        raise BadInput(f"`names` must be two different column names, not {names}.")
    chosen = _chosen(a, b, metrics)
    first, second = a.sel(metric=chosen), b.sel(metric=chosen)
    va, vb = _aligned(_of_cases(first["metric_value"]), _of_cases(second["metric_value"]))
    difference = vb - va
    noise = np.abs(difference) <= _ROUNDING * np.maximum(np.abs(va), np.abs(vb))
    difference = difference.where(~noise, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = 100.0 * difference / np.abs(va)
    both = xr.Dataset(
        {
            names[0]: va.broadcast_like(difference),
            names[1]: vb.broadcast_like(difference),
            "difference": difference,
            "percent": percent.where(np.isfinite(percent) & _has_zero(first)),
            "warning": _warnings(first, second, difference, names),
        }
    )
    keep = [c for c in both.coords if c in both.dims or c in ("metric_unit", "metric_long_name")]
    others = [c for c in both.coords if c not in keep and both[c].dims]
    other_dims = [d for d in difference.dims if d != "metric"]
    both = both.drop_vars([c for c in both.coords if c not in keep and c not in others])
    table = both.to_dataframe(dim_order=["metric", *other_dims]).reset_index()
    table = table.rename(columns={"metric_unit": "unit", "metric_long_name": "long_name"})
    columns = ["unit", *names, "difference", "percent", "warning", "long_name"]
    return table.set_index(["metric", *other_dims, *others]).reindex(columns=columns)


def _has_zero(dataset):
    """Whether a percentage of each metric means something."""
    known = [unit not in WITHOUT_ZERO for unit in dataset["metric_unit"].values]
    return xr.DataArray(np.array(known, bool), dims="metric")


def _of_cases(values):
    """`values` without the coordinates of one selected case, which would not fit the other."""
    return values.drop_vars([name for name, c in values.coords.items() if not c.dims])


def _aligned(a, b):
    """Both, if what they sweep is the same or only one of them sweeps it."""
    try:
        a, b = xr.align(a, b, join="exact")
        swept = [c for c in a.coords if c in b.coords and a[c].dims != ("metric",)]
        same = all(a[c].variable.equals(b[c].variable) for c in swept)
    except ValueError:
        same = False
    if same:
        return a, b
    raise BadInput(
        "The two datasets sweep the same parameter over different values. Select the cases to "
        "compare first, e.g. `a.sel({'gluteal.scale': 1.0})` or `a.isel(case=0)`; in the shell, "
        "--where gluteal.scale=1 or --case 0."
    )


def _chosen(a, b, metrics):
    for dataset in (a, b):
        for name in _NEEDED:
            if name not in dataset.variables or "metric" not in dataset[name].dims:
                raise BadInput(
                    f"`compare` needs datasets of a study: there is no `{name}` over `metric` in "
                    "one."
                )
        known = dataset["metric"].values
        words = known.dtype.kind in "OU" and len(set(known)) == known.size
        numbers = [name for name in ("metric_value", *MARKS) if name in dataset]
        if not words or any(dataset[name].dtype.kind not in "biuf" for name in numbers):
            raise BadInput(
                "`compare` needs datasets of a study: in one, `metric` names one thing twice or "
                "its values are no numbers."
            )
    common = [name for name in a["metric"].values if name in set(b["metric"].values)]
    if metrics is None:
        known = {*_with_values(a), *_with_values(b)}
        if not (chosen := [name for name in common if name in known]):
            raise BadInput(
                "The two have no metric in common that has a value: are they of different studies, "
                "as of `inverse` and `stand`?"
            )
        return chosen
    for name in metrics:
        if name not in common:
            raise UnknownName(f"No metric named '{name}' in both datasets. {suggest(name, common)}")
    return list(metrics)


def _with_values(dataset):
    """Metrics that have a value in any case."""
    value = dataset["metric_value"].transpose(..., "metric")
    known = np.isfinite(value.values).any(axis=tuple(range(value.ndim - 1)))
    return dataset["metric"].values[known]


def _warnings(a, b, like, names):
    """What to be careful about, as text, for every value."""
    parts = []
    for dataset, name in ((a, names[0]), (b, names[1])):
        for variable, words in (
            ("metric_rival_peak", "rival peak"),
            ("metric_at_edge", "at the record's edge"),
            ("metric_limited_share", "strength-limited"),
        ):
            if variable in dataset:
                parts.append(_where(dataset[variable] > 0, like, f"{words} in {name}"))
        if "status" in dataset:
            wrong = unsolved(dataset)
            some = wrong.any([dim for dim in wrong.dims if dim not in like.dims])
            words = "unsolved instants" if has_instants(dataset) else "no solution"
            parts.append(_where(some, like, f"{words} in {name}"))
    join = np.vectorize(lambda *words: "; ".join(w for w in words if w), otypes=[object])
    return like.copy(data=join(*parts) if like.size else np.zeros(like.shape, object))


def _where(raised, like, words):
    """`words` at every value of `like` for which `raised` holds, an empty text elsewhere."""
    return np.where(raised.broadcast_like(like).transpose(*like.dims).values, words, "")
