"""An installation moves between root keys in a file, a KMS and a token, and is backed up and restored under each (F-22, F-27)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rig.kms import Kms
from rig.sealed import started
from rig.server import DAYPASS, clean_environment, running
from rig.softhsm import SoftHsm

CONFIG_IS_WRONG, UNREACHABLE = 6, 5
PASSPHRASE = "canary of a passphrase"
# The command itself, which kills itself when the new root key has wrapped so many keys; beyond the last, when it is committed.
KILLED = """
import os, signal, sys
from daypass.cli.main import main
from daypass.store import vault

last, calls, take_up, move = int(sys.argv.pop(1)), [], vault._take_up, vault.data_key.move

def counted(call):
    def one(*given, **more):
        done = call(*given, **more)
        calls.append(call)
        if len(calls) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return done
    return one

vault._take_up, vault.data_key.move = counted(take_up), counted(move)
from daypass.store import rewrapping
rewrapping.rewrap = counted(rewrapping.rewrap)
sys.exit(main())
"""


class Places:
    """Where root keys are, and how options name them."""

    def __init__(self, directory: Path) -> None:
        self.kms = Kms()
        self.hsm = SoftHsm(directory / "hsm")
        self.hsm.make("mine")
        self.environment = {**self.kms.environment, **self.hsm.environment}
        self.options = {
            "file": ["--key-file", str(directory / "root.key")],
            "kms": self.kms.options(self.kms.new_key()),
            "token": self.hsm.options("mine"),
            "other file": ["--key-file", str(directory / "other.key")],
        }

    def to(self, name: str) -> list[str]:
        """The options that name the new one for `keys rewrap`."""
        return [one.replace("--", "--to-", 1) if one.startswith("--") else one for one in self.options[name]]

    def run(self, *arguments: str, program: Sequence[str] = (DAYPASS,)) -> subprocess.CompletedProcess[str]:
        environment = clean_environment(self.environment)
        return subprocess.run([*program, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    made = Places(tmp_path_factory.mktemp("places"))
    yield made
    made.kms.close()


def opens(places: Places, data: Path, name: str) -> bool:
    """Whether that root key opens the database: a backup is proven with it."""
    done = places.run("backup", str(data.with_name("probe")), "--verify", "--data", str(data), *places.options[name])
    assert done.returncode in (0, CONFIG_IS_WRONG), done.stderr
    assert done.returncode == 0 or "The root key of this database is in" in done.stderr, done.stderr
    return done.returncode == 0


def serves(places: Places, data: Path, name: str) -> None:
    """A server starts under that root key, and its ledger verifies."""
    with running(data, *places.options[name], environment=places.environment) as server:
        verified = json.loads(server.command("events", "verify", "-o", "json").stdout)
        assert verified["Intact"], verified


@pytest.mark.parametrize(("old", "new"), [("file", "kms"), ("kms", "token"), ("token", "other file")])
def test_F22_a_move_that_is_killed_leaves_one_of_the_two_that_opens_it(places: Places, tmp_path: Path, old: str, new: str) -> None:
    data = tmp_path / "data"
    serves(places, data, old)
    rewrap = ("keys", "rewrap", *places.options[old], *places.to(new), "--data", str(data))
    for step, keys in ((1, (True, False)), (2, (True, False)), (3, (False, True))):
        killed = places.run(str(step), *rewrap, program=(sys.executable, "-P", "-c", KILLED))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert (opens(places, data, old), opens(places, data, new)) == keys, step
    serves(places, data, new)
    file = str(tmp_path / "b")
    done = places.run("backup", file, "--verify", *places.options[new], "--data", str(data))
    assert done.returncode == 0, done.stderr
    wrong = places.run("restore", file, *places.options[old], "--data", str(tmp_path / "new"))
    assert wrong.returncode == CONFIG_IS_WRONG, wrong.stderr
    done = places.run("restore", file, *places.options[new], "--data", str(tmp_path / "new"))
    assert done.returncode == 0, done.stderr
    serves(places, tmp_path / "new", new)


def test_a_node_that_waits_sealed_is_unsealed_before_it_is_backed_up(places: Places, tmp_path: Path) -> None:
    """Its ledger cannot tell of a backup as long as it is not open."""
    words = tmp_path / "words"
    words.write_text(PASSPHRASE)
    words.chmod(0o600)
    data, backup = tmp_path / "data", ("backup", str(tmp_path / "b"), "--passphrase-file", str(words))
    with running(data, "--passphrase-file", str(words)):
        pass
    with started(data, "--sealed") as node:
        node.line("sealed")
        refused = node.command(*backup)
        assert (refused.returncode, "sealed" in refused.stderr, (tmp_path / "b").exists()) == (UNREACHABLE, True, False), refused.stderr
        assert node.command("unseal", stdin=f"{PASSPHRASE}\n").returncode == 0
        node.line("ready")
        done = node.command(*backup, "--verify")
        assert done.returncode == 0, done.stderr
