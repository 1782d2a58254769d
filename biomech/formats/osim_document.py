"""An .osim file as a tree of components whose properties are read strictly.

OpenSim writes XML: one element per component, one child element per property. A property that is
absent has the value of the `<defaults>` object of its class, or else the class's own default.
Which default that is, is said where the property is read; both are OpenSim's.

Only the named file is ever opened: entities, document types and files that it refers to are
refused. Size, nesting and number of elements are bounded, so that a hostile file ends in an error.
"""

import io
import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.parsers.expat import ErrorString

import defusedxml
from defusedxml.ElementTree import DefusedXMLParser

from ..model.names import BadInput, suggest
from .files import NO_FILE, as_path, why_no_file

MAX_BYTES = 64 * 2**20
MAX_ELEMENTS = 2_000_000
MAX_DEPTH = 100

_OLDEST_VERSION = 20_000  # before, joints and muscles were written in another way
_REQUIRED: Any = object()
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?)", re.I)


@dataclass
class OsimReport:
    """What became of the parts of a file.

    **Attributes:**

    - `read`: number of components by type.
    - `ignored`: parts that have no mechanics here, e.g. geometry, and why.
    - `not_simulated`: forces that OpenSim would apply and this package does not, by name.
    - `refused`: parts without which the model would move or pull differently, by name and why.
    - `notes`: what was assumed or left out, for the model's own notes.
    - `rigid_tendons`: names of the muscles marked `ignore_tendon_compliance`.
    """

    read: Counter[str] = field(default_factory=Counter)
    ignored: list[str] = field(default_factory=list)
    not_simulated: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rigid_tendons: list[str] = field(default_factory=list)

    def refuse(self, what: str, why: str) -> None:
        """Remember that the model cannot be used because of `what`."""
        self.refused.append(f"{what}: {why}")


class Node:
    """One XML element, its properties taken by name.

    **Attributes:**

    - `element`: of the file. `tag`, `name`: its type and its `name` attribute.
    - `path`: of the component in the model, such as "/jointset/hip_r/pelvis_offset".
    - `where`: how an error message calls it.
    - `group`: the set it is in, such as "ForceSet", or "components"; empty inside a component.
    - `body_around`: the body an old file's joint is written in; else empty.
    """

    def __init__(
        self,
        element: Element,
        defaults: dict[str, Element],
        path: str,
        owner: str = "",
        group: str = "",
        body_around: str = "",
    ):
        self.element = element
        self.tag = element.tag
        self.name = (element.get("name") or "").strip()
        self.path = path
        self.group = group
        self.body_around = body_around
        called = f"{self.tag} '{self.name}'" if self.name else self.tag
        self.where = f"{owner}, {called}" if owner else called
        self._defaults = defaults

    def child(self, key: str) -> "Node | None":
        """The child element `key`, of this object or of its class's `<defaults>` object."""
        found = self._find(key)
        return None if found is None else self.inside(found)

    def named_child(self, key: str) -> "Node | None":
        """The object held by property `key`: `<key><Type/></key>` or `<Type name="key"/>`."""
        for source in self._sources():
            for element in source:
                if element.tag == key and len(element):
                    return self.inside(element[0])
                if element.get("name") == key and element.tag != key:
                    return self.inside(element)
        return None

    def inside(self, element: Element) -> "Node":
        """A node for an element of this one."""
        name = element.get("name")
        return Node(
            element, self._defaults, f"{self.path}/{name}" if name else self.path, self.where
        )

    def objects(self, key: str) -> list["Node"]:
        """The objects of set or list property `key`: in its `<objects>`, or directly."""
        found = self._find(key)
        if found is None:
            return []
        _refuse_file_reference(found, self.where)
        inner = found.find("objects")
        return [self.inside(e) for e in (found if inner is None else inner) if e.tag != "groups"]

    def optional_text(self, key: str) -> str | None:
        """The words of property `key`; None if it is absent or empty."""
        found = self._find(key)
        return None if found is None else " ".join("".join(found.itertext()).split()) or None

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """The words of property `key`; an empty one counts as absent."""
        text = self.optional_text(key)
        if text is None and default is _REQUIRED:
            raise BadInput(f"{self.where} has no <{key}>. {self._near(key)}".rstrip())
        return default if text is None else text

    def number(self, key: str, default: Any = _REQUIRED, *, finite: bool = True) -> float:
        """One number."""
        if default is not _REQUIRED and self.optional_text(key) is None:
            return default
        return self._numbers(key, self.text(key), 1, finite)[0]

    def vector(
        self, key: str, length: int | None, default: Any = _REQUIRED, *, finite: bool = True
    ) -> list[float]:
        """`length` numbers (any number of them if None)."""
        if default is not _REQUIRED and self.optional_text(key) is None:
            return list(default)
        return self._numbers(key, self.text(key), length, finite)

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        text = self.text(key, str(default)).lower()
        if text not in ("true", "false", "1", "0"):
            raise BadInput(f"{self.where}: <{key}> is '{text[:40]}'; it must be true or false.")
        return text in ("true", "1")

    def socket(self, key: str) -> str | None:
        """What socket `key` is connected to; None if the file has no such socket."""
        for name in (f"socket_{key}", f"socket_{key}_connectee_name"):
            if (text := self.optional_text(name)) is not None:
                return text
        return None

    def _numbers(self, key, text, length, finite):
        words = text.replace(",", " ").strip("()~[] ").split()
        if length is not None and len(words) != length:
            plural = "number" if length == 1 else "numbers"
            raise BadInput(
                f"{self.where}: <{key}> must have {length} {plural}; it has {len(words)}: "
                f"'{text[:60]}'."
            )
        return [self._one(key, word, finite) for word in words]

    def _one(self, key, word, finite):
        value = float(word) if _NUMBER.fullmatch(word) else math.nan
        if math.isnan(value) or (finite and math.isinf(value)):
            kind = "a finite number" if finite else "a number"
            raise BadInput(f"{self.where}: <{key}> holds '{word[:40]}', which is not {kind}.")
        return value

    def _sources(self) -> Iterator[Element]:
        yield self.element
        default = self._defaults.get(self.tag)
        if default is not None and default is not self.element:
            yield default

    def _find(self, key):
        for source in self._sources():
            if (found := source.find(key)) is not None:
                return found
        return None

    def _near(self, key):
        present = sorted({e.tag for e in self.element})
        return suggest(key, present) if present else ""


