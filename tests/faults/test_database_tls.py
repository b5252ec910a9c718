"""The way to PostgreSQL over TLS, against a real server with a CA of its own: who it is not is refused, and no secret shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.canary import Canaries
from rig.database_tls import NAME, PASSWORD, Tls, write
from rig.server import daypass, running

CONFIG_IS_WRONG = 6


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
