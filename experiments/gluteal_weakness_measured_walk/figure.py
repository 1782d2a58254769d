"""Peak joint loads and muscle forces against gluteal strength, from a finished run.

python experiments/gluteal_weakness_measured_walk/figure.py RUN_FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import biomech as bm
from biomech.analysis.plots import save_figure
from biomech.studies.inverse import STATUS

AXIS = "gluteal.scale"
SIDES = {"r": "right leg", "l": "left leg"}
LOADS = {  # metric: name, color, line
    "early_peak_knee": ("knee, early stance", "#e07b00", "-"),
    "late_peak_knee": ("knee, late stance", "#e07b00", "--"),
    "early_peak_hip": ("hip, early stance", "#12436d", "-"),
    "late_peak_hip": ("hip, late stance", "#12436d", "--"),
    "peak_ankle": ("ankle", "#8c8c8c", ":"),
}
MUSCLES = {  # name: beginnings of muscle names
    "gluteus medius": ("glmed",),
    "gluteus maximus": ("glmax",),
    "gluteus minimus": ("glmin",),
    "psoas": ("psoas",),
    "tensor fasciae latae": ("tfl",),
    "piriformis": ("piri",),
    "iliacus": ("iliacus",),
    "semimembranosus": ("semimem",),
    "vasti": ("vas",),
    "rectus femoris": ("recfem",),
    "gastrocnemius": ("gas",),
    "soleus": ("soleus",),
}
BARS = {0.5: "#9fb8cc", 0.25: "#12436d"}


def main(folder: Path) -> None:
    """Draw the figure into the run folder and print its numbers."""
    result = bm.open_run(folder).sortby(AXIS)
    figure = Figure(figsize=(10.5, 4.1), layout="constrained")
    right, left, muscles = figure.subplots(1, 3, width_ratios=(1.0, 1.0, 1.05))
    left.sharey(right)
    for ax, side in ((right, "r"), (left, "l")):
        draw_loads(ax, result, side)
    right.set_ylabel("peak joint reaction force [BW]")
    right.legend(fontsize=7.5, frameon=False, loc="lower left")
    draw_muscles(muscles, result)
    save_figure(figure, folder / "gluteal_weakness")
    print_numbers(result)


def draw_loads(ax, result: xr.Dataset, side: str) -> None:
    """Peaks of one leg; hollow where muscles were too weak in the metric's window."""
    scale = 100.0 * result[AXIS].values
    for stem, (name, color, line) in LOADS.items():
        one = result.sel(metric=f"{stem}_force_{side}")
        peak, limited = one["metric_value"].values, one["metric_limited_share"].values > 0
        ax.plot(scale, peak, line, color=color, label=name)
        ax.plot(scale[~limited], peak[~limited], "o", color=color, markersize=5)
        ax.plot(scale[limited], peak[limited], "o", color=color, mfc="white", markersize=6)
    ax.set(xlabel="gluteal strength, both sides [%]", ylim=(0, 7), xticks=scale)
    ax.set_title(f"{SIDES[side].capitalize()} (hollow: muscles too weak)", fontsize=9.5, loc="left")
    ax.invert_xaxis()


def draw_muscles(ax, result: xr.Dataset) -> None:
    """Change of the mean tendon force of each muscle over the stride, mean of both legs."""
    mean = {name: stride_force(result, stems) for name, stems in MUSCLES.items()}
    row = np.arange(len(MUSCLES))
    for i, (scale, color) in enumerate(BARS.items()):
        change = [float(f.sel({AXIS: scale}) - f.sel({AXIS: 1.0})) for f in mean.values()]
        ax.barh(row + 0.38 * (i - 0.5), change, 0.38, color=color, label=f"{100 * scale:.0f} %")
    ax.axvline(0.0, color="#333333", linewidth=0.8)
    ax.set_yticks(row, list(MUSCLES), fontsize=8)
    ax.invert_yaxis()
    ax.set_xlabel("change of mean force per leg [BW]")
    ax.set_title("Who takes over", fontsize=9.5, loc="left")
    ax.legend(title="strength", fontsize=7.5, title_fontsize=7.5, frameon=False)


def stride_force(result: xr.Dataset, stems: tuple[str, ...]) -> xr.DataArray:
    """Force of the muscles named, over the stride and per leg [BW]."""
    members = [name for name in result["muscle"].values if name.startswith(stems)]
    total = result["muscle_force"].sel(muscle=members).sum("muscle").mean("time")
    return total / (len(SIDES) * result["body_weight"])


def print_numbers(result: xr.Dataset) -> None:
    """Peaks [BW], where the muscles were too weak, and the effort."""
    metrics = [f"{stem}_force_{side}" for stem in LOADS for side in SIDES]
    table = result["metric_value"].sel(metric=metrics).to_pandas().T.iloc[:, ::-1]
    print(table.round(2).to_string())
    for scale in result[AXIS].values[::-1]:
        case = result.sel({AXIS: scale})
        weak = case["time"].values[case["status"].values == STATUS.index("strength_limited")]
        effort = float((case["activation"] ** 2).sum("muscle").mean("time"))
        words = f"{scale:g}: mean sum of squared activations {effort:.2f}"
        if weak.size:
            reserve = np.abs(case["reserve_force"]).max("time").to_series().dropna().nlargest(3)
            shown = ", ".join(f"{name} {value:.1f}" for name, value in reserve.items())
            words += f"; too weak {weak.size} of {case.sizes['time']} instants, "
            words += f"{weak.min():.2f} to {weak.max():.2f} s; largest reserves [N m] {shown}"
        print(words)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
