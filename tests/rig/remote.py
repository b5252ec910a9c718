"""Calls a running server as `TestNode.call` calls a node: botocore makes, signs and reads, and nothing is tried twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from rig.http import Reply, exchange
from rig.node import Keys, Refused, read_answer, request_for

Given = dict[str, Any] | None


class Unanswered(OSError):
    """The connection ended without an answer: the change may have been made, or not."""


class Remote:
    """A server at `url`. `call` gives what botocore reads of the answer, or raises Refused, or Unanswered."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, service: str, operation: str, given: Given = None, keys: Keys | None = None, *, now: datetime | None = None) -> Any:
        """The parsed answer."""
        return self.told(service, operation, given, keys, now=now)[0]

    def told(
        self, service: str, operation: str, given: Given = None, keys: Keys | None = None, *, now: datetime | None = None
    ) -> tuple[Any, str]:
        """The parsed answer and its request id; `now` is the time of the signature."""
        host = urlsplit(self.url).netloc
        request = request_for(service, operation, given or {}, keys, now or datetime.now(UTC), host=host)
        target = request.raw_path + (b"?" + request.raw_query if request.raw_query else b"")
        lines = [b"%b %b HTTP/1.1" % (request.method.encode(), target)]
        lines += [b"%b: %b" % pair for pair in request.headers]
        if not any(name == b"content-length" for name, _ in request.headers):
            lines.append(b"content-length: %d" % len(request.body))
        try:
            reply: Reply = exchange(self.url, b"\r\n".join(lines) + b"\r\n\r\n" + request.body)
        except OSError as error:
            raise Unanswered(str(error)) from error
        if not reply.status or len(reply.body) < int(reply.headers.get("content-length", "0")):
            raise Unanswered("cut off")
        parsed = read_answer(service, operation, reply.status, reply.headers, reply.body)
        if "Error" in parsed:
            raise Refused(parsed["Error"]["Code"], parsed["Error"].get("Message", ""), reply.status, reply)
        return parsed, reply.headers.get("x-amzn-requestid", "")
