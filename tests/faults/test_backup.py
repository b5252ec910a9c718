"""Backups under fire: taken while changes go on and restored on a clean host (F-27), damaged (F-28), and killed half way."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import pytest

from conformance.samples import session
from rig.canary import Canaries
from rig.node import TestNode
from rig.postgres import Cluster
from rig.server import DAYPASS, REGION, Server, clean_environment, daypass, running
from rig.wait import until

WRITERS = 2
ENOUGH = 10  # changes before the backup begins, and at least one while it is taken
ROUNDS = 3  # of being killed, later each time


class Writer(threading.Thread):
    """Makes users, each with a policy, through boto3, until it is told to stop; remembers what was acknowledged."""

    def __init__(self, client: Any, prefix: str, stop: threading.Event) -> None:
        super().__init__()
        self.client, self.prefix, self.stop = client, prefix, stop
        self.acknowledged: list[str] = []
        self.failed: list[Exception] = []

    def run(self) -> None:
        for number in range(5_000):
            if self.stop.is_set():
                return
            name = f"{self.prefix}-{number}"
            try:
                self.client.create_user(UserName=name, Tags=[{"Key": "whole", "Value": name}])
            except Exception as error:  # judged by the test
                self.failed.append(error)
                return
            self.acknowledged.append(name)


@contextmanager
def writing(server: Server) -> Iterator[list[Writer]]:
    found = json.loads(server.command("process").stdout)
    keys = {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }
    stop = threading.Event()
    clients = [boto3.Session(region_name=REGION, **keys).client("iam", endpoint_url=server.url) for _ in range(WRITERS)]
    writers = [Writer(client, f"w{number}", stop) for number, client in enumerate(clients)]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def users(server: Server, canaries: Canaries) -> dict[str, str]:
    """Every user of a server and the tag that it was made with, asked as the operator."""
    found = json.loads(server.command("process").stdout)
    canaries.watch(found["SecretAccessKey"])
    client = boto3.Session(
        aws_access_key_id=found["AccessKeyId"], aws_secret_access_key=found["SecretAccessKey"], aws_session_token=found["SessionToken"],
        region_name=REGION,
    ).client("iam", endpoint_url=server.url)  # fmt: skip
    details = client.get_paginator("get_account_authorization_details").paginate(Filter=["User"])
    return {user["UserName"]: user["Tags"][0]["Value"] for page in details for user in page["UserDetailList"]}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_F27_taken_under_load_and_restored_on_a_clean_host(
    tmp_path: Path, canaries: Canaries, database: str, request: pytest.FixtureRequest
) -> None:
    """What was acknowledged before the backup began is there, what came meanwhile is there as a whole or not at all, and all else holds."""
    cluster: Cluster | None = request.getfixturevalue("cluster") if database == "postgresql" else None
    old, new = ([] if cluster is None else ["--db", cluster.url(cluster.new_schema())] for _ in range(2))
    key = ("--key-file", str(tmp_path / "root.key"))
    file = tmp_path / "b.backup"
    with running(tmp_path / "old", *old, *key) as server, writing(server) as writers:
        until(lambda: all(len(writer.acknowledged) >= ENOUGH for writer in writers), "the writers write")
        before = {name for writer in writers for name in list(writer.acknowledged)}
        told = json.loads(server.command("backup", str(file), "--verify", *key, "-o", "json").stdout)
        noted = [json.loads(line) for line in server.command("events", "--operation", "NoteBackup", "-o", "json").stdout.splitlines()]
        assert [(one["requestParameters"]["File"], one["sourceIPAddress"]) for one in noted] == [(str(file), f"uid:{os.geteuid()}")]
        during = {name for writer in writers for name in list(writer.acknowledged)} - before
        assert [writer.failed for writer in writers] == [[]] * WRITERS
    assert during, "nothing was changed while the backup was taken"
    daypass("restore", str(file), *new, *key, data=tmp_path / "new")
    with running(tmp_path / "new", *key) as restored:
        there = users(restored, canaries)
        assert before <= there.keys()
        assert there == {name: name for name in there}
        assert len(there) == told["Rows"]["users"]
        verified = json.loads(restored.command("events", "verify", "-o", "json").stdout)
        assert verified["Intact"], verified
        listed = json.loads(restored.command("events", "--operation", "LedgerRestored", "-o", "json").stdout.splitlines()[0])
        assert listed["daypass"]["restored"]["headLine"] == told["LedgerLines"][told["Node"]]


def test_F28_a_damaged_backup_touches_nothing(tmp_path: Path) -> None:
    """By the command: cut, altered, of another key; and a benign twin."""
    key = ("--key-file", str(tmp_path / "root.key"))
    file = tmp_path / "b.backup"
    with running(tmp_path / "old", *key):
        pass
    daypass("backup", str(file), *key, data=tmp_path / "old")
    raw = file.read_bytes()
    for damaged in (raw[:-40], raw[: len(raw) // 2] + b"\1" + raw[len(raw) // 2 + 1 :], raw + raw[-60:], b""):
        (tmp_path / "damaged").write_bytes(damaged)
        for command in (("restore", str(tmp_path / "damaged")), ("backup", "verify", str(tmp_path / "damaged"))):
            done = daypass(*command, *key, data=tmp_path / "new", check=False)
            assert (done.returncode, "Nothing was changed" in done.stderr) == (6, True), done.stderr
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["lock"]
    (tmp_path / "damaged").write_bytes(raw)
    daypass("restore", str(tmp_path / "damaged"), *key, data=tmp_path / "new")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose backup and restore take a while; its root key lies beside it."""
    data = tmp_path_factory.mktemp("large") / "old"
    data.mkdir(mode=0o700)
    node = TestNode(data)
    for start in range(1, 6_001, 2_000):
        node.store.record_passes([session(number) for number in range(start, start + 2_000)])
    node.close()
    (data / "node").write_text("node-test\n")
    (data / "root.key").rename(data.parent / "root.key")
    return data


