"""Open a store: the database of whichever kind, its schema, its keys, its snapshot. Does not decide which database (app.py does)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from daypass.store import vault
from daypass.store.changes import StoreFailed, Told, say_nothing
from daypass.store.engine import error_name, open_engine
from daypass.store.keys import RootKey
from daypass.store.schema import migrate
from daypass.store.store import Heard, Store
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret

if TYPE_CHECKING:
    from daypass.store.postgres import Listener


def open_store(
    url_or_path: str | Path,
    root_key: RootKey,
    now: datetime,
    *,
    alone: bool = False,
    node: str = "",
    password: Secret | None = None,
    told: Told = say_nothing,
) -> Store:
    """Open the database (a PostgreSQL URL, or the path of a SQLite file), made and migrated where needed, and load its snapshot.

    `alone` says that the caller holds a lock under which no other process writes to the file (lock.py); `password` is PostgreSQL's.
    `told` is told how far loading is.

    Raises ConfigError: the root key is not the database's, the schema is newer than this daypass, the database is damaged or away.
    """
    engine, listen = engine_of(url_or_path, node, password)
    try:
        migrate(engine)
        opened = vault.open_vault(engine, root_key, now)
        return Store(engine, opened, now, alone=alone, node=node, listen=listen, told=told)
    except (DBAPIError, StoreFailed) as error:
        engine.dispose()
        why = error_name(error) if isinstance(error, DBAPIError) else str(error)
        raise ConfigError(f"The database {url_or_path} cannot be opened: {why}") from error
    except ConfigError:
        engine.dispose()
        raise


def engine_of(url_or_path: str | Path, node: str, password: Secret | None) -> tuple[Engine, Callable[[Heard], Listener] | None]:
    """An engine for a PostgreSQL URL or the path of a SQLite file; for the former also what listens for the changes of other nodes."""
    if "://" not in str(url_or_path):
        return open_engine(url_or_path), None
    from daypass.store import postgres  # a tenth of a second at each start, for those who have it

    engine, connect = postgres.open_postgres(str(url_or_path), password)
    return engine, lambda heard: postgres.Listener(connect, node, heard)
