"""A result as one web page: the question, the answer, the figures, and how far to trust them.

The page is a single file that needs no network and runs no script; see `page`. It is made of what
the dataset holds, so a report of somebody else's results shows their texts and obeys none of them.
"""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from ..formats.files import as_path
from ..formats.reference_gait import CAUTIONS
from ..model.names import BadInput
from ..studies.gait_events import SIDES
from ..studies.inverse import STATUS
from . import report_sources as sources
from .cases import (
    Cases,
    cases_of,
    configuration,
    failed_cases,
    metrics_of,
    parameter_label,
    parameter_words,
    require_metrics,
    sweep_dimensions,
)
from .credibility import credibility
from .effects import effect_table, known_metrics, signed
from .inverse_dataset import FIXED_KINEMATICS, NO_LOADS
from .labels import require_dataset
from .page import (
    Html,
    bullets,
    document,
    element,
    join,
    paragraphs,
    picture,
    prose,
    section,
    table,
)
from .plots import SIDE_LINE, metric_title
from .report_figures import by_strength, report_figures

DISCLAIMER = "For research and education; not a medical device. It makes no diagnosis."
_MAIN_LOADS = ("hip", "knee", "patellofemoral", "ankle")
_LEAST_PERCENT = 1.0  # effects below are said to be that, not shown as numbers
_MOST_COLUMNS = 7  # values of a parameter in the table of effects
_MOST_TABLES = 8  # parameters in the tables of effects
_MOST_FAILED = 10  # failed cases that are named
_MARKS = {
    "rival peak": ("*", "a second peak comes within 1 %"),
    "at the record's edge": ("#", "no reliable peak: at, or too near, an end of the record"),
    "strength-limited": ("!", "muscles were too weak: the load there is too small"),
    "unsolved instants": ("?", "some instants have no solution; the value is that of the others"),
}
"""Words of a warning -> sign beside the number, what it means. As in the command line."""
_SERIOUS = (NO_LOADS, *itertools.chain(*CAUTIONS.values()))
_CHECKED = ("reserve_force", "residual_force", "moment_to_balance", "center_of_mass")


