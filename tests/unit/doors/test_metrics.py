"""GET /metrics: to whom it answers, what it shows, and that its labels are ours alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from daypass.doors.metrics import Gauges, MetricsDoor, is_welcome
from daypass.doors.tally import Tally
from daypass.store.ledger import Shipper
from daypass.values.event import Event
from daypass.way.clock import Clock
from daypass.way.operation import OPERATIONS
from daypass.way.upkeep import Upkeep
from unit.way.town import Town


class Shown:
    """A town and its metrics; `wall` is what its host's clock shows."""

    def __init__(self, directory: Path) -> None:
        self.town = Town(directory)
        it = self.town.it
        self.wall = it.now
        self.tally = Tally()
        self.storage = ThreadPoolExecutor(1)
        clock = Clock(wall=lambda: self.wall)
        self.upkeep = Upkeep("node-test", it.store, Shipper(directory / "ledger", 0), self.storage, clock)
        self.door = MetricsDoor(Gauges(it.node, clock, self.upkeep, self.tally, lambda: 3))

    def ask(self, path: bytes = b"/metrics", method: str = "GET", hosts: tuple[bytes, ...] = (b"192.0.2.1:9401",)) -> tuple[int, bytes]:
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(dict(message))

        scope = {"type": "http", "method": method, "raw_path": path, "headers": [(b"host", host) for host in hosts]}
        asyncio.run(self.door(scope, None, send))  # type: ignore[arg-type]  # no body is read
        start, body = sent
        assert (b"cache-control", b"no-store") in start["headers"]
        return start["status"], body["body"]

    def samples(self) -> dict[tuple[str, tuple[str, ...]], float]:
        """Every sample by its name and the values of its labels, these in the order of their names."""
        status, body = self.ask()
        assert status == 200
        found = [sample for family in text_string_to_metric_families(body.decode()) for sample in family.samples]
        return {(one.name, tuple(value for _, value in sorted(one.labels.items()))): one.value for one in found}

    def note(self, service: str, operation: str, status: int = 200, code: str = "") -> None:
        now = self.town.it.now
        self.tally.note(Event("r", now, service, operation, "192.0.2.7", "", status=status, error_code=code), 0.003)


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Shown]:
    made = Shown(tmp_path)
    yield made
    made.storage.shutdown()
    made.town.it.close()


def test_what_was_answered(shown: Shown) -> None:
    assert ("sts", "AssumeRole") in OPERATIONS
    shown.note("sts", "AssumeRole")
    shown.note("sts", "AssumeRole", 403, "AccessDenied")
    found = shown.samples()
    assert found["daypass_requests_total", ("AssumeRole", "ok", "sts")] == 1
    assert found["daypass_requests_total", ("AssumeRole", "refused", "sts")] == 1
    assert found["daypass_refusals_total", ("AccessDenied",)] == 1
    assert found["daypass_request_seconds_bucket", ("0.0025",)] == 0
    assert found["daypass_request_seconds_bucket", ("0.005",)] == found["daypass_request_seconds_count", ()] == 2


def test_what_is_not_offered_is_other(shown: Shown) -> None:
    shown.note("ec2", "RunInstances", 400, "InvalidAction")
    shown.note("", "", 400, "InvalidAction")
    requests = {labels: value for (name, labels), value in shown.samples().items() if name == "daypass_requests_total"}
    assert requests == {("other", "refused", "other"): 2}


def test_how_the_node_stands(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    it = shown.town.it
    found = shown.samples()
    assert found["daypass_ledger_state", ("ok",)] == 1
    assert found["daypass_ledger_lines_total", ()] == it.node.ledger.head.seq > 0
    assert found["daypass_connections", ()] == 3
    assert [found[f"daypass_{name}", ()] for name in ("database_away", "feed_age_seconds", "ledger_waiting_lines")] == [0, 0, 0]
    assert found["daypass_max_staleness_seconds", ()] == it.node.rules.max_staleness
    monkeypatch.setattr(it.node.ledger, "state", "full")
    monkeypatch.setattr(it.store, "feed_age", lambda _: 7.5)
    shown.upkeep.is_away = True
    found = shown.samples()
    assert (found["daypass_ledger_state", ("ok",)], found["daypass_ledger_state", ("full",)]) == (0, 1)
    assert found["daypass_feed_age_seconds", ()] == 7.5
    assert found["daypass_database_away", ()] == 1


def test_a_clock_that_was_set_back_shows(shown: Shown) -> None:
    assert shown.samples()["daypass_clock_behind_seconds", ()] == 0
    shown.wall -= timedelta(hours=1)
    assert shown.samples()["daypass_clock_behind_seconds", ()] == 3600


@pytest.mark.parametrize("kind", ["seal", "data"])
def test_the_age_of_keys(shown: Shown, kind: str) -> None:
    gauge = f"daypass_{kind}_key_age_seconds", ("active",)
    before = shown.samples()[gauge]
    shown.wall += timedelta(days=90)
    assert shown.samples()[gauge] == before + 90 * 86400


@pytest.mark.parametrize("host", [b"192.0.2.1", b"192.0.2.1:9401", b"[2001:db8::1]:9401", b"[::1]", b"Daypass.Example:9401"])
def test_addresses_and_our_names_are_welcome(host: bytes) -> None:
    assert is_welcome(host, frozenset({"daypass.example"}))


@pytest.mark.parametrize("host", [b"", b"evil.example", b"192.0.2.1.evil.example:9401", b"192.0.2.1:9401\n", b"daypass.example:", b"\xff"])
def test_other_names_are_not(host: bytes) -> None:
    assert not is_welcome(host, frozenset({"daypass.example"}))


def test_nothing_else_is_here(shown: Shown) -> None:
    assert shown.ask(b"/")[0] == 404
    assert shown.ask(b"/metrics/")[0] == 404
    assert shown.ask(method="POST")[0] == 404
    assert shown.ask(hosts=(b"evil.example",))[0] == 403
    assert shown.ask(hosts=(b"192.0.2.1", b"192.0.2.1"))[0] == 403
    assert shown.ask(hosts=())[0] == 403
    assert shown.ask(method="HEAD") == (200, b"")
    with pytest.raises(RuntimeError, match="websocket"):
        asyncio.run(shown.door({"type": "websocket"}, None, None))  # type: ignore[arg-type]  # they are not looked at
