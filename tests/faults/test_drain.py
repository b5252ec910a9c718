"""F-38: the end of a node, as load balancers and clients see it: not ready at once, what is under way finished, nothing lost."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from rig.http import Attempt, Bend, Reply, form, sign
from rig.node import Keys
from rig.postgres import Cluster
from rig.require import require
from rig.server import Server, running
from rig.source import ROOT
from rig.wait import until

TLS_BIND = "bind :443 ssl crt /etc/daypass/chain-and-key.pem alpn http/1.1"
ROUNDS = 1  # of restarts, each of both nodes


def keys_of(server: Server) -> Keys:
    found = json.loads(server.command("process").stdout)
    return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def who_am_i(url: str, keys: Keys) -> Attempt:
    return sign(form(url, {"Action": "GetCallerIdentity"}), keys)


def probe(server: Server, path: str) -> Reply:
    return Attempt(server.url, "GET", path).send()


def test_F38_not_ready_at_once_and_serving_on_for_a_while(data_dir: Path) -> None:
    with running(data_dir, "--shutdown-delay", "2") as server:
        keys = keys_of(server)
        assert probe(server, "/health/ready").status == 200
        kept = socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=10)
        before = ask(kept)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: probe(server, "/health/ready").status == 503, "it is not ready")
        reply = probe(server, "/health/ready")
        assert json.loads(reply.body) == {"ready": False, "reasons": ["draining"]}
        assert probe(server, "/health/live").status == 200
        answer = who_am_i(server.url, keys).send()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        after = ask(kept)
        assert (b"connection: close" in before, b"connection: close" in after) == (False, True)
        assert kept.recv(1) == b""
        kept.close()
        server.is_over = True


def ask(connection: socket.socket) -> bytes:
    connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200 ")
    return answer.lower()


def test_F38_a_second_signal_ends_the_wait(data_dir: Path) -> None:
    with running(data_dir, "--shutdown-delay", "200") as server:
        server.process.send_signal(signal.SIGTERM)
        until(lambda: probe(server, "/health/ready").status == 503, "it is not ready")
        server.process.send_signal(signal.SIGTERM)
        server.is_over = True


def test_F38_a_request_that_is_half_sent_is_answered(data_dir: Path) -> None:
    with running(data_dir) as server:
        raw = who_am_i(server.url, keys_of(server)).raw()
        with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=10) as slow:
            slow.sendall(raw[:-5])
            until(lambda: probe(server, "/health/ready").status == 200, "its head was read")
            server.process.send_signal(signal.SIGTERM)
            until(lambda: refused(server), "it listens no more")
            slow.sendall(raw[-5:])
            answer = b""
            while more := slow.recv(65536):
                answer += more
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in answer.lower()
        server.is_over = True


def refused(server: Server) -> bool:
    try:
        socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=5).close()
    except OSError:
        return True
    return False


# -- two nodes behind HAProxy, by the configuration that is shipped


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])


class Load(threading.Thread):
    """Signed calls, one after the other, reads and changes; each answer that is no success is kept."""

    def __init__(self, url: str, keys: Keys, name: str) -> None:
        super().__init__()
        self._url, self._keys, self._name = url, keys, name
        self._ending = threading.Event()
        self.done = 0
        self.failed: list[str] = []

    def run(self) -> None:
        while not self._ending.is_set() and self.done < 20_000:
            self.done += 1
            attempt = who_am_i(self._url, self._keys)
            if self.done % 10 == 0:
                made = form(self._url, {"Action": "CreateUser", "UserName": f"{self._name}-{self.done}"}, "2010-05-08")
                attempt = sign(made, self._keys, Bend(service="iam"))
            try:
                reply = attempt.send()
            except OSError as error:
                self.failed.append(repr(error))
                continue
            if reply.status != 200:
                self.failed.append(f"{reply.status} {reply.code} {reply.body[:200]!r}")

    def end(self) -> None:
        self._ending.set()
        self.join(30)


@contextmanager
def haproxy(folder: Path, port: int, nodes: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    program = require("haproxy", "the nodes stand behind a real load balancer")
    text = (ROOT / "deploy" / "haproxy.cfg").read_text()
    for old, new in (
        (TLS_BIND, f"bind 127.0.0.1:{port}"),
        ("server one 127.0.0.1:9400 check", f"server one {nodes[0]} check"),
        ("# server two 10.0.0.12:9400 check", f"server two {nodes[1]} check"),
        ("maxconn 10000", "maxconn 200"),  # what any limit of open files leaves room for
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    config = folder / "haproxy.cfg"
    config.write_text(text)
    with (folder / "haproxy.log").open("wb") as said:
        process = subprocess.Popen([program, "-db", "-f", str(config)], stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def test_F38_rolling_restarts_behind_haproxy_fail_no_call(cluster: Cluster, tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    front = free_port()
    url = f"http://127.0.0.1:{front}"
    database = cluster.url(cluster.new_schema())

    def node(stack: ExitStack, number: int) -> Server:
        more = ("--db", database, "--key-file", str(tmp_path / "root.key"), "--public-url", url, "--shutdown-delay", "3")
        listen = f"127.0.0.1:{ports[number]}"
        return stack.enter_context(running(tmp_path / f"node{number}", *more, "--trusted-proxy", "127.0.0.1/32", listen=listen))

    with haproxy(tmp_path, front, [f"127.0.0.1:{port}" for port in ports]):
        stacks = [ExitStack(), ExitStack()]
        loads: list[Load] = []
        try:
            servers = [node(stack, number) for number, stack in enumerate(stacks)]
            keys = keys_of(servers[0])
            until(lambda: answers(url, keys), "HAProxy has found a node")
            loads = [Load(url, keys, f"u{number}") for number in range(3)]
            for load in loads:
                load.start()
            for _ in range(ROUNDS):
                for number, stack in enumerate(stacks):
                    stack.close()  # SIGTERM, and exit 0
                    servers[number] = node(stack, number)
                    begun = time.monotonic()
                    until(lambda begun=begun: time.monotonic() - begun > 3.0, "HAProxy has seen it twice")  # type: ignore[misc]  # of this turn
        finally:
            for load in loads:
                load.end()
            for stack in stacks:
                stack.close()
    assert [failure for load in loads for failure in load.failed] == []
    assert sum(load.done for load in loads) > 200


def answers(url: str, keys: Keys) -> bool:
    try:
        return who_am_i(url, keys).send().status == 200
    except OSError:
        return False
