"""Bring a database to this version's schema, or refuse one that is newer. Does not read or write what is in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, inspect, select

from daypass.store.engine import upsert
from daypass.store.nodes import get_nodes
from daypass.store.tables import OLDEST, SCHEMA, metadata, nodes, schema_version, settings
from daypass.values.errors import ConfigError

MIGRATIONS = Path(__file__).parent / "migrations"
OLDEST_SETTING = "oldest-schema"


def migrate(engine: Engine) -> None:
    """Bring the schema behind `engine` up to `SCHEMA`, in one transaction.

    A database without a version gets the tables as they are now; only an older one takes the way through the migrations, which lead to the
    same (a test holds the two against each other). One that a newer daypass has taken further is worked on as it is, where that one says
    that this one may (fault F-24: expand first, contract when nobody needs it any more). Raises ConfigError where it may not.
    """
    with engine.execution_options(patient=True).begin() as connection:  # one node migrates at a time, the others wait for it
        version = version_of(connection)
        if not version:
            _create(connection)
        elif version > SCHEMA:
            verify_known(connection)
        elif version != SCHEMA:
            upgrade(connection)


def verify_known(connection: Connection) -> None:
    """Raises ConfigError when the database was taken to a schema that this daypass cannot work on."""
    oldest = _oldest(connection)
    if oldest > SCHEMA:
        raise ConfigError(
            f"The database has schema {version_of(connection)}, which this daypass does not know (it goes up to {SCHEMA}). "
            "It was written by a newer version: run that one. Nothing was changed."
        )


def create_at(engine: Engine, version: str) -> None:
    """Make the tables of an empty database as they were at `version`, this one's or an earlier. Raises ConfigError for a later one."""
    if version > SCHEMA:
        raise ConfigError(f"It has schema {version}, which this daypass does not know (it goes up to {SCHEMA}): use a newer one.")
    if version == SCHEMA:
        migrate(engine)
        return
    with engine.begin() as connection:
        upgrade(connection, version)


def upgrade(connection: Connection, version: str = "head") -> None:
    """Run the migrations up to `version` that this database has not seen.

    Raises ConfigError when nodes run on it that could not work with the outcome.
    """
    # Alembic is loaded only when there is something to migrate: it costs a start half a second and 14 MiB.
    from alembic import command
    from alembic.config import Config

    if version_of(connection):
        _verify_nobody_is_older(connection, OLDEST)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, version)
    _note_oldest(connection)


def raise_oldest(connection: Connection, oldest: str) -> None:
    """From now on none but daypasses of schema `oldest` and newer may work on this database. Raises ConfigError when an older one runs."""
    if _oldest(connection) < oldest:
        _verify_nobody_is_older(connection, oldest)
        upsert(connection, settings, [{"key": OLDEST_SETTING, "value": oldest.encode()}])


def _verify_nobody_is_older(connection: Connection, oldest: str) -> None:
    found = get_nodes(connection, datetime.now(UTC)) if inspect(connection).has_table(nodes.name) else []
    late = [f"{node.name} (schema {node.schema})" for node in found if node.live and node.schema < oldest]
    if late:
        raise ConfigError(
            f"This needs a schema that nodes which run now cannot work with: {', '.join(late)}. Stop them first, or go there by "
            "way of an earlier version. Nothing was changed."
        )


def version_of(connection: Connection) -> str:
    """The revision that the database is at, "" for an empty one."""
    if not inspect(connection).has_table(schema_version.name):
        return ""
    version: str | None = connection.execute(select(schema_version.c.version_num)).scalar()
    return version or ""


def _create(connection: Connection) -> None:
    metadata.create_all(connection, checkfirst=False)  # a table of ours that is there already is not to be taken for ours
    connection.execute(insert(schema_version).values(version_num=SCHEMA))
    _note_oldest(connection)


def _note_oldest(connection: Connection) -> None:
    known: bytes | None = connection.execute(select(settings.c.value).where(settings.c.key == OLDEST_SETTING)).scalar()
    if known is not None and known.decode() > OLDEST:  # by `raise_oldest`
        return
    upsert(connection, settings, [{"key": OLDEST_SETTING, "value": OLDEST.encode()}])


def _oldest(connection: Connection) -> str:
    """The schema of the oldest daypass that may work on this database."""
    value: bytes | None = connection.execute(select(settings.c.value).where(settings.c.key == OLDEST_SETTING)).scalar()
    return version_of(connection) if value is None else value.decode()
