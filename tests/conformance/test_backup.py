"""A backup of any database becomes an installation on any: everything is there, but for what must not come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from conformance.samples import NOW, THERE, account, group, key, managed, order, putting, role, seal_key, session, used, user
from daypass.store import Changes, Store, open_store
from daypass.store.backup import Restored, Source, Target, prove, restore, take
from daypass.store.keys import FileKey
from daypass.store.ledger import Ledger, Reader, verify
from daypass.store.ledger.copying import Copier
from daypass.store.opening import engine_of
from daypass.store.records import AccessKey, Revocation, SealKey
from daypass.store.schema import version_of
from daypass.store.tables import TABLES
from daypass.values.errors import ConfigError
from rig.postgres import Cluster

LATER = NOW + timedelta(hours=2)
NODE = "node-a"
DATABASES = ("postgresql", "sqlite")


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


class Made:
    """An installation with something of everything, and the way to a backup of it."""

    def __init__(self, directory: Path, database: str) -> None:
        self.directory, self.database = directory, database or directory / "daypass.db"
        self.store = open_store(self.database, self.key(), NOW, node=NODE)
        people = [account(), account(THERE), user(groups=(group().id,)), group(), role(), managed(), key(), seal_key(), used()]
        self.store.write(putting(*people, order("session", session(9).id.hex())), b'{"a":1}', "r-1")
        self.store.record_passes([session(number) for number in range(1, 504)], NODE, 2)
        self.ledger = Ledger(directory / "ledger", self.store.secret("ledger"), NODE)
        self.ledger.open(NOW)
        self.ledger.append_sync([b'{"a":1}', b'{"b":2}'])
        self.store.anchor(self.ledger.head, NOW)
        self.store.raise_clock(NOW + timedelta(minutes=3))

    def key(self) -> FileKey:
        return FileKey(self.directory.parent / "root.key")

    def take(self) -> Path:
        source = Source(self.database, None, self.directory / "ledger", NODE)
        file = self.directory.parent / "x.backup"
        taken = take(source, self.key(), file, NOW, quiet)
        assert (taken.size, file.stat().st_mode & 0o777) == (file.stat().st_size, 0o600)
        return file

    def restore(self, data: Path, url: str = "", **more: object) -> tuple[Restored, Store]:
        restored = restore(self.directory.parent / "x.backup", self.key, Target(data, url), LATER, reached=quiet, **more)  # type: ignore[arg-type]  # as given
        return restored, open_store(url or data / "daypass.db", self.key(), LATER, node=NODE)


@pytest.fixture(params=DATABASES)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    (tmp_path / "old").mkdir(mode=0o700)
    cluster: Cluster | None = request.getfixturevalue("cluster") if request.param == "postgresql" else None
    installation = Made(tmp_path / "old", cluster.url(cluster.new_schema()) if cluster else "")
    yield installation
    installation.ledger.close()
    installation.store.close()


@pytest.fixture
def in_place(made: Made, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of the kind that the backup is of; "" for a file."""
    if not made.store.shared:
        return ""
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.url(cluster.new_schema())


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest) -> str:
    """Of an empty database to restore to; "" for a file."""
    if request.param == "sqlite":
        return ""
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.url(cluster.new_schema())


Everything = dict[str, object]


def everything(store: Store) -> Everything:
    left = (SealKey, Revocation, AccessKey)
    found: Everything = {
        table.name: sorted(store.snapshot.records(kind), key=lambda one: one.id) for kind, table in TABLES.items() if kind not in left
    }
    found["passes"] = store.passes(limit=1000)
    found["books"] = (store.shipped_line(NODE), store.secret("ledger"), store.last_shipped())
    return found


def test_everything_comes_back_but_for_what_is_over(made: Made, url: str, tmp_path: Path) -> None:
    if made.store.shared:
        made.store.ship_lines(Copier(made.directory / "ledger", 0, b"").take(2))
    before = everything(made.store)
    made.take()
    restored, store = made.restore(tmp_path / "new", url)
    assert everything(store) == before
    assert store.damage() == []
    assert {one.state for one in store.snapshot.seal_keys} == {"revoked", "active"}
    assert store.snapshot.ended(session(1)) == "all sessions issued before were revoked"
    assert [one.active for one in store.snapshot.access_keys] == [False]
    assert restored.unknown_nodes == [NODE]
    assert store.clock_high_water is not None
    assert store.clock_high_water > LATER
    assert store.position > made.store.position + 10**9  # a node that has seen later changes takes it for what it is
    assert {path.name for path in (tmp_path / "new").iterdir()} >= {"node", "ledger", "database" if url else "daypass.db"}
    store.write(putting(user(7)), b'{"later":1}', "r-2")  # numbers go on
    assert [line for _, line in store.outbox_lines()][-1] == b'{"later":1}'
    report = verify(tmp_path / "new" / "ledger", store.secret("ledger"), NODE, anchored=store.anchored(NODE))
    assert (report.sound, report.last) == (True, 3)
    store.close()


