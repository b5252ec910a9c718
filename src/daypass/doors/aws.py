"""The AWS door: an application that hands requests to `handle`, waits where that says so, and lets an answer go when its
line is on disk. Decides nothing, and parses nothing beyond HTTP itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Executor
from datetime import datetime
from time import perf_counter
from typing import Any

from daypass.doors.health import health
from daypass.doors.issuer import PREFIX, issuer_document
from daypass.doors.tally import Tally
from daypass.store import StoreFailed
from daypass.store.ledger import LedgerFailed
from daypass.values.request import Request, Response
from daypass.way.context import Node
from daypass.way.handle import Answer, Pending, handle
from daypass.way.upkeep import Upkeep

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_NO_STORE = (b"cache-control", b"no-store")

log = logging.getLogger(__name__)


class AwsDoor:
    """The application, for ASGI and as a plane (protocol.py). `rooms` are the executors of "storage" (one thread) and "outside"."""

    def __init__(self, node: Node, clock: Callable[[], datetime], rooms: Mapping[str, Executor], upkeep: Upkeep) -> None:
        self._node = node
        self._upkeep = upkeep
        self._clock = clock
        self._rooms = rooms
        self._errands: set[asyncio.Task[None]] = set()
        self.tally = Tally()

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
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.start(request, lambda response: None if answered.done() else answered.set_result(response))
        response = await answered
        headers = [*response.headers, (b"content-length", b"%d" % len(response.body))]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.body})

    def start(self, request: Request, answer: Callable[[Response], None]) -> None:
        """Call `answer` with the response to `request` when its ledger line is on disk (DESIGN §2 step 7)."""
        if request.raw_path == b"/health" and request.method in ("GET", "HEAD"):
            answer(_unkept(health(self._node, self._clock())))
            return
        if request.raw_path.startswith(PREFIX) and request.method in ("GET", "HEAD"):
            answer(issuer_document(self._node, request.raw_path))
            return
        began = perf_counter()
        outcome = handle(self._node, request, self._clock())
        if isinstance(outcome, Answer):
            self._record(outcome, answer, began)
            return
        errand = asyncio.get_running_loop().create_task(self._wait(outcome, answer, began))
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    def _record(self, outcome: Answer, answer: Callable[[Response], None], began: float) -> None:
        event = outcome.event

        def recorded(failure: LedgerFailed | None) -> None:
            self.tally.note(event, perf_counter() - began, recorded=failure is None)
            if failure is not None:
                # What it would have handed out is never seen. A committed change keeps its line in the outbox, to be written later.
                log.error("ledger line not durable", extra={"request_id": event.request_id, "reason": str(failure)})
                answer(_unkept(outcome.unrecorded()))
                return
            if outcome.changed:
                self._upkeep.recorded(event.request_id)
            answer(_unkept(outcome.response))

        self._node.ledger.append(outcome.line, recorded, minted=event.minted, spoolable=event.read_only and event.minted is None)

    async def _wait(self, pending: Pending, answer: Callable[[Response], None], began: float) -> None:
        outcome: Answer | Pending = pending
        while isinstance(outcome, Pending):
            outcome = outcome.then(await self._errand(outcome))
        self._record(outcome, answer, began)

    async def _errand(self, pending: Pending) -> object:
        if pending.room != "upkeep":
            return await asyncio.get_running_loop().run_in_executor(self._rooms[pending.room], pending.work)
        try:
            await self._upkeep.round()
        except StoreFailed as failure:
            return failure
        return pending.work()


def _unkept(response: Response) -> Response:
    """`response`, which no cache may keep: answers hold secrets (attack row M07)."""
    return Response(response.status, (*response.headers, _NO_STORE), response.body)


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
