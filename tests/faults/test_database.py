"""The database as it fails under a node: away for an hour, restarted, slow, out of connections (F-07, F-08, F-10, F-11, F-12, F-42)."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from daypass.store.ledger import Reader
from faults.test_nodes import assume, iam, operator, trusted_role
from rig.http import Attempt, Bend, Reply, form, sign, stamp, who_am_i
from rig.link import Link
from rig.postgres import Cluster
from rig.server import Server, running
from rig.wait import until

FAST = 1.0  # seconds: a refusal for a database that is known to be away; the test's own machine is slow at times
BOUND = 5.0  # seconds: "writes fail < 5 s" (F-07)


@pytest.fixture
def schema(cluster: Cluster) -> str:
    return cluster.new_schema()


def health(server: Server) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(Attempt(server.url, "GET", "/health").send().body)
    return told


def timed(attempt: Attempt) -> tuple[Reply, float]:
    begun = time.monotonic()
    return attempt.send(), time.monotonic() - begun


def succeeded(lines: Path, operation: str) -> Counter[str]:
    """The users that successful lines of a ledger name."""
    return Counter(
        json.loads(line.raw)["requestParameters"]["UserName"]
        for line in Reader(lines).read()
        if line.entry is not None and line.entry.eventName == operation and not line.entry.errorCode
    )


# -- F-08: an hour without a database


def test_F08_an_hour_without_the_database(cluster: Cluster, schema: str, link: Link, tmp_path: Path) -> None:
    """Passes verify, decisions go on, new passes are made, lines wait on disk in order; changes are refused at once; all by itself."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    away = 0.0

    def bend(service: str) -> Bend:
        return Bend(service=service, stamp=stamp(datetime.now(UTC) + timedelta(seconds=away)))

    with running(tmp_path / "a", "--db", link.url(schema), clock=clock) as node:
        keys = operator(node)
        arn = trusted_role(node, keys, "r")
        held = assume(node, keys, arn)
        link.cut()
        for minute in range(1, 61):
            away = minute * 60.0
            clock.write_text(str(away))
            assert sign(who_am_i(node.url), held, bend("sts")).send().code == ("" if minute < 60 else "ExpiredToken")  # it lasts an hour
            assert sign(form(node.url, {"Action": "ListUsers"}, "2010-05-08"), keys, bend("iam")).send().status == 200
            if minute % 10 == 0:
                begin = {"Action": "AssumeRole", "RoleArn": arn, "RoleSessionName": f"s{minute}"}
                assert sign(form(node.url, begin), keys, bend("sts")).send().status == 200
                create = form(node.url, {"Action": "CreateUser", "UserName": f"u{minute}"}, "2010-05-08")
                refused, took = timed(sign(create, keys, bend("iam")))
                assert (refused.status, refused.code) == (503, "ServiceUnavailable")
                assert took < FAST
        told = health(node)
        assert told["ready"]
        assert 3600 <= told["feed_age_seconds"] < 3700
        assert node.command("doctor", check=False).stdout.count("decisions go on from a state") == 1
        operator(node)  # the operator's own way in does not need it either
        link.mend()
        until(lambda: health(node)["feed_age_seconds"] < 2, "the state is new again")
        create = form(node.url, {"Action": "CreateUser", "UserName": "after"}, "2010-05-08")
        assert sign(create, keys, bend("iam")).send().status == 200
        lines = [line.entry.seq for line in Reader(node.data / "ledger").read() if line.entry is not None]
        assert lines == list(range(1, len(lines) + 1))
        count = f"SELECT line FROM ledger_lines WHERE line <= {lines[-1]} ORDER BY arrival"
        until(lambda: cluster.sql(count, schema) == [str(line) for line in lines], "every line has come, in order")
        sessions = json.loads(node.command("sessions", "-o", "json").stdout)
        assert {session["SessionName"] for session in sessions} >= {"s20", "s60"}  # what was minted meanwhile is known
        assert json.loads(node.command("events", "verify", "-o", "json").stdout)["Intact"]
        said = (tmp_path / "a.err").read_text()
        assert said.count("the database is away: what it need not be asked for goes on") == 1  # not a line a round
    assert cluster.sql("SELECT name FROM (SELECT convert_from(body, 'UTF8')::json->>'name' AS name FROM users) u", schema) == ["after"]


