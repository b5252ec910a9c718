"""F-30, F-35: clients that are slow, silent, deaf or gone. Each is given up in a bounded time; others notice nothing."""

from __future__ import annotations

import csv
import json
import socket
import statistics
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from daypass.doors.listen import KEEP_ALIVE_SECONDS
from daypass.doors.protocol import MAX_BODY, REQUEST_SECONDS, UNREAD_SECONDS
from rig.http import sign, who_am_i
from rig.node import Keys
from rig.raw import Heard, connected, listen, say
from rig.require import require
from rig.server import Server, running
from rig.wait import until

SLACK = 6.0  # seconds that a busy machine may take longer
SLOWHTTPTEST = {
    "head": ["-H", "-i", "1"],
    "body": ["-B", "-i", "1", "-s", "8192", "-t", "POST"],
    "read": ["-X", "-w", "1", "-y", "2", "-n", "1", "-z", "1", "-k", "5"],
}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("slow") / "data") as made:
        yield made


@pytest.fixture(scope="module")
def keys(up: Server) -> Keys:
    given = json.loads(up.command("process").stdout)
    return Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def connections(server: Server) -> int:
    """How many sockets the server has open."""
    places = Path(f"/proc/{server.process.pid}/fd").iterdir()
    return sum(place.readlink().name.startswith("socket:") for place in places if place.is_symlink())


