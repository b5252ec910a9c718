"""deploy/Containerfile, built by podman and run as its CMD says: without root, without capabilities, on a file system that is read-only.

Its base comes from no registry: a Debian with the same Python stands in for it (tests/deploy/image, which `make image` runs). So nothing is
said of what the official image brings along, and all of what daypass adds to it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from deploy.engine import CANARY, podman
from deploy.outside import session_of_kept
from rig.wait import until

pytestmark = pytest.mark.xdist_group("image")
MOST_BYTES = 260_000_000  # that daypass adds to its base; a Python, its packages and a solver have 218 MB today
TOOLS = re.compile(r"(^|/)(pip|setuptools|wheel|pkg_resources|_distutils_hack|gcc|cc|make|git)(-[0-9.]+\.dist-info)?(/|$)")
HALF = """
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
form = b"Content-Type: application/x-www-form-urlencoded\\r\\nContent-Length: 43\\r\\n"
with socket.create_connection(("127.0.0.1", 9400), 20) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as half:
    half.sendall(b"POST / HTTP/1.1\\r\\nHost: 127.0.0.1:9400\\r\\n" + form + b"\\r\\nAction=")
    print("half", flush=True)
    sys.stdin.readline()
    half.sendall(b"GetCallerIdentity&Version=2011-06-15")
    print(half.recv(9))
    print(half.recv(3))
"""


@dataclass
class Container:
    """A container that runs, in a network namespace with nothing but its own loopback."""

    name: str
    data: Path  # its /var/lib/daypass, as it is on this host

    @property
    def pid(self) -> str:
        """The process of daypass, as this host numbers it."""
        return podman("inspect", self.name, "--format", "{{.State.Pid}}")

    def ended(self) -> int:
        """What it ended with."""
        podman("wait", self.name)
        return int(podman("inspect", self.name, "--format", "{{.State.ExitCode}}"))

    def beside(self, *words: str) -> list[str]:
        """The command that runs these words outside of the container, but where its port is."""
        return ["nsenter", "--target", self.pid, "--net", *words]

    def kept_session(self) -> str:
        """The id of a session of the role "kept", taken as the operator."""
        said = podman("exec", self.name, "daypass", "process", "--data", "/var/lib/daypass")
        return session_of_kept(self.beside(), said, "https://127.0.0.1:9400", self.data / "tls" / "cert.pem")


@contextmanager
def running(image: str, volume: str) -> Iterator[Container]:
    """A container of the image, ready, with its data in `volume`."""
    confined = ("--read-only", "--network", "none", "--cap-drop", "all", "--security-opt", "no-new-privileges")
    name = podman("run", "--detach", *confined, "--volume", f"{volume}:/var/lib/daypass", image).splitlines()[-1]
    try:
        until(lambda: re.search(r"^ready ", podman("logs", name), re.M) is not None, "it is ready", 60)
        yield Container(name, Path(podman("volume", "inspect", volume, "--format", "{{.Mountpoint}}")))
    finally:
        podman("rm", "--force", name)


@pytest.fixture
def volume(image: str) -> Iterator[str]:
    """A named volume, as `podman run --volume NAME:…` makes one."""
    made = podman("volume", "create")
    yield made
    podman("volume", "rm", made)


def test_it_serves_an_unmodified_client_and_runs_as_nobody(image: str, volume: str) -> None:
    with running(image, volume) as container:
        assert container.kept_session().endswith(":from-outside")
        status = Path(f"/proc/{container.pid}/status").read_text()
        assert re.search(r"^Uid:\t65532\t65532\t65532\t65532$", status, re.M)
        assert re.search(r"^CapEff:\t0+$", status, re.M) and re.search(r"^NoNewPrivs:\t1$", status, re.M)
        assert "Read-only file system" in podman("exec", container.name, "touch", "/opt/daypass/x", check=False)
        asked = f"import urllib.request as u, ssl; c = ssl.create_default_context(cafile={str(container.data / 'tls' / 'cert.pem')!r})"
        asked += "; print(u.urlopen('https://127.0.0.1:9400/health/ready', context=c, timeout=20).status)"
        assert subprocess.run(container.beside(sys.executable, "-c", asked), capture_output=True, check=True, timeout=60).stdout == b"200\n"
        findings = json.loads(podman("exec", container.name, "daypass", "doctor", "-o", "json", "--data", "/var/lib/daypass"))
        assert "fail" not in {found["State"] for found in findings}, findings


def test_it_drains_and_its_volume_outlives_it(image: str, volume: str) -> None:
    with running(image, volume) as container:
        role = container.kept_session()
        command = container.beside(sys.executable, "-c", HALF, str(container.data / "tls" / "cert.pem"))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as half:
            assert half.stdout is not None and half.stdout.readline() == "half\n"
            podman("kill", "--signal", podman("image", "inspect", image, "--format", "{{.Config.StopSignal}}"), container.name)
            until(lambda: not is_listening(container.pid), "nothing new is accepted")
            assert half.communicate("\n", timeout=30)[0] == "b'HTTP/1.1 '\nb'403'\n"
        assert container.ended() == 0
    with running(image, volume) as again:
        assert again.kept_session() == role
        podman("kill", again.name)
        assert again.ended() == 137
    with running(image, volume) as third:
        assert third.kept_session() == role
        said = podman("exec", third.name, "daypass", "events", "verify", "--data", "/var/lib/daypass")
        assert said.startswith("intact: "), said


def is_listening(pid: str) -> bool:
    """Whether port 9400 is listened on in the network namespace of that process (proc(5), net/tcp: 0A is LISTEN)."""
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()]
    return any(line[1].endswith(":24B8") and line[3] == "0A" for line in lines)


def files_of(layer: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """The files of a layer, each with what it holds."""
    with tarfile.open(fileobj=layer) as entries:
        for entry in entries:
            content = entries.extractfile(entry) if entry.isfile() else None
            yield entry, b"" if content is None else content.read()


def test_its_layers_hold_neither_secrets_nor_tools_and_are_roots(image: str, tmp_path: Path) -> None:
    saved, size, wrong = tmp_path / "image.tar", 0, []
    podman("save", "--quiet", "--output", str(saved), image)
    with tarfile.open(saved) as parts:
        manifest = parts.extractfile("manifest.json")
        assert manifest is not None
        _, *ours = json.load(manifest)[0]["Layers"]  # the first is the base
        assert ours
        for name in ours:
            layer = parts.extractfile(name)
            assert layer is not None
            for entry, content in files_of(layer):
                size += len(content)
                own = entry.name.rstrip("/") == "var/lib/daypass"
                if CANARY in content or b"PRIVATE KEY-----\n" in content or TOOLS.search(entry.name):
                    wrong.append(entry.name)
                if not own and not entry.issym() and (entry.uid or entry.mode & 0o6022):
                    wrong.append(f"{entry.name} is {entry.uid}'s, mode {entry.mode:o}")
    saved.unlink()
    print(f"daypass adds {size / 1e6:.0f} MB to its base")
    assert not wrong
    assert size < MOST_BYTES
