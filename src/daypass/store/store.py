"""Store: the database, and the snapshot that is kept in step with it. Does not decide what may change (services do), nor hold SQL of its
books (issued.py, books.py).

One thread, the storage thread, calls what writes; `reading()` is the lock under which any other thread reads the snapshot.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from daypass.store import books, feed, issued, vault
from daypass.store.changes import Changes, Conflict, StoreFailed
from daypass.store.engine import BUSY, damage_of, error_name, open_engine, reader
from daypass.store.keys import Envelope, RootKey
from daypass.store.ledger.chain import Head
from daypass.store.records import Revocation, UsedToken
from daypass.store.rows import row_of
from daypass.store.schema import migrate
from daypass.store.snapshot import Snapshot
from daypass.store.usage import Usage
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret
from daypass.values.session import Session

COLLECT_AT_ONCE = 1000  # records that one collect() removes; the loop waits while the snapshot lets them go
USED_TOKEN_MARGIN = 3600  # seconds that a used token is remembered beyond its end: more than any verifier's leeway
_CLOCK = "clock"
_SHIPPED = "shipped/"

log = logging.getLogger(__name__)


class Store:
    """An open database. `snapshot` is the state; `failed` says why nothing is written any more, "" when all is well.

    `alone` promises that no other process writes, so that the snapshot is always the newest state.
    """

    def __init__(self, engine: Engine, envelope: Envelope, now: datetime, *, alone: bool = False) -> None:
        self._engine = engine
        self._reader = reader(engine)
        self._envelope = envelope
        self._lock = threading.RLock()
        self._fresh = now
        self._alone = alone
        self.failed = ""
        self._seq = 0
        self.snapshot = Snapshot()
        self._load(now)

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()

    def reading(self) -> AbstractContextManager[bool]:
        """The lock that holds the snapshot still: `with store.reading(): …`."""
        return self._lock

    # -- changes of records

    def write(self, changes: Changes, line: bytes | None = None, request_id: str = "") -> None:
        """Commit `changes` as a whole, with their ledger line, durably; then show them in the snapshot.

        Raises Conflict (nothing was written): a uniqueness rule, or another node has committed since the last `catch_up()`, so that what
        the change was made from may be gone. Raises StoreFailed: it must not be acknowledged. Raises ValueError for an unsound record.
        """
        rows = [(record, row_of(record, self._envelope)) for record in changes.records]
        with self._writing() as connection:
            # INVARIANT: a change is made from the state that it is committed on; so two nodes never undo each other's changes unseen.
            if feed.newest(connection) != self._seq:
                raise Conflict("changes", "others have written since")
            feed.put(connection, self.snapshot, changes, rows)
            if line is not None:
                books.put_line(connection, request_id, line)
            seq = feed.newest(connection)
        with self._lock:
            self.snapshot.apply(changes.records, [(type(record), record.id) for record in changes.deleted])
            self._seq = seq

    def catch_up(self, now: datetime) -> int:
        """Take in what others have committed by `now` (UTC), and give how many records that were.

        Raises StoreFailed when the database does not answer; the snapshot goes on as it is and `feed_age` grows.
        """
        taken = 0
        with self._reading() as connection:
            newest = feed.newest(connection)
            if newest != self._seq and feed.forgotten(connection, self._seq):
                newest = -1
            elif newest != self._seq:
                news = feed.since(connection, self._seq, self._envelope, now)
        if newest < 0:
            self._load(now)
            taken = sum(1 for _ in feed.everything(self.snapshot))
        elif newest != self._seq:
            with self._lock:
                self.snapshot.apply(news.put, news.removed)
                self._seq = newest
            taken = len(news.put) + len(news.removed)
        self._fresh = max(self._fresh, now)
        return taken

    def feed_age(self, now: datetime) -> float:
        """Seconds since the snapshot was known to be the newest state."""
        return 0.0 if self._alone else max((now - self._fresh).total_seconds(), 0.0)

    def collect(self, now: datetime) -> int:
        """Forget what is over at `now`: expired passes, used tokens and orders that can end nothing any more. Gives how many."""
        self.catch_up(now)
        changes = Changes()
        seen = self.snapshot
        over: list[UsedToken | Revocation] = [order for order in seen.revocations if order.until <= now]
        over.extend(used for used in seen.used_tokens if (now - used.until).total_seconds() >= USED_TOKEN_MARGIN)
        for record in over[:COLLECT_AT_ONCE]:
            changes.delete(record)
        if changes:
            self.write(changes)
        with self._writing() as connection:
            feed.prune(connection)
            return len(changes.deleted) + issued.collect_passes(connection, now)

    def damage(self) -> list[str]:
        """What is damaged in the database, one sentence each: pages, and rows that cannot be read. Takes long on a large one."""
        with self._reading() as connection:
            rows = feed.load(connection, self._envelope, self._fresh).damaged
            return [*damage_of(connection), *(str(row) for row in rows)]

    # -- passes

    def record_passes(self, sessions: Iterable[Session], node: str = "", line: int = 0) -> None:
        """Note which passes were made, up to that line of a node's ledger; those noted already are passed over."""
        with self._writing() as connection:
            issued.record_passes(connection, sessions, self._arn_of)
            if line:
                vault.put_setting(connection, _SHIPPED + node, b"%d" % line)

    def shipped_line(self, node: str) -> int:
        """The last line of a node's ledger whose passes are noted; 0 when there is none."""
        with self._reading() as connection:
            return int(vault.get_setting(connection, _SHIPPED + node) or b"0")

    def passes(
        self, wanted: issued.Filter = issued.ALL, *, limit: int = issued.MAX_PAGE, after: tuple[int, bytes] | None = None
    ) -> list[issued.IssuedPass]:
        """The passes that fit, newest first, at most `limit`; `after` is (issued, id) of the last of the page before."""
        with self._reading() as connection:
            return issued.find_passes(connection, wanted, limit=limit, after=after)

    def descendants(self, session_id: bytes) -> list[issued.IssuedPass]:
        """Every pass that descends from this one, parents before children."""
        with self._reading() as connection:
            return issued.find_descendants(connection, session_id)

    def count_live_passes(self, now: datetime) -> int:
        """How many passes are not expired (ended ones count)."""
        with self._reading() as connection:
            return issued.count_passes(connection, issued.Filter(live_at=now))

    # -- books

    def outbox_lines(self) -> list[tuple[str, bytes]]:
        """Ledger lines of committed changes that the ledger may not have yet: (request id, line), oldest first."""
        with self._reading() as connection:
            return books.get_lines(connection)

    def forget_outbox(self, request_ids: Iterable[str]) -> None:
        """The ledger has the lines of these requests."""
        with self._writing() as connection:
            books.forget_lines(connection, request_ids)

    def flush_usage(self) -> int:
        """Keep what `snapshot.use` noted since the last call; gives how many keys."""
        with self._lock:  # `use` adds to it on the loop's thread
            batch = self.snapshot.usage.take_fresh()
        if batch:
            try:
                with self._writing() as connection:
                    books.note_usage(connection, batch)
            except StoreFailed:
                self.snapshot.usage.give_back(batch)
                raise
        return len(batch)

    def anchor(self, head: Head, now: datetime) -> None:
        """Note where a node's ledger stands."""
        with self._writing() as connection:
            books.put_anchor(connection, head, now)

    def anchored(self, node: str) -> Head | None:
        """Where the ledger of `node` was last known to stand."""
        with self._reading() as connection:
            return books.get_anchor(connection, node)

    @property
    def clock_high_water(self) -> datetime | None:
        """The latest time that was noted, UTC; None on a new database."""
        with self._reading() as connection:
            value = vault.get_setting(connection, _CLOCK)
        return None if value is None else datetime.fromtimestamp(int(value), UTC)

    def raise_clock(self, now: datetime) -> None:
        """Note the time, if it is later than the one noted."""
        with self._writing() as connection:
            value = vault.get_setting(connection, _CLOCK)
            if value is None or int(value) < int(now.timestamp()):
                vault.put_setting(connection, _CLOCK, b"%d" % int(now.timestamp()))

    def secret(self, name: str) -> Secret:
        """The installation's own secret of that name, 32 bytes, the same for every node; made when it is first asked for."""
        with self._writing() as connection:
            return vault.get_or_make_secret(connection, self._envelope, name)

    # -- inner

    def _load(self, now: datetime) -> None:
        """Build the snapshot anew and put it in place of the old one."""
        with self._reading() as connection:
            found = feed.load(connection, self._envelope, now)
            seq = feed.newest(connection)
            usage = Usage(books.get_usage(connection))
        snapshot = Snapshot(usage)
        snapshot.apply(found.put, ())
        with self._lock:
            for key_id, use in self.snapshot.usage.take_fresh():
                usage.use(key_id, use)
            self.snapshot = snapshot
            self._seq = seq

    def _arn_of(self, unique_id: str) -> str:
        principal = self.snapshot.principal(unique_id)
        return "" if principal is None else principal.arn

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that is durable when this ends. Raises StoreFailed; after a failure of the disk it goes on raising it."""
        if self.failed:
            raise StoreFailed(self.failed)
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise  # undone; where it is not a Conflict by now it is a bug of the caller
        except DBAPIError as error:
            name = error_name(error)
            # A full disk and a busy database leave the transaction undone, for certain. After any other error it is not known what the
            # disk holds, and a later fsync that succeeds proves nothing (fault F-05): nothing is acknowledged until a restart.
            if not name.startswith(BUSY):
                self.failed = f"the database failed: {name}; restart to go on from what is on disk"
                log.error("the store takes no more changes", extra={"error": name})
            raise StoreFailed(f"the database did not take the change: {name}") from error

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._reader.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise StoreFailed(f"the database cannot be read: {error_name(error)}") from error


def open_store(url_or_path: str | Path, root_key: RootKey, now: datetime, *, alone: bool = False) -> Store:
    """Open the database (a SQLAlchemy URL, or the path of a SQLite file), made and migrated where needed, and load its snapshot.

    `alone` says that the caller holds a lock under which no other process writes (lock.py).

    Raises ConfigError: the root key is not the database's, the schema is newer than this daypass, the database is damaged.
    """
    engine = open_engine(url_or_path)
    try:
        migrate(engine)
        with engine.begin() as connection:
            envelope = vault.open_envelope(connection, root_key)
        return Store(engine, envelope, now, alone=alone)
    except (DBAPIError, StoreFailed) as error:
        engine.dispose()
        why = error_name(error) if isinstance(error, DBAPIError) else str(error)
        raise ConfigError(f"The database {url_or_path} cannot be opened: {why}") from error
    except ConfigError:
        engine.dispose()
        raise
