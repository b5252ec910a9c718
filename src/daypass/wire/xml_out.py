"""Writes values as the XML of query and rest-xml (fact sheet A, §2.3, §2.5). Does not add the envelope (envelope.py does)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from daypass.values.secret import Secret
from daypass.wire.compiled import Compiled
from daypass.wire.shapes import Member, Shape
from daypass.wire.timestamps import WRITERS

WriteXml = Callable[[Any], str]  # the inside of an element

# XML 1.0 §2.2: what may not stand in a document at all, and what an element's text must escape (a bare CR would be read as LF, §2.11).
_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_REPLACEMENT = "\ufffd"

# Rule `policy-documents-are-encoded`: IAM gives every policy document URL-encoded by RFC 3986, blanks as %20 (sheet A §4.4, §9.7).
ENCODED_DOCUMENTS = frozenset({"policyDocumentType"})


def escape(text: str) -> str:
    """`text` for the inside of an element; characters that XML cannot hold become U+FFFD."""
    if text.isascii() and text.isprintable() and "&" not in text and "<" not in text and ">" not in text:
        return text  # the way of nearly all, five times as fast as the search below on a session token
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found.group(), _REPLACEMENT), text)


def _writer(shape: Shape) -> WriteXml:
    if shape.kind == "structure":
        return _structure_writer(shape)
    if shape.kind == "list":
        return _list_writer(shape)
    if shape.kind == "map":
        return _map_writer(shape)
    if shape.kind == "string":
        return _write_document if shape.name in ENCODED_DOCUMENTS else write_text
    if shape.kind == "timestamp":
        write = WRITERS[shape.timestamp_format or "iso8601"]
        return lambda value: str(write(value))
    return _SCALARS[shape.kind]


writer_of: Compiled[WriteXml] = Compiled(_writer)


def _structure_writer(shape: Shape) -> WriteXml:
    return members_writer(shape, list(shape.members.values()))


def members_writer(shape: Shape, wanted: list[Member]) -> WriteXml:
    """The writer of those members of a structure; None is left out, a member that the model lacks is a bug."""
    around = {member.name: _around(member) for member in wanted}
    passed_over = shape.members.keys() - around.keys()

    def write(value: Any) -> str:
        text = ""
        for name, item in value.items():
            if name in passed_over:
                continue
            # INVARIANT: an output that the model lacks is a bug, not a member that clients quietly never see
            if name not in around:
                raise TypeError(f"{shape.name} has no {name}")
            if item is not None:
                opened, closed, inner = around[name]
                text += f"{opened}{inner(item)}{closed}"
        return text

    return write


def _around(member: Member) -> tuple[str, str, WriteXml]:
    """What stands before and after a member's value, and the writer of the value."""
    if member.place == "attribute":
        return "", "", lambda _value: ""  # element_writer has put it into the structure's own tag
    if member.flat:
        return "", "", _items_writer(member.shape, member.wire)
    if _attributes(member.shape):
        return "", "", element_writer(member.wire, member.shape)
    return f"<{member.wire}>", f"</{member.wire}>", writer_of(member.shape)


def _attributes(shape: Shape) -> list[Member]:
    return [member for member in shape.members.values() if member.place == "attribute"]


def element_writer(wire: str, shape: Shape, namespace: str = "") -> WriteXml:
    """The writer of a whole element, which declares `namespace` unless that is "", with the attributes that the structure may have."""
    inner = writer_of(shape)
    declared = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in shape.prefixes.items())
    declared += f' xmlns="{namespace}"' if namespace else ""
    attributes = [(member.name, member.wire, writer_of(member.shape)) for member in _attributes(shape)]
    opened, closed = f"<{wire}{declared}", f"</{wire}>"
    if not attributes:
        return lambda value: f"{opened}>{inner(value)}{closed}"

    def write(value: Any) -> str:
        given = [f' {name}="{_quoted(text_of(value[member]))}"' for member, name, text_of in attributes if value.get(member) is not None]
        return f"{opened}{''.join(given)}>{inner(value)}{closed}"

    return write


def _quoted(escaped: str) -> str:
    """Escaped text for the inside of an attribute, where readers turn bare line ends and tabs into blanks (XML 1.0 §3.3.3)."""
    return escaped.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")


def _list_writer(shape: Shape) -> WriteXml:
    return _items_writer(shape, shape.item_wire)


def _map_writer(shape: Shape) -> WriteXml:
    return _items_writer(shape, "entry")


def _items_writer(shape: Shape, wire: str) -> WriteXml:
    """The writer of the items of a list or map, an element `wire` around each."""
    item = shape.item or shape
    if shape.kind == "list":
        write_item = element_writer(wire, item)
        return lambda value: "".join([write_item(one) for one in value])
    key_of, value_of = element_writer(shape.key_wire, shape.key or shape), element_writer(shape.item_wire, item)
    return lambda value: "".join([f"<{wire}>{key_of(key)}{value_of(one)}</{wire}>" for key, one in value.items()])


def write_text(value: Any) -> str:
    """The inside of an element that holds a string; a Secret is revealed here and nowhere earlier."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Secret):
        return escape(value.reveal().decode("utf-8"))
    raise TypeError(f"a string member is {type(value).__name__}")


def _write_document(value: Any) -> str:
    return quote(value, safe="~")


def _write_integer(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"an integer member is {type(value).__name__}")
    return str(value)


def _write_boolean(value: Any) -> str:
    if not isinstance(value, bool):
        raise TypeError(f"a boolean member is {type(value).__name__}")
    return "true" if value else "false"


_SCALARS: dict[str, WriteXml] = {
    "integer": _write_integer,
    "long": _write_integer,
    "float": lambda value: repr(float(value)),
    "double": lambda value: repr(float(value)),
    "boolean": _write_boolean,
    "blob": lambda value: base64.b64encode(value).decode("ascii"),
}
