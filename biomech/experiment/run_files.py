"""What a run folder holds beside its numbers, written when they are there.

peaks.csv               every named metric of every case; metrics.csv of a body at rest
credibility.csv         residuals and reserves, or the balance, beside their limits
figures/                PNG and PDF
notes.txt               what was assumed, how far to trust it, what to cite
config.resolved.yaml    the configuration with every default, and name and SHA-256 of every
                        file; it can be run again
results.nc              the dataset of a run without a sweep
"""

from pathlib import Path

import pandas as pd
import xarray as xr
from ruamel.yaml import YAML

from ..analysis.cases import has_instants, statuses
from ..analysis.credibility import credibility, credibility_text
from ..analysis.labels import write_netcdf
from .case_study import CaseStudy
from .config import to_plain
from .figures import write_figures
from .inputs import resolved
from .metric_table import table_name, write_metrics
from .open_run import RESULTS_FILE
from .schema import ExperimentConfig

CREDIBILITY_FILE = "credibility.csv"
REPORT_FILE = "report.html"
"""Made on demand from the results, so it may be replaced."""
_SMALL = 32 * 2**20  # [bytes]


def write_files(folder: Path, dataset: xr.Dataset, study: CaseStudy) -> None:
    """Every file; those of an earlier attempt are replaced."""
    dataset = _with_small_in_memory(dataset)
    if not study.table.names:
        write_netcdf(dataset, folder / RESULTS_FILE)
    write_metrics(dataset, folder / table_name(dataset))
    table = credibility(dataset)
    table.to_csv(folder / CREDIBILITY_FILE, index=False, lineterminator="\n")
    _write_config(folder / "config.resolved.yaml", resolved(study.config, study.files))
    emg, side = study.emg or (None, "r")
    missing = write_figures(dataset, folder / "figures", emg, side, body=study.body)
    text = _notes(dataset, table, missing)
    (folder / "notes.txt").write_text(text, encoding="utf-8")


def _with_small_in_memory(dataset: xr.Dataset) -> xr.Dataset:
    """What every table and figure asks for is read from disk once, not each time anew."""
    small = {name: one for name, one in dataset.data_vars.items() if one.nbytes <= _SMALL}
    return dataset.assign({name: one.copy(data=one.values) for name, one in small.items()})


def _write_config(path: Path, config: ExperimentConfig) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 10_000
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("# What was run, every default written out. To run it again:\n")
        file.write("#   biomech run config.resolved.yaml --set data_folder=FOLDER_OF_THE_FILES\n")
        yaml.dump(to_plain(config), file)


def _notes(dataset: xr.Dataset, table: pd.DataFrame, missing: tuple[str, ...]) -> str:
    """What was assumed, what failed, and what to cite."""
    status, what = dataset["status"].values, "instants" if has_instants(dataset) else "cases"
    counts = [
        f"{meaning}: {int((status == code).sum())} of {status.size} {what}"
        for code, meaning in enumerate(statuses(dataset))
        if (status == code).any()
    ]
    parts = {
        "Solution": counts,
        "How far to trust it": credibility_text(table).splitlines(),
        "Notes": [*dataset.attrs["notes"].splitlines(), *missing],
        "Cite": dataset.attrs["citations"].splitlines(),
    }
    block = lambda title, lines: "\n".join((title, *(f"  {line}" for line in lines)))
    return "\n\n".join(block(*part) for part in parts.items() if part[1]) + "\n"
