"""`python -m daypass.cli.demo.server DIR CA`: a server with production defaults, but for a clock that stdin moves ahead.

There is no option for that in `daypass up`. Each line on stdin is a number of seconds, answered by `moved N` on stdout once it counts;
the end of stdin ends the server, so that it never outlives the demo.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daypass.app import serve
from daypass.settings import Settings


class MovableClock:
    """The wall clock, ahead by `offset`."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def __call__(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC) + self.offset


def _listen_to_stdin(clock: MovableClock) -> None:
    for line in sys.stdin:
        clock.offset = timedelta(seconds=int(line))
        print(f"moved {int(line)}", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until stdin ends."""
    data, authority = sys.argv[1:]
    clock = MovableClock()
    threading.Thread(target=_listen_to_stdin, args=(clock,), daemon=True).start()
    serve(Settings(data=Path(data), host="127.0.0.1", port=0, idp_allow=("127.0.0.0/8",), idp_ca=authority), clock)


if __name__ == "__main__":
    main()
