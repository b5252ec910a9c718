"""The database file: private, durable, one writer at a time."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from daypass.store import engine as module
from daypass.store.engine import open_engine, reader


def test_the_files_are_private(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
        assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {
            "db": 0o600, "db-wal": 0o600, "db-shm": 0o600,
        }  # fmt: skip
    engine.dispose()


@pytest.mark.parametrize(("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("trusted_schema", 0)])
def test_every_connection_is_set_up(tmp_path: Path, pragma: str, value: object) -> None:
    engine = open_engine(tmp_path / "db")
    with engine.begin() as first, reader(engine).begin() as second:
        for connection in (first, second):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    engine.dispose()


def test_a_writer_holds_the_lock_from_its_beginning_and_readers_wait_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0)
    engine, other = open_engine(tmp_path / "db"), open_engine(tmp_path / "db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
    with engine.begin():
        with pytest.raises(OperationalError, match="locked"), other.begin():
            pass
        with reader(other).begin() as reading:
            assert reading.execute(text("SELECT count(*) FROM t")).scalar() == 0
    with other.begin():
        pass
    engine.dispose()
    other.dispose()


def test_damaged_pages_are_named(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x TEXT UNIQUE)"))
        connection.execute(text("INSERT INTO t VALUES ('aaaa'), ('bbbb')"))
    with engine.connect() as connection:
        assert module.damage_of(connection) == []
    engine.dispose()
    path = tmp_path / "db"
    path.write_bytes(path.read_bytes().replace(b"bbbb", b"bbbc", 1))
    engine = open_engine(path)
    with engine.connect() as connection:
        assert module.damage_of(connection) != []
    engine.dispose()
