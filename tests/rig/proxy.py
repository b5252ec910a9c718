"""Real proxies in front of a server: nginx and HAProxy, each with the file that deploy/ ships, on ports and with paths of the test."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rig.idp import make_certificates
from rig.require import require
from rig.source import ROOT
from rig.wait import until

KINDS = ("nginx", "haproxy")


@dataclass(frozen=True)
class Proxy:
    """A running proxy: its kind, its https URL on 127.0.0.1, and the CA file by which clients trust it."""

    kind: str
    url: str
    trust: str


@contextmanager
def proxy(kind: str, directory: Path, backend: str) -> Iterator[Proxy]:
    """`kind` with the shipped configuration in front of the server at the URL `backend`. It is ended at the end, whatever happens."""
    program = require(kind, f"the {kind} of the distribution is what is tested")
    directory.mkdir(mode=0o755, parents=True)
    port = free_port()
    certificate = make_certificates(directory).read_bytes()
    for name in ("chain.pem", "key.pem", "chain-and-key.pem"):  # each reads what it needs of the two
        (directory / name).write_bytes(certificate)
    command = {"nginx": _nginx, "haproxy": _haproxy}[kind](program, directory, port, urlsplit(backend).netloc)
    log = (directory / "log").open("wb")
    with log, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
        try:
            until(lambda: process.poll() is not None or _answers(port), f"{kind} listens")
            assert process.poll() is None, (directory / "log").read_text()
            yield Proxy(kind, f"https://127.0.0.1:{port}", str(directory / "ca.pem"))
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _shipped(name: str, *changes: tuple[str, str]) -> str:
    """The file of deploy/ with each first text replaced; one that is not there would leave the test with something else than it says."""
    text = (ROOT / "deploy" / name).read_text()
    for old, new in changes:
        assert old in text, f"deploy/{name} has no {old!r} any more"
        text = text.replace(old, new)
    return text


def _nginx(program: Path, directory: Path, port: int, backend: str) -> list[str]:
    changes = [
        ("worker_processes auto;", "worker_processes 1;\ndaemon off;\nmaster_process off;"),
        ("worker_rlimit_nofile 32768;", "worker_rlimit_nofile 4096;"),
        ("worker_connections 16384;", "worker_connections 2048;"),
        ("/var/log/nginx/error.log", str(directory / "error.log")),
        ("/run/nginx.pid", str(directory / "pid")),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("listen [::]:443 ssl;", ""),
        ("/etc/daypass", str(directory)),
        ("127.0.0.1:9400", backend),
        ("    access_log off;", "".join(f"    {place}_temp_path {directory / place};\n" for place in _PLACES) + "    access_log off;"),
    ]
    (directory / "nginx.conf").write_text(_shipped("nginx.conf", *changes))
    return [str(program), "-c", str(directory / "nginx.conf"), "-p", str(directory), "-e", str(directory / "error.log")]


_PLACES = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def _haproxy(program: Path, directory: Path, port: int, backend: str) -> list[str]:
    changes = [
        ("bind :443 ssl", f"bind 127.0.0.1:{port} ssl"),
        ("maxconn 10000", "maxconn 2048"),
        ("/etc/daypass", str(directory)),
        ("127.0.0.1:9400", backend),
        ("daypass.example.com", backend),
    ]
    (directory / "haproxy.cfg").write_text(_shipped("haproxy.cfg", *changes))
    return [str(program), "-db", "-f", str(directory / "haproxy.cfg")]
