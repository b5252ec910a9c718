"""Migrations lead to what tables.py says, from an installed package, and a newer database is left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from daypass.store.engine import open_engine
from daypass.store.schema import MIGRATIONS, migrate, upgrade
from daypass.store.tables import SCHEMA
from daypass.values.errors import ConfigError


def _definitions(engine: Engine) -> dict[str, list[str]]:
    """What SQLite keeps of every table and index, without regard to the order of columns, which ALTER TABLE cannot choose."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    return {name: sorted(part.strip() for part in " ".join(sql.split()).removesuffix(")").split(",")) for name, sql in rows}


def test_a_new_database_is_what_the_migrations_lead_to(tmp_path: Path) -> None:
    fresh, migrated = open_engine(tmp_path / "fresh"), open_engine(tmp_path / "migrated")
    migrate(fresh)
    with migrated.begin() as connection:
        upgrade(connection)
    assert _definitions(fresh) == _definitions(migrated)
    assert {"alembic_version", "seal_keys", "passes_by_parent"} <= _definitions(fresh).keys()
    for engine in (fresh, migrated):
        with engine.connect() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [(SCHEMA,)]
        engine.dispose()


def test_the_newest_migration_is_the_schema_of_this_version() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_neither_a_new_nor_a_current_database_loads_alembic(tmp_path: Path) -> None:
    twice = (
        "import sys; from daypass.store.engine import open_engine; from daypass.store.schema import migrate\n"
        "engine = open_engine(sys.argv[1]); migrate(engine); migrate(engine); assert 'alembic' not in sys.modules"
    )
    (tmp_path / "100%").mkdir()
    subprocess.run([sys.executable, "-c", twice, str(tmp_path / "100%" / "db")], check=True)


def test_a_newer_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "db")
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="9999, which this daypass does not know"):
        migrate(engine)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    engine.dispose()


def test_a_creation_that_fails_leaves_nothing(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE seal_keys (x TEXT)"))
    with pytest.raises(Exception, match="already exists"):
        migrate(engine)
    with engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
    assert set(names) == {"seal_keys"}
    engine.dispose()
