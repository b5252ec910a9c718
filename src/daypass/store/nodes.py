"""Nodes: who shares the database, how far each has followed the feed, and when it was last heard of. Does not end or begin any."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, cast, delete, func, select

from daypass.store.engine import is_shared, upsert
from daypass.store.tables import SCHEMA, nodes

LIVE_SECONDS = 10.0  # since a node was last heard of; they beat every two seconds
LEAST_LEAD = 0.1  # what is less may be the measuring itself
MAX_LEAD = 300.0  # a node that is further off accepts no signature (SigV4: ±5 minutes), and so makes no passes
FORGET_SECONDS = 7 * 24 * 3600  # a node that was not heard of for so long is not listed any more


class Beat(NamedTuple):
    """What a node says of itself: `position` in the feed, up to which it obeys every change; `lines` of its ledger."""

    node: str
    version: str
    url: str
    position: int
    lines: int


class NodeState(NamedTuple):
    """A node as the database knows it; `age` is the seconds since it was last heard of, by the database's clock,
    `ahead` the seconds by which its own clock stands before that one."""

    name: str
    version: str
    schema: str
    url: str
    position: int
    lines: int
    age: float
    ahead: float

    @property
    def live(self) -> bool:
        """Whether it was heard of lately."""
        return self.age <= LIVE_SECONDS


def put_beat(connection: Connection, beat: Beat, now: datetime) -> None:
    """Note that a node lives."""
    if is_shared(connection):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")  # a beat that is lost in a crash is followed by the next
    seen = _milliseconds(connection, now)
    row = {
        "node": beat.node,
        "version": beat.version,
        "schema": SCHEMA,
        "url": beat.url,
        "position": beat.position,
        "lines": beat.lines,
        "seen": seen,
        "ahead": int(now.timestamp() * 1000) - seen,
    }
    upsert(connection, nodes, [row])


def drop_node(connection: Connection, node: str) -> None:
    """A node has ended in good order."""
    connection.execute(delete(nodes).where(nodes.c.node == node))


def get_nodes(connection: Connection, now: datetime) -> list[NodeState]:
    """The nodes by name, those that were not heard of for a week left out."""
    millis = _milliseconds(connection, now)
    found = []
    for row in connection.execute(select(nodes).order_by(nodes.c.node)):
        age = max(millis - row.seen, 0) / 1000
        if age < FORGET_SECONDS:
            found.append(NodeState(row.node, row.version, row.schema, row.url, row.position, row.lines, age, row.ahead / 1000))
    return found


def lead_of_others(found: list[NodeState], node: str) -> float:
    """By how many seconds the clock of another live node may stand before that of `node` (0 when none does).

    A pass that was made there a moment ago bears a later time than this node's clock shows (fault F-20).
    """
    mine = next((state.ahead for state in found if state.name == node), 0.0)
    lead = max((state.ahead - mine for state in found if state.live), default=0.0)
    return min(lead, MAX_LEAD) if lead >= LEAST_LEAD else 0.0


def _milliseconds(connection: Connection, now: datetime) -> int:
    """The time that nodes are measured by: where there are several, the database's, since their own clocks may differ (fault F-20)."""
    if not is_shared(connection):
        return int(now.timestamp() * 1000)
    clock = cast(func.extract("epoch", func.clock_timestamp()) * 1000, BigInteger)
    millis: int = connection.execute(select(clock)).scalar_one()
    return millis
