"""An .osim file as a tree of components whose properties are read strictly.

OpenSim writes XML: one element per component, one child element per property. A property that is
absent has the value of the `<defaults>` object of its class, or else the class's own default.
Which default that is, is said where the property is read; both are OpenSim's.

Only the named file is ever opened: entities, document types and files that it refers to are
refused. Size, nesting and number of elements are bounded (see `xml_text`), so that a hostile file
ends in an error.

Nothing is lost quietly: a property that is there twice, is empty where a number is due, or is
nearly the name of one that is read is an error; others that nobody asked for are reported.
"""

import difflib
import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from ..model.names import BadInput, suggest
from .xml_text import parse_xml

MAX_BYTES = 16 * 2**20
MAX_COMPONENTS = 20_000
MAX_TEXT = 100_000
"""Most characters of one property."""

_OLDEST_VERSION = 20_000  # before, joints and muscles were written in another way
_REQUIRED: Any = object()
_NUMBER = re.compile(
    r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?)", re.I | re.A
)
_MOST_UNREAD = 500  # kinds of properties that are not read; real models have a dozen
MISSPELT = 0.85  # how alike a tag is to the one that was meant [-]
# Children of a model that are read; "objects" is asked for by `_components` too.
_SETS = (
    *("BodySet", "JointSet", "ConstraintSet", "ForceSet", "ContactGeometrySet", "MarkerSet"),
    *("ControllerSet", "ProbeSet", "ComponentSet", "components", "objects", "defaults"),
)
# Properties without a part here: looks, states at the start, activation dynamics, controllers.
_NO_PART = (
    *("Appearance", "FrameGeometry", "Joint", "ModelVisualPreferences", "VisibleObject"),
    *("WrapObject", "activation_dynamics_smoothing", "activation_time_constant"),
    *("assembly_accuracy", "attached_geometry", "deactivation_time_constant"),
    *("default_activation", "default_fiber_length", "default_normalized_tendon_force"),
    *("default_speed_value", "display_preference", "fixed", "force_visualization_radius"),
    *("force_visualization_scale_factor", "frame_geometry", "ground", "groups"),
    *("ignore_activation_dynamics", "initial_value", "is_free_to_satisfy_constraints"),
    *("maximum_pennation_angle", "method", "motion_type", "optimal_force", "orientation"),
    *("prescribed_function", "tendon_compliance_dynamics_mode"),
)


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
        file: "_File",
        holder: "Node | str" = "",
        owner: "Node | None" = None,
        group: str = "",
        body_around: str = "",
    ):
        self.element = element
        self.tag = element.tag
        self.name = (element.get("name") or "").strip()
        self.group = group
        self.body_around = body_around
        self._file, self._holder, self._owner = file, holder, owner

    # Made when asked for: in a deep file they are long, and there are many.

    @property
    def path(self) -> str:
        holder = self._holder.path if isinstance(self._holder, Node) else self._holder
        name = self.name or ("ground" if self.tag == "Ground" else "")
        return f"{holder}/{name}" if name else holder

    @property
    def where(self) -> str:
        called = f"{self.tag} '{self.name}'" if self.name else self.tag
        return f"{self._owner.where}, {called}" if self._owner else called

    def child(self, key: str) -> "Node | None":
        """The child element `key`, of this object or of its class's `<defaults>` object."""
        found = self._find(key)
        return None if found is None else self.inside(found)

    def named_child(self, key: str) -> "Node | None":
        """The object held by property `key`: `<key><Type/></key>` or `<Type name="key"/>`."""
        for source in self._sources(key):
            found = [e for e in source if (e.tag == key and len(e)) or e.get("name") == key]
            if len(found) > 1 or (found and found[0].tag == key and len(found[0]) > 1):
                raise BadInput(f"{self.where} has two <{key}>. Remove one.")
            if found:
                return self.inside(found[0][0] if found[0].tag == key else found[0])
        return None

    def inside(self, element: Element) -> "Node":
        """A node for an element of this one."""
        return Node(element, self._file, self, self)

    def objects(self, key: str) -> list["Node"]:
        """The objects of set or list property `key`: in its `<objects>`, or directly."""
        found = self._find(key)
        if found is None:
            return []
        _refuse_file_reference(found, self.where)
        inner = self._file.only(found, "objects")
        return [self.inside(e) for e in (found if inner is None else inner) if e.tag != "groups"]

    def leave_out(self) -> None:
        """Have no unread property of this object reported: it is left out as a whole."""
        self._file.left_out.add(self.element)

    def has(self, key: str) -> bool:
        """Whether the file has property `key`, empty or not."""
        return self._find(key) is not None

    def optional_text(self, key: str) -> str | None:
        """The words of property `key`; None if it is absent or empty."""
        found = self._find(key)
        if found is None:
            return None
        if len(found):
            raise BadInput(f"{self.where}: <{key}> holds <{found[0].tag}>; it must be plain text.")
        text = found.text or ""
        if len(text) > MAX_TEXT:
            raise BadInput(f"{self.where}: <{key}> has more than {MAX_TEXT} characters.")
        return " ".join(text.split()) or None

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """The words of property `key`."""
        text = self.optional_text(key)
        if text is not None:
            return text
        if self.has(key):
            raise BadInput(f"{self.where}: <{key}> is empty.")
        if default is _REQUIRED:
            raise BadInput(f"{self.where} has no <{key}>. {self._near(key)}".rstrip())
        return default

    def number(self, key: str, default: Any = _REQUIRED, *, finite: bool = True) -> float:
        """One number."""
        if default is not _REQUIRED and not self.has(key):
            return default
        return self._numbers(key, self.text(key), 1, finite)[0]

    def vector(
        self, key: str, length: int | None, default: Any = _REQUIRED, *, finite: bool = True
    ) -> list[float]:
        """`length` numbers (any number of them if None)."""
        if default is not _REQUIRED and not self.has(key):
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

    def _sources(self, key: str) -> Iterator[Element]:
        """Where property `key` may stand: here, then in the `<defaults>` object of the class."""
        for source in (self.element, self._file.defaults.get(self.tag)):
            if source is not None:
                self._file.asked[source].add(key)
                yield source

    def _find(self, key: str) -> Element | None:
        for source in self._sources(key):
            if (found := self._file.only(source, key)) is not None:
                return found
        return None

    def _near(self, key):
        present = sorted({e.tag for e in self.element})
        return suggest(key, present) if present else ""


