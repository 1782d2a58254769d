"""Cases of the study `track`: values of the swept parameters in, labelled results out.

The unchanged body is solved first, near the reference and with the weights that the configuration
states; every case is found from its answer (`studies.walking_continuation`), a run without a sweep
too. So both give the same numbers, whoever computes them and in whatever order. All cases walk half
a stride if each of them may, else all a whole one: they share one compiled programme.

The cases of a sweep have one clock, and `gait_pct` is that of the unchanged body; metrics, stance
and events are of each case's own ground reaction.
"""

import dataclasses
import functools
import json
from collections.abc import Collection, Iterator
from typing import Any

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float

from ..analysis.cases import CASE
from ..analysis.labels import attributes
from ..analysis.provenance import model_hash
from ..analysis.track_dataset import ROUNDED_FRICTION, WEIGHTS_ASSUMED, label_walk
from ..dynamics.inverse_dynamics import body_mass
from ..formats.trial import Trial
from ..interventions import CATALOGUE
from ..interventions.catalogue import painful_joints
from ..model.body import Model
from ..model.names import BadInput, suggest
from ..personalise.body_size import standing_height
from ..studies.metrics import available_metrics
from ..studies.walking import Mesh, Walking, WalkingRecord, WalkingSolver, walking
from ..studies.walking_continuation import WAYS, FoundWalk, is_solved, track_from, track_unchanged
from ..studies.walking_cost import weights
from ..studies.walking_metrics import walking_metrics
from .config import CheckedConfig, to_plain
from .inputs import load_body_and_motion, resolved
from .schema import ALWAYS_KEPT, ExperimentConfig
from .sweep import CaseTable, apply_interventions, case_table

_WEIGHTS = {
    "activation_weight": "activation",
    "excitation_weight": "excitation",
    "control_weight": "control",
    "acceleration_weight": "acceleration",
    "passive_weight": "passive",
    "exponent": "exponent",
}
"""Key of the study -> term of `walking_cost.weights`."""
_KNOWN_ANYWAY = (
    *("body_weight", "body_mass", "constraint_residual", "dual_residual"),
    "metric_limited_share",
)
"""Variables of which a case without a gait has numbers."""
_BYTES_PER_NUMBER = 8
NO_PAIN = (
    "The study `track` spares no painful joint: of interventions that hurt, only what they change "
    "in the body counts."
)


