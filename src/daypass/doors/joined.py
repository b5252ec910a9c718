"""A connection as an answer by ASGI sees it: head and body leave in one write. Does not know what is written."""

from __future__ import annotations

import asyncio


class Joined:
    """Keeps what is written until the answer is whole, since each write is a system call and wakes the client."""

    __slots__ = ("_parts", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keep `data` for `flush`."""
        self._parts.append(data)

    def flush(self) -> None:
        """Let go what was written. INVARIANT: called when an answer is complete, and before the connection is closed."""
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()

    def close(self) -> None:
        """Let go what was written, then the connection."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the connection is on its way to the end."""
        return self._transport.is_closing()
