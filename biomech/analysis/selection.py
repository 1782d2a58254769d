"""Some cases of a sweep, named as a person would: by number, by name, or by what was varied."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from ..model.names import BadInput, UnknownName, short_name, suggest
from .cases import CASE, sweep_dimensions, swept_parameters

_SAME = 5e-6  # relative; six digits, as files of results show them, are enough to name a value
_MOST_SHOWN = 8  # values that a message lists


def case_at(dataset: xr.Dataset, case: str) -> xr.Dataset:
    """One case: its number from 0 (on a grid the last parameter varies fastest), or its name in a
    cohort.

    **Raises:** `BadInput` that says which cases there are.
    """
    dims = sweep_dimensions(dataset)
    if not dims:
        raise BadInput(f"There is no case '{short_name(case)}': the result is a single case.")
    named = dataset[CASE].values.astype(str).tolist() if CASE in dataset.coords else []
    if case in named:
        return dataset.isel({CASE: named.index(case)})
    shape = [dataset.sizes[name] for name in dims]
    count = int(np.prod(shape))
    if not case.isascii() or not case.isdecimal():
        hint = f" {suggest(case, named)}" if named and dataset[CASE].dtype.kind in "OUT" else ""
        raise UnknownName(
            f"No case is called '{short_name(case)}'; they are numbered 0 to {count - 1}.{hint}"
        )
    if int(case) >= count:
        raise BadInput(f"There is no case {short_name(case)}; they are numbered 0 to {count - 1}.")
    place = np.unravel_index(int(case), shape)
    return dataset.isel({name: int(i) for name, i in zip(dims, place, strict=True)})


def cases_where(dataset: xr.Dataset, where: Mapping[str, float]) -> xr.Dataset:
    """The cases in which each parameter of `where` has its value; a dimension of one is dropped.

    **Raises:** `BadInput` that says what was varied, and at which values.
    """
    for name, value in where.items():
        swept = swept_parameters(dataset)
        if name not in swept:
            raise UnknownName(f"'{short_name(name)}' is not varied here. {suggest(name, swept)}")
        values = np.asarray(dataset[name].values, float)
        there = np.flatnonzero(np.isclose(values, value, rtol=_SAME, atol=1e-12))
        if not there.size:
            raise BadInput(f"{name} was not computed at {value:g}. {_there(values, value)}")
        (dim,) = dataset[name].dims
        dataset = dataset.isel({dim: int(there[0]) if there.size == 1 else there})
    return dataset


def _there(values, wanted) -> str:
    """Which values there are; of many the nearest."""
    known = np.unique(values)
    if known.size <= _MOST_SHOWN:
        return f"There are: {', '.join(f'{value:g}' for value in known)}."
    nearest = known[np.argmin(np.abs(known - wanted))]
    span = f"{known.size} values from {known[0]:g} to {known[-1]:g}"
    return f"There are {span}; the nearest is {nearest:.6g}."


def words_of_case(dataset: xr.Dataset) -> str:
    """`gluteal.scale 0.5, ham.scale 1`: what fixes the case that was selected; empty if nothing."""
    scalar = (name for name, c in dataset.coords.items() if not c.dims and c.dtype.kind in "iufOU")
    return ", ".join(f"{name} {_shown(dataset[name].item())}" for name in scalar)


def _shown(value) -> str:
    return f"{value:g}" if isinstance(value, int | float) else short_name(str(value))
