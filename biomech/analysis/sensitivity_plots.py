"""Figures of a sensitivity: what moves a metric most, and when in the gait cycle.

Rank and color show the change for one `parameter_step` (1 % of the parameter, or 1 mm of a place).
Signs can be told apart in grey: negative bars are hatched, the peak of every row
of a heat map carries its sign.
"""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from ..model.names import BadInput, find
from ..model.parameters import PARAMETERS
from .plots import metric_title, styled

_POSITIVE, _NEGATIVE = "#1f4e79", "#d98c3f"
_SIDES = {"r": "right", "l": "left"}
_SHORT_NAMES = {
    "max_isometric_force": "strength",
    "optimal_fiber_length": "optimal fiber length",
    "tendon_slack_length": "tendon slack length",
    "pennation_angle": "pennation angle",
    "max_contraction_velocity": "contraction velocity",
    "path_point": "point",
    "wrap_radius": "wrap radius",
    "segment_mass": "mass",
    "segment_mass_center": "mass center",
}


@styled
def plot_sensitivity(
    dataset: xr.Dataset, metrics: tuple[str, ...] | None = None, *, count: int = 12
) -> Figure:
    """Ranked bars: the `count` parameters that move each metric most.

    - `metrics`: by default those of the right side, or all if there is none.
    """
    _require(dataset, "effect")
    every = tuple(str(name) for name in dataset["metric"].values)
    right = tuple(name for name in every if name.endswith("_r"))
    chosen = metrics or right or every
    for name in chosen:
        find("metric", name, every)
    figure = Figure(figsize=(4.9 * len(chosen), 0.9 + 0.25 * count), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(chosen)))
    for ax, name in zip(axes, chosen, strict=True):
        _bars(ax, dataset, name, count)
    return figure


def _bars(ax: Axes, dataset, name, count):
    effect = dataset["effect"].sel(metric=name).values
    rank = np.argsort(-np.abs(np.nan_to_num(effect)))[:count][::-1]
    values, labels = effect[rank], [_label(dataset, i) for i in rank]
    for row, value in enumerate(values):
        negative = value < 0.0
        ax.barh(
            *(row, value),
            height=0.7,
            color="white" if negative else _POSITIVE,
            edgecolor=_NEGATIVE if negative else _POSITIVE,
            hatch="////" if negative else None,
        )
    ax.set_yticks(range(len(labels)), labels)
    ax.axvline(0.0, color="#333333", linewidth=0.8)
    ax.margins(y=0.01)
    value = float(dataset["metric_value"].sel(metric=name))
    unit = str(dataset["metric_unit"].sel(metric=name).item())
    ax.set_title(f"{metric_title(name)}: {value:.2f} {unit}")
    ax.set_xlabel("Change for the step in brackets [%]")


@styled
def plot_sensitivity_cycle(dataset: xr.Dataset, load: str = "knee_r", *, count: int = 15) -> Figure:
    """Heat map: when in the gait cycle the `count` strongest parameters change a joint load."""
    _require(dataset, "load_effect")
    find("load", load, tuple(str(name) for name in dataset["load"].values))
    one = dataset.sel(load=load)
    effect = one["load_effect"].transpose("time", "parameter").values
    rank = np.argsort(-np.nanmax(np.abs(effect), axis=0))[:count]
    x, words = one["time"].values, "Time [s]"
    if "gait_pct" in one.coords and np.isfinite(one["gait_pct"]).all():
        x, words = one["gait_pct"].values, "Gait cycle [%]"
    order = np.argsort(x)
    field = effect[order][:, rank].T
    bound = float(np.nanmax(np.abs(field))) or 1.0
    figure = Figure(figsize=(7.2, 1.3 + 0.26 * count), layout="constrained")
    ax = figure.subplots()
    image = ax.pcolormesh(
        *(x[order], np.arange(len(rank)), field),
        cmap="RdBu_r",
        norm=TwoSlopeNorm(0.0, -bound, bound),
        shading="nearest",
        rasterized=True,
    )
    for row in range(len(rank)):
        _mark_sign(ax, x[order], row, field[row], bound)
    ax.set_yticks(range(len(rank)), [_label(dataset, i) for i in rank])
    ax.invert_yaxis()
    ax.set_xlabel(words)
    joint, side = load.rsplit("_", 1)
    ax.set_title(f"{_SIDES[side].capitalize()} {joint} load")
    figure.colorbar(image, ax=ax, label="Change for the step in brackets [BW]", shrink=0.8)
    return figure


def _mark_sign(ax: Axes, x, row, values, bound):
    """A plus or minus where a row's change is largest: the sign, for those who read in grey."""
    top = int(np.nanargmax(np.abs(values)))
    if abs(values[top]) < 0.05 * bound:
        return
    ax.text(
        *(x[top], row, "+" if values[top] > 0.0 else "\u2212"),
        ha="center",
        va="center",
        color="white" if abs(values[top]) > 0.5 * bound else "black",
        fontsize=8.0,
        fontweight="bold",
    )


def _label(dataset, index) -> str:
    """`psoas_r point 2, x (+1 mm)`; of an intervention `heel.height_mm (+1 mm)`."""
    name = str(dataset["parameter"].values[index])
    if dataset["parameter_group"].values[index] == "intervention":
        step, value = (
            float(dataset[f"parameter_{what}"].values[index]) for what in ("step", "value")
        )
        is_share = value != 0.0 and np.isclose(step, 0.01 * value)
        unit = str(dataset["parameter_unit"].values[index])
        return f"{name} (+{'1 %' if is_share else f'{step:g} {unit}'})"
    group, _, element = name.partition(":")
    step = "+1 %" if PARAMETERS[group].step is None else "+1 mm"
    owner, *place = element.split(".")
    if group == "path_point":
        return f"{owner} point {place[0]}, {place[1]} ({step})"
    axis = f", {place[0]}" if place else ""
    return f"{owner} {_SHORT_NAMES[group]}{axis} ({step})"


def _require(dataset, variable):
    if variable not in dataset:
        more = " with `over_cycle=True`" if variable == "load_effect" else ""
        raise BadInput(f"The dataset has no `{variable}`; make it with `bm.sensitivity`{more}.")
