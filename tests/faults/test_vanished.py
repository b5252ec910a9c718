"""What a running node writes to is taken away under it (F-06): renamed, replaced, unmounted lazily, unlinked. Real servers, real files.

From then on nothing is acknowledged that a start would not find; what was before is there; reading goes on from memory.
"""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import rig.server
from faults.test_retention import QUICK, asking, files
from rig.invariants import Invariants
from rig.node import Keys, Refused
from rig.remote import Remote
from rig.require import require_root
from rig.server import Server, daypass, running
from rig.wait import until

SAID = "a file of this node is gone"
FACT = {"attached": [], "inline": {}, "tags": {}, "groups": [], "keys": []}


@dataclass
class World:
    """A server, its operator, and the request ids of what was acknowledged."""

    server: Server
    remote: Remote
    keys: Keys
    role: str
    acknowledged: list[str] = field(default_factory=list)

    def change(self, user: str) -> None:
        self.acknowledged.append(self.remote.told("iam", "CreateUser", {"UserName": user}, self.keys)[1])

    def a_pass(self) -> None:
        given = {"RoleArn": self.role, "RoleSessionName": "s1"}
        self.acknowledged.append(self.remote.told("sts", "AssumeRole", given, self.keys)[1])

    def read(self) -> str:
        return self.remote.told("sts", "GetCallerIdentity", {}, self.keys)[1]

    def refuses_all_but_reading(self) -> None:
        for number in range(3):
            for work in (lambda n=number: self.change(f"lost{n}"), self.a_pass):
                with pytest.raises(Refused) as refused:
                    work()
                assert (refused.value.code, refused.value.status) == ("ServiceUnavailable", 503)
                assert "Secret" not in str(refused.value)
            assert self.read()

    def reasons(self) -> list[str]:
        """What /health/ready says."""
        try:
            with urllib.request.urlopen(f"{self.server.url}/health/ready", timeout=10) as answer:
                return list(json.load(answer)["reasons"])
        except urllib.error.HTTPError as error:
            return list(json.load(error)["reasons"])

    def is_gone(self) -> bool:
        return self.reasons() == ["ledger gone"]


def world(server: Server) -> World:
    """Two users, a role and a pass."""
    remote, keys = Remote(server.url), Keys.of(json.loads(server.command("process").stdout))
    account = remote.call("sts", "GetCallerIdentity", {}, keys)["Account"]
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = remote.call("iam", "CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": document}, keys)
    it = World(server, remote, keys, made["Role"]["Arn"])
    for name in ("u0", "u1"):
        it.change(name)
    it.a_pass()
    return it


@contextmanager
def losing(data: Path) -> Iterator[World]:
    """A world whose server ends with lines that it could not write, and says so."""
    told = r"SIGTERM: exit 6\n(.|\n)*daypass up: the ledger is gone and \d+ lines are not written"
    with pytest.raises(AssertionError, match=told), running(data) as server:
        yield world(server)


def verify(it: World, data: Path) -> None:
    """On `data` a start finds all that was acknowledged, each with its line, and goes on."""
    with running(data) as again:
        remote = Remote(again.url)
        keys = Keys.of(json.loads(again.command("process").stdout))
        facts = {"user/u0": FACT, "user/u1": FACT}
        assert Invariants(remote.call, data, keys, facts=facts, acknowledged=it.acknowledged, good=[keys]).violations() == []


def renamed(data: Path) -> Path:
    return data.rename(data.with_name("elsewhere"))


def replaced(data: Path) -> Path:
    aside = renamed(data)
    data.mkdir(mode=0o700)
    return aside


@pytest.mark.parametrize("lose", [renamed, replaced], ids=["renamed", "replaced"])
def test_F06_a_data_directory_that_is_taken_away(tmp_path: Path, lose: Callable[[Path], Path]) -> None:
    with losing(tmp_path / "data") as it:
        where = lose(it.server.data)
        it.refuses_all_but_reading()
        assert it.is_gone()
        assert it.server.said().count(SAID) == 1
    verify(it, where)


def test_F06_a_volume_that_is_unmounted_lazily(tmp_path: Path) -> None:
    require_root("mounting a directory")
    disk, data = tmp_path / "disk", tmp_path / "data"
    disk.mkdir(mode=0o700)
    data.mkdir(mode=0o700)
    subprocess.run(["mount", "--bind", disk, data], check=True)
    try:
        with losing(data) as it:
            subprocess.run(["umount", "-l", data], check=True)
            it.refuses_all_but_reading()
            assert it.is_gone()
    finally:
        if data.is_mount():
            subprocess.run(["umount", "-l", data], check=True)
    assert list(data.iterdir()) == []  # nothing was written beside it
    verify(it, disk)


