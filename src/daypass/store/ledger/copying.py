"""Copy a ledger, line by line as it becomes durable, to be kept where all nodes' lines meet. Does not write the copies anywhere.

The file is the truth; a copy is for looking things up, and for evidence that a node's disk is not alone in holding.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from daypass.store.ledger.chain import read_link
from daypass.store.ledger.reader import Reader

MAX_LINES = 1_000  # in one batch
MAX_BYTES = 2 * 1024 * 1024


class Copy(NamedTuple):
    """A line: its number, its MAC, the time of its event (epoch seconds, 0 when it cannot be read), the line without its newline."""

    seq: int
    mac: bytes
    time: int
    raw: bytes


class Copier:
    """Goes through a ledger after the line `shipped`, whose MAC is `mac`; where the file has another line there, from its beginning.

    `take` a batch, store it, then say `done`; one that was not stored is taken again. Belongs to one thread at a time.
    """

    def __init__(self, directory: Path, shipped: int, mac: bytes) -> None:
        self._reader = Reader(directory, shipped if shipped and hmac.compare_digest(_mac_of(directory, shipped), mac) else 0)
        self._batch: list[Copy] = []
        self._held: Copy | None = None  # read before it was durable

    def take(self, upto: int) -> list[Copy]:
        """The next lines, up to number `upto`: the last one that is durable."""
        if self._batch:
            return self._batch
        size = 0
        for copy in self._copies():
            if copy.seq > upto:
                self._held = copy
                break
            self._batch.append(copy)
            size += len(copy.raw)
            if len(self._batch) == MAX_LINES or size > MAX_BYTES:
                break
        return self._batch

    def done(self) -> None:
        """The batch is stored."""
        self._batch = []

    def _copies(self) -> Iterator[Copy]:
        if self._held is not None:
            held, self._held = self._held, None
            yield held
        for line in self._reader.read():
            link = read_link(line.raw)
            if link is not None:  # what has not the form of a line has no number to be kept under; verify tells of it
                time = int(line.entry.eventTime.timestamp()) if line.entry is not None else 0
                yield Copy(link.seq, link.mac, time, line.raw.rstrip(b"\n"))


def _mac_of(directory: Path, seq: int) -> bytes:
    """The MAC of line `seq` in the files, b"" when it is not there."""
    for line in Reader(directory, seq - 1).read():
        link = read_link(line.raw)
        return link.mac if link is not None and link.seq == seq else b""
    return b""
