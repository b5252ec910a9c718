"""A request as it arrived and the response as it leaves: raw bytes, header pairs in order. Nothing here is parsed or believed.

INVARIANT: neither is changed once it is made. They are not frozen, since that makes each of them cost a microsecond more (decision 9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HeaderPairs = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True)
class Request:
    """What came in over a door.

    `raw_path` and `raw_query` are the undecoded bytes of the request target (query without its `?`), `headers` are in
    order with lower-case names, `peer` is the IP address of the socket, or `uid:N` on the operator's unix socket,
    `secure` tells whether TLS was used. `by_name` holds the last value of each header; `is_plain` tells that none came twice.
    """

    method: str
    raw_path: bytes
    raw_query: bytes
    headers: HeaderPairs
    body: bytes
    peer: str = ""
    secure: bool = False
    by_name: Mapping[bytes, bytes] = field(init=False, repr=False, compare=False)
    is_plain: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.by_name = dict(self.headers)
        self.is_plain = len(self.by_name) == len(self.headers)

    def values_of(self, name: bytes) -> list[bytes]:
        """Every value of the header `name` (lower-case), in order."""
        return [value for key, value in self.headers if key == name]

    def first(self, name: bytes) -> bytes | None:
        """The first value of the header `name` (lower-case), or None."""
        if self.is_plain:
            return self.by_name.get(name)
        for key, value in self.headers:
            if key == name:
                return value
        return None


@dataclass(slots=True)
class Response:
    """What goes out: status, header pairs, body; `proven` tells that the caller proved who it is. The door adds Date and Content-Length."""

    status: int
    headers: HeaderPairs
    body: bytes
    proven: bool = False
