"""Peers: what a node does because there are others: it tells how far it is, copies its ledger to where all nodes' lines meet, and finds
out what became of changes whose commit broke. Does not decide anything.
"""

from __future__ import annotations

from datetime import datetime

import daypass
from daypass.store import Store
from daypass.store.ledger import Copier, Ledger

BEAT_SECONDS = 2.0  # between two beats of a node that has nothing new to tell
NEWS_SECONDS = 0.2  # and of one that has: many changes in a row are told of together
COPIES_AT_ONCE = 4  # batches of lines in one round: what was missed while the database was away must not hold up what is new


class Peers:
    """This node among those that share its database. Its methods belong to the storage thread."""

    def __init__(self, store: Store, ledger: Ledger, url: str) -> None:
        self._store = store
        self._ledger = ledger
        self._url = url
        self.copied, mac = store.last_shipped()  # the number of the last line that was copied
        self._copier = Copier(ledger.directory, self.copied, mac)
        self._told = -1
        self._beaten = 0.0

    def join(self, now: datetime) -> None:
        """Before the first request: from its commit on this node has the newest state, and no key is made active without it."""
        with self._store.turn():
            self._store.catch_up(now)
            self._store.beat(daypass.__version__, self._url, self._ledger.head.seq, now)

    def follow(self, now: datetime, ticks: float) -> None:
        """Take in what others have changed, and tell how far this node is, when that is news or due. `ticks`: seconds of a steady clock."""
        self._store.catch_up(now)
        if ticks - self._beaten >= (BEAT_SECONDS if self._store.position == self._told else NEWS_SECONDS):
            self._store.beat(daypass.__version__, self._url, self._ledger.head.seq, now)
            self._told, self._beaten = self._store.position, ticks

    def copy(self) -> bool:
        """Copy a batch of ledger lines; says whether there was one."""
        lines = self._copier.take(self._ledger.head.seq)
        if lines:
            self._store.ship_lines(lines)
            self._copier.done()
            self.copied = lines[-1].seq
        return bool(lines)
