"""YAML within bounds: plain data of a text that may have been written to do harm.

YAML 1.2 in safe mode, of which only the plain part is read: repeated keys, anchors (and with them
aliases that multiply), tags, directives, merge keys, more than `max_depth` levels or `MAX_EVENTS`
keys and values, and whole numbers of hundreds of digits are refused. Each event is checked before
anything is made of it.
"""

import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.parser import Parser

from ..model.names import BadInput

MAX_EVENTS = 80_000
"""Most keys, values, and starts and ends of lists and mappings: about four seconds of reading."""
_MOST_DIGITS = 200  # of a whole number: it stays below the largest float
_WHOLE_NUMBER = re.compile(r"[-+]?(0x[0-9a-f_]+|0o[0-7_]+|[0-9_]+)", re.IGNORECASE)


def parse_yaml(text: str, source: str, max_depth: int) -> Any:
    """The plain data in a YAML text; `source` is for messages.

    **Raises:** `BadInput` that names the source, and the line if there is one.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Parser = _checked_parser(source, max_depth)
    try:
        return yaml.load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or type(error).__name__
        line = f", line {mark.line + 1}" if mark else ""
        raise BadInput(f"{source} cannot be read as YAML: {problem}{line}.") from error
    except BadInput:
        raise
    except Exception as error:  # a date that is none, a mapping as a key: the library's own answers
        raise BadInput(f"{source} cannot be read as YAML: {error}.") from error


def _checked_parser(source: str, max_depth: int) -> type[Parser]:
    class CheckedParser(Parser):
        depth = count = 0

        def get_event(self) -> Any:
            event = super().get_event()
            self.count += 1
            self.depth += isinstance(event, MappingStartEvent | SequenceStartEvent)
            self.depth -= isinstance(event, MappingEndEvent | SequenceEndEvent)
            refused = _why_refused(event)
            if self.count > MAX_EVENTS:
                refused = f"has more than {MAX_EVENTS} keys and values, the most that is read."
            if self.depth > max_depth:
                refused = f"is nested deeper than {max_depth} levels."
            if refused:
                raise BadInput(f"{source} {refused}")
            return event

    return CheckedParser


def _why_refused(event: Any) -> str:
    if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
        return "uses YAML anchors; write the values out."
    if getattr(event, "tag", None):
        return f"cannot be read as YAML: it uses the tag {str(event.tag)[:80]!r}; take it out."
    if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
        return "cannot be read as YAML: it has directives (%...); take them out."
    if not isinstance(event, ScalarEvent) or event.style:
        return ""
    if event.value == "<<":
        return "uses the YAML merge key `<<`; write the values out."
    if len(event.value) > _MOST_DIGITS and _WHOLE_NUMBER.fullmatch(event.value):
        return f"holds a whole number of {len(event.value)} digits; at most {_MOST_DIGITS}."
    return ""
