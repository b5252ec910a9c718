"""The AWS door before a real node: from ASGI to an answer whose line is durable, and what happens when a room fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from daypass.doors.aws import AwsDoor
from daypass.doors.health import health
from daypass.store import StoreFailed
from daypass.store.ledger import Shipper
from daypass.values.request import Request, Response
from daypass.way.upkeep import Upkeep
from rig.node import request_for
from unit.way.town import Town


class Door:
    """A town behind its door; `ask` speaks ASGI."""

    def __init__(self, directory: Path) -> None:
        self.town = Town(directory)
        self.storage = ThreadPoolExecutor(1)
        it = self.town.it
        self.upkeep = Upkeep("node-test", it.store, Shipper(directory / "ledger", 0), self.storage, lambda: it.now)
        self.door = AwsDoor(it.node, lambda: it.now, {"storage": self.storage, "outside": self.storage}, self.upkeep)

    def request(self, service: str, operation: str, **parameters: Any) -> Request:
        return request_for(service, operation, parameters, self.town.operator, self.town.it.now)

    def ask(self, request: Request, *, pieces: int = 1, gone: bool = False) -> list[dict[str, Any]]:
        """What is sent in answer; the body comes in `pieces`, or the client is gone before its end."""
        size = -(-len(request.body) // pieces) or 1
        parts = [request.body[start : start + size] for start in range(0, len(request.body), size)] or [b""]
        messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": part, "more_body": gone or number < len(parts) - 1} for number, part in enumerate(parts)
        ]
        messages += [{"type": "http.disconnect"}] * gone
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(dict(message))

        scope = {
            "type": "http",
            "method": request.method,
            "raw_path": request.raw_path,
            "query_string": request.raw_query,
            "headers": list(request.headers),
            "client": (request.peer, 1),
            "scheme": "http",
        }
        asyncio.run(self.door(scope, receive, send))
        return sent


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    made.storage.shutdown()
    made.town.it.close()


def test_an_answer_leaves_with_its_line_on_disk(door: Door) -> None:
    before = door.town.it.node.ledger.head.seq
    start, body = door.ask(door.request("sts", "GetCallerIdentity"), pieces=3)
    assert start["status"] == 200
    headers = dict(start["headers"])
    assert headers[b"content-length"] == b"%d" % len(body["body"])
    assert headers[b"cache-control"] == b"no-store"
    assert door.town.it.node.ledger.head.seq == before + 1


def test_a_change_leaves_the_outbox_with_the_next_round(door: Door) -> None:
    assert door.ask(door.request("iam", "CreateUser", UserName="u"))[0]["status"] == 200
    assert len(door.town.it.store.outbox_lines()) >= 1
    before = len(door.town.it.store.outbox_lines())
    asyncio.run(door.upkeep.round())
    assert len(door.town.it.store.outbox_lines()) == before - 1


def test_a_client_that_goes_away_has_done_nothing(door: Door) -> None:
    before = door.town.it.node.ledger.head.seq
    assert door.ask(door.request("iam", "CreateUser", UserName="u"), gone=True) == []
    assert door.town.it.node.ledger.head.seq == before
    assert door.town.it.store.snapshot.users.named(door.town.account, "u") is None


def test_what_waits_for_upkeep(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    assert door.ask(door.request("daypass", "ListSessions"))[0]["status"] == 200

    async def fail() -> None:
        raise StoreFailed("away")

    monkeypatch.setattr(door.upkeep, "round", fail)
    before = door.town.it.node.ledger.head.seq
    start, body = door.ask(door.request("daypass", "ListSessions"))
    assert start["status"] == 503
    assert b"away" not in body["body"]
    assert door.town.it.node.ledger.head.seq == before + 1


def test_no_other_kind_of_connection(door: Door) -> None:
    with pytest.raises(RuntimeError, match="websocket"):
        asyncio.run(door.door({"type": "websocket"}, None, None))  # type: ignore[arg-type]  # they are not looked at


def test_health(door: Door) -> None:
    start, body = door.ask(Request("GET", b"/health", b"", (), b"", "192.0.2.7"))
    assert start["status"] == 200
    assert json.loads(body["body"]) == {"live": True, "ready": True, "reasons": [], "feed_age_seconds": 0.0}
    start, body = door.ask(Request("HEAD", b"/health", b"", (), b"", "192.0.2.7"))
    assert body["body"] == b""


def test_health_says_why_not(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    it = door.town.it
    monkeypatch.setattr(it.node.ledger, "state", "full")
    monkeypatch.setattr(it.store, "feed_age", lambda _: it.node.rules.max_staleness + 1)
    answer = health(it.node, it.now)
    assert answer.status == 503
    assert json.loads(answer.body)["reasons"] == ["ledger full", "state too old"]


def test_an_answer_that_breaks_keeps_back_no_other_of_its_batch(door: Door) -> None:
    """F-37: their lines are on disk together; the first answer cannot be sent."""
    given: list[Response] = []
    tries: list[int] = []

    def broken(response: Response) -> None:
        tries.append(response.status)
        if response.status == 200:
            raise MemoryError

    async def both() -> None:
        for answer in (broken, given.append):
            door.door.start(door.request("sts", "GetCallerIdentity"), answer)
        await door.town.it.node.ledger.drain()

    asyncio.run(both())
    assert tries == [200, 500]
    assert [response.status for response in given] == [200]
