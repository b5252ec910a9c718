"""Upkeep: what a node does behind the requests, a round a half second. Changes nothing that a request could notice, save by its absence.

Ships minted passes to the database, flushes when keys were last used, keeps the clock's high-water mark, empties the outbox, follows the
change feed and collects what is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime, timedelta

from daypass.store import Store
from daypass.store.ledger import Head, Shipment, Shipper

ROUND_SECONDS = 0.5
MARK_EVERY = timedelta(seconds=5)  # how far the high-water mark may lag: a clock set back is noticed at once, a restart forgets this much
COLLECT_EVERY = timedelta(minutes=5)

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

    def anchor(self, head: Head) -> None:
        """Take the ledger's durable head, to be kept in the store with the next round."""
        self._head = head

    def recorded(self, request_id: str) -> None:
        """The line of a committed change is on disk: its outbox entry may go."""
        self._recorded.append(request_id)

    async def run(self) -> None:
        """Rounds until cancelled. A round that fails is told and tried again: requests go on without it."""
        while True:
            await asyncio.sleep(ROUND_SECONDS)
            try:
                await self.round()
            except Exception:
                log.exception("upkeep failed and will be tried again")

    async def round(self) -> None:
        """One round: ship what was minted, then all that is due, in the storage thread."""
        async with self._turn:
            await self._round()

    async def _round(self) -> None:
        loop = asyncio.get_running_loop()
        while (shipment := self._shipper.take()) is not None:
            await loop.run_in_executor(self._storage, self._ship, shipment)
            self._shipper.done(shipment)
        head, recorded = self._head, list(self._recorded)
        await loop.run_in_executor(self._storage, self._store_round, self._clock(), head, recorded)
        # only now: a round that fails leaves them for the next
        del self._recorded[: len(recorded)]
        if self._head is head:
            self._head = None

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
        if now - self._collected >= COLLECT_EVERY:
            self._store.collect(now)
            self._collected = now
