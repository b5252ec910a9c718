"""Ship what was minted to the database, behind the requests. Does not write to the database itself: it hands shipments over.

The ledger is the truth; the table of passes is a copy for listing. What memory does not hold any more is read from the files again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from daypass.store.ledger.reader import Reader, minted_in
from daypass.values.session import Session

MAX_HELD = 10_000  # sessions in memory; beyond, the files are read again
MAX_SHIPMENT = 1_000  # sessions in one


class Shipment(NamedTuple):
    """Sessions minted up to line `seq`, which is the watermark to store with them."""

    seq: int
    sessions: list[Session]


class Shipper:
    """Collects minted sessions after line `shipped`, as Ledger's `on_minted` and, at start or after falling behind, from the files.

    `take` a shipment, store it with its watermark, then say `done`; one that was not stored is taken again. Belongs to one thread.
    """

    def __init__(self, directory: Path, shipped: int) -> None:
        self._directory = directory
        self.shipped = shipped
        self._held: list[tuple[int, Session]] = []
        self._behind = True  # whether the files may hold what memory does not

    def note(self, minted: list[tuple[int, Session]]) -> None:
        """Take in what has become durable. Never fails: too much is left to the files."""
        if not self._behind:
            self._held += [item for item in minted if item[0] > self.shipped]  # the files may have shown a line before its batch was done
            if len(self._held) > MAX_HELD:
                self._held.clear()
                self._behind = True

    def take(self) -> Shipment | None:
        """The next shipment, or None when everything is shipped. Reads the files when memory has fallen behind."""
        if self._behind:
            return self._from_files()
        if not self._held:
            return None
        sessions = self._held[:MAX_SHIPMENT]
        return Shipment(sessions[-1][0], [session for _, session in sessions])

    def done(self, shipment: Shipment) -> None:
        """`shipment` is stored."""
        self.shipped = shipment.seq
        self._held = [item for item in self._held if item[0] > shipment.seq]

    def pass_over(self, seq: int) -> None:
        """Up to line `seq` all was noted, and nothing is left to ship: lines that mint nothing are behind it as well."""
        if not self._behind and not self._held:
            self.shipped = max(self.shipped, seq)

    def _from_files(self) -> Shipment | None:
        sessions: list[Session] = []
        seq = self.shipped
        for seq, session in self._lines():
            if session is not None:
                sessions.append(session)
            if len(sessions) == MAX_SHIPMENT:
                return Shipment(seq, sessions)
        # INVARIANT: between the end of the files and here nothing is noted, since both happen in one thread without a pause.
        self._behind = False
        return Shipment(seq, sessions) if seq > self.shipped else None

    def _lines(self) -> Iterator[tuple[int, Session | None]]:
        for line in Reader(self._directory, after=self.shipped).read():
            if line.entry is not None:
                yield line.entry.seq, minted_in(line.raw)
