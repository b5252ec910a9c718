"""Machines and the cables between them: network namespaces of the test's own, joined by veth pairs that fail as real networks do.

Nothing here touches the host's own network; all of it is gone with the processes that hold it. Needs root, `ip` and `nft`.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from rig.require import require, require_root
from rig.server import Server, clean_environment, running

_HOLD = "ip link set lo up && echo up && exec cat"  # to the end of its input, which comes with the end of this process at the latest
_RELAY = str(Path(__file__).with_name("relay.py"))
_numbers = count(1)


class Machine:
    """A host with a network of its own: loopback, and the cables that are plugged in. Its files are everybody's."""

    def __init__(self) -> None:
        require_root("network namespaces")
        require("ip", "apt-get install iproute2")
        require("nft", "apt-get install nftables")
        self._holder = subprocess.Popen(["unshare", "--net", "sh", "-c", _HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"up\n":
            self.remove()
            raise AssertionError("no network namespace can be made here: see what unshare(1) said")
        self.pid = self._holder.pid
        self.inside = ("nsenter", f"--net=/proc/{self.pid}/ns/net")  # words that become the command behind them, on this machine

    def run(self, *words: str, given: str = "") -> str:
        """What a command on this machine says. Raises AssertionError, with what it said, when it fails."""
        done = subprocess.run([*self.inside, *words], input=given, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def node(self, data: Path, *arguments: str) -> Iterator[Server]:
        """`daypass up` on this machine, as rig/server.py runs it; its API is reached on the same port of the host's loopback."""
        with self._door() as port, running(data, *arguments, listen=f"127.0.0.1:{port}", inside=self.inside) as server:
            yield server

    @contextmanager
    def _door(self) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as listener:  # of the host's network, wherever it is accepted from
            port: int = listener.getsockname()[1]
            command = [*self.inside, sys.executable, "-P", _RELAY, str(listener.fileno()), str(port)]
            relay = subprocess.Popen(command, env=clean_environment(), stdin=subprocess.PIPE, pass_fds=[listener.fileno()])
            try:
                yield port
            finally:
                relay.communicate(timeout=30)

    def remove(self) -> None:
        """Let go of it; the last process on it takes network and cables with it."""
        self._holder.communicate(timeout=30)


class Cable:
    """Joins two machines, by an address of its own at each.

    What a fault takes is taken where it arrives, so that who sent it notices no more than on a real network.
    """

    def __init__(self, near: Machine, far: Machine) -> None:
        number = next(_numbers)
        self.near, self.far, self._name = near, far, f"cable{number}"
        self.near_address, self.far_address = (f"10.77.{number}.{end}" for end in (1, 2))
        near.run("ip", "link", "add", self._name, "type", "veth", "peer", "name", self._name, "netns", str(far.pid))
        for machine, address in ((near, self.near_address), (far, self.far_address)):
            machine.run("ip", "address", "add", f"{address}/30", "dev", self._name)
            machine.run("ip", "link", "set", self._name, "up")

    def silence(self) -> None:
        """Nothing arrives any more, in neither direction, and nobody is told."""
        self._arriving("drop")

    def reset(self) -> None:
        """Whatever is sent is answered by a reset."""
        self._arriving("tcp flags & rst == 0 reject with tcp reset")

    def narrow(self, size: int) -> None:
        """Packets of more than `size` bytes do not arrive, and nobody is told: a black hole for want of ICMP (RFC 2923 §2.1)."""
        self._arriving(f"meta length > {size} drop")

    def pull(self) -> None:
        """The far end is pulled out, with whatever stands behind it; it is not put back."""
        self.far.run("ip", "link", "set", self._name, "down")

    def mend(self) -> None:
        """All arrives again."""
        self._arriving("accept")

    def _arriving(self, verdict: str) -> None:
        table = f"table ip {self._name}"
        chain = f"chain arriving {{ type filter hook input priority 0; iifname {self._name} {verdict}; }}"
        for machine in (self.near, self.far):
            machine.run("nft", "-f", "-", given=f"{table} {{}}\ndelete {table}\n{table} {{\n{chain}\n}}\n")