DRIBBLES = {
    "silent": (b"", b""),
    "head": (b"POST / HTTP/1.1\r\nHost: localhost\r\nX-A: ", b"a"),
    "headers": (b"POST / HTTP/1.1\r\nHost: localhost\r\n", b"X-A: a\r\n"),
    "blank-lines": (b"\r\n", b"\r\n"),
    "target": (b"GET /", b"a"),
    "body": (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n", b"a"),
    "chunks": (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "extension": (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a"),
    "second": (b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /", b"a"),
}


def test_F30_whoever_dribbles_is_given_up(up: Server, keys: Keys) -> None:
    """All at once: none lasts longer than a head's time, or a head's and a body's, and signed requests go on meanwhile."""
    raw = sign(who_am_i(up.url), keys).raw()
    open_ones: dict[str, tuple[socket.socket, list[bytes]]] = {}
    contexts, begun, lasted = [], time.monotonic(), {}
    for name, (start, _) in DRIBBLES.items():
        contexts.append(connected(up.url))
        open_ones[name] = (contexts[-1].__enter__(), [])
        open_ones[name][0].sendall(start)
    heard: dict[str, Heard] = {}
    while open_ones and time.monotonic() - begun < 2 * REQUEST_SECONDS + SLACK:
        for name, (connection, parts) in list(open_ones.items()):
            try:
                connection.sendall(DRIBBLES[name][1])
            except OSError:
                pass  # closed on us: what was said is read below
            got = listen(connection, 0.05)
            parts.append(got.data)
            if got.closed:
                lasted[name], heard[name] = time.monotonic() - begun, Heard(b"".join(parts), closed=True)
                del open_ones[name]
        assert say(up.url, raw, count=1).statuses == [200]
    for context in contexts:
        context.__exit__(None, None, None)
    assert set(open_ones) == set()
    assert {name: round(seconds, 1) for name, seconds in lasted.items() if seconds > REQUEST_SECONDS + SLACK} == {}
    assert {name: one.data for name, one in heard.items() if one.statuses[-1:] not in ([408], [])} == {}


def test_F30_slowhttptest(up: Server, keys: Keys, tmp_path: Path) -> None:
    """The tool of the trade, 200 connections of each kind at once: the service answers it and signed requests all the while."""
    program = require("slowhttptest", "the real tool is what is meant")
    raw = sign(who_am_i(up.url), keys).raw()
    before, took = connections(up), []
    running_ones = []
    for kind, options in SLOWHTTPTEST.items():
        command = [str(program), "-c", "200", "-r", "100", "-l", "12", "-p", "5", "-g", "-o", str(tmp_path / kind), *options]
        command += ["-u", f"{up.url}/health"]
        running_ones.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    try:
        begun = time.monotonic()
        while any(process.poll() is None for process in running_ones) and time.monotonic() - begun < 60:
            asked = time.monotonic()
            assert say(up.url, raw, count=1).statuses == [200]
            took.append(time.monotonic() - asked)
    finally:
        for process in running_ones:
            process.kill()
            process.wait()
    for kind in SLOWHTTPTEST:
        rows = list(csv.DictReader((tmp_path / f"{kind}.csv").read_text().splitlines()))
        assert rows and not [row for row in rows if row["Service Available"] == "0"], (kind, rows[-3:])
    assert len(took) > 100 and statistics.quantiles(took, n=100)[-1] < 2.0
    until(lambda: connections(up) <= before + 2, "its connections are given back", REQUEST_SECONDS + SLACK)


def test_F30_answers_that_nobody_reads(up: Server) -> None:
    """A client that asks and asks and never reads: what waits for it stays small, and the connection ends."""
    before = connections(up)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(1.0)
        deaf.connect(("127.0.0.1", urlsplit(up.url).port or 0))
        sent = 0
        try:
            for _ in range(100_000):
                sent += deaf.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 4)
        except OSError:
            pass  # it takes no more, or has ended the connection: both are right
        assert sent < 32 * MAX_BODY
        until(lambda: connections(up) <= before, "the connection is given up", UNREAD_SECONDS + REQUEST_SECONDS + SLACK)


def _broken(kind: str, connection: Any, raw: bytes) -> None:
    if kind == "reset-in-head":
        connection.sendall(raw[:40])
    elif kind == "reset-in-body":
        connection.sendall(raw[:-5])
    else:
        connection.sendall(raw)
    if kind.startswith("reset"):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    elif kind == "half-closed":
        connection.shutdown(socket.SHUT_WR)
        listen(connection)
        connection.close()


@pytest.mark.parametrize("kind", ["reset-in-head", "reset-in-body", "reset-after-request", "half-closed"])
def test_F35_connections_that_break(up: Server, keys: Keys, kind: str) -> None:
    before, raw = connections(up), sign(who_am_i(up.url), keys).raw()
    for _ in range(50):
        connection = socket.create_connection(("127.0.0.1", urlsplit(up.url).port or 0), timeout=5)
        _broken(kind, connection, raw)
    until(lambda: connections(up) <= before, "all are given back")
    assert say(up.url, raw, count=1).statuses == [200]
    assert "Traceback" not in up.said() and '"level": "error"' not in up.said()


def test_F35_ipv6_alone(tmp_path: Path) -> None:
    with running(tmp_path / "data", listen="[::1]:0") as server:
        given = json.loads(server.command("process").stdout)
        raw = sign(who_am_i(server.url), Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])).raw()
        assert say(server.url, raw, count=1).statuses == [200]
        lines = [json.loads(line) for line in server.command("events", "-o", "json").stdout.splitlines()]
        assert "::1" in {line["sourceIPAddress"] for line in lines}


def test_F30_an_idle_connection_ends() -> None:
    """Its time is in docs/reference/limits.md; tests/unit/doors runs it out in short."""
    assert 60 <= KEEP_ALIVE_SECONDS <= 120  # load balancers keep theirs for 60 s: ours has to be longer


def test_F30_a_handshake_that_does_not_come_to_its_end(tmp_path: Path) -> None:
    """A TLS listener gives a handshake no longer than a head: nothing at all, or the beginning of a hello."""
    with running(tmp_path / "data", "--tls-self-signed") as server:
        before = connections(server)
        port = urlsplit(server.url).port or 0
        with socket.create_connection(("127.0.0.1", port)) as silent, socket.create_connection(("127.0.0.1", port)) as begun:
            begun.sendall(b"\x16\x03\x01\x02\x00\x01")
            until(lambda: connections(server) == before + 2, "both are there")
            until(lambda: connections(server) == before, "both are given up", REQUEST_SECONDS + SLACK)
            assert silent.fileno() > 0
