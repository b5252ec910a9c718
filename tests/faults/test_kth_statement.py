"""Whichever statement fails while an operation writes to PostgreSQL (F-02): by the server's own error, by a connection that breaks before
it arrives, or by one that breaks before its answer does.

What each writing operation says to the database is recorded first, from its first word to its commit, which fails. There are few ways of
it; one operation of each way is tried with every statement failing in each manner.
"""

from __future__ import annotations

import copy
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from daypass.store.postgres import LOCKS
from daypass.store.tables import TABLES
from daypass.way.operation import OPERATIONS
from matrix.samples import _SAMPLES, EXPECTED_ERROR, World, sample
from rig.failing import AT_COMMIT, Broken, FailingPostgres
from rig.node import Refused, TestNode
from rig.postgres import Cluster
from rig.wait import until

Row = tuple[str, str]
WRITING = sorted(row for row, operation in OPERATIONS.items() if operation.writes and row in _SAMPLES)
UNDONE: tuple[Broken, ...] = ("40001", "40P01", "57014", "cut")  # serialization, deadlock, statement time-out
KEPT = [*(table.name for table in TABLES.values()), "changes", "outbox"]
MOST_WAYS = 30
UNAVAILABLE = ("ServiceUnavailable", "ServiceUnavailableException")


class Made(NamedTuple):
    """A world on PostgreSQL, with its node closed; `copied` gives one of its own that is open."""

    world: World
    url: str
    cluster: Cluster

    def copied(self, folder: Path) -> tuple[World, str]:
        """The same world on a node and a database of its own, and the URL of that."""
        url = self.cluster.new_database(self.url)
        shutil.copytree(self.world.node.directory, folder)
        world = copy.copy(self.world)
        world.node = TestNode(folder, database=url)
        return world, url


@pytest.fixture(scope="module")
def made(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Made:
    url = cluster.new_database()
    world = World(TestNode(tmp_path_factory.mktemp("world"), database=url))
    world.node.close()
    return Made(world, url, cluster)


class Attempts:
    """The calls of one operation in one world, and what an outsider sees of the database meanwhile."""

    def __init__(self, made: Made, folder: Path) -> None:
        self.world, url = made.copied(folder)
        self.node = self.world.node
        self.failing = FailingPostgres(self.node.store._engine)
        self._outside = psycopg.connect(url.replace("postgresql://", "postgres://"), autocommit=True)

    def close(self) -> None:
        self._outside.close()
        self.node.close()

    def rows(self) -> list[Any]:
        """All that the database holds of the state."""
        return [self._outside.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in KEPT]  # type: ignore[arg-type]  # our names

    def is_free(self) -> bool:
        """Whether nothing is held: no lock, no connection."""
        taken = self._outside.execute("SELECT pg_try_advisory_lock(%s)", (LOCKS["state"],)).fetchone()
        self._outside.execute("SELECT pg_advisory_unlock_all()")
        return taken == (True,) and self.node.store._engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a pool has it

    def ask(self, row: Row, given: dict[str, Any], call: int, how: Broken = "cut") -> tuple[Refused | None, list[str]]:
        """How it was refused when the statement of that number fails (0: none does), and what was said to the database."""
        lines = self.node.node.ledger.head.seq
        self.failing.at(call, how)
        refused = None
        try:
            self.node.call(*row, given, self.world.admin)
        except Refused as error:
            refused = error
        came, calls = self.failing.disarm(), self.failing.calls
        assert came or call in (0, AT_COMMIT), (row, call, how, calls)
        assert self.node.node.ledger.head.seq == lines + 1
        if came:
            assert refused is not None, (row, call, how)
            assert (refused.code in UNAVAILABLE, refused.status) == (True, 503), (row, call, how, refused)
            assert b"SecretAccessKey" not in refused.answer.response.body
        return refused, calls


@pytest.fixture(autouse=True)
def _asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.store.database.AWAY_SECONDS", 0.0)


@pytest.fixture
def attempts(made: Made, tmp_path: Path) -> Iterator[Callable[[], Attempts]]:
    """Gives new ones, and lets go of those that it gave before."""
    opened: list[Attempts] = []

    def begin() -> Attempts:
        for one in opened[-1:]:
            one.close()
        opened.append(Attempts(made, tmp_path / str(len(opened))))
        return opened[-1]

    yield begin
    opened[-1].close()


def test_F02_whichever_statement_fails(attempts: Callable[[], Attempts]) -> None:
    """Each way of writing, in each manner: 503, and nothing of the change unless the answer to its commit was lost; then it is whole, and
    its line is found."""
    ways = recorded(attempts)
    assert len(ways) <= MOST_WAYS, ways
    assert {"INSERT", "UPDATE", "DELETE", "COMMIT"} <= {word for way in ways for word in way}
    for way, rows in ways.items():
        row = min(rows, key=lambda row: row in EXPECTED_ERROR)
        here = attempts()
        given = sample(here.world, *row)
        for how in UNDONE:
            for call in range(1, len(way) + 1):
                fail_one(here, row, given, call, how)
        is_change = "INSERT" in way
        for call in range(1, len(way) + 1 - is_change):
            fail_one(here, row, given, call, "answer lost")
        refused, _ = here.ask(row, given, 0)
        assert (refused.code if refused else None) == EXPECTED_ERROR.get(row)  # the same request, made again, succeeds
        if is_change:
            lose_commit(attempts(), row, len(way))


def fail_one(here: Attempts, row: Row, given: dict[str, Any], call: int, how: Broken) -> None:
    """Nothing is changed, held or doubted."""
    before = here.rows()
    here.ask(row, given, call, how)
    assert here.rows() == before, (row, call, how)
    until(here.is_free, f"nothing is held: {row}, {call}, {how}")  # the server finds that a connection was cut when it next looks
    assert here.node.store.settle_doubts() == []


def lose_commit(here: Attempts, row: Row, call: int) -> None:
    """The change is there as a whole, and so is its line, for the ledger to take in."""
    given = sample(here.world, *row)
    before = here.rows()
    here.ask(row, given, call, "answer lost")
    until(here.is_free, "nothing is held")
    assert here.rows() != before, row
    [(_, line)] = here.node.store.settle_doubts()
    assert f'"eventName":"{row[1]}"'.encode() in line
    assert b'"errorCode"' not in line
    here.node.call("iam", "CreateUser", {"UserName": "next"}, here.node.operator())
    assert here.node.store.settle_doubts() == []


def recorded(attempts: Callable[[], Attempts]) -> dict[tuple[str, ...], list[Row]]:
    """The first words of what is said to the database, up to the commit of a change, which fails; each with the operations that say so."""
    ways: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    here = attempts()
    for row in WRITING:
        try:
            given = sample(here.world, *row)
        except Refused:  # what it needs was made for another one before
            here = attempts()
            given = sample(here.world, *row)
        before = here.rows()
        _, calls = here.ask(row, given, AT_COMMIT)
        assert here.rows() == before, row
        ways[tuple(calls)].append(row)
    return ways