def test_F08_beyond_max_staleness_it_stops_and_comes_back(schema: str, link: Link, tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0")
    with running(tmp_path / "a", "--db", link.url(schema), clock=clock) as node:
        keys = operator(node)
        link.cut()
        until(lambda: "is away" in node.said(), "it notices")
        clock.write_text("5401")  # the default is 90 minutes
        late = Bend(stamp=stamp(datetime.now(UTC) + timedelta(seconds=5401)))
        until(lambda: sign(who_am_i(node.url), keys, late).send().code == "ServiceUnavailable", "it stops")
        link.mend()
        until(lambda: sign(who_am_i(node.url), keys, late).send().status == 200, "it is back")


@pytest.mark.parametrize("how", ["cut", "hold"])
def test_F08_a_node_ends_in_good_order_without_the_database(cluster: Cluster, schema: str, link: Link, tmp_path: Path, how: str) -> None:
    """SIGTERM: exit 0, in time. What it had decided is on its disk, and comes to the database with the next start."""
    with running(tmp_path / "a", "--db", link.url(schema)) as node:
        keys = operator(node)
        until(lambda: cluster.sql("SELECT count(*) FROM ledger_lines", schema) == ["1"], "the first line has come")
        getattr(link, how)()
        assert sign(who_am_i(node.url), keys).send().status == 200
    link.mend()
    assert cluster.sql("SELECT count(*) FROM ledger_lines", schema) == ["1"]
    with running(tmp_path / "a") as node:
        until(lambda: cluster.sql("SELECT count(*) FROM ledger_lines", schema) == ["2"], "the second as well")
        assert sign(who_am_i(node.url), keys).send().status == 200


# -- F-07: restarts under load


def test_F07_the_database_restarts_under_load(cluster: Cluster, schema: str, tmp_path: Path) -> None:
    """No verification fails; changes fail for less than five seconds at a time; what was acknowledged is there, and everything that is
    there has exactly one line, what was refused for a broken commit included."""
    with running(tmp_path / "a", "--db", cluster.url(schema)) as node:
        keys = operator(node)
        stop = threading.Event()
        verified: Counter[int] = Counter()
        acknowledged: list[str] = []
        refused: list[tuple[float, str]] = []

        def verify() -> None:
            while not stop.is_set():
                verified[sign(who_am_i(node.url), keys).send().status] += 1
                stop.wait(0.01)

        def write(writer: int) -> None:
            for number in range(100_000):
                if stop.is_set():
                    return
                reply, took = timed(iam(node, keys, "CreateUser", UserName=f"w{writer}-{number}"))
                if reply.status == 200:
                    acknowledged.append(f"w{writer}-{number}")
                else:
                    refused.append((took, reply.code))

        threads = [threading.Thread(target=verify), *(threading.Thread(target=write, args=(writer,)) for writer in range(2))]
        for thread in threads:
            thread.start()
        for _ in range(3):
            before = len(acknowledged)
            until(lambda before=before: len(acknowledged) > before + 10, "changes are made")  # type: ignore[misc]  # bound at once
            cluster.restart()
        before = len(acknowledged)
        took = until(lambda: len(acknowledged) > before + 10, "changes are made again")
        stop.set()
        for thread in threads:
            thread.join()
        assert took < BOUND
        assert set(verified) == {200}
        assert {what for _, what in refused} == {"ServiceUnavailable"}
        assert max(took for took, _ in refused) < BOUND
        until(lambda: cluster.sql("SELECT count(*) FROM outbox", schema) == ["0"], "every change has its line")
    there = cluster.sql("SELECT unique_name FROM users", schema)
    assert set(acknowledged) <= set(there)
    lines = succeeded(tmp_path / "a" / "ledger", "CreateUser")
    assert set(lines) == set(there)
    assert set(lines.values()) == {1}


def test_F07_a_commit_whose_answer_is_lost(cluster: Cluster, schema: str, link: Link, tmp_path: Path) -> None:
    """The change is refused, since nobody knows; it was made all the same, and so it has its line as well as the refusal has."""
    with running(tmp_path / "a", "--db", link.url(schema)) as node:
        keys = operator(node)
        link.cut_behind(b"INSERT INTO outbox", b"COMMIT")
        refused = iam(node, keys, "CreateUser", UserName="u").send()
        assert (refused.status, refused.code) == (503, "ServiceUnavailable")
        link.mend()
        until(lambda: iam(node, keys, "GetUser", UserName="u").send().status == 200, "it shows what is there")
        until(lambda: cluster.sql("SELECT count(*) FROM outbox", schema) == ["0"], "its line is written")
        again = iam(node, keys, "CreateUser", UserName="u").send()
        assert again.code == "EntityAlreadyExists"
        lines = [line.entry for line in Reader(node.data / "ledger").read() if line.entry and line.entry.eventName == "CreateUser"]
        assert [line.errorCode for line in lines] == ["ServiceUnavailable", "", "EntityAlreadyExists"]
        assert lines[0].requestID == lines[1].requestID == refused.headers["x-amzn-requestid"]
        assert json.loads(node.command("events", "verify", "-o", "json").stdout)["Intact"]


# -- F-10: a slow one


@pytest.mark.parametrize("seconds", [5.0, 30.0])
def test_F10_a_database_that_answers_too_late(schema: str, link: Link, tmp_path: Path, seconds: float) -> None:
    """Verification does not notice. A change gives up within five seconds, those behind it at once, and nothing piles up."""
    with running(tmp_path / "a", "--db", link.url(schema)) as node:
        keys = operator(node)
        link.delay(seconds)
        reply, took = timed(iam(node, keys, "CreateUser", UserName="u"))
        assert (reply.status, reply.code) == (503, "ServiceUnavailable")
        assert took < BOUND + FAST
        slowest = max(timed(sign(who_am_i(node.url), keys))[1] for _ in range(20))
        assert slowest < FAST
        link.mend()
        until(lambda: iam(node, keys, "CreateUser", UserName=f"v{time.monotonic_ns()}").send().status == 200, "changes are made again")


def test_F10_a_database_that_hangs_holds_up_nobody_who_only_lists(schema: str, link: Link, tmp_path: Path) -> None:
    with running(tmp_path / "a", "--db", link.url(schema)) as node:
        keys = operator(node)
        link.hold()
        asked = threading.Thread(target=lambda: node.command("sessions", check=False))
        asked.start()
        slowest = max(timed(sign(who_am_i(node.url), keys))[1] for _ in range(30))
        asked.join()
        assert slowest < FAST
        link.mend()
        until(lambda: node.command("sessions", check=False).returncode == 0, "it lists again")


# -- F-11: no connection left


def test_F11_no_connection_is_left(cluster: Cluster, schema: str, tmp_path: Path) -> None:
    """Others hold all connections and the server drops ours: changes are refused, passes verify; when there is room again all goes on."""
    with running(tmp_path / "a", "--db", cluster.url(schema)) as node:
        keys = operator(node)
        with ExitStack() as held:  # whatever goes wrong, the places are given back: others test on this cluster
            def take() -> Connection[Any]:
                return held.enter_context(closing(psycopg.connect(host=str(cluster.directory), user="postgres", dbname="postgres")))

            cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'daypass'")
            first = take()
            with pytest.raises(psycopg.OperationalError, match=r"too many clients|slots are reserved"):
                for _ in range(200):
                    take()
            # those of ours that came back meanwhile go as well; one that is back already before we take its place may stay
            first.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'daypass'")
            with suppress(psycopg.OperationalError):
                take()
            reply, took = timed(iam(node, keys, "CreateUser", UserName="u"))
            assert sign(who_am_i(node.url), keys).send().status == 200
        if reply.status != 200:  # it may have found the one place that a closed connection left
            assert (reply.status, reply.code) == (503, "ServiceUnavailable")
            assert took < BOUND
        until(lambda: iam(node, keys, "CreateUser", UserName="v").send().status == 200, "changes are made again")
        assert len(cluster.sql("SELECT 1 FROM pg_stat_activity WHERE application_name = 'daypass'")) <= 6  # none leaked
