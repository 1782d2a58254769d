"""Cases in a row seen as a grid: one dimension per swept parameter, read only where it is used."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing


def as_grid(dataset: xr.Dataset, axes: Mapping[str, Sequence[float]], case: str) -> xr.Dataset:
    """`dataset` with its dimension `case` unfolded to `axes`, the last one varying fastest.

    The parameters' values, over `case` in `dataset`, become the coordinates of the axes.
    """
    shape = tuple(len(values) for values in axes.values())
    variables, coordinates = {}, {}
    for name, variable in dataset.variables.items():
        if name in axes or name == case:
            continue
        into = coordinates if name in dataset.coords else variables
        if case not in variable.dims:
            into[name] = variable
            continue
        assert variable.dims[0] == case
        data = indexing.LazilyIndexedArray(_Unfolded(variable, shape))
        into[name] = xr.Variable((*axes, *variable.dims[1:]), data, variable.attrs)
    for name, values in axes.items():
        coordinates[name] = ((name,), np.array(values), dataset[name].attrs)
    return xr.Dataset(variables, coordinates, dataset.attrs)


class _Unfolded(BackendArray):
    """The first axis of a variable as several."""

    def __init__(self, variable: xr.Variable, shape: tuple[int, ...]):
        self._variable, self._folded = variable, shape
        self.shape = (*shape, *variable.shape[1:])
        self.dtype = variable.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._get
        )

    def _get(self, key: tuple[Any, ...]) -> np.ndarray:
        folded, rest = key[: len(self._folded)], key[len(self._folded) :]
        picked = [np.arange(n)[k] for n, k in zip(self._folded, folded, strict=True)]
        kept = tuple(p.size for p in picked if p.ndim)
        cases = np.ravel_multi_index(np.ix_(*map(np.atleast_1d, picked)), self._folded).ravel()
        dims = self._variable.dims
        found = self._variable.isel({dims[0]: cases, **dict(zip(dims[1:], rest, strict=True))})
        values = np.asarray(found.values)
        return values.reshape((*kept, *values.shape[1:]))
