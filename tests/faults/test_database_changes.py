"""The database under a change and at a start: failover, whichever call fails, nodes starting together, the password (F-02, F-09, F-24)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from daypass.store import open_store
from daypass.store.keys import root_key
from daypass.store.postgres import Bounded
from faults.test_database import BOUND
from faults.test_nodes import assume, iam, operator, trusted_role
from rig.http import sign, who_am_i
from rig.node import Keys, Refused, TestNode
from rig.postgres import Cluster
from rig.server import daypass, running
from rig.wait import until


@pytest.fixture
def schema(cluster: Cluster) -> str:
    return cluster.new_schema()


# -- F-24: starting together, and beside other versions


def test_F24_nodes_that_start_at_once_on_an_empty_database(cluster: Cluster, schema: str, tmp_path: Path) -> None:
    """One makes everything, the others find it: one organization, one seal key, one operator's role."""
    key = tmp_path / "root.key"
    with running(tmp_path / "first"):
        (tmp_path / "root.key").write_bytes((tmp_path / "first" / "root.key").read_bytes())
    key.chmod(0o600)
    servers: list[Keys] = []
    gate = threading.Barrier(4)

    def begin(name: str) -> None:
        gate.wait()
        with running(tmp_path / name, "--db", cluster.url(schema), "--key-file", str(key)) as node:
            servers.append(operator(node))

    threads = [threading.Thread(target=begin, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(servers) == 4
    for table in ("organizations", "accounts", "seal_keys", "roles", "data_keys"):
        assert cluster.sql(f"SELECT count(*) FROM {table}", schema) == ["1"], table


# -- F-09: failover


def test_F09_the_primary_fails_over_and_comes_back(tmp_path: Path) -> None:
    """With a synchronous standby nothing acknowledged is lost, an ended session stays ended; the old primary, when it comes back with
    less than what was seen, is not followed and gets no change; no hand is needed on the nodes."""
    primary = Cluster()
    standby = primary.replica()
    schema = primary.new_schema()
    hosts = f"host={quote(str(primary.directory), safe='')},{quote(str(standby.directory), safe='')}&target_session_attrs=read-write"
    url = f"postgresql://postgres@/postgres?{hosts}&options={quote(f'-csearch_path={schema}')}"
    try:
        with running(tmp_path / "a", "--db", url) as node:
            keys = operator(node)
            arn = trusted_role(node, keys, "r")
            held = assume(node, keys, arn)
            acknowledged = []
            for number in range(5):
                assert iam(node, keys, "CreateUser", UserName=f"u{number}").send().status == 200
                acknowledged.append(f"u{number}")
            assert iam(node, keys, "DeleteRole", RoleName="r").send().status == 200
            primary.stop()
            assert iam(node, keys, "CreateUser", UserName="lost").send().status == 503
            assert sign(who_am_i(node.url), keys).send().status == 200
            standby.promote()
            took = until(lambda: iam(node, keys, "CreateUser", UserName="after").send().status == 200, "changes are made on the other")
            assert took < 2 * BOUND
            names = set(standby.sql("SELECT unique_name FROM users", schema))
            assert names == {*acknowledged, "after"}
            assert sign(who_am_i(node.url), held).send().code == "ExpiredToken"
            primary.start()  # it does not know that it was replaced, and stands first in the list
            primary.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
            primary.sql("SELECT pg_reload_conf()")
            standby.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'daypass'")
            until(lambda: iam(node, keys, "CreateUser", UserName="split").send().status == 503, "the old one is not followed")
            assert sign(who_am_i(node.url), keys).send().status == 200
            assert set(primary.sql("SELECT unique_name FROM users", schema)) == set(acknowledged)
            primary.stop()
            until(lambda: iam(node, keys, "CreateUser", UserName="again").send().status == 200, "the new one is found again")
    finally:
        standby.remove()
        primary.remove()


# -- F-02: the k-th call of the database fails


@pytest.mark.parametrize("first", [0, 1])
def test_F02_whichever_call_of_a_change_fails(
    cluster: Cluster, schema: str, tmp_path: Path, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change is made or not, whole, and told so or doubted; a turn that broke holds nobody up; the next change goes."""
    node = TestNode(tmp_path, database=cluster.url(schema), name="a")
    other = open_store(cluster.url(schema), root_key(tmp_path / "root.key"), node.now, node="b")
    keys = node.operator()
    monkeypatch.setattr("daypass.store.database.AWAY_SECONDS", 0.0)
    failing = _Failing(monkeypatch)
    told: dict[int, bool] = {}
    for call in range(first, 60, 2):
        failing.at(call)
        try:
            node.call("iam", "CreateUser", {"UserName": f"u{call}"}, keys)
            told[call] = True
        except Refused as refused:
            assert (refused.code, refused.status) == ("ServiceUnavailable", 503)
            told[call] = False
        reached = failing.done()
        other.catch_up(node.now)
        settled = {request_id for request_id, _ in node.store.settle_doubts()}
        there = other.snapshot.users.named(node.account, f"u{call}") is not None
        assert there or not told[call]
        assert there == (told[call] or bool(settled))
        node.call("iam", "CreateUser", {"UserName": f"v{call}"}, keys)
        if not reached:
            break
    assert not reached
    assert told[call]
    assert list(told.values()).count(False) >= 3
    node.close()
    other.close()


class _Failing:
    """Has the k-th wait for the database break the connection."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._left: int | None = None
        right = Bounded.wait

        def wait(connection: Any, *arguments: Any, **named: Any) -> Any:
            if self._left == 0:
                self._left = None
                connection.pgconn.finish()
                raise psycopg.OperationalError("for this test")
            if self._left is not None:
                self._left -= 1
            return right(connection, *arguments, **named)

        patch.setattr(Bounded, "wait", wait)

    def at(self, call: int) -> None:
        self._left = call

    def done(self) -> bool:
        """Whether it came to that."""
        reached, self._left = self._left is None, None
        return reached


# -- the password, and a database that is not there


def test_the_password_stands_nowhere(cluster: Cluster, schema: str, tmp_path: Path) -> None:
    """Real authentication: with the right one it serves, with a wrong one it does not start, and neither is ever shown."""
    right, wrong = "right-canary-7f3a9", "wrong-canary-51c0e"
    hba = cluster.directory / "data" / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text("local all secured scram-sha-256\n" + before)
    cluster.sql(f"CREATE ROLE secured LOGIN PASSWORD '{right}'")
    cluster.sql(f"GRANT ALL ON SCHEMA {schema} TO secured")
    cluster.sql("SELECT pg_reload_conf()")
    url = cluster.url(schema).replace("postgres@", "secured@")
    file = tmp_path / "password"
    file.touch(0o600)
    file.write_text(f"{right}\n")
    with running(tmp_path / "a", "--db", url, "--db-password-file", str(file)) as node:
        keys = operator(node)
        assert iam(node, keys, "CreateUser", UserName="u").send().status == 200
        seen = b"".join(Path(f"/proc/{node.process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    seen += b"".join(path.read_bytes() for path in (tmp_path / "a").rglob("*") if path.is_file())
    seen += node.said().encode()
    file.write_text(f"{wrong}\n")
    with pytest.raises(AssertionError, match="password authentication failed") as refused, running(
        tmp_path / "b", "--db", url, "--db-password-file", str(file)
    ):
        pass
    seen += str(refused.value).encode() + (tmp_path / "b.err").read_bytes()
    assert right.encode() not in seen
    assert wrong.encode() not in seen
    hba.write_text(before)
    cluster.sql("SELECT pg_reload_conf()")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://u:hunter2@127.0.0.1/d", "a password in it"),
        ("postgresql://u@127.0.0.1:1/d", "cannot be opened"),
        ("mysql://u@127.0.0.1/d", "--db wants postgresql"),
    ],
)
def test_a_node_without_its_database_does_not_start_and_says_why(tmp_path: Path, url: str, why: str) -> None:
    done = daypass("up", "--listen", "127.0.0.1:0", "--db", url, data=tmp_path / "a", check=False)
    assert done.returncode == 6
    assert why in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert not (tmp_path / "a" / "database").exists()
