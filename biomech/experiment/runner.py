"""One configuration in, one folder of results out.

    configuration -> checked -> body and motion read, every case of the sweep tried on the body
                  -> study, case by case (one compiled programme) -> labelled dataset -> folder

Whatever can be wrong with the input is found before the first case is computed. A case with
instants that have no solution stays in the result: what the muscles did is NaN there, `status` says
why, and the exit code is 3.

The folder holds `results.nc` (the dataset), `peaks.csv`, `credibility.csv`, `figures/`, `notes.txt`
(what was assumed, how far to trust it, what to cite) and `config.resolved.yaml` (the configuration
with every default, and name and SHA-256 of every file; it can be run again).
"""

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from ruamel.yaml import YAML

from ..analysis.credibility import credibility, credibility_text
from ..analysis.inverse_dataset import FIXED_KINEMATICS, NO_LOADS
from ..analysis.labels import label_inverse, read_netcdf, write_netcdf
from ..formats.reference_gait import CAUTIONS
from ..formats.trial import Trial
from ..interventions import CATALOGUE
from ..model.body import Model
from ..studies.batch import inverse_cases
from ..studies.gait_events import gait_events
from ..studies.inverse import STATUS
from ..studies.metrics import solved
from ..studies.motion import near_end
from ..studies.static_optimization import equal_weights
from .compile_cache import use_compile_cache
from .config import CheckedConfig, load_config, to_plain
from .figures import write_figures
from .inputs import Inputs, load_inputs, reference_name
from .peaks import write_peaks
from .progress import progress_bar
from .run_folder import check_destination, run_folder
from .schema import ExperimentConfig
from .sweep import Case, apply_interventions, sweep_axes, sweep_cases, sweep_units

GOOD, BAD_INPUT, SOME_FAILED = 0, 2, 3
"""Exit codes."""

RESULTS_FILE = "results.nc"
ALWAYS_KEPT = (
    *("status", "body_weight", "body_mass"),
    *("metric_value", "metric_time"),
    *("metric_rival_peak", "metric_at_edge", "metric_limited_share", "strength_limited"),
    *("reserve_force", "residual_force", "moment_to_balance", "center_of_mass"),
    *("external_force", "ground_reaction_force", "center_of_pressure"),
)
"""Variables that every result has, whatever `outputs` asks for: small, and needed to judge it."""


@dataclasses.dataclass(frozen=True)
class RunResult:
    """A finished run.

    - `folder`: what it wrote. `dataset`: the results in it.
    - `exit_code`: 0, or 3 if some cases have instants without a solution.
    - `warnings`: what to know before believing it; among the dataset's notes too.
    """

    folder: Path
    dataset: Path
    exit_code: int
    warnings: tuple[str, ...] = ()

    def open(self) -> xr.Dataset:
        """The dataset, in memory."""
        return read_netcdf(self.dataset, max_bytes=None)


def run(
    config: str | os.PathLike[str] | Mapping[str, Any],
    *,
    out: str | os.PathLike[str] | None = None,
    overrides: Iterable[str] = (),
    progress: bool = True,
) -> RunResult:
    """Run a configuration: a file, the name of a shipped one, or a mapping.

    - `out`: the folder to make; `runs/<name>-<n>` by default. It must not exist.
    - `overrides`: `key.sub=value` texts, as of `--set`.
    - `progress`: show a progress bar if the output is a terminal.

    **Raises:** `BadInput` before anything is computed or written.
    """
    checked = load_config(config, overrides)
    check_destination(out)
    use_compile_cache()
    with jax.enable_x64(True):
        inputs = load_inputs(checked)
        cases = sweep_cases(checked.config)
        for case in cases:
            apply_interventions(inputs.model, checked.config, case)
        with run_folder(checked.config.name, out) as partial:
            with progress_bar(len(cases), progress) as advance:
                dataset, failed = compute(checked.config, inputs, cases, advance)
            write_run(partial.folder, dataset, checked, inputs)
    folder = partial.final
    assert folder is not None
    exit_code = SOME_FAILED if failed else GOOD
    told = warnings(checked.config, inputs.trial)
    return RunResult(folder, folder / RESULTS_FILE, exit_code, told)


# ------------------------------------------------------------------------------- computation


