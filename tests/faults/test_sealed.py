"""The root key is away, is another one, or is refused: a node waits sealed and unseals by itself, or ends with nothing changed (F-22)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from rig.canary import Canaries
from rig.kms import Kms
from rig.postgres import Cluster
from rig.sealed import Started, started
from rig.server import running
from rig.softhsm import PIN, SoftHsm
from rig.wait import until

CONFIG_IS_WRONG, DENIED, UNREACHABLE = 6, 4, 5
PASSPHRASE = "canary of a passphrase"


class Place:
    """One kind of place for a root key: how to point to it, to take it away, to bring it back, and to point to another key in it."""

    def __init__(
        self,
        options: list[str],
        other: list[str],
        environment: dict[str, str],
        away: Callable[[], Any],
        back: Callable[[], Any],
        secrets: dict[str, Any],
        told: str,
    ) -> None:
        self.options, self.other, self.environment, self.away, self.back = options, other, environment, away, back
        self.secrets, self.told = secrets, told


def in_a_token(tmp_path: Path, kms: Kms) -> Place:
    hsm = SoftHsm(tmp_path / "hsm")
    hsm.make("mine")
    hsm.make("other")
    secrets = {"SecretAccessKey": PIN}
    return Place(hsm.options("mine"), hsm.options("other"), hsm.environment, hsm.unplug, hsm.plug, secrets, "token")


def in_a_kms(tmp_path: Path, kms: Kms) -> Place:
    def away() -> None:
        kms.failing = [(503, "ServiceUnavailableException")]

    def back() -> None:
        kms.failing = [None]

    secrets = {"SecretAccessKey": kms.environment["AWS_SECRET_ACCESS_KEY"]}
    return Place(kms.options(kms.new_key()), kms.options(kms.new_key()), kms.environment, away, back, secrets, "KMS")


@pytest.fixture(scope="module")
def kms() -> Iterator[Kms]:
    made = Kms()
    yield made
    made.close()


@pytest.fixture(params=[in_a_token, in_a_kms], ids=["token", "kms"])
def place(request: pytest.FixtureRequest, tmp_path: Path, kms: Kms) -> Iterator[Place]:
    kms.failing = [None]
    yield request.param(tmp_path, kms)
    kms.failing = [None]


def state(data: Path) -> str:
    """What the database holds; SQLite's file is whole when nobody has it open."""
    return hashlib.sha256((data / "daypass.db").read_bytes()).hexdigest()


def test_F22_a_node_waits_sealed_for_a_key_that_is_away_and_goes_on_by_itself(place: Place, data_dir: Path, canaries: Canaries) -> None:
    canaries.watch({"Credentials": {**place.secrets, "AccessKeyId": "x"}})
    with running(data_dir, *place.options, environment=place.environment) as server:
        before = json.loads(server.command("process").stdout)
        canaries.watch(before)
    held = state(data_dir)
    place.away()
    with started(data_dir, *place.options, environment=place.environment) as node:
        node.line("sealed")
        status, health = node.health()
        assert status == 503
        assert (health["live"], health["ready"], health["reasons"]) == (True, False, ["sealed"])
        assert place.told in health["sealed"]
        assert node.health("/health/live") == (200, {"live": True})
        assert node.health("/health/ready")[0] == 503
        for command in ("doctor", "nodes", "sessions"):
            told = node.command(command)
            assert told.returncode == UNREACHABLE
            assert "sealed" in told.stdout + told.stderr
        assert state(data_dir) == held
        place.back()
        node.line("ready")
        until(lambda: node.health()[0] == 200, "the node is ready")
        assert node.command("process").returncode == 0
        assert json.loads(node.command("events", "verify", "-o", "json").stdout)
    leaks = canaries.leaks_under(data_dir) + canaries.leaks_in("stdout and stderr", node.said().encode())
    assert not leaks, "\n".join(leaks)


def test_F22_a_first_start_waits_as_well_and_begins_when_the_place_is_there(place: Place, data_dir: Path) -> None:
    place.away()
    with started(data_dir, *place.options, environment=place.environment) as node:
        node.line("sealed")
        place.back()
        node.line("ready")


def test_F22_another_key_ends_the_start_and_changes_nothing(place: Place, data_dir: Path) -> None:
    with running(data_dir, *place.options, environment=place.environment):
        pass
    held = state(data_dir)
    for options in (place.other, []):  # [] asks for a key file: the database says where its key is
        with started(data_dir, *options, environment=place.environment) as node:
            assert node.exit() == CONFIG_IS_WRONG
        assert "Nothing was changed" in node.said()
        assert state(data_dir) == held
        assert not (data_dir / "root.key").exists()
    with running(data_dir, *place.options, environment=place.environment):
        pass


