"""Reads an XML body into values (rest-xml; XML 1.0 with namespaces, strict). Does not check the model's constraints (validate.py does)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from daypass.wire.compiled import Compiled
from daypass.wire.faults import MalformedXml, Unknown, WrongType
from daypass.wire.scalars import text_reader
from daypass.wire.shapes import Member, Shape

MAX_BODY = 4 * 2**20  # bytes; 10,000 parts of a multipart upload with their checksums take 2 MiB (S3 User Guide, "Amazon S3 limits")
MAX_ELEMENTS = 100_000  # of one body; those parts are 40,000
MAX_DEPTH = 64  # nesting of elements; no model needs more than 12 (attack row H67)
_BLANK = " \t\r\n"  # XML 1.0 §2.3
_DECLARATION = re.compile(
    r"""\ufeff?<\?xml\s+version=["']1\.0["'](?:\s+encoding=["'](?i:utf-8)["'])?(?:\s+standalone=["'](?:yes|no)["'])?\s*\?>""", re.ASCII
)
# A whole comment, a whole CDATA section, or the beginning of any other markup than elements: DOCTYPE, processing instruction, broken ones.
_MARKUP = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<[!?]", re.DOTALL)


class Element:
    """An element: `text` is its own characters, `children` its elements by local name, `attributes` by `uri name` if they have a prefix."""

    __slots__ = ("attributes", "children", "parts")

    def __init__(self, attributes: dict[str, str]) -> None:
        self.attributes = attributes
        self.children: dict[str, list[Element]] = {}
        self.parts: list[str] = []

    @property
    def text(self) -> str:
        """All character data directly inside, in order: comments and CDATA borders do not cut it."""
        return "".join(self.parts)


Run = list[Element]  # all elements of one name inside one element
ReadXml = Callable[[Run, Unknown], Any]


def parse(body: bytes, root: str, namespace: str) -> Run:
    """The root element of `body`, which must be named `root`, as a run of one. Every element is in `namespace`, or all are in none.

    Raises MalformedXml. No entity but XML's own five is ever expanded; no file or address is ever opened.
    """
    # (1) size and encoding, before anything looks at markup: every other encoding than UTF-8 would hide it
    if len(body) > MAX_BODY:
        raise MalformedXml(f"The body is longer than {MAX_BODY} bytes")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedXml("The body is not valid UTF-8") from None
    if "\0" in text:  # by a zero beside the first `<` expat knows UTF-16, whatever encoding it was told
        raise MalformedXml("The body is not valid UTF-8")
    # (2) no DOCTYPE and with it no entities, no defaults of attributes, no processing instructions (attack rows C28, C62)
    declaration = _DECLARATION.match(text)
    for found in _MARKUP.finditer(text, declaration.end() if declaration else 0):
        if len(found.group()) == 2:
            raise MalformedXml("The body has a DOCTYPE, a processing instruction or broken markup")
    # (3) one pass of expat, which keeps its stack on the heap
    tree = _Tree(namespace)
    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = tree.start, tree.end, tree.characters
    try:
        parser.Parse(text, True)
    except expat.ExpatError:
        raise MalformedXml("The body is not well-formed XML") from None
    if root not in tree.path[0].children:
        raise MalformedXml(f"The root element must be {root}")
    return tree.path[0].children[root]


class _Tree:
    """Takes what expat tells. `path` leads from the document to the open element."""

    def __init__(self, namespace: str) -> None:
        self.allowed = {"", namespace}
        self.path = [Element({})]
        self.count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if len(self.path) > MAX_DEPTH or self.count > MAX_ELEMENTS:
            raise MalformedXml(f"The body has more than {MAX_ELEMENTS} elements, or is nested deeper than {MAX_DEPTH}")
        uri, _, local = name.rpartition(" ")
        # INVARIANT: nothing here is named as another parser, one that compares whole names or only local ones, would name it differently
        if uri not in self.allowed:
            raise MalformedXml("An element is in another namespace")
        self.allowed = {uri}
        element = Element(attributes)
        self.path[-1].children.setdefault(local, []).append(element)
        self.path.append(element)

    def end(self, _name: str) -> None:
        self.path.pop()

    def characters(self, text: str) -> None:
        self.path[-1].parts.append(text)


def member_reader(member: Member) -> ReadXml:
    """The reader of a member: of its one element, or of all of them where a list or map is flattened. Raises MalformedXml and WrongType."""
    return _flat_reader_of(member.shape) if member.flat else reader_of(member.shape)


def members_of(run: Run) -> dict[str, Run]:
    """The elements inside of a root, by name. Raises MalformedXml when there is text between them."""
    if run[0].text.strip(_BLANK):
        raise MalformedXml("There is text between the elements")
    return run[0].children


def _reader(shape: Shape) -> ReadXml:
    if shape.kind == "structure":
        return _structure_reader(shape)
    if shape.kind in ("list", "map"):
        return _wrapped_reader(shape)
    read = text_reader(shape, "iso8601")

    def read_scalar(run: Run, unknown: Unknown) -> Any:
        element = _one(run)
        if element.children:
            raise WrongType("a single value")
        unknown.count += len(element.attributes)
        return read(element.text)

    return read_scalar


def _flat_reader(shape: Shape) -> ReadXml:
    return _map_reader(shape) if shape.kind == "map" else _list_reader(shape)


reader_of: Compiled[ReadXml] = Compiled(_reader)
_flat_reader_of: Compiled[ReadXml] = Compiled(_flat_reader)


def _one(run: Run) -> Element:
    if len(run) != 1:
        raise MalformedXml("An element is given more than once")
    return run[0]


def _container(run: Run, wanted: str) -> Element:
    element = _one(run)
    if element.text.strip(_BLANK):
        raise WrongType(wanted)
    return element


def _structure_reader(shape: Shape) -> ReadXml:
    in_body = [member for member in shape.members.values() if not member.place]
    members = {member.wire: (member.name, member_reader(member)) for member in in_body}
    attributes = {
        _expanded(member.wire, shape): (member.name, text_reader(member.shape, "iso8601"))
        for member in shape.members.values()
        if member.place == "attribute"
    }

    def read(run: Run, unknown: Unknown) -> Any:
        element = _container(run, "a structure")
        found = {}
        for wire, text in element.attributes.items():
            if wire in attributes:
                name, read_text = attributes[wire]
                found[name] = read_text(text)
            else:
                unknown.count += 1
        for wire, below in element.children.items():
            if wire in members:
                name, read_member = members[wire]
                found[name] = read_member(below, unknown)
            else:
                unknown.count += len(below)
        return found

    return read


def _expanded(wire: str, shape: Shape) -> str:
    """`xsi:type` as expat names it."""
    prefix, _, local = wire.rpartition(":")
    return f"{shape.prefixes[prefix]} {local}" if prefix else local


def _wrapped_reader(shape: Shape) -> ReadXml:
    word, wanted = ("entry", "a map of entries") if shape.kind == "map" else (shape.item_wire, f"a list of {shape.item_wire}")
    read_items = _flat_reader_of(shape)

    def read(run: Run, unknown: Unknown) -> Any:
        element = _container(run, wanted)
        if element.children.keys() - {word}:
            raise WrongType(wanted)
        unknown.count += len(element.attributes)
        return read_items(element.children.get(word, []), unknown)

    return read


def _list_reader(shape: Shape) -> ReadXml:
    read_item = reader_of(shape.item or shape)
    return lambda run, unknown: [read_item([element], unknown) for element in run]


def _map_reader(shape: Shape) -> ReadXml:
    read_key, read_value = reader_of(shape.key or shape), reader_of(shape.item or shape)
    key_wire, value_wire = shape.key_wire, shape.item_wire

    def read(run: Run, unknown: Unknown) -> Any:
        found: dict[Any, Any] = {}
        for element in run:
            entry = _container([element], "a map of entries").children
            if entry.keys() != {key_wire, value_wire}:
                raise WrongType("a map of entries with a key and a value")
            key = read_key(entry[key_wire], unknown)
            if key in found:
                raise MalformedXml("A map has the same key twice")
            found[key] = read_value(entry[value_wire], unknown)
        return found

    return read
