"""Cases of the study `stand`: values of the swept parameters in, labelled results out.

A run without a sweep is solved as a case of a sweep is: near the answer of the unchanged body on
level ground with the usual weight of habit. So both give the same numbers. The habit is that of the
unchanged body in every case.
"""

import dataclasses
import json
from collections.abc import Collection
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Float

from ..analysis.cases import CASE
from ..analysis.stand_dataset import POSTURE_WEIGHT_ASSUMED, label_standing, require_list
from ..dynamics.slope import on_slope
from ..interventions import CATALOGUE
from ..interventions.catalogue import painful_joints
from ..model.body import Model
from ..model.names import BadInput, UnknownName, suggest
from ..solvers.interior_point import WarmStart
from ..studies.stand import Standing, StandingRecord, StandingSolver, standing
from ..studies.stand_batch import stand_batch
from ..studies.standing_metrics import standing_metrics
from .config import CheckedConfig, to_plain
from .inputs import load_body, resolved
from .schema import ALWAYS_KEPT, ExperimentConfig
from .sweep import CaseTable, apply_interventions, case_table

_SLOPE = ("uphill_deg", "right_side_up_deg")
_BYTES_PER_NUMBER = 8


class StandCases:
    """What a run of the study `stand` computes: a `case_study.CaseStudy`.

    **Raises:** `BadInput` for whatever is wrong with the files, for a body that cannot stand, and
    for a swept number that the body cannot take at the least and largest of its values.
    """

    emg = None

    def __init__(self, checked: CheckedConfig):
        self.config: ExperimentConfig = checked.config
        self.model, self.files = load_body(checked)
        self.table: CaseTable = case_table(checked.config, checked.folder)
        self._near: WarmStart | None = None
        with jax.enable_x64(True):
            _check_metrics(self.config, self.model)
            self._standing = _standing(self.config, self.model)
            if self.config.study.right_side_up_deg or "right_side_up_deg" in self.table.of_study:
                require_list(self.model)
            for corner in self.table.corners:
                self._case(self.model, self._standing, corner)

    def single(self) -> xr.Dataset:
        """The result without a sweep."""
        with jax.enable_x64(True):
            found = self._solved(np.zeros((1, 0)))
            first = lambda x: x[0]
            record = jax.tree.map(first, found.record)
            return self._labelled(
                record, None, metrics=first(found.metrics), body_mass=first(found.body_mass)
            )

    def batch(
        self, values: Float[np.ndarray, "case parameter"], only: Collection[str] | None = None
    ) -> xr.Dataset:
        """The results of some cases along `case`; `only` some variables, or all asked for."""
        with jax.enable_x64(True):
            found = self._solved(values)
            dataset = self._labelled(
                found.record,
                only,
                metrics=found.metrics,
                body_mass=found.body_mass,
                sweep={CASE: self.table.columns(values)},
                sweep_units=self.table.units,
            )
        dataset = dataset.drop_vars([CASE, *self.table.names], errors="ignore")
        return dataset.assign_attrs(design=json.dumps(self.table.design))

    @property
    def body(self) -> Model | None:
        """The body of a run without a sweep, to draw; None of a sweep."""
        if self.table.names:
            return None
        with jax.enable_x64(True):
            return self._case(self.model, self._standing, ())[0]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the result must know about how it was asked for."""
        return (POSTURE_WEIGHT_ASSUMED,)

    @property
    def bytes_per_case(self) -> int:
        """About what the record of one case takes."""
        skeleton, muscles = self.model.skeleton, len(self.model.muscles.names)
        of_muscles = muscles * (len(skeleton.coordinates.free) + 5)
        of_joints = 24 * len(skeleton.joint_names) + 3 * len(skeleton.coordinates.names)
        return _BYTES_PER_NUMBER * (of_muscles + of_joints + 10 * len(self.model.contacts.names))

    def _solved(self, values):
        found = stand_batch(
            *(self.model, self._standing, self._case, jnp.asarray(values, float)),
            self._near,
            solver=StandingSolver(**self.config.solver.model_dump()),
        )
        self._near = found.near
        return found

    def _case(self, model: Model, how: Standing, values: Any) -> tuple[Model, Standing]:
        """The body and how it stands, with the values of everything that varies."""
        numbers = dict(zip(self.table.names, values))
        of_study = lambda name: numbers.get(f"study.{name}", getattr(self.config.study, name))
        model = apply_interventions(model, self.config, numbers)
        slope = {name: of_study(name) for name in _SLOPE}
        if not all(isinstance(angle, float) and angle == 0.0 for angle in slope.values()):
            model = on_slope(model, **slope)
        weight = jnp.asarray(of_study("posture_weight"), how.weight.dtype)
        return model, dataclasses.replace(how, weight=weight)

    def _labelled(
        self, record: StandingRecord, only: Collection[str] | None, **more: Any
    ) -> xr.Dataset:
        if only is None and self.config.outputs:
            only = {*self.config.outputs, *ALWAYS_KEPT["stand"]}
        dataset = label_standing(
            record,
            self.model,
            self._standing,
            config=to_plain(resolved(self.config, self.files)),
            only=only,
            **more,
        )
        metrics = self.config.metrics
        return dataset.sel(metric=list(metrics)) if metrics else dataset


def _standing(config: ExperimentConfig, model: Model) -> Standing:
    """How the body is asked to stand, but for the numbers of the study that a sweep may vary."""
    study = config.study
    chosen = [(CATALOGUE[x.kind], x.model_dump()) for x in config.interventions.values()]
    try:
        return standing(
            model,
            study.support,
            held=study.held,
            exponent=study.exponent,
            painful=painful_joints(model, chosen),
        )
    except UnknownName as error:
        raise BadInput(f"`study.held`: {error}") from error


def _check_metrics(config: ExperimentConfig, model: Model) -> None:
    known = tuple(standing_metrics(model))
    for name in config.metrics:
        if name not in known:
            raise BadInput(
                f"`metrics`: standing of '{model.name}' has no '{name}'. {suggest(name, known)}"
            )
