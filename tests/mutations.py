"""Damaged copies of a good file: what a bad copy, a careless edit or a hostile hand makes of it.

Every copy follows from its seed and number alone, so one that fails can be made again.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from random import Random
from xml.etree import ElementTree

Blow = Callable[[bytes, Random], bytes]

_NUMBER = re.compile(rb"(?<![\w.])[-+]?\d+(\.\d*)?([eE][-+]?\d+)?(?![\w.])")
_INSTEAD = (
    *(b"nan", b"inf", b"-inf", b"1e400", b"-1e400", b"1e308", b"5e-324", b"-1", b"0", b"1e12"),
    *(b"text", b"", b"1,5", b"1_0", b"0x10", b"--1", b"1.2.3", b"\xd9\xa1", b"9" * 400, b"1 2"),
)
_INSERTED = (
    *(b"\0", b"\x1b[2J", b"\xff", b"\xc2\x9b", b"\xe2\x80\xae", b"\xef\xbb\xbf", b"\r", b"\x0b"),
    *(b"\n", b"\t", b" ", b"<", b">", b"&", b"/", b"../", b"=", b":", b"-", b"#", b"!", b"*", b"'"),
    *(b"[", b"]", b"{", b"}", b'"', b"&#10;", b"&lt;", b"<!-- -->", b"time", b"endheader", b"."),
)


def mutants(content: bytes, count: int, seed: str, *own: Blow) -> Iterator[tuple[str, bytes]]:
    """`count` damaged copies of a file, each with its name for messages.

    `own`: blows that know the structure of this kind of file; half of all copies take one first.
    """
    for i in range(count):
        name = f"{seed} {i}"
        random = Random(name)
        blows = random.choices(_BLOWS, k=random.choice((1, 1, 1, 2, 4)))
        if own and random.random() < 0.5:
            blows = [random.choice(own), *blows[1:]]
        damaged = content
        for blow in blows:
            damaged = blow(damaged, random)
        yield f"{name} ({', '.join(blow.__name__ for blow in blows)})", damaged


# ------------------------------------------------------------------------------------ any file


def flip_bytes(content: bytes, random: Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 10))):
        if damaged:
            damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
    return bytes(damaged)


def truncate(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def cut_out(content: bytes, random: Random) -> bytes:
    at = random.randrange(len(content) + 1)
    return content[:at] + content[at + random.choice((1, 3, 30, 300)) :]


def insert(content: bytes, random: Random) -> bytes:
    at = random.randrange(len(content) + 1)
    return content[:at] + random.choice(_INSERTED) * random.choice((1, 1, 1, 3)) + content[at:]


def replace_number(content: bytes, random: Random) -> bytes:
    found = list(_NUMBER.finditer(content))
    if not found:
        return content
    at = random.choice(found)
    return content[: at.start()] + random.choice(_INSTEAD) + content[at.end() :]


def swap_words(content: bytes, random: Random) -> bytes:
    words = re.split(rb"(\s+)", content)
    if len(words) < 3:
        return content
    i, j = (2 * random.randrange((len(words) + 1) // 2) for _ in range(2))
    words[i], words[j] = words[j], words[i]
    return b"".join(words)


def change_lines(content: bytes, random: Random) -> bytes:
    """One line twice, gone, or elsewhere."""
    lines = content.split(b"\n")
    line = lines.pop(random.randrange(len(lines)))
    for _ in range(random.choice((0, 1, 2))):
        lines.insert(random.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


def change_line_ends(content: bytes, random: Random) -> bytes:
    return content.replace(b"\n", random.choice((b"\r\n", b"\r", b"\n\n", b" ", b"")))


def change_encoding(content: bytes, random: Random) -> bytes:
    text = content.decode("utf-8", "replace")
    other = random.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp037"))
    return text.encode(other, "replace")


_BLOWS: tuple[Blow, ...] = (
    *(flip_bytes, truncate, cut_out, insert, replace_number, replace_number, replace_number),
    *(swap_words, change_lines, change_line_ends, change_encoding),
)


# ----------------------------------------------------------------------------------------- XML


def change_element(content: bytes, random: Random) -> bytes:
    """An element twice, gone, elsewhere, under another tag or name, without an attribute or text.

    Content that is no XML any more comes back as it is.
    """
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return content
    parents = [element for element in root.iter() if len(element)]
    parent = random.choice(parents)
    child = random.choice(list(parent))
    everywhere = list(root.iter())
    what = random.randrange(8)
    if what == 0:
        parent.insert(random.randrange(len(parent) + 1), copy.deepcopy(child))
    elif what == 1:
        parent.remove(child)
    elif what == 2:
        parent.remove(child)
        random.choice(parents).append(child)
    elif what == 3:
        child.tag = random.choice((child.tag[:-1] or "x", child.tag + "s", "other", "objects"))
    elif what == 4:
        child.tag = random.choice(everywhere).tag
    elif what == 5 and child.attrib:
        child.attrib.pop(random.choice(list(child.attrib)))
    elif what == 6:
        child.set("name", random.choice(everywhere).get("name", "\n\x85 spoof"))
    else:
        child.text = random.choice([element.text for element in everywhere])
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


# ---------------------------------------------------------------------------------------- YAML

_VALUES = (
    *(None, True, [], {}, "", "text", "a\nb\x1b[2J", 0, -1, 1e308, -0.0, 5e-324, 10**20, 10**400),
    *([[[[1]]]], {"a": {"b": {"c": 1}}}, [1, "a"], float("inf"), float("nan"), 1.5, "2024-01-01"),
)


def change_value(content: bytes, random: Random) -> bytes:
    """An entry of JSON (which is YAML) renamed, gone, twice, elsewhere or with another value."""
    try:
        root = json.loads(content)
    except ValueError:
        return content
    places = list(_places(root))
    holder, key = random.choice(places)
    other, other_key = random.choice(places)
    what = random.randrange(6)
    if what == 0:
        holder[key] = copy.deepcopy(random.choice(_VALUES))
    elif what == 1:
        holder[key] = copy.deepcopy(other[other_key])
    elif what == 2:
        del holder[key]
    elif what == 3 and isinstance(holder, dict):
        holder[random.choice((key + "s", key[:-1], "other", f"{key}\n\x1b[2J"))] = holder.pop(key)
    elif what == 4 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif isinstance(holder[key], float | int):
        holder[key] = random.choice((-holder[key], 1e6 * holder[key], str(holder[key])))
    else:
        holder[key] = [holder[key]]
    text = json.dumps(root, allow_nan=True)
    return text.replace("Infinity", ".inf").replace("NaN", ".nan").encode()


def _places(value):
    """(holder, key) of everything in nested data."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list) and value[key]:
            yield from _places(value[key])
