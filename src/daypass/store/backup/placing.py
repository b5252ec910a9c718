"""Placing: what a restore has built comes into its place, step by step, so that a restore that was broken off is finished or begun anew.

    mark · the state is committed to PostgreSQL · one name after the other goes from the stage to DIR · the stage goes

The mark in the stage tells what is under way, and is written when all that was built is on disk. Whether the commit came about, the
database itself tells: the order that ends all passes has an id that no other restore gives. As long as the stage is there, no server
starts. Does not build anything.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from daypass.store.backup.aftermath import Given
from daypass.store.backup.frames import Manifest
from daypass.store.backup.loading import DATABASE, LEDGER
from daypass.store.durable import sync_directory, write_file
from daypass.store.engine import error_name, reader
from daypass.store.lock import STAGE
from daypass.store.opening import engine_of
from daypass.store.records import Revocation
from daypass.store.schema import version_of
from daypass.store.tables import TABLES
from daypass.store.vault import whose
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

NODE = "node"
NAMED = "database"  # the file in DIR that names a PostgreSQL
BUILT = (DATABASE, LEDGER, NODE, NAMED)
DONE = "restored"  # in DIR: the stage, once all is in place; whoever is killed before it is removed leaves it, and it harms nobody
_MARK = "under-way"  # in the stage


class Target(NamedTuple):
    """Where the installation goes: its directory, and the URL and password of an empty PostgreSQL, or "" for a file in the directory."""

    data: Path
    url: str = ""
    password: Secret | None = None


class Mark(msgspec.Struct, frozen=True):
    """A restore that is under way: to which database, of which backup, the id of its order that ends all passes, and what is to be told."""

    url: str
    manifest: Manifest
    order: str
    told: dict[str, list[Given]]
    later_lines: int
    unknown_nodes: list[str]


def find_sent(target: Target) -> Mark | None:
    """The restore to `target` that was broken off when its state was in the database already. Raises ConfigError: that cannot be asked.

    INVARIANT: raises ConfigError as well when the database holds anything else: it is nobody's to overwrite.
    """
    if not target.url:
        return None
    mark = _read_mark(target.data / STAGE)
    engine, _ = engine_of(target.url, "", target.password)
    try:
        with reader(engine).begin() as connection:
            if not version_of(connection) or whose(connection) is None:
                return None
            orders = TABLES[Revocation]
            if mark is not None and connection.execute(select(orders.c.id).where(orders.c.id == mark.order)).first() is not None:
                return mark
    except DBAPIError as error:
        raise ConfigError(f"The database {target.url} cannot be asked: {error_name(error)}. Nothing was changed.") from error
    finally:
        engine.dispose()
    raise ConfigError(f"{target.url} holds an installation: give an empty database (createdb). Nothing was changed.")


def place(target: Target, mark: Mark) -> None:
    """Bring what is whole in the stage to where it is used."""
    stage = target.data / STAGE
    if target.url:
        (stage / NAMED).write_text(f"{target.url}\n")
    _sync(stage)
    write_file(stage / _MARK, msgspec.msgpack.encode(mark))
    if target.url:
        _send(stage, target, mark.manifest.node)
    finish(target)


def finish(target: Target) -> None:
    """What is left to do when the state is in the database, or needs none: each step may have been done before."""
    stage = target.data / STAGE
    if target.url:  # committed there; this one never serves
        for file in stage.glob(f"{DATABASE}*"):
            file.unlink()
    for name in BUILT:
        if (stage / name).exists():
            (stage / name).rename(target.data / name)
    sync_directory(target.data)
    stage.rename(target.data / DONE)  # at once, whatever is in it
    sync_directory(target.data)
    shutil.rmtree(target.data / DONE)


def clear(data: Path) -> None:
    """Remove what a restore that was broken off left."""
    if (data / STAGE).exists():
        for name in BUILT:
            path = data / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        shutil.rmtree(data / STAGE)


def _read_mark(stage: Path) -> Mark | None:
    """None when the restore had not come so far."""
    try:
        return msgspec.msgpack.decode((stage / _MARK).read_bytes(), type=Mark)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        why = f"{stage / _MARK} cannot be read: {error}"
        raise ConfigError(f"{why}. Give another --data and an empty database. Nothing was changed.") from error


def _send(stage: Path, target: Target, node: str) -> None:
    from daypass.store.moving import move  # PostgreSQL's imports are for those who have it

    if move(stage / DATABASE, target.url, node, target.password).again:
        raise ConfigError(f"{target.url} holds an installation: give an empty database (createdb). Nothing was changed.")


def _sync(stage: Path) -> None:
    for path in sorted(stage.rglob("*")):
        if path.is_dir():
            sync_directory(path)
            continue
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_directory(stage)
