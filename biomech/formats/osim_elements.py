"""Elements of an .osim file in the making, and what of the model they do not say.

Numbers are the shortest decimals that read back as the same double.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement

from ..model.names import BadInput


@dataclass
class ExportReport:
    """What became of the parts of a model.

    **Attributes:**

    - `changed`: parts that the file holds otherwise, or OpenSim takes otherwise, and how.
    - `refused`: parts that no .osim file can hold, or OpenSim would not load, and why.
    """

    changed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def refuse(self, what: str, why: str) -> None:
        """Remember that the model cannot be written because of `what`."""
        self.refused.append(f"{what}: {why}")


def new_object(kind: str, name: str = "", **properties: object) -> Element:
    """An object of a class of OpenSim with some of its properties."""
    made = Element(kind, {"name": name} if name else {})
    add_properties(made, properties)
    return made


def add_properties(owner: Element, properties: Mapping[str, object]) -> None:
    """Give `owner` properties: numbers, true or false, text, or lists of them."""
    for key, value in properties.items():
        SubElement(owner, key).text = _text(value)


def add_set(owner: Element, kind: str, members: Iterable[Element]) -> None:
    """Give `owner` a set of objects, e.g. `<BodySet>`."""
    made = SubElement(owner, kind, {"name": kind.lower()})
    SubElement(made, "objects").extend(members)
    SubElement(made, "groups")


def add_list(owner: Element, key: str, members: Iterable[Element]) -> None:
    """Give `owner` a list of objects, e.g. `<coordinates>`, or the one object of a property.

    OpenSim writes an object property also as `<Class name="key">`, but 4.6 does not read that
    everywhere (moving points lose it without a word).
    """
    SubElement(owner, key).extend(members)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return str(value)


def _number(value: float) -> str:
    if math.isnan(value):
        raise BadInput("The model holds NaN; it cannot be written.")
    if math.isinf(value):
        return "Inf" if value > 0.0 else "-Inf"
    return repr(float(value))
