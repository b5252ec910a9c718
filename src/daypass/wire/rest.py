"""Reads a request of rest-json or rest-xml into values: path labels, query, headers, body (sheet A, §2.5). Does not route."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from daypass.values.folding import fold
from daypass.values.request import Request
from daypass.wire import json_body, xml_body
from daypass.wire.faults import Malformed, Unknown, WrongType
from daypass.wire.pairs import read_pairs
from daypass.wire.scalars import text_reader
from daypass.wire.shapes import Member, OperationShape

Wrong = list[tuple[str, str]]
ReadBody = Callable[[bytes, dict[str, Any], Unknown, Wrong], None]
ReadRest = Callable[[Request, Mapping[str, str], Unknown, Wrong], dict[str, Any]]


class _Format(NamedTuple):
    """A format of bodies: bytes to a parsed value, that value's members by wire name, and how one is read."""

    parse: Callable[[bytes], Any]
    members: Callable[[Any], Mapping[str, Any]]
    read: Callable[[Member, Any, Unknown], Any]


def rest_reader(operation: OperationShape) -> ReadRest:
    """The reader of an operation's requests: (request, path labels, unknown, wrong types) → values. It raises Malformed."""
    read_query = _query_reader(operation)
    in_path = [member for member in operation.members.values() if member.place == "uri"]
    in_headers = [member for member in operation.members.values() if member.place == "header"]
    by_prefix = [member for member in operation.members.values() if member.place == "headers"]
    read_body = _body_reader(operation)

    def read(request: Request, labels: Mapping[str, str], unknown: Unknown, wrong: Wrong) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for member in in_path:
            _take(values, member, labels[member.wire], "iso8601", wrong)
        read_query(request.raw_query, values, unknown, wrong)
        for member in in_headers:
            if (text := _header(request, member.wire)) is not None:
                (_take_list if member.shape.kind == "list" else _take)(values, member, text, "rfc822", wrong)
        for member in by_prefix:
            if found := _headers(request, member.wire):
                values[member.name] = found
        read_body(request.body, values, unknown, wrong)
        return values

    return read


def _take(values: dict[str, Any], member: Member, text: str, timestamp_format: str, wrong: Wrong) -> None:
    try:
        values[member.name] = text_reader(member.shape, timestamp_format)(text)
    except WrongType as fault:
        wrong.append((member.name, fault.wanted))


def _take_list(values: dict[str, Any], member: Member, text: str, timestamp_format: str, wrong: Wrong) -> None:
    """Items between commas (RFC 9110 §5.6.1). Refused are quotes, which no item of a model needs and readers undo differently."""
    try:
        if '"' in text:
            raise WrongType("a list of items between commas")
        read = text_reader(member.shape.item or member.shape, timestamp_format)
        values[member.name] = [read(item.strip(" \t")) for item in text.split(",")]
    except WrongType as fault:
        wrong.append((member.name, fault.wanted))


def _headers(request: Request, prefix: str) -> dict[str, str]:
    """All headers that begin with `prefix`, by the rest of their names. Raises Malformed like _header."""
    start = fold(prefix)
    names = {name.decode("latin-1") for name, _ in request.headers if name.startswith(start.encode("ascii"))}
    return {name[len(start) :]: _header(request, name) or "" for name in sorted(names) if name != start}


def _header(request: Request, name: str) -> str | None:
    """The one value of a header, or None. Raises Malformed when it comes twice or is not UTF-8."""
    found = request.values_of(fold(name).encode("latin-1"))
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


def _body_reader(operation: OperationShape) -> ReadBody:
    """Either one member is the whole body (the payload), or the members without a place of their own are inside it."""
    shape = operation.input
    if shape.payload:
        return _payload_reader(shape.members[shape.payload], operation)
    members = {member.wire: member for member in shape.members.values() if not member.place}
    form = _format_of(operation, operation.root)

    def read(body: bytes, values: dict[str, Any], unknown: Unknown, wrong: Wrong) -> None:
        if body:
            _read_members(form, form.parse(body), members, values, unknown, wrong)

    return read


def _format_of(operation: OperationShape, root: str) -> _Format:
    if operation.service.protocol == "rest-json":
        return _JSON
    namespace = operation.service.xml_namespace
    return _Format(
        lambda body: xml_body.parse(body, root, namespace),
        xml_body.members_of,
        lambda member, run, unknown: xml_body.member_reader(member)(run, unknown),
    )


def _json_members(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("The body is not a JSON object")
    return value


_JSON = _Format(json_body.parse, _json_members, lambda member, value, unknown: json_body.reader_of(member.shape)(value, unknown))


def read_json_members(body: bytes, members: Mapping[str, Member], values: dict[str, Any], unknown: Unknown, wrong: Wrong) -> None:
    """Read the members of the JSON object that `body` is into `values`. Null means absent. Raises Malformed."""
    _read_members(_JSON, json_body.parse(body), members, values, unknown, wrong)


def _read_members(form: _Format, value: Any, members: Mapping[str, Member], values: dict[str, Any], unknown: Unknown, wrong: Wrong) -> None:
    for wire, item in form.members(value).items():
        member = members.get(wire)
        if member is None:
            unknown.count += 1
        elif item is not None:
            try:
                values[member.name] = form.read(member, item, unknown)
            except WrongType as fault:
                wrong.append((member.name, fault.wanted))


def _payload_reader(member: Member, operation: OperationShape) -> ReadBody:
    required = member.name in operation.required
    form = _format_of(operation, member.wire)

    def read(body: bytes, values: dict[str, Any], unknown: Unknown, wrong: Wrong) -> None:
        if not body:
            return
        try:
            if member.shape.kind == "blob":
                values[member.name] = body
            elif member.shape.kind == "string":
                values[member.name] = body.decode("utf-8")
            else:
                value = form.parse(body)
                if value != {} or required:  # clients send {} where an optional payload is absent
                    values[member.name] = form.read(member, value, unknown)
        except UnicodeDecodeError:
            raise Malformed("The body is not valid UTF-8") from None
        except WrongType as fault:
            wrong.append((member.name, fault.wanted))

    return read