class TrackCases:
    """What a run of the study `track` computes: a `case_study.CaseStudy`.

    **Raises:** `BadInput` for whatever is wrong with the files, for a body that cannot walk, a
    reference that is no stride, `half` of unlike sides, and for a swept number that the body cannot
    take at the least and largest of its values.
    """

    emg = None
    body = None
    """A motion is not drawn as one picture."""

    def __init__(self, checked: CheckedConfig):
        self.config: ExperimentConfig = checked.config
        with jax.enable_x64(True):
            self.model, trial, self.files = load_body_and_motion(checked)
            self.table: CaseTable = case_table(checked.config, checked.folder)
            self._trial = _stride(trial, self.config)
            _check_metrics(self.config, self.model)
            self._how = self._walking()
        self._near: WalkingRecord | None = None

    def _walking(self) -> Walking:
        """How the unchanged body is asked to walk: half a stride if all cases may."""
        study, mesh = self.config.study, Mesh(self.config.study.intervals, self.config.study.rule)
        ask = lambda model, half: walking(model, self._trial, mesh=mesh, half=half)
        own = ask(self.model, study.half)
        self._tracking = own.weights.tracking
        half = own.half
        for values in (*self.table.corners, *_alone(self.table.values)):
            changed = self._case(own, values, 1.0)[0]
            half = half and ask(changed, study.half).half
        how = own if half == own.half else ask(self.model, half)
        return self._weighed(how, {})

    def single(self) -> xr.Dataset:
        """The result without a sweep."""
        with jax.enable_x64(True):
            return self._chosen(self._labelled(self._found(())), None)

    def batch(
        self, values: Float[np.ndarray, "case parameter"], only: Collection[str] | None = None
    ) -> xr.Dataset:
        """The results of some cases along `case`; `only` some variables, or all asked for."""
        with jax.enable_x64(True):
            rows = [tuple(row) for row in values.tolist()]
            make = lambda row: _with_own_report(self._labelled(self._found(row)))
            made = {row: self._chosen(make(row), only) for row in dict.fromkeys(rows)}
            found = xr.concat(
                [made[row].drop_vars("gait_pct") for row in rows],
                CASE,
                data_vars="all",
                coords="minimal",
                compat="override",
                join="exact",
                combine_attrs="override",
            )
            found = found.assign_coords(gait_pct=self._gait_percent)
        return found.assign_attrs(design=json.dumps(self.table.design))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the result must know about how it was asked for."""
        return (WEIGHTS_ASSUMED["track"], ROUNDED_FRICTION, *self._own_warnings)

    @property
    def _own_warnings(self) -> tuple[str, ...]:
        chosen = [(CATALOGUE[x.kind], x.model_dump()) for x in self.config.interventions.values()]
        return (NO_PAIN,) if any(painful_joints(self.model, chosen)) else ()

    @property
    def bytes_per_case(self) -> int:
        """About what the record of one case takes."""
        skeleton, muscles = self.model.skeleton, len(self.model.muscles.names)
        instants = self._how.intervals * (2 if self._how.half else 1) + 1
        of_muscles = muscles * (len(skeleton.coordinates.free) + 9)
        of_joints = 21 * len(skeleton.joint_names) + 6 * len(skeleton.coordinates.names)
        of_soles = 7 * len(self.model.contacts.names)
        return _BYTES_PER_NUMBER * instants * (of_muscles + of_joints + of_soles)

    # ------------------------------------------------------------------------------- cases

    @property
    def _unchanged(self) -> WalkingRecord:
        if self._near is None:
            self._near = track_unchanged(self.model, self._how, solver=self._solver)
        return self._near

    @property
    def _solver(self) -> WalkingSolver:
        return WalkingSolver(**self.config.solver.model_dump())

    def _found(self, values: tuple[float, ...]) -> FoundWalk:
        line = lambda share: self._case(self._how, values, share)
        return track_from(self._unchanged, line, solver=self._solver)

    def _case(self, how: Walking, values: Any, share: float) -> tuple[Model, Walking]:
        """The body and how it walks, `share` of the way from the unchanged one to a case."""
        if share == 0.0:
            return self.model, self._weighed(how, {})
        case = self._of_interventions | dict(zip(self.table.names, values, strict=True))
        between = {}
        for name, value in case.items():
            start = self._start(name)
            between[name] = value if share == 1.0 else start + share * (value - start)
        model = apply_interventions(self.model, self.config, between)
        return model, self._weighed(how, between)

    @property
    def _of_interventions(self) -> dict[str, float]:
        """Every number of the interventions as stated, by its name in a sweep."""
        return {
            f"{name}.{parameter.name}": getattr(chosen, parameter.name)
            for name, chosen in self.config.interventions.items()
            for parameter in CATALOGUE[chosen.kind].parameters
        }

    def _start(self, name: str) -> float:
        """The value of a number at the unchanged body."""
        part, _, own = name.partition(".")
        if part == "study":
            return getattr(self.config.study, own)
        if name == "model.mass_kg":
            return float(body_mass(self.model.skeleton))
        if name == "model.height_m":
            size = self.config.model
            return size.height_m or size.current_height_m or float(standing_height(self.model))
        parameters = CATALOGUE[self.config.interventions[part].kind].parameters
        return next(p.neutral for p in parameters if p.name == own)

    def _weighed(self, how: Walking, numbers: dict[str, Any]) -> Walking:
        """`how` with the weights of the study, where `numbers` do not say otherwise."""
        of_study = lambda key: numbers.get(f"study.{key}", getattr(self.config.study, key))
        terms = {term: of_study(key) for key, term in _WEIGHTS.items()}
        tracking = of_study("tracking_weight") * self._tracking
        return dataclasses.replace(how, weights=weights(tracking, **terms))

    # ------------------------------------------------------------------------------ labels

    def _labelled(self, found: FoundWalk) -> xr.Dataset:
        """The dataset of a case, NaN where it has no gait."""
        dataset = label_walk(
            found.record,
            found.model,
            self._how,
            config=to_plain(resolved(self.config, self.files)),
            notes=(*self._trial.notes, *self._own_warnings),
            citations=self._trial.citations,
        )
        way, jumped = np.int8(found.way), np.int8(found.other_basin)
        dataset["found_from"] = ((), way, _FOUND_FROM)
        dataset["other_basin"] = ((), jumped, _OTHER_BASIN)
        if not is_solved(found.record):
            lost = [
                name
                for name, one in dataset.data_vars.items()
                if one.dtype.kind == "f" and name not in _KNOWN_ANYWAY
            ]
            dataset = dataset.assign({name: dataset[name] * np.nan for name in lost})
        return dataset.assign_attrs(model_sha256=model_hash(self.model))

    def _chosen(self, dataset: xr.Dataset, only: Collection[str] | None) -> xr.Dataset:
        if only is None and self.config.outputs:
            only = {*self.config.outputs, *ALWAYS_KEPT["track"]}
        if only is not None:
            dataset = dataset.drop_vars([name for name in dataset.data_vars if name not in only])
        metrics = self.config.metrics
        return dataset.sel(metric=list(metrics)) if metrics else dataset

    @functools.cached_property
    def _gait_percent(self) -> xr.DataArray:
        percent = label_walk(self._unchanged, self.model, self._how)["gait_pct"]
        return percent.assign_attrs(comment="Of the unchanged body, in all cases of a sweep.")


_FOUND_FROM = attributes(
    "1",
    "Where the solve began that found this case",
    flag_values=np.arange(len(WAYS), dtype=np.int8),
    flag_meanings=" ".join(WAYS),
)
_OTHER_BASIN = attributes(
    "1",
    "1 where this gait may not be the one that the unchanged body's leads to",
    comment="It was found from the reference, or its cost changed by more or less than the slopes "
    "at both ends allow. 0 is no proof.",
)


def _with_own_report(dataset: xr.Dataset) -> xr.Dataset:
    """What the solver says as a variable, which each case of a sweep has of its own."""
    told = np.array(dataset.attrs.pop("solve_report"), object)
    return dataset.assign(solve_report=((), told, {"long_name": "What the solver says"}))


def _stride(trial: Trial, config: ExperimentConfig) -> Trial:
    """The trial with the window that the configuration names."""
    window = {}
    for key in ("start", "end"):
        asked = getattr(config.study, key)
        if asked is None:
            continue
        if not trial.time[0] <= asked <= trial.time[-1]:
            raise BadInput(
                f"`study.{key}` is {asked:g} s; the record goes from {trial.time[0]:g} to "
                f"{trial.time[-1]:g} s."
            )
        window[key] = asked
    return dataclasses.replace(trial, **window)


def _alone(values: Float[np.ndarray, "case parameter"]) -> Iterator[list[float]]:
    """The first case with one parameter at a time at its least and its largest value."""
    for column in range(values.shape[1]):
        for end in (values[:, column].min(), values[:, column].max()):
            row = values[0].tolist()
            row[column] = float(end)
            yield row


def _check_metrics(config: ExperimentConfig, model: Model) -> None:
    known = (*available_metrics(model.skeleton.joint_names), *walking_metrics(model))
    for name in config.metrics:
        if name not in known:
            raise BadInput(
                f"`metrics`: walking of '{model.name}' has no '{name}'. {suggest(name, known)}"
            )
