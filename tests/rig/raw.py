"""Bytes on a connection, and all that comes back: for requests that no client library would send. Each exchange ends in a bounded time."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

QUIET = 1.0  # seconds without a byte, after which a server has said what it had to say
PATIENCE = 30.0
_HEAD = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")


@dataclass(frozen=True)
class Heard:
    """Everything that came back, and whether the server closed the connection behind it."""

    data: bytes
    closed: bool

    @property
    def answers(self) -> list[tuple[int, bytes]]:
        """Status and body of each answer, in order; interim ones (1xx) are left out. Raises AssertionError for bytes that are no answer."""
        found, at = self._read()
        assert at == len(self.data), f"no answer begins at {at}: {self.data[at : at + 200]!r}"
        return found

    @property
    def whole(self) -> list[tuple[int, bytes]]:
        """The answers that are there to their ends, whatever stands behind them."""
        found, at = self._read()
        return found if at <= len(self.data) else found[:-1]

    def _read(self) -> tuple[list[tuple[int, bytes]], int]:
        """The answers, and where the last one should end."""
        found, at = [], 0
        while at < len(self.data) and (head := _HEAD.match(self.data, at)):
            at = head.end()
            if head[1].startswith(b"1"):
                continue
            size = re.search(rb"(?i)^content-length: *([0-9]+)\r?$", head[2], re.M)
            length = int(size[1]) if size else len(self.data) - at
            found.append((int(head[1]), self.data[at : at + length]))
            at += length
        return found, at

    @property
    def statuses(self) -> list[int]:
        """The statuses alone."""
        return [status for status, _ in self.answers]


@contextmanager
def connected(url: str, trust: str = "", source: str = "") -> Iterator[socket.socket]:
    """A connection to the server of `url`; over TLS when it is https, with `trust` as the CA file; from the loopback address `source`."""
    where = urlsplit(url)
    made = socket.create_connection(
        (where.hostname or "", where.port or 80), timeout=PATIENCE, source_address=(source, 0) if source else None
    )
    if where.scheme == "https":
        made = ssl.create_default_context(cafile=trust).wrap_socket(made, server_hostname=where.hostname)
    with made:
        yield made


def say(url: str, *parts: bytes, trust: str = "", pause: float = 0.0, quiet: float = QUIET, count: int = 0) -> Heard:
    """Send `parts` one after another, `pause` seconds apart, and listen as `listen` does."""
    with connected(url, trust) as connection:
        try:
            for number, part in enumerate(parts):
                if number and pause:
                    time.sleep(pause)
                connection.sendall(part)
        except OSError:
            pass  # refused before all was sent; what was answered is read all the same
        return listen(connection, quiet, count)


def listen(connection: socket.socket, quiet: float = QUIET, count: int = 0) -> Heard:
    """What comes until the server closes, nothing does for `quiet` seconds, or `count` answers are whole (0: to the end)."""
    connection.settimeout(quiet)
    data, until = b"", time.monotonic() + PATIENCE
    try:
        while time.monotonic() < until:
            more = connection.recv(65536)
            if not more:
                return Heard(data, closed=True)
            data += more
            if count and len(Heard(data, closed=False).whole) >= count:
                break
    except TimeoutError:
        return Heard(data, closed=False)
    except OSError:
        return Heard(data, closed=True)  # a reset: closed with something of ours unread
    return Heard(data, closed=False)
