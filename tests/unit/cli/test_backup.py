"""cli/backup.py and cli/restore.py: what they take, what they refuse, and how they say it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from daypass.cli.exits import CONFIG, OK, UNREACHABLE, USAGE
from daypass.store.ledger import Reader, verify
from rig.node import TestNode
from rig.require import require_root


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A directory that a server has worked on: a user with a key."""
    (tmp_path / "d").mkdir(mode=0o700)
    node = TestNode(tmp_path / "d")
    operator = node.operator()
    node.call("iam", "CreateUser", {"UserName": "u"}, operator)
    node.call("iam", "CreateAccessKey", {"UserName": "u"}, operator)
    node.close()
    (tmp_path / "d" / "node").write_text("node-test\n")
    return tmp_path / "d"


def test_taken_proven_restored(daypass: Any, data: Path, tmp_path: Path) -> None:
    key = ("--key-file", data / "root.key")
    taken = daypass("backup", tmp_path / "b", "--data", data, "--verify", "-o", "json")
    assert taken.code == OK, taken.err
    told = json.loads(taken.out)
    assert (told["Rows"]["users"], told["LedgerLines"], told["Bytes"]) == (1, {"node-test": 4}, (tmp_path / "b").stat().st_size)
    assert "root key" in taken.err
    proven = daypass("backup", "verify", tmp_path / "b", "--data", tmp_path / "none", *key)
    assert (proven.code, "Proven" in proven.out) == (OK, True), proven.err
    restored = daypass("restore", tmp_path / "b", "--data", tmp_path / "new", *key)
    assert restored.code == OK, restored.err
    assert "INACTIVE" in restored.out
    assert "access keys came back inactive" in restored.err
    kept = daypass("restore", tmp_path / "b", "--data", tmp_path / "kept", *key, "--reactivate", "-o", "json")
    assert json.loads(kept.out)["Inactive"] == []


def test_it_leaves_its_line_where_no_server_runs_and_none_is_taken_without(daypass: Any, data: Path, tmp_path: Path) -> None:
    assert daypass("backup", tmp_path / "b", "--data", data).code == OK
    last = list(Reader(data / "ledger").read())[-1].entry
    assert last is not None
    assert (last.eventName, last.sourceIPAddress, last.readOnly) == ("NoteBackup", f"uid:{os.geteuid()}", False)
    assert last.requestParameters == {"File": str(tmp_path / "b")}
    node = TestNode(data)  # the chain goes on
    report = verify(data / "ledger", node.node.ledger_key, "node-test", anchored=node.store.anchored("node-test"))
    assert (report.sound, report.last) == (True, 4)
    node.close()
    next((data / "ledger").iterdir()).write_bytes(b"")
    (data / "ledger" / "000002.jsonl").mkdir()
    refused = daypass("backup", tmp_path / "c", "--data", data)
    assert (refused.code, (tmp_path / "c").exists()) == (CONFIG, False), refused.err


def test_what_root_begins_there_is_the_servers(daypass: Any, data: Path, tmp_path: Path) -> None:
    require_root("it gives files to another user")
    for path in (data / "ledger").iterdir():
        path.unlink()
    os.chown(data / "ledger", 12345, 12345)
    assert daypass("backup", tmp_path / "b", "--data", data).code == OK
    assert {path.stat().st_uid for path in (data / "ledger").iterdir()} == {12345}


def test_a_backup_takes_the_place_of_a_backup_and_of_nothing_else(daypass: Any, data: Path, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    refused = daypass("backup", tmp_path / "letter", "--data", data)
    assert (refused.code, (tmp_path / "letter").read_text()) == (CONFIG, "dear")
    for _ in range(2):
        assert daypass("backup", tmp_path / "b", "--data", data).code == OK
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "d", "letter"]


def test_what_is_refused(daypass: Any, data: Path, tmp_path: Path) -> None:
    assert daypass("backup", "--data", data).code == USAGE
    assert daypass("backup", "one", "two", "--data", data).code == USAGE
    assert daypass("backup", tmp_path / "b", "--data", tmp_path / "none").code == UNREACHABLE
    for words in (("backup", tmp_path / "no" / "b", "--data", data), ("restore", tmp_path / "none", "--data", tmp_path / "n")):
        assert daypass(*words, "--key-file", data / "root.key").code == CONFIG
    daypass("backup", tmp_path / "b", "--data", data)
    for more in (("--ledger", tmp_path), ("--ledger", tmp_path / "none")):
        ended = daypass("restore", tmp_path / "b", "--data", tmp_path / "new", "--key-file", data / "root.key", *more)
        assert (ended.code, "no data directory of a node" in ended.err) == (CONFIG, True), ended.err
    away = ("--db", "postgresql://u@127.0.0.1:1/d", "--key-file", data / "root.key")
    ended = daypass("restore", tmp_path / "b", "--data", tmp_path / "new", *away)
    assert (ended.code, "cannot be asked" in ended.err) == (CONFIG, True), ended.err
    ended = daypass("restore", tmp_path / "b", "--data", tmp_path / "new")
    assert (ended.code, "missing" in ended.err) == (CONFIG, True), ended.err
