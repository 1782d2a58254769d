"""Labelled results: the only place where arrays get names, units, comparisons and plots.

Names are imported when first used, so that results can be labelled without loading matplotlib.
"""

import importlib
from typing import TYPE_CHECKING

_HOME = {
    "label_inverse": "labels",
    "write_netcdf": "labels",
    "read_netcdf": "labels",
    "effect_table": "effects",
    "model_hash": "provenance",
    "credibility_text": "credibility",
    "compare_emg": "emg",
    "on_off_agreement": "emg",
    "plot_body": "body_picture",
    "plot_joint_loads": "plots",
    "plot_angles": "plots",
    "plot_moments": "plots",
    "plot_activations": "plots",
    "plot_sweep_joint_loads": "plots",
    "plot_response": "sweep_plots",
    "plot_tornado": "sweep_plots",
    "plot_heat_map": "sweep_plots",
    "report_html": "report",
    "save_figure": "plots",
}
"""Public name -> module."""

if TYPE_CHECKING:
    from .body_picture import plot_body
    from .credibility import credibility_text
    from .effects import effect_table
    from .emg import compare_emg, on_off_agreement
    from .labels import label_inverse, read_netcdf, write_netcdf
    from .plots import (
        plot_activations,
        plot_angles,
        plot_joint_loads,
        plot_moments,
        plot_sweep_joint_loads,
        save_figure,
    )
    from .provenance import model_hash
    from .report import report_html
    from .sweep_plots import plot_heat_map, plot_response, plot_tornado

__all__ = [
    "compare_emg",
    "credibility_text",
    "effect_table",
    "label_inverse",
    "model_hash",
    "on_off_agreement",
    "plot_activations",
    "plot_angles",
    "plot_body",
    "plot_heat_map",
    "plot_joint_loads",
    "plot_moments",
    "plot_response",
    "plot_sweep_joint_loads",
    "plot_tornado",
    "read_netcdf",
    "report_html",
    "save_figure",
    "write_netcdf",
]


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'biomech.analysis' has no attribute '{name}'")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
