"""What arch stiffness and a lift under one foot do to a standing body, from a finished run.

python experiments/standing_arch_and_lift/figure.py RUN_FOLDER
"""

import sys
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

import biomech as bm
from biomech.analysis.plots import save_figure

ARCH, LIFT = "arch.scale", "lift.height_mm"
LOADS = {  # metric: name, color, line
    "hip_force_r": ("hip, lifted side", "#12436d", "-"),
    "hip_force_l": ("hip, other side", "#12436d", "--"),
    "knee_force_r": ("knee, lifted side", "#e07b00", "-"),
    "knee_force_l": ("knee, other side", "#e07b00", "--"),
}
METRICS = (
    *("hip_force_r", "hip_force_l", "knee_force_r", "knee_force_l", "ankle_force_r"),
    *("weight_share_r", "pelvic_obliquity", "knee_angle_r", "knee_angle_l"),
    *("midtarsal_angle_r", "subtalar_angle_r", "fascia_force_r", "effort"),
)


def main(folder: Path) -> None:
    """Draw the figure into the run folder and print its numbers."""
    result = bm.open_run(folder).load()
    figure = Figure(figsize=(10.5, 3.8), layout="constrained")
    lift, arch, foot = figure.subplots(1, 3)
    draw_loads(lift, result.sel({ARCH: 1.0}), LIFT)
    lift.set(xlabel="lift under the right foot [mm]", ylabel="joint reaction force [BW]")
    lift.set_title("A lift, arch as it is", fontsize=9.5, loc="left")
    lift.legend(fontsize=7.5, frameon=False)
    draw_loads(arch, result.sel({LIFT: 0.0}), ARCH)
    arch.set(xlabel="stiffness of the right arch, times", xscale="log", ylim=lift.get_ylim())
    label_scales(arch, result)
    arch.set_title("A softer or stiffer arch, no lift", fontsize=9.5, loc="left")
    draw_foot(foot, result.sel({LIFT: 0.0}))
    label_scales(foot, result)
    save_figure(figure, folder / "standing_arch_and_lift")
    print_numbers(result)


def draw_loads(ax, result: xr.Dataset, axis: str) -> None:
    """Loads of both sides along one axis of the sweep."""
    for metric, (name, color, line) in LOADS.items():
        load = result["metric_value"].sel(metric=metric)
        ax.plot(result[axis], load, line, color=color, marker="o", markersize=4, label=name)


def draw_foot(ax, result: xr.Dataset) -> None:
    """How far the arch sinks, and what the fascia carries."""
    value = result["metric_value"]
    ax.plot(result[ARCH], value.sel(metric="midtarsal_angle_r"), "k-o", markersize=4)
    ax.set(xlabel="stiffness of the right arch, times", xscale="log")
    ax.set_ylabel("midtarsal dorsiflexion [deg]")
    ax.set_title("The foot itself", fontsize=9.5, loc="left")
    fascia = ax.twinx()
    fascia.plot(result[ARCH], value.sel(metric="fascia_force_r"), "--s", color="#6b6b6b", ms=4)
    fascia.set_ylabel("plantar fascia [BW] (dashed)", color="#6b6b6b")


def label_scales(ax, result: xr.Dataset) -> None:
    """Ticks where the sweep has values."""
    ax.set_xticks(result[ARCH].values, [f"{scale:g}" for scale in result[ARCH].values])
    ax.minorticks_off()


def print_numbers(result: xr.Dataset) -> None:
    """The metrics that the page quotes, along both axes."""
    value = result["metric_value"].sel(metric=list(METRICS))
    print(value.sel({ARCH: 1.0}).to_pandas().T.round(3).to_string(), end="\n\n")
    print(value.sel({LIFT: 0.0}).to_pandas().T.round(3).to_string(), end="\n\n")
    both = value.sel({ARCH: 0.25, LIFT: 10.0}) - value.sel({ARCH: 1.0, LIFT: 0.0})
    print("arch 0.25 and lift 10 mm, change:")
    print(both.to_pandas().round(3).to_string())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
