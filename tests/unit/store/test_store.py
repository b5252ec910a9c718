"""The store at rest and under faults: no secret in its files, damage stays where it is, what was acknowledged is there."""

from __future__ import annotations

import base64
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.samples import EPOCH, HERE, NOW, THERE, group, key, order, putting, role, seal_key, session, used, user
from daypass.store import Store, StoreFailed, open_store
from daypass.store.keys import FileKey
from daypass.store.records import Record
from daypass.store.tables import TABLES
from daypass.store.usage import Usage, Use
from daypass.values.errors import ConfigError


@pytest.fixture
def open_it(tmp_path: Path) -> Callable[[], Store]:
    return lambda: open_store(tmp_path / "db", FileKey(tmp_path / "key"), NOW)


def _sql(directory: Path, statement: str, *values: str) -> None:
    connection = sqlite3.connect(directory / "db")
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def _filled(open_it: Callable[[], Store], *records: Record) -> None:
    store = open_it()
    store.write(putting(*records))
    store.close()


Logs = pytest.LogCaptureFixture


def _told(caplog: Logs, name: str) -> list[Any]:
    """That field of every line of the log."""
    return [vars(record)[name] for record in caplog.records]


# -- H72: nothing secret at rest


def test_h72_no_secret_stands_in_any_file_in_any_form(open_it: Callable[[], Store], tmp_path: Path) -> None:
    canaries = [f"canary{n:034d}" for n in range(20)]
    store = open_it()
    store.write(putting(*(key(n, user(n), secret=text) for n, text in enumerate(canaries)), *(user(n) for n in range(20)), seal_key(7)))
    ledger = store.secret("ledger").reveal()
    held = [text.encode() for text in canaries] + [bytes([7]) * 32, ledger]
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    store.close()
    files |= {f"{path.name} after": path.read_bytes() for path in tmp_path.iterdir()}
    assert any(key(3).id.encode() in content for content in files.values())  # the search looks where the records are
    for name, content in files.items():
        for secret in held:
            for form in (secret, base64.b64encode(secret), secret.hex().encode()):
                assert form not in content, name


def test_h72_the_database_without_its_key_yields_nothing_and_is_not_overwritten(open_it: Callable[[], Store], tmp_path: Path) -> None:
    _filled(open_it, key(), user(), seal_key())
    before = (tmp_path / "db").read_bytes()
    FileKey(tmp_path / "other").begin()
    (tmp_path / "other").rename(tmp_path / "key")
    with pytest.raises(ConfigError, match=r"does not open this database \(installation [0-9a-f]{32}\): it was made with another root key"):
        open_it()
    (tmp_path / "key").unlink()
    with pytest.raises(ConfigError, match="is missing"):
        open_it()
    assert (tmp_path / "db").read_bytes() == before
    assert not (tmp_path / "key").exists()


def test_h72_swapped_secrets_are_told_of_and_hit_only_their_rows(open_it: Callable[[], Store], tmp_path: Path, caplog: Logs) -> None:
    _filled(open_it, user(), key(1), key(2, slot=2), user(2), key(3, user(2)))
    swap = "UPDATE access_keys SET sealed = (SELECT sealed FROM access_keys WHERE id = ?) WHERE id = ?"
    _sql(tmp_path, swap, key(3).id, key(1).id)
    store = open_it()
    assert store.snapshot.access_keys.find(key(1).id) is None
    assert {one.id for one in store.snapshot.access_keys} == {key(2).id, key(3).id}
    assert (_told(caplog, "levelname"), _told(caplog, "table"), _told(caplog, "id")) == (["ERROR"], ["access_keys"], [key(1).id])
    assert [f"access_keys {key(1).id}:" in text for text in store.damage()] == [True]
    store.close()


def test_h72_a_key_copied_into_another_account_is_not_believed(open_it: Callable[[], Store], tmp_path: Path, caplog: Logs) -> None:
    _filled(open_it, user(), key(1))
    copy = "UPDATE access_keys SET account = ?, body = CAST(replace(CAST(body AS TEXT), ?, ?) AS BLOB)"
    _sql(tmp_path, copy, THERE, HERE, THERE)
    store = open_it()
    assert len(store.snapshot.access_keys) == 0
    assert len(caplog.records) == 1
    store.close()


