"""M08: the listeners against OpenSSL as a client that would take anything: protocol versions, every cipher suite, renegotiation."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rig.papers import certificate, pem, private_pem, rsa_key
from rig.require import require
from rig.server import Server, running

GOOD = re.compile(r"ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305)|TLS_(AES|CHACHA20)_\S+")


@pytest.fixture(scope="module", params=["ecdsa", "rsa"])
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Server]:
    """One with the certificate that it makes, one with an RSA certificate: suites depend on the key."""
    folder = tmp_path_factory.mktemp("tls")
    settings = ["--tls-self-signed"]
    if request.param == "rsa":
        (folder / "chain.pem").write_text(pem(certificate("rsa", rsa_key("rsa"))))
        (folder / "key.pem").write_text(private_pem(rsa_key("rsa")))
        settings = ["--tls-cert", str(folder / "chain.pem"), "--tls-key", str(folder / "key.pem")]
    with running(folder / "data", *settings) as made:
        yield made


def openssl(*arguments: str, said: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = require("openssl", "it is the client that would take anything")
    return subprocess.run([program, *arguments], input=said, capture_output=True, timeout=30, check=False)


def negotiated(server: Server, *arguments: str) -> str:
    """Protocol and suite that a handshake ends with; "" when it is refused."""
    address = f"127.0.0.1:{urlsplit(server.url).port}"
    done = openssl("s_client", "-connect", address, *arguments)
    found = re.search(rb"New, (\S+), Cipher is (\S+)", done.stdout)
    return "" if found is None or found[2] == b"(NONE)" else f"{found[1].decode()} {found[2].decode()}"


@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_M08_old_versions_are_refused(server: Server, version: str) -> None:
    assert negotiated(server, f"-{version}", "-cipher", "ALL:@SECLEVEL=0") == ""


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_M08_their_successors_are_spoken(server: Server, version: str) -> None:
    assert GOOD.fullmatch(negotiated(server, f"-{version}").partition(" ")[2])


def test_M08_of_all_suites_that_openssl_knows_only_forward_secret_aead_is_taken(server: Server) -> None:
    known = openssl("ciphers", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0").stdout.decode().strip().split(":")
    suites = [suite for suite in known if not suite.startswith("TLS_")]
    assert len(suites) > 60
    bad = [suite for suite in suites if not GOOD.fullmatch(suite)]
    assert "AES128-SHA" in bad
    assert negotiated(server, "-tls1_2", "-cipher", f"{':'.join(bad)}:@SECLEVEL=0") == ""
    taken = [suite for suite in suites if GOOD.fullmatch(suite) and negotiated(server, "-tls1_2", "-cipher", suite)]
    assert len(taken) >= 2


def test_M08_no_compression_and_no_renegotiation(server: Server) -> None:
    address = f"127.0.0.1:{urlsplit(server.url).port}"
    done = openssl("s_client", "-connect", address, "-tls1_2", "-comp", "-no_ign_eof", said=b"R\n")
    assert b"Compression: NONE" in done.stdout
    assert b"no renegotiation" in done.stderr or b"no renegotiation" in done.stdout


def test_M08_the_key_that_is_made_is_of_p256(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--tls-self-signed"):
        text = openssl("x509", "-in", str(tmp_path / "data" / "tls" / "cert.pem"), "-noout", "-text").stdout.decode()
    for fact in ("ASN1 OID: prime256v1", "ecdsa-with-SHA256", "CA:FALSE", "TLS Web Server Authentication", "IP Address:127.0.0.1"):
        assert fact in text
