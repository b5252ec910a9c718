"""Store: the database, and the snapshot that is kept in step with it. Decides no change (services do), has no SQL of its books.

One thread, the storage thread, calls what writes; `reading()` is the lock under which any other thread reads the snapshot.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from daypass.store import books, feed, issued, nodes, shipped, vault
from daypass.store.changes import Changes, Conflict, StoreFailed, Told, say_nothing
from daypass.store.database import Database
from daypass.store.engine import damage_of, in_use, product_of
from daypass.store.ledger.chain import Head
from daypass.store.records import Organization, Revocation, UsedToken
from daypass.store.rotation import Rotation
from daypass.store.rows import row_of
from daypass.store.schema import raise_oldest, verify_known
from daypass.store.snapshot import Snapshot
from daypass.store.usage import Usage
from daypass.values.arn import root_arn
from daypass.values.errors import ConfigError
from daypass.values.ids import is_account_id
from daypass.values.secret import Secret
from daypass.values.session import Session

if TYPE_CHECKING:
    from daypass.store.ledger.copying import Copy
    from daypass.store.postgres import Listener

COLLECT_AT_ONCE = 1000  # records that one collect() removes; the loop waits while the snapshot lets them go
ORDER_MARGIN = 2 * nodes.MAX_LEAD  # seconds that an order is obeyed beyond its end: another node's clock may stand behind (fault F-20)
USED_TOKEN_MARGIN = 3600  # seconds that a used token is remembered beyond its end: more than any verifier's leeway
_CLOCK, _SHIPPED, _LEDGER_FROM = "clock", "shipped/", "ledger-from/"  # names of settings
Heard = Callable[[int], None]


class Store:
    """An open database. `snapshot` is the state; `shared` says whether other nodes may work on the same database.

    `alone` promises that no other process writes, so that the snapshot is always the newest state. `node` is the name under which this
    process keeps its books. `told` is told how far loading is.
    """

    def __init__(
        self,
        engine: Engine,
        opened: vault.Vault,
        now: datetime,
        *,
        alone: bool = False,
        node: str = "",
        listen: Callable[[Heard], Listener] | None = None,
        told: Told = say_nothing,
    ) -> None:
        self._engine = engine
        self._database = Database(engine)
        self.shared = self._database.shared
        self.node = node
        self._vault = opened
        self._lock = threading.RLock()
        self._fresh = now
        self._alone = alone and not self.shared
        self._listen = listen
        self._listener: Listener | None = None
        self.lead = 0.0  # seconds by which another node's clock may stand before this one's, as of the last beat
        self._doubtful: set[str] = set()  # request ids of changes whose commit broke
        self._seq = 0
        self.snapshot = Snapshot()
        self._load(now, told)
        self.rotation = Rotation(self, self._database, opened)

    def close(self) -> None:
        """Let the database go."""
        if self._listener is not None:
            self._listener.close()
        self._database.close()

    @property
    def failed(self) -> str:
        """Why nothing is written any more; "" when all is well."""
        return self._database.failed

    @property
    def position(self) -> int:
        """The number of the last change in the snapshot."""
        return self._seq

    def listen(self, heard: Heard) -> None:
        """Have `heard(number)` called, on a thread of its own, soon after a node has committed the change of that number; 0 stands for
        "perhaps". Where there are no other nodes nothing happens. Raises ConfigError when another process runs under this node's name."""
        if self._listen is not None:
            self._listener = self._listen(heard)

    def reading(self) -> AbstractContextManager[bool]:
        """The lock that holds the snapshot still: `with store.reading(): …`."""
        return self._lock

    # -- changes of records

    def turn(self) -> AbstractContextManager[None]:
        """`with store.turn():` keeps other nodes from changing anything: what `catch_up` shows is what `write` writes on, once. Raises
        StoreFailed."""
        return self._database.turn()

    def write(self, changes: Changes, line: bytes | None = None, request_id: str = "") -> None:
        """Commit `changes` as a whole, with their ledger line, durably; then show them in the snapshot.

        Raises Conflict (nothing was written): a uniqueness rule, or another node has committed since the last `catch_up()`, so that what
        the change was made from may be gone. Raises StoreFailed: it must not be acknowledged. Raises ValueError for an unsound record.
        """
        rows = [(record, row_of(record, self._vault.envelope)) for record in changes.records]
        try:
            with self._database.writing() as connection:
                # INVARIANT: a change is made from the state that it is committed on; so two nodes never undo each other's changes unseen.
                if feed.newest(connection) != self._seq:
                    raise Conflict("changes", "others have written since")
                if changes.oldest:
                    raise_oldest(connection, changes.oldest)
                seq = feed.put(connection, self.snapshot, changes, rows)
                if line is not None:
                    books.put_line(connection, self.node, request_id, line)
                feed.announce(connection, seq)
        except StoreFailed:
            if self.shared and line is not None:
                self._doubtful.add(request_id)
            raise
        except ConfigError as error:  # of raise_oldest
            raise StoreFailed(str(error)) from None
        self._vault.take(changes.data_keys)
        with self._lock:
            self.snapshot.apply(changes.records, [(type(record), record.id) for record in changes.deleted])
            self._seq = seq

    def catch_up(self, now: datetime) -> int:
        """Take in what others have committed by `now` (UTC), and give how many records that were.

        Raises StoreFailed when the database does not answer; the snapshot goes on as it is and `feed_age` grows.
        """
        taken = 0
        if self.shared and self.failed:
            raise StoreFailed(self.failed)
        with self._database.following() as connection:
            newest = feed.newest(connection)
            if newest < self._seq:  # numbers never go back: it is a copy that was left behind, or an older one put back (fault F-09)
                raise StoreFailed("the database is older than what this node has seen; restart it if that is meant")
            if newest != self._seq and feed.forgotten(connection, self._seq):
                newest = -1
            elif newest != self._seq:
                news = feed.since(connection, self._seq, self._vault, now)
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

    def settle_doubts(self) -> list[tuple[str, bytes]]:
        """Those changes whose `write` raised StoreFailed that were committed all the same: (request id, line), once each.

        A connection that breaks while a commit is under way leaves its outcome open. Under the lock that it held it is decided.
        """
        if not self._doubtful:
            return []
        with self._database.writing() as connection:
            found = [(request_id, line) for request_id, line in books.get_lines(connection, self.node) if request_id in self._doubtful]
        self._doubtful.clear()
        return found

    def collect(self, now: datetime) -> int:
        """Forget what is over at `now`: expired passes, used tokens and orders that can end nothing any more. Gives how many."""
        with self.turn():
            self.catch_up(now)
            changes = Changes()
            seen = self.snapshot
            over: list[UsedToken | Revocation] = [o for o in seen.revocations if (now - o.until).total_seconds() >= ORDER_MARGIN]
            over.extend(used for used in seen.used_tokens if (now - used.until).total_seconds() >= USED_TOKEN_MARGIN)
            for record in over[:COLLECT_AT_ONCE]:
                changes.delete(record)
            if changes:
                self.write(changes)
        with self._database.writing() as connection:
            feed.prune(connection)
            used = books.get_usage(connection) if self.shared else []
            collected = len(changes.deleted) + issued.collect_passes(connection, now)
        with self._lock:
            self.snapshot.usage.learn(used)
        return collected

    def describe(self) -> tuple[str, int, int]:
        """The database's product and version; how many of this node's connections to it are in use, and how many there may be."""
        with self._database.reading() as connection:
            return product_of(connection), *in_use(self._engine)

    def damage(self) -> list[str]:
        """What is damaged in the database, one sentence each: pages, and rows that cannot be read. Takes long on a large one."""
        with self._database.reading(patient=True) as connection:
            return [*damage_of(connection), *map(str, feed.damaged(connection, self._vault.envelope_in(connection), self._fresh))]

    # -- passes

    def record_passes(self, sessions: Iterable[Session], node: str = "", line: int = 0) -> None:
        """Note which passes were made, up to that line of a node's ledger; those noted already are passed over."""
        with self._database.writing(lock="") as connection:
            issued.record_passes(connection, sessions, self._arn_of)
            if line:
                vault.put_setting(connection, _SHIPPED + node, b"%d" % line)

    def shipped_line(self, node: str) -> int:
        """The last line of a node's ledger whose passes are noted; 0 when there is none."""
        with self._database.reading() as connection:
            return int(vault.get_setting(connection, _SHIPPED + node) or b"0")

    def passes(
        self, wanted: issued.Filter = issued.ALL, *, limit: int = issued.MAX_PAGE, after: tuple[int, bytes] | None = None
    ) -> list[issued.IssuedPass]:
        """The passes that fit, newest first, at most `limit`; `after` is (issued, id) of the last of the page before."""
        with self._database.reading() as connection:
            return issued.find_passes(connection, wanted, limit=limit, after=after)

    def descendants(self, session_id: bytes) -> list[issued.IssuedPass]:
        """Every pass that descends from this one, parents before children."""
        with self._database.reading() as connection:
            return issued.find_descendants(connection, session_id)

    def count_live_passes(self, now: datetime) -> int:
        """How many passes are not expired (ended ones count)."""
        with self._database.reading() as connection:
            return issued.count_passes(connection, issued.Filter(live_at=now))

    # -- books

    def own_organization(self) -> Organization | None:
        """The installation's own, as `books` knows it."""
        with self._database.writing() as connection:
            return books.own_organization(connection, self.snapshot.organizations)

    def outbox_lines(self) -> list[tuple[str, bytes]]:
        """Ledger lines of committed changes that the ledger may not have yet: (request id, line), oldest first."""
        with self._database.reading() as connection:
            return books.get_lines(connection, self.node)

    def forget_outbox(self, request_ids: Iterable[str]) -> None:
        """The ledger has the lines of these requests."""
        with self._database.writing(lock="") as connection:
            books.forget_lines(connection, request_ids)

    def flush_usage(self) -> int:
        """Keep what `snapshot.use` noted since the last call; gives how many keys."""
        with self._lock:  # `use` adds to it on the loop's thread
            batch = self.snapshot.usage.take_fresh()
        if batch:
            try:
                with self._database.writing(lock="") as connection:
                    books.note_usage(connection, batch)
            except StoreFailed:
                self.snapshot.usage.give_back(batch)
                raise
        return len(batch)

    def anchor(self, head: Head, now: datetime) -> None:
        """Note where a node's ledger stands."""
        with self._database.writing(lock="") as connection:
            books.put_anchor(connection, head, now)

    def anchored(self, node: str) -> Head | None:
        """Where the ledger of `node` was last known to stand."""
        with self._database.reading() as connection:
            return books.get_anchor(connection, node)

    @property
    def clock_high_water(self) -> datetime | None:
        """The latest time that was noted, UTC; None on a new database."""
        with self._database.reading() as connection:
            value = vault.get_setting(connection, self._clock)
        return None if value is None else datetime.fromtimestamp(int(value), UTC)

    def raise_clock(self, now: datetime) -> None:
        """Note the time, if it is later than the one noted."""
        with self._database.writing(lock="") as connection:
            if int(vault.get_setting(connection, self._clock) or b"0") < int(now.timestamp()):
                vault.put_setting(connection, self._clock, b"%d" % int(now.timestamp()))

    @property
    def _clock(self) -> str:
        """Each of several nodes goes by its own clock (fault F-20): one that is ahead does not drag the others along."""
        return f"{_CLOCK}/{self.node}" if self.shared else _CLOCK

    def secret(self, name: str) -> Secret:
        """The installation's own secret of that name, 32 bytes, the same for every node; made when it is first asked for."""
        with self._database.writing() as connection:
            self._vault.refresh(connection)  # INVARIANT: nothing is sealed under a key that may be gone by the commit
            return vault.get_or_make_secret(connection, self._vault.envelope, name)

    def verify_secrets(self) -> None:
        """Open each of the installation's own secrets. Raises ConfigError for one that was altered."""
        with self._database.reading() as connection:
            vault.verify_secrets(connection, self._vault.envelope)

    # -- nodes, and the ledger lines of all of them

    def beat(self, version: str, url: str, lines: int, now: datetime) -> None:
        """Note that this node lives and how far it is: in the feed, and with its ledger (`lines`).

        Raises StoreFailed when a newer version has taken the database further than this one may follow: then it takes no more part.
        """
        with self._database.writing(lock="") as connection:
            try:
                verify_known(connection)
            except ConfigError as error:
                self._database.failed = str(error)
                raise StoreFailed(str(error)) from None
            nodes.put_beat(connection, nodes.Beat(self.node, version, url, self._seq, lines), now)
            self.lead = nodes.lead_of_others(nodes.get_nodes(connection, now), self.node)

    def leave(self) -> None:
        """This node ends in good order."""
        with self._database.writing(lock="") as connection:
            nodes.drop_node(connection, self.node)

    def nodes(self, now: datetime) -> tuple[int, list[nodes.NodeState]]:
        """The number of the newest change, and the nodes that share the database, by name."""
        with self._database.reading() as connection:
            return feed.newest(connection), nodes.get_nodes(connection, now)

    def ship_lines(self, lines: Sequence[Copy]) -> None:
        """Keep copies of lines of this node's ledger."""
        with self._database.writing(lock="lines") as connection:
            shipped.put_lines(connection, self.node, lines)

    def last_shipped(self) -> tuple[int, bytes]:
        """The number and MAC of this node's last line that is kept; 0 when there is none."""
        with self._database.reading() as connection:
            return shipped.last_copy(connection, self.node)

    def shipped_marks(self) -> dict[str, int]:
        """How far each node's ledger has been copied: the number of its last line."""
        with self._database.reading() as connection:
            return shipped.marks(connection)

    def forget_lines(self, before: datetime, limit: int) -> int:
        """Let go of copies of events before a time, of all nodes, at most `limit`; gives how many."""
        with self._database.writing(lock="lines") as connection:
            return shipped.forget_lines(connection, int(before.timestamp()), limit)

    def ledger_from(self, node: str) -> int:
        """The number of the oldest line that retention has left in the files of a node; 1 when it took none."""
        with self._database.reading() as connection:
            return int(vault.get_setting(connection, _LEDGER_FROM + node) or b"1")

    def keep_ledger_from(self, node: str, line: int) -> None:
        """Note that retention takes the lines before this one out of the files of a node."""
        with self._database.writing(lock="") as connection:
            vault.put_setting(connection, _LEDGER_FROM + node, b"%d" % line)

    def lines_after(self, arrival: int, limit: int, since: datetime | None = None) -> list[shipped.Arrived]:
        """The next `limit` lines of all nodes after a place in the order of their arrival."""
        with self._database.reading() as connection:
            return shipped.lines_after(connection, arrival, limit, since)

    def lines_before(self, arrival: int | None, limit: int) -> list[shipped.Arrived]:
        """The last `limit` lines of all nodes before a place (None: of all), the last one first."""
        with self._database.reading() as connection:
            return shipped.lines_before(connection, arrival, limit)

    # -- inner

    def _load(self, now: datetime, told: Told = say_nothing) -> None:
        """Build the snapshot anew and put it in place of the old one."""
        with self._database.reading(patient=True) as connection:
            seq = feed.newest(connection)
            snapshot = Snapshot(Usage(books.get_usage(connection)))
            self._vault.refresh(connection)
            for found in feed.load(connection, self._vault.envelope, now, told):
                snapshot.apply(found.put, ())
        with self._lock:
            for key_id, use in self.snapshot.usage.take_fresh():
                snapshot.usage.use(key_id, use)
            self.snapshot = snapshot
            self._seq = seq

    def _arn_of(self, unique_id: str) -> str:
        if (principal := self.snapshot.principal(unique_id)) is not None:
            return principal.arn
        return root_arn(unique_id) if is_account_id(unique_id) else ""
