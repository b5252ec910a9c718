"""The answers of rest-json and rest-xml: status, headers, body (fact sheet A, §2.5). Does not write refusals (envelope.py does)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from daypass.values.request import HeaderPairs, Response
from daypass.wire import json_out, xml_out
from daypass.wire.shapes import Member, OperationShape
from daypass.wire.timestamps import WRITERS

Body = tuple[bytes, HeaderPairs]  # and the header that tells its type, if there is one
WriteBody = Callable[[Mapping[str, Any]], Body]

JSON = (b"content-type", b"application/json")
XML = (b"content-type", b"application/xml")
_RAW = (b"content-type", b"application/octet-stream")
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # RFC 9110 §5.6.2


def rest_renderer(operation: OperationShape) -> Callable[[Mapping[str, Any], str], Response]:
    """The function (output, request id) → response of an operation."""
    shape, of_s3 = operation.output, operation.service.of_s3
    headers_of = _headers_writer(list(shape.members.values()))
    status_member = next((name for name, member in shape.members.items() if member.place == "status"), None)
    body_of = _body_writer(operation)
    usual = operation.status

    def render(output: Mapping[str, Any], request_id: str) -> Response:
        status = output.get(status_member, usual) if status_member else usual
        body, kind = body_of(output)
        headers = headers_of(output)
        if any(name == b"content-type" for name, _ in headers):
            kind = ()
        return Response(int(status), (*kind, *ids(request_id, of_s3=of_s3), *headers), body)

    return render


def ids(request_id: str, *, of_s3: bool) -> HeaderPairs:
    """The headers that carry the request id. S3 has a second one, opaque to clients, which says the same here."""
    if of_s3:
        return (b"x-amz-request-id", request_id.encode("ascii")), (b"x-amz-id-2", host_id(request_id).encode("ascii"))
    return ((b"x-amzn-requestid", request_id.encode("ascii")),)


def host_id(request_id: str) -> str:
    """S3's second request id."""
    return base64.b64encode(request_id.encode("ascii")).decode("ascii")


def _body_writer(operation: OperationShape) -> WriteBody:
    """Either one member is the whole body (the payload), or the members without a place of their own are inside it."""
    shape = operation.output
    in_body = [member for member in shape.members.values() if not member.place]
    if shape.payload:
        return _payload_writer(operation, shape.members[shape.payload])
    if operation.service.protocol == "rest-json":
        write = json_out.members_writer(shape, in_body)
        return lambda output: (json_out.encode(write(output)), (JSON,))
    write_xml = xml_out.members_writer(shape, in_body)
    opened, closed = f'{DECLARATION}<{shape.root} xmlns="{operation.service.xml_namespace}">', f"</{shape.root}>"

    def body(output: Mapping[str, Any]) -> Body:
        inside = write_xml(output)
        return (f"{opened}{inside}{closed}".encode(), (XML,)) if in_body else (b"", ())

    return body


def _payload_writer(operation: OperationShape, member: Member) -> WriteBody:
    shape = operation.output
    write = _document_writer(operation, member)

    def body(output: Mapping[str, Any]) -> Body:
        if foreign := output.keys() - shape.members.keys():
            raise TypeError(f"{shape.name} has no {sorted(foreign)}")
        value = output.get(member.name)
        if member.shape.kind == "blob":
            return bytes(value or b""), (_RAW,)
        if member.shape.kind == "string":
            return str(value or "").encode(), (_RAW,)
        return write(value)

    return body


def _document_writer(operation: OperationShape, member: Member) -> Callable[[Any], Body]:
    if operation.service.protocol == "rest-json":
        to_json = json_out.writer_of(member.shape)
        return lambda value: (b"{}" if value is None else json_out.encode(to_json(value)), (JSON,))
    to_xml = xml_out.element_writer(member.wire, member.shape, operation.service.xml_namespace)
    return lambda value: (b"", ()) if value is None else (f"{DECLARATION}{to_xml(value)}".encode(), (XML,))


def _headers_writer(members: list[Member]) -> Callable[[Mapping[str, Any]], HeaderPairs]:
    placed = [member for member in members if member.place in ("header", "headers")]
    if not placed:
        return lambda _output: ()

    def headers(output: Mapping[str, Any]) -> HeaderPairs:
        present = [member for member in placed if output.get(member.name) is not None]
        return tuple(pair for member in present for pair in headers_of(member, output[member.name]))

    return headers


def headers_of(member: Member, value: Any) -> HeaderPairs:
    """A member as the header that it is, or as all those that begin with its name. Raises TypeError for what would end a header."""
    if member.place == "header":
        return ((_name(member.wire), _header(member, value)),)
    return tuple((_name(member.wire + key), _checked(member, str(text))) for key, text in value.items())


def _name(text: str) -> bytes:
    if _TOKEN.fullmatch(text) is None:
        raise TypeError("not a name of a header")
    return text.lower().encode("ascii")


def _header(member: Member, value: Any) -> bytes:
    if member.shape.kind == "timestamp":
        return _checked(member, str(WRITERS[member.shape.timestamp_format or "rfc822"](value)))
    written = json_out.writer_of(member.shape)(value)
    return _checked(member, written if isinstance(written, str) else json_out.encode(written).decode("ascii"))


def _checked(member: Member, text: str) -> bytes:
    """A line break would end the header (RFC 9110 §5.5)."""
    if any(char in text for char in "\r\n\0"):
        raise TypeError(f"{member.name} cannot be a header")
    return text.encode("utf-8")