def report(
    dataset: xr.Dataset,
    out: str | os.PathLike[str],
    *,
    notes: str = "",
    config: str = "",
    overwrite: bool = False,
) -> Path:
    """Write the report of a result as one HTML file, whole or not at all.

    - `notes`: of the run; shown as they stand. `config`: the configuration as text, in place of
      what the dataset holds of it.
    - `overwrite`: whether an existing file may be replaced.

    **Raises:** `TypeError` for a path instead of a dataset; `BadInput` where the file cannot be
    written.
    """
    out = as_path(out, "out")
    check_target(out, overwrite=overwrite)
    page = report_html(dataset, notes=notes, config=config)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        temporary.write_text(page, encoding="utf-8", newline="\n")
        os.replace(temporary, out)
    except OSError as error:
        raise BadInput(f"Cannot write '{out}': {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return out


def check_target(out: Path, *, overwrite: bool = False) -> None:
    """`BadInput` where a report would replace something, or has no folder to be in."""
    if not out.absolute().parent.is_dir():
        raise BadInput(
            f"There is no folder '{out.parent}' to write '{out.name}' in. Make it first."
        )
    if out.is_dir():
        raise BadInput(f"'{out}' is a folder; name a file.")
    if not overwrite and (out.exists() or out.is_symlink()):
        raise BadInput(f"The file {out} exists already. Choose another one, or remove it.")


def report_html(dataset: xr.Dataset, *, notes: str = "", config: str = "") -> str:
    """The report of a result; the options are those of `report`."""
    require_dataset(dataset, "report")
    require_metrics(dataset)
    dataset = dataset.assign(metrics_of(dataset).load().data_vars)  # read from disk once
    effects = _effects(dataset)
    parts = {
        ("answer", "Answer at a glance"): _answer(dataset, effects),
        ("figures", "Figures"): _figures(dataset),
        ("effects", "Effects"): _effect_tables(dataset, effects),
        ("method", "Method"): sources.method(dataset),
        ("model", "Model"): sources.model_card(dataset),
        ("convergence", "Convergence and failures"): _convergence(dataset),
        ("credibility", "Credibility"): _credibility(dataset),
        ("validation", "Validation"): sources.validation(dataset),
        ("notes", "Notes"): sources.notes(dataset, notes),
        ("reproduce", "Reproduce"): sources.reproduce(dataset, config),
        ("cite", "How to cite"): sources.cite(dataset),
        ("versions", "Versions"): sources.versions(dataset),
    }
    shown = {key: content for key, content in parts.items() if content}
    title, question = _title(dataset), configuration(dataset).get("description")
    contents = bullets(element("a", words, href=f"#{anchor}") for anchor, words in shown)
    header = element(
        "header",
        element("p", f"biomech report: {sources.study_of(dataset)} study", class_="kicker"),
        element("h1", title),
        element("p", question, class_="question") if question else "",
        element("p", DISCLAIMER, class_="kicker"),
        element("nav", contents, aria_label="Contents"),
    )
    body = join(section(*key, content) for key, content in shown.items())
    version = dataset.attrs.get("biomech_version", "")
    footer = element("footer", element("p", f"{DISCLAIMER} Made with biomech {version}."))
    return document(title, f"biomech {version}", header, body, footer)


def _title(dataset) -> str:
    name = str(configuration(dataset).get("name") or "").replace("_", " ")
    return name[:1].upper() + name[1:] or str(dataset.attrs.get("title", "Result"))


def _effects(dataset) -> pd.DataFrame | str:
    """The table of effects; why there is none, in words."""
    try:
        return effect_table(dataset)
    except BadInput as error:
        return str(error)


# ----------------------------------------------------------------------------------- answer


class _Answer(NamedTuple):
    """A number to read first: what it is of, and how it came about."""

    what: str
    number: str
    how: str


def _answer(dataset, effects) -> Html:
    answers = list(_peaks(dataset)) if isinstance(effects, str) else list(_key_effects(effects))
    cards = element(
        "ul",
        *(
            element(
                "li",
                *(element("span", text, class_=part) for part, text in one._asdict().items()),
            )
            for one in answers
        ),
        class_="answers",
    )
    care = list(_with_care(dataset, effects))
    caution = element("div", element("p", "Read with care:"), bullets(care), class_="caution")
    return join([cards if answers else "", caution if care else ""])


def _peaks(dataset) -> Iterator[_Answer]:
    """The peak loads of a single case: of the larger leg, and of both."""
    if sweep_dimensions(dataset):
        return
    for joint in _MAIN_LOADS:
        names = [f"peak_{joint}_force_{side}" for side in SIDES]
        values = {
            _leg(name): float(dataset["metric_value"].sel(metric=name))
            for name in names
            if name in known_metrics(dataset)
        }
        if values:
            words = ", ".join(f"{leg} {value:.2f}" for leg, value in values.items())
            yield _Answer(f"Peak {joint} force", f"{max(values.values()):.2f} BW", words)


def _key_effects(effects: Any) -> Iterator[_Answer]:
    """The largest effect on the peak load of each joint, and the largest of all."""
    largest: list[Any] = []
    for joint in _MAIN_LOADS:
        names = [f"peak_{joint}_force_{side}" for side in SIDES]
        own = effects[effects.index.get_level_values("metric").isin(names)]
        size = own["percent"].abs()
        if size.notna().any():
            largest.append(size.idxmax())
    size = effects["percent"].abs()
    if size.notna().any() and size.idxmax() not in largest:
        largest.append(size.idxmax())
    for metric, parameter, at in largest:
        yield _key_effect(effects.loc[(metric, parameter, at)], metric, f"{parameter} {at:.3g}")


def _key_effect(effect: Any, metric: str, where: str) -> _Answer:
    if abs(effect["percent"]) < _LEAST_PERCENT:
        stem = metric.rpartition("_")[0]
        return _Answer(metric_title(stem), f"< {_LEAST_PERCENT:g} %", "whatever the parameter")
    return _Answer(
        metric_title(metric),
        f"{signed(effect['change'], 2)} {effect['unit']}",
        f"{signed(effect['percent'], 0)} %: from {effect['baseline']:.2f} to "
        f"{effect['value']:.2f} {effect['unit']} at {where}{_marks(effect['warning'])}",
    )


def _with_care(dataset, effects) -> Iterator[object]:
    """What may make the answer wrong, most serious first."""
    failed = failed_cases(dataset)
    if failed.any():
        what = "cases have instants" if failed.size > 1 else "case has instants"
        yield f"{int(failed.sum())} of {failed.size} {what} without a solution."
    if (dataset["metric_limited_share"] > 0).any():
        yield (
            "Muscles were too weak for part of the motion, so that loads there are too small: "
            "marked ! in numbers, hollow or hatched in figures."
        )
    checks = _checks(dataset)
    missed = [] if checks is None else _missed(checks)
    if missed:
        yield f"Not within the limits of credibility: {', '.join(missed)}."
    for note in sources.notes_of(dataset):
        if note in _SERIOUS or note.startswith(FIXED_KINEMATICS):
            yield prose(note)
    if isinstance(effects, str) and sweep_dimensions(dataset):
        yield f"No effects are given: {effects}"
    yield "Loads of a model, not measured ones; there is no validation against implants yet."


# ---------------------------------------------------------------------- figures and effects


def _figures(dataset) -> Html:
    return join(picture(one.svg, one.size, one.alt, one.caption) for one in report_figures(dataset))


def _effect_tables(dataset, effects) -> Html:
    """For each parameter the metrics that it changes, at its values."""
    if isinstance(effects, str):
        return Html()
    cases = cases_of(dataset)
    said = "Each parameter alone, the others unchanged: change of the metric, and percent of it."
    if not cases.is_grid:
        said += (
            " The columns are percentiles of what was sampled, the values those of a polynomial "
            "fitted to all solved cases. Fit is the share of the variance that it predicts of "
            "cases left out of it."
        )
    ranked = by_strength(effects, cases)
    tables = [_effect_table(dataset, effects, name) for name in ranked[:_MOST_TABLES]]
    if len(ranked) > _MOST_TABLES:
        tables.append(element("p", f"{len(ranked) - _MOST_TABLES} weaker parameters are left out."))
    warned = "; ".join(set(effects["warning"]))
    marks = [f"{sign} {meaning}" for words, (sign, meaning) in _MARKS.items() if words in warned]
    return join([element("p", said), *tables, bullets(marks)])


def _effect_table(dataset, effects: Any, parameter: str) -> Html:
    own = effects.xs(parameter, level="parameter")
    size = own["percent"].abs().groupby("metric", sort=False).max()
    shown = [name for name in size.index if size[name] >= _LEAST_PERCENT]
    at = np.unique(own.index.get_level_values("at"))
    at = at[np.unique(np.linspace(0, at.size - 1, _MOST_COLUMNS).round().astype(int))]
    words = parameter_words(dataset, parameter)
    label = parameter_label(dataset, parameter) + (f": {words}" if words else "")
    rows = [_effect_row(own.loc[name], name, at) for name in shown]
    left_out = size.size - len(shown)
    rest = f"{left_out} of {size.size} metrics change by less than {_LEAST_PERCENT:g} %."
    if not rows:
        return join([element("h3", label), element("p", rest)])
    fit = ("Fit",) if own["explained"].notna().any() else ()
    head = ("Metric", *fit, "Unchanged", *(f"{value:.3g}" for value in at))
    grid = table(label, head, rows, numbers=range(1, len(head)))
    return join([grid, element("p", rest) if left_out else ""])


def _effect_row(line: Any, metric: str, at) -> tuple[str, ...]:
    first = line.iloc[0]
    cells = [f"{first['baseline']:.2f}", *(_effect_cell(line.loc[value]) for value in at)]
    if np.isfinite(first["explained"]):
        cells.insert(0, f"{100.0 * first['explained']:.0f} %")
    return f"{metric_title(metric)} [{first['unit']}]", *cells


def _effect_cell(effect: Any) -> str:
    if not effect["change"] or np.isnan(effect["change"]):
        return "failed" if np.isnan(effect["change"]) else "0"
    size = abs(effect["percent"])
    percent = f" ({signed(effect['percent'], 1 if size < 10.0 else 0)} %)" if size >= 0.0 else ""
    return f"{signed(effect['change'], 2)}{percent}{_marks(effect['warning'])}"


def _marks(warning: str) -> str:
    """The signs of what a warning says."""
    return "".join(f" {sign}" for words, (sign, _) in _MARKS.items() if words in warning)


# ------------------------------------------------------------------------ how far to trust it


def _convergence(dataset) -> Html:
    """How many instants and cases were solved, and which cases were not."""
    lead = sweep_dimensions(dataset)
    count = failed_cases(dataset).size
    status = dataset["status"].transpose(*lead, ...).values.reshape(count, -1)
    rows = [
        (meaning.replace("_", " "), f"{int(hit.sum())} of {hit.size}", f"{int(hit.any(1).sum())}")
        for code, meaning in enumerate(STATUS)
        if (hit := status == code).any()
    ]
    head, title = ("Status", "Instants", "Cases with such an instant"), "Solution"
    if lead:
        title = f"Solution of {count} cases"
    else:
        head, rows = head[:2], [row[:2] for row in rows]
    parts = [table(title, head, rows, numbers=(1, 2))]
    if "strength_limited" in dataset:
        weak = dataset["strength_limited"] > 0
        shares = [(SIDE_LINE[side]["label"], float(weak.sel(side=side).mean())) for side in SIDES]
        words = ", ".join(f"{leg} leg {100.0 * share:.1f} %" for leg, share in shares)
        parts.append(element("p", f"Instants at which muscles were too weak: {words}."))
    failed = np.flatnonzero(failed_cases(dataset)) if lead else []
    if len(failed):
        parts.append(_failed_list(cases_of(dataset), failed))
    return join(parts)


def _failed_list(cases: Cases, failed) -> Html:
    named = [
        ", ".join(f"{name} {x:.4g}" for name, x in zip(cases.parameters, cases.values[case]))
        for case in failed[:_MOST_FAILED]
    ]
    more = len(failed) - len(named)
    return join(
        [
            element("p", "Cases with instants that have no solution:"),
            bullets([*named, f"and {more} more"] if more else named),
        ]
    )


def _checks(dataset) -> pd.DataFrame | None:
    """The checks of credibility; None where `outputs` left out what they need."""
    return credibility(dataset) if all(name in dataset for name in _CHECKED) else None


def _missed(checks: Any) -> list[str]:
    """Kinds of checks that do not pass."""
    fails = checks["verdict"].str.startswith("fail")
    return list(dict.fromkeys(checks["check"][fails]))


def _credibility(dataset) -> Html:
    checks = _checks(dataset)
    if checks is None:
        return paragraphs("The result does not hold the variables that its checks need.")
    rows = [
        (check, what, *(f"{x:.3g}" for x in sizes), unit, verdict)
        for check, what, *sizes, unit, verdict in checks.itertuples(index=False)
    ]
    head = ("Check", "Of", "Peak", "Root mean square", "Limit", "Unit", "Verdict")
    said = (
        "Residuals after Hicks et al. (2015), doi:10.1115/1.4029304; reserves at half of what "
        "OpenSim's guide allows. Of a sweep the worst case counts."
    )
    return join([paragraphs(said), table("Checks", head, rows, numbers=(2, 3, 4))])


# ------------------------------------------------------------------------------------ parts


def _leg(metric: str) -> str:
    return SIDE_LINE[metric.rpartition("_")[2]]["label"]
