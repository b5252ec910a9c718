"""Move a state from its SQLite file into PostgreSQL, whole, while no server runs on it. Ends no session: keys, passes and orders go along.

What is sealed stays sealed as it is: it is bound to the installation, not to the kind of database.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Table, func, insert, select
from sqlalchemy.exc import DBAPIError

from daypass.store.engine import error_name, open_engine, reader
from daypass.store.postgres import open_postgres
from daypass.store.schema import OLDEST_SETTING, migrate, raise_oldest
from daypass.store.tables import changes, ledger_lines, metadata, nodes, outbox, schema_version, settings
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

_AT_ONCE = 1000  # rows
_LEFT = frozenset({schema_version.name, changes.name, nodes.name})  # what the new database begins anew
_COUNTED = (changes.c.seq, ledger_lines.c.arrival)  # columns that PostgreSQL counts: it goes on from what was copied


class Moved(NamedTuple):
    """How many rows of each table were moved; `again`: they were there from a move before."""

    rows: dict[str, int]
    again: bool


def move(file: Path, url: str, node: str, password: Secret | None = None) -> Moved:
    """Copy everything in the SQLite `file` into the empty database at `url`, in one transaction; the file stays as it is.

    `node` is the one that worked on the file: its clock mark goes along under its name. Moving the same again changes nothing and succeeds.
    Raises ConfigError, and has then written nothing: the database holds something else, or cannot be reached.
    """
    source = open_engine(file)
    target, _ = open_postgres(url, password)
    try:
        migrate(source)
        migrate(target)
        with reader(source).begin() as old, target.execution_options(patient=True).begin() as new:
            return _move(old, new, node)
    except DBAPIError as error:
        raise ConfigError(f"The database cannot be moved to {url}: {error_name(error)}. Nothing was changed.") from error
    finally:
        _let_go(source, target)


def _let_go(*engines: Engine) -> None:
    for engine in engines:
        engine.dispose()


def _move(old: Connection, new: Connection, node: str) -> Moved:
    tables = [table for table in metadata.sorted_tables if table.name not in _LEFT]
    there = _counts(new, tables)
    if any(count for name, count in there.items() if name != settings.name):  # a new database has a setting: its schema's
        if _installation(old) != _installation(new):
            raise ConfigError("The database holds another installation: give an empty one. Nothing was changed.")
        if there != _counts(old, tables):
            raise ConfigError("The database was moved there before and has gone on since: start with --db. Nothing was changed.")
        return Moved(there, again=True)
    for table in tables:
        _copy(old, new, table, node)
    _go_on(old, new)
    moved = _counts(new, tables)
    if moved != _counts(old, tables):
        raise ConfigError("The copy is not whole. Nothing was changed.")
    return Moved(moved, again=False)


def _copy(old: Connection, new: Connection, table: Table, node: str) -> None:
    columns = [column for column in table.columns if table is not outbox or column.name != "seq"]  # its numbers are given anew
    query = select(*columns).order_by(*table.primary_key)
    if table is settings:
        query = query.where(settings.c.key != OLDEST_SETTING)
    rows = old.execute(query).mappings()
    while batch := rows.fetchmany(_AT_ONCE):
        new.execute(insert(table), [_row(table, dict(row), node) for row in batch])


def _go_on(old: Connection, new: Connection) -> None:
    """INVARIANT: no number of a change is given twice, so that a node never takes a new state for one that it knows; and no daypass may
    work on the copy that may not on the original."""
    oldest: bytes | None = old.execute(select(settings.c.value).where(settings.c.key == OLDEST_SETTING)).scalar()
    raise_oldest(new, (oldest or b"").decode())
    last = old.execute(select(changes).order_by(changes.c.seq.desc()).limit(1)).mappings().first()
    if last is not None:
        new.execute(insert(changes), [dict(last)])
    for column in _COUNTED:
        last_number = new.execute(select(func.max(column))).scalar()
        if last_number is not None:
            new.execute(select(func.setval(func.pg_get_serial_sequence(column.table.name, column.name), last_number)))


def _row(table: Table, row: dict[str, Any], node: str) -> dict[str, Any]:
    if table is settings and row["key"] == "clock":
        row["key"] = f"clock/{node}"
    if table is outbox:
        row["node"] = node
    return row


def _counts(connection: Connection, tables: list[Table]) -> dict[str, int]:
    return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}


def _installation(connection: Connection) -> object:
    return connection.execute(select(settings.c.value).where(settings.c.key == "installation")).scalar()
