"""One request to an endpoint that the operator named, within bounds of time and size. Follows no redirect, trusts no proxy setting.

Unlike https.py it is not for URLs that others choose: it checks no address. Plain HTTP is the caller's decision.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlsplit

MAX_BODY = 64 * 1024  # bytes; an answer of a KMS or of a credential endpoint has a few hundred, rarely thousands


class NoAnswer(Exception):
    """There was no usable answer within the limits of time and size."""


class Answer(NamedTuple):
    """Status and body of an answer."""

    status: int
    body: bytes


def call(
    method: str, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float, context: ssl.SSLContext | None = None
) -> Answer:
    """The answer of `url` (http or https). Raises NoAnswer.

    Takes at most `seconds` from the connection on; each of its addresses and the TLS handshake have as long, the system's resolver its own.
    """
    where = urlsplit(url)
    host = where.hostname or ""
    if where.scheme == "https":
        connection: HTTPConnection = HTTPSConnection(host, where.port, timeout=seconds, context=context or ssl.create_default_context())
    else:
        connection = HTTPConnection(host, where.port, timeout=seconds)
    # INVARIANT: at the deadline the connection is cut, however slowly the answer drips in
    watchdog = threading.Timer(seconds, _cut, (connection,))
    watchdog.daemon = True
    deadline = time.monotonic() + seconds
    try:
        connection.connect()
        deadline = time.monotonic() + seconds
        watchdog.start()
        connection.request(method, (where.path or "/") + (f"?{where.query}" if where.query else ""), body, dict(headers))
        response = connection.getresponse()
        found = response.read(MAX_BODY + 1)
    except (OSError, HTTPException) as error:
        late = time.monotonic() >= deadline or isinstance(error, TimeoutError)
        raise NoAnswer(f"no answer within {seconds:g} s" if late else f"{type(error).__name__}: {error}") from None
    finally:
        watchdog.cancel()
        connection.close()
    if len(found) > MAX_BODY or response.length:
        raise NoAnswer("the body is too large, or ended early")
    return Answer(response.status, found)


def _cut(connection: HTTPConnection) -> None:
    with suppress(OSError, AttributeError):  # closed already
        connection.sock.shutdown(socket.SHUT_RDWR)
