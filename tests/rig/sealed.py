"""Runs `daypass up` where it is expected to come up sealed: does not wait for the ready line."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.server import DAYPASS, DRAIN_SECONDS, clean_environment, daypass
from rig.wait import until

SECONDS = 30.0  # for a start, or for a node to unseal by itself


@dataclass
class Started:
    """A process of `daypass up`, whatever it has come to."""

    data: Path
    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path

    def said(self) -> str:
        """What it printed so far, stdout and stderr."""
        return self.stdout.read_text() + self.stderr.read_text()

    def line(self, word: str) -> str:
        """The URL of its line `sealed URL: …` or `ready URL`, once that is there."""
        until(lambda: self._find(word) or self.process.poll() is not None, f"the line {word!r}", SECONDS)
        found = self._find(word)
        assert found, f"exit {self.process.poll()}\n{self.said()}"
        return found

    def _find(self, word: str) -> str:
        lines = [line.split() for line in self.said().splitlines() if line.startswith(f"{word} ") and self.said().endswith("\n")]
        return lines[0][1].rstrip(":") if lines else ""

    def health(self, path: str = "/health") -> tuple[int, dict[str, Any]]:
        """Status and document of the health of a node that is sealed or ready."""
        url = (self._find("ready") or self.line("sealed")) + path
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def exit(self) -> int:
        """How it ended by itself."""
        return self.process.wait(SECONDS)

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """`daypass` with `arguments` for this server, and `stdin` to read."""
        if not stdin:
            return daypass(*arguments, data=self.data, check=False)
        asked = [DAYPASS, *arguments, "--data", str(self.data)]
        return subprocess.run(asked, env=clean_environment(), input=stdin, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def started(data: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Started]:
    """`daypass up` on a port of its own. When it still runs at the end: SIGTERM, and exit 0 is asserted, sealed or not."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    stdout, stderr = data.with_name(data.name + ".out"), data.with_name(data.name + ".err")
    command = [DAYPASS, "up", "--data", str(data), "--listen", "127.0.0.1:0", *arguments]
    with stdout.open("wb") as out, stderr.open("wb") as talk:
        process = subprocess.Popen(
            command, env=clean_environment(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=talk, start_new_session=True
        )
    it = Started(data, process, stdout, stderr)
    try:
        yield it
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(DRAIN_SECONDS) == 0, it.said()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
