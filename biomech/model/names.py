"""Names: turning one into an index, and the error a user sees when there is none."""

import difflib
from collections.abc import Sequence

_MOST_COMPARED = 5000  # names that are looked through for near misses
_LONGEST = 80  # characters of a name that a message shows


def legible(text: str) -> str:
    """`text` with all that a terminal would obey instead of show as escapes; line breaks stay."""
    if text.isprintable():
        return text
    plain = (c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
    return "".join(plain)


class BadInput(ValueError):
    """The user's file, configuration or argument cannot be used; says what, where and what to do.

    The command line turns it into exit code 2. Whatever it quotes, the message is `legible`.
    """

    def __str__(self):
        return legible(super().__str__())


class UnknownName(KeyError, BadInput):
    """A name that is not in the model, the file or the configuration."""

    def __str__(self):  # KeyError would show the message in quotes
        return legible(str(self.args[0]))


def find(kind: str, name: str, names: Sequence[str]) -> int:
    """Index of `name` in `names`.

    **Raises:** `UnknownName` (a `KeyError`) that suggests near misses, e.g.
    ``No muscle named 'glmed_1_r' in this model. Did you mean ['glmed1_r', 'glmax1_r']?``
    """
    try:
        return tuple(names).index(name)
    except ValueError:
        hint = suggest(name, names)
        raise UnknownName(f"No {kind} named '{short_name(name)}' in this model. {hint}") from None


def suggest(name: str, names: Sequence[str]) -> str:
    """One sentence that helps whoever wrote `name` to the right one of `names`."""
    return near_miss(name, names) or there_are(names)


def there_are(names: Sequence[str]) -> str:
    """The first of `names` in a sentence, and how many more."""
    shown = [short_name(known) for known in sorted(names)[:12]]
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"There are: {', '.join(shown)}{more}." if shown else "There are none."


def short_name(name: str) -> str:
    """`name` in one line and at most as long as a message should quote."""
    name = name if name.isprintable() else repr(name)[1:-1]
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."


def near_miss(name: str, names: Sequence[str]) -> str:
    """``Did you mean 'glmed1_r' or 'glmed2_r'?`` with those like `name`; else nothing."""
    # Bounded, since the time goes with the number of names and the square of their length.
    comparable = [known for known in names[:_MOST_COMPARED] if len(known) <= _LONGEST]
    close = difflib.get_close_matches(name[:_LONGEST], comparable, n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(map(repr, close))}?" if close else ""
