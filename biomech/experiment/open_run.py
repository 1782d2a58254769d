"""The results of a run folder as one dataset."""

import os
from pathlib import Path

import xarray as xr

from ..analysis.labels import MAX_BYTES, read_netcdf
from ..formats.files import as_path
from ..model.names import BadInput
from .grid import as_grid
from .store import CASE, RESULTS, Store, is_store

RESULTS_FILE = "results.nc"


def open_run(path: str | os.PathLike[str], *, max_bytes: int | None = MAX_BYTES) -> xr.Dataset:
    """The results of a run: its folder, or the `results.nc` or `results.zarr` in it.

    Those of a run without a sweep are held in memory. Those of a sweep are read from disk where
    they are used: a grid has one dimension per swept parameter, any other design the dimension
    `case` with each parameter as a coordinate. Of a sweep that is not finished, the cases still to
    come have `status` "not_computed" and NaN.

    `max_bytes`: most memory that a `results.nc` may need; None for one that is trusted.

    **Raises:** `BadInput` if there is no run, or it is damaged.
    """
    path = as_path(path, "path")
    folder = path.parent if path.name == RESULTS else path
    if folder.is_dir() and is_store(folder):
        store = Store(folder)
        dataset, axes = store.open(), store.manifest.get("axes")
        return as_grid(dataset, axes, CASE) if axes else dataset
    if folder.is_dir() and not (folder / RESULTS_FILE).is_file():
        raise BadInput(
            f"'{folder}' is no run folder: there is neither {RESULTS} nor {RESULTS_FILE} in it."
        )
    file = Path(folder / RESULTS_FILE if folder.is_dir() else folder)
    return read_netcdf(file, max_bytes=max_bytes)
