"""Migrations lead to what tables.py says, from an installed package, and a newer database is left alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from conformance.samples import putting, user
from daypass.store import Store, StoreFailed, open_store, schema
from daypass.store.engine import open_engine
from daypass.store.keys import FileKey
from daypass.store.postgres import open_postgres
from daypass.store.schema import MIGRATIONS, migrate, upgrade
from daypass.store.tables import SCHEMA
from daypass.values.errors import ConfigError
from rig.postgres import Cluster


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


def test_on_postgresql_as_well(cluster: Cluster) -> None:
    found = []
    for is_new in (True, False):
        engine, _ = open_postgres(cluster.url(cluster.new_schema()), None)
        if is_new:
            migrate(engine)
        else:
            with engine.begin() as connection:
                upgrade(connection)
        look = inspect(engine)
        found.append(
            {
                name: (
                    sorted((column["name"], str(column["type"]), column["nullable"]) for column in look.get_columns(name)),
                    look.get_pk_constraint(name)["constrained_columns"],
                    sorted(unique["column_names"] for unique in look.get_unique_constraints(name)),
                    sorted(index["name"] or "" for index in look.get_indexes(name)),
                )
                for name in look.get_table_names()
            }
        )
        engine.dispose()
    assert found[0] == found[1]
    assert len(found[0]) > 20


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
        connection.execute(text("UPDATE settings SET value = CAST('9998' AS BLOB) WHERE key = 'oldest-schema'"))
    with pytest.raises(ConfigError, match="9999, which this daypass does not know"):
        migrate(engine)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    engine.dispose()


# -- F-24: a newer version beside this one

AFTER = f"{int(SCHEMA) + 1:04}"
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "%(next)s"
down_revision = "%(now)s"


def upgrade() -> None:
    op.add_column("users", sa.Column("extra", sa.Text))
    if %(breaks)s:
        op.create_table("things", sa.Column("id", sa.Text))
        raise RuntimeError("half way")
"""


class Version:
    """A daypass of the next schema, as far as schema.py goes; `oldest` is the schema of the oldest one that it goes together with."""

    def __init__(self, directory: Path, oldest: str, *, breaks: bool = False) -> None:
        self.folder = directory / "migrations"
        shutil.copytree(MIGRATIONS, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / "versions" / f"v{AFTER}_next.py").write_text(NEXT % {"breaks": breaks, "now": SCHEMA, "next": AFTER})
        self.oldest = oldest

    def migrate(self, engine: Engine) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(schema, "SCHEMA", AFTER)
            patch.setattr(schema, "OLDEST", self.oldest)
            patch.setattr(schema, "MIGRATIONS", self.folder)
            migrate(engine)


@pytest.fixture(params=["sqlite", "postgresql"])
def open_it(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    where: Any = tmp_path / "db"
    if request.param == "postgresql":
        cluster = request.getfixturevalue("cluster")
        where = cluster.url(cluster.new_schema())
    opened: list[Store] = []

    def opening() -> Store:
        opened.append(open_store(where, FileKey(tmp_path / "key"), datetime.now(UTC), node=f"node-{len(opened)}"))
        return opened[-1]

    yield opening
    for store in opened:
        store.close()


def test_f24_a_version_that_only_adds_goes_together_with_this_one(open_it: Callable[[], Store], tmp_path: Path) -> None:
    now = datetime.now(UTC)
    running = open_it()
    running.write(putting(user(1)))
    running.beat("1.0", "", 0, now)
    newer = Version(tmp_path, oldest=SCHEMA)
    newer.migrate(running._engine)
    newer.migrate(running._engine)
    running.beat("1.0", "", 0, now)
    running.write(putting(user(2)))
    again = open_it()  # and may be started anew: the way back is open
    assert len(again.snapshot.users) == 2
    again.write(putting(user(3)))
    assert running.catch_up(now) == 1


def test_f24_a_version_that_takes_away_waits_until_nobody_needs_it(open_it: Callable[[], Store], tmp_path: Path) -> None:
    now = datetime.now(UTC)
    running = open_it()
    running.beat("1.0", "", 0, now)
    newer = Version(tmp_path, oldest=AFTER)
    with pytest.raises(ConfigError, match=rf"cannot work with: node-0 \(schema {SCHEMA}\)"):
        newer.migrate(running._engine)
    running.beat("1.0", "", 0, now)
    running.leave()
    newer.migrate(running._engine)
    with pytest.raises(StoreFailed, match="does not know"):  # one that was silent and comes back
        running.beat("1.0", "", 0, now)
    with pytest.raises(StoreFailed, match="does not know"):
        running.write(putting(user(1)))
    with pytest.raises(ConfigError, match=f"{AFTER}, which this daypass does not know"):
        open_it()


def test_f24_a_migration_that_fails_half_way_leaves_nothing(open_it: Callable[[], Store], tmp_path: Path) -> None:
    running = open_it()
    with pytest.raises(RuntimeError, match="half way"):
        Version(tmp_path, oldest=SCHEMA, breaks=True).migrate(running._engine)
    with running._engine.begin() as connection:
        names = inspect(connection).get_table_names()
        assert "things" not in names
        assert {column["name"] for column in inspect(connection).get_columns("users")} == {"id", "account", "unique_name", "body"}
    running.write(putting(user(1)))


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
