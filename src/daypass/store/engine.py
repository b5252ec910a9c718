"""Open the database: what differs between the kinds of it stands here. Does not know what is stored."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

BUSY_SECONDS = 10  # how long a writer waits for another one

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit is on disk before it is acknowledged (DESIGN §4)
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",  # a schema that was tampered with runs no functions
    "PRAGMA cell_size_check = ON",  # damaged pages are found when read
)


def open_engine(url_or_path: str | Path) -> Engine:
    """An engine for a SQLAlchemy URL, or for the SQLite file at a path, which is made with mode 0600 when it is not there.

    `with engine.begin()` takes the write lock at once; `reader(engine)` gives transactions that do not.
    """
    if "://" in str(url_or_path):
        return create_engine(str(url_or_path))
    path = Path(url_or_path).absolute()
    # SQLite gives the -wal and -shm files beside it the mode of the database file.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def reader(engine: Engine) -> Engine:
    """The same engine for transactions that only read, and so wait for nobody."""
    return engine.execution_options(reads_only=True)


def _connected(connection: Any, record: object) -> None:
    connection.isolation_level = None  # the sqlite3 module shall not begin transactions of its own (SQLAlchemy, "pysqlite" page)
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()


def _begun(connection: Connection) -> None:
    # IMMEDIATE: what a writer read cannot have changed when it writes, and it never fails half-way for want of the lock.
    reads_only = connection.get_execution_options().get("reads_only")
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def insert_or_ignore(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert `rows`, values in the order of the columns, passing over those whose primary key is there.

    The values go to the driver as they are, without SQLAlchemy's conversions: half the time, and text, numbers and bytes need none.
    """
    statement = _insert(connection, table).on_conflict_do_nothing().compile(dialect=connection.dialect)
    names = statement.positiontup
    given = rows if names else [dict(zip(table.columns.keys(), row, strict=True)) for row in rows]
    connection.exec_driver_sql(str(statement), list(given))


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`, or overwrite those whose primary key is there."""
    statement = _insert(connection, table)
    fresh = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=fresh), list(rows))


def _insert(connection: Connection, table: Table) -> Any:
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # a tenth of a second at each start, for those who have it

        return postgresql.insert(table)
    return sqlite.insert(table)


BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL")


def error_name(error: DBAPIError) -> str:
    """What the database calls the error."""
    return getattr(error.orig, "sqlite_errorname", "") or str(error.orig)


def damage_of(connection: Connection) -> list[str]:
    """What the database itself finds damaged in its file."""
    if connection.dialect.name != "sqlite":
        return []
    return [text for (text,) in connection.exec_driver_sql("PRAGMA integrity_check(20)") if text != "ok"]
