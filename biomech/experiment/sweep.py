"""A sweep: the cases of an experiment, and what each of them does to the model.

On a grid the axes keep the order of the configuration, the last one varying fastest, so that the
cases reshape to one dimension per axis. Any other design is a list of cases. Interventions are
applied in the order in which they are named, to a model that keeps its shapes: all cases share one
compiled programme.
"""

import dataclasses
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from ..analysis.cases import CASE
from ..formats.files import as_path
from ..interventions import CATALOGUE, Parameter
from ..model.body import Model
from ..model.names import BadInput
from ..personalise.body_size import scale_model
from .cohort import read_cohort
from .config import as_lines, axis_values, idle_interventions, parameter_of, sweepable
from .sampling import draw
from .schema import CohortDesign, Design, ExperimentConfig, SweepAxis

_OF_STUDY = "study."
"""Before the name of a swept number of the study itself."""
Case = Mapping[str, Any]
"""`<intervention>.<parameter>`, `model.height_m`, `model.mass_kg` -> value, also a traced one."""


@dataclasses.dataclass(frozen=True, eq=False)
class CaseTable:
    """The cases of a sweep, a row each; one row without columns if nothing is swept.

    - `names`: what varies, as `<intervention>.<parameter>` or `model.<size>`; `units` of each, as
      NetCDF writes them.
    - `labels`: names of the cases, if a cohort's file has them.
    - `axes`: the values along each axis of a grid, in order; None for any other design.
    - `design`: how the cases were chosen, in plain data: what the analysis of a sweep needs.
    """

    names: tuple[str, ...]
    values: Float[np.ndarray, "case parameter"]
    units: Mapping[str, str]
    labels: tuple[str, ...] | None
    axes: Mapping[str, tuple[float, ...]] | None
    design: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Cases along each axis of a grid; None for any other design."""
        return None if self.axes is None else tuple(len(values) for values in self.axes.values())

    def case(self, row: int) -> dict[str, float]:
        """What varies, and its value in one case."""
        return dict(zip(self.names, self.values[row].tolist(), strict=True))

    @property
    def of_study(self) -> dict[str, int]:
        """Column of every swept number of the study itself, by its name there."""
        return {
            name.removeprefix(_OF_STUDY): column
            for column, name in enumerate(self.names)
            if name.startswith(_OF_STUDY)
        }

    @property
    def corners(self) -> tuple[list[float], ...]:
        """The least and the largest value of everything that varies; one empty list if nothing
        does."""
        if not self.values.size:
            return ([],)
        return tuple(end.tolist() for end in (self.values.min(axis=0), self.values.max(axis=0)))

    @property
    def coordinates(self) -> dict[str, xr.Variable]:
        """The value of every parameter in each case, and the cases' names if they have any."""
        found = {
            name: xr.Variable((CASE,), values, {"units": self.units[name], "long_name": name})
            for name, values in zip(self.names, self.values.T, strict=True)
        }
        if self.labels is not None:
            names = np.array(self.labels, dtype=object)
            found[CASE] = xr.Variable((CASE,), names, {"long_name": "Case of the cohort"})
        return found

    def columns(self, values: Float[np.ndarray, "some parameter"]) -> dict[str, list[float]]:
        """Some rows of the table by name."""
        return dict(zip(self.names, values.T.tolist(), strict=True))


def case_table(config: ExperimentConfig, folder: Path) -> CaseTable:
    """Every case of a configuration whose files lie in `folder`.

    **Raises:** `BadInput` for a cohort's file that does not fit, or a missing SALib.
    """
    if isinstance(config.design, CohortDesign):
        return _of_cohort(config, config.design, folder)
    known = {key: parameter_of(config, key) for key in config.sweep}
    limits = {key: (parameter.lower, parameter.upper) for key, parameter in known.items()}
    return tabulate(config.sweep, config.design, config.seed, limits, _units(known))


def tabulate(
    sweep: Mapping[str, SweepAxis],
    design: Design,
    seed: int,
    limits: Mapping[str, tuple[float, float]],
    units: Mapping[str, str],
) -> CaseTable:
    """The cases of a grid, or those a design draws, within the `limits` of the parameters."""
    facts: dict[str, Any] = {"kind": design.kind, "parameters": list(sweep)}
    if design.kind == "grid":
        axes = {key: axis_values(axis) for key, axis in sweep.items()}
        values = np.array(list(itertools.product(*axes.values())), dtype=float)
        return CaseTable(tuple(axes), values, units, None, axes, facts)
    chosen = {key: axis.distribution(*limits.get(key, ())) for key, axis in sweep.items()}
    values = draw(tuple(chosen.values()), design.kind, seed=seed, **design.settings)
    facts |= {**design.settings, "seed": seed}
    facts["distributions"] = {key: one.as_plain() for key, one in chosen.items()}
    return CaseTable(tuple(chosen), values, units, None, None, facts)


def _of_cohort(config: ExperimentConfig, design: CohortDesign, folder: Path) -> CaseTable:
    path = as_path(folder / design.path, "design.path")
    known = {key: parameter_of(config, key) for key in sweepable(config)}
    names, values, labels = read_cohort(path, known)
    idle = list(idle_interventions(config, names))
    if idle:
        raise BadInput(as_lines(idle, path.name))
    facts = {"kind": design.kind, "parameters": list(names), "path": path.name}
    return CaseTable(names, values, _units({n: known[n] for n in names}), labels, None, facts)


def _units(parameters: Mapping[str, Parameter]) -> dict[str, str]:
    return {key: "1" if p.unit == "-" else p.unit for key, p in parameters.items()}


def apply_interventions(model: Model, config: ExperimentConfig, case: Case) -> Model:
    """The model of the size in `case`, under every intervention, with the values of `case`."""
    model = _resized(model, config, case)
    for name, chosen in config.interventions.items():
        arguments: dict[str, Any] = chosen.model_dump(exclude={"kind"})
        swept = {k.partition(".")[2]: v for k, v in case.items() if k.startswith(f"{name}.")}
        try:
            model = CATALOGUE[chosen.kind].apply(model, **(arguments | swept))
        except BadInput as error:
            raise BadInput(f"`interventions.{name}`: {error}") from error
    return model


def _resized(model: Model, config: ExperimentConfig, case: Case) -> Model:
    size = {k.partition(".")[2]: v for k, v in case.items() if k.startswith("model.")}
    if not size:
        return model
    known = config.model.current_height_m  # of the file; what is loaded may be scaled already
    known = None if known is None else config.model.height_m or known
    try:
        return scale_model(model, current_height_m=known, **size)
    except BadInput as error:
        raise BadInput(f"`model`: {error}") from error
