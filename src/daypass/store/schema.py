"""Bring a database to this version's schema, or refuse one that is newer. Does not read or write what is in it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from daypass.store.tables import SCHEMA
from daypass.values.errors import ConfigError

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> None:
    """Bring the schema behind `engine` up to `SCHEMA`, in one transaction.

    Raises ConfigError for a database that a newer daypass has written.
    """
    with engine.begin() as connection:
        if _version(connection) != SCHEMA:
            _upgrade(connection)


def _version(connection: Connection) -> str:
    """The revision that the database is at, "" for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version or ""


def _upgrade(connection: Connection) -> None:
    # Alembic is loaded only when there is something to do: it costs a start a tenth of a second and some memory.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    version = _version(connection)
    if version and version not in known:
        raise ConfigError(
            f"The database has schema {version}, which this daypass does not know (it goes up to {SCHEMA}). "
            "It was written by a newer version: run that one. Nothing was changed."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
