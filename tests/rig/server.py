"""Runs `daypass up` as its own process with production defaults, the way an operator does. Does not reach into it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_SECONDS = 30.0
DRAIN_SECONDS = 15.0
REGION = "us-east-1"


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without anything that names AWS or daypass, and with `extra`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "DAYPASS_", "BOTO"))}
    return kept | {"AWS_EC2_METADATA_DISABLED": "true"} | dict(extra or {})


DAYPASS = str(Path(sys.executable).with_name("daypass"))  # the command as it was installed beside this Python


def daypass(*arguments: str, data: Path, timeout: float = 60, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run one `daypass` command against the server of `data`; with `check` a non-zero exit raises with what it said."""
    command = [DAYPASS, *arguments, "--data", str(data)]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise AssertionError(f"daypass {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


@dataclass
class Server:
    """A running server: where it is, what it has said."""

    url: str
    data: Path
    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path
    is_over: bool = False  # whether the test ends it by itself

    @property
    def aws_config(self) -> Path:
        """The ready-made configuration with the profile `operator` (DESIGN §5)."""
        return self.data / "aws" / "config"

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which any SDK or CLI is the operator."""
        return clean_environment(
            {"AWS_CONFIG_FILE": str(self.aws_config), "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_PROFILE": "operator"}
        )

    def said(self) -> str:
        """What it printed so far, stdout and stderr."""
        return self.stdout.read_text() + self.stderr.read_text()

    def health(self) -> dict[str, Any]:
        """The answer of GET /health."""
        with urllib.request.urlopen(f"{self.url}/health", timeout=10) as answer:
            document: dict[str, Any] = json.load(answer)
        return document

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `daypass` with `arguments` for this server."""
        return daypass(*arguments, data=self.data, check=check)


class _Output(threading.Thread):
    """Copies a process's stdout to the file `path` as it comes, so that the process never waits for a reader."""

    def __init__(self, process: subprocess.Popen[bytes], path: Path) -> None:
        super().__init__(daemon=True)
        self._process, self._path = process, path
        self._ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def run(self) -> None:
        """Copy until the process closes its end."""
        assert self._process.stdout is not None
        with self._path.open("wb", buffering=0) as out:
            for line in self._process.stdout:
                out.write(line)
                if line.startswith(b"ready "):
                    self._ready.put(line.split()[1].decode())
        self._ready.put(None)

    def url(self, stderr: Path) -> str:
        """The URL of the ready line. Raises AssertionError, with what was said, when it does not come in time."""
        with contextlib.suppress(queue.Empty):
            if url := self._ready.get(timeout=READY_SECONDS):
                return url
        said = f"{self._path.read_text()}\n{stderr.read_text()}"
        raise AssertionError(f"no ready line within {READY_SECONDS} s; exit {self._process.poll()}\n{said}")


@contextmanager
def running(
    data: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    listen: str = "127.0.0.1:0",
    clock: Path | None = None,
    inside: Sequence[str] = (),
) -> Iterator[Server]:
    """A server on a port of its own; at the end SIGTERM, and exit 0 is asserted (DESIGN §5).

    `clock` is a file with the seconds by which its wall clock stands off (rig/shifted.py); without it the program runs as installed.
    `inside` are words that become the command behind them, on another machine of the test (rig/partition.py).
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    stdout, stderr = data.with_name(data.name + ".out"), data.with_name(data.name + ".err")
    stdout.touch()
    program = [sys.executable, "-P", str(Path(__file__).with_name("shifted.py")), str(clock)] if clock else [DAYPASS]
    command = [*inside, *program, "up", "--data", str(data), "--listen", listen, *arguments]
    with stderr.open("ab") as talk:
        process = subprocess.Popen(
            command,
            env=clean_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=talk,
            start_new_session=True,
        )
    output = _Output(process, stdout)
    output.start()
    try:
        server = Server(output.url(stderr), data, process, stdout, stderr)
        yield server
        if not server.is_over:
            assert process.poll() is None, f"the server ended by itself, exit {process.returncode}\n{stderr.read_text()}"
            process.send_signal(signal.SIGTERM)
        process.wait(DRAIN_SECONDS)
        assert process.returncode == 0, f"SIGTERM: exit {process.returncode}\n{stderr.read_text()}"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        output.join()
        assert process.stdout is not None
        process.stdout.close()


Start = Callable[..., Server]  # gives a node that runs to the end of its test, by its name and the arguments of `daypass up`
