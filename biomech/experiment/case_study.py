"""A configuration with its files read: values of the swept parameters in, labelled results out."""

import json
from collections.abc import Collection
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
from ..formats.reference_gait import CAUTIONS
from ..formats.trial import Trial
from ..interventions import CATALOGUE
from ..personalise.body_size import SIZE
from ..studies.batch import inverse_batch
from ..studies.gait_events import gait_events
from ..studies.inverse import inverse
from ..studies.motion import near_end
from ..studies.static_optimization import equal_weights
from .config import CheckedConfig, to_plain
from .inputs import Inputs, find_files, load_inputs, reference_name, resolved
from .schema import ALWAYS_KEPT, ExperimentConfig
from .sweep import CaseTable, apply_interventions, case_table


class CaseStudy:
    """What a run computes, in any number of batches.

    - `config`, `inputs`: what was asked for, and what was read.
    - `table`: every case.

    **Raises:** `BadInput` for whatever is wrong with the files, and for an intervention that the
    body cannot take at the least and largest of its values.
    """

    def __init__(self, checked: CheckedConfig):
        self.config = checked.config
        find_files(checked)
        self.table: CaseTable = case_table(checked.config, checked.folder)
        with jax.enable_x64(True):
            self.inputs: Inputs = load_inputs(checked)
            self._try_corners()
            self._events = (
                gait_events(self.inputs.trial) if self.inputs.trial.external_forces else None
            )
            self._near_end = near_end(
                self.inputs.trial.time,
                np.asarray(self.inputs.motion.time),
                self.config.study.lowpass_hz,
            )
            self._model = _in_precision(self.inputs.model, self.config)
            self._motion = _in_precision(self.inputs.motion, self.config)
            self._weights = equal_weights(self._model, self.config.study.exponent)

    def _try_corners(self) -> None:
        """Every intervention with the least, then with the largest value of each parameter."""
        values = self.table.values
        for corner in (values.min(axis=0), values.max(axis=0)) if values.size else ():
            self._changed(self.inputs.model, corner.tolist())
        if not self.table.names:
            self._changed(self.inputs.model, ())

    def _changed(self, model: Any, values: Any) -> Any:
        return apply_interventions(model, self.config, dict(zip(self.table.names, values)))

    @property
    def bytes_per_case(self) -> int:
        """About what the record of one case takes: geometry and force of muscles, joint loads."""
        skeleton, muscles = self._model.skeleton, len(self._model.muscles.names)
        of_muscles = muscles * (len(skeleton.coordinates.free) + 8)
        of_joints = 21 * len(skeleton.joint_names) + 6 * len(skeleton.coordinates.names)
        return 8 * self._motion.time.size * (of_muscles + of_joints)

    def single(self) -> xr.Dataset:
        """The result without a sweep."""
        with jax.enable_x64(True):
            model = self._changed(self._model, ())
            record = inverse(model, self._motion, self._weights, **self._options)
            return self._labelled(record)

    def batch(
        self,
        values: Float[np.ndarray, "case parameter"],
        only: Collection[str] | None = None,
    ) -> xr.Dataset:
        """The results of some cases along `case`; `only` some variables, or all asked for."""
        with jax.enable_x64(True):
            numbers = jnp.asarray(values, self._motion.time.dtype)
            records = inverse_batch(
                *(self._model, self._motion, self._changed, numbers, self._weights),
                **self._options,
            )
            columns = dict(zip(self.table.names, values.T.tolist(), strict=True))
            units = self.table.units
            found = self._labelled(records, only, sweep={CASE: columns}, sweep_units=units)
        found = found.drop_vars([CASE, *self.table.names], errors="ignore")
        return found.assign_attrs(design=json.dumps(self.table.design))

    @property
    def coordinates(self) -> dict[str, xr.Variable]:
        """The value of every parameter in each case, and the cases' names if they have any."""
        table = self.table
        found = {
            name: xr.Variable((CASE,), values, {"units": table.units[name], "long_name": name})
            for name, values in zip(table.names, table.values.T, strict=True)
        }
        if table.labels is not None:
            names = np.array(table.labels, dtype=object)
            found[CASE] = xr.Variable((CASE,), names, {"long_name": "Case of the cohort"})
        return found

    @property
    def _options(self) -> dict[str, bool]:
        study = self.config.study
        return {
            "passive_fiber_force": study.passive_fiber_force,
            "opensim_pennation": study.opensim_pennation,
        }

    def _labelled(
        self, record: Any, only: Collection[str] | None = None, **sweep: Any
    ) -> xr.Dataset:
        if only is None and self.config.outputs:
            only = {*self.config.outputs, *ALWAYS_KEPT}
        notes = dict.fromkeys((*self.inputs.notes, *self.warnings))  # each once
        dataset = label_inverse(
            record,
            self._model,
            self._events,
            near_end=self._near_end,
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
