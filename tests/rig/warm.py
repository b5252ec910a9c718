"""`daypass` started again and again from a parent that has everything imported: each start is a process of its own, in a third of the time.

As a program it reads command lines (JSON: arguments, environment) on stdin, one after the other, runs each in a forked child, and says
`ended STATUS` when that is gone. `Warm` is the other side. What runs in the child is production's own; only what importing costs was paid
before.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from rig.server import clean_environment

RIG = str(Path(__file__).resolve().parents[1])


class Warm:
    """The parent. `start(arguments)` runs `daypass` with them, one process at a time; `kill` ends it as a power switch would."""

    def __init__(self, stderr: Path, environment: Mapping[str, str] | None = None, program: str = "rig.warm") -> None:
        self._said: IO[bytes] = stderr.open("ab")
        path = os.pathsep.join([RIG, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._parent = subprocess.Popen(
            [sys.executable, "-P", "-m", program],
            env=clean_environment({"PYTHONPATH": path, **(environment or {})}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )
        self.pid = 0

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """The first line that the process says, "" when it ended without one; `environment` is in addition, for this one alone."""
        assert self._parent.stdin is not None
        self._parent.stdin.write(json.dumps([arguments, environment or {}]).encode() + b"\n")
        self._parent.stdin.flush()
        self.pid = int(self._read().split()[1])
        line = self._read()
        if line.startswith("ended "):
            self.pid = 0
            return ""
        return line

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Send the signal and wait; gives the exit status as `os.waitstatus_to_exitcode` does."""
        os.kill(self.pid, number)
        while not (line := self._read()).startswith("ended "):
            pass
        self.pid = 0
        return int(line.split()[1])

    def close(self) -> None:
        """End the parent, and with it whatever it started."""
        assert self._parent.stdin is not None
        if self.pid:
            self.kill()
        assert self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.wait(30)
        self._parent.stdout.close()
        self._said.close()

    def _read(self) -> str:
        assert self._parent.stdout is not None
        line = self._parent.stdout.readline().decode()
        if not line:
            raise AssertionError("the warm parent is gone")
        return line.rstrip("\n")


def serve() -> None:
    """The program: see above."""
    import gc

    import daypass.app
    import daypass.cli.up  # noqa: F401  # imported so that children need not
    from daypass.cli.main import main

    gc.freeze()
    for line in sys.stdin:
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(tell)
            os.read(told, 1)  # the parent's line goes first
            os.close(told)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            arguments, environment = json.loads(line)
            os.environ.update(environment)
            os._exit(_run(main, arguments))
        sys.stdout.write(f"pid {child}\n")
        sys.stdout.flush()
        os.close(told)
        os.close(tell)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"ended {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run(main: object, arguments: Sequence[str]) -> int:
    try:
        code: int = main(arguments)  # type: ignore[operator]  # the command line's entry
        sys.stdout.flush()
    except SystemExit as end:
        code = int(end.code or 0)
    return code


if __name__ == "__main__":
    serve()
