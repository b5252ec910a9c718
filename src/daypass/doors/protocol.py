"""The HTTP/1.1 protocol of the API: uvicorn's, with the limits that have to hold before any work and the peer's uid on a unix socket.

Does not know AWS (wire does). The parser is httptools'; what it lets pass and a proxy may read otherwise is refused here.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from daypass.values.request import Request, Response

MAX_HEAD = 64 * 1024  # bytes of request line and headers
MAX_HEADERS = 100
MAX_BODY = 1024 * 1024  # bytes; the largest input offered so far is a 131,072-character policy, percent-encoded
REQUEST_SECONDS = 10.0  # for the head, and again for the body (F-30)

log = logging.getLogger(__name__)

GOODBYE_SECONDS = 1.0  # for a client to answer that the connection is closed, once the server goes

_PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid


class Plane(Protocol):
    """An application that takes whole requests and answers each by a call, beside ASGI: no task, scope or events for each of them."""

    def start(self, request: Request, answer: Callable[[Response], None]) -> None:
        """Have `request` answered: `answer` is called once, now or later, on the loop's thread. Raises nothing."""


class State(ServerState):
    """What all connections of a server share. While it is `draining` each answer is its connection's last."""

    draining = False


class ApiProtocol(HttpToolsProtocol):
    """uvicorn's protocol, bounded in bytes, header count and time; the client of a unix socket is `("uid:N", 0)`.

    A request that comes alone goes to the application's plane, when it has one. What comes before its forerunner is answered, or waits
    for a 100, goes the way of ASGI, which queues, as does everything for an application without a plane.
    """

    server_state: State

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        start = getattr(self.app, "start", None)
        self._start: Callable[[Request, Callable[[Response], None]], None] | None = start
        self._exchange = _Exchange()
        self._on_plane = False  # whether the message that is being parsed goes there
        self._request: Request | None = None  # whole, and to be started when this turn's bytes are parsed

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows the type as well
        super().connection_made(transport)
        self._chunk = 0  # bytes that came in this turn
        self._taken = 0  # bytes of the head, or of the body, that came so far; of the head at least as many
        self._timer: asyncio.TimerHandle | None = None
        self._is_due = False  # whether a timer has to run when this turn ends with the message still incomplete
        self._in_head = True
        self._joined = _Joined(transport)
        self._arm()
        peer = transport.get_extra_info("socket")
        if peer is not None and peer.family == socket.AF_UNIX:
            _, uid, _ = _PEER.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
            self.client = (f"uid:{uid}", 0)
        elif self.client is not None:
            self.client = (_address(self.client[0]), self.client[1])
        self._peer = self.client[0] if self.client else ""

    def data_received(self, data: bytes) -> None:
        self._chunk = len(data)
        # blank lines before a request end the keep-alive's timer and are no message yet
        if self._timer is None and self.cycle.response_complete:  # with no timer there was a message before, so there is a cycle
            self._is_due = True
        if self._in_head:
            self._taken += len(data)
            if self._taken > MAX_HEAD + MAX_BODY:
                self._refuse(b"431 Request Header Fields Too Large")
                return
        super().data_received(data)
        if self._is_due:
            self._is_due = False
            self._arm()
        if self._request is not None:
            request, self._request = self._request, None
            self._start(request, self._answer)  # type: ignore[misc]  # there is a request only when there is a plane

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._in_head = True
        self._taken = self._chunk  # at least what this turn brings of the head, whatever else came with it
        if self._timer is None:
            self._is_due = True

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > MAX_HEAD:
            raise ValueError("the target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        headers = self.headers
        name = name.lower()
        if name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        headers.append((name, value))
        if len(headers) > MAX_HEADERS:
            raise ValueError("there are too many headers")

    def on_headers_complete(self) -> None:
        # origin-form only, no fragment: what is routed is what was signed, byte for byte
        if not self.url.startswith(b"/") or b"#" in self.url:
            raise ValueError("the request target is not in origin form")
        if self._taken > MAX_HEAD and len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            raise ValueError("the head is too large")
        self._in_head = False
        self._taken = 0
        self._disarm()
        self._is_due = True
        if self._start is not None and self._is_alone():
            self._on_plane = True
            goes_on = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
            self._exchange.begin(keep_alive=goes_on and not self.server_state.draining)
            self.cycle = self._exchange  # type: ignore[assignment]  # what the base class asks of a cycle, this can answer
        else:
            self._on_plane = False
            self._begin_cycle()

    def _is_alone(self) -> bool:
        """Whether nothing is under way on this connection, and the client waits for nothing but its answer."""
        if self.expect_100_continue or self.flow.write_paused:
            return False
        before: RequestResponseCycle | None = self.cycle
        return before is None or before.response_complete

    def _begin_cycle(self) -> None:
        """Go on as uvicorn does: a scope, a cycle, a task."""
        url, headers, waits = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, waits
        self.headers.extend(headers)
        super().on_headers_complete()
        self.cycle.keep_alive = self.cycle.keep_alive and not self.server_state.draining
        if not self.expect_100_continue:
            self.cycle.transport = self._joined  # type: ignore[assignment]  # what a cycle does with its transport, this can

    def on_body(self, body: bytes) -> None:
        self._taken += len(body)
        if self._taken > MAX_BODY:
            self._refuse(b"413 Content Too Large")
        elif self._on_plane:
            self._exchange.body.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._disarm()
        self._is_due = False
        self._taken = 0
        if not self._on_plane:
            super().on_message_complete()
        elif not self.transport.is_closing():
            path, _, query = self.url.partition(b"?")
            method, body = self.parser.get_method().decode("ascii"), b"".join(self._exchange.body)
            self._exchange.has_body = method != "HEAD"
            self._request = Request(method, path, query, tuple(self.headers), body, self._peer, self.scheme == "https")

    def _answer(self, response: Response) -> None:
        """What the plane calls: the whole answer in one write, since each write is a system call and wakes the client."""
        exchange, transport = self._exchange, self.transport
        exchange.response_complete = True
        if transport.is_closing():
            return
        pairs = (*self.server_state.default_headers, *response.headers)
        head = b"".join([b"%b: %b\r\n" % pair for pair in pairs])
        # INVARIANT: a header is one line, whatever stands in it; wire sees to that, and an answer that it did not is not sent
        if not head.count(b"\n") == head.count(b"\r") == len(pairs):
            log.error("an answer's header would not be one line", extra={"status": response.status})
            transport.abort()
            return
        ending = b"" if exchange.keep_alive else b"connection: close\r\n"
        size, body = len(response.body), response.body if exchange.has_body else b""
        transport.write(b"%b%bcontent-length: %d\r\n%b\r\n%b" % (STATUS_LINE[response.status], head, size, ending, body))
        if not exchange.keep_alive:
            transport.close()
        super().on_response_complete()

    def on_response_complete(self) -> None:
        self._joined.flush()
        super().on_response_complete()

    def shutdown(self) -> None:
        """Close when idle, else after the answer. A TLS client that does not say goodbye in its turn is not waited for."""
        super().shutdown()
        if self.transport.is_closing():
            self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        self._disarm()
        self._timer = self.loop.call_later(REQUEST_SECONDS, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._refuse(b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()


class _Exchange:
    """The request that the plane has, as uvicorn's protocol looks at a cycle. One for each connection, since they come one at a time."""

    __slots__ = ("body", "disconnected", "has_body", "keep_alive", "message_event", "response_complete")

    def __init__(self) -> None:
        self.message_event = _Nobody()
        self.disconnected = False

    def begin(self, *, keep_alive: bool) -> None:
        """A new one."""
        self.body: list[bytes] = []
        self.keep_alive = keep_alive
        self.has_body = True
        self.response_complete = False


class _Nobody:
    """In the place of an event that someone waits for."""

    __slots__ = ()

    def set(self) -> None:
        """Nobody waits."""


class _Joined:
    """A connection as an answer sees it: head and body leave in one write, since each write is a system call and wakes the client."""

    __slots__ = ("_parts", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._parts.append(data)

    def flush(self) -> None:
        """Let go what was written. INVARIANT: called when an answer is complete, and before the connection is closed."""
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


def _address(text: str) -> str:
    """A peer's IP address as policies write it: IPv4-mapped IPv6 as IPv4, without a zone."""
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
