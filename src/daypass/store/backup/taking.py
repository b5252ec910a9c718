"""Take a backup while the installation goes on: one reading transaction for the database, then the ledger's files as far as they are whole.

Does not speak to the server and does not stop it: SQLite's WAL and PostgreSQL's REPEATABLE READ both show one state to a reader whom
nobody waits for. The root key is not part of it.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sqlalchemy import Connection, Engine, Table, func, select
from sqlalchemy.exc import DBAPIError

import daypass
from daypass.store import feed, shipped, vault
from daypass.store.backup.frames import PIECE, End, Manifest, Piece, Point, Rows, encode
from daypass.store.backup.sealed import Writer, is_backup
from daypass.store.durable import sync_directory
from daypass.store.engine import error_name, reader
from daypass.store.keys import RootKey
from daypass.store.ledger.chain import GENESIS
from daypass.store.ledger.opening import last_link
from daypass.store.ledger.segments import segment_numbers, segment_path
from daypass.store.opening import engine_of
from daypass.store.schema import version_of
from daypass.store.tables import SCHEMA, changes, metadata, nodes, schema_version
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

ROWS_AT_ONCE = 500
LEFT = frozenset({schema_version.name, changes.name, nodes.name})  # what a restored database begins anew
Reached = Callable[[int, int], None]  # how many steps are done, of how many


class Source(NamedTuple):
    """What is backed up: the database and its password, the ledger's directory, the node that writes it."""

    database: str | Path
    password: Secret | None
    ledger: Path
    node: str


class Taken(NamedTuple):
    """A backup that was taken: what it says of itself, and its size in bytes."""

    manifest: Manifest
    size: int


def take(source: Source, root_key: RootKey, file: Path, now: datetime, reached: Reached) -> Taken:
    """Write a backup of `source` to `file`, under its name only when it is whole and durable: after a crash there is the old file or none.

    Raises ConfigError: the root key is not the database's, it cannot be read, or `file` is something else than a backup.
    """
    engine, _ = engine_of(source.database, source.node, source.password)
    try:
        with _put_in_place(file) as out:
            # INVARIANT: the point comes before the database is looked at. A change is committed before its line is written, so the
            # database of the backup has what every line up to the point tells of.
            own = _point(source.ledger)
            installation, parameters = _verify(engine, root_key, now)
            writer = Writer(out, installation, parameters, root_key)
            with reader(engine).execution_options(patient=True).begin() as connection:
                manifest = _manifest(connection, installation, source.node, own, now)
                writer.write(encode(manifest))
                rows = _write_rows(connection, writer, manifest, reached)
            sizes = _write_ledger(source.ledger, writer)
            writer.write(encode(End(dict(rows), sizes)), last=True)
        return Taken(manifest, file.stat().st_size)
    except DBAPIError as error:
        raise ConfigError(f"The database {source.database} cannot be read: {error_name(error)}") from error
    except OSError as error:
        raise ConfigError(f"The backup {file} cannot be written: {error.strerror}") from error
    finally:
        engine.dispose()


def verify_name(file: Path) -> None:
    """Raises ConfigError when a backup cannot be written to `file`: something else is there, or its folder is not."""
    try:
        if file.exists() and not is_backup(file):
            raise ConfigError(f"{file} is there and is no backup: give another name.")
        if not file.absolute().parent.is_dir():
            raise ConfigError(f"The backup {file} cannot be written: there is no folder {file.absolute().parent}")
    except OSError as error:
        raise ConfigError(f"The backup {file} cannot be written: {error.strerror}") from error


@contextmanager
def _put_in_place(file: Path) -> Iterator[BinaryIO]:
    """A file to write to that becomes `file`, mode 0600, when all went well. What a killed one left is used again."""
    verify_name(file)
    draft = file.with_name(f"{file.name}.partial")
    with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "wb") as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"Another backup is being written to {file}: wait for it.") from None
        try:
            os.fchmod(out.fileno(), 0o600)
            out.truncate(0)
            yield out
            out.flush()
            os.fsync(out.fileno())
            draft.replace(file)
            sync_directory(file.absolute().parent)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise


def _point(ledger: Path) -> Point:
    link = last_link(ledger) if ledger.is_dir() else None
    return Point(0, GENESIS) if link is None else Point(link.seq, link.mac)


def _verify(engine: Engine, root_key: RootKey, now: datetime) -> tuple[str, bytes]:
    """(1) this version's schema, (2) an installation, (3) the right root key; gives its id and the key's parameters. Raises ConfigError."""
    whose = verify_source(engine)
    vault.open_vault(engine, root_key, now)
    return whose


def verify_source(engine: Engine) -> tuple[str, bytes]:
    """(1) and (2) of the above."""
    with reader(engine).begin() as connection:
        found = version_of(connection)
        if found and found != SCHEMA:
            raise ConfigError(f"The database has schema {found}, this daypass works with {SCHEMA}: use the version that runs.")
        whose = vault.whose(connection) if found else None
    if whose is None:
        raise ConfigError("The database is empty: start the server once.")
    return whose


def _manifest(connection: Connection, installation: str, node: str, own: Point, now: datetime) -> Manifest:
    points = {name: Point(*mark) for name in shipped.marks(connection) if (mark := shipped.last_copy(connection, name))[0]}
    return Manifest(
        version=daypass.__version__,
        installation=installation,
        schema=SCHEMA,
        taken=now.replace(microsecond=0),
        node=node,
        position=feed.newest(connection),
        points=points | {node: own},
        rows={str(table.name): connection.execute(select(func.count()).select_from(table)).scalar_one() for table in _tables()},
    )


def _tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if table.name not in LEFT]


def _write_rows(connection: Connection, writer: Writer, manifest: Manifest, reached: Reached) -> Counter[str]:
    done: Counter[str] = Counter()
    total = sum(manifest.rows.values())
    for table in _tables():
        query = select(table).order_by(*table.primary_key).execution_options(yield_per=ROWS_AT_ONCE)
        for batch in connection.execute(query).partitions():
            writer.write(encode(Rows(str(table.name), tuple(map(str, table.columns.keys())), [tuple(row) for row in batch])))
            done[str(table.name)] += len(batch)
            reached(done.total(), total)
    return done


def _write_ledger(directory: Path, writer: Writer) -> dict[str, int]:
    """Every segment, the last one up to its last whole line: what is behind it is being written."""
    sizes: dict[str, int] = {}
    with ExitStack() as stack:
        files: list[tuple[str, BinaryIO]] = []
        for number in segment_numbers(directory) if directory.is_dir() else ():
            path = segment_path(directory, number)
            with suppress(FileNotFoundError):  # retention took it meanwhile, and all before it
                files.append((path.name, stack.enter_context(path.open("rb"))))
        for name, file in files:
            rest, sizes[name] = b"", 0
            left = os.fstat(file.fileno()).st_size  # what comes from here on is of later
            while chunk := file.read(min(PIECE, left)):
                left -= len(chunk)
                whole, newline, rest = (rest + chunk).rpartition(b"\n")
                if newline:
                    writer.write(encode(Piece(name, whole + newline)))
                    sizes[name] += len(whole) + 1
    return sizes
