"""Crashes and ends of the real server: kill -9 amid changes (F-01), SIGTERM under load (F-38)."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from daypass.store.ledger import Reader
from rig.http import Attempt, Bend, exchange, form, sign, who_am_i
from rig.node import Keys
from rig.server import DAYPASS, Server, clean_environment, daypass, running
from rig.warm import Warm

ROUNDS = 15
WRITERS = 3


class Process:
    """`daypass up` that a test may kill."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [DAYPASS, "up", "--data", str(data), "--listen", "127.0.0.1:0"],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[1].decode()

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def operator_keys(data: Path) -> Keys:
    found = json.loads(daypass("process", data=data).stdout)
    return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def create_user(url: str, name: str, keys: Keys) -> Attempt:
    return sign(form(url, {"Action": "CreateUser", "UserName": name}, "2010-05-08"), keys, Bend(service="iam"))


class Writer(threading.Thread):
    """Makes users until the server is gone; `acknowledged` are those that it was told are there."""

    def __init__(self, url: str, keys: Keys, prefix: str) -> None:
        super().__init__()
        self.url, self.keys, self.prefix = url, keys, prefix
        self.acknowledged: list[str] = []
        self.refused: list[int] = []

    def run(self) -> None:
        for number in range(10_000):
            name = f"{self.prefix}-{number}"
            try:
                status = create_user(self.url, name, self.keys).send().status
            except OSError:
                return
            if status == 200:
                self.acknowledged.append(name)
            elif status:
                self.refused.append(status)


def test_F01_killed_amid_changes(data_dir: Path, tmp_path: Path) -> None:
    """Every acknowledged change is there, with one line each, and so is all else that was committed (of all kinds: test_kill.py)."""
    acknowledged: set[str] = set()
    keys = None
    warm = Warm(tmp_path / "stderr")
    for round_number in range(ROUNDS):
        url = warm.start("up", "--data", str(data_dir), "--listen", "127.0.0.1:0").split()[1]
        keys = keys or operator_keys(data_dir)
        writers = [Writer(url, keys, f"r{round_number}w{number}") for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        writers[0].join(0.05 + round_number * 7 % ROUNDS / 100)
        assert warm.kill() == -signal.SIGKILL
        for writer in writers:
            writer.join()
            assert writer.refused == []
            acknowledged.update(writer.acknowledged)
    warm.close()
    assert len(acknowledged) >= ROUNDS
    with running(data_dir) as server:
        verified = json.loads(server.command("events", "verify", "-o", "json").stdout)
        assert verified["Intact"], verified
    kept = sqlite3.connect(data_dir / "daypass.db")
    users = {name for (name,) in kept.execute("select unique_name from users")}
    left = kept.execute("select count(*) from outbox").fetchone()
    kept.close()
    assert acknowledged <= users
    assert left == (0,)
    lines = Counter(
        json.loads(line.raw)["requestParameters"]["UserName"]
        for line in Reader(data_dir / "ledger").read()
        if line.entry is not None and line.entry.eventName == "CreateUser" and not line.entry.errorCode
    )
    assert set(lines) == users
    assert set(lines.values()) == {1}


def test_F38_what_was_begun_is_answered_after_sigterm(data_dir: Path) -> None:
    """Requests that are half sent when SIGTERM comes get their answers; those that were sent whole before, under load, do too."""
    server = Process(data_dir)
    keys = operator_keys(data_dir)
    answered: list[int] = []
    failed: list[int] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            try:
                status = exchange(server.url, sign(who_am_i(server.url), keys).raw()).status
            except OSError:
                status = 0
            if status == 200:
                answered.append(status)
            elif not stop.is_set():
                failed.append(status)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    halves = [half_sent(server.url, keys, number) for number in range(20)]
    while len(answered) < 30 and not failed:
        threads[0].join(0.01)
    stop.set()
    server.process.send_signal(signal.SIGTERM)
    threads[0].join(0.3)  # so that the drain has begun
    results = [finish(connection, rest) for connection, rest in halves]
    for thread in threads:
        thread.join()
    assert {result[:12] for result in results} == {b"HTTP/1.1 200"}
    assert failed == []
    assert server.end(signal.SIGTERM) == 0
    with running(data_dir) as again:
        users = {event["requestParameters"]["UserName"] for event in events(again, "CreateUser")}
    assert users == {f"half-{number}" for number in range(0, 20, 2)}


def events(server: Server, operation: str) -> list[dict[str, Any]]:
    said = server.command("events", "--operation", operation, "-o", "json").stdout
    found: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines()]
    return found


def half_sent(url: str, keys: Keys, number: int) -> tuple[socket.socket, bytes]:
    """A signed call of which the last bytes are not sent yet: half of them read, half changes."""
    attempt = sign(who_am_i(url), keys) if number % 2 else create_user(url, f"half-{number}", keys)
    raw = attempt.raw()
    where = urlsplit(url)
    connection = socket.create_connection((where.hostname, where.port), timeout=10)
    connection.sendall(raw[:-7])
    return connection, raw[-7:]


def finish(connection: socket.socket, rest: bytes) -> bytes:
    with connection:
        connection.sendall(rest)
        got = b""
        while more := connection.recv(65536):
            got += more
    return got
