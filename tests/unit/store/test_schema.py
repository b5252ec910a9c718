"""Migrations lead to what tables.py says, from an installed package, and a newer database is left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from daypass.store.engine import open_engine
from daypass.store.schema import MIGRATIONS, migrate
from daypass.store.tables import SCHEMA, metadata
from daypass.values.errors import ConfigError


def test_the_migrated_schema_is_that_of_the_tables(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "db")
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_newest_migration_is_the_schema_of_this_version() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_migrating_again_changes_nothing_and_does_not_load_alembic(tmp_path: Path) -> None:
    (tmp_path / "100%").mkdir()
    engine = open_engine(tmp_path / "100%" / "db")
    migrate(engine)
    engine.dispose()
    again = (
        "import sys; from daypass.store.engine import open_engine; from daypass.store.schema import migrate\n"
        "migrate(open_engine(sys.argv[1])); assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", again, str(tmp_path / "100%" / "db")], check=True)


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


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE seal_keys (x TEXT)"))
    with pytest.raises(Exception, match="already exists"):
        migrate(engine)
    with engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
    assert set(names) == {"seal_keys"}
    engine.dispose()
