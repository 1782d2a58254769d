"""The figures of a run: those its variables allow, as PNG and PDF."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xarray as xr

from ..analysis.cases import has_instants, is_grid, swept_parameters
from ..analysis.plots import NEEDS, plot, save_figure
from ..formats.storage import Storage
from ..model.body import Model
from ..model.names import BadInput
from ..studies.gait_events import SIDES
from ..studies.metrics import available_metrics

_MOST_RESPONSES = 6


def write_figures(
    dataset: xr.Dataset,
    folder: Path,
    emg: Storage | None = None,
    emg_side: str = "r",
    *,
    body: Model | None = None,
) -> tuple[str, ...]:
    """Draw into `folder`; why figures are missing, in words. `body`: to draw, if there is one."""
    folder.mkdir(exist_ok=True)
    missing = []
    if emg is not None and swept_parameters(dataset):
        missing.append("The measured EMG is not drawn: a sweep has no figure of activations.")
    for name, kind, options in _wanted(dataset, emg, emg_side, body):
        absent = [variable for variable in NEEDS.get(kind, ()) if variable not in dataset]
        if absent:
            missing.append(f"No figure '{name}': `outputs` leaves out {', '.join(absent)}.")
            continue
        try:
            save_figure(plot(dataset, kind, **options), folder / name)
        except BadInput as error:  # a model without the joints or muscles a figure shows
            missing.append(f"No figure '{name}': {error}")
    return tuple(missing)


def _wanted(
    dataset: xr.Dataset, emg: Storage | None, emg_side: str, body: Model | None
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """File name, kind and options of each figure."""
    parameters = swept_parameters(dataset)
    if not parameters and not has_instants(dataset):
        yield "standing", "standing", {}
        if body is not None:
            yield "body", "body", {"model": body, "color_by": "force"}
        return
    if not parameters:
        for kind in ("joint_loads", "angles", "moments"):
            yield kind, kind, {}
        for side in SIDES:
            own = emg if side == emg_side else None
            yield f"activations_{side}", "activations", {"side": side, "emg": own}
        return
    if is_grid(dataset) and len(parameters) == 1 and has_instants(dataset):
        for side in _sides_present(dataset):
            yield f"joint_loads_{side}", "sweep_joint_loads", {"side": side}
    for name in parameters[:_MOST_RESPONSES]:
        yield f"response_{name.replace('.', '_')}", "response", {"parameter": name}
    if len(parameters) > 1:
        yield "tornado", "tornado", {}
    if is_grid(dataset) and len(parameters) == 2:
        yield "heat_map", "heat_map", {}


def _sides_present(dataset: xr.Dataset) -> tuple[str, ...]:
    """Legs whose joint loads can be drawn; both if the result holds no joints at all."""
    if "joint" not in dataset.coords:
        return SIDES
    metrics = available_metrics(tuple(map(str, dataset["joint"].values)))
    return tuple(side for side in SIDES if any(name.endswith(f"_{side}") for name in metrics))
