"""XML within bounds: the elements of a text that may have been written to do harm.

Document types and entities, and with them files that a text refers to, are refused. Depth, number
of elements and length of attributes are bounded, so that a hostile file ends in an error.
"""

from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.parsers.expat import ErrorString

import defusedxml
from defusedxml.ElementTree import DefusedXMLParser

from ..model.names import BadInput, short_name

MAX_ELEMENTS = 200_000
MAX_DEPTH = 100
MAX_ATTRIBUTE = 200
"""Most characters of an attribute, such as a name."""
MAX_ATTRIBUTES = 100
"""Most attributes of an element."""


class _BoundedBuilder(TreeBuilder):
    """Builds elements, and stops at too many, too deep, or a name that is none."""

    def __init__(self, file_name: str):
        super().__init__()
        self._file_name, self._depth, self._count = file_name, 0, 0

    def start(self, tag, attrs):
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH:
            raise BadInput(f"{self._file_name}: elements are nested more than {MAX_DEPTH} deep.")
        if self._count > MAX_ELEMENTS:
            raise BadInput(f"{self._file_name} has more than {MAX_ELEMENTS} elements.")
        if len(attrs) > MAX_ATTRIBUTES:
            raise BadInput(f"{self._file_name}: <{short_name(tag)}> has {len(attrs)} attributes.")
        for text in (tag, *attrs.values()):
            if len(text) > MAX_ATTRIBUTE or not text.isprintable():
                raise BadInput(
                    f"{self._file_name}: an element <{short_name(tag)}> is called "
                    f"'{short_name(text)}'. A name must be at most {MAX_ATTRIBUTE} characters "
                    "that can be printed."
                )
        return super().start(tag, attrs)

    def end(self, tag):
        self._depth -= 1
        return super().end(tag)


def parse_xml(data: bytes, file_name: str) -> Element:
    """The root element of an XML text; `file_name` is for error messages.

    **Raises:** `BadInput` for anything that is not bounded and well-formed.
    """
    parser = DefusedXMLParser(target=_BoundedBuilder(file_name), forbid_dtd=True)
    try:
        parser.feed(data)
        return parser.close()
    except defusedxml.DefusedXmlException as error:
        raise BadInput(
            f"{file_name} declares a document type or an entity ({type(error).__name__}); no "
            "OpenSim file needs one, and it is not read. Remove the declaration."
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