@dataclass(frozen=True)
class OsimDocument:
    """A file's `<Model>`: its version, its own properties and all its components.

    `components` holds every object of every set and `<components>` list, by depth of nesting; in
    files before version 4 the joints written inside bodies are among them.
    """

    version: int
    model: Node
    components: tuple[Node, ...]


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The file's bytes, if it is a readable file of bearable size."""
    path = as_path(path, "path")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except NO_FILE:
        raise BadInput(why_no_file(path)) from None
    except OSError as error:
        raise BadInput(f"Cannot read the model file {path}: {error.strerror}.") from error
    return data


def parse_document(data: bytes, file_name: str) -> OsimDocument:
    """The document in `data`; `file_name` is for error messages.

    **Raises:** `BadInput` for anything that is not a bounded XML file with one OpenSim model.
    """
    root = _parse(data, file_name)
    element = root if root.tag == "Model" else root.find("Model")
    if element is None or root.tag not in ("OpenSimDocument", "Model"):
        inside = ", ".join(f"<{e.tag}>" for e in list(root)[:3]) or f"<{root.tag}>"
        raise BadInput(
            f"{file_name} holds {inside} but no <Model>; pass the .osim file of a whole model."
        )
    version = _version(root, file_name)
    found = element.find("defaults")
    defaults = {e.tag: e for e in found} if found is not None else {}
    model = Node(element, defaults, "")
    return OsimDocument(version, model, tuple(_components(model)))


def _version(root, file_name):
    text = root.get("Version") or ""
    if not re.fullmatch(r"\d{1,9}", text.strip()):
        raise BadInput(f"{file_name}: the document has no whole-number Version, but '{text[:20]}'.")
    if int(text) < _OLDEST_VERSION:
        raise BadInput(
            f"{file_name} has format version {int(text)}, older than OpenSim 2.0. Open it in "
            "OpenSim 3 or 4 and save it again."
        )
    return int(text)


# --- which elements are components ------------------------------------------------------------


def _components(model: Node) -> Iterator[Node]:
    for element in model.element:
        if element.tag == "defaults":
            continue
        _refuse_file_reference(element, "Model")
        objects = element.find("objects")
        if element.tag == "components":
            members, folder = (element if objects is None else objects), ""
        elif objects is not None:
            members, folder = objects, "/" + (element.get("name") or element.tag.lower())
        elif element.tag == "Ground":
            members, folder = (element,), ""
        else:
            continue
        for member in members:
            if member.tag not in ("groups", "objects"):
                yield from _with_inner(member, model, folder, element.tag)


def _with_inner(element: Element, model: Node, folder: str, group="", body="") -> Iterator[Node]:
    """A component and the components inside it."""
    name = element.get("name") or ("ground" if element.tag == "Ground" else "")
    node = Node(element, model._defaults, f"{folder}/{name}", group=group, body_around=body)
    yield node
    for inner in ("components", "frames"):
        for member in node.objects(inner):
            yield from _with_inner(member.element, model, node.path)
    if element.tag == "Body" and (joint := element.find("Joint")) is not None:
        for member in joint:  # before version 4
            yield from _with_inner(member, model, "/jointset", "JointSet", node.name)


def _refuse_file_reference(element, where):
    reference = element.get("file")
    if reference:
        raise BadInput(
            f"{where}: <{element.tag}> is kept in another file, '{reference[:80]}', which is not "
            "opened. Open the model in OpenSim and save it as one file."
        )


# --- bounded parsing --------------------------------------------------------------------------


class _BoundedBuilder(TreeBuilder):
    """Builds elements, and stops at too many or too deep."""

    def __init__(self, file_name):
        super().__init__()
        self._file_name, self._depth, self._count = file_name, 0, 0

    def start(self, tag, attrs):
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH:
            raise BadInput(f"{self._file_name}: elements are nested more than {MAX_DEPTH} deep.")
        if self._count > MAX_ELEMENTS:
            raise BadInput(f"{self._file_name} has more than {MAX_ELEMENTS} elements.")
        return super().start(tag, attrs)

    def end(self, tag):
        self._depth -= 1
        return super().end(tag)


def _parse(data: bytes, file_name: str) -> Element:
    if len(data) > MAX_BYTES:
        raise BadInput(f"{file_name} is larger than {MAX_BYTES // 2**20} MiB, the most read here.")
    parser = DefusedXMLParser(target=_BoundedBuilder(file_name), forbid_dtd=True)
    stream = io.BytesIO(data)
    try:
        while chunk := stream.read(65536):
            parser.feed(chunk)
        return parser.close()
    except defusedxml.DefusedXmlException as error:
        raise BadInput(
            f"{file_name} declares a document type or an entity ({type(error).__name__}); no "
            "OpenSim file needs one, and it is not read."
        ) from error
    except ParseError as error:
        line, column = error.position
        raise BadInput(
            f"{file_name} is not well-formed XML at line {line}, column {column + 1}: "
            f"{ErrorString(error.code)}."  # `error.msg` repeats the position
        ) from error
    except (ValueError, LookupError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{file_name} is not XML that can be read: {error}.") from error