def test_a_node_that_has_seen_more_takes_the_restored_state(made: Made, in_place: str, tmp_path: Path) -> None:
    """Its database was replaced under it by one that is older: it loads everything anew, and does not go on from its own."""
    if not in_place:
        return  # a file has no other nodes
    made.take()
    made.store.write(putting(user(8)))
    made.restore(tmp_path / "new", in_place)[1].close()
    other = open_store(in_place, made.key(), LATER, node="node-b")
    mine, made.store._database, made.store._vault = made.store._database, other._database, other._vault
    made.store.catch_up(LATER)
    assert made.store.snapshot.users.find(user(8).id) is None
    assert made.store.snapshot.ended(session(1))
    made.store._database = mine
    other.close()


def test_it_is_proven_by_restoring_it_aside(made: Made) -> None:
    restored = prove(made.take(), made.key, LATER, quiet)
    assert restored.manifest.rows["passes"] == 503
    assert restored.manifest.points[NODE].seq == 2


def test_several_data_keys_are_in_it(made: Made, tmp_path: Path) -> None:
    rotation = made.store.rotation
    fresh = rotation.prepare(NOW)
    changes = Changes()
    rotation.begin(changes, fresh)
    made.store.write(changes)
    made.take()
    _, store = made.restore(tmp_path / "new")
    assert len(store.rotation.data_keys) == 2
    assert store.damage() == []
    store.close()


def test_the_lines_of_an_old_ledger_end_what_they_tell_of(made: Made, in_place: str, tmp_path: Path) -> None:
    made.take()
    (made.directory / "node").write_text(NODE)
    gone = (
        b'{"eventVersion":"1.11","userIdentity":{"type":"IAMUser"},"eventTime":"2026-03-01T12:30:00Z","eventSource":"iam.amazonaws.com",'
        b'"eventName":"UpdateAccessKey","awsRegion":"","sourceIPAddress":"","userAgent":"","requestID":"","eventID":"","readOnly":false,'
        b'"recipientAccountId":"111111111111","requestParameters":{"AccessKeyId":"%b","Status":"Inactive"},"daypass":{"status":200}}'
    )
    made.ledger.append_sync([gone % key().id.encode()])
    restored, store = made.restore(tmp_path / "new", in_place, old=[made.directory])
    assert (restored.later_lines, restored.unknown_nodes) == (1, [])
    assert [one.active for one in store.snapshot.access_keys] == [False]
    assert [one.name for one in restored.aftermath.ended] == [key().id]
    report = verify(tmp_path / "new" / "ledger", store.secret("ledger"), NODE, anchored=store.anchored(NODE))
    assert (report.sound, report.last) == (True, 4)
    last = list(Reader(tmp_path / "new" / "ledger").read())[-1].entry
    assert last is not None
    assert last.daypass.restored is not None
    assert (last.daypass.restored.headLine, last.daypass.restored.laterLines, last.daypass.restored.taken) == (2, 1, NOW)
    store.close()


def test_a_ledger_of_another_story_is_refused(made: Made, tmp_path: Path) -> None:
    made.take()
    (made.directory / "node").write_text(NODE)
    path = next((made.directory / "ledger").iterdir())
    path.write_bytes(path.read_bytes().replace(b'"b":2', b'"b":3'))
    with pytest.raises(ConfigError, match="not intact"):
        made.restore(tmp_path / "new", old=[made.directory])
    assert {one.name for one in (tmp_path / "new").iterdir()} == {"lock"}
    made.restore(tmp_path / "new")[1].close()  # without it all is well


def test_what_holds_something_is_left_alone(made: Made, in_place: str, tmp_path: Path) -> None:
    made.take()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").write_text("x")
    with pytest.raises(ConfigError, match="empty directory"):
        made.restore(tmp_path / "full", in_place)
    with pytest.raises(ConfigError, match="holds"):
        made.restore(made.directory)
    made.restore(tmp_path / "new", in_place)[1].close()
    if in_place:
        with pytest.raises(ConfigError, match="empty database"):
            made.restore(tmp_path / "newer", in_place)
    assert sorted(path.name for path in (tmp_path / "full").iterdir()) == ["precious"]


def test_what_is_restored_holds_no_password_of_the_database(made: Made, tmp_path: Path, cluster: Cluster) -> None:
    made.take()
    target = cluster.url(cluster.new_schema())
    made.restore(tmp_path / "new", target)[1].close()
    assert make_url((tmp_path / "new" / "database").read_text().strip()).password is None


Cut = Callable[[bytes], bytes]
DAMAGES: dict[str, Cut] = {
    "cut": lambda raw: raw[: len(raw) // 2],
    "bit": lambda raw: raw[:-100] + bytes([raw[-100] ^ 4]) + raw[-99:],
    "longer": lambda raw: raw + b"\0" * 20,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_F28_a_damaged_one_is_refused_before_anything_is_touched(made: Made, in_place: str, tmp_path: Path, damage: str) -> None:
    file = made.take()
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    with pytest.raises(ConfigError, match="damaged"):
        made.restore(tmp_path / "new", in_place)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["lock"]
    if in_place:
        engine, _ = engine_of(in_place, "", None)
        with engine.connect() as connection:
            assert version_of(connection) == ""
        engine.dispose()
