"""The servers that are measured, each a process of its own on one core: started, asked for their CPU and memory, ended. Sends no load."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY_SECONDS = 60.0
END_SECONDS = 30.0
SERVER_CORE, CLIENT_CORE = 0, 1
_READY = re.compile(rb"(?:^ready|Running on) http://([0-9.]+):([0-9]+)", re.MULTILINE)
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Target:
    """A running server. `ready` is how many seconds it took to serve."""

    name: str
    address: tuple[str, int]
    pid: int
    ready: float

    @property
    def host(self) -> str:
        """The Host header, and what follows `http://`."""
        return f"{self.address[0]}:{self.address[1]}"

    def cpu(self) -> float:
        """Seconds of CPU, user and system, that the process and its ended children have used; threads that ended count."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) / _TICKS

    def memory(self) -> float:
        """MiB of resident memory."""
        found = re.search(r"^VmRSS:\s+([0-9]+) kB", Path(f"/proc/{self.pid}/status").read_text(), re.MULTILINE)
        if found is None:
            raise RuntimeError(f"{self.name} is gone")
        return int(found[1]) / 1024


def pin(core: int) -> None:
    """Keep this process on one core, where there are two or more."""
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {core})


@contextmanager
def started(name: str, command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Target]:
    """Run `command` until the end of the block; it says where it serves in a line that `_READY` fits. Its talk goes to folder/name.log."""
    log = folder / f"{name}.log"
    begun = time.perf_counter()
    with log.open("wb") as talk:
        process = subprocess.Popen(
            command,
            env=_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=talk,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: pin(SERVER_CORE),
        )
    try:
        while (said := _READY.search(log.read_bytes())) is None:
            if process.poll() is not None or time.perf_counter() - begun > READY_SECONDS:
                raise RuntimeError(f"{name} does not serve: {log.read_text()[-2000:]}")
            time.sleep(0.005)
        ready = time.perf_counter() - begun
        yield Target(name, (said[1].decode(), int(said[2])), process.pid, ready)
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def daypass(folder: Path, *arguments: str, name: str = "daypass") -> list[str]:
    """The command of a daypass server with its data in folder/name."""
    return [beside("daypass"), "up", "--data", str(folder / name), "--listen", "127.0.0.1:0", *arguments]


def module(name: str) -> list[str]:
    """The command of one of the bench's own servers."""
    return [sys.executable, "-m", f"bench.{name}"]


def moto() -> list[str] | None:
    """The command of moto's server, or None where it is not installed (`make bench` installs it)."""
    command = beside("moto_server")
    return [command, "-H", "127.0.0.1", "-p", str(_free_port())] if Path(command).exists() else None


def beside(command: str) -> str:
    """A command of this Python's environment."""
    return str(Path(sys.executable).with_name(command))


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _environment() -> dict[str, str]:
    """This process's environment without what names AWS."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "BOTO", "DAYPASS_"))}
    return kept | {"AWS_EC2_METADATA_DISABLED": "true"}
