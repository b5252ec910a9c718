"""Whichever call to the database fails while an operation writes (F-02): an error of the API's own, nothing changed, nothing held, and the
same request succeeds when it is made again. The rows come from the operation table.

A commit is tried for each writing operation, k = 1, 2, … until none fails any more; every operation runs in CI.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daypass.store.tables import TABLES
from daypass.way.operation import OPERATIONS
from matrix.samples import _SAMPLES, EXPECTED_ERROR, World, sample
from rig.failing import FailingDatabase
from rig.node import Refused, TestNode

WRITING = sorted(row for row, operation in OPERATIONS.items() if operation.writes and row in _SAMPLES)
UNDONE = ("SQLITE_BUSY", "SQLITE_FULL")  # by turns
MOST_CALLS = 200  # of one operation
KEPT = [*(table.name for table in TABLES.values()), "changes", "outbox"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world, made once; its files are what each test's node begins with."""
    node = TestNode(tmp_path_factory.mktemp("template"))
    made = World(node)
    node.close()
    return made


@pytest.fixture
def world(template: World, tmp_path: Path) -> Iterator[World]:
    made = template.copied(tmp_path / "node")
    yield made
    made.node.close()


def dump(node: TestNode) -> list[Any]:
    """All that the database holds of the state, and what the snapshot shows of it. Takes the write lock: nobody may be holding it."""
    with closing(sqlite3.connect(node.directory / "daypass.db", timeout=0, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        rows: list[Any] = [database.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in KEPT]
        database.execute("ROLLBACK")
    snapshot = node.store.snapshot
    return rows + [sorted(snapshot.records(kind), key=lambda record: record.id) for kind in TABLES]


@pytest.mark.parametrize("row", WRITING, ids=lambda row: ".".join(row))
def test_F02_whichever_call_to_the_database_fails(world: World, row: tuple[str, str]) -> None:
    node = world.node
    parameters = sample(world, *row)
    failing = FailingDatabase(node.store._engine)
    for call in range(1, MOST_CALLS):
        before, lines = dump(node), node.node.ledger.head.seq
        failing.at(call, UNDONE[call % 2])
        try:
            node.call(*row, parameters, world.admin)
            refused = None
        except Refused as error:
            refused = error
        came = failing.disarm()
        assert node.node.ledger.head.seq == lines + 1
        assert node.store._engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # the pool of a file has it
        if not came:
            break
        assert refused is not None
        assert refused.code in ("ServiceUnavailable", "ServiceUnavailableException")
        assert refused.status == 503
        assert b"SecretAccessKey" not in refused.answer.response.body
        assert dump(node) == before
    assert not came
    assert (refused.code if refused else None) == EXPECTED_ERROR.get(row)  # the same request, made again, succeeds
    assert call > 3 or row in EXPECTED_ERROR
    node.call("iam", "CreateUser", {"UserName": "next"}, node.operator())
