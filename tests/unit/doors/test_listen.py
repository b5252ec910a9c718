"""Where the doors stand: a socket that others cannot open."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

from daypass.doors.listen import listen_tcp, listen_unix


def test_port_zero_takes_a_free_port() -> None:
    with listen_tcp("127.0.0.1", 0) as one, listen_tcp("127.0.0.1", 0) as other:
        assert one.getsockname()[1] != other.getsockname()[1] != 0


def test_the_operators_socket_is_the_owners_alone_and_replaces_a_dead_one(tmp_path: Path) -> None:
    listen_unix(tmp_path).close()
    with listen_unix(tmp_path) as door:
        door.listen()  # the server does this once it serves
        [path] = tmp_path.iterdir()
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
