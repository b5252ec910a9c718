"""Records in the database: load them, put changes with their place in the feed, read what others changed. Does not touch the snapshot."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from daypass.store.changes import Changes, Conflict, Told, say_nothing
from daypass.store.engine import is_shared
from daypass.store.keys import Envelope
from daypass.store.records import Record
from daypass.store.rows import Unreadable, read_row, stand_in
from daypass.store.snapshot import Snapshot
from daypass.store.tables import KINDS, TABLES, Row, changes, data_keys
from daypass.store.vault import Vault, put_data_keys

KEPT = 100_000  # rows of the feed; a node that is further behind loads everything anew
_NEWEST = select(func.coalesce(func.max(changes.c.seq), 0))  # built once: it runs with every change, and building takes longer
_NOTE = insert(changes).returning(changes.c.seq)
_PART = 1000  # rows that are read at once
_AT_ONCE = 500  # ids in one query; SQLite takes 32,766 variables

log = logging.getLogger(__name__)


class Found(NamedTuple):
    """What the database holds of some records: those to put, those that are gone, and the rows that cannot be read."""

    put: list[Record]
    removed: list[tuple[type[Record], str]]
    damaged: list[Unreadable]


def newest(connection: Connection) -> int:
    """The number of the last change that was committed, 0 when there was none."""
    number: int = connection.execute(_NEWEST).scalar_one()
    return number


def load(connection: Connection, envelope: Envelope, now: datetime, told: Told) -> Iterator[Found]:
    """Every record, in parts (never are all rows in memory beside all records). `told` is told how many there are so far."""
    done = 0
    total = sum(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES.values())
    for kind, table in TABLES.items():
        rows = connection.execution_options(yield_per=_PART).execute(select(table)).mappings()
        for part in rows.partitions():
            found = Found([], [], [])
            _read(part, kind, envelope, now, found)
            yield found
            done += len(part)
            told("records", done, total)


def damaged(connection: Connection, envelope: Envelope, now: datetime) -> list[Unreadable]:
    """Every row that cannot be read, each told of in the log as well."""
    return [row for found in load(connection, envelope, now, say_nothing) for row in found.damaged]


def forgotten(connection: Connection, seq: int) -> bool:
    """Whether changes after `seq` are no longer in the feed."""
    oldest = connection.execute(select(func.min(changes.c.seq))).scalar()
    return oldest is None or oldest > seq + 1


def since(connection: Connection, seq: int, vault: Vault, now: datetime) -> Found:
    """The state now of every record that was changed after `seq`, data keys first. Raises StoreFailed for one that was tampered with."""
    touched: dict[type[Record], dict[str, None]] = {}
    keys_changed = False
    for row in connection.execute(select(changes.c.kind, changes.c.id).where(changes.c.seq > seq).order_by(changes.c.seq)):
        if row.kind in KINDS:  # what a newer version keeps beside (schema.py says whether this one may go on)
            touched.setdefault(KINDS[row.kind], {})[row.id] = None
        elif row.kind == data_keys.name:
            keys_changed = True
    if keys_changed:
        vault.refresh(connection)
    found = Found([], [], [])
    for kind, ids in touched.items():
        table, wanted = TABLES[kind], list(ids)
        for start in range(0, len(wanted), _AT_ONCE):
            query = select(table).where(table.c.id.in_(wanted[start : start + _AT_ONCE]))
            _read(connection.execute(query).mappings(), kind, vault.envelope, now, found)
        there = {record.id for record in found.put if type(record) is kind}
        found.removed.extend((kind, id) for id in wanted if id not in there)
    return found


def put(connection: Connection, snapshot: Snapshot, staged: Changes, rows: Sequence[tuple[Record, dict[str, Any]]]) -> int:
    """Carry out `staged` (`rows` are the rows of its records) and note it in the feed; gives the feed's new last number. Raises Conflict.

    What is deleted goes first, so that its name is free. A record that `snapshot` has is updated, any other inserted: never both, so
    that an id that another node took is a Conflict and not an overwriting.
    """
    notes: list[dict[str, str]] = []
    for record in staged.deleted:
        table = TABLES[type(record)]
        if connection.execute(delete(table).where(table.c.id == record.id)).rowcount != 1:
            raise Conflict(table.name, f"{record.id} is gone")
        notes.append({"kind": table.name, "id": record.id, "operation": "delete"})
    for record, row in rows:
        table = TABLES[type(record)]
        known = snapshot.records(type(record)).find(record.id) is not None
        statement = update(table).where(table.c.id == record.id) if known else insert(table)
        try:
            done = connection.execute(statement.values(row))
            if known and done.rowcount != 1:
                raise Conflict(table.name, f"{record.id} is gone")
        except IntegrityError as error:
            raise Conflict(table.name, str(error.orig)) from None
        notes.append({"kind": table.name, "id": record.id, "operation": "put"})
    put_data_keys(connection, staged.data_keys)
    notes += [{"kind": data_keys.name, "id": id, "operation": "put" if key else "delete"} for id, key in staged.data_keys.items()]
    return max(connection.execute(_NOTE, notes).scalars()) if notes else newest(connection)


def place_of(connection: Connection, kind: str, id: str) -> int:
    """A number in the feed: who has come as far has taken in the last change of a record or data key."""
    found: int | None = connection.execute(select(func.max(changes.c.seq)).where(changes.c.kind == kind, changes.c.id == id)).scalar()
    if found is None:  # no longer in the feed, so it stood before its oldest row
        found = (connection.execute(select(func.min(changes.c.seq))).scalar() or 1) - 1
    return found


def announce(connection: Connection, seq: int) -> None:
    """Have the other nodes told, once this is committed, that the feed has come to `seq`. They poll as well: this only makes it sooner."""
    if is_shared(connection):
        from daypass.store.postgres import notify  # loaded already, where it is needed

        notify(connection, seq)


def prune(connection: Connection) -> None:
    """Let the oldest rows of the feed go. INVARIANT: the newest stays, since numbers go on from it."""
    connection.execute(delete(changes).where(changes.c.seq <= newest(connection) - KEPT))


def everything(snapshot: Snapshot) -> Iterator[Record]:
    """Every record of a snapshot."""
    for kind in TABLES:
        yield from snapshot.records(kind)


def _read(rows: Iterable[Row], kind: type[Record], envelope: Envelope, now: datetime, found: Found) -> None:
    for row in rows:
        try:
            found.put.append(read_row(kind, row, envelope))
        except Unreadable as damage:
            told = {"table": damage.table, "id": damage.id, "error": damage.why, "consequence": "what needs it is denied"}
            log.error("a row is damaged", extra=told)
            found.damaged.append(damage)
            if (instead := stand_in(kind, row, now)) is not None:
                found.put.append(instead)
