"""The reference on interventions, from what they and their modules say of themselves.

`biomech interventions` prints `listing`; with `--markdown` it prints `reference`, which
docs/interventions.md holds.
"""

import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator
from types import ModuleType

from .catalogue import Intervention, Parameter
from .muscle_groups import GROUPS

_HEAD = ("name", "range", "neutral", "what it is", "source")


def reference(interventions: Iterable[Intervention]) -> str:
    """A section for each module: its interventions and how it works; then the muscle groups."""
    together: dict[ModuleType, list[Intervention]] = {}
    for entry in interventions:
        together.setdefault(sys.modules[entry.apply.__module__], []).append(entry)
    sections = [_section(module, entries) for module, entries in together.items()]
    return "\n\n".join((*sections, _groups())) + "\n"


def listing(interventions: Iterable[Intervention], width: int) -> str:
    """Each intervention and its parameters as plain text, no wider than `width`."""
    blocks = [_block(entry, width) for entry in interventions]
    return "\n\n".join(blocks) + "\n"


def _block(entry: Intervention, width: int) -> str:
    def wrapped(text, first, rest):
        return textwrap.fill(text, width, initial_indent=first, subsequent_indent=rest)

    lines = [wrapped(f"{entry.kind}: {entry.summary}{_of_study(entry)}", "", "  ")]
    for p in entry.parameters:
        text = f"{p.name}: {_span(p)}, neutral {p.neutral:g}; {p.description}. Source: {p.source}"
        lines.append(wrapped(text, "  - ", "    "))
    for name, options in entry.choices.items():
        lines.append(wrapped(f"{name}: one of {', '.join(options)}", "  - ", "    "))
    lines += [f"  - {name}: names in the model" for name in entry.texts]
    return "\n".join(lines)


def _span(parameter: Parameter) -> str:
    unit = "" if parameter.unit == "-" else f" {parameter.unit}"
    return f"{parameter.lower:g} to {parameter.upper:g}{unit}"


def _section(module: ModuleType, entries: list[Intervention]) -> str:
    title, _, method = (inspect.getdoc(module) or "").partition("\n")
    parts = [f"### {title.rstrip('.')}"]
    for entry in entries:
        parts += [f"**`{entry.kind}`**: {entry.summary}{_of_study(entry)}", _table(_rows(entry))]
    return "\n\n".join((*parts, method.strip("\n")))


def _of_study(entry: Intervention) -> str:
    return (
        " It needs movement: a configuration of `inverse` refuses it." if entry.needs_motion else ""
    )


def _rows(entry: Intervention) -> Iterator[tuple[str, ...]]:
    yield _HEAD
    for p in entry.parameters:
        yield f"`{p.name}`", _span(p), f"{p.neutral:g}", p.description, p.source
    for name, options in entry.choices.items():
        yield f"`{name}`", ", ".join(f"`{option}`" for option in options), "", "choice", ""
    for name in entry.texts:
        yield f"`{name}`", "text", "", "names in the model", ""


def _groups() -> str:
    rows = [("group", "names of muscles begin with")]
    rows += [(f"`{group}`", ", ".join(f"`{s}`" for s in stems)) for group, stems in GROUPS.items()]
    return "### Muscle groups\n\n" + _table(rows)


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    head, *body = rows
    lines = [head, ("---",) * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
