"""How PostgreSQL is reached: no password where others see it, TLS beyond this host, an end to every wait, the ear for changes."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from conformance.samples import NOW, putting, user
from daypass.store import open_store
from daypass.store.keys import FileKey
from daypass.store.postgres import _arguments, open_postgres, read_url
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret
from rig.link import Link
from rig.postgres import Cluster
from rig.wait import until


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@h/d", "postgresql://u@h/d?password=hunter2", "postgresql://u@h/d?sslpassword=hunter2"])
def test_a_password_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="list of processes") as refused:
        read_url(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://u@h/d", "sqlite:///x", "postgresql+asyncpg://u@h/d", "postgres://u@h/d"])
def test_what_is_no_postgresql_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="--db wants"):
        read_url(url)


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://u@db.example/d", "verify-full"),
        ("postgresql://u@192.0.2.1:5433/d", "verify-full"),
        ("postgresql://u@127.0.0.1,db.example/d", "verify-full"),
        ("postgresql://u@db.example/d?sslmode=require", "require"),
        ("postgresql://u@127.0.0.1/d", None),
        ("postgresql://u@[::1]/d", None),
        ("postgresql://u@localhost/d", None),
        ("postgresql://u@/d?host=/run/postgresql", None),
        ("postgresql:///d", None),
        ("postgresql://u@localhost/d?hostaddr=192.0.2.1", "verify-full"),
        ("postgresql://u@db.example/d?hostaddr=127.0.0.1", None),
        ("postgresql:///d?service=far", "verify-full"),
    ],
)
def test_beyond_this_host_a_verified_certificate_is_meant(url: str, mode: str | None) -> None:
    assert _arguments(read_url(url), None).get("sslmode") == mode


@pytest.mark.parametrize(
    ("name", "value", "mode"),
    [
        ("PGHOST", "db.example", "verify-full"),
        ("PGHOSTADDR", "192.0.2.1", "verify-full"),
        ("PGSERVICE", "far", "verify-full"),
        ("PGHOST", "/run/postgresql", None),
    ],
)
def test_where_the_environment_leads_counts_as_well(monkeypatch: pytest.MonkeyPatch, name: str, value: str, mode: str | None) -> None:
    monkeypatch.setenv(name, value)
    assert _arguments(read_url("postgresql:///d"), None).get("sslmode") == mode


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_nothing_leaves_this_host_in_the_clear(mode: str) -> None:
    with pytest.raises(ConfigError, match="in the clear"):
        _arguments(read_url(f"postgresql://u@db.example/d?sslmode={mode}"), None)
    assert _arguments(read_url(f"postgresql://u@localhost/d?sslmode={mode}"), None)["sslmode"] == mode


@pytest.mark.parametrize(
    ("query", "warned"), [("sslmode=require", 1), ("sslmode=require&sslrootcert=/ca", 0), ("sslmode=verify-ca", 0), ("", 0)]
)
def test_tls_that_verifies_nobody_is_warned_of(caplog: pytest.LogCaptureFixture, query: str, warned: int) -> None:
    _arguments(read_url(f"postgresql://u@db.example/d?{query}"), None)
    assert len(caplog.records) == warned


def test_what_libpq_is_given() -> None:
    given = _arguments(read_url("postgresql://u@h:5433/d?options=-csearch_path%3Dx&sslrootcert=/ca"), Secret("s3cret"))
    assert (given["user"], given["host"], given["port"], given["dbname"], given["password"]) == ("u", "h", 5433, "d", "s3cret")
    assert given["sslrootcert"] == "/ca"
    assert given["options"].startswith("-csearch_path=x -c statement_timeout=4s")
    assert "-c tcp_user_timeout=10000" in given["options"]  # the server's side of a peer that vanished, NOTIFY or not (F-14)


def test_the_password_stands_in_no_text_of_the_engine(cluster: Cluster) -> None:
    engine, _ = open_postgres("postgresql://u@127.0.0.1:1/d", Secret("s3cret-canary"))
    with pytest.raises(Exception, match="refused") as failure:
        engine.connect()
    assert "s3cret-canary" not in f"{engine!r} {engine.url!r} {failure.value!r} {failure.value}"
    engine.dispose()


def test_a_commit_is_on_disk_whatever_the_server_thinks(cluster: Cluster) -> None:
    for asked, given in (("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")):
        schema = cluster.new_schema()
        engine, _ = open_postgres(cluster.url(schema) + f"%20-csynchronous_commit%3D{asked}", None)
        with engine.begin() as connection:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == given
            assert connection.execute(text("SHOW search_path")).scalar() == schema
        engine.dispose()


def test_nothing_is_waited_for_without_end(cluster: Cluster, tmp_path: Path) -> None:
    link = Link(cluster)
    store = open_store(link.url(cluster.new_schema()), FileKey(tmp_path / "key"), NOW)
    link.hold()
    begun = time.monotonic()
    with pytest.raises(Exception, match=r"did not answer in time|no time is left"):
        store.catch_up(NOW)
    first = time.monotonic() - begun
    assert 1 < first < 6
    with pytest.raises(Exception, match="is away"):
        store.catch_up(NOW)
    assert time.monotonic() - begun - first < 0.5
    link.mend()
    until(lambda: _follows(store), "it follows again")
    store.close()
    link.close()


def _follows(store: object) -> bool:
    try:
        store.catch_up(NOW)  # type: ignore[attr-defined]  # a store
    except Exception:
        return False
    return True


def test_changes_are_heard_of_soon_and_after_a_broken_connection_again(cluster: Cluster, tmp_path: Path) -> None:
    link = Link(cluster)
    schema = cluster.new_schema()
    one = open_store(cluster.url(schema), FileKey(tmp_path / "key"), NOW, node="one")
    other = open_store(link.url(schema), FileKey(tmp_path / "key"), NOW, node="other")
    heard: list[int] = []
    other.listen(heard.append)
    until(lambda: heard == [0], "it listens")
    one.write(putting(user(1)))
    until(lambda: heard == [0, one.position], "it hears", 5)
    link.cut()
    one.write(putting(user(2)))
    link.mend()
    until(lambda: heard == [0, 1, 0], "it may have missed something")
    one.write(putting(user(3)))
    until(lambda: heard[3:] == [one.position], "it hears again", 5)
    cluster.sql("SELECT pg_notify('daypass', 'x'), pg_notify('daypass', '٣'), pg_notify('daypass', '-1')")
    until(lambda: heard[4:] == [0, 0, 0], "anybody may call")
    for store in (one, other):
        store.close()
    assert "listener" not in {thread.name for thread in threading.enumerate()}
    link.close()


def test_a_name_is_one_nodes_alone(cluster: Cluster, tmp_path: Path) -> None:
    url = cluster.url(cluster.new_schema())
    one, other, third = (open_store(url, FileKey(tmp_path / "key"), NOW, node=name) for name in ("same", "same", "third"))
    one.listen(lambda seq: None)
    third.listen(lambda seq: None)
    with pytest.raises(ConfigError, match="Another process runs as same"):
        other.listen(lambda seq: None)
    one.close()
    until(lambda: _listens(other), "the name is free when the one has ended")
    other.close()
    third.close()


def _listens(store: object) -> bool:
    try:
        store.listen(lambda seq: None)  # type: ignore[attr-defined]  # a store
    except ConfigError:
        return False
    return True
