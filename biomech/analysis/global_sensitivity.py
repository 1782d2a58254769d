"""What a result depends on when parameters vary over their whole range: Sobol' indices, Morris.

Sobol' indices share the variance of a metric Y out among the parameters X:

    first order    S_i  = V(E(Y | X_i)) / V(Y)               by X_i alone
    second order   S_ij = V(E(Y | X_i, X_j)) / V(Y) - S_i - S_j   by both together only
    total          T_i  = E(V(Y | all but X_i)) / V(Y)       by X_i alone or with any other

Sources: Sobol' (2001), doi:10.1016/S0378-4754(00)00270-6; estimators of first and total order:
Saltelli et al. (2010), doi:10.1016/j.cpc.2009.09.018; of second order: Saltelli (2002),
doi:10.1016/S0010-4655(02)00280-1. An estimate has an error and may be below 0 or above 1.

Morris's elementary effects are differences of Y along steps of one parameter:

    d_i = (Y(x_i + step) - Y(x_i)) / step,   step as a share of the way between the ends of X_i

`mu` is their mean, `mu_star` the mean of their sizes, `sigma` their standard deviation. Sources:
Morris (1991), doi:10.1080/00401706.1991.10484804; Campolongo, Cariboni & Saltelli (2007),
doi:10.1016/j.envsoft.2006.10.004. The ends are the lowest and the highest level: those of the
distribution, or, for one with tails, the middles of the outermost of `levels` equal shares.

Both are computed by SALib from the cases of their own design and in its order, which is checked. A
block (Saltelli) or walk (Morris) with a case that failed is left out whole.
"""

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from ..model.names import BadInput, UnknownName, suggest
from .labels import require_dataset
from .salib import salib

_SALIB = (
    "software: Herman & Usher (2017), J. Open Source Softw. 2:97, doi:10.21105/joss.00097; "
    "Iwanaga, Usher & Herman (2022), SESMO 4:18155, doi:10.18174/sesmo.18155"
)
_SOBOL = (
    "method, Sobol' indices: Saltelli et al. (2010), Comput. Phys. Commun. 181:259-270, "
    "doi:10.1016/j.cpc.2009.09.018; Saltelli (2002), Comput. Phys. Commun. 145:280-297, "
    "doi:10.1016/S0010-4655(02)00280-1"
)
_MORRIS = (
    "method, screening: Morris (1991), Technometrics 33:161-174, "
    "doi:10.1080/00401706.1991.10484804; Campolongo, Cariboni & Saltelli (2007), Environ. Model. "
    "Softw. 22:1509-1518, doi:10.1016/j.envsoft.2006.10.004"
)
# Name in the dataset, SALib's name, units, long name.
_SOBOL_WORDS = (
    ("first_order", "S1", "1", "Share of the variance by the parameter alone"),
    ("total", "ST", "1", "Share of the variance by the parameter, alone or with others"),
    ("second_order", "S2", "1", "Share of the variance by two parameters together only"),
)
_MORRIS_WORDS = (
    ("mu", "mu", "see metric_unit", "Mean elementary effect"),
    ("mu_star", "mu_star", "see metric_unit", "Mean size of the elementary effects"),
    ("sigma", "sigma", "see metric_unit", "Standard deviation of the elementary effects"),
)
_STILL = 1e-12  # spread of a metric over its size that is rounding only


