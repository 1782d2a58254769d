"""Names: turning one into an index, and the error a user sees when there is none."""

import difflib
from collections.abc import Sequence


class BadInput(ValueError):
    """The user's file, configuration or argument cannot be used; says what, where and what to do.

    The command line turns it into exit code 2.
    """


class UnknownName(KeyError, BadInput):
    """A name that is not in the model, the file or the configuration."""

    def __str__(self):  # KeyError would show the message in quotes
        return str(self.args[0])


def find(kind: str, name: str, names: Sequence[str]) -> int:
    """Index of `name` in `names`.

    **Raises:** `UnknownName` (a `KeyError`) that suggests near misses, e.g.
    ``No muscle named 'glmed_1_r' in this model. Did you mean ['glmed1_r', 'glmax1_r']?``
    """
    try:
        return tuple(names).index(name)
    except ValueError:
        hint = suggest(name, names)
        raise UnknownName(f"No {kind} named '{name}' in this model. {hint}") from None


def suggest(name: str, names: Sequence[str]) -> str:
    """One sentence that helps whoever wrote `name` to the right one of `names`."""
    near = near_miss(name, names)
    if near:
        return near
    shown = sorted(names)
    more = f" and {len(shown) - 12} more" if len(shown) > 12 else ""
    return f"There are: {', '.join(shown[:12])}{more}." if shown else "There are none."


def near_miss(name: str, names: Sequence[str]) -> str:
    """``Did you mean 'glmed1_r'?`` with those of `names` that are like `name`; else nothing."""
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if not close:
        return ""
    return f"Did you mean {repr(close[0]) if len(close) == 1 else close}?"