# -- F-21: damage is isolated and never allows


@pytest.mark.parametrize("record", [user(), role(), group(), key(), seal_key()])
def test_f21_a_damaged_row_is_named_and_the_others_work(open_it: Callable[[], Store], tmp_path: Path, caplog: Logs, record: Record) -> None:
    _filled(open_it, record, role(5), user(5))
    table = TABLES[type(record)].name
    _sql(tmp_path, f"UPDATE {table} SET body = x'00' WHERE id = ?", record.id)
    store = open_it()
    assert store.snapshot.records(type(record)).find(record.id) is None
    assert store.snapshot.roles.find(role(5).id) == role(5)
    assert _told(caplog, "id") == [record.id]
    assert len(store.damage()) == 1
    store.write(putting(user(6)))
    store.close()


def test_f21_a_damaged_order_or_mark_goes_on_ending_and_marking(open_it: Callable[[], Store], tmp_path: Path, caplog: Logs) -> None:
    _filled(open_it, role(), role(2, account=THERE), order("session", session().id.hex()), used())
    _sql(tmp_path, "UPDATE revocations SET body = x'00'")
    _sql(tmp_path, "UPDATE used_tokens SET body = x'00'")
    store = open_it()
    assert store.snapshot.ended(session(1)) is not None
    assert store.snapshot.ended(session(2, issued=EPOCH + 1)) is None  # made after the damage was seen
    assert store.snapshot.ended(session(3, role(2, account=THERE))) is None
    assert store.snapshot.used(used().id)
    assert len(caplog.records) == 2
    store.close()


def test_f21_a_damaged_row_is_not_overwritten_by_one_of_its_name(open_it: Callable[[], Store], tmp_path: Path) -> None:
    _filled(open_it, user(1, name="ann"))
    _sql(tmp_path, "UPDATE users SET body = x'00'")
    store = open_it()
    with pytest.raises(Exception, match="users"):
        store.write(putting(user(2, name="ann")))
    store.close()


def test_f21_a_file_that_is_no_database_is_refused_and_left(open_it: Callable[[], Store], tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"something else entirely" * 100)
    with pytest.raises(ConfigError, match="cannot be opened"):
        open_it()
    assert (tmp_path / "db").read_bytes() == b"something else entirely" * 100


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE data_keys SET wrapped = zeroblob(60)", "data key .* is damaged"),
        ("DELETE FROM data_keys", "no active data key"),
        ("DELETE FROM settings", "no installation id"),
        ("DELETE FROM settings WHERE key = 'root-key-check'", "another root key"),
        ("UPDATE settings SET value = CAST('00' AS BLOB) WHERE key = 'installation'", "another root key"),
    ],
)
def test_f22_damaged_keys_stop_the_start_and_are_not_replaced(
    open_it: Callable[[], Store], tmp_path: Path, statement: str, message: str
) -> None:
    _filled(open_it, user())
    _sql(tmp_path, statement)
    before = _dump(tmp_path)
    with pytest.raises(ConfigError, match=message):
        open_it()
    assert _dump(tmp_path) == before


def _dump(directory: Path) -> list[str]:
    connection = sqlite3.connect(directory / "db")
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


# -- F-05: a failing disk


class _Failing(sqlite3.Connection):
    """A connection whose commits fail as they do when the disk does."""

    error = ""

    def commit(self) -> None:
        if self.error:
            error = sqlite3.OperationalError("disk trouble")
            error.sqlite_errorname = self.error
            raise error
        super().commit()


FAULTS = {"SQLITE_IOERR_FSYNC": False, "SQLITE_IOERR": False, "SQLITE_FULL": True, "SQLITE_BUSY": True}