def compute(
    config: ExperimentConfig,
    inputs: Inputs,
    cases: tuple[Case, ...],
    advance: Callable[[bool], None] = lambda failed: None,
) -> tuple[xr.Dataset, int]:
    """The labelled dataset of every case, and how many cases have unsolved instants."""
    events = gait_events(inputs.trial) if inputs.trial.external_forces else None
    near = near_end(inputs.trial.time, np.asarray(inputs.motion.time), config.study.lowpass_hz)
    notes = dict.fromkeys((*inputs.notes, *warnings(config, inputs.trial)))  # each once
    asked = to_plain(resolved(config, inputs.files))
    label = lambda records, model, **sweep: label_inverse(
        records,
        model,
        events,
        near_end=near,
        config=asked,
        precision=config.precision,
        notes=tuple(notes),
        citations=inputs.trial.citations,
        **sweep,
    )
    body = lambda case: _in_precision(apply_interventions(inputs.model, config, case), config)
    base, records = body({}), _records(config, inputs, [body(case) for case in cases])
    parts, failures = [], 0
    for case, record in zip(cases, records, strict=True):
        failed = not bool(jnp.all(solved(record)))
        failures += failed
        if config.sweep:
            row = jax.tree.map(lambda x: x[None], record)
            columns = {"case": {key: [value] for key, value in case.items()}}
            part = label(row, base, sweep=columns, sweep_units=sweep_units(config))
        else:
            part = label(record, base)
        parts.append(_kept(part, config))
        advance(failed)
    return _as_grid(parts, sweep_axes(config)) if config.sweep else parts[0], failures


def _records(config: ExperimentConfig, inputs: Inputs, models: list[Model]):
    """The record of every case, in order."""
    study = config.study
    return inverse_cases(
        models,
        _in_precision(inputs.motion, config),
        equal_weights(models[0], study.exponent),
        passive_fiber_force=study.passive_fiber_force,
        opensim_pennation=study.opensim_pennation,
    )


def _kept(dataset: xr.Dataset, config: ExperimentConfig) -> xr.Dataset:
    """The variables and metrics asked for, and what every result has."""
    if config.metrics:
        dataset = dataset.sel(metric=list(config.metrics))
    if not config.outputs:
        return dataset
    asked = {*config.outputs, *ALWAYS_KEPT}
    return dataset[[name for name in dataset.data_vars if name in asked]]


def warnings(config: ExperimentConfig, trial: Trial) -> tuple[str, ...]:
    """What a reader of the result must know about how it was asked for."""
    told = () if trial.external_forces else (NO_LOADS,)
    told += CAUTIONS.get(reference_name(config) or "", ())
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


def _as_grid(parts: list[xr.Dataset], axes: Mapping[str, tuple[float, ...]]) -> xr.Dataset:
    """Labelled cases in a row, as a grid with one dimension per swept parameter."""
    row = xr.concat(
        parts,
        "case",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="override",
    )
    shape = tuple(len(values) for values in axes.values())
    variables = {
        name: ((*axes, *v.dims[1:]), v.values.reshape((*shape, *v.shape[1:])), v.attrs)
        for name, v in row.data_vars.items()
        if "case" in v.dims
    }
    swept = {key: (key, np.array(values), row[key].attrs) for key, values in axes.items()}
    grid = row.drop_dims("case").assign(variables).assign_coords(swept)
    return grid[list(row.data_vars)]


# ------------------------------------------------------------------------------------- files


def resolved(config: ExperimentConfig, files: Mapping[str, str]) -> ExperimentConfig:
    """The configuration with file names instead of paths, and the SHA-256 of every file."""
    bare = lambda name: None if name is None else Path(name).name
    trial, model = config.trial, config.model
    keys = ("coordinates", "external_loads", "emg")
    return config.model_copy(
        update={
            "data_folder": None,
            "model": model.model_copy(update={"path": bare(model.path)}),
            "trial": trial.model_copy(update={key: bare(getattr(trial, key)) for key in keys}),
            "files": dict(files),
        }
    )


def write_run(folder: Path, dataset: xr.Dataset, checked: CheckedConfig, inputs: Inputs) -> None:
    """Every file of a run."""
    write_netcdf(dataset, folder / RESULTS_FILE)
    write_peaks(dataset, folder / "peaks.csv")
    credibility(dataset).to_csv(folder / "credibility.csv", index=False, lineterminator="\n")
    _write_config(folder / "config.resolved.yaml", resolved(checked.config, inputs.files))
    missing = write_figures(
        dataset, folder / "figures", inputs.trial.emg, checked.config.trial.emg_side
    )
    (folder / "notes.txt").write_text(_notes(dataset, missing), encoding="utf-8")


def _write_config(path: Path, config: ExperimentConfig) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 10_000
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("# What was run, every default written out. To run it again:\n")
        file.write("#   biomech run config.resolved.yaml --set data_folder=FOLDER_OF_THE_FILES\n")
        yaml.dump(to_plain(config), file)


def _notes(dataset: xr.Dataset, missing: tuple[str, ...]) -> str:
    """What was assumed, what failed, and what to cite."""
    status = dataset["status"].values
    counts = [
        f"{meaning}: {int((status == code).sum())} of {status.size} instants"
        for code, meaning in enumerate(STATUS)
        if (status == code).any()
    ]
    parts = {
        "Solution": counts,
        "How far to trust it": credibility_text(dataset).splitlines(),
        "Notes": [*dataset.attrs["notes"].splitlines(), *missing],
        "Cite": dataset.attrs["citations"].splitlines(),
    }
    block = lambda title, lines: "\n".join((title, *(f"  {line}" for line in lines)))
    return "\n\n".join(block(*part) for part in parts.items() if part[1]) + "\n"
