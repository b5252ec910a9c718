"""A restore to PostgreSQL that is killed at any of its steps (F-27): the same command finishes it, and its chain verifies."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.node import TestNode
from rig.postgres import Cluster
from rig.server import clean_environment, daypass, running

# The command itself, which kills itself before, or after, the call of that number that moves the restore on.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from daypass.store import moving
from daypass.store.backup import placing
from daypass.cli.main import main

last, calls = int(sys.argv.pop(1)), []

def counted(call):
    def one(*given, **more):
        if placing.STAGE in str(given[0]) or call is shutil.rmtree and placing.DONE in str(given[0]):
            calls.append(call.__qualname__)
            if len(calls) == last:
                os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **more)
    return one

moving.move = counted(moving.move)
placing.write_file = counted(placing.write_file)
Path.unlink, Path.rename = counted(Path.unlink), counted(Path.rename)
shutil.rmtree = counted(shutil.rmtree)
ended = main()
print(calls, file=sys.stderr)
sys.exit(ended)
"""
STEPS = 40  # at most


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of an installation with a user who has a key; the root key lies beside it."""
    data = tmp_path_factory.mktemp("backup") / "old"
    data.mkdir(mode=0o700)
    node = TestNode(data)
    operator = node.operator()
    node.call("iam", "CreateUser", {"UserName": "u"}, operator)
    node.call("iam", "CreateAccessKey", {"UserName": "u"}, operator)
    node.close()
    (data / "node").write_text("node-test\n")
    (data / "root.key").rename(data.parent / "root.key")
    daypass("backup", str(data.parent / "b"), "--key-file", str(data.parent / "root.key"), data=data)
    return data.parent / "b"


def killed_at(step: int, *arguments: str) -> int:
    """Run `daypass` with `arguments`, killed at that step; how it ended."""
    command = [sys.executable, "-P", "-c", KILLED, str(step), *arguments]
    return subprocess.run(command, env=clean_environment(), capture_output=True, timeout=60, check=False).returncode


def steps(backup: Path, cluster: Cluster, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A directory and a database for each step at which a restore was killed."""
    for step in range(1, STEPS):
        data, url = tmp_path / f"new{step}", cluster.url(cluster.new_schema())
        where = ("--db", url, "--key-file", str(backup.with_name("root.key")), "--data", str(data))
        ended = killed_at(step, "restore", str(backup), *where)
        if ended == 0:
            return
        assert ended == -signal.SIGKILL
        yield data, url
    raise AssertionError("it has no end")


def test_F27_a_restore_to_postgresql_that_is_killed_is_finished_by_the_same_command(backup: Path, cluster: Cluster, tmp_path: Path) -> None:
    key = ("--key-file", str(backup.with_name("root.key")))
    finished = committed = 0
    for data, url in steps(backup, cluster, tmp_path):
        schema = url.rpartition("%3D")[2]
        committed += in_there(cluster, url)
        if not (data / "restoring").exists():
            again = daypass("restore", str(backup), "--db", url, *key, data=data, check=False)
            assert (again.returncode, f"daypass up --data {data}" in again.stderr) == (6, True), again.stderr
        else:
            if finished % 4 == 0:  # a start takes a while, and looks at the same folder each time
                up = daypass("up", "--listen", "127.0.0.1:0", *key, data=data, check=False)
                assert (up.returncode, "run `daypass restore` again" in up.stderr) == (6, True), up.stderr
            told = json.loads(daypass("restore", str(backup), "--db", url, *key, "-o", "json", data=data).stdout)
            assert [(one["Kind"], one["Owner"]) for one in told["Inactive"]] == [("access key", "u")]
            assert told["NodesWithoutLedger"] == ["node-test"]
        finished += 1
        assert {path.name for path in data.iterdir()} - {"restored"} == {"database", "ledger", "node", "lock"}
        assert cluster.sql("select count(*) from users", schema)[-1] == "1"
    assert finished > committed >= 5  # killed before the commit, and at each step after it
    with running(data, *key) as server:  # the last one: nothing but a folder was left to do
        assert json.loads(server.command("events", "verify", "-o", "json").stdout)["Intact"]


def test_F27_only_the_restore_that_was_broken_off_is_finished(backup: Path, cluster: Cluster, tmp_path: Path) -> None:
    """Not one to another directory, and not with another backup; the chain that is finished verifies."""
    key = ("--key-file", str(backup.with_name("root.key")))
    daypass("restore", str(backup), *key, data=tmp_path / "side")
    other = tmp_path / "other"
    daypass("backup", str(other), *key, data=tmp_path / "side")
    data, url = next(
        (data, url)
        for data, url in steps(backup, cluster, tmp_path)
        if (data / "restoring" / "database").exists() and in_there(cluster, url)
    )
    refused = daypass("restore", str(backup), "--db", url, *key, data=tmp_path / "elsewhere", check=False)
    assert (refused.returncode, "give an empty database" in refused.stderr) == (6, True), refused.stderr
    refused = daypass("restore", str(other), "--db", url, *key, data=data, check=False)
    assert (refused.returncode, "with that file again" in refused.stderr) == (6, True), refused.stderr
    daypass("restore", str(backup), "--db", url, *key, data=data)
    with running(data, *key) as server:
        assert json.loads(server.command("events", "verify", "-o", "json").stdout)["Intact"]


def in_there(cluster: Cluster, url: str) -> bool:
    """Whether the state is committed."""
    return cluster.sql(f"select to_regclass('{url.rpartition('%3D')[2]}.users')")[-1] != ""
