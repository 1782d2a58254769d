"""A result as one web page: the question, the answer, the figures, and how far to trust them.

The page is a single file that needs no network and runs no script; see `page`. It is made of what
the dataset holds, so a report of somebody else's results shows their texts and obeys none of them.
"""

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from ..formats.files import as_path
from ..formats.reference_gait import CAUTIONS
from ..model.names import BadInput
from ..studies.gait_events import SIDES
from . import report_sources as sources
from .cases import (
    Cases,
    cases_of,
    configuration,
    counted_cases,
    failed_cases,
    has_instants,
    main_loads,
    metric_column,
    metrics_of,
    never_computed,
    parameter_label,
    parameter_words,
    read_json,
    require_metrics,
    statuses,
    sweep_dimensions,
    uncounted_cases,
)
from .compare import WITHOUT_ZERO
from .credibility import credibility
from .effects import (
    NOT_APART,
    NOT_COUNTED,
    counted_size,
    effect_table,
    known_metrics,
    nearest_case,
    signed,
    varying_together,
)
from .inverse_dataset import FIXED_KINEMATICS, NO_LOADS
from .labels import require_dataset
from .page import (
    Html,
    bullets,
    document,
    element,
    join,
    listing,
    paragraphs,
    picture,
    prose,
    section,
    table,
)
from .plots import SIDE_LINE, metric_title
from .report_figures import by_strength, report_figures
from .response_surface import MOST_INFLATION
from .stand_dataset import POSTURE_WEIGHT_ASSUMED
from .sweep_plots import most_changed, percent_of
from .track_dataset import WEIGHTS_ASSUMED

DISCLAIMER = "For research and education; not a medical device. It makes no diagnosis."
BOTH = "both sides"
"""Of legs of which the same is told."""
_LEAST_PERCENT = 1.0  # effects below are said to be that, not shown as numbers
_LEAST_DEGREES = 0.1  # the same of angles
_MOST_COLUMNS = 7  # values of a parameter in the table of effects
_MOST_TABLES = 8  # parameters in the tables of effects
_MOST_FAILED = 10  # failed cases that are named
_MARKS = {
    "rival peak": ("*", "a second peak comes within 1 %"),
    "at the record's edge": ("#", "no reliable peak: at, or too near, an end of the record"),
    "strength-limited": ("!", "muscles were too weak: the load there is too small"),
    "unsolved instants": ("?", "some instants have no solution; the value is that of the others"),
    "no solution": ("?", "no balance was found"),
    NOT_APART: ("~", "the parameter varies together with others, and so may be their effect"),
}
"""Words of a warning -> sign beside the number, what it means. As in the command line."""
_LAWS = {
    "triangular": ("from", "most likely", "to"),
    "normal": ("mean", "standard deviation"),
    "lognormal": ("median", "sigma of the logarithm"),
}
"""What the numbers of a distribution are, where they are not its two ends."""
_SERIOUS = (NO_LOADS, POSTURE_WEIGHT_ASSUMED, WEIGHTS_ASSUMED, *itertools.chain(*CAUTIONS.values()))
_CHECKED = {
    True: ("reserve_force", "residual_force", "moment_to_balance", "center_of_mass"),
    False: ("balance_residual", "support_margin"),
}
"""What the checks of a study with instants, and of one without, need."""


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
        ("method", "Method"): sources.method(_with_words_for_design(dataset)),
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


