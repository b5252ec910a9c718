"""The AWS door: an ASGI application that turns HTTP into a Request, waits where `handle` says so, and lets an answer go when its
line is on disk. Decides nothing, and parses nothing beyond HTTP itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Executor
from datetime import datetime
from typing import Any

from daypass.doors.health import health
from daypass.store import StoreFailed
from daypass.store.ledger import LedgerFailed
from daypass.values.request import Request, Response
from daypass.way.context import Node
from daypass.way.handle import Answer, Pending, handle
from daypass.way.upkeep import Upkeep

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger(__name__)


class AwsDoor:
    """The ASGI application. `rooms` are the executors of "storage" (one thread) and "outside"."""

    def __init__(self, node: Node, clock: Callable[[], datetime], rooms: Mapping[str, Executor], upkeep: Upkeep) -> None:
        self._node = node
        self._upkeep = upkeep
        self._clock = clock
        self._rooms = rooms

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3, type "http"; there is no lifespan to take part in)."""
        if scope["type"] != "http":
            raise RuntimeError(f"no door for {scope['type']}")
        body = await _read_body(receive)
        if body is None:
            return
        client = scope.get("client")
        request = Request(
            method=scope["method"],
            raw_path=scope["raw_path"],
            raw_query=scope["query_string"],
            headers=tuple(scope["headers"]),
            body=body,
            peer=client[0] if client else "",
            secure=scope["scheme"] == "https",
        )
        if request.raw_path == b"/health" and request.method == "GET":
            response = health(self._node, self._clock())
        else:
            response = await self.answer(request)
        length = b"%d" % len(response.body)
        headers = [*response.headers, (b"cache-control", b"no-store"), (b"content-length", length)]  # answers hold secrets (row M07)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.body})

    async def answer(self, request: Request) -> Response:
        """The response to `request`, its ledger line on disk (DESIGN §2 step 7)."""
        outcome = handle(self._node, request, self._clock())
        if isinstance(outcome, Pending):
            outcome = await self._wait(outcome)
        try:
            plain = outcome.event.read_only and outcome.event.minted is None
            await self._node.ledger.append(outcome.line, minted=outcome.event.minted, spoolable=plain)
        except LedgerFailed as failure:
            # What it would have handed out is never seen. A committed change keeps its line in the outbox, from where it is written later.
            log.error("ledger line not durable", extra={"request_id": outcome.event.request_id, "reason": str(failure)})
            return outcome.unrecorded()
        if outcome.changed:
            self._upkeep.recorded(outcome.event.request_id)
        return outcome.response

    async def _wait(self, pending: Pending) -> Answer:
        outcome: Answer | Pending = pending
        while isinstance(outcome, Pending):
            outcome = outcome.then(await self._errand(outcome))
        return outcome

    async def _errand(self, pending: Pending) -> object:
        if pending.room != "upkeep":
            return await asyncio.get_running_loop().run_in_executor(self._rooms[pending.room], pending.work)
        try:
            await self._upkeep.round()
        except StoreFailed as failure:
            return failure
        return pending.work()


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body (the protocol bounds it), or None when the client went away."""
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
    return b"".join(parts)
