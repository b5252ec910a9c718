"""The network guard: a test that would leave this machine fails. Guards this process only; servers are started on loopback anyway."""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

LOCAL_NAMES = frozenset({"", "localhost", "ip6-localhost", "localhost.localdomain"})


class LeftTheMachine(OSError):
    """Raised in place of a connection or a look-up beyond loopback."""


def is_local(host: object) -> bool:
    """Whether `host`, as a socket call names it, is this machine."""
    if host is None:
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if text in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def is_numeric(host: object) -> bool:
    """Whether `host` is an address, so that "looking it up" asks nobody."""
    try:
        ipaddress.ip_address(host.decode("ascii") if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return True


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        if isinstance(address, tuple) and not is_local(address[0]):
            raise LeftTheMachine(f"a test tried to reach {address}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not is_local(args[0]) and not is_numeric(args[0]):
        raise LeftTheMachine(f"a test tried to look up {args[0]!r}")


def keep_on_this_machine() -> None:
    """Install the guard; as an audit hook it holds for every library and cannot be taken out again."""
    sys.addaudithook(_hook)
