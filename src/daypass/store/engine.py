"""Open the database: what differs between the kinds of it stands here and in postgres.py. Does not know what is stored."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

BUSY_SECONDS = 10  # how long a writer waits for another one

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit is on disk before it is acknowledged (DESIGN §4)
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",  # a schema that was tampered with runs no functions
    "PRAGMA cell_size_check = ON",  # damaged pages are found when read
)


def open_engine(path: str | Path) -> Engine:
    """An engine for the SQLite file at a path, which is made with mode 0600 when it is not there. (PostgreSQL's is in postgres.py.)

    `with engine.begin()` takes the write lock at once; `reader(engine)` gives transactions that do not.
    """
    path = Path(path).absolute()
    # SQLite gives the -wal and -shm files beside it the mode of the database file.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def files_of(url_or_path: str | Path) -> list[Path]:
    """The files that an open SQLite database is in, as far as there are any: without one of them it is lost, or torn."""
    if "://" in str(url_or_path):
        return []
    path = Path(url_or_path).absolute()
    real = path.resolve()  # beside which SQLite puts the others
    return [one for one in (path, *(real.with_name(real.name + suffix) for suffix in ("-wal", "-shm"))) if one.exists()]


def is_shared(engine: Engine | Connection) -> bool:
    """Whether several nodes may use the database at once: PostgreSQL."""
    return engine.dialect.name == "postgresql"


def reader(engine: Engine) -> Engine:
    """The same engine for transactions that only read, each from one state, and so wait for nobody."""
    if is_shared(engine):
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True, lock="")
    return engine.execution_options(reads_only=True)


def locking(engine: Engine, lock: str) -> Engine:
    """The same engine for transactions that write what only this node writes (`lock` is ""), or under another lock than the state's.

    On SQLite they take its one lock as all do.
    """
    return engine.execution_options(lock=lock)


def _connected(connection: Any, record: object) -> None:
    # Bytes that are no UTF-8 where text should be spoil their own row (rows.py), not the reading of all (fault F-21).
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
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


def plain(text: str) -> str:
    """Text that every kind of database takes: what a claim may hold and a column may not (NUL, lone surrogates) is replaced."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def insert_ignoring(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], unique: Sequence[str]) -> None:
    """Insert `rows`, passing over those whose `unique` columns are there."""
    connection.execute(_insert(connection, table).on_conflict_do_nothing(index_elements=list(unique)), list(rows))


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, unless_later: str = "") -> None:
    """Insert `rows`, or overwrite those whose primary key is there (but for such as have a greater value in the column `unless_later`)."""
    statement = _insert(connection, table)
    fresh = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    where = table.c[unless_later] <= statement.excluded[unless_later] if unless_later else None
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=fresh, where=where), list(rows))


def _insert(connection: Connection, table: Table) -> Any:
    if is_shared(connection):
        from sqlalchemy.dialects import postgresql  # a tenth of a second at each start, for those who have it

        return postgresql.insert(table)
    return sqlite.insert(table)


# What leaves the transaction undone for certain, and the database as sound as it was.
UNDONE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL")
# SQLSTATE classes and codes by which PostgreSQL says that it is not there for us now: connection, resources, operator, cancelled in time.
_AWAY = ("08", "53", "57", "55P03")


_REMEDIES = (  # by what libpq or PostgreSQL says
    ("certificate verify failed", "no CA that is trusted made its certificate: name the right one in --db, …?sslrootcert=FILE"),
    (
        "does not match host name",
        "use the name of its certificate in --db; hostaddr=ADDRESS beside it where no DNS knows the name",
    ),
    ("root certificate file", "name the file of its CA in --db, …?sslrootcert=FILE"),
    ("server does not support SSL", "have it speak TLS: ssl = on in its postgresql.conf, with ssl_cert_file and ssl_key_file"),
    ("no password supplied", "give --db-password-file FILE"),
    ("password authentication failed", "give the right one: --db-password-file FILE"),
    ("valid client certificate", "name one in --db, …?sslcert=FILE&sslkey=FILE"),
)


def error_name(error: SQLAlchemyError) -> str:
    """What the database calls the error, and what to do where it is the way to it that is wrong."""
    orig = getattr(error, "orig", None)
    name = getattr(orig, "sqlite_errorname", "") or getattr(orig, "sqlstate", "") or ""
    if name.startswith("SQLITE"):
        return name
    said = str(orig or error)
    remedy = next((f" ({mend})" for sign, mend in _REMEDIES if sign in said), "")
    return f"{name} {said.partition(chr(10))[0]}{remedy}".strip()


def is_away(error: SQLAlchemyError) -> bool:
    """Whether PostgreSQL cannot be reached or asked now, so that asking it again at once is in vain."""
    if not isinstance(error, DBAPIError):
        return True  # no connection of the pool is free
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated or state is None or state.startswith(_AWAY)


def damage_of(connection: Connection) -> list[str]:
    """What the database itself finds damaged in its file."""
    if connection.dialect.name != "sqlite":
        return []
    return [text for (text,) in connection.exec_driver_sql("PRAGMA integrity_check(20)") if text != "ok"]


def product_of(connection: Connection) -> str:
    """What the database is, with its version, as "PostgreSQL 15.14"."""
    version = connection.dialect.server_version_info or ()
    if is_shared(connection) and len(version) > 1:  # PostgreSQL's two numbers, from version 10 on
        version = version[:2]
    return " ".join(["PostgreSQL" if is_shared(connection) else "SQLite", ".".join(map(str, version))])


def in_use(engine: Engine) -> tuple[int, int]:
    """How many connections of the pool are in use, and how many there may be."""
    pool = engine.pool
    return (pool.checkedout(), pool.size()) if isinstance(pool, QueuePool) else (0, 0)
