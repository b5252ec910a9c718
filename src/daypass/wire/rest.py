"""Reads a rest-json request into values: path labels, query, headers, body (fact sheet A, §2.5). Does not route (route.py does)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from daypass.values.folding import fold
from daypass.values.request import Request
from daypass.wire import json_body
from daypass.wire.faults import Malformed, Unknown, WrongType
from daypass.wire.pairs import read_pairs
from daypass.wire.scalars import text_reader
from daypass.wire.shapes import Member, OperationShape, Shape

Wrong = list[tuple[str, str]]
ReadRest = Callable[[Request, Mapping[str, str], Unknown, Wrong], dict[str, Any]]


def rest_reader(operation: OperationShape) -> ReadRest:
    """The reader of an operation's requests: (request, path labels, unknown, wrong types) → values. It raises Malformed."""
    read_query = _query_reader(operation)
    in_path = [member for member in operation.members.values() if member.place == "uri"]
    in_headers = [member for member in operation.members.values() if member.place == "header"]
    read_body = _body_reader(operation.input)

    def read(request: Request, labels: Mapping[str, str], unknown: Unknown, wrong: Wrong) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for member in in_path:
            _take(values, member, labels[member.wire], "iso8601", wrong)
        read_query(request.raw_query, values, unknown, wrong)
        for member in in_headers:
            if (text := _header(request, member.wire)) is not None:
                _take(values, member, text, "rfc822", wrong)
        read_body(request.body, values, unknown, wrong)
        return values

    return read


def _take(values: dict[str, Any], member: Member, text: str, timestamp_format: str, wrong: Wrong) -> None:
    try:
        values[member.name] = text_reader(member.shape, timestamp_format)(text)
    except WrongType as fault:
        wrong.append((member.name, fault.wanted))


def _header(request: Request, name: str) -> str | None:
    """The one value of a header, or None. Raises Malformed when it comes twice or is not UTF-8."""
    found = request.values_of(fold(name).encode("ascii"))
    if len(found) > 1:
        raise Malformed("A header is given more than once")
    try:
        return found[0].decode("utf-8") if found else None
    except UnicodeDecodeError:
        raise Malformed("A header is not valid UTF-8") from None


def _query_reader(operation: OperationShape) -> Callable[[bytes, dict[str, Any], Unknown, Wrong], None]:
    members = {member.wire: member for member in operation.members.values() if member.place == "query"}
    constant = {name for name, _ in read_pairs(operation.path.partition("?")[2].encode("ascii"))}

    def read(raw: bytes, values: dict[str, Any], unknown: Unknown, wrong: Wrong) -> None:
        if not raw:
            return
        pairs = read_pairs(raw)
        exact = Counter(name for name, _ in pairs)
        folded = Counter(fold(name) for name, _ in pairs)
        for name, text in pairs:
            member = members.get(name)
            listed = member is not None and member.shape.kind == "list"
            if folded[fold(name)] > (exact[name] if listed else 1):
                raise Malformed("A parameter is given more than once")
            if member is None:
                unknown.count += name not in constant and not fold(name).startswith("x-amz-")
            elif listed:
                _take_item(values, member, text, wrong)
            else:
                _take(values, member, text, "iso8601", wrong)

    return read


def _take_item(values: dict[str, Any], member: Member, text: str, wrong: Wrong) -> None:
    try:
        item = text_reader(member.shape.item or member.shape, "iso8601")(text)
        values.setdefault(member.name, []).append(item)
    except WrongType as fault:
        wrong.append((member.name, fault.wanted))


def _body_reader(shape: Shape) -> Callable[[bytes, dict[str, Any], Unknown, Wrong], None]:
    """Either one member is the whole body (the payload), or the members without a place of their own are a JSON object."""
    if shape.payload:
        return _payload_reader(shape.members[shape.payload], shape.payload in shape.required)
    in_body = frozenset(name for name, member in shape.members.items() if not member.place)
    members = {member.wire: member for name, member in shape.members.items() if name in in_body}

    def read(body: bytes, values: dict[str, Any], unknown: Unknown, wrong: Wrong) -> None:
        if body:
            read_members(json_body.parse(body), members, values, unknown, wrong)

    return read


def read_members(value: Any, members: Mapping[str, Member], values: dict[str, Any], unknown: Unknown, wrong: Wrong) -> None:
    """Read the members of a JSON object into `values`. Null means absent. Raises Malformed when it is no object."""
    if not isinstance(value, dict):
        raise Malformed("The body is not a JSON object")
    for wire, item in value.items():
        member = members.get(wire)
        if member is None:
            unknown.count += 1
        elif item is not None:
            try:
                values[member.name] = json_body.reader_of(member.shape)(item, unknown)
            except WrongType as fault:
                wrong.append((member.name, fault.wanted))


def _payload_reader(member: Member, required: bool) -> Callable[[bytes, dict[str, Any], Unknown, Wrong], None]:
    def read(body: bytes, values: dict[str, Any], unknown: Unknown, wrong: Wrong) -> None:
        if not body:
            return
        try:
            if member.shape.kind == "blob":
                values[member.name] = body
            elif member.shape.kind == "string":
                values[member.name] = body.decode("utf-8")
            else:
                value = json_body.parse(body)
                if value != {} or required:  # clients send {} where an optional payload is absent
                    values[member.name] = json_body.reader_of(member.shape)(value, unknown)
        except UnicodeDecodeError:
            raise Malformed("The body is not valid UTF-8") from None
        except WrongType as fault:
            wrong.append((member.name, fault.wanted))

    return read
