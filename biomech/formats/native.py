"""Native model files: the plain model description, written as YAML.

One file is one model. Numbers are SI and radians and survive a round trip exactly (shortest
decimal that reads back as the same double). See `yaml_text` for what of YAML is read; files over
`MAX_BYTES` and nesting over `MAX_DEPTH` are refused.
"""

import math
import os
from typing import Any

from ..model.body import Model
from ..model.build import build_model, describe_model
from ..model.names import BadInput
from .files import as_path, check_destination, read_bytes, write_whole
from .yaml_text import parse_yaml

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
SUFFIXES = (".yaml", ".yml")
"""Of native model files."""


def read_model(path: str | os.PathLike[str]) -> Model:
    """The model in a native file.

    **Raises:** `BadInput` for a file that is missing, too large, not YAML or not a model.
    """
    path = as_path(path, "path")
    try:
        text = read_bytes(path, MAX_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8 text: {error.reason}.") from error
    return parse_model(text, path.name)


def parse_model(text: str, file_name: str) -> Model:
    """The model in the `text` of a native file; `file_name` is for error messages."""
    try:
        return build_model(parse_description(text, file_name))
    except BadInput as error:
        message = str(error)
        if message.startswith(file_name):
            raise
        raise BadInput(f"{file_name}: {message}") from error


def parse_description(text: str, file_name: str) -> dict[str, Any]:
    """The plain description in the `text` of a native file, not yet checked."""
    description = parse_yaml(text, file_name, MAX_DEPTH)
    if not isinstance(description, dict):
        raise BadInput(
            f"{file_name} is not a model: it must be a mapping with `bodies`, `joints`..."
        )
    return description


def write_model(model: Model, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write `model` to a native file (.yaml), all of it or (on failure) nothing.

    **Raises:** `BadInput` for another suffix, a folder that does not exist, or a file that does
    unless `overwrite`.
    """
    path = as_path(path, "path")
    check_destination(path, overwrite, SUFFIXES, "a model file")
    write_whole(path, format_model(model))


def format_model(model: Model) -> str:
    """The text of a native file."""
    return format_description(describe_model(model))


def format_description(description: dict[str, Any]) -> str:
    """A plain description as YAML; what fits on one line goes on one line."""
    lines: list[str] = []
    _write_mapping(lines, description, "")
    return "\n".join(lines) + "\n"


_WIDTH = 100


def _write_mapping(lines: list[str], mapping: dict[str, Any], indent: str) -> None:
    for key, value in mapping.items():
        _write_value(lines, f"{indent}{_text(key)}:", value, indent + "  ")


def _write_value(lines: list[str], head: str, value: Any, indent: str) -> None:
    flow = _flow(value)
    if len(head) + 1 + len(flow) <= _WIDTH or not _is_nested(value):
        lines.append(f"{head} {flow}")
    elif isinstance(value, dict):
        lines.append(head)
        _write_mapping(lines, value, indent)
    else:
        lines.append(head)
        for item in value:
            _write_item(lines, item, indent)


def _write_item(lines: list[str], item: Any, indent: str) -> None:
    """One list entry; a mapping starts on the line of its dash."""
    if isinstance(item, dict) and len(indent) + 2 + len(_flow(item)) > _WIDTH:
        start = len(lines)
        _write_mapping(lines, item, indent + "  ")
        lines[start] = f"{indent}- {lines[start][len(indent) + 2 :]}"
    else:
        _write_value(lines, f"{indent}-", item, indent + "  ")


def _is_nested(value: Any) -> bool:
    """Whether a container is worth a block: plain rows of numbers are not."""
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, list) and any(isinstance(v, dict | list | str) for v in value)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(v) for v in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    return str(value) if isinstance(value, int) else _text(value)


def _float(value: float) -> str:
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    if math.isnan(value):
        raise BadInput("The model holds NaN; it cannot be written.")
    return repr(float(value))


_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def _text(value: Any) -> str:
    """Text, quoted unless it is a plain word."""
    text = str(value)
    plain = text.replace("_", "").replace("-", "").isalnum() and text.isascii()
    if plain and text[0].isalpha() and text.lower() not in _WORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else _escape(c) for c in escaped) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
