"""A PostgreSQL that is reached over TLS, with a CA of its own, by users with a password or a certificate. Does not test anything."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from rig.papers import ec_key, pem, private_pem
from rig.postgres import OWNER, Cluster

NAME = "db.example.test"
PASSWORD = "canary-of-the-password-of-the-database"
HERE = "127.0.0.1"
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
    """The server, with TLS on a port of `address` (default: one that is free on loopback), and what those need who come to it.

    `inside` as the Cluster's; with a port of 5432 the Cluster's own ways to it, by the unix socket, are good as well.
    """

    def __init__(self, papers: Path, address: str = HERE, port: int = 0, inside: Sequence[str] = ()) -> None:
        self.cluster = Cluster(inside)
        data = self.cluster.directory / "data"
        self.port = port or _free_port()
        self.ca = write(papers / "ca.pem", pem(signed("ca", is_ca=True)))
        self.other_ca = write(papers / "other.pem", pem(signed("other", is_ca=True, ca="other")))
        self.client = write(papers / "client.pem", pem(signed("bycert"))), write(papers / "client.key", private_pem(ec_key("bycert")))
        self.password = write(papers / "password", f"{PASSWORD}\n")
        its_own = write(data / "server.crt", pem(signed(NAME))), write(data / "server.key", private_pem(ec_key(NAME)))
        shutil.copy(self.ca, data / "ca.crt")
        for paper in (*its_own, data / "ca.crt"):
            if os.geteuid() == 0:
                shutil.chown(paper, OWNER)
        (data / "pg_hba.conf").write_text(RULES)
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"listen_addresses = '{address}'\nport = {self.port}\nssl = on\nssl_ca_file = 'ca.crt'\n")
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

    def url(self, user: str, more: str = "", *, name: str = NAME, address: str = HERE, ca: Path | None = None) -> str:
        """As an operator writes it; the name stands in no DNS, so the address stands beside it."""
        where = f"hostaddr={address}&sslmode=verify-full&sslrootcert={ca or self.ca}"
        return f"postgresql://{user}@{name}:{self.port}/postgres?{where}{more}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HERE, 0))
        port: int = free.getsockname()[1]
    return port
