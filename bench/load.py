"""A closed loop of connections that send prepared bytes and count the answers. Does not make requests, and measures no server's CPU."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

CONNECTIONS = 64
SILENCE_SECONDS = 30.0  # without any answer, after which a server is taken for hung
_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: close", re.IGNORECASE)


class LoadFailed(Exception):
    """The server stopped answering, or answered with something that is not HTTP/1.1 with a Content-Length."""


@dataclass(slots=True)
class Load:
    """What a run saw. `latencies` are seconds, one per answer; `refused` holds the first answers that were not 2xx."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    refused: list[bytes] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Seconds within which `share` (0-1) of the answers came."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class _Connection:
    __slots__ = ("address", "begun", "received", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.received = b""
        self.begun = 0.0
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(self.address, timeout=SILENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        self.begun = time.perf_counter()
        self.socket.sendall(request)


def run(address: tuple[str, int], requests: Sequence[bytes], connections: int = CONNECTIONS) -> Load:
    """Send each of `requests` once, over so many connections with one request under way on each. Raises LoadFailed."""
    load = Load()
    queue = iter(requests)
    open_connections = [_Connection(address) for _ in range(min(connections, len(requests)))]
    poll = select.epoll()
    by_number: dict[int, _Connection] = {}
    try:
        begun = time.perf_counter()
        for connection in open_connections:
            by_number[connection.socket.fileno()] = connection
            poll.register(connection.socket, select.EPOLLIN)
            connection.send(next(queue))
        while len(load.latencies) < len(requests):
            ready = poll.poll(SILENCE_SECONDS)
            if not ready:
                raise LoadFailed(f"{address} fell silent after {len(load.latencies)} answers")
            for number, _ in ready:
                _take(by_number[number], load, queue, poll, by_number)
        load.seconds = time.perf_counter() - begun
    finally:
        poll.close()
        for connection in open_connections:
            connection.socket.close()
    return load


def _take(connection: _Connection, load: Load, queue: Iterator[bytes], poll: select.epoll, by_number: dict[int, _Connection]) -> None:
    """Read what has come on `connection`; when it is a whole answer, count it and send the next request."""
    chunk = connection.socket.recv(65536)
    if not chunk:
        raise LoadFailed(f"{connection.address} closed a connection in the middle of an answer: {connection.received[:200]!r}")
    data = connection.received + chunk if connection.received else chunk
    end = data.find(b"\r\n\r\n") + 4
    if end < 4:
        connection.received = data
        return
    length = _LENGTH.search(data, 0, end)
    if length is None:
        raise LoadFailed(f"{connection.address} answered without a length: {data[:200]!r}")
    if len(data) < end + int(length[1]):
        connection.received = data
        return
    connection.received = b""
    load.latencies.append(time.perf_counter() - connection.begun)
    if data[9:10] != b"2":
        load.failed += 1
        load.refused += [data] if len(load.refused) < 3 else []
    request = next(queue, None)
    if _CLOSE.search(data, 0, end):  # a new connection, within the server's account as within any client's
        poll.unregister(connection.socket)
        del by_number[connection.socket.fileno()]
        connection.socket.close()
        if request is not None:
            connection.open()
            by_number[connection.socket.fileno()] = connection
            poll.register(connection.socket, select.EPOLLIN)
    if request is not None:
        connection.send(request)
