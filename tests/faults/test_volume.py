"""The volume of the data directory, on a server of its own (F-06): read-only at the start, gone under a running node, full (F-03, F-04)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from rig.invariants import Invariants
from rig.node import Keys, Refused
from rig.remote import Remote
from rig.require import require_root
from rig.server import daypass, running
from rig.wait import until


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A small file system of the test's own."""
    require_root("mounting a tmpfs")
    place = tmp_path / "volume"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "daypass-test", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_F06_a_read_only_volume_is_told_of_at_the_start(volume: Path) -> None:
    with running(volume / "data"):
        pass
    before = {path: path.read_bytes() for path in sorted((volume / "data").rglob("*")) if path.is_file()}
    subprocess.run(["mount", "-o", "remount,ro", volume], check=True)
    done = daypass("up", "--listen", "127.0.0.1:0", data=volume / "data", check=False)
    assert done.returncode == 6
    assert "Traceback" not in done.stderr
    assert "Read-only file system" in done.stderr
    assert {path: path.read_bytes() for path in before} == before
    subprocess.run(["mount", "-o", "remount,rw", volume], check=True)
    with running(volume / "data") as again:
        assert again.health()["ready"]


def test_F03_F04_a_full_volume_under_a_running_server(volume: Path) -> None:
    """Database and ledger on one full disk: changes are refused, verifying goes on; with space again all goes on by itself."""
    with running(volume / "data") as server:
        remote = Remote(server.url)
        keys = Keys.of(json.loads(server.command("process").stdout))
        acknowledged = [remote.told("iam", "CreateUser", {"UserName": f"u{number}"}, keys)[1] for number in range(5)]
        weight = volume / "weight"
        with suppress(OSError), weight.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

        def refused() -> bool:
            try:
                acknowledged.append(remote.told("iam", "CreateUser", {"UserName": f"v{len(acknowledged)}"}, keys)[1])
            except Refused as error:
                assert (error.code, error.status) == ("ServiceUnavailable", 503)
                return True
            return False

        until(refused, "changes are refused")
        assert remote.call("sts", "GetCallerIdentity", {}, keys)["Arn"]
        weight.unlink()
        until(lambda: not refused(), "changes are made again")
        until(lambda: bool(server.health()["ready"]), "it is ready again")
        facts = {f"user/u{number}": {"attached": [], "inline": {}, "tags": {}, "groups": [], "keys": []} for number in range(5)}
        assert Invariants(remote.call, server.data, keys, facts=facts, acknowledged=acknowledged, good=[keys]).violations() == []
