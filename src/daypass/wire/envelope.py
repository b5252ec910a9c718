"""Responses and refusals in each protocol's own envelope, with the request id (fact sheet A, §2.3-2.5). Decides no code (refusals.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from daypass.values.errors import Refusal
from daypass.values.request import HeaderPairs, Request, Response
from daypass.wire import json_out, xml_out
from daypass.wire.refusals import code_and_status
from daypass.wire.route import protocol_of
from daypass.wire.shapes import Member, OperationShape, Protocol, Shape
from daypass.wire.timestamps import WRITERS

Render = Callable[[Mapping[str, Any], str], Response]

_XML = (b"content-type", b"text/xml")
_JSON = (b"content-type", b"application/json")


def render_output(operation: OperationShape, output: Mapping[str, Any], request_id: str) -> Response:
    """The response with `output` (members by AWS's names; None is left out). Raises TypeError for a member that the model lacks."""
    return _renderer(operation)(output, request_id)


def render_refusal(operation: OperationShape | None, refusal: Refusal, request_id: str, request: Request | None = None) -> Response:
    """The refusal in the envelope of the operation's protocol, or of the one that `request` speaks when no operation was found."""
    protocol = operation.service.protocol if operation else protocol_of(request) if request else "query"
    code, status = code_and_status(operation, protocol, refusal)
    modelled = operation.error(refusal.code) if operation else None
    if protocol == "query":
        return _xml_refusal(operation, modelled, code, status, refusal, request_id)
    return _json_refusal(protocol, operation, modelled, code, status, refusal, request_id)


@lru_cache(maxsize=4096)
def _renderer(operation: OperationShape) -> Render:
    protocol = operation.service.protocol
    if protocol == "query":
        return _query_renderer(operation)
    return _rest_renderer(operation) if protocol == "rest-json" else _json_renderer(operation)


def _id(request_id: str) -> tuple[bytes, bytes]:
    return (b"x-amzn-requestid", request_id.encode("ascii"))


def _query_renderer(operation: OperationShape) -> Render:
    write = xml_out.writer_of(operation.output)
    name, namespace = operation.name, operation.service.xml_namespace
    before, after = f'<{name}Response xmlns="{namespace}">', f"</RequestId></ResponseMetadata></{name}Response>"
    if operation.wrapper:
        before, inner_after = f"{before}<{operation.wrapper}>", f"</{operation.wrapper}>"
    else:
        inner_after = ""
    inner_after += "<ResponseMetadata><RequestId>"
    status = operation.status

    def render(output: Mapping[str, Any], request_id: str) -> Response:
        body = f"{before}{write(output)}{inner_after}{request_id}{after}".encode()
        return Response(status, (_XML, _id(request_id)), body)

    return render


def _json_renderer(operation: OperationShape) -> Render:
    write = json_out.writer_of(operation.output)
    kind = (b"content-type", f"application/x-amz-json-{operation.service.json_version}".encode("ascii"))
    status = operation.status
    return lambda output, request_id: Response(status, (kind, _id(request_id)), json_out.encode(write(output)))


def _rest_renderer(operation: OperationShape) -> Render:
    shape = operation.output
    headers_of = _headers_writer(shape)
    status_member = next((name for name, member in shape.members.items() if member.place == "status"), None)
    body_of = _body_writer(shape)
    usual = operation.status

    def render(output: Mapping[str, Any], request_id: str) -> Response:
        status = output.get(status_member, usual) if status_member else usual
        body, kind = body_of(output)
        return Response(int(status), (kind, _id(request_id), *headers_of(output)), body)

    return render


def _body_writer(shape: Shape) -> Callable[[Mapping[str, Any]], tuple[bytes, tuple[bytes, bytes]]]:
    in_body = [member for member in shape.members.values() if not member.place]
    if not shape.payload:
        write = json_out.members_writer(shape, in_body)
        return lambda output: (json_out.encode(write(output)), _JSON)
    member = shape.members[shape.payload]
    _raw = (b"content-type", b"application/octet-stream")
    write_member = json_out.writer_of(member.shape)

    def body(output: Mapping[str, Any]) -> tuple[bytes, tuple[bytes, bytes]]:
        if foreign := output.keys() - shape.members.keys():
            raise TypeError(f"{shape.name} has no {sorted(foreign)}")
        value = output.get(member.name)
        if member.shape.kind == "blob":
            return bytes(value or b""), _raw
        if member.shape.kind == "string":
            return str(value or "").encode(), _raw
        return (b"{}" if value is None else json_out.encode(write_member(value))), _JSON

    return body


def _headers_writer(shape: Shape) -> Callable[[Mapping[str, Any]], HeaderPairs]:
    members = [member for member in shape.members.values() if member.place == "header"]
    if not members:
        return lambda _output: ()

    def headers(output: Mapping[str, Any]) -> HeaderPairs:
        present = [member for member in members if output.get(member.name) is not None]
        return tuple((member.wire.lower().encode("ascii"), _header(member, output[member.name])) for member in present)

    return headers


def _header(member: Member, value: Any) -> bytes:
    """A header's value. Raises TypeError for a line break: it would end the header (RFC 9110 §5.5)."""
    if member.shape.kind == "timestamp":
        text = str(WRITERS[member.shape.timestamp_format or "rfc822"](value))
    else:
        written = json_out.writer_of(member.shape)(value)
        text = written if isinstance(written, str) else json_out.encode(written).decode("ascii")
    if any(char in text for char in "\r\n\0"):
        raise TypeError(f"{member.name} cannot be a header")
    return text.encode("utf-8")


def _extra(modelled: Shape | None, refusal: Refusal) -> Mapping[str, Any]:
    """The further members of a modelled error, besides its message."""
    if not modelled:
        return {}
    return {name: value for name, value in refusal.members.items() if name in modelled.members and name.lower() != "message"}


def _xml_refusal(
    operation: OperationShape | None, modelled: Shape | None, code: str, status: int, refusal: Refusal, request_id: str
) -> Response:
    side = "Receiver" if status >= 500 else "Sender"
    namespace = f' xmlns="{operation.service.xml_namespace}"' if operation else ""
    more = "".join(
        f"<{name}>{xml_out.writer_of(modelled.members[name].shape)(value)}</{name}>" for name, value in _extra(modelled, refusal).items()
    ) if modelled else ""
    body = (
        f"<ErrorResponse{namespace}><Error><Type>{side}</Type><Code>{xml_out.escape(code)}</Code>"
        f"<Message>{xml_out.escape(refusal.message)}</Message>{more}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Response(status, (_XML, _id(request_id)), body.encode("utf-8", "replace"))


def _json_refusal(
    protocol: Protocol,
    operation: OperationShape | None,
    modelled: Shape | None,
    code: str,
    status: int,
    refusal: Refusal,
    request_id: str,
) -> Response:
    spelled = next((name for name in modelled.members if name.lower() == "message"), "message") if modelled else "message"
    wire = modelled.members[spelled].wire if modelled and spelled in modelled.members else spelled
    message = refusal.message.encode("utf-8", "replace").decode("utf-8")
    body: dict[str, Any] = {"__type": code, wire: message} if protocol == "json" else {wire: message}
    headers: list[tuple[bytes, bytes]] = [_id(request_id)]
    if modelled:
        for name, value in _extra(modelled, refusal).items():
            member = modelled.members[name]
            if member.place == "header":
                headers.append((member.wire.lower().encode("ascii"), _header(member, value)))
            elif not member.place:
                body[member.wire] = json_out.writer_of(member.shape)(value)
    if protocol == "rest-json":
        headers += [_JSON, (b"x-amzn-errortype", code.encode("ascii", "replace"))]
    else:
        version = operation.service.json_version if operation else "1.1"
        headers.append((b"content-type", f"application/x-amz-json-{version}".encode("ascii")))
    return Response(status, tuple(headers), json_out.encode(body))
