"""A request as it arrived and the response as it leaves: raw bytes, header pairs in order. Nothing here is parsed or believed."""

from __future__ import annotations

from dataclasses import dataclass

HeaderPairs = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What came in over a door.

    `raw_path` and `raw_query` are the undecoded bytes of the request target (query without its `?`), `headers` are in
    order with lower-case names, `peer` is the IP address of the socket, or `uid:N` on the operator's unix socket,
    `secure` tells whether TLS was used.
    """

    method: str
    raw_path: bytes
    raw_query: bytes
    headers: HeaderPairs
    body: bytes
    peer: str = ""
    secure: bool = False

    def values_of(self, name: bytes) -> list[bytes]:
        """Every value of the header `name` (lower-case), in order."""
        return [value for key, value in self.headers if key == name]

    def first(self, name: bytes) -> bytes | None:
        """The first value of the header `name` (lower-case), or None."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Response:
    """What goes out: status, header pairs, body. The door adds Date and Content-Length."""

    status: int
    headers: HeaderPairs
    body: bytes
