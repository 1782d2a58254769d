"""A configuration file, read and checked; what is wrong is said with file, key and remedy.

`formats.yaml_text` says what of YAML is read; files over `MAX_BYTES` and nesting over `MAX_DEPTH`
are refused. The checks of each key stand in `schema.py`; those between keys (a sweep over a
parameter that exists, an intervention that a study can answer) are here.
"""

import dataclasses
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ..formats import yaml_text
from ..formats.files import read_bytes
from ..interventions import CATALOGUE, Parameter
from ..model.names import BadInput, near_miss, short_name, suggest
from ..personalise.body_size import SIZE
from ..studies.metrics import METRICS
from .sampling import case_count, too_many
from .schema import (
    ALWAYS_KEPT,
    DESIGNS,
    OUTPUTS,
    RESERVED_NAMES,
    STUDIES,
    CohortDesign,
    Design,
    ExperimentConfig,
    Strict,
    SweepAxis,
    sweepable_numbers,
)
from .shipped import find_configuration

MAX_BYTES = 250_000
MAX_DEPTH = 12
_MOST_COMPLAINTS = 8
_MOST_NAMED = 12  # keys that a complaint lists
_LEAST_SINGLE = 5e-6
"""Least tolerance in single precision [-]: as many roundings (45) as `schema` allows in double."""

Form = TypeVar("Form", bound=Strict)


@dataclasses.dataclass(frozen=True)
class CheckedConfig:
    """A configuration and where it came from.

    - `source`: its file name, for messages; never a path.
    - `folder`: what its file names are relative to.
    """

    config: ExperimentConfig
    source: str
    folder: Path


def load_config(
    config: str | os.PathLike[str] | Mapping[str, Any], overrides: Iterable[str] = ()
) -> CheckedConfig:
    """The checked configuration in a file, of a shipped name, or in a mapping.

    `overrides`: `key.sub=value` texts, the value as in YAML. They come after the file.

    **Raises:** `BadInput` that names the file, the key, what is wrong and what is allowed.
    """
    overrides = tuple(overrides)
    if isinstance(config, Mapping):
        data, source, home = _plain(config), "configuration", Path.cwd()
    else:
        path, shipped = find_configuration(config)
        source = f"(shipped) {path.name}" if shipped else path.name
        data = parse_yaml(_read(path), source)
        home = Path.cwd() if shipped else path.resolve().parent
    if not isinstance(data, dict):
        raise BadInput(f"{source} is no configuration: it must be a mapping, with `schema: 1`...")
    for text in overrides:
        override(data, text)
    checked = check(data, source)
    if any(_key(text)[0] == "data_folder" for text in overrides):
        home = Path.cwd()
    return CheckedConfig(checked, source, home / (checked.data_folder or ""))


def check(data: Mapping[Any, Any], source: str = "configuration") -> ExperimentConfig:
    """The configuration that `data` holds; every complaint about it in one `BadInput`."""
    rules = (
        *(_study_fits, _solver_fits, _execution_fits, _interventions_fit, _sweep_fits),
        _outputs_fit,
    )
    return check_as(ExperimentConfig, data, source, *rules)


def check_as(
    form: type[Form],
    data: Mapping[Any, Any],
    source: str,
    *rules: Callable[[Form], Iterable[str]],
) -> Form:
    """`data` as a `form`, after `rules` between its keys have nothing to complain about.

    **Raises:** `BadInput` with every complaint, each on a line that begins with `source`.
    """
    try:
        filled = form.model_validate(data)
    except ValidationError as error:
        complaints = [_complaint(entry, data) for entry in error.errors(include_url=False)]
    else:
        complaints = [complaint for rule in rules for complaint in rule(filled)]
        if not complaints:
            return filled
    raise BadInput(as_lines(complaints, source))


def as_lines(complaints: Sequence[str], source: str) -> str:
    """The first complaints, each on a line that begins with `source`, and how many there are."""
    shown = list(complaints[:_MOST_COMPLAINTS])
    if len(complaints) > len(shown):
        shown.append(f"and {len(complaints) - len(shown)} more.")
    return "\n".join(f"{source}: {line}" for line in shown)


