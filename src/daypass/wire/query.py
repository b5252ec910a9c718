"""Reads the parameters of the query protocol into values (fact sheet A, §2.3). Does not check constraints (validate.py does)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from daypass.wire.compiled import Compiled
from daypass.wire.faults import Malformed, Unknown, WrongType
from daypass.wire.pairs import Pair
from daypass.wire.scalars import text_reader
from daypass.wire.shapes import Shape

MAX_DEPTH = 64  # parts of one parameter name
MAX_ITEMS = 1024  # elements of one list or map; the largest list in the models of query services has 500

Node: TypeAlias = "str | dict[str, Node]"
ReadNode = Callable[[Node, Unknown], Any]

_INDEX = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


def read_parameters(shape: Shape, parameters: Iterable[Pair]) -> tuple[dict[str, Any], int, list[tuple[str, str]]]:
    """The values by member name, the count of parameters that the model does not know, and (member, what it must be) of wrong types.

    `parameters` are free of duplicates, of Action and Version, and of what belongs to the signature. Raises Malformed.
    """
    readers = _top_of(shape)
    values: dict[str, Any] = {}
    wrong: list[tuple[str, str]] = []
    unknown = Unknown()
    nested: dict[str, Node] = {}
    for name, text in parameters:
        reader = readers.get(name)
        if reader is not None:
            try:
                values[reader[0]] = reader[1](text, unknown)
            except WrongType as fault:
                wrong.append((reader[0], fault.wanted))
            continue
        head, dot, rest = name.partition(".")
        if dot and head in readers:
            _plant(nested, head, rest, text)
        else:
            unknown.count += 1
    for head, node in nested.items():
        member, read = readers[head]
        if member in values or any(member == name for name, _ in wrong):
            raise Malformed("A parameter is given both as a value and as a structure")
        try:
            values[member] = read(node, unknown)
        except WrongType as fault:
            wrong.append((member, fault.wanted))
    return values, unknown.count, wrong


def _plant(tree: dict[str, Node], head: str, rest: str, text: str) -> None:
    """Put `text` at the place that the dotted name gives."""
    parts = [head, *rest.split(".")]
    if len(parts) > MAX_DEPTH:
        raise Malformed(f"A parameter is nested deeper than {MAX_DEPTH}")
    at = tree
    for part in parts[:-1]:
        below = at.setdefault(part, {})
        if isinstance(below, str):
            raise Malformed("A parameter is given both as a value and as a structure")
        at = below
    if parts[-1] in at:
        raise Malformed("A parameter is given both as a value and as a structure")
    at[parts[-1]] = text


_TOPS: dict[Shape, dict[str, tuple[str, ReadNode]]] = {}


def _top_of(shape: Shape) -> dict[str, tuple[str, ReadNode]]:
    """Wire name → (member, reader) of an input structure, built once."""
    found = _TOPS.get(shape)
    if found is None:
        found = _TOPS[shape] = {member.wire: (name, reader_of(member.shape)) for name, member in shape.members.items()}
    return found


def _reader(shape: Shape) -> ReadNode:
    if shape.kind == "structure":
        return _structure_reader(shape)
    if shape.kind == "list":
        return _list_reader(shape)
    if shape.kind == "map":
        return _map_reader(shape)
    if shape.kind == "string":
        return _read_string
    read = text_reader(shape, "iso8601")

    def read_scalar(node: Node, _unknown: Unknown) -> Any:
        if not isinstance(node, str):
            raise WrongType("a single value")
        return read(node)

    return read_scalar


def _read_string(node: Node, _unknown: Unknown) -> str:
    if not isinstance(node, str):
        raise WrongType("a single value")
    return node


reader_of: Compiled[ReadNode] = Compiled(_reader)


def _structure_reader(shape: Shape) -> ReadNode:
    def read(node: Node, unknown: Unknown) -> Any:
        if isinstance(node, str):
            raise WrongType("a structure")
        found = {}
        for wire, below in node.items():
            known = _top_of(shape).get(wire)
            if known is None:
                unknown.count += 1
            else:
                found[known[0]] = known[1](below, unknown)
        return found

    return read


def _list_reader(shape: Shape) -> ReadNode:
    read_item = reader_of(shape.item or shape)

    def read(node: Node, unknown: Unknown) -> Any:
        return [read_item(item, unknown) for item in _numbered(node, "member", "a list")]

    return read


def _map_reader(shape: Shape) -> ReadNode:
    read_key, read_value = reader_of(shape.key or shape), reader_of(shape.item or shape)

    def read(node: Node, unknown: Unknown) -> Any:
        found: dict[Any, Any] = {}
        for entry in _numbered(node, "entry", "a map"):
            if isinstance(entry, str) or entry.keys() != {"key", "value"}:
                raise WrongType("a map of entries with a key and a value")
            key = read_key(entry["key"], unknown)
            if key in found:
                raise Malformed("A map has the same key twice")
            found[key] = read_value(entry["value"], unknown)
        return found

    return read


def _numbered(node: Node, word: str, wanted: str) -> list[Node]:
    """The elements of `word.1`, `word.2` … in order; an empty list comes as a bare name. The numbers must be 1 to n without a gap."""
    if isinstance(node, str):
        if node:
            raise WrongType(wanted)
        return []
    below = node.get(word)
    if len(node) != 1 or not isinstance(below, dict):
        raise WrongType(wanted)
    if len(below) > MAX_ITEMS or not all(_INDEX.fullmatch(index) and int(index) <= len(below) for index in below):
        raise Malformed("The elements of a list must be numbered from 1 without a gap")
    return [below[str(position)] for position in range(1, len(below) + 1)]
