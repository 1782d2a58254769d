"""Names that OpenSim accepts: what it forbids in a component's name is replaced, clashes are ended.

OpenSim finds components by paths ("/bodyset/tibia_r"), so that no name may hold a space or one of
/ \\ * +, nor be "." or ".."; and the members of a set must differ, all forces being in one set.
"""

import re
from typing import Any

from ..model.entries import MAX_NAME
from .osim_elements import ExportReport

_FORBIDDEN = re.compile(r"[\s/\\*+]")
_SETS = (
    ("bodies",),
    ("joints",),
    ("coordinates",),
    ("couplers",),
    ("cylinders",),
    ("muscles", "ligaments", "contacts", "actuators", "passive_moments"),
    ("markers",),
)
_KIND_OF_REFERENCE = {
    "parent": "bodies",
    "child": "bodies",
    "body": "bodies",
    "coordinate": "coordinates",
    "dependent": "coordinates",
    "independent": "coordinates",
    "cylinder": "cylinders",
}


def with_legal_names(description: dict[str, Any], report: ExportReport) -> dict[str, Any]:
    """The description with every name one that OpenSim accepts; the changes are reported."""
    renamed: dict[str, dict[str, str]] = {}
    for kinds in _SETS:
        renamed |= _legal({kind: [entry["name"] for entry in description[kind]] for kind in kinds})
    report.changed += [
        f"The {_singular(kind).replace('_', ' ')} '{old}' is called '{new}'."
        for kind, names in renamed.items()
        for old, new in names.items()
        if old != new and kind != "couplers"
    ]
    new = {key: _renamed(value, renamed, renamed.get(key)) for key, value in description.items()}
    new["name"] = legal_name(description["name"], set())
    if new["name"] != description["name"]:
        report.changed.append(f"The model '{description['name']}' is called '{new['name']}'.")
    return new


def legal_name(name: str, taken: set[str]) -> str:
    """A name like `name` that OpenSim accepts and that is not `taken`, which it joins."""
    plain = _FORBIDDEN.sub("_", name)
    plain = "_" if plain in (".", "..") else plain
    found, count = plain, 1
    while found in taken:
        count += 1
        ending = f"_{count}"
        found = plain[: MAX_NAME - len(ending)] + ending
    taken.add(found)
    return found


def member_name(owner: str, ending: str) -> str:
    """The name of a part of `owner`, such as a point of its path."""
    return owner[: MAX_NAME - len(ending)] + ending


def _legal(names: dict[str, list[str]]) -> dict[str, dict[str, str]]:
    """New name of each member of a set, by kind; the first to have a legal name keeps it."""
    taken = {"ground"} if "bodies" in names else set()
    found: dict[str, dict[str, str]] = {kind: {} for kind in names}
    members = [(kind, name) for kind, of_kind in names.items() for name in of_kind]
    for kind, name in members:
        if name not in taken and legal_name(name, set()) == name:
            found[kind][name] = legal_name(name, taken)
    for kind, name in members:
        if name not in found[kind]:
            of_its_kind = member_name(name, f"_{_singular(kind)}") if len(names) > 1 else name
            found[kind][name] = legal_name(of_its_kind if name in taken else name, taken)
    return found


def _singular(kind: str) -> str:
    return "body" if kind == "bodies" else kind[:-1]


def _renamed(value: Any, names: dict[str, dict[str, str]], own: dict[str, str] | None) -> Any:
    """`value` with the names in it replaced; `own` are those of the entries of a list."""
    if isinstance(value, list):
        return [_renamed(item, names, own) for item in value]
    if not isinstance(value, dict):
        return value
    new = {key: _renamed(item, names, None) for key, item in value.items()}
    if own is not None:
        new["name"] = own[value["name"]]
    for key, kind in _KIND_OF_REFERENCE.items():
        if isinstance(value.get(key), str):
            new[key] = names[kind].get(value[key], value[key])
    return new