def _with_words_for_design(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset, its design's distributions as `gluteal.scale: uniform 0.4 to 1.2`."""
    design = read_json(dataset, "design")
    drawn = design.get("distributions")
    if not isinstance(drawn, dict):
        return dataset
    words = "; ".join(f"{name}: {_distribution_words(one)}" for name, one in drawn.items())
    design = {key: value for key, value in design.items() if key != "distributions"}
    return dataset.assign_attrs(design=json.dumps({**design, "drawn from": words}))


def _distribution_words(one: Any) -> str:
    """`uniform 0.4 to 1.2`; `normal, mean 1, standard deviation 0.1, not below 0`."""
    if not isinstance(one, dict):
        return str(one)
    return ", ".join(_law_words(str(key), value) for key, value in one.items())


def _law_words(key: str, value: Any) -> str:
    given = value if isinstance(value, list) else [value]
    numbers = [f"{x:g}" if isinstance(x, float) else str(x) for x in given]
    if key == "limits" and len(given) == 2:
        limits = zip(("not below", "not above"), given, numbers)
        return ", ".join(f"{word} {x}" for word, own, x in limits if own is not None) or "no limits"
    if key in _LAWS and len(given) == len(_LAWS[key]):
        return ", ".join([key, *(f"{w} {x}" for w, x in zip(_LAWS[key], numbers))])
    return f"{key} {' to '.join(numbers)}" if len(given) == 2 else f"{key} {', '.join(numbers)}"


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
    answers = (
        list(_peaks(dataset)) if isinstance(effects, str) else list(_key_effects(effects, dataset))
    )
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
    words = {word for one in answers for word in one.how.split()}
    signs = [f"{sign} {meaning}" for sign, meaning in _MARKS.values() if sign in words]
    key = element("p", "; ".join(signs), class_="kicker") if signs else ""
    care = list(_with_care(dataset, effects))
    caution = element("div", element("p", "Read with care:"), bullets(care), class_="caution")
    return join([cards if answers else "", key, caution if care else ""])


def _peaks(dataset) -> Iterator[_Answer]:
    """The (peak) loads of a single case: of the larger leg, and of both."""
    if sweep_dimensions(dataset):
        return
    for stem in main_loads(dataset):
        names = [f"{stem}_{side}" for side in SIDES]
        values = {
            _leg(name): float(dataset["metric_value"].sel(metric=name))
            for name in names
            if name in known_metrics(dataset)
        }
        if values:
            shown = {leg: f"{value:.2f}" for leg, value in values.items()}
            alike = len(shown) > 1 and len(set(shown.values())) == 1
            words = BOTH if alike else ", ".join(f"{leg} {value}" for leg, value in shown.items())
            yield _Answer(metric_title(stem), f"{max(values.values()):.2f} BW", words)


def _key_effects(effects: Any, dataset) -> Iterator[_Answer]:
    """The largest counted effect on the (peak) load of each joint, of the leg in the tornado, and
    where the other leg changes more, its; and the largest of all of that leg."""
    size = counted_size(effects, "percent")
    of = size.index.get_level_values("metric")
    side = _main_side(dataset)
    largest: list[Any] = []
    for stem in main_loads(dataset):
        for leg in sorted(SIDES, key=lambda leg: leg != side):
            own = size[of == f"{stem}_{leg}"]
            if own.notna().any():
                largest.append(own.idxmax())
                break
    own = size[of.str.endswith(f"_{side}")]
    own = own if own.notna().any() else size  # no metric of that leg, or none with a leg
    if own.notna().any() and own.idxmax() not in largest:
        largest.append(own.idxmax())
    for metric, parameter, at in largest:
        where = f"{parameter} {at:.3g}"
        one = _key_effect(effects.loc[(metric, parameter, at)], metric, where)
        stem, other = _without_leg(metric), _of_other_leg(metric)
        if other != metric and (other, parameter, at) in effects.index:
            same = _key_effect(effects.loc[(other, parameter, at)], other, where)[1:] == one[1:]
            one = one._replace(what=f"{metric_title(stem)}, {BOTH}") if same else one
        shown = effects.loc[(metric, parameter, at)]
        yield one._replace(how=one.how + _more_on_other_leg(effects, other, shown))


def _more_on_other_leg(effects: Any, other: str, shown: Any) -> str:
    """The largest counted effect on the metric `other`, if it is larger than the one `shown`."""
    if other not in effects.index.get_level_values("metric"):
        return ""
    own = effects.loc[other]
    size = counted_size(own, "change")
    if not round(size.max(), 2) > round(abs(shown["change"]), 2):
        return ""
    parameter, at = size.idxmax()
    effect = own.loc[(parameter, at)]
    if not abs(effect["percent"]) >= _LEAST_PERCENT:
        return ""
    return (
        f"; {_leg(other)} {signed(effect['change'], 2)} {effect['unit']} "
        f"({signed(effect['percent'], 0)} %) at {parameter} {at:.3g}{_marks(effect['warning'])}"
    )


def _main_side(dataset) -> str:
    """The leg in the tornado."""
    try:
        return most_changed(dataset)[0].rpartition("_")[2]
    except BadInput:  # too few cases count for any of the metrics drawn there
        return SIDES[0]


def _key_effect(effect: Any, metric: str, where: str) -> _Answer:
    fit = effect["explained"]
    fit = "" if np.isnan(fit) else f" (fitted; the fit predicts {percent_of(fit)} of the variance)"
    if abs(effect["percent"]) < _LEAST_PERCENT:
        said = f"whatever the parameter{fit}"
        return _Answer(metric_title(metric), f"< {_LEAST_PERCENT:g} %", said)
    return _Answer(
        metric_title(metric),
        f"{signed(effect['change'], 2)} {effect['unit']}",
        f"{signed(effect['percent'], 0)} %: from {'fitted ' if fit else ''}"
        f"{effect['baseline']:.2f} to {effect['value']:.2f} {effect['unit']} at "
        f"{where}{_marks(effect['warning'])}{fit}",
    )


def _with_care(dataset, effects) -> Iterator[object]:
    """What may make the answer wrong, most serious first."""
    missing = never_computed(dataset)
    if missing.any():
        yield (
            f"{int(missing.sum())} of {missing.size} cases are not computed yet: the run was "
            "interrupted. Go on with `--resume` and write this page again."
        )
    failed = failed_cases(dataset) & ~missing
    if failed.any():
        which = "cases have" if failed.size > 1 else "case has"
        what = "instants without a solution" if has_instants(dataset) else "no balance"
        yield f"{int(failed.sum())} of {failed.size} {which} {what}."
    if "metric_limited_share" in dataset and (dataset["metric_limited_share"] > 0).any():
        is_fit = not isinstance(effects, str) and not cases_of(dataset).is_grid
        yield (
            "Muscles were too weak for part of the motion, so that loads there are too small: "
            f"{'left out of fits, ' if is_fit else 'marked ! in numbers, '}hollow or hatched in "
            "figures."
        )
    if "other_basin" in dataset and (dataset["other_basin"] > 0).any():
        yield (
            f"{int((dataset['other_basin'] > 0).sum())} of {failed.size} cases may have come to "
            "another gait than the one that the unchanged body's leads to (`other_basin`): part of "
            "their effect may be that of the jump."
        )
    if not isinstance(effects, str):
        left = max(int(uncounted_cases(dataset, name).sum()) for name in known_metrics(dataset))
        if left:
            yield (
                f"Up to {left} of {failed.size} cases, depending on the metric, are not counted in "
                f"slopes, fits, medians and bands: {NOT_COUNTED}."
            )
        together = varying_together(effects)
        if together:
            yield (
                f"In these cases {', '.join(together)} vary together with other parameters "
                f"(variance inflation above {MOST_INFLATION:g}): effects marked ~ may be those of "
                "another parameter."
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
            "fitted to all counted cases, those of the unchanged body too. Fit is the share of the "
            "variance that it predicts of cases left out of it. Nearest is the computed value of "
            f"the case nearest to the unchanged body: {_nearest_words(cases)}."
        )
    ranked = by_strength(effects, cases)
    tables = [_effect_table(dataset, effects, name) for name in ranked[:_MOST_TABLES]]
    if len(ranked) > _MOST_TABLES:
        tables.append(element("p", f"{len(ranked) - _MOST_TABLES} weaker parameters are left out."))
    warned = "; ".join(set(effects["warning"]))
    if not cases.is_grid:
        tables += [_not_counted_words(dataset)]
    marks = [f"{sign} {meaning}" for words, (sign, meaning) in _MARKS.items() if words in warned]
    return join([element("p", said), *tables, bullets(marks)])


def _effect_table(dataset, effects: Any, parameter: str) -> Html:
    own = effects.xs(parameter, level="parameter")
    fitted, cases = not np.isnan(own["explained"]).all(), cases_of(dataset)
    size = _shares_of_least(own).groupby("metric", sort=False).max()
    shown = [name for name in size.index if size[name] >= 1.0]
    at = np.unique(own.index.get_level_values("at"))
    at = at[np.unique(np.linspace(0, at.size - 1, _MOST_COLUMNS).round().astype(int))]
    words = parameter_words(dataset, parameter)
    label = parameter_label(dataset, parameter) + (f": {words}" if words else "")
    near = nearest_case(cases) if fitted else None
    cells = {
        name: _effect_cells(own.loc[name], at, _nearest(dataset, name, near)) for name in shown
    }
    unit = own["unit"].groupby("metric", sort=False).first()
    rows = [(f"{title} [{unit[name]}]", *cells[name]) for name, title in _titles(cells).items()]
    left_out, unknown = int((size < 1.0).sum()), int(size.isna().sum())
    or_angle = f" or {_LEAST_DEGREES:g} deg" if own["unit"].isin(WITHOUT_ZERO).any() else ""
    rest = f"{left_out} of {size.size} metrics change by less than {_LEAST_PERCENT:g} %{or_angle}."
    if unknown:
        rest += f" Of {unknown} no effect is known."
    if not rows:
        return join([element("h3", label), element("p", rest)])
    base = ("Fit", "Unchanged, fitted", "Nearest") if fitted else ("Unchanged",)
    head = ("Metric", *base, *(f"{value:.3g}" for value in at))
    grid = table(label, head, rows, numbers=range(1, len(head)))
    return join([grid, element("p", rest) if left_out or unknown else ""])


def _shares_of_least(own: Any) -> Any:
    """Size of each effect in the least one worth telling: `_LEAST_PERCENT`, or of an angle
    `_LEAST_DEGREES`."""
    is_angle = own["unit"].isin(WITHOUT_ZERO)
    percent = own["percent"].abs() / _LEAST_PERCENT
    return percent.where(~is_angle, own["change"].abs() / _LEAST_DEGREES)


def _effect_cells(line: Any, at, nearest: tuple[str, ...]) -> tuple[str, ...]:
    first = line.iloc[0]
    fit = (percent_of(first["explained"]),) if nearest else ()
    cells = [_effect_cell(line.loc[value], fitted=bool(nearest)) for value in at]
    return *fit, f"{first['baseline']:.2f}", *nearest, *cells


def _titles(told: Mapping[str, Any]) -> dict[str, str]:
    """Metric -> its title; of two legs of which the same is told only the first, for both."""
    titles: dict[str, str] = {}
    for metric, what in told.items():
        other = _of_other_leg(metric)
        if other == metric or told.get(other) != what:
            titles[metric] = metric_title(metric)
        elif other not in titles:
            titles[metric] = f"{metric_title(_without_leg(metric))}, {BOTH}"
    return titles


def _nearest(dataset, metric: str, case: int | None) -> tuple[str, ...]:
    """The computed value of a case; nothing for a grid."""
    if case is None:
        return ()
    counts = counted_cases(dataset, metric)[case]
    value = metric_column(dataset, "metric_value", metric)[case]
    return (f"{value:.2f}" if counts else "not counted",)


def _nearest_words(cases: Cases) -> str:
    near = nearest_case(cases)
    values = zip(cases.parameters, cases.values[near], strict=True)
    return ", ".join([f"case {near}", *(f"{name} {x:.3g}" for name, x in values)])


def _not_counted_words(dataset) -> Html:
    """How many cases the fit of each metric leaves out, if any."""
    counts = {name: int(uncounted_cases(dataset, name).sum()) for name in known_metrics(dataset)}
    said = [f"{title}: {counts[name]}" for name, title in _titles(counts).items() if counts[name]]
    head = f"Not counted ({NOT_COUNTED}), of {failed_cases(dataset).size} cases: "
    return element("p", f"{head}{'; '.join(said)}.") if said else Html()


def _effect_cell(effect: Any, *, fitted: bool) -> str:
    if not effect["change"] or np.isnan(effect["change"]):
        missing = "not counted" if fitted else "failed"
        return missing if np.isnan(effect["change"]) else "0"
    size = abs(effect["percent"])
    percent = f" ({signed(effect['percent'], 1 if size < 10.0 else 0)} %)" if size >= 0.0 else ""
    return f"{signed(effect['change'], 2)}{percent}{_marks(effect['warning'])}"


def _marks(warning: str) -> str:
    """The signs of what a warning says."""
    return "".join(f" {sign}" for words, (sign, _) in _MARKS.items() if words in warning)


# ------------------------------------------------------------------------ how far to trust it


def _convergence(dataset) -> Html:
    """How many instants and cases were solved, how closely, and which cases were not."""
    if not has_instants(dataset):
        return _convergence_at_rest(dataset)
    lead = sweep_dimensions(dataset)
    count = failed_cases(dataset).size
    status = dataset["status"].transpose(*lead, ...).values.reshape(count, -1)
    rows = [
        (meaning.replace("_", " "), f"{int(hit.sum())} of {hit.size}", f"{int(hit.any(1).sum())}")
        for code, meaning in enumerate(statuses(dataset))
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
        said = "Cases with instants that have no solution:"
        parts.append(_failed_list(cases_of(dataset), failed, said))
    return join([*parts, _walks(dataset)])


def _walks(dataset) -> Html:
    """What the solver says of walks that are found and not measured."""
    if "found_from" not in dataset:
        return Html()
    ways = str(dataset["found_from"].attrs.get("flag_meanings", "")).split()
    found = dataset["found_from"].values.ravel()[~failed_cases(dataset)]
    rows = [
        (way.replace("_", " "), f"{int((found == code).sum())} of {found.size}")
        for code, way in enumerate(ways)
        if (found == code).any()
    ]
    told = dataset["solve_report"].values.ravel() if "solve_report" in dataset else []
    unsolved = [text for text, bad in zip(told, failed_cases(dataset)) if bad and text]
    if not sweep_dimensions(dataset) and "solve_report" in dataset.attrs:
        unsolved = [str(dataset.attrs["solve_report"])]
    parts = [table("Walks found from the answer of", ("Start", "Cases"), rows, numbers=(1,))]
    return join([*parts, *(listing(text) for text in unsolved[:_MOST_FAILED])])


def _convergence_at_rest(dataset) -> Html:
    """The same of a body at rest, with what the solver left over in the worst case."""
    status = dataset["status"].values.ravel()
    rows = [
        (meaning.replace("_", " "), f"{int((status == code).sum())} of {status.size}")
        for code, meaning in enumerate(statuses(dataset))
        if (status == code).any()
    ]
    parts = [table("Solution", ("Status", "Cases"), rows, numbers=(1,))]
    known = [name for name in _SOLVED_HOW if name in dataset]
    worst = [
        (what, f"{np.nanmax(dataset[name].values[...]):{digits}}", unit)
        for name, (what, digits, unit) in _SOLVED_HOW.items()
        if name in known and not failed_cases(dataset).all()
    ]
    if worst:
        parts.append(table("The worst case", ("What", "Value", "Unit"), worst, numbers=(1,)))
    weak = int((dataset["weakly_active"] > 0).sum()) if "weakly_active" in dataset else 0
    if weak:
        parts.append(element("p", f"{weak} of {status.size} {_ONE_SIDED}"))
    failed = np.flatnonzero(failed_cases(dataset)) if sweep_dimensions(dataset) else []
    if len(failed):
        parts.append(_failed_list(cases_of(dataset), failed, "Cases without a balance:"))
    return join(parts)


_SOLVED_HOW = {
    "balance_residual": (
        "largest force or moment left over",
        ".1e",
        "body weights, or body weights x 0.1 m",
    ),
    "iterations": ("steps of the solver", "d", "-"),
}
_ONE_SIDED = (
    "cases have an activation, a motor or a grip on its bound by a hair: derivatives there are "
    "those of one side."
)


def _failed_list(cases: Cases, failed, said: str) -> Html:
    named = [
        ", ".join(f"{name} {x:.4g}" for name, x in zip(cases.parameters, cases.values[case]))
        for case in failed[:_MOST_FAILED]
    ]
    more = len(failed) - len(named)
    return join(
        [
            element("p", said),
            bullets([*named, f"and {more} more"] if more else named),
        ]
    )


def _checks(dataset) -> pd.DataFrame | None:
    """The checks of credibility; None where `outputs` left out what they need."""
    needed = _CHECKED[has_instants(dataset)]
    return credibility(dataset) if all(name in dataset for name in needed) else None


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
    after = (
        "Residuals after Hicks et al. (2015), doi:10.1115/1.4029304; reserves at half of what "
        "OpenSim's guide allows."
    )
    if not has_instants(dataset):
        after = "Whether the body is in balance, and over its feet."
    elif "constraint_residual" in dataset:
        after = (
            "Whether the laws of mechanics hold, in place of the residuals of a measured motion."
        )
    said = f"{after} Of a sweep the worst case counts."
    return join([paragraphs(said), table("Checks", head, rows, numbers=(2, 3, 4))])


# ------------------------------------------------------------------------------------ parts


def _without_leg(metric: str) -> str:
    stem, _, side = metric.rpartition("_")
    return stem if side in SIDES else metric


def _of_other_leg(metric: str) -> str:
    """The same metric of the other leg; itself if it has none."""
    stem, _, side = metric.rpartition("_")
    return f"{stem}_{SIDES[1 - SIDES.index(side)]}" if side in SIDES else metric


def _leg(metric: str) -> str:
    return SIDE_LINE[metric.rpartition("_")[2]]["label"]
