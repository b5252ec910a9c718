"""F-25, F-26: the listeners' certificate while the server runs: replaced under connections, spoiled, and coming to its end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509

from rig.papers import certificate, ec_key, pem, private_pem, rsa_key
from rig.server import Server, daypass, running
from rig.wait import until

ASK = b"GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
DAY = 86400


class Files:
    """The two files of a server."""

    def __init__(self, folder: Path) -> None:
        self.chain, self.key = folder / "chain.pem", folder / "key.pem"

    @property
    def settings(self) -> tuple[str, ...]:
        return ("--tls-cert", str(self.chain), "--tls-key", str(self.key))

    def write(self, name: str, *, key: Any = None, ends: datetime | None = None) -> None:
        """As certbot does: the new files take the place of the old ones."""
        made = key or ec_key(name)
        for path, text in (
            (self.key, private_pem(made)),
            (self.chain, pem(certificate(name, made, ends=ends or datetime.now(UTC) + timedelta(days=90)))),
        ):
            draft = path.with_suffix(".new")
            draft.write_text(text)
            draft.chmod(0o600)
            draft.replace(path)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path)
    made.write("first")
    return made


@contextmanager
def connected(server: Server) -> Iterator[ssl.SSLSocket]:
    lax = ssl.create_default_context()
    lax.check_hostname, lax.verify_mode = False, ssl.CERT_NONE
    port = urlsplit(server.url).port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, lax.wrap_socket(plain) as made:
        yield made


def shown(server: Server) -> str:
    with connected(server) as made:
        der = made.getpeercert(True)
    assert der is not None
    return str(x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


def ready(connection: ssl.SSLSocket) -> bool:
    connection.sendall(ASK)
    return connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.stderr.read_text().splitlines() if line.startswith("{")]


def test_F25_a_certificate_is_replaced_under_connections_that_stay(data_dir: Path, files: Files) -> None:
    with running(data_dir, *files.settings) as server, connected(server) as kept:
        assert ready(kept)
        files.write("second", key=rsa_key("second"))
        until(lambda: shown(server) == "second", "the files are looked at")
        assert ready(kept)
        files.write("third")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: shown(server) == "third", "SIGHUP")
        assert ready(kept)
        files.chain.write_text("spoiled")
        until(lambda: bool(lines(server)) and lines(server)[-1]["level"] == "error", "it is told of")
        assert str(files.chain) in lines(server)[-1]["reason"]
        assert shown(server) == "third"
        assert ready(kept)
        files.write("fourth")
        until(lambda: shown(server) == "fourth", "a good one is taken again")


def test_F25_a_certificate_that_is_spoiled_at_the_start_ends_it_and_is_named(data_dir: Path, files: Files) -> None:
    files.key.write_text(private_pem(ec_key("another")))
    done = daypass("up", "--listen", "127.0.0.1:0", *files.settings, data=data_dir, check=False)
    assert (done.returncode, done.stdout) == (6, "")
    assert f"--tls-key: {files.key} is not the key of the first certificate in {files.chain}" in done.stderr
    assert "Traceback" not in done.stderr


def test_F26_the_end_of_a_certificate_is_told_of_in_log_metrics_and_doctor(data_dir: Path, files: Files) -> None:
    clock = data_dir.with_name("clock")
    clock.write_text("0")
    ends = datetime.now(UTC) + timedelta(days=40)
    files.write("first", ends=ends)
    with running(data_dir, *files.settings, "--metrics", "127.0.0.1:0", clock=clock) as server:
        assert left(server) == pytest.approx(40 * DAY, abs=120)
        for days in (10.5, 33.5, 39.5, 40.5):
            told = len(of_certificate(server))
            clock.write_text(str(days * DAY))
            until(lambda told=told: len(of_certificate(server)) > told, "the log tells of it")  # type: ignore[misc]  # bound for this turn
        ours = of_certificate(server)
        assert [(line["level"], line["file"]) for line in ours] == [("warning", str(files.chain))] * 3 + [("error", str(files.chain))]
        assert left(server) < 0
        assert of_doctor(server)["State"] == "ok"  # its own clock is right: 40 days are left
        files.write("short", ends=datetime.now(UTC) + timedelta(days=20))
        until(lambda: shown(server) == "short", "the short one is read")
        assert of_doctor(server)["State"] == "warn"
        files.write("renewed", ends=datetime.now(UTC) + timedelta(days=400))
        until(lambda: shown(server) == "renewed", "the new one is read")
        assert left(server) > 300 * DAY


def of_certificate(server: Server) -> list[dict[str, Any]]:
    return [line for line in lines(server) if "certificate" in line["event"]]


def of_doctor(server: Server) -> dict[str, str]:
    """What `daypass doctor` says of the certificate."""
    found = json.loads(server.command("doctor", "-o", "json", check=False).stdout)
    return next(finding for finding in found if finding["Check"] == "tls")


def left(server: Server) -> float:
    """What the metrics show."""
    lax = ssl.create_default_context()
    lax.check_hostname, lax.verify_mode = False, ssl.CERT_NONE
    found = re.search(r"^metrics on port (\d+)$", server.stderr.read_text(), re.M)
    assert found
    with urllib.request.urlopen(f"https://127.0.0.1:{found[1]}/metrics", timeout=10, context=lax) as answer:
        text = answer.read().decode()
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith("daypass_tls_certificate_seconds_left ")))


def test_a_certificate_of_its_own_is_one_that_clients_can_be_told_to_trust(data_dir: Path) -> None:
    with running(data_dir, "--tls-self-signed") as server:
        own = data_dir / "tls" / "cert.pem"
        trusting = ssl.create_default_context(cafile=own)
        for host in ("127.0.0.1", "localhost"):
            with urllib.request.urlopen(f"{server.url.replace('127.0.0.1', host)}/health/ready", timeout=10, context=trusting) as answer:
                assert json.load(answer) == {"ready": True, "reasons": []}
        assert stat.S_IMODE(os.stat(data_dir / "tls" / "key.pem").st_mode) == 0o600
        script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
        environment = {**server.environment, "AWS_CA_BUNDLE": str(own)}
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert ":assumed-role/DaypassOperator/" in done.stdout, done.stderr
