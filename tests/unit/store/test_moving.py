"""From a SQLite file into PostgreSQL: everything, once, into an empty database only."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.samples import ALLOW, NOW, group, key, managed, order, putting, role, seal_key, session, used, user
from daypass.store import Store, open_store
from daypass.store.keys import FileKey
from daypass.store.ledger import Head
from daypass.store.moving import move
from daypass.store.tables import TABLES
from daypass.values.errors import ConfigError
from daypass.values.session import Origin
from rig.postgres import Cluster


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """The path of a file with something of everything; its key is beside it."""
    store = open_store(tmp_path / "daypass.db", FileKey(tmp_path / "key"), NOW, node="n")
    people = [user(groups=(group().id,)), group(), role(), managed(document=ALLOW), key()]
    store.write(putting(*people, seal_key(), used(), order("principal", role().id)), b"{line}", "r-1")
    store.record_passes([session(n, origin=Origin("oidc", "issuer", f"sub\0ject {n}", "app", "jti")) for n in range(1, 1203)], "n", 7)
    store.snapshot.use(key().id, NOW, "sts", "us-east-1")
    store.flush_usage()
    store.anchor(Head("n", 7, b"7" * 32), NOW)
    store.raise_clock(NOW)
    store.secret("ledger")
    store.close()
    return tmp_path / "daypass.db"


def everything(store: Store) -> dict[str, object]:
    found: dict[str, object] = {table.name: sorted(store.snapshot.records(kind), key=lambda one: one.id) for kind, table in TABLES.items()}
    found["passes"] = [store.passes(limit=1000), store.passes(limit=1000, after=(session(500).issued, session(500).id))]
    found["books"] = (store.outbox_lines(), store.anchored("n"), store.clock_high_water, store.shipped_line("n"), store.secret("ledger"))
    found["use"] = store.snapshot.last_used(key().id)
    return found


def test_everything_goes_along_and_what_is_sealed_opens(filled: Path, cluster: Cluster, tmp_path: Path) -> None:
    url = cluster.url(cluster.new_schema())
    moved = move(filled, url, "n")
    assert not moved.again
    assert (moved.rows["passes"], moved.rows["users"], moved.rows["outbox"]) == (1202, 1, 1)
    before = open_store(filled, FileKey(tmp_path / "key"), NOW, node="n")
    after = open_store(url, FileKey(tmp_path / "key"), NOW, node="n")
    assert everything(after) == everything(before)
    assert after.damage() == []
    after.write(putting(user(2)), b"{later}", "r-2")  # numbers go on
    assert [line for _, line in after.outbox_lines()] == [b"{line}", b"{later}"]
    before.close()
    after.close()


def test_moving_again_changes_nothing(filled: Path, cluster: Cluster) -> None:
    url = cluster.url(cluster.new_schema())
    first = move(filled, url, "n")
    assert move(filled, url, "n") == first._replace(again=True)


def test_a_database_that_has_gone_on_is_left_alone(filled: Path, cluster: Cluster, tmp_path: Path) -> None:
    url = cluster.url(cluster.new_schema())
    move(filled, url, "n")
    store = open_store(url, FileKey(tmp_path / "key"), NOW, node="n")
    store.write(putting(user(2)))
    store.close()
    with pytest.raises(ConfigError, match="has gone on since"):
        move(filled, url, "n")


def test_another_installations_database_is_left_alone(filled: Path, cluster: Cluster, tmp_path: Path) -> None:
    schema = cluster.new_schema()
    open_store(cluster.url(schema), FileKey(tmp_path / "other"), NOW).close()
    with pytest.raises(ConfigError, match="another installation"):
        move(filled, cluster.url(schema), "n")
    assert cluster.sql("SELECT count(*) FROM users", schema) == ["0"]


def test_a_move_that_breaks_leaves_an_empty_database(filled: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = cluster.new_schema()
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr("daypass.store.moving._counts", _failing_later())
        move(filled, cluster.url(schema), "n")
    assert cluster.sql("SELECT count(*) FROM passes", schema) == ["0"]
    assert not move(filled, cluster.url(schema), "n").again


def _failing_later() -> object:
    calls = []

    def counts(*_: object) -> dict[str, int]:
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError
        return {}

    return counts


def test_a_database_that_is_away_is_said_to_be(filled: Path) -> None:
    with pytest.raises(ConfigError, match="Nothing was changed"):
        move(filled, "postgresql://u@127.0.0.1:1/d", "n")
