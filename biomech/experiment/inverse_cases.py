"""Cases of the study `inverse`: values of the swept parameters in, labelled results out."""

import functools
import json
from collections.abc import Callable, Collection
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Float

from ..analysis.cases import CASE
from ..analysis.inverse_dataset import FIXED_KINEMATICS, NO_LOADS
from ..analysis.labels import label_inverse
from ..compilation import compiled
from ..dynamics.inverse_dynamics import body_mass
from ..formats.reference_gait import CAUTIONS
from ..formats.storage import Storage
from ..formats.trial import Trial
from ..interventions import CATALOGUE
from ..model.body import Model
from ..model.names import BadInput
from ..personalise.body_size import SIZE
from ..studies.batch import inverse_batch
from ..studies.gait_events import gait_events
from ..studies.inverse import MeasuredMotion, inverse
from ..studies.motion import near_end
from ..studies.static_optimization import SolverSettings, equal_weights
from .config import CheckedConfig, to_plain
from .inputs import Inputs, find_files, load_inputs, motion_for, reference_name, resolved
from .schema import ALWAYS_KEPT, ExperimentConfig, InverseStudy
from .sweep import CaseTable, apply_interventions, case_table


class InverseCases:
    """What a run of the study `inverse` computes: a `case_study.CaseStudy`.

    - `inputs`: what was read.

    **Raises:** `BadInput` for whatever is wrong with the files, and for a swept number that the
    body or the study cannot take at the least and largest of its values.
    """

    def __init__(self, checked: CheckedConfig):
        self.config = checked.config
        find_files(checked)
        self.table: CaseTable = case_table(checked.config, checked.folder)
        self._of_study, corners = self.table.of_study, self.table.corners
        with jax.enable_x64(True):
            # The slowest filter reaches furthest from the ends: the notes speak of it.
            self.inputs: Inputs = load_inputs(checked, self._study_of(corners[0]))
            for corner in corners:
                self._changed(self.inputs.model, corner)
                self._motion_for(self._study_of(corner))
            self._events = (
                gait_events(self.inputs.trial) if self.inputs.trial.external_forces else None
            )
            self._model = _in_precision(self.inputs.model, self.config)
            self._weights = equal_weights(self._model, self.config.study.exponent)

    def _study_of(self, values: Any) -> InverseStudy:
        """The study of a case, whose own numbers are among `values`."""
        own = {name: float(values[column]) for name, column in self._of_study.items()}
        return self.config.study.model_copy(update=own)

    def _motion_for(self, study: InverseStudy) -> tuple[MeasuredMotion, np.ndarray]:
        """The motion, and which of its instants are too near an end of the record."""
        motion, trial = self.inputs.motion, self.inputs.trial
        if self._of_study:
            try:
                motion, _ = motion_for(study, self.config, self.inputs.model, trial)
            except BadInput as error:
                swept = ", ".join(f"`sweep.study.{name}`" for name in self._of_study)
                raise BadInput(f"{swept}: {error}") from error
        near = near_end(trial.time, np.asarray(motion.time), study.lowpass_hz)
        return _in_precision(motion, self.config), near

    def _motions(self, values: Any) -> tuple[MeasuredMotion, np.ndarray]:
        """`_motion_for` of all cases; with a leading case axis where they move differently."""
        if not self._of_study:
            return self._motion
        studies = [self._study_of(row) for row in values]
        made = {study: self._motion_for(study) for study in dict.fromkeys(studies)}
        motions, near = zip(*(made[study] for study in studies), strict=True)
        return jax.tree.map(lambda *cases: jnp.stack(cases), *motions), np.stack(near)

    @functools.cached_property
    def _motion(self) -> tuple[MeasuredMotion, np.ndarray]:
        return self._motion_for(self.config.study)

    def _changed(self, model: Any, values: Any) -> Any:
        return apply_interventions(model, self.config, dict(zip(self.table.names, values)))

    @property
    def bytes_per_case(self) -> int:
        """About what the record of one case takes: geometry and force of muscles, joint loads."""
        skeleton, muscles = self._model.skeleton, len(self._model.muscles.names)
        instants = self.inputs.motion.time.size
        of_muscles = muscles * (len(skeleton.coordinates.free) + 8)
        of_joints = 21 * len(skeleton.joint_names) + 6 * len(skeleton.coordinates.names)
        return 8 * instants * (of_muscles + of_joints)

    def single(self) -> xr.Dataset:
        """The result without a sweep."""
        with jax.enable_x64(True):
            model = self._changed(self._model, ())
            motion, near = self._motion
            record = inverse(model, motion, self._weights, **self._options)
            return self._labelled(record, near)

    def batch(
        self,
        values: Float[np.ndarray, "case parameter"],
        only: Collection[str] | None = None,
    ) -> xr.Dataset:
        """The results of some cases along `case`; `only` some variables, or all asked for."""
        with jax.enable_x64(True):
            motion, near = self._motions(values)
            numbers = jnp.asarray(values, motion.time.dtype)
            records = inverse_batch(
                *(self._model, motion, self._changed, numbers, self._weights),
                **self._options,
            )
            swept = {"sweep": {CASE: self.table.columns(values)}, "sweep_units": self.table.units}
            if any(f"model.{name}" in self.table.names for name in SIZE):
                swept["body_mass"] = _masses(self._model, self._changed, numbers)
            found = self._labelled(records, near, only, **swept)
        found = found.drop_vars([CASE, *self.table.names], errors="ignore")
        return found.assign_attrs(design=json.dumps(self.table.design))

    body = None
    """A motion is not drawn as one picture."""

    @property
    def model(self) -> Model:
        """The unchanged body."""
        return self.inputs.model

    @property
    def files(self) -> dict[str, str]:
        return self.inputs.files

    @property
    def emg(self) -> tuple[Storage, str] | None:
        emg, trial = self.inputs.trial.emg, self.config.trial
        return None if emg is None or trial is None else (emg, trial.emg_side)

    @property
    def _options(self) -> dict[str, Any]:
        study, solver = self.config.study, self.config.solver
        return {
            "passive_fiber_force": study.passive_fiber_force,
            "opensim_pennation": study.opensim_pennation,
            "solver": SolverSettings(**solver.model_dump()),
        }

    def _labelled(
        self,
        record: Any,
        near: np.ndarray,
        only: Collection[str] | None = None,
        **sweep: Any,
    ) -> xr.Dataset:
        if only is None and self.config.outputs:
            only = {*self.config.outputs, *ALWAYS_KEPT["inverse"]}
        notes = dict.fromkeys((*self.inputs.notes, *self.warnings))  # each once
        dataset = label_inverse(
            record,
            self._model,
            self._events,
            near_end=near,
            config=to_plain(resolved(self.config, self.inputs.files)),
            precision=self.config.precision,
            notes=tuple(notes),
            citations=self.inputs.trial.citations,
            only=only,
            **sweep,
        )
        metrics = self.config.metrics
        return dataset.sel(metric=list(metrics)) if metrics else dataset

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the result must know about how it was asked for."""
        return warnings_about(self.config, self.inputs.trial, self.table.names)


@compiled
def _masses(model: Model, change: Callable[[Model, Any], Model], values: Any) -> Any:
    """Of the body of every case [kg]."""
    return jax.vmap(lambda own: body_mass(change(model, own).skeleton))(values)


def warnings_about(
    config: ExperimentConfig, trial: Trial, varied: Collection[str] = ()
) -> tuple[str, ...]:
    """What the way of asking does to the answer; `varied` are the parameters of a sweep."""
    told = () if trial.external_forces else (NO_LOADS,)
    told += CAUTIONS.get(reference_name(config) or "", ())
    sized = [
        f"model.{name}"
        for name in SIZE
        if getattr(config.model, name) is not None or f"model.{name}" in varied
    ]
    if sized:
        told += (
            f"The body is scaled ({', '.join(sized)}); the motion and its external loads are as "
            "recorded. Judge by the residuals whether they are those of a body of this size.",
        )
    moving = [
        f"{name} ({chosen.kind})"
        for name, chosen in config.interventions.items()
        if CATALOGUE[chosen.kind].needs_motion
    ]
    if not moving:
        return told
    return (
        *told,
        f"{FIXED_KINEMATICS}: {', '.join(moving)} would change the movement, which was held as "
        "measured. The loads are those of a movement that this body would not make.",
    )


def _in_precision(tree: Any, config: ExperimentConfig) -> Any:
    """Every floating-point array in the precision asked for; files are read in double."""
    if config.precision == "float64":
        return tree
    narrow = lambda x: x.astype(jnp.float32) if eqx.is_inexact_array(x) else x
    return jax.tree.map(narrow, tree)