def test_F22_another_key_that_comes_while_sealed_ends_the_wait(place: Place, data_dir: Path) -> None:
    with running(data_dir, *place.options, environment=place.environment):
        pass
    held = state(data_dir)
    place.away()
    with started(data_dir, *place.other, environment=place.environment) as node:
        node.line("sealed")
        place.back()
        assert node.exit() == CONFIG_IS_WRONG
    assert state(data_dir) == held


def test_F22_two_nodes_share_the_root_key_and_a_third_with_another_does_not_start(
    place: Place, cluster: Cluster, tmp_path: Path
) -> None:
    url = cluster.url(cluster.new_schema())
    with ExitStack() as stack:
        for name in ("a", "b"):
            up = stack.enter_context(running(tmp_path / name, "--db", url, *place.options, environment=place.environment))
        assert len(json.loads(up.command("nodes", "-o", "json").stdout)["Nodes"]) == 2
        with started(tmp_path / "c", "--db", url, *place.other, environment=place.environment) as third:
            assert third.exit() == CONFIG_IS_WRONG
        place.away()
        with started(tmp_path / "c", "--db", url, *place.options, environment=place.environment) as third:
            third.line("sealed")
            # those that run do not need the place, and are not held up by the one that waits for it
            assert up.health()["ready"]
            assert up.command("process").returncode == 0
            place.back()
            third.line("ready")
            until(lambda: len(json.loads(up.command("nodes", "-o", "json").stdout)["Nodes"]) == 3, "the third is one of them")


def test_M22_a_pin_file_that_others_can_read_is_refused(tmp_path: Path, data_dir: Path) -> None:
    hsm = SoftHsm(tmp_path / "hsm")
    hsm.make("mine")
    hsm.pin_file.chmod(0o640)
    with started(data_dir, *hsm.options("mine"), environment=hsm.environment) as node:
        assert node.exit() == CONFIG_IS_WRONG
    assert f"chmod 600 {hsm.pin_file}" in node.said()
    hsm.pin_file.chmod(0o600)
    with running(data_dir, *hsm.options("mine"), environment=hsm.environment):
        pass


def test_a_pin_that_is_wrong_ends_the_start_at_once(tmp_path: Path, data_dir: Path) -> None:
    hsm = SoftHsm(tmp_path / "hsm")
    hsm.make("mine")
    hsm.pin_file.write_text("000000\n")
    with started(data_dir, *hsm.options("mine"), environment=hsm.environment) as node:
        assert node.exit() == CONFIG_IS_WRONG
    assert "refuses the PIN" in node.said()


@pytest.mark.parametrize("code", ["AccessDeniedException", "NotFoundException"])
def test_a_kms_that_refuses_ends_the_start(code: str, kms: Kms, data_dir: Path) -> None:
    kms.failing = [(400, code)]
    with started(data_dir, *kms.options(kms.new_key()), environment=kms.environment) as node:
        assert node.exit() == CONFIG_IS_WRONG
    kms.failing = [None]
    assert code in node.said()


def unseal(node: Started, passphrase: str, *more: str) -> tuple[int, str]:
    done = node.command("unseal", *more, stdin=f"{passphrase}\n")
    return done.returncode, done.stderr


def test_a_passphrase_that_somebody_brings_begins_and_opens(data_dir: Path, canaries: Canaries) -> None:
    canaries.watch({"Credentials": {"AccessKeyId": "x", "SecretAccessKey": PASSPHRASE}})
    with started(data_dir, "--sealed") as node:
        node.line("sealed")
        assert "passphrase" in node.health()[1]["sealed"]
        code, said = unseal(node, PASSPHRASE)
        assert code == DENIED and "--new" in said  # an empty database may be the wrong one
        assert unseal(node, "short", "--new")[0] == DENIED
        assert unseal(node, PASSPHRASE, "--new")[0] == 0
        node.line("ready")
        assert unseal(node, PASSPHRASE)[1].endswith("is not sealed\n")
    held = state(data_dir)
    with started(data_dir, "--sealed") as node:
        node.line("sealed")
        code, said = unseal(node, "not the passphrase")
        assert code == DENIED and "does not open this database" in said
        assert state(data_dir) == held
        assert node.health()[0] == 503
        assert unseal(node, PASSPHRASE)[0] == 0
        node.line("ready")
        assert '"eventName": "Unseal"' in node.command("events", "-o", "json").stdout
        assert node.command("events", "verify").returncode == 0
    leaks = canaries.leaks_under(data_dir) + canaries.leaks_in("stdout and stderr", node.said().encode())
    assert not leaks, "\n".join(leaks)


def test_a_sealed_node_ends_in_good_order(data_dir: Path) -> None:
    with started(data_dir, "--sealed") as node:
        node.line("sealed")
    assert node.process.returncode == 0
    assert "ready" not in node.stdout.read_text()
