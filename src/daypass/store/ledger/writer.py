"""Ledger: lines become durable in groups, and each answer waits for its own. Does not encode events (line.py) or read them (reader.py).

The loop's thread builds the chain; one write and fdatasync is in flight at a time, in a thread of its own; what comes meanwhile makes the
next batch, without lingering. `append` belongs to the loop's thread, `append_sync` to whoever holds the ledger while no loop uses it.

What happens when it cannot write:
- "full" (no space, or a volume that became read-only): lines wait in memory, up to MAX_WAITING bytes, and are tried again each second.
  The answers of changes are refused; with `when_full="verify"` those that merely follow from a verification may go. Whoever makes changes
  asks `state` first.
- "gone" (the path of its file leads to it no more: the file, the directory or the volume was taken away, fault F-06): as with "full", until
  the very same files are back as they were. Looked for before each batch, and by `watch`: no line is written to a file that is gone, and
  none of what changes something or hands out a secret while one `beside` it is.
- "broken" (any other error, above all of fdatasync): nothing more is acknowledged until a restart. What the kernel kept of a failed
  fdatasync is unknown, so a retry that succeeds proves nothing (fault F-05).
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from daypass.store.durable import make_directory
from daypass.store.ledger.chain import Chain, ChainKey, Head
from daypass.store.ledger.line import is_body, notice_of
from daypass.store.ledger.opening import MAX_BATCH, End, find_end
from daypass.store.ledger.reader import missing_lines
from daypass.store.ledger.segments import MAX_SEGMENT, File, SegmentFile, segment_path
from daypass.store.presence import Gone, Presence
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret
from daypass.values.session import Session

MAX_WAITING = 16 * 1024 * 1024  # bytes of lines that wait in memory; beyond, appending is refused
ANCHOR_EVERY = 1.0  # seconds; a tail cut within this time and before the next anchor cannot be shown
RETRY_EVERY = 1.0  # seconds between tries on a full disk
LOOK_EVERY = 0.5  # seconds after which a node without requests knows that its files are gone, or back
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # nothing was written, for certain

_WAITS = {"full": "no space left for the ledger, or its volume is read-only", "gone": "the files of this node are not where they were"}

log = logging.getLogger(__name__)

State = Literal["ok", "full", "gone", "broken", "closed"]
_OPEN = ("ok", *_WAITS)


class LedgerFailed(Exception):
    """A line could not be made durable: what it tells of must not be acknowledged."""


Then = Callable[[LedgerFailed | None], None]


class _DiskFull(Exception):
    """Nothing was written."""


class _Waiting(NamedTuple):
    body: bytes
    minted: Session | None
    then: Then | None  # None when it was told already
    spoolable: bool


class Ledger:
    """The ledger of one node: `directory` is its own, `key` the ledger key of the installation.

    `anchor` receives the durable head at most once a second and at the end; it keeps it away from the files. `on_minted` receives what
    was minted in a batch, as (line number, session), once it is durable. Both run in the loop's thread and must not block it.
    `beside` are files without which its lines are worth nothing: while one of them is gone, it is gone as well.
    `durable=False` is for benchmarks: nothing waits, nothing is forced to disk.
    """

    def __init__(
        self,
        directory: Path,
        key: Secret,
        node: str,
        *,
        durable: bool = True,
        when_full: Literal["verify", "refuse"] = "verify",
        anchor: Callable[[Head], None] | None = None,
        on_minted: Callable[[list[tuple[int, Session]]], None] | None = None,
        beside: Sequence[Presence] = (),
        max_segment: int = MAX_SEGMENT,
        opener: Callable[[Path], File] = SegmentFile,
    ) -> None:
        self.directory = directory
        self.node = node
        self.state: State = "closed"
        self._key = ChainKey(key, node)
        self._durable = durable
        self._when_full = when_full
        self._anchor = anchor
        self._on_minted = on_minted
        self._beside = beside
        self._max_segment = max_segment
        self._opener = opener
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._in_flight: asyncio.Future[None] | None = None
        self._wake: asyncio.Handle | None = None
        self._anchoring: asyncio.TimerHandle | None = None

    @property
    def head(self) -> Head:
        """The last durable line."""
        return self._head

    @property
    def lines(self) -> int:
        """How many lines are durable, those that retention took away included."""
        return self._head.seq

    @property
    def waiting(self) -> int:
        """How many lines wait to be written, beside those that are being written."""
        return len(self._waiting)

    def open(self, now: datetime, anchored: Head | None = None) -> End:
        """Find the end, cut a torn tail, and go on from there. A cut, or an end before `anchored`, is told in a line of its own.

        Raises ConfigError for a ledger that does not fit its key or cannot be written.
        """
        try:
            return self._open(now, anchored)
        except (OSError, LedgerFailed) as error:
            raise ConfigError(f"the ledger {self.directory} cannot be opened: {error}") from error

    def _open(self, now: datetime, anchored: Head | None) -> End:
        make_directory(self.directory)
        end = find_end(self.directory, self._key, self.node, anchored.seq if anchored is not None else 0)
        self._chain = Chain(self._key, end.head)
        self._head = end.head
        self._segment = end.segment
        self._file: File | None = self._opener(segment_path(self.directory, end.segment)) if end.segment else None
        if self._file is not None and self._durable:
            # A killed process leaves lines that are in the kernel's memory alone. What is built on them from here on must not outlive them.
            self._file.sync()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self.state = "ok"
        lost = max(0, anchored.seq - end.head.seq) if anchored is not None else 0
        if end.cut or lost:
            self.append_sync([notice_of(now, cut_bytes=end.cut, lost_lines=lost)])
        return end

    def append(self, body: bytes, then: Then, *, minted: Session | None = None, spoolable: bool = False) -> None:
        """Have `body` (line.body_of) written; `then` is called once, in the loop's thread: with None when the line is durable and the
        answer may go, else with the failure. It must not raise.

        `spoolable` says that the answer changes nothing and hands out no secret: on a full disk it may go while its line waits.
        """
        if self._waiting_bytes > MAX_WAITING or self.state not in _OPEN:
            why = f"the ledger is {self.state}" if self.state not in _OPEN else "too many lines wait to be written"
            then(LedgerFailed(why))
            return
        later: Then | None = then
        if not self._durable:
            then(None)
            later = None
        elif self.state != "ok":
            self._settle(then, spoolable)
            later = None
        self._waiting.append(_Waiting(body, minted, later, spoolable))
        self._waiting_bytes += len(body)
        if self._wake is None and self._in_flight is None:
            # Everything that this turn of the loop appends goes into one batch.
            self._wake = asyncio.get_running_loop().call_soon(self._flush)

    def append_sync(self, bodies: list[bytes]) -> None:
        """Write `bodies` and return when they are durable. Only while nothing is in flight. Raises LedgerFailed."""
        if self.state != "ok" or self._in_flight is not None or self._waiting:
            raise LedgerFailed(f"the ledger is {self.state} or in use")
        before = self._chain.head
        try:
            self._write(self._chain.link(bodies, opens_segment=self._opens_segment()))
        except _DiskFull as error:
            self._chain.rewind(before)
            raise LedgerFailed(_WAITS["full"]) from error
        except Gone as error:
            self._chain.rewind(before)
            raise LedgerFailed(str(error)) from error
        except OSError as error:
            self.state = "broken"
            raise LedgerFailed(f"the ledger cannot be written: {error}") from error
        self._head = self._chain.head

    def recover(self, outbox: Iterable[tuple[str, bytes]]) -> list[str]:
        """Write the lines of committed changes, (request id, body), that a crash kept from the files. Gives the ids: all are durable.

        A body that is none is told of and left where it is (fault F-44): written, it would make the ledger unreadable.
        Only the last two segments are searched: an outbox is emptied as its lines become durable, so that what is left in one is recent.
        """
        bodies = {}
        for request_id, body in outbox:
            if is_body(body):
                bodies[request_id] = body
            else:
                log.error("a line in the outbox is damaged", extra={"request_id": request_id, "consequence": "it is not in the ledger"})
        missing = missing_lines(self.directory, bodies)
        if missing:
            self.append_sync([bodies[request_id] for request_id in missing])
        return list(bodies)

    async def watch(self) -> None:
        """Look whether the files are still where they were, until cancelled: also while nothing is written."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self._in_flight is None and not self._waiting and self.state in ("ok", "gone"):
                self._send([], self._verify_present, self._chain.head)

    async def drain(self) -> None:
        """Return when nothing waits any more. Raises LedgerFailed when something does that cannot be written."""
        while self._in_flight is not None or self._waiting:
            if self._in_flight is None:
                self._flush()
            if self._in_flight is not None:
                await asyncio.wait([self._in_flight])
            if self.state != "ok" and self._waiting:
                raise LedgerFailed(f"the ledger is {self.state} and {len(self._waiting)} lines are not written")

    def close(self) -> None:
        """Anchor the head and let go of the files. What still waits is lost: drain first."""
        if self.state == "closed":
            return
        for handle in (self._wake, self._anchoring):
            if handle is not None:
                handle.cancel()
        self._thread.shutdown()
        self.state = "closed"
        if self._file is not None:
            self._file.close()
        if self._anchor is not None:
            self._anchor(self._head)

    def _opens_segment(self) -> bool:
        return self._file is None or self._file.size == 0 or self._file.size >= self._max_segment

    def _flush(self) -> None:
        self._wake = None
        if self._in_flight is not None or not self._waiting or self.state not in _OPEN:
            return
        batch: list[_Waiting] = []
        size = 0
        only_reads = True
        while self._waiting and (not batch or size + len(self._waiting[0].body) <= MAX_BATCH):
            entry = self._waiting.popleft()
            batch.append(entry)
            size += len(entry.body)
            only_reads = only_reads and entry.spoolable
        self._waiting_bytes -= size
        before = self._chain.head
        data = self._chain.link([entry.body for entry in batch], opens_segment=self._opens_segment())
        self._send(batch, partial(self._write, data, only_reads=only_reads), before)

    def _send(self, batch: list[_Waiting], work: Callable[[], None], before: Head) -> None:
        """Have `work` done in the ledger's thread; `before` is the chain's head without `batch`."""
        self._in_flight = asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._in_flight.add_done_callback(partial(self._written, batch, before))

    def _write(self, data: bytes, *, only_reads: bool = False) -> None:
        """In the ledger's thread. INVARIANT: returns only when `data` is durable; on _DiskFull and Gone the files are as before."""
        self._verify_present(only_reads=only_reads)
        file, before = self._file, None  # the length of the file that is written to, once it is that one
        try:
            if file is None or file.size >= self._max_segment:
                file = self._next_segment()
            before = file.size
            file.write(data)
        except OSError as error:
            if error.errno not in _NO_SPACE:
                raise
            if file is not None and before is not None and file.size != before:
                file.truncate(before)  # an OSError of this, whichever, is not a full disk any more
            raise _DiskFull from error
        if self._durable:
            file.sync()

    def _verify_present(self, *, only_reads: bool = False) -> None:
        """In the ledger's thread. Raises Gone."""
        if self._file is not None:
            self._file.verify()
        if not only_reads or self.state != "ok" or self._opens_segment():  # none begins in a directory that is not ours
            for file in self._beside:
                file.verify()

    def _next_segment(self) -> File:
        file = self._opener(segment_path(self.directory, self._segment + 1))
        if self._file is not None:
            self._file.close()
        self._file, self._segment = file, self._segment + 1
        return file

    def _written(self, batch: list[_Waiting], before: Head, done: asyncio.Future[None]) -> None:
        self._in_flight = None
        error = done.exception()
        if error is None:
            self._acknowledge(batch, before.seq)
        elif isinstance(error, _DiskFull):
            self._chain.rewind(before)
            self._wait("full", batch)
        elif isinstance(error, Gone):
            self._chain.rewind(before)
            if self.state != "gone":
                mend = "put back what was there, the same files, or start daypass anew on the directory that has them"
                log.error("a file of this node is gone: no change and no pass", extra={"reason": str(error), "mend": mend})
            self._wait("gone", batch)
        else:
            self._break(batch, error)

    def _acknowledge(self, batch: list[_Waiting], seq: int) -> None:
        if self.state == "gone":
            log.warning("the files of this node are there again")
        self.state = "ok"
        self._head = self._chain.head
        self._flush()  # so that the disk works while answers leave
        for entry in batch:
            if entry.then is not None:
                entry.then(None)
        if batch and self._anchor is not None and self._anchoring is None:
            self._anchoring = asyncio.get_running_loop().call_later(ANCHOR_EVERY, self._anchor_head)
        if self._on_minted is not None:
            minted = [(number, entry.minted) for number, entry in enumerate(batch, seq + 1) if entry.minted is not None]
            if minted:
                self._on_minted(minted)

    def _anchor_head(self) -> None:
        self._anchoring = None
        if self._anchor is not None:
            self._anchor(self._head)

    def _wait(self, state: Literal["full", "gone"], batch: list[_Waiting]) -> None:
        self.state = state
        entries = [*batch, *self._waiting]
        self._waiting = deque(entry._replace(then=None) for entry in entries)
        self._waiting_bytes = sum(len(entry.body) for entry in entries)
        for entry in entries:
            if entry.then is not None:
                self._settle(entry.then, entry.spoolable)
        if entries:
            self._wake = asyncio.get_running_loop().call_later(RETRY_EVERY, self._flush)

    def _settle(self, then: Then, spoolable: bool) -> None:
        """Say what becomes of an answer while the disk is full or gone; its line stays, for what it tells of has happened."""
        then(None if spoolable and self._when_full == "verify" else LedgerFailed(_WAITS[self.state]))

    def _break(self, batch: list[_Waiting], error: BaseException) -> None:
        self.state = "broken"
        entries = [*batch, *self._waiting]
        self._waiting.clear()
        self._waiting_bytes = 0
        for entry in entries:
            if entry.then is not None:
                failure = LedgerFailed(f"the ledger cannot be written: {error}")
                failure.__cause__ = error
                entry.then(failure)
