"""A sweep: every combination of the values of its axes, each a case of its own.

The axes keep the order of the configuration, the last one varying fastest, so that the cases
reshape to a grid with one dimension per axis. Interventions are applied in the order in which
they are named, to a model that keeps its shapes: all cases share one compiled programme.
"""

import itertools
from collections.abc import Mapping
from typing import Any

from ..interventions import CATALOGUE
from ..model.body import Model
from ..model.names import BadInput
from .config import axis_values
from .schema import ExperimentConfig

Case = Mapping[str, float]
"""`<intervention>.<parameter>` -> value."""


def sweep_axes(config: ExperimentConfig) -> dict[str, tuple[float, ...]]:
    """The values along each axis, in order; empty without a sweep."""
    return {key: axis_values(config, key) for key in config.sweep}


def sweep_cases(config: ExperimentConfig) -> tuple[Case, ...]:
    """Every case of the sweep; one without values when there is no sweep."""
    axes = sweep_axes(config)
    return tuple(
        dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
    )


def sweep_units(config: ExperimentConfig) -> dict[str, str]:
    """Unit of each swept parameter, as NetCDF writes it."""
    units = {}
    for key in config.sweep:
        name, _, parameter = key.partition(".")
        entry = CATALOGUE[config.interventions[name].kind]
        unit = next(p.unit for p in entry.parameters if p.name == parameter)
        units[key] = "1" if unit == "-" else unit
    return units


def apply_interventions(model: Model, config: ExperimentConfig, case: Case) -> Model:
    """The model under every intervention of the configuration, with the values of `case`."""
    for name, chosen in config.interventions.items():
        arguments: dict[str, Any] = chosen.model_dump(exclude={"kind"})
        swept = {k.partition(".")[2]: v for k, v in case.items() if k.startswith(f"{name}.")}
        try:
            model = CATALOGUE[chosen.kind].apply(model, **(arguments | swept))
        except BadInput as error:
            raise BadInput(f"`interventions.{name}`: {error}") from error
    return model
