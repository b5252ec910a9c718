"""One GET over HTTPS to an address that was checked. Follows no redirect, trusts no proxy setting, parses no content.

Source: attack row H42 (SSRF, rebinding, endless bodies); OWASP SSRF Prevention Cheat Sheet.
"""

from __future__ import annotations

import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import NamedTuple

MAX_BODY = 512 * 1024  # bytes; as proof/jose.py takes
MAX_SECONDS = 5.0  # ours: name, connection, TLS, header and body together
MAX_URL = 2048  # characters
MAX_TRIES = 3  # connections, to the addresses of the name in turn: one may be away, another break off

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Iterable[str]]

_URL = re.compile(r"https://([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([1-9][0-9]{0,4}))?(/[!$-;=?-Z_a-z~]*)?", re.ASCII)
# Ranges that carry an IPv4 address inside and would reach it through a gateway (RFC 6052, RFC 8215, RFC 3056, RFC 4380)
_TRANSLATED = tuple(ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))


class NotAllowed(Exception):
    """The URL, or the address that it leads to, is not one that may be asked."""


class NoAnswer(Exception):
    """There was no usable answer within the limits of time and size."""


class Answer(NamedTuple):
    """A body of at most MAX_BODY bytes and the `Cache-Control` header ("" without one)."""

    body: bytes
    cache_control: str


def resolve(host: str, port: int) -> list[str]:
    """The addresses of `host`, by the system's resolver."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def get(url: str, *, context: ssl.SSLContext, allowed: Iterable[Network] = (), resolver: Resolver = resolve) -> Answer:
    """Ask for `url` and give the body of a 200 answer. `allowed` are networks that may be asked although they are not public.

    Raises NotAllowed or NoAnswer. Takes at most MAX_SECONDS.
    """
    deadline = time.monotonic() + MAX_SECONDS
    # (1) https and a plain host, nothing that two URL parsers could read in two ways
    match = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if match is None or int(match[2] or 443) > 65535:
        raise NotAllowed("not a plain https URL")
    host, port, target = match[1].strip("[]"), int(match[2] or 443), match[3] or "/"
    # (2) every address of the name is checked before any is used, and the connection goes to a checked one: no second look-up
    addresses = list(dict.fromkeys(_resolve_in_time(resolver, host, port, deadline)))
    if not addresses:
        raise NoAnswer("the name has no address")
    networks = tuple(allowed)
    for address in addresses:
        if not is_allowed(address, networks):
            raise NotAllowed(f"{host} leads to {address}, which is not a public address")
    # (3) TLS for the name in the URL, one request, no redirect
    failure = NoAnswer("no address was tried")
    for address in (addresses * MAX_TRIES)[:MAX_TRIES]:
        try:
            with socket.create_connection((address, port), timeout=_left(deadline)) as raw:
                return _ask(raw, host, match[1] + (f":{port}" if match[2] else ""), target, context, deadline)
        except (OSError, HTTPException) as error:
            failure = NoAnswer(f"{type(error).__name__}: {error}")
    raise failure


def is_allowed(address: str, networks: Iterable[Network] = ()) -> bool:
    """Whether `address` is a public unicast one, or in one of the operator's `networks`. IPv4 inside IPv6 counts as IPv4."""
    found: Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if any(found in network for network in networks):
        return True
    return found.is_global and not found.is_multicast and not any(found in network for network in _TRANSLATED)


def _resolve_in_time(resolver: Resolver, host: str, port: int, deadline: float) -> list[str]:
    """The resolver knows no time limit of its own, so it runs aside and is left behind when the time is over."""
    answer: queue.SimpleQueue[list[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answer.put(list(resolver(host, port)))
        except (OSError, UnicodeError) as error:
            answer.put(error)

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    try:
        found = answer.get(timeout=_left(deadline))
    except queue.Empty as error:
        raise NoAnswer("the name was not resolved in time") from error
    if isinstance(found, Exception):
        raise NoAnswer(f"the name was not resolved: {found}")
    return found


def _ask(raw: socket.socket, host: str, authority: str, target: str, context: ssl.SSLContext, deadline: float) -> Answer:
    with raw.dup() as twin:
        # INVARIANT: at the deadline the connection is cut below TLS, whatever read or handshake is under way
        watchdog = threading.Timer(_left(deadline), _cut, (twin,))
        watchdog.daemon = True
        watchdog.start()
        try:
            with context.wrap_socket(raw, server_hostname=host, suppress_ragged_eofs=False) as secure:
                connection = HTTPConnection(host)
                connection.sock = secure
                headers = {"Host": authority, "Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close"}
                connection.request("GET", target, headers=headers)
                return _read(connection.getresponse())
        finally:
            watchdog.cancel()
            watchdog.join()


def _cut(twin: socket.socket) -> None:
    try:
        twin.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other side has closed it already


def _read(response: HTTPResponse) -> Answer:
    if response.status != 200:
        raise NoAnswer(f"status {response.status}")
    if response.getheader("content-encoding", "identity").lower() != "identity":
        raise NoAnswer("a compressed body")
    body = response.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise NoAnswer("the body is too large")
    if response.length:
        raise NoAnswer("the body ended early")
    return Answer(body, response.getheader("cache-control", ""))


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise NoAnswer("out of time")
    return left
