"""The command line, `biomech`.

Exit codes: 0 good, 2 the input cannot be used (said in red, without a traceback), 3 the run
finished but some cases failed, 130 interrupted. Each command imports what it needs when it runs, so
that `biomech --help` is quick.
"""

import json
import os
import sys
import textwrap
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .model.names import BadInput, legible, suggest

BAD_INPUT, INTERRUPTED = 2, 130
_MOST_TEXT = 1_000_000  # bytes of a text that a report shows


class _Commands(TyperGroup):
    """Bad input is the user's to mend: one paragraph and exit code 2. Anything else is our bug."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning
                return super().invoke(ctx)
        except BadInput as error:
            _error(str(error))
            raise typer.Exit(BAD_INPUT) from error
        except KeyboardInterrupt as interruption:
            _error(str(interruption) or "Interrupted before anything was kept: begin again.")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="biomech",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Change a walking human model and see, with units, what reaches its joints. "
    "For research and education; not a medical device.",
)


def main() -> None:
    """Entry point of the command `biomech`."""
    app()


def _version(wanted: bool) -> bool:
    if wanted:
        from . import __version__

        typer.echo(f"biomech {__version__}")
        raise typer.Exit()
    return wanted


@app.callback()
def _all_commands(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    # Double precision before anything is computed: an array made in single precision stays so.
    if "jax" in sys.modules:
        from .precision import use_float64

        use_float64()
    else:
        os.environ["JAX_ENABLE_X64"] = "1"


@app.command()
def run(
    config: Annotated[str, typer.Argument(help="A .yaml file, or the name of a shipped one.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one key, e.g. study.rate_hz=50."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to make for the results; runs/<name>-<n> without it."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the sweep in --out, or begin it.")
    ] = False,
    executor: Annotated[
        str | None,
        typer.Option(help="Who computes a sweep: auto, serial, processes or dask."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="How many processes; one per core without it.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Of dask: local, slurm or tls://HOST:PORT.")
    ] = None,
) -> None:
    """Run a configuration and write a folder of results."""
    from .experiment.runner import run as run_configuration

    asked = {"executor": executor, "workers": workers, "cluster": cluster}
    overrides = [f"execution.{key}={value}" for key, value in asked.items() if value is not None]
    result = run_configuration(
        config, out=out, resume=resume, overrides=[*(set_ or ()), *overrides]
    )
    _print_result(result)
    raise typer.Exit(result.exit_code)


@app.command()
def configs(
    action: Annotated[
        str | None, typer.Argument(metavar="[init]", help="`init` copies them to FOLDER.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="Where to put the copies.")
    ] = None,
) -> None:
    """List the shipped configurations; `configs init FOLDER` copies them."""
    from .experiment.config import load_config
    from .experiment.shipped import copy_configurations, shipped_configurations

    if action is None:
        shipped = shipped_configurations().items()
        _table(
            ("name", "question"),
            [(name, load_config(file).config.description) for name, file in shipped],
        )
        _print("\nRun one: biomech run NAME. Copy them to change: biomech configs init FOLDER.")
        return
    if action != "init" or folder is None:
        raise BadInput("Write `biomech configs` to list them or `biomech configs init FOLDER`.")
    for path in copy_configurations(folder):
        _print(str(path))


@app.command()
def models(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One of them, or a model file.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write it to this file: .osim for OpenSim, or .yaml.")
    ] = None,
) -> None:
    """List the built-in bodies; `models NAME --save FILE.osim` writes one for OpenSim."""
    from .formats.load import load_built_in, load_model
    from .formats.save import save_model
    from .model import library

    if name is not None and save is not None:
        save_model(load_model(name), save)
        _print(str(save))
        return
    if name is not None or save is not None:
        raise BadInput("Write `biomech models` to list them or `biomech models NAME --save FILE`.")
    rows = []
    for name in library.BUILT_IN:
        model = load_built_in(name)
        rows.append(
            (
                name,
                f"{len(model.skeleton.body_names)}",
                f"{len(model.skeleton.coordinates.names)}",
                f"{len(model.muscles.names)}",
                f"{float(model.skeleton.mass.sum()):.1f} kg",
            )
        )
    _table(("name", "bodies", "coordinates", "muscles", "mass"), rows)
    _print("\nAn .osim file is a model too: biomech inspect FILE.osim.")


@app.command()
def interventions(
    kinds: Annotated[
        list[str] | None, typer.Argument(help="Which of them; all if none is named.")
    ] = None,
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="With how each works, as in docs/interventions.md.")
    ] = False,
) -> None:
    """List the interventions: parameters, units, ranges, neutral values and sources."""
    from .interventions import CATALOGUE, GROUPS
    from .interventions.reference import listing, reference

    for kind in kinds or ():
        if kind not in CATALOGUE:
            raise BadInput(f"No intervention '{kind}'. {suggest(kind, tuple(CATALOGUE))}")
    chosen = [entry for kind, entry in CATALOGUE.items() if not kinds or kind in kinds]
    if markdown:
        _print(reference(chosen))
        return
    width = min(_console().width, _WIDEST)
    _print(listing(chosen, width))
    if not kinds:
        _print(textwrap.fill(f"Muscle groups: {', '.join(GROUPS)}.", width))


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="An OpenSim model file.")],
) -> None:
    """Show what is in an .osim file: what is used, and what is not and why."""
    from .formats.osim import inspect_osim

    _print(str(inspect_osim(file)))


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="A run folder, or the results in it.")],
    second: Annotated[Path, typer.Argument(help="Another.")],
    case: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N",
            help="Of a sweep this case only, by number or name; twice: of each its own.",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Of a sweep the cases with this value, e.g. weak.scale=0.5; weak.scale=1,0.5: of "
            "each its own.",
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table to this file as well.")] = None,
) -> None:
    """Compare the metrics of two results, or of two cases."""
    from .analysis.compare import compare as compare_datasets
    from .analysis.selection import words_of_case

    if csv is not None:
        _require_folder(csv)
    a, b = _selected((_open_run(first), _open_run(second)), case or [], where or [])
    names = (first.name, second.name) if first.name != second.name else ("first", "second")
    for name, chosen in zip(names, (a, b), strict=True):
        if words := words_of_case(chosen):
            _print(f"{name}: {words}")
    table = compare_datasets(a, b, names=names)
    if csv is not None:
        _write_csv(table, csv)
    shown = table.drop(columns="long_name").reset_index()
    cells = [
        tuple(f"{x:.4g}" if isinstance(x, float) else str(x) for x in row)
        for row in shown.itertuples(index=False)
    ]
    _table(tuple(map(str, shown.columns)), cells)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    file: Annotated[Path, typer.Argument(help="The .nc file to make.")],
) -> None:
    """Write the results of a run, or of a sweep that is not finished, as one NetCDF file."""
    from .analysis.labels import write_netcdf

    _require_folder(file)
    if file.exists():
        raise BadInput(f"'{file}' exists already. Choose another name, or remove it.")
    try:
        write_netcdf(_open_run(run), file)
    except OSError as error:
        raise BadInput(f"Cannot write '{file}': {error.strerror or error}.") from error
    _print(str(file))


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="A run folder, or the results in it.")],
    out: Annotated[
        Path | None, typer.Option(help="File to write; report.html in the run folder without it.")
    ] = None,
) -> None:
    """Write a web page about a run: question, answer, figures, and how far to trust it."""
    from .analysis.report import check_target
    from .analysis.report import report as write_report
    from .experiment.run_files import REPORT_FILE
    from .experiment.store import RESULTS

    folder = run if run.is_dir() and run.name != RESULTS else run.parent
    target = folder / REPORT_FILE if out is None else out
    if out is not None:
        check_target(out)  # before anything is read or drawn
    dataset = _open_run(run)
    notes, config = (_text_in(folder / name) for name in ("notes.txt", "config.resolved.yaml"))
    write_report(dataset, target, notes=notes, config=config, overwrite=out is None)
    _print(f"Report: {target}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of a configuration: every key, its unit and its range."""
    from .experiment.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@app.command()
