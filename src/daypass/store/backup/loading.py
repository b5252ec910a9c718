"""Load a backup into a new directory: its rows into a SQLite file, its ledger into files, all of it looked at. Does not put it into use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from daypass.store.backup.frames import End, Manifest, Piece, Rows, read
from daypass.store.engine import error_name, open_engine
from daypass.store.keys import RootKey
from daypass.store.schema import OLDEST_SETTING, create_at, migrate, raise_oldest
from daypass.store.tables import changes, metadata, settings
from daypass.values.errors import ConfigError

DATABASE = "daypass.db"
LEDGER = "ledger"
# Between the last change of a backup and the first one after a restore. Nodes that have seen later changes than the backup has find their
# own place forgotten, and load everything anew (fault F-09).
LEAP = 10**12
CLOCK = "clock"


def load(file: Path, root_key: RootKey, manifest: Manifest, directory: Path, reached: Callable[[int], None]) -> None:
    """Write what the backup `file` holds into the empty `directory`: a database at this version's schema, and the ledger's files.

    Raises ConfigError: not all of it is as it was counted.
    """
    (directory / LEDGER).mkdir(mode=0o700)
    os.close(os.open(directory / DATABASE, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    engine = open_engine(directory / DATABASE)
    try:
        create_at(engine, manifest.schema)
        with engine.begin() as connection:
            for frame in read(file, root_key, reached):
                match frame:
                    case Rows():
                        _insert(connection, frame)
                    case Piece():
                        _append(directory / LEDGER / frame.name, frame.data)
                    case Manifest() | End():
                        pass  # checked before, and again by the reading
            _verify_counts(connection, manifest)
            _go_on(connection, manifest)
        migrate(engine)
    except DBAPIError as error:
        raise ConfigError(f"The backup cannot be loaded: {error_name(error)}. Nothing was changed.") from error
    finally:
        engine.dispose()


def _insert(connection: Connection, frame: Rows) -> None:
    if frame.table not in metadata.tables:
        raise ConfigError(f"The backup has a table {frame.table} that this daypass does not know. Nothing was changed.")
    table = sqlalchemy.table(frame.table, *map(sqlalchemy.column, frame.columns))
    rows = [dict(zip(frame.columns, row, strict=True)) for row in frame.rows]
    if frame.table == settings.name:  # the new database has one already
        for oldest in (row["value"].decode() for row in rows if row["key"] == OLDEST_SETTING):
            raise_oldest(connection, oldest)
        rows = [row for row in rows if row["key"] != OLDEST_SETTING]
    if rows:
        connection.execute(sqlalchemy.insert(table), rows)


def _append(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def _go_on(connection: Connection, manifest: Manifest) -> None:
    """Numbers of changes go on from beyond all that nodes can have seen; the clock from the latest that any node had seen."""
    connection.execute(changes.insert().values(seq=manifest.position + LEAP, kind="restored", id=manifest.node, operation="put"))
    own = f"{CLOCK}/{manifest.node}"
    marks = [row.value for row in connection.execute(select(settings.c.value).where(settings.c.key.like(f"{CLOCK}%")))]
    if marks:
        latest = max(map(int, marks))
        connection.execute(settings.delete().where(settings.c.key.in_((CLOCK, own))))
        connection.execute(settings.insert().values(key=CLOCK, value=b"%d" % latest))


def _verify_counts(connection: Connection, manifest: Manifest) -> None:
    for name, told in manifest.rows.items():
        rows = connection.execute(select(func.count()).select_from(sqlalchemy.table(name))).scalar_one()
        if rows != told:
            raise ConfigError(f"The table {name} has {rows} of {told} rows. Nothing was changed.")
