"""Bring a database to this version's schema, or refuse one that is newer. Does not read or write what is in it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, insert, inspect, select

from daypass.store.tables import SCHEMA, metadata, schema_version
from daypass.values.errors import ConfigError

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: Engine) -> None:
    """Bring the schema behind `engine` up to `SCHEMA`, in one transaction.

    A database without a version gets the tables as they are now; only an older one takes the way through the migrations, which lead to the
    same (a test holds the two against each other). Raises ConfigError for a database that a newer daypass has written.
    """
    with engine.execution_options(patient=True).begin() as connection:  # one node migrates at a time, the others wait for it
        version = _version(connection)
        if not version:
            _create(connection)
        elif version != SCHEMA:
            upgrade(connection)


def upgrade(connection: Connection) -> None:
    """Run the migrations that this database has not seen. Raises ConfigError when it is at a revision that is none of ours."""
    # Alembic is loaded only when there is something to migrate: it costs a start half a second and 14 MiB.
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


def _version(connection: Connection) -> str:
    """The revision that the database is at, "" for an empty one."""
    if not inspect(connection).has_table(schema_version.name):
        return ""
    version: str | None = connection.execute(select(schema_version.c.version_num)).scalar()
    return version or ""


def _create(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)  # a table of ours that is there already is not to be taken for ours
    connection.execute(insert(schema_version).values(version_num=SCHEMA))
