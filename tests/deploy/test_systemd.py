"""deploy/daypass.service under a systemd that is process 1, with all its confinement.

It is that of a machine which systemd-nspawn boots from the image: a Debian with daypass in /opt/daypass. The machine has the kernel of
this host, and a network namespace with nothing but a loopback of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.engine import podman
from deploy.outside import session_of_kept
from rig.require import require, require_root
from rig.source import ROOT
from rig.wait import until

pytestmark = pytest.mark.xdist_group("image")
DATA = "/var/lib/daypass"
KEPT = "/srv/kept"  # where root keeps what is not the service's
OWN = "/etc/systemd/system/daypass.service.d/own.conf"  # what `systemctl edit daypass` writes
URL = "http://127.0.0.1:9400"
PATIENCE = 60.0


class Machine:
    """A machine that has booted from the folder `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        words = ["systemd-nspawn", "--quiet", "--boot", "--directory", str(root), "--private-network", "--console=pipe"]
        words += ["--register=no", "--keep-unit"]  # this host need not have a systemd of its own; its /run may be of any kind
        with (root / "console").open("wb") as console:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "-", *words],
                env=os.environ | {"UNIFIED_CGROUP_HIERARCHY": "1"}, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip
        try:
            until(lambda: self.run("systemctl", "is-active", "multi-user.target", check=False).strip() == "active", "it boots", PATIENCE)
        except AssertionError as error:
            self.end()
            raise AssertionError((root / "console").read_text()[-2000:]) from error

    def enter(self, *spaces: str) -> list[str]:
        """The command that enters namespaces of the machine; "" when it does not run."""
        number = self._process.pid
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        return ["nsenter", "--target", children[0] if children else "0", *spaces]

    def run(self, *words: str, check: bool = True) -> str:
        """What root is told there by that command."""
        entered = [*self.enter("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"), *words]
        environment = {"PATH": "/opt/daypass/bin:/usr/bin:/usr/sbin"}
        done = subprocess.run(entered, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0 or not check, f"{words}: {done.stdout}{done.stderr}{self.journal() if check else ''}"
        return done.stdout

    def journal(self) -> str:
        """What the service and systemd about it said."""
        return self.run("journalctl", "--boot", "--unit", "daypass", "--output", "cat", "--no-pager", check=False)

    def shown(self, name: str) -> str:
        """A property of the service."""
        return self.run("systemctl", "show", "--property", name, "--value", "daypass").strip()

    def kept_session(self) -> str:
        """The id of a session of the role "kept", taken as the operator."""
        return session_of_kept(self.enter("--net"), self.run("daypass", "process", "--data", DATA), URL)

    def edit(self, *lines: str) -> None:
        """What `systemctl edit` and a restart do; without lines nothing of one's own is left."""
        place = self.root / OWN[1:]
        place.parent.mkdir(exist_ok=True)
        place.write_text("\n".join(["[Service]", *lines, ""]))
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "restart", "daypass")

    def end(self) -> None:
        """Switch it off."""
        self.run("systemctl", "poweroff", check=False)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def alone() -> Iterator[None]:
    """One machine at a time on this host: two would share a cgroup, and one take away what the other has just made."""
    with (Path(tempfile.gettempdir()) / "daypass-machine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def machine(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with the image's /opt/daypass, on which `systemctl enable --now daypass` was typed."""
    require_root("it boots a machine")
    require("systemd-nspawn", "it boots a machine")
    root = tmp_path_factory.mktemp("machine")
    root.chmod(0o755)  # it is a / for others as well
    made = podman("create", image)
    podman("export", "--output", str(root / "image.tar"), made)
    podman("rm", made)
    subprocess.run(["tar", "-x", "-C", root, "-f", root / "image.tar"], check=True, timeout=120)
    (root / "image.tar").unlink()
    shutil.rmtree(root / DATA[1:])
    shutil.copy(ROOT / "deploy" / "daypass.service", root / "etc/systemd/system")
    with alone():
        booted = Machine(root)
        try:
            booted.run("systemctl", "enable", "--now", "daypass")
            yield booted
        finally:
            booted.end()
            shutil.rmtree(root)


@pytest.fixture(autouse=True)
def as_it_came(machine: Machine) -> Iterator[None]:
    """Each test finds the unit without lines of somebody's own, and running."""
    yield
    machine.run("systemctl", "reset-failed", "daypass", check=False)
    machine.edit()


def test_it_starts_confined_and_serves(machine: Machine) -> None:
    assert machine.kept_session().endswith(":from-outside")
    pid = machine.shown("MainPID")
    status = machine.run("cat", f"/proc/{pid}/status")
    [user] = re.findall(r"^Uid:\t(\d+)\t\1\t\1\t\1$", status, re.M)
    assert int(user) >= 61184  # systemd's range of users that come and go
    assert re.findall(r"^Cap(?:Prm|Eff|Bnd|Amb):\t(.*)$", status, re.M) == ["0" * 16] * 4
    assert re.search(r"^NoNewPrivs:\t1$", status, re.M) and re.search(r"^Seccomp:\t2$", status, re.M)
    inside = ("nsenter", "--target", pid, "--mount")
    for place in ("/etc", "/opt/daypass", "/var/lib"):
        assert "Read-only" in machine.run(*inside, "sh", "-c", f"touch {place}/x 2>&1", check=False)
    assert machine.run("stat", "--format", "%a", f"{DATA}/", f"{DATA}/root.key").split() == ["700", "600"]
    findings = json.loads(machine.run("daypass", "doctor", "-o", "json", "--data", DATA))
    assert "fail" not in {found["State"] for found in findings}, findings
    said = machine.journal()
    assert f"ready {URL}" in said and "warning" not in said and "Traceback" not in said, said


def test_reload_keeps_it_and_a_kill_brings_it_back(machine: Machine) -> None:
    session, before = machine.kept_session(), machine.shown("MainPID")
    machine.run("systemctl", "reload", "daypass")
    assert machine.shown("MainPID") == before and machine.shown("ActiveState") == "active"
    machine.run("sh", "-c", f"kill -KILL {before}")
    until(lambda: machine.shown("MainPID") not in ("0", before) and machine.shown("ActiveState") == "active", "a restart", PATIENCE)
    assert machine.kept_session() == session
    machine.run("systemctl", "stop", "daypass")
    ended = [machine.shown(name) for name in ("ActiveState", "Result", "ExecMainCode", "ExecMainStatus")]
    assert ended == ["inactive", "success", "1", "0"]
    machine.run("systemctl", "start", "daypass")
    assert machine.kept_session() == session
    assert machine.run("daypass", "events", "verify", "--data", DATA).startswith("intact: ")


def test_one_that_hangs_is_ended_by_the_watchdog(machine: Machine) -> None:
    machine.edit("WatchdogSec=2", "TimeoutAbortSec=2")
    before = machine.shown("MainPID")
    first = int(machine.shown("WatchdogTimestampMonotonic"))  # microseconds
    until(lambda: int(machine.shown("WatchdogTimestampMonotonic")) > first + 4_000_000, "it says that it turns")
    assert machine.shown("MainPID") == before
    machine.run("sh", "-c", f"kill -STOP {before}")
    until(lambda: machine.shown("MainPID") not in ("0", before) and machine.shown("ActiveState") == "active", "a restart", PATIENCE)
    assert "Watchdog timeout" in machine.journal()


def test_a_database_that_is_away_is_asked_for_again_and_an_unknown_word_is_not(machine: Machine) -> None:
    machine.run("systemctl", "stop", "daypass")
    with pytest.raises(AssertionError):
        machine.edit('Environment="DAYPASS_UP=--no-such-word"')
    until(lambda: machine.shown("ActiveState") == "failed", "it gives up")
    assert machine.shown("NRestarts") == "0"
    machine.run("systemctl", "stop", "daypass")
    with pytest.raises(AssertionError):
        machine.edit("RestartSec=100ms", 'Environment="DAYPASS_UP=--db postgresql://daypass@127.0.0.1:1/daypass"')
    until(lambda: int(machine.shown("NRestarts")) > 6, "it goes on", PATIENCE)
    assert machine.shown("ActiveState") == "activating"


def test_what_the_page_says_is_typed_as_it_stands(machine: Machine) -> None:
    """docs/how-to/deploy.md: the root key comes as a credential, a backup is taken beside the service."""
    session = machine.kept_session()
    [block] = re.findall(r"^<!-- played by tests/deploy -->\n```\n(.*?)^```", (ROOT / "docs/how-to/deploy.md").read_text(), re.M | re.S)
    machine.run("sh", "-ec", block)
    assert machine.kept_session() == session
    assert not (machine.root / "var/lib/private/daypass/root.key").exists()
    machine.run("cp", "/etc/daypass/root.key", f"{DATA}/root.key")  # as it came
    machine.run("chown", "--reference", f"{DATA}/", f"{DATA}/root.key")


def test_it_is_backed_up_and_restored_by_root(machine: Machine) -> None:
    """docs/how-to/run-it-for-real.md, as root beside the service."""
    machine.kept_session()
    backup, key = f"{KEPT}/today.backup", f"{KEPT}/root.key"
    machine.run("install", "-d", "-m", "700", KEPT)
    machine.run("install", "-m", "600", f"{DATA}/root.key", key)
    machine.run("daypass", "backup", backup, "--verify", "--data", DATA, "--key-file", key)
    machine.run("systemctl", "stop", "daypass")
    own, old = "/var/lib/private/daypass", "/var/lib/private/daypass.old"  # DATA is a link to the first
    machine.run("mv", own, old)
    machine.run("daypass", "restore", backup, "--data", own, "--key-file", key, "--ledger", old)
    machine.run("install", "-m", "600", key, f"{own}/root.key")
    machine.run("systemctl", "start", "daypass")
    assert machine.kept_session().endswith(":from-outside")
    assert machine.run("daypass", "events", "verify", "--data", DATA).startswith("intact: ")