def killed(*arguments: str, after: float) -> int:
    """Run `daypass` and kill it after so many seconds, unless it is done; how it ended."""
    done = subprocess.Popen([DAYPASS, *arguments], env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with suppress(subprocess.TimeoutExpired):
        return done.wait(after)
    done.kill()
    return done.wait()


def lasting(tmp_path: Path, large: Path, *arguments: str) -> float:
    """How many seconds the command takes when nobody kills it, on this machine and now."""
    began = time.monotonic()
    daypass(*arguments, "--key-file", str(large.parent / "root.key"), data=tmp_path)
    return time.monotonic() - began


def test_F27_a_backup_that_is_killed_leaves_a_whole_one(large: Path, tmp_path: Path) -> None:
    """The old one, or the new one when it was in place already."""
    file, key = tmp_path / "b.backup", ("--key-file", str(large.parent / "root.key"))
    whole = lasting(large, large, "backup", str(file))
    ends = []
    for number in range(1, ROUNDS + 1):
        ends.append(killed("backup", str(file), *key, "--data", str(large), after=whole * number / ROUNDS))
        proven = json.loads(daypass("backup", "verify", str(file), *key, "-o", "json", data=large).stdout)
        assert proven["Rows"]["passes"] == 6_000
    assert -9 in ends


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_F27_a_restore_that_is_killed_leaves_nothing_that_serves(
    large: Path, tmp_path: Path, database: str, request: pytest.FixtureRequest
) -> None:
    """No server starts on a half of it; the next restore clears it away."""
    cluster: Cluster | None = request.getfixturevalue("cluster") if database == "postgresql" else None
    key = ("--key-file", str(large.parent / "root.key"))
    file = tmp_path / "b.backup"
    daypass("backup", str(file), *key, data=large)
    first = [] if cluster is None else ["--db", cluster.url(cluster.new_schema())]
    whole = lasting(tmp_path / "whole", large, "restore", str(file), *first)
    ends = []
    for number in range(1, ROUNDS + 1):
        new, schema = tmp_path / f"new{number}", "" if cluster is None else cluster.new_schema()
        where = [] if cluster is None else ["--db", cluster.url(schema)]
        ends.append(killed("restore", str(file), *where, *key, "--data", str(new), after=whole * number / ROUNDS))
        if ends[-1] == 0:
            continue
        if (new / "restoring").exists():
            up = daypass("up", *key, "--listen", "127.0.0.1:0", data=new, check=False)
            assert (up.returncode, "broken off" in up.stderr) == (6, True), up.stderr
        if (new / "restoring").exists() or not (new / "node").exists():  # else it was killed when all was in place
            daypass("restore", str(file), *where, *key, data=new)
        if cluster is not None:
            assert held(cluster, schema) == 6_000
        if cluster is None:
            with sqlite3.connect(new / "daypass.db") as connection:
                assert connection.execute("select count(*) from passes").fetchone() == (6_000,)
            connection.close()
    assert -9 in ends
    with running(tmp_path / "whole", *key) as server:
        assert json.loads(server.command("events", "verify", "-o", "json").stdout)["Intact"]


def held(cluster: Cluster, schema: str) -> int:
    """How many passes a database holds, 0 when it has not even the table."""
    return int(cluster.sql("select count(*) from passes", schema)[-1]) if cluster.sql(f"select to_regclass('{schema}.passes')")[-1] else 0


def test_F27_nodes_whose_disks_have_newer_lines_go_on_with_the_restored_database(tmp_path: Path, cluster: Cluster) -> None:
    """Their lines do not collide and are shipped anew; each chain verifies, and the restored one says where its state comes from."""
    old, new = (["--db", cluster.url(cluster.new_schema())] for _ in range(2))
    key, file = ("--key-file", str(tmp_path / "root.key")), tmp_path / "b.backup"
    with running(tmp_path / "a", *old, *key) as a, running(tmp_path / "b", *old, *key) as b:
        a.command("backup", str(file), *key)
        for server in (a, b):  # each command is a line or more
            for _ in range(3):
                server.command("sessions")
    daypass("restore", str(file), *new, *key, "--ledger", str(tmp_path / "a"), "--ledger", str(tmp_path / "b"), data=tmp_path / "restored")
    with running(tmp_path / "restored", *key) as a, running(tmp_path / "b", *new, *key) as b:

        def shipped() -> bool:
            nodes = json.loads(b.command("nodes", "-o", "json").stdout)["Nodes"]
            return len(nodes) == 2 and all(node["ShippedLines"] >= max(node["LedgerLines"] - 3, 3) for node in nodes)

        until(shipped, "all lines are shipped anew")
        for server in (a, b):
            verified = json.loads(server.command("events", "verify", "-o", "json").stdout)
            assert verified["Intact"], verified
        events = [json.loads(line) for line in b.command("events", "--all", "-o", "json").stdout.splitlines()]
        assert sum(event["eventName"] == "LedgerRestored" for event in events) == 1
        assert sum(event["eventName"] == "ListSessions" for event in events) == 6