@pytest.mark.parametrize(("name", "goes_on"), FAULTS.items())
def test_f05_a_failed_commit_is_not_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, goes_on: bool) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3.dbapi2, "connect", lambda *given, **more: connect(*given, **more, factory=_Failing))
    store = open_store(tmp_path / "db", FileKey(tmp_path / "key"), NOW)
    store.write(putting(user(1)))
    monkeypatch.setattr(_Failing, "error", name)
    with pytest.raises(StoreFailed, match=name):
        store.write(putting(user(2)), b"line", "request")
    assert store.snapshot.users.find(user(2).id) is None
    monkeypatch.setattr(_Failing, "error", "")
    if goes_on:
        store.write(putting(user(2)))
        assert not store.failed
    else:  # an fsync that succeeds after one that failed proves nothing
        with pytest.raises(StoreFailed, match="restart"):
            store.write(putting(user(2)))
        assert store.snapshot.users.find(user(1).id) == user(1)  # what was there goes on being verified
    store.close()


def test_uses_of_keys_wait_when_the_database_fails(open_it: Callable[[], Store]) -> None:
    store = open_it()
    store.write(putting(user(), key()))
    store.snapshot.use(key().id, NOW, "iam", "us-east-1")
    store._database.failed = "for this test"
    with pytest.raises(StoreFailed):
        store.flush_usage()
    store._database.failed = ""
    assert store.flush_usage() == 1
    store.close()


def test_uses_of_keys_are_taken_while_nobody_notes_one(open_it: Callable[[], Store], monkeypatch: pytest.MonkeyPatch) -> None:
    store, free = open_it(), []

    def take(usage: Usage) -> list[tuple[str, Use]]:
        lock: Any = store.reading()
        thread = threading.Thread(target=lambda: free.append(lock.acquire(blocking=False)))
        thread.start()
        thread.join()
        return []

    monkeypatch.setattr(Usage, "take_fresh", take)
    store.flush_usage()
    assert free == [False]
    store.close()


# -- F-01: kill -9

_WRITER = """
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from daypass.store import Changes, open_store
from daypass.store.keys import FileKey
from daypass.store.records import Group, User
home, first = Path(sys.argv[1]), int(sys.argv[2])
now = datetime(2026, 3, 1, 12, tzinfo=UTC)
store = open_store(home / "db", FileKey(home / "key"), now)
for n in range(first, first + 100_000):
    changes = Changes()
    changes.put(User(id=f"AIDA{n}", account="111111111111", created=now, name=f"u{n}", groups=(f"AGPA{n}",)))
    changes.put(Group(id=f"AGPA{n}", account="111111111111", created=now, name=f"g{n}"))
    store.write(changes, b"line", f"r{n}")
    print(n, flush=True)
"""


def test_f01_what_was_acknowledged_survives_kill_9_whole(open_it: Callable[[], Store], tmp_path: Path) -> None:
    acknowledged: list[int] = []
    for first in (0, 1_000_000, 2_000_000):
        with subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path), str(first)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(7 + first // 500_000):
                acknowledged.append(int(writer.stdout.readline()))
            writer.kill()
            acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
    store = open_it()
    users = {one.id.removeprefix("AIDA") for one in store.snapshot.users}
    assert {str(n) for n in acknowledged} <= users
    assert len(users) <= len(acknowledged) + 3  # at most the one that was under way each time
    assert users == {one.id.removeprefix("AGPA") for one in store.snapshot.groups}  # nothing half
    assert {f"r{n}" for n in users} == {name for name, _ in store.outbox_lines()}
    assert store.damage() == []
    store.close()


def test_readers_see_all_of_a_change_or_nothing(open_it: Callable[[], Store]) -> None:
    store = open_it()
    seen: list[tuple[int, int]] = []
    plain = store.snapshot.apply

    def watched(*given: Any) -> None:
        import threading

        def look() -> None:
            taken = store.reading().acquire(blocking=False)  # type: ignore[attr-defined]  # it is a lock, typed as a context manager
            seen.append((taken, len(store.snapshot.users)))

        looker = threading.Thread(target=look)
        looker.start()
        looker.join()
        plain(*given)

    store.snapshot.apply = watched  # type: ignore[method-assign]  # watched in place, by this test alone
    store.write(putting(user(1), user(2)))
    assert seen == [(False, 0)]
    with store.reading():
        assert len(store.snapshot.users) == 2
    store.close()
