"""Rewrap: move an installation under another root key, in one transaction, while no node runs. Seals no row again: what is sealed under
data keys stays as it is, and they are wrapped anew.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from daypass.store import vault
from daypass.store.engine import error_name, is_shared, reader
from daypass.store.keys import RootKey
from daypass.store.nodes import get_nodes
from daypass.store.opening import engine_of
from daypass.store.schema import migrate, raise_oldest
from daypass.store.tables import ROTATING
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret


def rewrap(url_or_path: str | Path, current: RootKey, wanted: RootKey, now: datetime, password: Secret | None = None) -> int:
    """Wrap every data key of the database anew, so that `wanted` opens them and `current` does not; gives how many they are.

    Raises ConfigError, and has then changed nothing: a node runs, `current` is not the database's root key, one of them is away.
    """
    engine, _ = engine_of(url_or_path, "", password)
    try:
        migrate(engine)
        with reader(engine).begin() as connection:
            if vault.whose(connection) is None:
                raise ConfigError(f"There is no installation in {url_or_path}: start the server once.")
        opened = vault.open_vault(engine, current, now)
        with engine.execution_options(patient=True).begin() as connection:
            _verify_nobody_runs(connection, now)
            raise_oldest(connection, ROTATING)
            if not is_shared(connection):  # what the old one opens is not to stay in free pages of the file
                connection.exec_driver_sql("PRAGMA secure_delete = ON").close()
            return vault.rewrap(connection, opened, wanted)
    except DBAPIError as error:
        raise ConfigError(f"The database {url_or_path} does not take it: {error_name(error)}. Nothing was changed.") from error
    finally:
        engine.dispose()


def _verify_nobody_runs(connection: Connection, now: datetime) -> None:
    """A node that runs has the old root key at hand, and could read no key that is made later."""
    live = [node.name for node in get_nodes(connection, now) if node.live]
    if live:
        raise ConfigError(f"Nodes run on the database: {', '.join(live)}. Stop them first. Nothing was changed.")
