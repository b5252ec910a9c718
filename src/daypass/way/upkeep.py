"""Upkeep: what a node does behind the requests, a round a half second. Changes nothing that a request could notice, save by its absence.

Ships minted passes to the database, flushes when keys were last used, keeps the clock's high-water mark, empties the outbox, follows the
change feed, carries on with keys that are being replaced, and collects what is over. Where nodes share a database, following goes beside
the rounds, so that nothing holds it up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import suppress
from datetime import datetime, timedelta

from daypass.store import Store, StoreFailed
from daypass.store.ledger import Head, Ledger, LedgerFailed, Shipment, Shipper
from daypass.way.peers import COPIES_AT_ONCE, Peers
from daypass.way.retention import Retention

ROUND_SECONDS = 0.5
FOLLOW_SECONDS = 0.05  # from one look at the feed to the next: changes that come thick are taken in together, a single one at once
MARK_EVERY = timedelta(seconds=5)  # how far the high-water mark may lag: a clock set back is noticed at once, a restart forgets this much
COLLECT_EVERY = timedelta(minutes=5)
RESEALS_AT_ONCE = 20  # batches of rows in one round: requests that change something come in between

log = logging.getLogger(__name__)


class Upkeep:
    """The rounds of the node of that name. `storage` is the one thread that writes to the store; `clock` the server's clock."""

    def __init__(self, node: str, store: Store, shipper: Shipper, storage: Executor, clock: Callable[[], datetime]) -> None:
        self._node = node
        self._store = store
        self._shipper = shipper
        self._storage = storage
        self._clock = clock
        self._turn = asyncio.Lock()
        self._head: Head | None = None
        self._recorded: list[str] = []
        self._marked = self._collected = datetime.min.replace(tzinfo=clock().tzinfo)
        self._peers: Peers | None = None
        self.ledger: Ledger | None = None  # whose files are left alone while they are gone: what bears their names is another's
        self._news = asyncio.Event()
        self.retention: Retention | None = None
        self.is_away = False  # whether the database did not answer the last time

    def share(self, peers: Peers) -> None:
        """From now on this node is one of several."""
        self._peers = peers

    @property
    def unshipped(self) -> int:
        """How many durable lines of this node have no copy in the shared database yet; 0 for a node that is alone."""
        return 0 if self._peers is None or self.ledger is None else max(self.ledger.head.seq - self._peers.copied, 0)

    def hear(self) -> None:
        """There may be news from other nodes. In the loop's thread."""
        self._news.set()

    def anchor(self, head: Head) -> None:
        """Take the ledger's durable head, to be kept in the store with the next round."""
        self._head = head

    def recorded(self, request_id: str) -> None:
        """The line of a committed change is on disk: its outbox entry may go."""
        self._recorded.append(request_id)

    async def run(self) -> None:
        """Rounds, and following beside them, until cancelled. What fails is told and tried again: requests go on without it."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._rounds())
            if self._peers is not None:
                both.create_task(self._following(self._peers))

    async def _rounds(self) -> None:
        while True:
            await asyncio.sleep(ROUND_SECONDS)
            await self._try(self.round())

    async def _following(self, peers: Peers) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(TimeoutError):  # the poll beneath
                await asyncio.wait_for(self._news.wait(), ROUND_SECONDS)
            self._news.clear()
            await self._try(loop.run_in_executor(self._storage, peers.follow, self._clock(), loop.time()))
            await asyncio.sleep(FOLLOW_SECONDS)

    async def _try(self, work: Awaitable[None]) -> None:
        try:
            await work
        except StoreFailed as failure:
            if not self.is_away:
                self.is_away = True
                log.warning("the database is away: what it need not be asked for goes on", extra={"reason": str(failure)})
        except Exception:
            log.exception("upkeep failed and will be tried again")
        else:
            if self.is_away:
                self.is_away = False
                log.warning("the database is there again")

    async def round(self) -> None:
        """One round: ship what was minted, then all that is due, in the storage thread."""
        async with self._turn:
            await self._round()

    async def _round(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._is_gone and (shipment := self._shipper.take()) is not None:
            await loop.run_in_executor(self._storage, self._ship, shipment)
            self._shipper.done(shipment)
        head, recorded = self._head, list(self._recorded)
        if head is not None:  # INVARIANT: what was minted up to it was noted before it was known here
            self._shipper.pass_over(head.seq)
        await loop.run_in_executor(self._storage, self._store_round, self._clock(), head, recorded)
        # only now: a round that fails leaves them for the next
        del self._recorded[: len(recorded)]
        if self._head is head:
            self._head = None
        for _ in range(RESEALS_AT_ONCE):
            if not await loop.run_in_executor(self._storage, self._store.rotation.reseal, self._clock()):
                break
        if self._peers is not None:
            await self._among(self._peers)

    async def _among(self, peers: Peers) -> None:
        loop = asyncio.get_running_loop()
        for request_id, line in await loop.run_in_executor(self._storage, self._store.settle_doubts):
            self._record(request_id, line)
        for _ in range(COPIES_AT_ONCE):
            if self._is_gone or not await loop.run_in_executor(self._storage, peers.copy):
                break

    def _record(self, request_id: str, line: bytes) -> None:
        """Write the line of a change that was refused for a broken commit, and that was made all the same."""

        def recorded(failure: LedgerFailed | None) -> None:
            if failure is None:
                self.recorded(request_id)  # else it stays in the outbox until the next start

        if self.ledger is not None:
            self.ledger.append(line, recorded)

    @property
    def _is_gone(self) -> bool:
        return self.ledger is not None and self.ledger.state == "gone"

    def _ship(self, shipment: Shipment) -> None:
        self._store.record_passes(shipment.sessions, self._node, shipment.seq)

    def _store_round(self, now: datetime, head: Head | None, recorded: list[str]) -> None:
        self._store.catch_up(now)
        self._store.flush_usage()
        if recorded:
            self._store.forget_outbox(recorded)
        if head is not None:
            self._store.anchor(head, now)
        if now - self._marked >= MARK_EVERY:
            self._store.raise_clock(now)
            self._marked = now
        self._store.rotation.round(now)
        if now - self._collected >= COLLECT_EVERY:
            self._store.collect(now)
            self._collected = now
        if self.retention is not None and not self._is_gone:
            shipped = self._shipper.shipped if self._peers is None else min(self._shipper.shipped, self._peers.copied)
            self.retention.round(now, shipped)
