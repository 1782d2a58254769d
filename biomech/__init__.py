"""biomech: how a change at the foot, the leg or the gluteal muscles reaches knee and hip.

    import biomech as bm
    bm.use_float64()
    model = bm.load_model("planar")
    results = bm.inverse(model, bm.reference_gait())

Everything listed here is imported when first used, so `import biomech` is quick.
"""

import importlib
from typing import TYPE_CHECKING

from .precision import use_float64

__version__ = "0.1.0"

_HOME = {
    "load_model": "personalise.load",
    "scale_model": "personalise.body_size",
    "save_model": "formats.save",
    "load_trial": "formats.trial",
    "reference_gait": "formats.reference_gait",
    "inverse": "analysis.inverse_dataset",
    "stand": "analysis.stand_dataset",
    "track": "analysis.track_dataset",
    "predict": "analysis.predict_dataset",
    "replay": "analysis.replay_dataset",
    "save_walk": "analysis.save_walk",
    "sensitivity": "analysis.sensitivity",
    "compare": "analysis.compare",
    "effect_table": "analysis.effects",
    "plot": "analysis.plots",
    "design": "experiment.design",
    "report": "analysis.report",
    "run": "experiment.runner",
    "open_run": "experiment.open_run",
    "sobol_indices": "analysis.global_sensitivity",
    "morris_screening": "analysis.global_sensitivity",
}
"""Public name -> module (and name there, when it differs)."""

_SUBPACKAGES = (
    *("model", "formats", "dynamics", "muscles", "interventions", "solvers", "personalise"),
    "studies",
)

if TYPE_CHECKING:
    from . import dynamics, formats, interventions, model, muscles, personalise, solvers, studies
    from .analysis.compare import compare
    from .analysis.effects import effect_table
    from .analysis.global_sensitivity import morris_screening, sobol_indices
    from .analysis.inverse_dataset import inverse
    from .analysis.plots import plot
    from .analysis.predict_dataset import predict
    from .analysis.replay_dataset import replay
    from .analysis.report import report
    from .analysis.save_walk import save_walk
    from .analysis.sensitivity import sensitivity
    from .analysis.stand_dataset import stand
    from .analysis.track_dataset import track
    from .experiment.design import design
    from .experiment.open_run import open_run
    from .experiment.runner import run
    from .formats.reference_gait import reference_gait
    from .formats.save import save_model
    from .formats.trial import load_trial
    from .personalise.body_size import scale_model
    from .personalise.load import load_model

__all__ = [
    "compare",
    "design",
    "dynamics",
    "effect_table",
    "formats",
    "interventions",
    "inverse",
    "load_model",
    "load_trial",
    "model",
    "morris_screening",
    "muscles",
    "open_run",
    "personalise",
    "plot",
    "predict",
    "reference_gait",
    "replay",
    "report",
    "run",
    "save_model",
    "save_walk",
    "scale_model",
    "sensitivity",
    "sobol_indices",
    "solvers",
    "stand",
    "studies",
    "track",
    "use_float64",
]


def __getattr__(name: str):
    if name in _HOME:
        module, _, attribute = _HOME[name].partition(":")
        value = getattr(importlib.import_module(f".{module}", __name__), attribute or name)
    elif name in _SUBPACKAGES:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module 'biomech' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__():
    return sorted(__all__)
