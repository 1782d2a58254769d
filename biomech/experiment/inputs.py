"""The body, and the motion if there is one, that a configuration names: read once, checked before
anything runs."""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..analysis.emg import check_emg
from ..formats.files import as_path, files_in
from ..formats.trial import Trial, load_trial
from ..model.body import Model
from ..model.edits import lock, weld, with_activation_bounds, with_reserves
from ..model.names import BadInput, find, near_miss
from ..personalise.load import load_model
from ..studies.inverse import MeasuredMotion
from ..studies.metrics import available_metrics
from ..studies.prepare import ensure_actuated, measured_motion
from .config import CheckedConfig
from .schema import CohortDesign, ExperimentConfig, InverseStudy

_FILE_KEYS = (
    *("model.path", "trial.coordinates", "trial.external_loads", "trial.emg"),
    "design.path",  # of a cohort
)


@dataclasses.dataclass(frozen=True, eq=False)
class Inputs:
    """What the study runs on.

    - `model`: after `model_edits`, every free coordinate actuated; before interventions.
    - `motion`: at the instants to analyse. `notes`: what was assumed on the way.
    - `files`: SHA-256 of every file read, by its name.
    """

    model: Model
    trial: Trial
    motion: MeasuredMotion
    notes: tuple[str, ...]
    files: dict[str, str]


def load_body(checked: CheckedConfig) -> tuple[Model, dict[str, str]]:
    """The body after `model_edits` and before interventions, and the SHA-256 of every file by name.

    Of a study with a motion every free coordinate is actuated.

    **Raises:** `BadInput` for a missing or changed file, and for whatever the readers refuse.
    """
    files = find_files(checked)
    model = edited(_load_body(checked.config, files), checked.config)
    hashes = {path.name: _sha256(path) for path in files.values()}
    _check_hashes(checked, hashes)
    return model, hashes


def load_body_and_motion(checked: CheckedConfig) -> tuple[Model, Trial, dict[str, str]]:
    """`load_body` and the motion.

    **Raises:** `BadInput` for a missing or changed file (with where to get it), and for whatever
    the readers refuse.
    """
    config = checked.config
    files = find_files(checked)
    model = edited(_load_body(config, files), config)
    trial = _load_motion(config, files, model)
    hashes = {path.name: _sha256(path) for path in files.values()} | dict(trial.source)
    _check_hashes(checked, hashes)
    return model, trial, hashes


def load_inputs(checked: CheckedConfig, study: InverseStudy | None = None) -> Inputs:
    """Read the files of a configuration; `study` has other options than the configuration.

    **Raises:** as `load_body_and_motion`.
    """
    config = checked.config
    model, trial, hashes = load_body_and_motion(checked)
    _check_metrics(config, model)
    motion, notes = motion_for(study or config.study, config, model, trial)
    if trial.emg is not None and config.trial is not None:
        time, side = np.asarray(motion.time), config.trial.emg_side
        notes += check_emg(trial.emg, model.muscles.names, side, time)
    return Inputs(model, trial, motion, (*trial.notes, *notes), hashes)


def motion_for(
    study: InverseStudy, config: ExperimentConfig, model: Model, trial: Trial
) -> tuple[MeasuredMotion, tuple[str, ...]]:
    """The motion that a study looks at, and notes; `model` as of `Inputs`."""
    return measured_motion(
        model,
        trial,
        start=study.start,
        end=study.end,
        rate_hz=study.rate_hz,
        lowpass_hz=study.lowpass_hz,
        values=config.model_edits.value,
    )


def find_files(checked: CheckedConfig) -> dict[str, Path]:
    """Path of every file the configuration names, by its key; all of them exist."""
    paths, missing = {}, []
    for key in _FILE_KEYS:
        part, _, field = key.partition(".")
        name = getattr(getattr(checked.config, part), field, None)
        if name is None:
            continue
        paths[key] = as_path(checked.folder / name, key)
        if not paths[key].is_file():
            missing.append(f"`{key}`: {name}{_remark(paths[key])}")
    if not missing:
        return paths
    source, folder = checked.source, checked.folder
    none = f"{source}: there is no file for {'; '.join(missing)}"
    if len(missing) < len(paths):
        raise BadInput(f"{none} in the folder {folder}. Correct the name, or put the file there.")
    where = checked.config.data_source.strip()
    raise BadInput(
        f"{none} in the folder {folder}{'' if folder.is_dir() else ', which does not exist'}. Set "
        "`data_folder` to where the files lie (--set data_folder=FOLDER)"
        f"{', or get them: ' + where if where else '.'}"
    )