def sobol_indices(
    dataset: xr.Dataset,
    metrics: Sequence[str] | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> xr.Dataset:
    """Sobol' indices of metrics over a sweep with `design: {kind: saltelli, ...}`.

    - `dataset`: of such a sweep, or of `bm.design` with `metric_value` over `case` and `metric`.
    - `metrics`: names; by default all that have a value.
    - `confidence`, `resamples`, `seed`: of the intervals, by bootstrap over the blocks.

    Variables over `metric` and `parameter`: `first_order`, `total` and, if sampled, `second_order`
    (also over `other_parameter`), each with half the width of its interval in `..._confidence`; NaN
    for a metric that does not vary. `dropped`: blocks left out because a case in them failed.

    **Raises:** `BadInput` for another design, a selection of its cases, or if more than half of the
    blocks failed; `TypeError` for a path.
    """
    _check_interval(confidence, resamples)
    cases = _read(dataset, "sobol_indices", "saltelli", metrics)
    second_order = bool(cases.design.get("second_order"))
    _check_blocks(cases, second_order)
    options = {
        "calc_second_order": second_order,
        "num_resamples": resamples,
        "conf_level": confidence,
    }
    found = [
        _indices(cases, block[kept], options, seed)
        for block, kept in zip(cases.values, cases.kept, strict=True)
    ]
    variables = _estimates(_SOBOL_WORDS if second_order else _SOBOL_WORDS[:2], found, confidence)
    more = {"other_parameter": cases.parameters} if second_order else {}
    return _labelled(dataset, cases, variables, "Sobol' indices", _SOBOL, confidence, more)


def _indices(cases, block, options, seed) -> dict[str, Any]:
    """SALib's estimates from one metric over [block, case]."""
    width = len(cases.parameters)
    if _is_still(block[:, [0, -1]]):
        shapes = {"S1": (width,), "ST": (width,), "S2": (width, width)}
        return {
            f"{key}{mark}": np.full(shape, np.nan)
            for key, shape in shapes.items()
            for mark in ("", "_conf")
        }
    # SALib takes a seed of 0 for none, a generator for what it is.
    rng = np.random.default_rng(seed)
    found = salib("analyze.sobol").analyze(_problem(cases), block.ravel(), seed=rng, **options)
    return {key: _symmetric(value) if "S2" in key else value for key, value in found.items()}


def morris_screening(
    dataset: xr.Dataset,
    metrics: Sequence[str] | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> xr.Dataset:
    """Morris's elementary effects on metrics over a sweep with `design: {kind: morris, ...}`.

    Arguments as of `sobol_indices`. Variables over `metric` and `parameter`, in the unit of the
    metric for going from the lowest to the highest level of the parameter: `mu`, `mu_star` (with
    half the width of its interval in `mu_star_confidence`) and `sigma`. `dropped`: walks left out
    because a case in them failed.

    **Raises:** as `sobol_indices`.
    """
    _check_interval(confidence, resamples)
    cases = _read(dataset, "morris_screening", "morris", metrics)
    _check_walks(cases)
    found = [
        salib("analyze.morris").analyze(
            _problem(cases),
            cases.points[kept].reshape(-1, len(cases.parameters)),
            walk[kept].ravel(),
            num_levels=cases.design["levels"],
            num_resamples=resamples,
            conf_level=confidence,
            seed=np.random.default_rng(seed),
        )
        for walk, kept in zip(cases.values, cases.kept, strict=True)
    ]
    variables = _estimates(_MORRIS_WORDS, found, confidence)
    return _labelled(dataset, cases, variables, "Morris screening", _MORRIS, confidence, {})


def _check_interval(confidence: float, resamples: int) -> None:
    if not 0.0 < confidence < 1.0:
        raise BadInput(f"`confidence` is {confidence}; it must be between 0 and 1, as in 0.95.")
    if resamples < 2:
        raise BadInput(f"`resamples` is {resamples}; it must be 2 or more, better 100.")


# --------------------------------------------------------------------------------- cases


class _Cases(NamedTuple):
    """The cases of a design, in its own groups of `size` (a block or a walk).

    - `points`: [group, case, parameter]; `values`: [metric, group, case].
    - `kept`: [metric, group], where no case failed.
    """

    design: Mapping[str, Any]
    parameters: list[str]
    metrics: list[str]
    points: Float[np.ndarray, "group case parameter"]
    values: Float[np.ndarray, "metric group case"]
    kept: Bool[np.ndarray, "metric group"]


def _read(dataset, asked_by, kind, metrics) -> _Cases:
    require_dataset(dataset, asked_by)
    design, parameters = _read_design(dataset, asked_by, kind)
    value = dataset.get("metric_value")
    if value is None or set(value.dims) != {"case", "metric"} or "metric" not in dataset.coords:
        raise BadInput(
            f"`{asked_by}` needs `metric_value` over `case` and the coordinate `metric`. Results "
            "of a run have it; to the cases of `bm.design` add it."
        )
    chosen = _choose(value, metrics, asked_by)
    values = value.sel(metric=chosen).transpose("metric", "case").values.astype(float)
    points = np.stack([dataset[name].values.astype(float) for name in parameters], axis=-1)
    size, count = _groups(design, len(parameters))
    if len(points) != size * count:
        raise BadInput(
            f"`{asked_by}` needs all {size * count} cases of the design in their order; the "
            f"dataset has {len(points)}."
        )
    if count < 2:
        raise BadInput(f"`{asked_by}` needs more than one sample: draw a larger design.")
    values = values.reshape(len(chosen), count, size)
    kept = np.isfinite(values).all(axis=-1)
    for name, row in zip(chosen, kept, strict=True):
        if 2 * row.sum() < count or row.sum() < 2:
            raise BadInput(
                f"`{asked_by}`: '{name}' has failed cases in {count - row.sum()} of {count} groups "
                "of cases, too many to say anything. See `status` for why, or leave it out of "
                "`metrics`."
            )
    return _Cases(design, parameters, chosen, points.reshape(count, size, -1), values, kept)


def _read_design(dataset, asked_by, kind):
    """The attribute `design` and the names of its parameters, all of them in the dataset."""
    try:
        design = json.loads(dataset.attrs["design"])
        found, parameters = design["kind"], list(design["parameters"])
    except (KeyError, TypeError, ValueError):
        design, found, parameters = {}, "grid", []
    if found != kind:
        raise BadInput(
            f"`{asked_by}` needs a sweep with `design: {{kind: {kind}, ...}}`; this one is "
            f"'{found}'."
        )
    numbers = ("samples",) if kind == "saltelli" else ("trajectories", "levels")
    good = lambda number: type(number) is int and number >= 1
    if not parameters or not all(good(design.get(key)) for key in numbers):
        raise BadInput(f"`{asked_by}`: the attribute `design` is damaged.")
    for name in parameters:
        here = dataset.get(name) if isinstance(name, str) else None
        if here is None or here.dims != ("case",) or here.dtype.kind not in "iuf":
            raise BadInput(f"`{asked_by}` needs the values of '{name}' over `case`.")
    return design, parameters


def _choose(value, metrics, asked_by) -> list[str]:
    known = [str(name) for name in value["metric"].values]
    if metrics is None:
        some = np.isfinite(value.transpose("metric", "case").values.astype(float)).any(axis=-1)
        chosen = [name for name, here in zip(known, some, strict=True) if here]
        if not chosen:
            raise BadInput(f"`{asked_by}`: no metric has a value in any case.")
        return chosen
    for name in metrics:
        if name not in known:
            raise UnknownName(f"No metric named '{name}' in the dataset. {suggest(name, known)}")
    return list(metrics)


def _groups(design: Mapping[str, Any], parameters: int) -> tuple[int, int]:
    """Cases of one block or walk, and how many of those there are."""
    if design["kind"] == "morris":
        return parameters + 1, design["trajectories"]
    return (2 if design.get("second_order") else 1) * parameters + 2, design["samples"]


def _check_blocks(cases: _Cases, second_order: bool) -> None:
    """Each block must be a row of A, that row with columns of B, (vice versa,) a row of B."""
    a, b, width = cases.points[:, 0], cases.points[:, -1], len(cases.parameters)
    pairs = ((a, b), (b, a)) if second_order else ((a, b),)
    for i, (one, other) in enumerate(pairs):
        for k in range(width):
            mixed = one.copy()
            mixed[:, k] = other[:, k]
            if not np.array_equal(cases.points[:, 1 + i * width + k], mixed):
                raise _out_of_order("sobol_indices")


def _check_walks(cases: _Cases) -> None:
    """Each step of a walk must change one parameter, and each walk every parameter once."""
    moved = np.diff(cases.points, axis=1) != 0.0
    if not ((moved.sum(axis=1) == 1).all() and (moved.sum(axis=2) == 1).all()):
        raise _out_of_order("morris_screening")


def _out_of_order(asked_by: str) -> BadInput:
    return BadInput(
        f"`{asked_by}`: the cases are not those of the design in their order. Do not sort, select "
        "or change them before the analysis."
    )


def _is_still(values) -> bool:
    return bool(np.ptp(values) <= _STILL * np.abs(values).max())


# -------------------------------------------------------------------------------- results


def _problem(cases: _Cases) -> dict[str, Any]:
    bounds = [[0.0, 1.0]] * len(cases.parameters)
    return {"num_vars": len(bounds), "names": list(cases.parameters), "bounds": bounds}


def _symmetric(upper):
    """The upper triangle of the last two axes, mirrored; NaN on the diagonal."""
    return np.where(np.isnan(upper), np.swapaxes(upper, -1, -2), upper)


def _estimates(words, found: Sequence[Mapping[str, Any]], confidence: float) -> dict[str, Any]:
    """The variables of `words` and their intervals, from what SALib found for each metric."""
    variables = {}
    for name, key, units, long_name in words:
        interval = f"Half the {100.0 * confidence:g} % interval of `{name}`"
        for label, column, said in (
            (name, key, long_name),
            (f"{name}_confidence", f"{key}_conf", interval),
        ):
            if column not in found[0]:  # SALib has none for `mu` and `sigma`
                continue
            values = np.stack([np.asarray(one[column], dtype=float) for one in found])
            dims = ("metric", "parameter", "other_parameter")[: values.ndim]
            variables[label] = (dims, values, _about(units, said))
    return variables


def _labelled(dataset, cases, variables, title, citation, confidence, more) -> xr.Dataset:
    dropped = (~cases.kept).sum(axis=-1)
    group = "walks" if cases.design["kind"] == "morris" else "blocks"
    said = f"{group.capitalize()} of cases left out because one of them failed"
    variables["dropped"] = ("metric", dropped, _about("1", said))
    text = lambda dim, values, words: (
        dim,
        np.array(list(values), dtype=object),
        {"long_name": words},
    )
    units = [str(dataset[name].attrs.get("units", "1")) for name in cases.parameters]
    coordinates = {
        "metric": text("metric", cases.metrics, "Named metric"),
        "metric_unit": text("metric", _metric_units(dataset, cases.metrics), "Unit of the metric"),
        "parameter": text("parameter", cases.parameters, "Swept parameter"),
        "parameter_unit": text("parameter", units, "Unit of the parameter"),
    }
    for dim, names in more.items():
        coordinates[dim] = text(dim, names, "The other swept parameter")
    attributes = {
        "title": f"biomech {title}",
        "design": dataset.attrs["design"],
        "confidence": confidence,
        group: cases.kept.shape[-1],
        f"{group}_dropped": int(dropped.max()),
        "SALib_version": importlib.metadata.version("SALib"),
        "citations": "\n".join((_SALIB, citation)),
    }
    return xr.Dataset(variables, coordinates, attributes)


def _metric_units(dataset, metrics) -> list[str]:
    if "metric_unit" in dataset.coords:
        return [str(unit) for unit in dataset["metric_unit"].sel(metric=metrics).values]
    return [str(dataset["metric_value"].attrs.get("units", "1"))] * len(metrics)


def _about(units: str, long_name: str) -> dict[str, str]:
    return {"units": units, "long_name": long_name}
