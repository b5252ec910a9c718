"""The HTTP/1.1 protocol of the API: uvicorn's, with the limits that have to hold before any work and the peer's uid on a unix socket.

Does not know AWS (wire does). The parser is httptools'; what it lets pass and a proxy may read otherwise is refused here.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from ipaddress import IPv6Address, ip_address

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 * 1024  # bytes of request line and headers
MAX_HEADERS = 100
MAX_BODY = 1024 * 1024  # bytes; the largest input offered so far is a 131,072-character policy, percent-encoded
REQUEST_SECONDS = 10.0  # for the head, and again for the body (F-30)

GOODBYE_SECONDS = 1.0  # for a client to answer that the connection is closed, once the server goes

_PEER = struct.Struct("3i")  # struct ucred: pid, uid, gid


class ApiProtocol(HttpToolsProtocol):
    """uvicorn's protocol, bounded in bytes, header count and time; the client of a unix socket is `("uid:N", 0)`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows the type as well
        super().connection_made(transport)
        self._taken = 0
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

    def data_received(self, data: bytes) -> None:
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

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head = 0
        if self._timer is None:
            self._is_due = True

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._head += len(url)
        if self._head > MAX_HEAD:
            raise ValueError("the target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head += len(name) + len(value)
        if self._head > MAX_HEAD or len(self.headers) > MAX_HEADERS:
            raise ValueError("the head is too large")

    def on_headers_complete(self) -> None:
        # origin-form only, no fragment: what is routed is what was signed, byte for byte
        if not self.url.startswith(b"/") or b"#" in self.url:
            raise ValueError("the request target is not in origin form")
        self._in_head = False
        self._taken = 0
        self._disarm()
        self._is_due = True
        super().on_headers_complete()
        if not self.expect_100_continue:
            self.cycle.transport = self._joined  # type: ignore[assignment]  # what a cycle does with its transport, this can

    def on_body(self, body: bytes) -> None:
        self._taken += len(body)
        if self._taken > MAX_BODY:
            self._refuse(b"413 Content Too Large")
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._disarm()
        self._is_due = False
        self._taken = 0
        super().on_message_complete()

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