def _remark(path: Path) -> str:
    """What stands in the place of a missing file, in brackets; nothing if nothing does."""
    remark = "a folder" if path.is_dir() else near_miss(path.name, files_in(path.parent))
    return f" ({remark})" if remark else ""


def edited(model: Model, config: ExperimentConfig) -> Model:
    """The model after `model_edits`; for a given motion every free coordinate has an actuator."""
    edits = config.model_edits
    try:
        for name, value in edits.weld.items():
            model = weld(model, name, value)
        for name, value in edits.lock.items():
            model = lock(model, name, value)
        for name in edits.value:
            find("coordinate", name, model.skeleton.coordinates.names)
        model = with_reserves(model, edits.reserves)
        model = with_reserves(model, edits.residuals, kind="residual")
        if edits.activation_bounds is not None:
            model = with_activation_bounds(model, *edits.activation_bounds)
    except BadInput as error:
        raise BadInput(f"`model_edits`: {error}") from error
    return ensure_actuated(model) if config.study.kind == "inverse" else model


def _load_body(config: ExperimentConfig, files: dict[str, Path]) -> Model:
    body = config.model
    return load_model(
        body.name or files["model.path"],
        height_m=body.height_m,
        mass_kg=body.mass_kg,
        current_height_m=body.current_height_m,
        precision=config.precision,
    )


def _load_motion(config: ExperimentConfig, files: dict[str, Path], model: Model) -> Trial:
    trial = config.trial
    assert trial is not None, "the schema asks for it"
    if trial.reference is not None:
        from ..formats.reference_gait import reference_gait

        name = reference_name(config)
        if name is None:
            raise BadInput(
                "`trial.reference`: a model from a file has no default gait. Name a built-in one, "
                "or give files."
            )
        return reference_gait(name)
    columns = trial.in_degrees_columns
    return load_trial(
        files["trial.coordinates"],
        files.get("trial.external_loads"),
        model=model,
        in_degrees_columns="all" if columns == ("all",) else columns,
        emg=files.get("trial.emg"),
        precision=config.precision,
    )


def reference_name(config: ExperimentConfig) -> str | None:
    """Name of the built-in gait asked for; None for files and for a model that has none."""
    reference = config.trial.reference if config.trial else None
    return config.model.name if reference == "default" else reference


def _check_metrics(config: ExperimentConfig, model: Model) -> None:
    available = available_metrics(model.skeleton.joint_names)
    for name in config.metrics:
        if name not in available:
            raise BadInput(f"`metrics`: '{name}' needs a joint that '{model.name}' does not have.")


def _check_hashes(checked: CheckedConfig, hashes: dict[str, str]) -> None:
    for name, wanted in checked.config.files.items():
        if hashes.get(name, wanted) != wanted:
            raise BadInput(
                f"{checked.source}: the file {name} is not the one this configuration was run "
                f"with (SHA-256 {hashes[name][:12]}..., not {wanted[:12]}...). Get the original, "
                "or take `files` out to use this one."
            )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def resolved(config: ExperimentConfig, files: Mapping[str, str]) -> ExperimentConfig:
    """The configuration with file names instead of paths, and the SHA-256 of every file."""
    bare = lambda name: None if name is None else Path(name).name
    trial, model, design = config.trial, config.model, config.design
    if trial is not None:
        keys = ("coordinates", "external_loads", "emg")
        trial = trial.model_copy(update={key: bare(getattr(trial, key)) for key in keys})
    if isinstance(design, CohortDesign):
        design = design.model_copy(update={"path": bare(design.path)})
    return config.model_copy(
        update={
            "data_folder": None,
            "model": model.model_copy(update={"path": bare(model.path)}),
            "trial": trial,
            "design": design,
            "files": dict(files),
        }
    )
