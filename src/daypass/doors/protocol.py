"""The HTTP/1.1 protocol of the API: uvicorn's, with the limits that have to hold before any work and the peer's uid on a unix socket.

Does not know AWS (wire does). The parser is httptools'; what it lets pass and a proxy may read otherwise is refused here.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from daypass.doors.crowd import Crowd
from daypass.doors.exchange import Exchange
from daypass.doors.joined import Joined
from daypass.doors.proxies import Proxies, read_address
from daypass.values.request import Request, Response
from daypass.way.throttle import party

MAX_HEAD = 64 * 1024  # bytes of request line and headers
MAX_HEADERS = 100
MAX_BODY = 1024 * 1024  # bytes; the largest input offered so far is a 131,072-character policy, percent-encoded
MAX_TURNS = 1024  # in which a head may come, and MAX_PIECES turns and chunks of a body: each costs some 10 µs, whatever it brings
MAX_PIECES = 4096  # segments of 536 bytes (RFC 9293 §3.7.1) carry the largest body in half as many
MAX_TURN = 256 * 1024  # bytes that the loop reads at once; a head that begins behind other requests may seem larger by as much
MAX_BROUGHT = 2 * MAX_BODY  # bytes of a message on the wire: extensions of chunks are bytes as well
MAX_PIPELINED = 16  # requests that wait for the answers to those before them on their connection
REQUEST_SECONDS = 10.0  # for the head, and again for the body (F-30)
UNREAD_SECONDS = 20.0  # for a client to take what waits to be sent to it; an answer has at most about 1 MB

_FRAMING = frozenset((b"content-length", b"expect", b"transfer-encoding"))  # the headers that say where a message ends
MAX_DIGITS = 20  # of a Content-Length, leading zeros included

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

    def __init__(self, crowd: Crowd | None = None, proxies: Proxies | None = None) -> None:
        super().__init__()
        self.crowd = crowd or Crowd()
        self.proxies = proxies or Proxies()


class ApiProtocol(HttpToolsProtocol):
    """uvicorn's protocol, bounded in bytes, header count, pieces and time; the client of a unix socket is `("uid:N", 0)`.

    Framing is read in one way or refused: what a proxy in front may have read otherwise is answered by 400 at most, behind the answers to
    what came before it, and nothing after it is looked at (attack row C56).

    A request that comes alone goes to the application's plane, when it has one. What comes before its forerunner is answered, or waits
    for a 100, goes the way of ASGI, which queues, as does everything for an application without a plane.
    """

    server_state: State

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        start = getattr(self.app, "start", None)
        self._start: Callable[[Request, Callable[[Response], None]], None] | None = start
        self._exchange = Exchange()
        self._on_plane = False  # whether the message that is being parsed goes there
        self._request: Request | None = None  # whole, and to be started when this turn's bytes are parsed

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows the type as well
        super().connection_made(transport)
        self._chunk = 0  # bytes that came in this turn
        self._brought = 0  # bytes of the turns that brought this message, whatever else they brought
        self._taken = 0  # bytes of its body
        self._pieces = 0  # turns and chunks in which they came
        self._status = b"400 Bad Request"  # of what the message turns out to be
        self._last_word = b""  # what is said when all before it is answered, before the connection is closed
        self._unread: asyncio.TimerHandle | None = None
        self._is_proven = False
        self._timer: asyncio.TimerHandle | None = None
        self._is_due = False  # whether a timer has to run when this turn ends with the message still incomplete
        self._in_head = True
        self._joined = Joined(transport)
        self._arm()
        peer = transport.get_extra_info("socket")
        if peer is not None and peer.family == socket.AF_UNIX:
            _, uid, _ = _PEER.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
            self.client = (f"uid:{uid}", 0)
            self._peer, self._is_proxied = self.client[0], False
            return
        if self.client is not None:
            self.client = (read_address(self.client[0]), self.client[1])
        self._peer = self.client[0] if self.client else ""
        self._is_proxied = self.server_state.proxies.trusts(self._peer)
        if not self.server_state.crowd.enter(self, "" if self._is_proxied else party(self._peer)):
            self._refuse(b"503 Service Unavailable")

    def data_received(self, data: bytes) -> None:
        self._chunk = len(data)
        self._unset_keepalive_if_required()
        if self._last_word:
            return
        # blank lines before a request end the keep-alive's timer and are no message yet
        if self._timer is None and self.cycle.response_complete:  # with no timer there was a message before, so there is a cycle
            self._is_due = True
        self._pieces += 1
        if self._in_head:
            if self._brought > MAX_HEAD + MAX_TURN or self._pieces > MAX_TURNS:
                self._refuse(b"431 Request Header Fields Too Large")
                return
        elif self._brought > MAX_BROUGHT or self._pieces > MAX_PIECES:
            self._refuse(b"413 Content Too Large")
            return
        self._brought += len(data)
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(self._status)
        if self._is_due:
            self._is_due = False
            self._arm()
        if self._request is not None:
            request, self._request = self._request, None
            # Behind what the other connections brought in this turn: to read between the work on two requests would cost each of them a
            # tenth of its time, since the processor's caches hold one or the other.
            self.loop.call_soon(self._start, request, self._answer)  # type: ignore[arg-type]  # there is a request only when there is a plane

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._in_head = True
        self._is_chunked = False
        self._status = b"400 Bad Request"
        self._pieces = 0
        self._brought = self._chunk
        if self._timer is None:
            self._is_due = True

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > MAX_HEAD:
            self._fail(b"414 URI Too Long")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            self._fail()  # a trailer: it would join the headers, which a proxy that looks at them has not seen
        headers = self.headers
        name = name.lower()
        if name in _FRAMING:
            self._read_framing(name, value.strip(b" \t").lower())
        headers.append((name, value))
        if len(headers) > MAX_HEADERS:
            self._fail(b"431 Request Header Fields Too Large")

    def _read_framing(self, name: bytes, value: bytes) -> None:
        if name == b"expect":
            self.expect_100_continue = value == b"100-continue"
        elif name == b"content-length":
            if len(value) > MAX_DIGITS or int(value) > MAX_BODY:  # the parser has seen to it that these are digits
                self._fail(b"413 Content Too Large")
        elif value != b"chunked" or self._is_chunked:
            self._fail()  # of several codings the parser looks at the last alone
        else:
            self._is_chunked = True

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        if version != "1.1":
            if version != "1.0" or self._is_chunked:  # RFC 9112 §6.1: a coding is HTTP/1.1's
                self._fail()
            self.expect_100_continue = False  # RFC 9110 §10.1.1
        if self.parser.should_upgrade():  # nothing else is offered, and the parser would take its body for the next request
            self._fail()
        # origin-form only, no fragment: what is routed is what was signed, byte for byte
        if not self.url.startswith(b"/") or b"#" in self.url:
            self._fail()
        if self._brought > MAX_HEAD and len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            self._fail(b"431 Request Header Fields Too Large")
        self._in_head = False
        self._taken = self._pieces = 0
        self._disarm()
        self._is_due = True
        if self._start is not None and self._is_alone():
            self._on_plane = True
            goes_on = version != "1.0" and self.parser.should_keep_alive()
            self._exchange.begin(keep_alive=goes_on and not self.server_state.draining)
            self.cycle = self._exchange  # type: ignore[assignment]  # what the base class asks of a cycle, this can answer
        elif len(self.pipeline) < MAX_PIPELINED:
            self._on_plane = False
            self._begin_cycle()
        else:
            self._in_head = True  # what is refused is not the request before it, which is under way
            self._fail(b"429 Too Many Requests")

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
        if self._is_proxied:
            address, secure = self.server_state.proxies.origin(tuple(headers))
            self.scope["client"], self.scope["scheme"] = (address, 0), "https" if secure else "http"
        if not self.expect_100_continue:
            self.cycle.transport = self._joined  # type: ignore[assignment]  # what a cycle does with its transport, this can

    def on_body(self, body: bytes) -> None:
        self._taken += len(body)
        self._pieces += 1
        if self._taken > MAX_BODY or self._pieces > MAX_PIECES:
            self._fail(b"413 Content Too Large")
        if self._on_plane:
            self._exchange.body.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        # INVARIANT: whatever fails here, as for want of memory, fails before the message counts as whole: one that is whole waits for its
        # answer, and this one would for ever (F-36)
        request = self._read_request() if self._on_plane and not self.transport.is_closing() else None
        self._disarm()
        self._is_due = False
        self._in_head = True
        self._brought = self._pieces = 0
        if not self._on_plane:
            super().on_message_complete()
        else:
            self._request = request

    def _read_request(self) -> Request:
        """The message that is there as a whole, for the plane."""
        path, _, query = self.url.partition(b"?")
        method, body = self.parser.get_method().decode("ascii"), b"".join(self._exchange.body)
        self._exchange.has_body = method != "HEAD"
        headers, peer, secure = tuple(self.headers), self._peer, self.scheme == "https"
        if self._is_proxied:
            peer, secure = self.server_state.proxies.origin(headers)
        return Request(method, path, query, headers, body, peer, secure)

    def _answer(self, response: Response) -> None:
        """What the plane calls: the whole answer in one write, since each write is a system call and wakes the client."""
        exchange, transport = self._exchange, self.transport
        if exchange.response_complete:  # answered before, by what then broke: what of it was sent nobody knows, and nothing may follow it
            transport.abort()
            return
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
        if response.proven and not self._is_proven:
            self._is_proven = True
            self.server_state.crowd.prove(self)
        if not exchange.keep_alive:
            transport.close()
        self.on_response_complete()

    def on_response_complete(self) -> None:
        self._joined.flush()
        if self._last_word and not self.pipeline:
            self._close(self._last_word)
        else:
            super().on_response_complete()
            if self.transport.is_closing():
                self._linger()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def shed(self) -> bool:
        """Close to make room for others, unless a request is under way (crowd.py)."""
        if self._last_word or self.transport.is_closing() or self._is_busy():
            return False
        self._close(b"" if self._timer is None else _refusal(b"503 Service Unavailable"))  # without a timer it is idle between requests
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        self._linger()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None and not self.transport.is_closing():
            self._unread.cancel()
            self._unread = None

    def _linger(self) -> None:
        """Give the client a bounded time to take what was written to it: to close alone would wait for it for ever."""
        if self._unread is None and self.transport.get_write_buffer_size():
            self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def shutdown(self) -> None:
        """Close when idle, else after the answer. A TLS client that does not say goodbye in its turn is not waited for."""
        super().shutdown()
        if self.transport.is_closing():
            self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self._unread is not None:
            self._unread.cancel()
        self.server_state.crowd.leave(self)
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

    def _fail(self, status: bytes = b"400 Bad Request") -> NoReturn:
        """Stop the parser: this message is refused with `status`."""
        self._status = status
        raise ValueError(status)

    def _is_busy(self) -> bool:
        """Whether a request that came whole waits for its answer."""
        before: RequestResponseCycle | None = self.cycle
        return before is not None and not before.response_complete

    def _refuse(self, status: bytes) -> None:
        """Say `status` of the message that is being read, behind the answers to those before it, and close. Nothing more is read."""
        if self._last_word or self.transport.is_closing():
            return
        self._disarm()
        self._is_due = False
        self._last_word = _refusal(status)
        if not self._in_head:  # its body: it may wait behind others, or be answered already, by an application that did not read it
            if not self.pipeline:
                self._close(b"" if self.cycle.response_complete or getattr(self.cycle, "response_started", False) else self._last_word)
                return
            self.pipeline.popleft()
        elif not self._is_busy():
            self._close(self._last_word)
            return
        self.flow.resume_reading()  # from here on it is ours to hold back, which no answer undoes
        self.transport.pause_reading()

    def _close(self, last_word: bytes = b"") -> None:
        if not self.transport.is_closing():
            if last_word:
                self.transport.write(last_word)
            self.transport.close()
            self._linger()


def _refusal(status: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status
