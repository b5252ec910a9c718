"""Where the demo plays: a server of its own, a provider, and clients whose clocks go with the server's. Knows nothing of the story."""

from __future__ import annotations

import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Self

from daypass.cli import control
from daypass.cli.aws import AwsError, Client, Credentials
from daypass.cli.demo.provider import Provider
from daypass.cli.exits import CONFIG, UNREACHABLE, Trouble

READY_SECONDS = 30.0
DRAIN_SECONDS = 15.0
REGION = "us-east-1"


class NotHeld(Exception):
    """A step did not go as it must; the text says what came instead."""


class Stage:
    """The running parts, as a context manager; leaves no process and no file behind."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="daypass-demo-")
        folder = Path(self._folder.name)
        self.provider = Provider(folder)
        self.data = str(folder / "data")
        self.url = ""
        self._talk = folder / "server.log"
        self._ahead = timedelta(0)
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.provider.__enter__()
        try:
            with self._talk.open("wb") as talk:
                # -P: a folder named daypass where the command is typed is not ours
                command = [sys.executable, "-P", "-m", "daypass.cli.demo.server", self.data, str(self.provider.authority)]
                self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=talk, bufsize=0)  # noqa: S603  # our own module
            self.url = self._line("ready ")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._server:
            for pipe in (self._server.stdin, self._server.stdout):
                if pipe:
                    pipe.close()  # the end of its stdin ends the server
            try:
                self._server.wait(DRAIN_SECONDS)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        self.provider.__exit__()
        self._folder.cleanup()

    def now(self) -> datetime:
        """The time by the server's clock."""
        return datetime.now(UTC) + self._ahead

    def move_to(self, then: datetime) -> None:
        """Set the server's clock, and those of the clients, to `then`, which is not past."""
        seconds = round((then - datetime.now(UTC)).total_seconds())
        pipe = self._pipe("stdin")
        pipe.write(f"{seconds}\n".encode("ascii"))
        pipe.flush()
        self._line(f"moved {seconds}")
        self._ahead = timedelta(seconds=seconds)

    def client(self, credentials: Credentials | None = None) -> Client:
        """A client with these credentials, or one that proves nothing."""
        return Client(self.url, credentials, REGION, self.now)

    def operator(self, operation: str, **members: Any) -> dict[str, Any]:
        """Call one of daypass's own operations over the socket."""
        return control.call(self.data, operation, **members)

    def _pipe(self, name: str) -> IO[bytes]:
        pipe: IO[bytes] | None = getattr(self._server, name, None)
        if pipe is None:
            raise RuntimeError("the stage is not entered")
        return pipe

    def _line(self, start: str) -> str:
        """The rest of the first line on the server's stdout that begins with `start`; others are its talk."""
        pipe = self._pipe("stdout")
        end = time.monotonic() + READY_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while selector.select(max(end - time.monotonic(), 0)):
                line = pipe.readline().decode("utf-8", "replace")
                if line.startswith(start):
                    return line.removeprefix(start).strip()
                if not line:
                    last = self._talk.read_text(errors="replace").strip().rpartition("\n")[2]
                    raise Trouble(CONFIG, f"the demo's server ended: {last or 'it did not say why'}", "daypass doctor")
        raise Trouble(UNREACHABLE, f"the demo's server did not answer within {READY_SECONDS:.0f} s")


def expect(holds: bool, otherwise: str) -> None:
    """Raise NotHeld with `otherwise` unless `holds`."""
    if not holds:
        raise NotHeld(otherwise)


def refused(call: Callable[[], object], code: str) -> str:
    """The error code with which `call` is refused. Raises NotHeld when it is not, or with another code than `code`."""
    try:
        call()
    except AwsError as error:
        expect(error.code == code, f"expected {code}, got {error.code}: {error.message}")
        return error.code
    raise NotHeld(f"expected {code}, but it was allowed")
