"""Database: transactions on an engine, bounded, and what their failures mean. Does not know any table.

`writing` and `turn` belong to the storage thread, `reading` to any.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from daypass.store.changes import StoreFailed
from daypass.store.deadline import within
from daypass.store.engine import UNDONE, error_name, is_away, is_shared, locking, reader

AWAY_SECONDS = 1.0  # after a vain try, how long the next ones are refused at once: a queue of changes shall not wait one by one (F-10)

DEADLINE = 4.5  # seconds for one transaction of a request or a round, connecting included: "writes fail < 5 s" (F-07)
PATIENCE = 120.0  # for what may take long: loading everything

log = logging.getLogger(__name__)


class Database:
    """The database behind a store. `shared` says that other nodes may write to it; `failed` why nothing is written any more."""

    def __init__(self, engine: Engine) -> None:
        self.shared = is_shared(engine)
        self.failed = ""
        self._engine = engine
        self._reader = reader(engine)
        self._held: Connection | None = None  # the transaction of a turn that nothing was written in yet
        self._away_until = 0.0

    def close(self) -> None:
        """Let go of it."""
        self._engine.dispose()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Where others may write: keep them from it until this ends. What the first `writing` inside writes is committed with it."""
        if not self.shared:
            yield
            return
        with self._translated(), self._engine.connect() as connection:  # closing it undoes what was not committed
            connection.begin()
            self._held = connection
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def writing(self, lock: str = "state") -> Iterator[Connection]:
        """A transaction that is durable when this ends, under a lock that all nodes share ("": what this node alone writes).

        Raises StoreFailed; after a failure of a SQLite file's disk it goes on raising it.
        """
        if self.failed:
            raise StoreFailed(self.failed)
        held = self._held if lock == "state" else None
        if held is not None:
            self._held = None
            with self._translated(writes=True):
                yield held
                held.commit()
            return
        with self._translated(writes=True), locking(self._engine, lock).begin() as connection:
            yield connection

    @contextmanager
    def reading(self, *, patient: bool = False) -> Iterator[Connection]:
        """A transaction that sees one state. Raises StoreFailed; `patient`: for what may take long."""
        engine = self._reader.execution_options(patient=True) if patient and self.shared else self._reader
        with self._translated(seconds=PATIENCE if patient else DEADLINE), engine.begin() as connection:
            yield connection

    @contextmanager
    def following(self) -> Iterator[Connection]:
        """The transaction of the turn, where one is held, to see what it will be written on; else as `reading`. On the storage thread."""
        if self._held is not None:
            yield self._held
        else:
            with self.reading() as connection:
                yield connection

    @contextmanager
    def _translated(self, *, writes: bool = False, seconds: float = DEADLINE) -> Iterator[None]:
        """What a failure of the database means to those who asked. They wait no longer than `seconds`."""
        if time.monotonic() < self._away_until:
            raise StoreFailed("the database is away")
        try:
            with within(seconds):
                yield
        except IntegrityError:
            raise  # undone; where it is not a Conflict by now it is a bug of the caller
        except (DBAPIError, PoolTimeout) as error:
            name = error_name(error)
            if self.shared:
                # PostgreSQL itself sees to what its disk holds: an error leaves the transaction undone, or its outcome unknown.
                if is_away(error):
                    self._away_until = time.monotonic() + AWAY_SECONDS
            elif writes and not name.startswith(UNDONE):
                # A full disk and a busy database leave the transaction undone, for certain. After any other error it is not known what
                # the disk holds, and a later fsync that succeeds proves nothing (fault F-05): nothing is acknowledged until a restart.
                self.failed = f"the database failed: {name}; restart to go on from what is on disk"
                log.error("the store takes no more changes", extra={"error": name})
            what = "did not take the change" if writes else "cannot be read"
            raise StoreFailed(f"the database {what}: {name}") from error
