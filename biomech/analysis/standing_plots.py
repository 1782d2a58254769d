"""A body at rest in one figure: what its joints carry, and where the ground presses on its soles.

Left: joint reaction forces of both legs. Middle: both soles from above, each region a disc whose
area is the vertical force on it, with the centers of pressure, the support and where the center of
mass is above it. Right: the muscles that are most active. The right side is dark, the left light
and hatched, as in `plots`.
"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.spatial import ConvexHull, QhullError

from ..model.names import BadInput, legible
from ..studies.gait_events import SIDES
from .cases import sweep_dimensions
from .plots import INK, NEEDS, SIDE_LINE, styled

_JOINTS = ("hip", "knee", "patellofemoral", "ankle", "subtalar", "midtarsal")
_LEAST_SHARE = 1e-3  # of the weight, that a region carries to belong to the support [-]
_LARGEST_DISC = 560.0  # area of the disc of the largest force [points^2]
_MOST_MUSCLES = 10
_LEAST_ACTIVATION = 0.02  # muscles below it, on both sides, are not named [-]
_LOOK: dict[str, dict[str, Any]] = {
    "r": {"facecolor": SIDE_LINE["r"]["color"], "edgecolor": SIDE_LINE["r"]["color"]},
    "l": {"facecolor": "white", "edgecolor": SIDE_LINE["l"]["color"], "hatch": "/////"},
}


@styled
def plot_standing(dataset: xr.Dataset) -> Figure:
    """Joint loads [BW], forces under the soles [BW] and activations of one case of `stand`.

    **Raises:** `BadInput` for a sweep, or a case without a balance.
    """
    _require_balance(dataset)
    figure = Figure(figsize=(9.2, 4.2), layout="constrained")
    loads, soles, muscles = figure.subplots(1, 3, width_ratios=(1.0, 1.05, 1.0))
    _draw_loads(loads, dataset)
    _draw_soles(soles, dataset)
    _draw_muscles(muscles, dataset)
    handles: list[Any] = [
        Patch(label=SIDE_LINE[side]["label"], linewidth=0.8, **_LOOK[side]) for side in SIDES
    ]
    handles += [
        Line2D([], [], color="#999999", linewidth=1.0, label="support"),
        Line2D([], [], linestyle="none", marker="x", color=INK, label="center of pressure"),
        Line2D([], [], linestyle="none", marker="+", markersize=9, markeredgewidth=1.6, color=INK,
               label="center of mass above"),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure


def _require_balance(dataset) -> None:
    absent = [name for name in NEEDS["standing"] if name not in dataset]
    if absent:
        raise BadInput(
            f"The result has no `{absent[0]}`: 'standing' is drawn of a result of the study `stand`"
            " that holds it."
        )
    swept = sweep_dimensions(dataset)
    if swept:
        raise BadInput(
            f"The dataset sweeps {', '.join(swept)}. Select one case with `dataset.isel(...)`."
        )
    if int(dataset["status"]) != 0:
        raise BadInput("No balance was found in this case, so there is nothing to draw.")


def _bars(ax: Axes, rows, of_side):
    """Horizontal bars of both sides in rows from the top; `of_side(row, side)` may be NaN."""
    for place, row in enumerate(rows):
        for side, offset in zip(SIDES, (-0.19, 0.19), strict=True):
            value = of_side(row, side)
            if np.isfinite(value):
                ax.barh(place + offset, value, height=0.34, linewidth=0.8, **_LOOK[side])
                ax.annotate(f"{value:.2f}", (value, place + offset), xytext=(3.0, 0.0),
                            textcoords="offset points", va="center", fontsize=7.0)  # fmt: skip
    ax.set_ylim(len(rows) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0.0)
    ax.margins(x=0.16)


def _draw_loads(ax: Axes, dataset) -> None:
    values = dataset["metric_value"].to_series().to_dict()
    joints = [j for j in _JOINTS if any(f"{j}_force_{side}" in values for side in SIDES)]
    _bars(ax, joints, lambda joint, side: values.get(f"{joint}_force_{side}", np.nan))
    ax.set_yticks(range(len(joints)), [joint.capitalize() for joint in joints])
    ax.set_title("Joint reaction force [BW]")


def _draw_muscles(ax: Axes, dataset) -> None:
    value = dataset["activation"].to_series().to_dict() if "muscle" in dataset.dims else {}
    stems: dict[str, float] = {}
    for name, activation in value.items():
        stem = str(name).removesuffix("_r").removesuffix("_l")
        stems[stem] = max(stems.get(stem, 0.0), activation)
    shown = sorted((s for s in stems if stems[s] >= _LEAST_ACTIVATION), key=lambda s: -stems[s])
    shown = shown[:_MOST_MUSCLES]
    _bars(ax, shown, lambda stem, side: value.get(f"{stem}_{side}", value.get(stem, np.nan)))
    ax.set_yticks(range(len(shown)), [legible(stem) for stem in shown])
    ax.set_title("Most active muscles [-]")


def _draw_soles(ax: Axes, dataset) -> None:
    """From above: forward is up, right is right."""
    weight = float(dataset["body_weight"])
    share = dataset["regional_plantar_force"].sel(axis="y").values / weight
    place = dataset["contact_point"].sel(axis=["z", "x"]).values
    names = [str(name) for name in dataset["contact_region"].values]
    loaded = share > _LEAST_SHARE
    _draw_support(ax, place[loaded])
    largest = max(float(share.max(initial=0.0)), 1e-9)
    for side in SIDES:
        own = np.array([name.endswith(f"_{side}") for name in names])
        area = _LARGEST_DISC * np.clip(share[own & loaded], 0.0, None) / largest
        ax.scatter(*place[own & loaded].T, s=area, linewidth=0.8, alpha=0.85, zorder=2,
                   **_LOOK[side])  # fmt: skip
        ax.scatter(*place[own & ~loaded].T, s=10.0, facecolor="none", edgecolor="#aaaaaa",
                   linewidth=0.7, zorder=1.5)  # fmt: skip
        center = dataset["center_of_pressure"].sel(side=side, axis=["z", "x"]).values
        if np.isfinite(center).all():
            ax.plot(*center, marker="x", color=INK, markersize=6.0, markeredgewidth=1.4, zorder=4)
    above = dataset["center_of_mass"].sel(axis=["z", "x"]).values
    ax.plot(*above, marker="+", color=INK, markersize=11.0, markeredgewidth=1.8, zorder=4)
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.13)
    ax.set_title(f"Soles from above, forward up;\nlargest disc {largest:.2f} BW")
    ax.locator_params(nbins=5)
    ax.set_xlabel("right [m]")
    ax.set_ylabel("forward [m]")


def _draw_support(ax: Axes, corners) -> None:
    try:
        edge = corners[ConvexHull(corners).vertices]
    except (QhullError, ValueError):  # too few regions to enclose an area
        return
    ax.fill(*edge.T, facecolor="#f3f3f3", edgecolor="#999999", linewidth=1.0, zorder=0.5)
