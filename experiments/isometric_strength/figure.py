"""Isometric strength of the built-in body `lower_limb` by joint angle, beside that of people.

python experiments/isometric_strength/figure.py [FOLDER]

Writes strength_curves.png and .pdf into FOLDER (default: this one) and prints the table.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import biomech as bm
from biomech.analysis.plots import save_figure
from biomech.analysis.published_strength import (
    ANDERSON_2007,
    MEASURED_SPECIFIC_TENSION,
    RAJAGOPAL_SPECIFIC_TENSION,
    anderson_2007,
    published_range,
)
from biomech.studies.isometric_strength import EXERTIONS, balanced_moment, strength_curve

INK, OURS, RIGID, BAND = "#333333", "#12436d", "#e07b00", "#cfcfcf"
AXES = {
    "hip_flexion": "hip flexion [deg]",
    "hip_adduction": "hip adduction [deg]",
    "knee_angle": "knee flexion [deg]",
    "ankle_angle": "ankle dorsiflexion [deg]",
    "subtalar_angle": "subtalar inversion [deg]",
}


def main(folder: Path) -> None:
    """Draw the figure and print the table."""
    bm.use_float64()
    model = bm.load_model("lower_limb")
    mass = float(np.sum(np.asarray(model.skeleton.mass)))
    figure = Figure(figsize=(11.0, 5.2), layout="constrained")
    # Columns are joints, rows the two directions.
    panels = figure.subplots(2, 5).T.ravel()
    print("exertion | balanced | all agonists | rigid tendon | published | of upper end")
    for ax, (name, exertion) in zip(panels, EXERTIONS.items(), strict=True):
        draw(ax, model, name, exertion, mass)
    panels[0].set_ylabel("moment [N m]")
    panels[1].set_ylabel("moment [N m]")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    save_figure(figure, folder / "strength_curves")


def draw(ax, model, name, exertion, mass) -> None:
    """One exertion: published range, published curve where there is one, and ours."""
    elastic = strength_curve(model, exertion)
    rigid = strength_curve(model, exertion, tendon="rigid")
    degrees = np.rad2deg(np.asarray(elastic.angle))
    balanced, all_agonists = balanced_moment(elastic), np.asarray(elastic.moment)
    low, high = published_range(name, mass)
    half = MEASURED_SPECIFIC_TENSION / RAJAGOPAL_SPECIFIC_TENSION

    ax.axhspan(low, high, color="#efefef", lw=0, label="published peaks, mean ∓ 2 SD")
    if name in ANDERSON_2007:
        bounds = [
            anderson_2007(name, np.asarray(elastic.angle), mass, deviations=d) for d in (-2, 2)
        ]
        label = "men of 18-25 years, mean ∓ 2 SD (Anderson 2007)"
        ax.fill_between(degrees, *bounds, color=BAND, lw=0, label=label)
    ax.plot(degrees, balanced, color=OURS, lw=2.2, label="body: elastic tendons, balanced")
    ax.plot(degrees, all_agonists, color=OURS, lw=1.2, ls=":", label="all agonists, not balanced")
    ax.plot(degrees, np.asarray(rigid.moment), color=RIGID, lw=1.2, ls="--", label="rigid tendons")
    label = f"balanced, at {MEASURED_SPECIFIC_TENSION:.0f} N/cm² (Erskine 2009)"
    ax.plot(degrees, half * balanced, color=OURS, lw=1.2, ls="-.", label=label)
    ax.set(xlabel=AXES[exertion.coordinate], ylim=(0.0, None))
    ax.set_title(name.replace("_", " "), loc="left", fontsize=10, fontweight="bold", color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=8)

    at = lambda x: f"{np.max(x):.0f} at {degrees[np.argmax(x)]:.0f}"
    print(
        f"{name} | {at(balanced)} | {at(all_agonists)} | {at(np.asarray(rigid.moment))} | "
        f"{low:.0f}-{high:.0f} | {balanced.max() / high:.2f}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
