"""Damage in the database (F-21, F-44): what cannot be read is isolated and named, all else works, and nothing is ever allowed for it."""

from __future__ import annotations

import logging
import random  # noqa: TID251  # cases of a test, from a seed
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from daypass.cli.doctor_server import check_rows
from daypass.store.ledger import verify
from daypass.values.errors import ConfigError
from rig.node import Keys, Refused, TestNode
from unit.way.town import ALLOW_ALL, Town, allow, policy

FLIPS = 40  # single bytes of the file, each in a copy of its own


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path / "town")
    yield made
    with suppress(sqlite3.Error, ConfigError):
        made.it.close()


def reopened(town: Town, *statements: str) -> TestNode:
    """The town's node, started again after somebody was at its file."""
    town.it.close()
    with closing(sqlite3.connect(town.it.directory / "daypass.db")) as database, database:
        for statement in statements:
            assert database.execute(statement).rowcount, statement
    town.it = TestNode(town.it.directory)
    return town.it


def may(node: TestNode, keys: Keys) -> bool:
    try:
        node.call("iam", "ListUsers", {}, keys)
    except Refused as refused:
        assert refused.status < 500, refused
        return False
    return True


FLIP = "SET sealed = substr(sealed, 1, 30) || x'00' || substr(sealed, 32)"


@pytest.mark.parametrize(
    ("table", "damage"),
    [
        ("access_keys", f"UPDATE access_keys {FLIP} WHERE user_id = (SELECT id FROM users WHERE unique_name = 'a')"),
        ("users", "UPDATE users SET body = substr(body, 1, 20) WHERE unique_name = 'a'"),
        ("users", "UPDATE users SET body = replace(body, '\"a\"', '\"b2\"') WHERE unique_name = 'a'"),
    ],
)
def test_F21_a_damaged_row_takes_its_object_and_no_other(town: Town, caplog: pytest.LogCaptureFixture, table: str, damage: str) -> None:
    a, b = town.user("a"), town.user("b")
    assert may(town.it, a)
    assert town.it.call("daypass", "VerifyDatabase", {}, town.it.operator()) == {"Intact": True, "Problems": []}
    with caplog.at_level(logging.ERROR):
        node = reopened(town, damage)
    assert [vars(record)["table"] for record in caplog.records if record.message == "a row is damaged"] == [table]
    found = node.call("daypass", "VerifyDatabase", {}, node.operator())
    assert (found["Intact"], [told.partition(" ")[0] for told in found["Problems"]]) == (False, [table])
    assert [finding.state for finding in check_rows(found, "d")] == ["fail"]
    assert not may(node, a)
    assert may(node, b)
    node.call("iam", "CreateUser", {"UserName": "new"}, b)


def test_F21_a_damaged_policy_row_denies_whoever_it_guards(town: Town) -> None:
    """The boundary of a user cannot be read: it is not as if there were none."""
    arn = town.iam("CreatePolicy", PolicyName="edge", PolicyDocument=policy(allow("iam:ListUsers")))["Policy"]["Arn"]
    keys = town.user("guarded")
    town.iam("PutUserPermissionsBoundary", UserName="guarded", PermissionsBoundary=arn)
    assert may(town.it, keys)
    node = reopened(town, "UPDATE policies SET body = 'x' WHERE unique_name = 'edge'")
    assert not may(node, keys)


@pytest.mark.parametrize("seed", range(FLIPS))
def test_F21_any_byte_of_the_file(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, seed: int) -> None:
    """It does not start, and says why; or it does, and allows nothing that it did not allow before."""
    made = _a_town(tmp_path_factory)
    shutil.copytree(made.it.directory, tmp_path / "node")
    rng = random.Random(seed)
    file = tmp_path / "node" / "daypass.db"
    data = bytearray(file.read_bytes())
    at = rng.randrange(100, len(data))
    data[at] ^= 1 << rng.randrange(8)
    file.write_bytes(data)
    node = None
    try:
        node = TestNode(tmp_path / "node")
        node.now = made.it.now
        assert not may(node, made.denied)
        assert not may(node, made.ended)
        assert not may(node, made.deleted)
    except ConfigError as error:
        assert str(error) != ""
    finally:
        if node is not None:
            node.close()


class _Prepared(Town):
    """With a caller that may not, a session that was ended and a key that was deleted; all of it in the file, none in the WAL."""

    denied: Keys
    ended: Keys
    deleted: Keys


_made: dict[str, _Prepared] = {}


def _a_town(factory: pytest.TempPathFactory) -> _Prepared:
    if "it" not in _made:
        town = _made["it"] = _Prepared(factory.mktemp("flips") / "town")
        town.denied = town.user("denied", "")
        town.deleted = town.user("deleted", ALLOW_ALL)
        town.iam("DeleteAccessKey", UserName="deleted", AccessKeyId=town.deleted.id)
        arn = town.role("r")
        town.ended = town.session(town.user("u"), arn)
        town.it.call("daypass", "RevokeSessions", {"RoleArn": arn}, town.operator)
        town.it.close()
        with closing(sqlite3.connect(town.it.directory / "daypass.db")) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return _made["it"]


def test_F44_garbage_in_the_feed_and_in_the_outbox_stops_nobody(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """Rows that no node of this version writes: passed over, told of, kept; the next start is like any other, the ledger stays whole."""
    keys = town.user("u")
    node = reopened(
        town,
        "INSERT INTO changes (kind, id, operation) VALUES ('nonsense', 'x', 'put'), ('users', 'AIDAnobody', 'put'), ('users', '', '?')",
        "INSERT INTO outbox (node, request_id, line) VALUES ('node-test', 'poison', x'ff00'), ('node-test', 'poison-2', '{\"a\":')",
    )
    with caplog.at_level(logging.ERROR):
        written = node.node.ledger.recover(node.store.outbox_lines())
        assert len(written) > 0
        node.store.forget_outbox(written)
        assert node.node.ledger.recover(node.store.outbox_lines()) == []  # the next start finds it as well, and is not stopped either
    assert {vars(record)["request_id"] for record in caplog.records if "outbox" in record.message} == {"poison", "poison-2"}
    node.store.catch_up(node.now)
    assert may(node, keys)
    node.call("iam", "CreateUser", {"UserName": "new"}, keys)
    assert verify(node.directory / "ledger", node.node.ledger_key, "node-test").findings == []
