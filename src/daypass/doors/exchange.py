"""Exchange: the request that the plane has, on one connection. Does not read or answer it (protocol.py does)."""

from __future__ import annotations


class Exchange:
    """What uvicorn's protocol asks of a cycle. One for each connection, since its requests come one at a time."""

    __slots__ = ("body", "disconnected", "has_body", "keep_alive", "message_event", "response_complete")

    def __init__(self) -> None:
        self.message_event = _Nobody()
        self.disconnected = False

    def begin(self, *, keep_alive: bool) -> None:
        """A new one."""
        self.body: list[bytes] = []
        self.keep_alive = keep_alive
        self.has_body = True
        self.response_complete = False


class _Nobody:
    """In the place of an event that someone waits for."""

    __slots__ = ()

    def set(self) -> None:
        """Nobody waits."""
