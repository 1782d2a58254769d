"""The reference on interventions as Markdown, from what they and their modules say of themselves.

`biomech interventions --markdown` prints it, docs/interventions.md holds it.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType

from .catalogue import Intervention
from .muscle_groups import GROUPS

_HEAD = ("name", "range", "neutral", "what it is", "source")


def reference(interventions: Iterable[Intervention]) -> str:
    """A section for each module: its interventions and how it works; then the muscle groups."""
    together: dict[ModuleType, list[Intervention]] = {}
    for entry in interventions:
        together.setdefault(sys.modules[entry.apply.__module__], []).append(entry)
    sections = [_section(module, entries) for module, entries in together.items()]
    return "\n\n".join((*sections, _groups())) + "\n"


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
        unit = "" if p.unit == "-" else f" {p.unit}"
        span = f"{p.lower:g} to {p.upper:g}{unit}"
        yield f"`{p.name}`", span, f"{p.neutral:g}", p.description, p.source
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
