"""The way to PostgreSQL over TLS, against a real server with a CA of its own: who it is not is refused, and no secret shows."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from rig.canary import Canaries
from rig.papers import ec_key, pem, private_pem
from rig.postgres import OWNER, Cluster
from rig.server import daypass, running

NAME = "db.example.test"
PASSWORD = "canary-of-the-password-of-the-database"
CONFIG_IS_WRONG = 6
RULES = f"local all {OWNER} trust\nhostssl all byname all scram-sha-256\nhostssl all bycert all cert\n"


def signed(name: str, *, is_ca: bool = False, ca: str = "ca") -> x509.Certificate:
    """A certificate for the key of that name by a CA, which may be itself; OpenSSL wants to be told which one is a CA."""
    subject, issuer = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one)]) for one in (name, ca))
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(ec_key(name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if not is_ca:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return made.sign(ec_key(ca), hashes.SHA256())


def write(path: Path, text: str) -> Path:
    """A file that its owner alone reads."""
    path.write_text(text)
    path.chmod(0o600)
    return path


class Tls:
    """The server, with TLS on a port of loopback, and what those need who come to it."""

    def __init__(self, papers: Path) -> None:
        self.cluster = Cluster()
        data = self.cluster.directory / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.ca = write(papers / "ca.pem", pem(signed("ca", is_ca=True)))
        self.other_ca = write(papers / "other.pem", pem(signed("other", is_ca=True, ca="other")))
        self.client = write(papers / "client.pem", pem(signed("bycert"))), write(papers / "client.key", private_pem(ec_key("bycert")))
        self.password = write(papers / "password", f"{PASSWORD}\n")
        inside = write(data / "server.crt", pem(signed(NAME))), write(data / "server.key", private_pem(ec_key(NAME)))
        shutil.copy(self.ca, data / "ca.crt")
        for file in (*inside, data / "ca.crt"):
            if os.geteuid() == 0:
                shutil.chown(file, OWNER)
        (data / "pg_hba.conf").write_text(RULES)
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nssl = on\nssl_ca_file = 'ca.crt'\n")
        self.cluster.restart()
        for user in ("byname", "bycert"):
            self.sql(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}' SUPERUSER")

    def sql(self, statement: str) -> None:
        """As the owner, by the socket."""
        self.cluster._run("psql", "-h", str(self.cluster.directory), "-p", str(self.port), "-U", OWNER, "-d", "postgres", "-c", statement)

    def set(self, name: str, value: str) -> None:
        """Change a setting of the server that is running."""
        self.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.cluster.restart()

    def url(self, user: str, more: str = "", *, name: str = NAME, ca: Path | None = None) -> str:
        """As an operator writes it; the name stands in no DNS, so the address stands beside it."""
        trusted = ca or self.ca
        return f"postgresql://{user}@{name}:{self.port}/postgres?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={trusted}{more}"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tls]:
    made = Tls(tmp_path_factory.mktemp("papers"))
    yield made
    made.cluster.remove()


def refused(data: Path, url: str, *more: str) -> str:
    """What a start says that is refused, which makes nothing of the directory."""
    done = daypass("up", "--listen", "127.0.0.1:0", "--db", url, *more, data=data, check=False)
    assert done.returncode == CONFIG_IS_WRONG, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    return done.stderr


def with_password(file: Path) -> tuple[str, ...]:
    return ("--db-password-file", str(file))


def test_who_it_is_not_is_refused_and_told(tls: Tls, tmp_path: Path) -> None:
    data, right = tmp_path / "d", with_password(tls.password)
    wrong = with_password(write(tmp_path / "wrong", "wrong"))
    for url, more, what, mend in (
        (tls.url("byname", ca=tls.other_ca), right, "certificate verify failed", "sslrootcert=FILE"),
        (tls.url("byname", ca=Path("/none.pem")), right, "does not exist", "sslrootcert=FILE"),
        (tls.url("byname", name="other.example.test"), right, "does not match host name", "use the name"),
        (tls.url("byname"), (), "no password supplied", "--db-password-file"),
        (tls.url("byname"), wrong, "password authentication failed", "--db-password-file"),
        (tls.url("bycert"), right, "valid client certificate", "sslcert=FILE&sslkey=FILE"),
    ):
        said = refused(data, url, *more)
        assert what in said, said
        assert mend in said, said


def test_a_server_without_tls_is_refused_and_told(tls: Tls, tmp_path: Path) -> None:
    tls.set("ssl", "off")
    try:
        said = refused(tmp_path / "d", tls.url("byname"), *with_password(tls.password))
    finally:
        tls.set("ssl", "on")
    assert "server does not support SSL" in said
    assert "ssl = on" in said
    said = refused(tmp_path / "d", "postgresql://u@db.example.test/d?sslmode=disable")
    assert "in the clear" in said


WAYS = ("file", "PGPASSFILE", "PGPASSWORD", "certificate")


@pytest.mark.parametrize("way", WAYS)
def test_who_it_is_is_taken_and_no_secret_shows(tls: Tls, tmp_path: Path, way: str) -> None:
    canaries = Canaries()
    canaries.watch(PASSWORD)
    url, environment = tls.url("byname"), dict[str, str]()
    more: tuple[str, ...] = ()
    if way == "file":
        more = with_password(tls.password)
    elif way == "certificate":
        url = tls.url("bycert", f"&sslcert={tls.client[0]}&sslkey={tls.client[1]}")
    else:
        line = write(tmp_path / "pgpass", f"{NAME}:{tls.port}:*:*:{PASSWORD}\n")
        environment = {way: str(line) if way == "PGPASSFILE" else PASSWORD}
    schema = f"&options=-csearch_path%3D{way.lower()}"
    tls.sql(f"CREATE SCHEMA {way.lower()}")
    with running(tmp_path / "d", "--db", url + schema, "--log-level", "debug", *more, environment=environment) as server:
        assert server.health()["ready"]
        arguments = Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
        told = server.command("doctor", check=False)
    leaks = canaries.leaks_under(tmp_path / "d") + canaries.leaks_in("talk", (server.said() + told.stdout + told.stderr).encode())
    assert leaks + canaries.leaks_in("arguments", arguments) == []
