"""The AWS door: an application that hands requests to `handle`, waits where that says so, and lets an answer go when its
line is on disk. Decides nothing, and parses nothing beyond HTTP itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING

from daypass.doors.asgi import Message, Receive, Send, serve_asgi
from daypass.doors.health import PATHS, health
from daypass.doors.issuer import PREFIX, issuer_document
from daypass.doors.tally import Tally
from daypass.store import StoreFailed
from daypass.store.ledger import LedgerFailed
from daypass.values.event import Event
from daypass.values.request import Request, Response
from daypass.way.context import Node
from daypass.way.handle import Answer, Pending, handle
from daypass.way.upkeep import Upkeep

if TYPE_CHECKING:
    from daypass.doors.traces import Trace, Tracer

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
        self.tracer: Tracer | None = None
        self.is_draining: Callable[[], bool] = lambda: False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await serve_asgi(self.start, scope, receive, send)

    def start(self, request: Request, answer: Callable[[Response], None]) -> None:
        """Call `answer` with the response to `request` when its ledger line is on disk (DESIGN §2 step 7)."""
        began = perf_counter()
        try:
            if request.raw_path in PATHS and request.method in ("GET", "HEAD"):
                answer(_unkept(health(self._node, self._clock(), request.raw_path, draining=self.is_draining())))
                return
            if request.raw_path.startswith(PREFIX) and request.method in ("GET", "HEAD"):
                answer(issuer_document(self._node, request.raw_path))
                return
            trace = None if self.tracer is None else self.tracer.begin(request)
            outcome = handle(self._node, request, self._clock(), None if trace is None else trace.marks)
            if isinstance(outcome, Answer):
                self._record(outcome, answer, began, trace)
                return
        except Exception:
            self._broke(answer)
            return
        errand = asyncio.get_running_loop().create_task(self._wait(outcome, answer, began, trace))
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    def _broke(self, answer: Callable[[Response], None]) -> None:
        """A bug beyond `handle`, which turns those within into answers: this request fails and no other does (fault F-37)."""
        self.tally.broke()
        log.exception("a request broke")
        answer(_unkept(Response(500, (), b"")))

    def _record(self, outcome: Answer, answer: Callable[[Response], None], began: float, trace: Trace | None) -> None:
        event = outcome.event

        def recorded(failure: LedgerFailed | None) -> None:
            try:
                self._note(event, perf_counter() - began, trace, recorded=failure is None)
                self._let_go(outcome, answer, failure)
            except Exception:  # the lines of others are in the same batch, and their answers wait behind this one
                self._broke(answer)

        self._node.ledger.append(outcome.line, recorded, minted=event.minted, spoolable=event.read_only and event.minted is None)

    def _let_go(self, outcome: Answer, answer: Callable[[Response], None], failure: LedgerFailed | None) -> None:
        event = outcome.event
        if failure is not None:
            # What it would have handed out is never seen. A committed change keeps its line in the outbox, to be written later.
            log.error("ledger line not durable", extra={"request_id": event.request_id, "reason": str(failure)})
            answer(_unkept(outcome.unrecorded()))
            return
        if outcome.changed:
            self._upkeep.recorded(event.request_id)
        answer(_unkept(outcome.response, proven=event.caller is not None))

    def _note(self, event: Event, seconds: float, trace: Trace | None, *, recorded: bool) -> None:
        self.tally.note(event, seconds, recorded=recorded)
        if trace is not None:
            trace.end(event, recorded=recorded)
        if log.isEnabledFor(logging.INFO):
            told = {"request_id": event.request_id, "service": event.service, "operation": event.operation, "status": event.status}
            log.info("answered", extra={**told, "code": event.error_code, "milliseconds": round(seconds * 1000, 3)})

    async def _wait(self, pending: Pending, answer: Callable[[Response], None], began: float, trace: Trace | None) -> None:
        try:
            outcome: Answer | Pending = pending
            while isinstance(outcome, Pending):
                outcome = outcome.then(await self._errand(outcome))
            self._record(outcome, answer, began, trace)
        except Exception:
            self._broke(answer)

    async def _errand(self, pending: Pending) -> object:
        if pending.room != "upkeep":
            return await asyncio.get_running_loop().run_in_executor(self._rooms[pending.room], pending.work)
        try:
            await self._upkeep.round()
        except StoreFailed as failure:
            return failure
        return pending.work()


def _unkept(response: Response, *, proven: bool = False) -> Response:
    """`response`, which no cache may keep: answers hold secrets (attack row M07)."""
    return Response(response.status, (*response.headers, _NO_STORE), response.body, proven)
