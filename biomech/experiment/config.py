"""A configuration file, read and checked; what is wrong is said with file, key and remedy.

`formats.yaml_text` says what of YAML is read; files over `MAX_BYTES` and nesting over `MAX_DEPTH`
are refused. The checks of each key stand in `schema.py`; those between keys (a sweep over a
parameter that exists, an intervention that a study can answer) are here.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..formats import yaml_text
from ..formats.files import read_bytes
from ..interventions import CATALOGUE, Parameter
from ..model.names import BadInput, short_name, suggest
from ..studies.metrics import METRICS
from .schema import MAX_SWEEP_VALUES, OUTPUTS, RESERVED_NAMES, ExperimentConfig
from .shipped import find_configuration

MAX_BYTES = 250_000
MAX_DEPTH = 12
_MOST_COMPLAINTS = 8


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
    try:
        config = ExperimentConfig.model_validate(data)
    except ValidationError as error:
        complaints = [_complaint(entry, data) for entry in error.errors(include_url=False)]
    else:
        complaints = [*_interventions_fit(config), *_sweep_fits(config), *_outputs_fit(config)]
        if not complaints:
            return config
    shown = complaints[:_MOST_COMPLAINTS]
    if len(complaints) > len(shown):
        shown.append(f"and {len(complaints) - len(shown)} more.")
    raise BadInput("\n".join(f"{source}: {line}" for line in shown))


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
    """Every `<intervention>.<parameter>` of this configuration that a sweep may vary."""
    return tuple(
        f"{name}.{parameter.name}"
        for name, chosen in config.interventions.items()
        for parameter in CATALOGUE[chosen.kind].parameters
    )


def axis_values(config: ExperimentConfig, key: str) -> tuple[float, ...]:
    """The values along one axis of the sweep."""
    axis = config.sweep[key]
    if axis.values is not None:
        return tuple(float(value) for value in axis.values)
    first, last, count = axis.linspace  # type: ignore[misc]
    return tuple(first + (last - first) * i / (count - 1) for i in range(count))


def _interventions_fit(config: ExperimentConfig) -> Iterable[str]:
    for name, chosen in config.interventions.items():
        where, entry = f"interventions.{name}", CATALOGUE[chosen.kind]
        if name in RESERVED_NAMES:
            yield f"`{where}`: the name '{name}' is taken; choose another."
        if entry.needs_motion and not config.study.allow_fixed_kinematics:
            yield (
                f"`{where}`: '{chosen.kind}' acts by changing the movement, which `inverse` holds "
                "as measured. Set `study.allow_fixed_kinematics: true` to compute it all the same; "
                "the result is then marked."
            )
        parameters = {parameter.name for parameter in entry.parameters}
        swept = {key.partition(".")[2] for key in config.sweep if key.startswith(f"{name}.")}
        if not (parameters & chosen.model_fields_set or parameters & swept):
            yield f"`{where}` changes nothing: give it {_listed(sorted(parameters))}, or sweep it."


def _sweep_fits(config: ExperimentConfig) -> Iterable[str]:
    known, total = sweepable(config), 1
    for key in config.sweep:
        where = f"sweep.{key}"
        if key not in known:
            hint = suggest(key, known) if known else "No intervention is named to sweep."
            yield f"`{where}`: nothing here is called '{key}'. {hint}"
            continue
        values = axis_values(config, key)
        total *= len(values)
        if len(set(values)) < len(values):
            yield f"`{where}` holds a value twice: {_listed(f'{v:g}' for v in values)}."
        name, _, parameter = key.partition(".")
        entry = CATALOGUE[config.interventions[name].kind]
        allowed = next(p for p in entry.parameters if p.name == parameter)
        beyond = [value for value in values if not allowed.lower <= value <= allowed.upper]
        if beyond:
            yield f"`{where}` has {_listed(f'{v:g}' for v in beyond)}; it {_between(allowed)}."
    if total > MAX_SWEEP_VALUES:
        yield f"`sweep` has {total} cases; at most {MAX_SWEEP_VALUES} are run at once."


def _outputs_fit(config: ExperimentConfig) -> Iterable[str]:
    for key, chosen, known in (
        ("outputs", config.outputs, OUTPUTS),
        ("metrics", config.metrics, tuple(METRICS)),
    ):
        for name in chosen:
            if name not in known:
                yield f"`{key}`: there is no '{name}'. {suggest(name, known)}"


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
    if kind == "union_tag_not_found":
        return f"`{'.'.join((*keys, 'kind'))}` is missing. There are: {', '.join(CATALOGUE)}."
    if kind == "union_tag_invalid":
        tag = str(context["tag"])
        return f"`{'.'.join((*keys, 'kind'))}`: no '{tag}'. {suggest(tag, tuple(CATALOGUE))}"
    if kind in ("unknown_key", "one_of"):
        return f"{where} {_sentence(error['msg'])}"
    if kind in ("unknown_name", "later", "reference_only", "bounds", "window", "blank", "count"):
        return f"{where}: {_sentence(error['msg'])}"
    parameter = _parameter(keys, data)
    if parameter is not None and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{where} is {given}; it {_between(parameter)}."
    return f"{where} is {given}; it {_must(kind, error['msg'])}."


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
    return _MUST.get(kind) or (f"must {rest}" if rest else f"does not fit: {start}")


def _between(parameter: Parameter) -> str:
    unit = "" if parameter.unit == "-" else f" {parameter.unit}"
    return (
        f"must be between {parameter.lower:g} and {parameter.upper:g}{unit} "
        f"(neutral {parameter.neutral:g})"
    )


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
    """The catalogue's parameter that a complaint is about, if it is about one."""
    if len(keys) != 3 or keys[0] != "interventions":
        return None
    entry = CATALOGUE.get(data["interventions"][keys[1]].get("kind"))
    return next((p for p in entry.parameters if p.name == keys[2]), None) if entry else None


def to_plain(config: ExperimentConfig) -> dict[str, Any]:
    """The configuration as plain data with every default written out; `check` reads it back."""
    return config.model_dump(mode="json", by_alias=True)
