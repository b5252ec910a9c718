"""Retention: lets go of ledger lines that are older than the operator wants to keep. Does not touch what has not been shipped yet."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from daypass.store import Store
from daypass.store.ledger.retention import drop_before, first_to_keep

EVERY = timedelta(minutes=5)
LINES_AT_ONCE = 5_000  # shared copies removed in one round; while there are more, each round takes as many


class Retention:
    """The ledger of a node in `directory`, of which lines are kept for `keep`. Belongs to the storage thread."""

    def __init__(self, store: Store, directory: Path, keep: timedelta) -> None:
        self._store = store
        self._directory = directory
        self._keep = keep
        self._next: datetime | None = None

    def round(self, now: datetime, shipped: int) -> None:
        """Remove what is too old, when that is due; `shipped` is the last line of which all that follows from it is in the database.

        Raises StoreFailed, and then goes on with the next round.
        """
        if self._next is not None and now < self._next:
            return
        before = now - self._keep
        removed = self._store.forget_lines(before, LINES_AT_ONCE) if self._store.shared else 0
        first = first_to_keep(self._directory, before)
        if 1 < first <= shipped + 1 and first > self._store.ledger_from(self._store.node):
            # INVARIANT: the database knows what is to go before it goes, so that nothing that retention takes looks like a theft
            self._store.keep_ledger_from(self._store.node, first)
        drop_before(self._directory, self._store.ledger_from(self._store.node))
        self._next = now if removed == LINES_AT_ONCE else now + EVERY
