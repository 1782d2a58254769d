"""Peak joint loads and muscle forces against gluteal strength, from a finished run.

python experiments/gluteal_weakness_measured_walk/figure.py RUN_FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from biomech.analysis.labels import read_netcdf
from biomech.analysis.plots import save_figure
from biomech.interventions import muscles_in_group

AXIS = "gluteal.scale"
LOADS = {"hip": "peak_hip_force", "knee": "peak_knee_force", "ankle": "peak_ankle_force"}
GROUPS = ("gluteals", "hip_flexors", "hip_adductors", "hamstrings", "quadriceps")
SIDES = {"r": ("-", "right"), "l": ("--", "left")}
COLORS = ("#12436d", "#e07b00", "#28a197", "#801650", "#3d3d3d")


def main(folder: Path) -> None:
    """Draw the figure into the run folder and print its numbers."""
    result = read_netcdf(folder / "results.nc").sortby(AXIS)
    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    loads, forces = figure.subplots(1, 2)
    draw_loads(loads, result)
    draw_forces(forces, result)
    figure.suptitle(
        "Weaker gluteal muscles on both sides, the same measured walk", x=0.01, ha="left"
    )
    save_figure(figure, folder / "gluteal_weakness")
    table = result["metric_value"].sel(metric=[f"{m}_{s}" for m in LOADS.values() for s in SIDES])
    print(table.to_pandas().T.iloc[:, ::-1].round(2).to_string())


def draw_loads(ax, result: xr.Dataset) -> None:
    """Peak joint reaction forces; hollow where muscles were too weak in the metric's window."""
    scale = result[AXIS].values
    for color, (joint, metric) in zip(COLORS, LOADS.items(), strict=False):
        for side, (style, word) in SIDES.items():
            one = result.sel(metric=f"{metric}_{side}")
            peak, limited = one["metric_value"].values, one["metric_limited_share"].values > 0
            ax.plot(scale, peak, style, color=color, label=f"{joint}, {word}")
            ax.plot(scale[~limited], peak[~limited], "o", color=color)
            ax.plot(scale[limited], peak[limited], "o", color=color, mfc="white")
    ax.set(xlabel="gluteal strength [-]", ylabel="peak joint reaction force [BW]", ylim=(0, None))
    ax.set_title("Joint loads (hollow: muscles too weak)", fontsize=10, loc="left")
    ax.invert_xaxis()
    ax.legend(ncols=2, fontsize=8, frameon=False)


def draw_forces(ax, result: xr.Dataset) -> None:
    """Mean over the stride of the summed tendon force of each muscle group."""
    scale, names = result[AXIS].values, tuple(result["muscle"].values)
    for color, group in zip(COLORS, GROUPS, strict=True):
        for side, (style, _) in SIDES.items():
            members = list(muscles_in_group(group, side, names))
            force = result["muscle_force"].sel(muscle=members).sum("muscle").mean("time")
            weight = float(result["body_weight"])
            label = group.replace("_", " ") if side == "r" else None
            ax.plot(scale, np.asarray(force) / weight, style, color=color, marker="o", label=label)
    ax.set(xlabel="gluteal strength [-]", ylabel="mean muscle force [BW]", ylim=(0, None))
    ax.set_title("Muscle groups (dashed: left)", fontsize=10, loc="left")
    ax.invert_xaxis()
    ax.legend(fontsize=8, frameon=False)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