def doctor() -> None:
    """Show versions, device, precision and the cache of compiled code."""
    import importlib.metadata
    import platform

    import jax

    from . import __version__
    from .analysis.provenance import device
    from .experiment.compile_cache import use_compile_cache

    packages = ("jax", "jaxlib", "equinox", "numpy", "scipy", "xarray", "h5netcdf", "pydantic")
    folder = use_compile_cache()
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) if folder else 0
    wide = jax.config.jax_enable_x64  # type: ignore[attr-defined]
    rows = [
        ("biomech", __version__),
        ("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *((name, importlib.metadata.version(name)) for name in packages),
        ("device", device()),
        ("precision", "float64" if wide else "float32"),
        ("compile cache", f"{folder} ({size / 1e6:.1f} MB)" if folder else "off"),
    ]
    _table(("what", "here"), rows)


# ------------------------------------------------------------------------------- printing


def _open_run(path: Path) -> Any:
    from .experiment.open_run import open_run

    return open_run(path)


def _selected(results: tuple[Any, Any], cases: list[str], where: list[str]) -> list[Any]:
    """Both results, of sweeps the cases asked for; what sweeps nothing of it stays as it is."""
    from .analysis.cases import swept_parameters
    from .analysis.selection import case_at, cases_where

    if cases and where:
        raise BadInput("Give either --case or --where, not both.")
    if len(cases) > 2:
        raise BadInput(f"--case is given {len(cases)} times: once is for both results, twice each.")
    wanted = dict(_wanted(text) for text in where)
    if len(wanted) < len(where):
        raise BadInput(
            "--where names a parameter twice; for a value of each result write NAME=1,2."
        )
    swept = [swept_parameters(dataset) for dataset in results]
    if (cases or wanted) and not any(swept):
        raise BadInput("Neither result is a sweep, so there is no case to choose.")
    chosen = []
    for place, (dataset, names) in enumerate(zip(results, swept, strict=True)):
        own = {
            name: values[min(place, len(values) - 1)]
            for name, values in wanted.items()
            if name in names or not any(name in other for other in swept)
        }
        if names and cases:
            dataset = case_at(dataset, cases[min(place, len(cases) - 1)])
        chosen.append(cases_where(dataset, own) if names else dataset)
    return chosen


def _wanted(text: str) -> tuple[str, list[float]]:
    """The parameter and one value for both results, or two."""
    name, _, values = text.partition("=")
    try:
        numbers = [float(value) for value in values.split(",")]
    except ValueError:
        numbers = []
    if not name.strip() or not 1 <= len(numbers) <= 2:
        raise BadInput(
            f"--where {text}: write NAME=VALUE, for example --where weak.scale=0.5, or a value for "
            "each result, --where weak.scale=1,0.5."
        )
    return name.strip(), numbers


def _text_in(path: Path) -> str:
    """A text beside the results; empty where there is none."""
    from .formats.files import read_bytes

    return read_bytes(path, _MOST_TEXT).decode("utf-8", "replace") if path.is_file() else ""


def _require_folder(file: Path) -> None:
    """Before anything is read or computed."""
    if not file.absolute().parent.is_dir():
        raise BadInput(
            f"There is no folder '{file.parent}' to write '{file.name}' in. Make it first."
        )


def _write_csv(table: Any, path: Path) -> None:
    from .formats.files import write_whole

    text = table.to_csv(lineterminator="\n")
    if path.is_file() or not path.exists():
        write_whole(path, text)
        return
    try:  # a pipe or a device
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise BadInput(f"Cannot write '{path}': {error.strerror or error}.") from error


def _print_result(result: Any) -> None:
    """The folder, the joint loads and how far to trust them."""
    import pandas as pd

    from .analysis.cases import has_instants
    from .analysis.credibility import credibility_text
    from .experiment.metric_table import COLUMNS, metric_table
    from .experiment.run_files import CREDIBILITY_FILE

    dataset = result.open()
    metrics: Any = metric_table(dataset)
    moves = has_instants(dataset)
    cases = [name for name in metrics.columns if name not in COLUMNS]
    if moves:
        names = metrics["metric"].str
        loads = metrics[names.startswith("peak_") & names.contains("_force_")]
        valued = loads.dropna(subset="value")["metric"].unique()
        if len(valued):  # a body in a plane has no medial and lateral side
            loads = loads[loads["metric"].isin(valued)]
        _print_loads(loads, cases)
    else:
        _print_standing(metrics, cases)
    _print(credibility_text(pd.read_csv(result.folder / CREDIBILITY_FILE)))
    for warning in result.warnings:
        _print(f"Note: {warning}")
    if result.exit_code:
        at = " at some instants" if moves else ""
        _error(f"Some cases have no solution{at}: see `status` in {result.folder}.")
    _print(f"\nResults: {result.folder}")


def _print_standing(metrics: Any, cases: list[str]) -> None:
    """Of a single case every metric of both sides; of a sweep the joint loads of every case, of
    many cases their spread."""
    if cases:
        forces = metrics["metric"].str.contains("_force_")
        loads = metrics[forces & ~metrics["metric"].str.startswith("fascia")]
        if len(loads) > _MOST_ROWS:
            _print_spread(loads)
            return
        rows = [
            (*(f"{x}" if isinstance(x, str) else f"{x:g}" for x in row[:-3]), *_load_words(row))
            for row in loads[[*cases, "metric", "value", "unit"]].itertuples(index=False)
        ]
        _table((*cases, "joint load", "force"), rows)
        return
    values = {row.metric: (row.value, row.unit) for row in metrics.itertuples()}
    stems = dict.fromkeys(name.removesuffix("_r").removesuffix("_l") for name in values)
    shown = lambda name: f"{values[name][0]:.3f}" if name in values else ""
    rows = []
    for stem in stems:
        sides = [f"{stem}_r", f"{stem}_l"]
        first = next(name for name in (*sides, stem) if name in values)
        cells = (shown(name) for name in (*sides, stem))
        rows.append((stem.replace("_", " "), *cells, values[first][1]))
    _table(("standing", "right", "left", "whole body", "unit"), rows)


def _load_words(row: Any) -> tuple[str, str]:
    return _joint_words(row[-3]), f"{row[-2]:.3f} {row[-1]}"


def _print_loads(loads: Any, cases: list[str]) -> None:
    """Peak joint loads of every case; of many cases their spread."""
    if len(loads) > _MOST_ROWS:
        _print_spread(loads)
    else:
        records: list[dict[str, Any]] = loads.to_dict(orient="records")
        rows = []
        for row in records:
            words = (v if isinstance(v, str) else f"{v:g}" for v in (row[case] for case in cases))
            value, when = f"{row['value']:.2f} {row['unit']}", f"{row['time_s']:.2f} s"
            rows.append((*words, _joint_words(row["metric"]) + _marks(row), value, when))
        _table((*cases, "joint load", "peak", "time"), rows)
    for sign, (column, meaning) in _MARKS.items():
        marked = int((loads[column] > 0).sum())
        if marked and len(loads) > _MOST_ROWS:
            _print(f"{marked} of {len(loads)} peaks: {meaning}")
        elif marked:
            _print(f"{sign} {meaning}")


def _print_spread(loads: Any) -> None:
    """Least, median and largest joint loads of many cases."""
    spread = loads.groupby(["metric", "unit"], sort=False)["value"].quantile([0.0, 0.5, 1.0])
    rows = [
        (_joint_words(name), *(f"{row[q]:.2f} {unit}" for q in (0.0, 0.5, 1.0)))
        for (name, unit), row in spread.unstack().iterrows()
    ]
    _table(("joint load", "least", "median", "largest"), rows)
    count = len(loads) // max(1, len(rows))
    file = "peaks.csv" if "time_s" in loads else "metrics.csv"
    _print(f"of {count} cases; each of them is in {file}")


def _joint_words(metric: str) -> str:
    return metric.removeprefix("peak_").replace("_force_", " ")


_MOST_ROWS = 40
_WIDEST = 100  # longer lines of text are hard to read
_MARKS = {
    "*": ("rival_peak", "a second peak comes within 1 %"),
    "#": ("at_edge", "no reliable peak: at, or too near, an end of the record"),
    "!": (
        "limited_share",
        "muscles were too weak for part of the window: loads there are too small",
    ),
}


def _marks(row: dict[Any, Any]) -> str:
    return "".join(f" {sign}" for sign, (column, _) in _MARKS.items() if row[column] > 0)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A table; text from files is shown as it is, never read as markup nor obeyed."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE)
    for title in head:
        table.add_column(Text(legible(title)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(legible(cell)) for cell in row))
    _console().print(table)


def _print(text: str) -> None:
    typer.echo(legible(text))


def _show_warning(message: Warning | str, category: type[Warning], *where: Any) -> None:
    """A warning in one line; where in the code it was raised matters to no user."""
    typer.secho(legible(f"Warning: {message}"), fg=typer.colors.YELLOW, err=True)


def _error(message: str) -> None:
    typer.secho(legible(message), fg=typer.colors.RED, err=True)


def _console() -> Any:
    """Where tables go: as wide as the terminal, wide enough for whole cells when piped."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=160)


if __name__ == "__main__":
    main()