class _File:
    """What the nodes of a file share.

    `defaults`: object of each class in `<defaults>`. `asked`: properties of each element that some
    reader asked for, there or not. `left_out`: elements that are not read to their end.
    """

    def __init__(self, defaults: dict[str, Element]):
        self.defaults = defaults
        self.asked: defaultdict[Element, set[str]] = defaultdict(set)
        self.left_out: set[Element] = set()

    @staticmethod
    def only(source: Element, key: str) -> Element | None:
        """The child `key` of `source`; an error if there are two."""
        found = source.findall(key)
        if len(found) > 1:
            named = f" '{source.get('name')}'" if source.get("name") else ""
            raise BadInput(f"{source.tag}{named} has {len(found)} <{key}>. Remove all but one.")
        return found[0] if found else None


@dataclass(frozen=True)
class OsimDocument:
    """A file's `<Model>`: its version, its own properties and all its components.

    `components` holds every object of every set and `<components>` list, by depth of nesting; in
    files before version 4 the joints written inside bodies are among them.
    """

    version: int
    model: Node
    components: tuple[Node, ...]

    def report_unread(self, report: OsimReport) -> None:
        """Note properties that no reader asked for.

        **Raises:** `BadInput` for one whose name is nearly that of one asked for in vain.
        """
        unread: Counter[tuple[str, str, frozenset[str]]] = Counter()
        file = self.model._file
        for element, asked in file.asked.items():
            if element not in file.left_out:
                in_vain = frozenset(asked - {child.tag for child in element})
                for child in element:
                    if not {child.tag, child.get("name")} & asked and child.tag not in _NO_PART:
                        unread[element.tag, child.tag, in_vain] += 1
        if len(unread) > _MOST_UNREAD:
            raise BadInput(f"{len(unread)} kinds of properties are unknown. Is this a model?")
        for kind, key, in_vain in unread:
            if meant := difflib.get_close_matches(key, in_vain, 1, MISSPELT):
                raise BadInput(f"A {kind} has <{key}>. Did you mean <{meant[0]}>?")
        report.notes += [
            f"Not read: {n} <{key}> of {kind}." for (kind, key, _), n in unread.items()
        ]


def parse_document(data: bytes, file_name: str) -> OsimDocument:
    """The document in `data`; `file_name` is for error messages.

    **Raises:** `BadInput` for anything that is not a bounded XML file with one OpenSim model.
    """
    if len(data) > MAX_BYTES:
        raise BadInput(f"{file_name} is larger than {MAX_BYTES // 2**20} MiB, the most read here.")
    root = parse_xml(data, file_name)
    element = root if root.tag == "Model" else _File.only(root, "Model")
    if element is None or root.tag not in ("OpenSimDocument", "Model"):
        inside = ", ".join(f"<{e.tag}>" for e in list(root)[:3]) or f"<{root.tag}>"
        raise BadInput(
            f"{file_name} holds {inside} but no <Model>; pass the .osim file of a whole model."
        )
    version = _version(root, file_name)
    found = _File.only(element, "defaults")
    defaults = {} if found is None else {e.tag: e for e in found}
    if found is not None and len(defaults) < len(found):
        raise BadInput(f"{file_name}: <defaults> has two objects of one type. Remove one.")
    model = Node(element, _File(defaults))
    components = tuple(itertools.islice(_components(model), MAX_COMPONENTS + 1))
    if len(components) > MAX_COMPONENTS:
        raise BadInput(f"{file_name} has more than {MAX_COMPONENTS} components.")
    return OsimDocument(version, model, components)


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
    file = model._file
    file.asked[model.element].update(_SETS)
    for element in model.element:
        if element.tag == "defaults":
            continue
        _refuse_file_reference(element, "Model")
        objects = file.only(element, "objects")
        if element.tag in _SETS and element.tag != "components":
            file.asked[element].add("objects")
        if element.tag == "components":
            members, folder = (element if objects is None else objects), ""
        elif objects is not None:
            members, folder = objects, "/" + (element.get("name") or element.tag.lower())
        elif element.tag == "Ground":
            members, folder = (element,), ""
        else:
            continue
        file.asked[model.element].add(element.tag)
        for member in members:
            if member.tag not in ("groups", "objects"):
                yield from _with_inner(Node(member, file, folder, group=element.tag))


def _with_inner(node: Node) -> Iterator[Node]:
    """A component and the components inside it."""
    yield node
    for inner in ("components", "frames"):
        for member in node.objects(inner):
            yield from _with_inner(Node(member.element, node._file, node))
    if node.tag == "Body" and (joint := node._file.only(node.element, "Joint")) is not None:
        for member in joint:  # before version 4
            yield from _with_inner(
                Node(member, node._file, "/jointset", None, "JointSet", node.name)
            )


def _refuse_file_reference(element, where):
    reference = element.get("file")
    if reference:
        raise BadInput(
            f"{where}: <{element.tag}> is kept in another file, '{reference[:80]}', which is not "
            "opened. Open the model in OpenSim and save it as one file."
        )
