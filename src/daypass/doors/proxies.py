"""Which proxies are believed, and what they say of where a request comes from. Reads X-Forwarded-For and X-Forwarded-Proto and nothing
else: the Host that was signed is the Host that arrived, whatever X-Forwarded-Host or Forwarded say (attack rows H15, H24).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from daypass.values.request import HeaderPairs

MAX_HOPS = 32  # entries of X-Forwarded-For that are looked at, from the right
UNKNOWN = ""  # in the place of an address: aws:SourceIp is absent then, so that no Allow by IpAddress holds and each Deny by NotIpAddress

_PORT = re.compile(r":[0-9]{1,5}\Z", re.ASCII)
_BRACKETED = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?", re.ASCII)


class Proxies:
    """The networks whose proxies are believed, as CIDR texts. Raises ValueError for a text that is none."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(network) for network in networks]
        self.trusts = lru_cache(1024)(self._is_within)

    def _is_within(self, address: str) -> bool:
        """Whether `address`, as read_address writes it, is a proxy that is believed."""
        return bool(self._networks) and address != UNKNOWN and any(ip_address(address) in network for network in self._networks)

    def origin(self, headers: HeaderPairs) -> tuple[str, bool]:
        """Client address and whether it came over TLS, of a request that a trusted proxy brings.

        (1) the right-most hop that is no trusted proxy: what stands left of it was written by whoever wanted to; when all are trusted, the
        left-most. (2) UNKNOWN when a hop on the way there cannot be read, or there is none: never the proxy's own address, which a
        policy may allow. (3) TLS only when X-Forwarded-Proto comes once and says `https`.
        """
        hops = b",".join([value for name, value in headers if name == b"x-forwarded-for"]).decode("latin-1").split(",")
        secure = [value.strip(b" \t").lower() for name, value in headers if name == b"x-forwarded-proto"] == [b"https"]
        address = UNKNOWN
        for hop in reversed(hops[-MAX_HOPS:]):
            address = read_address(hop)
            if not self.trusts(address):
                return address, secure
        return (address if len(hops) <= MAX_HOPS else UNKNOWN), secure


def read_address(text: str) -> str:
    """An IP address as policies write it: without port, brackets and zone, IPv4-mapped IPv6 as IPv4. UNKNOWN when it is none."""
    text = text.strip(" \t")
    if bracketed := _BRACKETED.fullmatch(text):
        text = bracketed[1]
    elif text.count(":") == 1:
        text = _PORT.sub("", text)
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return UNKNOWN
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
