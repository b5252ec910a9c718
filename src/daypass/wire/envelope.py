"""Responses and refusals in each protocol's own envelope, with the request id (fact sheet A, §2.3-2.5). Decides no code (refusals.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from daypass.values.errors import Refusal
from daypass.values.request import HeaderPairs, Request, Response
from daypass.wire import json_out, rest_out, xml_out
from daypass.wire.refusals import code_and_status
from daypass.wire.route import protocol_of
from daypass.wire.shapes import OperationShape, Protocol, Shape

Render = Callable[[Mapping[str, Any], str], Response]

_XML = (b"content-type", b"text/xml")


def render_output(operation: OperationShape, output: Mapping[str, Any], request_id: str) -> Response:
    """The response with `output` (members by AWS's names; None is left out). Raises TypeError for a member that the model lacks."""
    return _renderer(operation)(output, request_id)


def render_refusal(
    operation: OperationShape | None, refusal: Refusal, request_id: str, request: Request | None = None, protocol: Protocol | None = None
) -> Response:
    """The refusal in the envelope of the operation's protocol.

    When no operation was found it is that of `protocol`, which a door names that has only one (rest-xml is S3's then), else of what
    `request` speaks.
    """
    if operation:
        protocol = operation.service.protocol
    elif protocol is None:
        protocol = protocol_of(request) if request else "query"
    code, status = code_and_status(operation, protocol, refusal)
    modelled = operation.error(refusal.code) if operation else None
    if protocol in ("query", "rest-xml"):
        return _xml_refusal(protocol, operation, modelled, code, status, refusal, request_id)
    return _json_refusal(protocol, operation, modelled, code, status, refusal, request_id)


@lru_cache(maxsize=4096)
def _renderer(operation: OperationShape) -> Render:
    protocol = operation.service.protocol
    if protocol == "query":
        return _query_renderer(operation)
    return _json_renderer(operation) if protocol == "json" else rest_out.rest_renderer(operation)


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


def _extra(modelled: Shape | None, refusal: Refusal) -> Mapping[str, Any]:
    """The further members of a modelled error, besides its message."""
    if not modelled:
        return {}
    return {name: value for name, value in refusal.members.items() if name in modelled.members and name.lower() != "message"}


def _xml_refusal(
    protocol: Protocol,
    operation: OperationShape | None,
    modelled: Shape | None,
    code: str,
    status: int,
    refusal: Refusal,
    request_id: str,
) -> Response:
    """S3 itself has a plain `<Error>`: with a namespace botocore reads an empty code from it. All others wrap it."""
    service = operation.service if operation else None
    more, headers = _xml_extra(modelled, refusal)
    said = f"<Code>{xml_out.escape(code)}</Code><Message>{xml_out.escape(refusal.told)}</Message>{more}"
    if protocol == "rest-xml" and (service is None or service.endpoint_prefix == "s3"):
        host_id = rest_out.host_id(request_id)
        body = f"{rest_out.DECLARATION}<Error>{said}<RequestId>{request_id}</RequestId><HostId>{host_id}</HostId></Error>"
    else:
        side = "Receiver" if status >= 500 else "Sender"
        namespace = f' xmlns="{service.xml_namespace}"' if service else ""
        body = f"<ErrorResponse{namespace}><Error><Type>{side}</Type>{said}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    kind = _XML if protocol == "query" else rest_out.XML
    of_s3 = service.of_s3 if service else protocol == "rest-xml"
    return Response(status, (kind, *rest_out.ids(request_id, of_s3=of_s3), *headers), body.encode("utf-8", "replace"))


def _xml_extra(modelled: Shape | None, refusal: Refusal) -> tuple[str, HeaderPairs]:
    if not modelled:
        return "", ()
    extra = {modelled.members[name]: value for name, value in _extra(modelled, refusal).items() if value is not None}
    inside = [member for member in extra if not member.place]
    headers = [pair for member, value in extra.items() if member.place for pair in rest_out.headers_of(member, value)]
    return xml_out.members_writer(modelled, inside)({member.name: extra[member] for member in inside}), tuple(headers)


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
    message = refusal.told.encode("utf-8", "replace").decode("utf-8")
    body: dict[str, Any] = {"__type": code, wire: message} if protocol == "json" else {wire: message}
    headers: list[tuple[bytes, bytes]] = [_id(request_id)]
    if modelled:
        for name, value in _extra(modelled, refusal).items():
            member = modelled.members[name]
            if member.place in ("header", "headers"):
                headers += rest_out.headers_of(member, value)
            elif not member.place:
                body[member.wire] = json_out.writer_of(member.shape)(value)
    if protocol == "rest-json":
        headers += [rest_out.JSON, (b"x-amzn-errortype", code.encode("ascii", "replace"))]
    else:
        version = operation.service.json_version if operation else "1.1"
        headers.append((b"content-type", f"application/x-amz-json-{version}".encode("ascii")))
    return Response(status, tuple(headers), json_out.encode(body))
