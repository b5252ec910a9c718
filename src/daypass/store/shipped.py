"""Shipped lines: the copies of all nodes' ledger lines, in the order in which they came. Does not verify them, nor replace the files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, func, select

from daypass.store.engine import insert_ignoring
from daypass.store.ledger.copying import Copy
from daypass.store.tables import ledger_lines

_AT_ONCE = 500  # places in one statement; SQLite takes 32,766 variables


class Arrived(NamedTuple):
    """A line as it came: its place among all nodes' lines, the node, the line itself without its newline."""

    arrival: int
    node: str
    raw: bytes


def put_lines(connection: Connection, node: str, lines: Sequence[Copy]) -> None:
    """Keep copies; those that are there already are passed over. INVARIANT: under the lock "lines", so that places are in the order of
    commits and a follower misses none."""
    rows = [{"node": node, "line": copy.seq, "mac": copy.mac, "time": copy.time, "raw": copy.raw} for copy in lines]
    if rows:
        insert_ignoring(connection, ledger_lines, rows, ("node", "line", "mac"))


def forget_lines(connection: Connection, before: int, limit: int) -> int:
    """Let go of the oldest copies, at most `limit`, of events before `before` (epoch seconds); gives how many.

    INVARIANT: the newest line of a node stays, since the node goes on from it.
    """
    keep = {row.arrival for node, line in marks(connection).items() for row in connection.execute(_copies(node, line))}
    oldest = select(ledger_lines.c.arrival, ledger_lines.c.time).order_by(ledger_lines.c.arrival).limit(limit + len(keep))
    gone = [row.arrival for row in connection.execute(oldest) if row.time < before and row.arrival not in keep][:limit]
    for start in range(0, len(gone), _AT_ONCE):
        connection.execute(delete(ledger_lines).where(ledger_lines.c.arrival.in_(gone[start : start + _AT_ONCE])))
    return len(gone)


def last_copy(connection: Connection, node: str) -> tuple[int, bytes]:
    """The number and MAC of a node's last line here; 0 when there is none."""
    query = select(ledger_lines.c.line, ledger_lines.c.mac).where(ledger_lines.c.node == node)
    row = connection.execute(query.order_by(ledger_lines.c.line.desc(), ledger_lines.c.arrival.desc()).limit(1)).first()
    return (0, b"") if row is None else (row.line, row.mac)


def _copies(node: str, line: int) -> Select[Any]:
    return select(ledger_lines.c.arrival).where(ledger_lines.c.node == node, ledger_lines.c.line == line)


def marks(connection: Connection) -> dict[str, int]:
    """How far each node's ledger is here: the number of its last line."""
    query = select(ledger_lines.c.node, func.max(ledger_lines.c.line).label("line")).group_by(ledger_lines.c.node)
    return {row.node: row.line for row in connection.execute(query)}


def lines_after(connection: Connection, arrival: int, limit: int, since: datetime | None) -> list[Arrived]:
    """The next lines after a place, in order; `since` leaves out those of events before it."""
    query = select(ledger_lines).where(ledger_lines.c.arrival > arrival).order_by(ledger_lines.c.arrival).limit(limit)
    if since is not None:
        query = query.where(ledger_lines.c.time >= int(since.timestamp()))
    return [Arrived(row.arrival, row.node, row.raw) for row in connection.execute(query)]


def lines_before(connection: Connection, arrival: int | None, limit: int) -> list[Arrived]:
    """The last lines before a place (None: of all), the last one first."""
    query = select(ledger_lines).order_by(ledger_lines.c.arrival.desc()).limit(limit)
    if arrival is not None:
        query = query.where(ledger_lines.c.arrival < arrival)
    return [Arrived(row.arrival, row.node, row.raw) for row in connection.execute(query)]
