"""How the parts are joined: what is refused before anything is opened, names that are answered for, TLS, ports, IPv6."""

from __future__ import annotations

import json
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daypass.cli.main import main
from daypass.settings import Settings, hosts_of, secret_of, url_of, verify
from daypass.values.errors import ConfigError
from rig.canary import Canaries
from rig.idp import Idp
from rig.server import daypass, running


def settings(**more: Any) -> Settings:
    return Settings(data=Path("data"), **more)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"host": "::1"},
        {"host": "localhost"},
        {"metrics": ("127.0.0.1", 9401)},
        {"metrics": ("", 9401), "insecure_http": True},
        {"host": "192.0.2.1", "insecure_http": True},
        {"host": "192.0.2.1", "tls_certificate": "c", "tls_key": "k"},
        {"public_url": "https://daypass.example"},
        {"public_url": "https://daypass.example/"},
        {"rotate_keys_after": 0.0},
        {"rotate_keys_after": 1.0},
        {"host": "192.0.2.1", "tls_self_signed": True},
        {"shutdown_delay": 300.0, "traces": "https://collector:4318/v1/traces"},
    ],
)
def test_settings_that_can_be_served(more: dict[str, Any]) -> None:
    assert verify(settings(**more)) is None


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"host": "192.0.2.1"}, "without TLS is refused"),
        ({"host": "::"}, "without TLS is refused"),
        ({"host": ""}, "without TLS is refused"),
        ({"host": "localhost.example"}, "without TLS is refused"),
        ({"metrics": ("192.0.2.1", 9401)}, "listening on 192.0.2.1 without TLS is refused"),
        ({"tls_certificate": "c"}, "go together"),
        ({"tls_key": "k", "insecure_http": True}, "go together"),
        ({"public_url": "https://daypass.example/path"}, "path"),
        ({"rotate_keys_after": 0.5}, "--rotate-keys-after has to be 0, or 1 to 3650 days"),
        ({"rotate_keys_after": -1.0}, "--rotate-keys-after"),
        ({"rotate_keys_after": float("nan")}, "--rotate-keys-after"),
        ({"tls_certificate": "c", "tls_key": "k", "tls_self_signed": True}, "--tls-self-signed"),
        ({"shutdown_delay": -1.0}, "--shutdown-delay has to be 0 to 300"),
        ({"shutdown_delay": 301.0}, "--shutdown-delay"),
        ({"shutdown_delay": float("nan")}, "--shutdown-delay"),
        ({"max_staleness": float("nan")}, "--max-staleness"),
        ({"failure_rate": -1.0}, "--failure-rate"),
        ({"traces": "collector:4318"}, "--traces"),
        ({"traces": "ftp://collector/v1/traces"}, "--traces"),
        ({"traces": "http://user:secret@collector/v1/traces"}, "--traces"),
        ({"traces": "http://[collector"}, "--traces"),
    ],
)
def test_settings_that_are_refused(more: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        verify(settings(**more))


def test_the_hosts_that_are_answered_for() -> None:
    assert hosts_of(settings(), "http://127.0.0.1:9400") == {"127.0.0.1", "localhost", "[::1]"}
    own = settings(host="192.0.2.1", accepted_hosts=("Daypass.Internal",))
    assert hosts_of(own, "https://daypass.example:8443") == {"192.0.2.1", "daypass.example", "daypass.internal"}
    everywhere = settings(host="0.0.0.0")  # noqa: S104  # as an operator may
    assert hosts_of(everywhere, url_of(everywhere, 1)) == {"127.0.0.1", "localhost", "[::1]"}
    assert hosts_of(everywhere, "https://daypass.example") == {"daypass.example"}


def test_urls() -> None:
    assert url_of(settings(), 1) == "http://127.0.0.1:1"
    assert url_of(settings(host="::1", tls_certificate="c"), 2) == "https://[::1]:2"
    assert url_of(settings(host="::"), 3) == "http://[::1]:3"


def test_a_passphrase_is_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    with pytest.raises(ConfigError, match="cannot be read"):
        secret_of(file, "passphrase")
    file.write_bytes(b"open sesame\n")
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        secret_of(file, "passphrase")
    file.chmod(0o600)
    found = secret_of(file, "passphrase")
    assert found is not None
    assert found.reveal() == b"open sesame"
    assert secret_of(None, "passphrase") is None


# -- as its own process


@pytest.fixture(scope="module")
def idp_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `ca.pem`, and `idp.pem`: a key and a certificate for 127.0.0.1 by that CA."""
    folder = tmp_path_factory.mktemp("certificates")
    with Idp(folder):
        yield folder


def health(url: str, context: ssl.SSLContext | None = None) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/health", timeout=10, context=context) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def test_tls(data_dir: Path, idp_files: Path, canaries: Canaries) -> None:
    pem = str(idp_files / "idp.pem")
    with running(data_dir, "--tls-cert", pem, "--tls-key", pem, "--metrics", "127.0.0.1:0") as server:
        assert server.url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=idp_files / "ca.pem")
        trusting.verify_flags &= ~ssl.VerifyFlags(getattr(ssl, "VERIFY_X509_STRICT", 0))
        assert health(server.url, trusting)["ready"]
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            health(server.url.replace("https", "http"))
        _, _, port = server.stderr.read_text().partition("metrics on port ")
        with urllib.request.urlopen(f"https://127.0.0.1:{port.split()[0]}/metrics", timeout=10, context=trusting) as answer:
            assert b"daypass_connections" in answer.read()
        from conftest import operator_session

        client = operator_session(server, canaries).client("sts", verify=str(idp_files / "ca.pem"))
        assert client.get_caller_identity()["Arn"].endswith(f"assumed-role/DaypassOperator/uid-{os.getuid()}")


def test_ipv6(data_dir: Path) -> None:
    with running(data_dir, listen="[::1]:0") as server:
        assert server.url.startswith("http://[::1]:")
        assert health(server.url)["ready"]
        assert health(server.url.replace("[::1]", "[0:0:0:0:0:0:0:1]"))  # /health has no Host to keep to


def test_a_port_that_is_taken(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = daypass("up", "--listen", f"127.0.0.1:{port}", data=data_dir, check=False)
    assert done.returncode == 6
    assert done.stdout == ""
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("listen", ["9400", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:٣"])
def test_addresses_that_cannot_be_read(data_dir: Path, capsys: pytest.CaptureFixture[str], listen: str) -> None:
    assert main(["up", "--data", str(data_dir), "--listen", listen]) == 2
    assert main(["up", "--data", str(data_dir), "--metrics", listen]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("HOST:PORT")) == ("", 2)
    assert not data_dir.exists()


def test_a_certificate_that_is_none(data_dir: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not a certificate")
    done = daypass("up", "--listen", "127.0.0.1:0", "--tls-cert", str(wrong), "--tls-key", str(wrong), data=data_dir, check=False)
    assert done.returncode == 6, done.stderr
    assert str(wrong) in done.stderr
    assert "Traceback" not in done.stderr
