"""A stand-in for the server: a unix socket in a data directory that answers HTTP/1.1 as it is told and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from daypass.cli.main import main

DATE = "Tue, 24 Nov 2026 17:00:00 GMT"
Reply = dict[str, Any] | tuple[int, dict[str, Any]] | bytes


def http(status: int, document: dict[str, Any]) -> bytes:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {status} Any\r\nDate: {DATE}\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@dataclass
class FakeServer:
    """`replies[operation]` is a list of answers, given in turn, the last one for good: a body, (status, body), or the raw bytes."""

    data: Path
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)

    def reply(self, operation: str, *replies: Reply) -> None:
        self.replies[operation] = list(replies)

    def answer(self, head: str, body: bytes) -> bytes:
        target = next(line.split(": ")[1] for line in head.split("\r\n") if line.startswith("X-Amz-Target"))
        operation = target.removeprefix("Daypass_20261124.")
        self.heads.append(head)
        self.asked.append((operation, json.loads(body)))
        waiting = self.replies[operation]
        reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(reply, bytes):
            return reply
        return http(*reply) if isinstance(reply, tuple) else http(200, reply)

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                got = b""
                while b"\r\n\r\n" not in got:
                    got += connection.recv(65536)
                head, _, body = got.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                while len(body) < length:
                    body += connection.recv(65536)
                connection.sendall(self.answer(head.decode(), body))


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeServer]:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    server = FakeServer(data)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{data}/control.sock")
        listener.listen()
        thread = threading.Thread(target=server.serve, args=(listener,), daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def daypass(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run `daypass` with these words in this process."""

    def run(*words: object) -> Ended:
        capsys.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


CREDENTIALS = {"AccessKeyId": "ASIAQEXAMPLE", "SecretAccessKey": "secret'key", "SessionToken": "dp1.token", "Expiration": 1795543200}


@pytest.fixture
def operator_credentials(fake: FakeServer) -> dict[str, Any]:
    fake.reply("GetOperatorCredentials", {"Credentials": CREDENTIALS})
    return dict(CREDENTIALS)
