"""The store's own books: the outbox, key usage, the ledger's anchor, whose installation it is. Does not know the snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, insert, select

from daypass.store import vault
from daypass.store.engine import plain, upsert
from daypass.store.ledger import Head
from daypass.store.records import AccessKey, Organization
from daypass.store.tables import TABLES, key_usage, ledger_anchor, outbox
from daypass.store.usage import Use

_OWN = "organization"  # the setting that names the installation's own


def own_organization(connection: Connection, known: Iterable[Organization]) -> Organization | None:
    """The organization that the first start made, whose management account is the operator's; `known` are those that can be read.

    Its id is noted at the first look: where a daypass began that noted none it is the oldest. None: there is none, or it cannot be read.
    INVARIANT: another one never takes its place, since its management account would be the operator's.
    """
    noted = vault.get_setting(connection, _OWN)
    found = {one.id: one for one in known}
    if noted is not None:
        return found.get(noted.decode())
    rows = connection.execute(select(func.count()).select_from(TABLES[Organization])).scalar_one()
    if not found or rows != len(found):  # what cannot be read may be the oldest
        return None
    first = min(found.values(), key=lambda one: (one.created, one.id))
    vault.put_setting(connection, _OWN, first.id.encode())
    return first


def put_line(connection: Connection, node: str, request_id: str, line: bytes) -> None:
    """Keep the ledger line of a change of `node` with the change."""
    connection.execute(insert(outbox).values(node=node, request_id=request_id, line=line))


def get_lines(connection: Connection, node: str) -> list[tuple[str, bytes]]:
    """The lines that the ledger of `node` may not have yet, (request id, line), in the order of their commits."""
    query = select(outbox).where(outbox.c.node == node).order_by(outbox.c.seq)
    return [(row.request_id, row.line) for row in connection.execute(query)]


def forget_lines(connection: Connection, request_ids: Iterable[str]) -> None:
    """The ledger has these."""
    ids = list(request_ids)
    for start in range(0, len(ids), 500):  # SQLite takes 32,766 variables, PostgreSQL 65,535
        connection.execute(delete(outbox).where(outbox.c.request_id.in_(ids[start : start + 500])))


def note_usage(connection: Connection, batch: Iterable[tuple[str, Use]]) -> None:
    """Keep the last uses, (key id, use), and let go of those of keys that are gone."""
    rows = [
        {"key_id": key_id, "time": int(use.at.timestamp()), "service": plain(use.service), "region": plain(use.region)}
        for key_id, use in sorted(batch)  # in one order, so that two nodes never wait for each other
    ]
    if rows:
        upsert(connection, key_usage, rows, unless_later="time")  # another node may have seen a later one
    connection.execute(delete(key_usage).where(key_usage.c.key_id.not_in(select(TABLES[AccessKey].c.id))))


def get_usage(connection: Connection) -> list[tuple[str, Use]]:
    """The last use of each key."""
    rows = connection.execute(select(key_usage))
    return [(row.key_id, Use(datetime.fromtimestamp(row.time, UTC), row.service, row.region)) for row in rows]


def put_anchor(connection: Connection, head: Head, now: datetime) -> None:
    """Note the head of a node's ledger. A lower one is taken as well: a ledger that lost lines says so in a line before it goes on."""
    upsert(connection, ledger_anchor, [{"node": head.node, "number": head.seq, "head": head.mac, "time": int(now.timestamp())}])


def get_anchor(connection: Connection, node: str) -> Head | None:
    """The head of a node's ledger that was noted last."""
    row = connection.execute(select(ledger_anchor).where(ledger_anchor.c.node == node)).first()
    return None if row is None else Head(row.node, row.number, row.head)