# ------------------------------------------------------------------------------------- reading


def parse_yaml(text: str, source: str) -> Any:
    """The plain data in a YAML text; `source` is for messages."""
    return yaml_text.parse_yaml(text, source, MAX_DEPTH)


def _read(path: Path) -> str:
    try:
        return read_bytes(path, MAX_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8 text: {error.reason}.") from error


def _plain(value: Any, depth: int = 0) -> Any:
    """A copy with plain dicts, so that overrides do not reach the caller's own."""
    if depth > MAX_DEPTH:
        raise BadInput(f"The configuration is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, Mapping):
        return {key: _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    return value


# ----------------------------------------------------------------------------------- overrides


def override(data: dict[str, Any], text: str) -> None:
    """Apply one `key.sub=value` to `data`."""
    keys = _key(text)
    value = parse_yaml(text.partition("=")[2], f"--set {short_name(text)}")
    at: Any = data
    for i, key in enumerate(keys[:-1]):
        if at.get(key) is None:
            at[key] = {}
        at = at[key]
        if not isinstance(at, dict):
            raise BadInput(
                f"--set {short_name(text)}: `{'.'.join(keys[: i + 1])}` has no keys below it."
            )
    at[keys[-1]] = value


def _key(text: str) -> tuple[str, ...]:
    """The keys of an override; a sweep's own key, `<intervention>.<parameter>`, holds a dot."""
    name, equals, _ = text.partition("=")
    keys = tuple(name.strip().split("."))
    if not equals or not all(keys) or len(keys) > MAX_DEPTH:
        raise BadInput(
            f"--set {short_name(text)}: write key=value, for example --set study.rate_hz=50."
        )
    if keys[0] == "sweep" and len(keys) > 2:
        return ("sweep", f"{keys[1]}.{keys[2]}", *keys[3:])
    return keys


# ------------------------------------------------------------------------------- between keys


def sweepable(config: ExperimentConfig) -> tuple[str, ...]:
    """Every key that a sweep of this configuration may vary: `<intervention>.<parameter>`, and
    numbers of the study and the body that say so."""
    return tuple(_parameters(config))


def parameter_of(config: ExperimentConfig, key: str) -> Parameter:
    """What is known of one of `sweepable`."""
    return _parameters(config)[key]


def _parameters(config: ExperimentConfig) -> dict[str, Parameter]:
    of_body = {name: CATALOGUE[x.kind].parameters for name, x in config.interventions.items()}
    of_parts = {"model": tuple(SIZE.values()), "study": sweepable_numbers(config.study)}
    return {
        f"{part}.{parameter.name}": parameter
        for part, parameters in {**of_body, **of_parts}.items()
        for parameter in parameters
    }


def axis_values(axis: SweepAxis) -> tuple[float, ...]:
    """The values along one axis of a grid."""
    if axis.values is not None:
        return tuple(float(value) for value in axis.values)
    first, last, count = axis.linspace  # type: ignore[misc]
    return tuple(first + (last - first) * i / (count - 1) for i in range(count))


def idle_interventions(config: ExperimentConfig, varied: Iterable[str]) -> Iterable[str]:
    """A complaint for each intervention that changes nothing, given the parameters `varied`."""
    varied = tuple(varied)
    for name, chosen in config.interventions.items():
        parameters = {parameter.name for parameter in CATALOGUE[chosen.kind].parameters}
        swept = {key.partition(".")[2] for key in varied if key.startswith(f"{name}.")}
        if not (parameters & chosen.model_fields_set or parameters & swept):
            yield (
                f"`interventions.{name}` changes nothing: give it {_listed(sorted(parameters))}, "
                "or sweep it."
            )


def _study_fits(config: ExperimentConfig) -> Iterable[str]:
    kind, edits, trial = config.study.kind, config.model_edits, config.trial
    if kind == "inverse":
        return
    if config.precision != "float64":
        yield f"`precision` is float32, and the study '{kind}' is computed in float64 only."
    if edits.value:
        here = "has no recording" if kind == "stand" else "may depart from it"
        yield (
            f"`model_edits.value` replaces what was recorded, and the study '{kind}' {here}: "
            "`lock` the coordinate at that value instead."
        )
    if edits.residuals:
        what = "stand" if kind == "stand" else "walk by itself"
        yield (
            "`model_edits.residuals` would hold the body up from outside, so that it need not "
            f"{what}: take them out."
        )
    for key, words in _NOT_TRACKED.items():
        if trial is not None and getattr(trial, key):
            yield f"`trial.{key}`: {words} no part of what the study 'track' tracks; take it out."


_NOT_TRACKED = {
    "external_loads": "the ground reaction is found and not given, and a recorded one is",
    "emg": "recorded muscle activity is",
}


def _solver_fits(config: ExperimentConfig) -> Iterable[str]:
    tolerance, single = config.solver.tolerance, config.precision == "float32"
    if config.study.kind != "inverse":  # refused in single precision for that alone
        return
    if single and tolerance is not None and tolerance < _LEAST_SINGLE:
        yield (
            f"`solver.tolerance` is {tolerance:g}, which single precision cannot tell from "
            f"rounding; it must be at least {_LEAST_SINGLE:g}, or `precision` float64."
        )


def _execution_fits(config: ExperimentConfig) -> Iterable[str]:
    asked = config.execution
    if asked.executor == "serial" and asked.batch_timeout_s is not None:
        yield (
            "`execution.batch_timeout_s` limits worker processes, and `execution.executor` is "
            "serial, which has none: choose processes or dask, or take the limit out."
        )


def _interventions_fit(config: ExperimentConfig) -> Iterable[str]:
    for name, chosen in config.interventions.items():
        where, entry = f"interventions.{name}", CATALOGUE[chosen.kind]
        if name in RESERVED_NAMES:
            yield f"`{where}`: the name '{name}' is taken; choose another."
        if (
            entry.needs_motion
            and config.study.kind == "inverse"
            and not config.study.allow_fixed_kinematics
        ):
            yield (
                f"`{where}`: '{chosen.kind}' acts by changing the movement, which `inverse` holds "
                "as measured. The studies `stand` and `track` let the body move. Or set "
                "`study.allow_fixed_kinematics: true` to compute it all the same; the result is "
                "then marked."
            )
    if not isinstance(config.design, CohortDesign):  # whose file says what varies
        yield from idle_interventions(config, config.sweep)


def _sweep_fits(config: ExperimentConfig) -> Iterable[str]:
    known = sweepable(config)
    for key, axis in config.sweep.items():
        where = f"sweep.{key}"
        if key not in known:
            yield f"`{where}`: {_why_not_swept(config, key, known)}"
            continue
        allowed = parameter_of(config, key)
        places = axis.distribution().places if axis.is_distribution else axis_values(axis)
        beyond = [value for value in places if not allowed.lower <= value <= allowed.upper]
        if beyond:
            yield f"`{where}` has {_listed(f'{v:g}' for v in beyond)}; it {between(allowed)}."
        elif axis.is_distribution:
            try:
                axis.distribution(allowed.lower, allowed.upper)
            except BadInput as problem:
                yield f"`{where}`: {problem}."
    yield from design_fits(config.sweep, config.design)


def _why_not_swept(config: ExperimentConfig, key: str, known: Sequence[str]) -> str:
    """What there is to vary, and what is wrong with `key`."""
    there = f"What can be varied here: {', '.join(known[:_MOST_NAMED])}"
    there += f" and {len(known) - _MOST_NAMED} more." if len(known) > _MOST_NAMED else "."
    part, _, field = key.partition(".")
    if part in RESERVED_NAMES and field in type(getattr(config, part)).model_fields:
        return f"{there} `{key}` is the same in all cases of a run: make a run for each value."
    hint = near_miss(key, known) or (
        "" if config.interventions else "To vary the body, name an intervention."
    )
    return f"{there} '{short_name(key)}' is none of them. {hint}".rstrip()


def design_fits(sweep: Mapping[str, SweepAxis], design: Design) -> Iterable[str]:
    """What is wrong with the axes of a sweep for the design that is to choose its cases."""
    if isinstance(design, CohortDesign):
        if sweep:
            yield "`sweep` must be empty: the columns of `design.path` say what varies."
        return
    if design.kind == "grid":
        yield from _grid_fits(sweep)
        return
    if not sweep:
        yield (
            f"`design` is '{design.kind}', but `sweep` names no parameter to draw: write, for "
            "example, `sweep: {<intervention>.<parameter>: {uniform: [low, high]}}`."
        )
        return
    for key, axis in sweep.items():
        if not axis.is_distribution:
            low, high = min(axis_values(axis)), max(axis_values(axis))
            ends = f"{low:g}, {high:g}" if low < high else "low, high"
            example = f"uniform: [{ends}]"
            yield (
                f"`sweep.{key}` has `{axis.kind}`, and '{design.kind}' draws from a distribution: "
                f"write `{example}` or another one, or take `design` out to run a grid."
            )
    problem = too_many(case_count(design.kind, len(sweep), **design.settings), len(sweep))
    if problem:
        yield f"`design` {problem}."


def _grid_fits(sweep: Mapping[str, SweepAxis]) -> Iterable[str]:
    total = 1
    for key, axis in sweep.items():
        if axis.is_distribution:
            yield (
                f"`sweep.{key}` is `{axis.kind}`, and a grid needs `values` or `linspace`: give "
                "them, or choose a design that draws, such as `design: {kind: lhs, samples: 100}`."
            )
            continue
        values = axis_values(axis)
        total *= len(values)
        if len(set(values)) < len(values):
            yield f"`sweep.{key}` holds a value twice: {_listed(f'{v:g}' for v in values)}."
    problem = too_many(total, len(sweep))
    if problem:
        yield f"`sweep` {problem}."


def _outputs_fit(config: ExperimentConfig) -> Iterable[str]:
    kind = config.study.kind
    for name in dict.fromkeys(config.metrics):
        if config.metrics.count(name) > 1:
            yield f"`metrics` holds `{name}` twice; name it once."
    variables = tuple(dict.fromkeys((*OUTPUTS[kind], *ALWAYS_KEPT[kind])))
    wanted = [("outputs", config.outputs, variables)]
    if kind == "inverse":  # others are those of the body, which is read later
        wanted += [("metrics", config.metrics, tuple(METRICS))]
    for key, chosen, known in wanted:
        for name in chosen:
            if name not in known:
                of = "" if kind == "inverse" else f" of the study '{kind}'"
                yield f"`{key}`: there is no '{name}'{of}. {suggest(name, known)}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


# -------------------------------------------------------------------------------- complaints


def _complaint(error: Mapping[str, Any], data: Any) -> str:
    """One of pydantic's errors in our words: the key, what it is, what it must be."""
    keys, value = _walk(error["loc"], data)
    where = f"`{'.'.join(map(str, keys))}`" if keys else "the configuration"
    kind, context, given = error["type"], error.get("ctx", {}), _shown(error["input"])
    if kind == "missing" and isinstance(error["loc"][-1], int):
        return f"`{'.'.join(keys)}` needs more entries: number {error['loc'][-1] + 1} is missing."
    if kind == "missing":
        return f"{where} is missing."
    kinds = tuple({"design": DESIGNS, "study": STUDIES}.get((*keys, "")[0], CATALOGUE))
    if kind == "union_tag_not_found":
        return f"`{'.'.join((*keys, 'kind'))}` is missing. There are: {', '.join(kinds)}."
    if kind == "union_tag_invalid":
        tag = str(context["tag"])
        return f"`{'.'.join((*keys, 'kind'))}`: no '{tag}'. {suggest(tag, kinds)}"
    if kind in _GOES_ON:
        return f"{where} {_sentence(error['msg'])}"
    if kind in _SAYS_IT_ALL:
        return f"{where}: {_sentence(error['msg'])}"
    parameter = _parameter(keys, data)
    if parameter is not None and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{where} is {given}; it {between(parameter)}."
    hint = _number_hint(value, keys, parameter) if kind == "float_type" else ""
    return f"{where} is {given}; it {_must(kind, error['msg'])}{hint}."


def _number_hint(value: Any, keys: tuple[str, ...], parameter: Parameter | None) -> str:
    """`: write 0.5` for the text "50 %"; nothing for a text that begins with no number."""
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return ""
    number, given = float(found[1]), found[2]
    unit = parameter.unit if parameter is not None else _unit_in_name(keys[-1])
    if given == "%":
        return f": write {number / 100.0:g}"
    if not given or given.lower() == unit.lower():
        return f": write {number:g}"
    return f": write the number alone{f', in {unit}' if unit not in ('', '-') else ''}"


_QUANTITY = re.compile(
    r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)\s*((?:[^\W\d_]|[%°µ])\S*|)\s*"
)
_UNITS = ("Hz", "s", "mm", "m", "kg", "deg")


def _unit_in_name(key: str) -> str:
    """`Hz` of `lowpass_hz`; empty where the name tells none."""
    return next((unit for unit in _UNITS if key.endswith(f"_{unit.lower()}")), "")


_GOES_ON = ("unknown_key", "one_of", "power_of_two", "even")
"""Errors of our own whose message goes on after the key."""
_SAYS_IT_ALL = (
    *("unknown_name", "later", "reference_only", "bounds", "window", "blank", "count"),
    *("distribution", "no_motion"),
)
"""Errors of our own whose message stands by itself."""
_MUST = {
    "string_pattern_mismatch": "must be lower-case letters, digits and _, as in `left_leg2`",
    "dict_type": "must be a mapping, `key: value`",
    "model_attributes_type": "must be a mapping, `key: value`",
    "model_type": "must be a mapping, `key: value`",
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "invalid_key": "must be text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "too_short": "must have at least one entry",
}


def _must(kind: str, message: str) -> str:
    """What a value must be, from pydantic's message when there is no better one."""
    start, _, rest = message.partition(" should ")
    rest = rest.replace(" after validation", "")
    return _MUST.get(kind) or (f"must {rest}" if rest else f"does not fit: {start}")


def between(parameter: Parameter) -> str:
    """The range of a parameter, as the end of a sentence."""
    return f"must be {parameter.range_in_words}"


def _sentence(message: str) -> str:
    return message if message.endswith((".", "?")) else message + "."


def _shown(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _walk(location: Sequence[Any], data: Any) -> tuple[tuple[str, ...], Any]:
    """Keys of a complaint as the file has them, and the value there.

    Pydantic's location also holds the kind chosen in a union, and marks of its own.
    """
    keys: list[str] = []
    for i, step in enumerate(location):
        last = i == len(location) - 1
        if _has(data, step):
            data = data[step]
            keys.append(short_name(str(step)))
        elif last and step != "[key]" and isinstance(data, Mapping) and data.get("kind") != step:
            keys.append(short_name(str(step)))  # a missing key
    return tuple(keys), data


def _has(data: Any, step: Any) -> bool:
    if isinstance(data, Mapping):
        return step in data
    return isinstance(data, list | tuple) and isinstance(step, int) and step < len(data)


def _parameter(keys: tuple[str, ...], data: Any) -> Parameter | None:
    """The parameter that a complaint is about, if it is about one."""
    if len(keys) == 2 and keys[0] == "model":
        return SIZE.get(keys[1])
    if len(keys) != 3 or keys[0] != "interventions":
        return None
    entry = CATALOGUE.get(data["interventions"][keys[1]].get("kind"))
    return next((p for p in entry.parameters if p.name == keys[2]), None) if entry else None


def to_plain(config: ExperimentConfig) -> dict[str, Any]:
    """The configuration as plain data with every default written out; `check` reads it back."""
    return config.model_dump(mode="json", by_alias=True)
