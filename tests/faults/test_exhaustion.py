"""F-36, F-37: a node that runs out of files or memory, or meets a bug, sheds that and no more; nothing is allowed for want of anything."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from daypass.doors.listen import DRAIN_SECONDS
from rig.http import Attempt, Bend, Reply, form, sign
from rig.node import Keys
from rig.server import Server, running
from rig.wait import until

CROWD = 150  # connections
TRIES = 4
ROOM = 48 << 20  # bytes of address space beyond what an idle node has
BODY = b"x" * (1 << 20)


@pytest.fixture
def server(data_dir: Path) -> Iterator[Server]:
    with running(data_dir) as made:
        yield made
        said = json.loads(made.command("events", "verify", "-o", "json").stdout)
        assert said["Intact"]


def keys_of(server: Server) -> Keys:
    found = json.loads(server.command("process").stdout)
    return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def who(server: Server, keys: Keys, bend: Bend | None = None) -> Reply:
    attempt = form(server.url, {"Action": "GetCallerIdentity"})
    return sign(attempt, keys, bend or Bend()).send()


def wrong(server: Server, keys: Keys) -> Reply:
    return who(server, keys, Bend(signature="0" * 64))


def limit(server: Server, kind: int, to: int) -> None:
    """The soft limit of the running process."""
    _, hard = resource.prlimit(server.process.pid, kind)
    resource.prlimit(server.process.pid, kind, (to, hard))


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=10)


def test_F36_without_a_file_left_new_connections_go_and_those_there_are_served(server: Server) -> None:
    keys = keys_of(server)
    assert who(server, keys).status == 200
    opened = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
    with ExitStack() as stack:
        kept = stack.enter_context(connect(server))
        assert alive(kept)
        limit(server, resource.RLIMIT_NOFILE, opened + 12)
        for _ in range(CROWD):
            with contextlib.suppress(OSError):
                stack.enter_context(connect(server))
        assert alive(kept)
        raw = sign(form(server.url, {"Action": "GetCallerIdentity"}), keys).raw()
        kept.sendall(raw)
        assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
        kept.sendall(sign(form(server.url, {"Action": "GetCallerIdentity"}), keys, Bend(signature="0" * 64)).raw())
        assert b"SignatureDoesNotMatch" in kept.recv(65536)
    until(lambda: reached(server, keys), "it takes connections again")
    assert wrong(server, keys).code == "SignatureDoesNotMatch"
    assert server.process.poll() is None


def alive(connection: socket.socket) -> bool:
    connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def reached(server: Server, keys: Keys) -> bool:
    try:
        return who(server, keys).status == 200
    except OSError:
        return False


def pressed(server: Server, keys: Keys) -> list[bytes]:
    """What is answered to requests without a proof, each behind a body of a MiB, when all are there but for a byte."""
    answers: list[bytes] = []
    unproven = sign(form(server.url, {"Action": "ListUsers"}, "2010-05-08"), keys, Bend(service="iam", signature="0" * 64)).raw()
    head = f"POST / HTTP/1.1\r\nHost: {urlsplit(server.url).netloc}\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
    with ExitStack() as stack:
        crowd: list[socket.socket] = []
        for _ in range(CROWD):
            with contextlib.suppress(OSError):
                crowd.append(stack.enter_context(connect(server)))
        for one in crowd:
            with contextlib.suppress(OSError):
                one.sendall(head + BODY[:-1])
        for one in crowd:
            with contextlib.suppress(OSError):
                one.sendall(BODY[-1:] + unproven)
                answers.append(one.recv(65536))
    return answers


def test_F36_without_memory_requests_fail_and_none_is_let_through(data_dir: Path) -> None:
    """Bodies of a MiB on many connections at once. The node may end of it, as for the kernel's own killer; it allows nothing."""
    with running(data_dir) as server:
        keys = keys_of(server)
        assert who(server, keys).status == 200
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        size = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmSize:"))) << 10
        limit(server, resource.RLIMIT_AS, size + ROOM)
        answers: list[bytes] = []
        for _ in range(TRIES):  # on a slow machine bodies may be over before they are too many
            answers += pressed(server, keys)
            if "MemoryError" in server.stderr.read_text():
                break
        assert [answer for answer in answers if answer.startswith(b"HTTP/1.1 2")] == []
        assert "MemoryError" in server.stderr.read_text()  # it was no idle threat
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_AS)
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (hard, hard))
        until(lambda: reached(server, keys), "it serves again")
        assert wrong(server, keys).code == "SignatureDoesNotMatch"
        assert json.loads(server.command("events", "verify", "-o", "json").stdout)["Intact"]
        server.is_over = True
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(DRAIN_SECONDS - 5) == 0  # no connection is waited for that no answer will ever come on


BUG = """
import sys
import daypass.services
from daypass.way.operation import OPERATIONS
from daypass.doors import aws
import dataclasses

def broken(*_, **__):
    raise RuntimeError("wJalrXUtnFEMI of a caller")

key = ("iam", "ListAccountAliases")
OPERATIONS[key] = dataclasses.replace(OPERATIONS[key], run=broken)
real = aws.handle

def handle(node, request, now, marks=None):
    if request.first(b"x-break") is not None:
        raise KeyError("wJalrXUtnFEMI of a caller")
    return real(node, request, now, marks)

aws.handle = handle
from daypass.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_F37_a_bug_fails_its_own_request_and_is_counted(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One in an operation, and one beyond every net; both in a real process that serves others meanwhile."""
    program = tmp_path / "daypass"
    program.write_text(f"#!{sys.executable} -P\n{BUG}")
    program.chmod(0o755)
    monkeypatch.setattr("rig.server.DAYPASS", str(program))
    with running(data_dir, "--metrics", "127.0.0.1:0") as server:
        keys = keys_of(server)
        port = server.stderr.read_text().partition("metrics on port ")[2].split()[0]

        def broken() -> float:
            text = Attempt(f"http://127.0.0.1:{port}", "GET", "/metrics").send().text
            return float(next(line.split()[1] for line in text.splitlines() if line.startswith("daypass_broken_requests_total ")))

        assert broken() == 0
        with connect(server) as kept:
            assert alive(kept)
            within = sign(form(server.url, {"Action": "ListAccountAliases"}, "2010-05-08"), keys, Bend(service="iam")).send()
            assert (within.status, within.code) == (500, "InternalFailure")
            beyond = form(server.url, {"Action": "GetCallerIdentity"}).with_header("X-Break", "1").send()
            assert (beyond.status, beyond.body) == (500, b"")
            assert alive(kept)
        assert who(server, keys).status == 200
        assert wrong(server, keys).code == "SignatureDoesNotMatch"
        assert broken() == 2
        said = server.stderr.read_text()
        assert said.count('"level": "error"') == 2
        assert "wJalrXUtnFEMI" not in said + within.text
        assert '"RuntimeError"' in said.replace("builtins.", "")
        assert "KeyError" in said
        assert json.loads(server.command("events", "verify", "-o", "json").stdout)["Intact"]
