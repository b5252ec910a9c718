"""A backup that another version took: one of each older schema becomes an installation of this one, one of a newer schema is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine, inspect

from conformance.samples import NOW, account, key, putting, role, session, user
from daypass.store import open_store
from daypass.store.backup import Source, Target, prove, restore, take
from daypass.store.backup.frames import Frame, Manifest, Rows, encode, read
from daypass.store.backup.sealed import Writer
from daypass.store.engine import open_engine
from daypass.store.keys import FileKey
from daypass.store.keys.data_key import place
from daypass.store.ledger import Ledger
from daypass.store.schema import create_at
from daypass.store.tables import SCHEMA
from daypass.values.errors import ConfigError

NODE = "node-a"
LATER = NOW + timedelta(hours=2)
OLDER = [f"{number:04}" for number in range(1, int(SCHEMA))]


class Made:
    """An installation, its backup, and that backup as another version would have written it."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.data, self.file = directory, directory / "old", directory / "b"
        self.data.mkdir(mode=0o700)
        store = open_store(self.data / "daypass.db", self.key(), NOW, node=NODE)
        store.write(putting(account(), user(), key(), role()))
        store.record_passes([session(1)], NODE, 1)
        self.keys = {one.id: one.key for one in store.rotation.data_keys}
        ledger = Ledger(self.data / "ledger", store.secret("ledger"), NODE)
        ledger.open(NOW)
        ledger.append_sync([b'{"a":1}'])
        store.anchor(ledger.head, NOW)
        ledger.close()
        store.close()
        take(Source(self.data / "daypass.db", None, self.data / "ledger", NODE), self.key(), self.file, NOW, lambda done, total: None)

    def key(self) -> FileKey:
        return FileKey(self.directory / "root.key")

    def as_of(self, schema: str) -> Path:
        """The backup as that schema's daypass writes it: its columns alone, and data keys bound as it bound them."""
        engine = open_engine(self.directory / schema)
        if schema <= SCHEMA:
            create_at(engine, schema)
        frames = list(read(self.file, self.key()))
        manifest = next(frame for frame in frames if isinstance(frame, Manifest))
        file = self.directory / f"{schema}.backup"
        root = self.key()
        parameters = root.begin()  # of the file that is there
        with file.open("wb") as out:
            writer = Writer(out, manifest.installation, parameters, root)
            for frame in frames:
                writer.write(encode(self._older(frame, schema, manifest.installation, engine)), last=frame is frames[-1])
        engine.dispose()
        return file

    def _older(self, frame: Frame, schema: str, installation: str, engine: Engine) -> Frame:
        if isinstance(frame, Manifest):
            return msgspec.structs.replace(frame, schema=schema)
        if not isinstance(frame, Rows) or schema > SCHEMA:
            return frame
        columns = {str(column["name"]) for column in inspect(engine).get_columns(frame.table)}
        rows = [dict(zip(frame.columns, row, strict=True)) for row in frame.rows]
        if frame.table == "data_keys" and "created" not in columns:
            for row in rows:
                row["wrapped"] = self._opened().wrap(self.keys[row["id"]].reveal(), place(installation, row["id"]))
        kept = tuple(name for name in frame.columns if name in columns)
        return Rows(frame.table, kept, [tuple(row[name] for name in kept) for row in rows])

    def _opened(self) -> FileKey:
        root = self.key()
        root.begin()
        return root


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


@pytest.mark.parametrize("schema", [*OLDER, SCHEMA])
def test_one_of_an_older_schema_becomes_an_installation_of_this_one(made: Made, tmp_path: Path, schema: str) -> None:
    file = made.as_of(schema)
    restored = restore(file, made.key, Target(tmp_path / "new"), LATER, keep=True, reached=lambda done, total: None)
    assert restored.manifest.schema == schema
    store = open_store(tmp_path / "new" / "daypass.db", made.key(), LATER, node=NODE)
    assert store.damage() == []
    assert [one.id for one in store.snapshot.users] == [user().id]
    assert store.snapshot.access_keys.find(key().id) == key()
    assert len(store.passes()) == 1
    store.close()


def test_one_of_a_newer_schema_is_refused_and_nothing_is_made(made: Made, tmp_path: Path) -> None:
    file = made.as_of(f"{int(SCHEMA) + 1:04}")
    for attempt in (
        lambda: restore(file, made.key, Target(tmp_path / "new"), LATER, reached=lambda done, total: None),
        lambda: prove(file, made.key, LATER, lambda done, total: None),
    ):
        with pytest.raises(ConfigError, match="restore it with daypass"):
            attempt()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["lock"]
