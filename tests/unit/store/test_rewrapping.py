"""Rewrap: on PostgreSQL as well, not beside a node that runs, and whole or not at all. (The command: tests/unit/cli/test_keys.py.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.samples import NOW, key, putting, seal_key, user
from daypass.store import open_store
from daypass.store.keys import FileKey
from daypass.store.rewrapping import rewrap
from daypass.values.errors import ConfigError, KeyAway
from rig.postgres import Cluster


class Failing(FileKey):
    """A root key that goes away after some uses."""

    def __init__(self, path: Path, uses: int) -> None:
        super().__init__(path)
        self.uses = uses

    def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        if self.uses == 0:
            raise KeyAway("it went away", "away")
        self.uses -= 1
        return super().wrap(key, bound_to)


@pytest.fixture(params=["postgresql", "sqlite"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "daypass.db")
    cluster: Cluster = request.getfixturevalue("cluster")
    return cluster.url(cluster.new_schema())


def test_every_data_key_goes_along(where: str, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    store = open_store(where, FileKey(old), NOW)
    store.write(putting(seal_key(1), user(1), key(1, user(1))))
    changes = putting()
    store.rotation.begin(changes, store.rotation.prepare(NOW))
    store.write(changes)
    states = [(one.id, one.state, one.created, one.key.reveal()) for one in store.rotation.data_keys]
    store.close()
    for uses in range(3):  # (the check and two keys)
        with pytest.raises(KeyAway):
            rewrap(where, FileKey(old), Failing(new, uses), NOW)
        open_store(where, FileKey(old), NOW).close()
    assert rewrap(where, FileKey(old), FileKey(new), NOW) == 2
    with pytest.raises(ConfigError, match="does not open this database"):
        open_store(where, FileKey(old), NOW)
    again = open_store(where, FileKey(new), NOW)
    assert [(one.id, one.state, one.created, one.key.reveal()) for one in again.rotation.data_keys] == states
    assert again.damage() == []
    again.rotation.round(NOW)
    assert {one.state for one in again.rotation.data_keys} == {"active", "retained"}
    again.close()


def test_not_beside_a_node_that_runs(cluster: Cluster, tmp_path: Path) -> None:
    where = cluster.url(cluster.new_schema())
    store = open_store(where, FileKey(tmp_path / "old"), NOW, node="a")
    store.beat("1", "", 0, NOW)
    with pytest.raises(ConfigError, match="Nodes run on the database: a"):
        rewrap(where, FileKey(tmp_path / "old"), FileKey(tmp_path / "new"), NOW)
    store.leave()
    assert rewrap(where, FileKey(tmp_path / "old"), FileKey(tmp_path / "new"), NOW) == 1
    store.close()