def test_F06_a_node_that_nobody_asks_notices_and_goes_on_when_the_same_directory_is_back(data_dir: Path) -> None:
    with running(data_dir) as server:
        it = world(server)
        away = renamed(data_dir)
        until(it.is_gone, "it notices by itself")
        waits = it.read()
        it.refuses_all_but_reading()
        away.rename(data_dir)
        until(lambda: it.reasons() == [], "it goes on by itself")
        it.change("u2")
        it.acknowledged.append(waits)
        facts = {f"user/u{n}": FACT for n in range(3)}
        assert Invariants(it.remote.call, data_dir, it.keys, facts=facts, acknowledged=it.acknowledged, good=[it.keys]).violations() == []
        assert server.said().count(SAID) == 1


def test_F06_the_ledgers_file_is_unlinked(data_dir: Path) -> None:
    """What was in it is lost with it; nothing more is, and the next start tells that lines are missing."""
    with losing(data_dir) as it:
        (data_dir / "ledger" / "000001.jsonl").unlink()
        it.refuses_all_but_reading()
        assert it.is_gone()
        found = {one["Check"]: one for one in json.loads(it.server.command("doctor", "-o", "json", check=False).stdout)}
        assert (found["ledger"]["State"], found["ledger"]["Says"]) == ("fail", "it is gone: changes and new passes are refused")
    with running(data_dir) as again:
        keys = Keys.of(json.loads(again.command("process").stdout))
        listed = {one["UserName"] for one in Remote(again.url).call("iam", "ListUsers", {}, keys)["Users"]}
        assert {"u0", "u1"} <= listed
        assert not Remote(again.url).call("daypass", "VerifyLedger", {}, keys)["Intact"]


@pytest.mark.parametrize("name", ["daypass.db-wal", "daypass.db-shm"])
def test_F06_what_the_database_is_in_is_unlinked(data_dir: Path, name: str) -> None:
    with losing(data_dir) as it:
        (data_dir / name).unlink()
        it.refuses_all_but_reading()
        until(it.is_gone, "it says so")
    verify(it, data_dir)


def test_F06_the_database_is_unlinked_and_a_start_makes_none_in_its_place(data_dir: Path, tmp_path: Path) -> None:
    with losing(data_dir) as it:
        (data_dir / "daypass.db").rename(tmp_path / "aside.db")
        it.refuses_all_but_reading()
        until(it.is_gone, "it says so")
    done = daypass("up", "--listen", "127.0.0.1:0", data=data_dir, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (6, False)
    assert f"{data_dir}/daypass.db is gone, its ledger is not" in done.stderr
    assert not (data_dir / "daypass.db").exists()
    (tmp_path / "aside.db").rename(data_dir / "daypass.db")
    verify(it, data_dir)


def test_F06_the_lock_is_unlinked_and_a_second_server_starts_beside_the_first(data_dir: Path) -> None:
    with losing(data_dir) as it:
        (data_dir / "lock").unlink()
        it.refuses_all_but_reading()
        until(it.is_gone, "it says so")
        with running(data_dir) as second:
            mine = World(second, Remote(second.url), Keys.of(json.loads(second.command("process").stdout)), it.role)
            mine.change("u2")
            it.refuses_all_but_reading()
            mine.change("u3")
            mine.a_pass()
            facts = {f"user/u{n}": FACT for n in range(4)}
            acknowledged = [*it.acknowledged, *mine.acknowledged]
            held = Invariants(mine.remote.call, data_dir, mine.keys, facts=facts, acknowledged=acknowledged, good=[mine.keys])
            assert held.violations() == []
    verify(it, data_dir)


def test_F06_retention_new_files_and_a_backup_are_no_loss(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The benign twin: files of the ledger begin, end and go, a backup is taken and restored, and nobody is refused."""
    quick = tmp_path / "daypass"
    quick.write_text(QUICK)
    quick.chmod(0o700)
    monkeypatch.setattr(rig.server, "DAYPASS", str(quick))
    with running(data_dir, "--keep-ledger", str(1 / 86_400)) as server, asking(server) as wrong:
        it = world(server)
        daypass("backup", str(tmp_path / "one.backup"), "--verify", data=data_dir)
        number = 0

        def has_turned() -> bool:
            nonlocal number
            number += 1
            it.change(f"v{number}")
            it.a_pass()
            return files(data_dir)[0] >= 6

        until(has_turned, "files go", 60)
        assert wrong == []
        assert it.reasons() == []
        assert SAID not in server.said()
