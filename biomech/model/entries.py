"""Strict reading of one mapping of a model description: what, where and what to do on error."""

import math
import reprlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from .names import BadInput, short_name, suggest

MAX_ENTRIES = 5000
"""Most entries of one list, such as muscles; far more than any body has."""
MAX_NAME = 200
"""Most characters of a name."""
_REQUIRED: Any = object()


class Entry:
    """A mapping whose keys are taken one by one; `close` then refuses keys nobody asked for.

    `source` is welcome in every mapping and ignored.
    """

    def __init__(self, value: Any, where: str):
        if not isinstance(value, dict):
            raise BadInput(f"{where} must be a mapping of keys to values; got {_short(value)}.")
        self._value = value
        self._known = {"source"}
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def close(self) -> None:
        """Raise if the mapping holds a key that was never taken."""
        for key in self._value:
            if key not in self._known:
                known = sorted(self._known)
                raise BadInput(
                    f"{self.where} has an unknown key {_short(key)}. "
                    f"{suggest(_short(key).strip(chr(39)), known)}"
                )

    def take(self, key: str, default: Any = _REQUIRED) -> Any:
        """The raw value of `key`; an error if it is missing and has no default."""
        self._known.add(key)
        if key in self._value:
            return self._value[key]
        if default is _REQUIRED:
            present = [str(k) for k in self._value if k not in self._known]
            near = f" {suggest(key, present)}" if present else ""
            raise BadInput(f"{self.where} has no `{key}`.{near}")
        return default

    def number(
        self,
        key: str,
        default: Any = _REQUIRED,
        *,
        minimum: float = -math.inf,
        below: float = math.inf,
        unit: str = "",
        positive: bool = False,
        finite: bool = True,
    ) -> float:
        """A number, at least `minimum`, `below` a bound in `unit`, above zero if `positive`."""
        value = self._number(self.take(key, default), f"`{key}`", finite)
        if positive and not value > 0.0:
            raise BadInput(f"{self.where}: `{key}` is {value}; it must be positive.")
        if value < minimum:
            raise BadInput(f"{self.where}: `{key}` is {value}; it must be at least {minimum:g}.")
        if value >= below and finite:
            raise BadInput(
                f"{self.where}: `{key}` is {value:g} {unit}; it must be below {below:g} {unit}. "
                "Is it in another unit?"
            )
        return value

    def vector(
        self, key: str, length: int | None, default: Any = _REQUIRED, *, finite: bool = True
    ) -> np.ndarray:
        """A list of `length` numbers (any number of them if None)."""
        value = self.take(key, default)
        if not isinstance(value, list | tuple | np.ndarray):
            raise BadInput(f"{self.where}: `{key}` must be a list; got {_short(value)}.")
        if length is not None and len(value) != length:
            raise BadInput(
                f"{self.where}: `{key}` must have {length} numbers; got {len(value)}: "
                f"{_short(value)}."
            )
        what = f"`{key}` number"
        return np.array([self._number(v, f"{what} {i}", finite) for i, v in enumerate(value)])

    def interval(self, key: str) -> np.ndarray:
        """Two numbers, the first not above the second; infinite ones are allowed."""
        low, high = self.vector(key, 2, finite=False)
        if low > high:
            raise BadInput(f"{self.where}: `{key}` runs from {low} down to {high}; swap them.")
        return np.array([low, high])

    def text(self, key: str, default: Any = _REQUIRED, choices: Sequence[str] = ()) -> str:
        """A non-empty text, one of `choices` if there are any."""
        value = self.take(key, default)
        if not isinstance(value, str) or not value:
            raise BadInput(f"{self.where}: `{key}` must be text; got {_short(value)}.")
        if choices and value not in choices:
            raise BadInput(
                f"{self.where}: `{key}` is '{short_name(value)}'. {suggest(value, choices)}"
            )
        return value

    def flag(self, key: str, default: Any = _REQUIRED) -> bool:
        """true or false."""
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise BadInput(f"{self.where}: `{key}` must be true or false; got {_short(value)}.")
        return value

    def reference(self, key: str, kind: str, names: Sequence[str]) -> int:
        """Index, among `names`, of the thing this entry names."""
        name = self.text(key)
        if name not in names:
            raise BadInput(
                f"{self.where}: `{key}` names the {kind} '{short_name(name)}', which this model "
                f"does not have. {suggest(name, names)}"
            )
        return tuple(names).index(name)

    def optional_reference(self, key: str, kind: str, names: Sequence[str]) -> int:
        """As `reference`; -1 where the entry says null."""
        return -1 if self.take(key) is None else self.reference(key, kind, names)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty if missing."""
        value = self.take(key, [])
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            raise BadInput(f"{self.where}: `{key}` must be a list of texts; got {_short(value)}.")
        return tuple(value)

    def mapping(self, key: str, default: Any = _REQUIRED) -> "Entry":
        """The mapping under `key`."""
        return Entry(self.take(key, default), f"{self.where}, `{key}`")

    def entries(self, key: str, what: str, length: int | None = None) -> list["Entry"]:
        """The mappings listed under `key` (none if missing), each known by its name or place."""
        value = self.take(key, [] if length is None else _REQUIRED)
        if not isinstance(value, list | tuple):
            raise BadInput(f"{self.where}: `{key}` must be a list; got {_short(value)}.")
        if length is not None and len(value) != length:
            raise BadInput(f"{self.where}: `{key}` must list {length} mappings; got {len(value)}.")
        if len(value) > MAX_ENTRIES:
            raise BadInput(
                f"{self.where}: `{key}` has {len(value)} entries; at most {MAX_ENTRIES} are read."
            )
        prefix = "" if self.where == "the model" else f"{self.where}, "
        return [Entry(v, prefix + _place(v, what, i)) for i, v in enumerate(value)]

    def _number(self, value: Any, what: str, finite: bool) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise BadInput(f"{self.where}: {what} must be a number; got {_short(value)}.")
        number = float(value)
        if math.isnan(number) or (finite and math.isinf(number)):
            raise BadInput(f"{self.where}: {what} is {number}; it must be a finite number.")
        return number


def unique_names(entries: Sequence[Entry], kind: str) -> tuple[str, ...]:
    """The entries' names; an error if two are alike, or one cannot be shown in a line."""
    names = tuple(printable_name(entry, kind) for entry in entries)
    for name, count in Counter(names).items():
        if count > 1:
            raise BadInput(f"More than one {kind} is named '{name}'. Names must differ.")
    return names


def printable_name(entry: Entry, kind: str) -> str:
    """The entry's name; an error if it is too long or cannot be shown in a line."""
    name = entry.text("name")
    if len(name) > MAX_NAME or not name.isprintable():
        raise BadInput(
            f"A {kind} is named '{short_name(name)}'. A name must be at most {MAX_NAME} characters "
            "that can be printed."
        )
    return name


def _place(value: Any, what: str, index: int) -> str:
    name = value.get("name") if isinstance(value, dict) else None
    return f"{what} '{short_name(name)}'" if isinstance(name, str) else f"{what} {index}"


def _short(value: Any) -> str:
    return reprlib.repr(value)
