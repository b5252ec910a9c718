"""cli/migrate.py: the state of a directory goes to PostgreSQL, and the directory knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daypass.app import _database
from daypass.cli.exits import CONFIG, OK, UNREACHABLE, USAGE
from daypass.settings import Settings
from daypass.store.lock import lock_directory
from daypass.values.errors import ConfigError
from rig.node import TestNode
from rig.postgres import Cluster


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A directory that a server has worked on."""
    (tmp_path / "d").mkdir(mode=0o700)
    node = TestNode(tmp_path / "d")
    node.operator()
    node.close()
    return tmp_path / "d"


def test_it_moves_and_the_directory_names_its_database(daypass: Any, data: Path, cluster: Cluster) -> None:
    url = cluster.url(cluster.new_schema())
    ended = daypass("migrate", "--data", data, "--to", url, "-o", "json")
    assert ended.code == OK, ended.err
    assert json.loads(ended.out)["accounts"] == 1
    assert {path.name for path in data.iterdir()} >= {"database", "daypass.db.moved", "root.key"}
    assert not (data / "daypass.db").exists()
    assert _database(Settings(data=data), data) == url
    assert daypass("migrate", "--data", data, "--to", url).code == CONFIG


def test_a_move_cut_short_is_ended_by_the_next(daypass: Any, data: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    url = cluster.url(cluster.new_schema())
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(Path, "rename", _failing)
        daypass("migrate", "--data", data, "--to", url)
    with pytest.raises(ConfigError, match="holds a state of its own"):
        _database(Settings(data=data, db=url), data)
    assert daypass("migrate", "--data", data, "--to", url).code == OK
    assert not (data / "daypass.db").exists()


def _failing(*_: object) -> None:
    raise RuntimeError


def test_what_is_refused(daypass: Any, data: Path, tmp_path: Path) -> None:
    assert daypass("migrate", "--data", data).code == USAGE
    assert daypass("migrate", "--data", tmp_path / "none", "--to", "postgresql://u@h/d").code == UNREACHABLE
    for url, why in (
        ("postgresql://u:pw@h/d", "list of processes"),
        ("mysql://u@h/d", "wants postgresql"),
        ("postgresql://u@127.0.0.1:1/d", "Nothing was changed"),
    ):
        ended = daypass("migrate", "--data", data, "--to", url)
        assert (ended.code, why in ended.err) == (CONFIG, True), ended.err
    with lock_directory(data):
        assert daypass("migrate", "--data", data, "--to", "postgresql://u@127.0.0.1:1/d").code == CONFIG
    assert (data / "daypass.db").exists()
    assert not (data / "database").exists()
