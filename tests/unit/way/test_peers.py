"""A node among others: when it tells how far it is, what it copies, and that a backlog of lines holds up nothing new."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from conformance.samples import putting, user
from daypass.store import StoreFailed, open_store
from daypass.store.keys import root_key
from daypass.store.ledger import Shipper, copying
from daypass.way.peers import BEAT_SECONDS, COPIES_AT_ONCE, Peers
from daypass.way.upkeep import Upkeep
from rig.node import TestNode
from rig.postgres import Cluster


@pytest.fixture
def url(cluster: Cluster) -> str:
    return cluster.url(cluster.new_schema())


@pytest.fixture
def node(url: str, tmp_path: Path) -> Iterator[TestNode]:
    made = TestNode(tmp_path, database=url, name="here")
    yield made
    made.close()


def beats(node: TestNode) -> list[tuple[str, int, int]]:
    return [(one.name, one.position, one.lines) for one in node.store.nodes(node.now)[1]]


def test_it_tells_soon_what_is_new_and_else_from_time_to_time(node: TestNode, url: str, tmp_path: Path) -> None:
    peers = Peers(node.store, node.node.ledger, "http://here")
    other = open_store(url, root_key(tmp_path / "root.key"), node.now, node="there")
    peers.follow(node.now, 100.0)
    first = node.store.position
    assert beats(node) == [("here", first, 0)]
    node.operator()
    peers.follow(node.now, 100.1)
    assert beats(node) == [("here", first, 0)]  # a line is no news to others
    peers.follow(node.now, 100.0 + BEAT_SECONDS)
    assert beats(node) == [("here", first, 1)]
    other.write(putting(user()))
    peers.follow(node.now, 100.1 + BEAT_SECONDS)
    assert node.store.position == other.position
    assert beats(node) == [("here", first, 1)]  # what comes right behind is told of with it
    peers.follow(node.now, 100.3 + BEAT_SECONDS)
    assert beats(node) == [("here", other.position, 1)]
    other.close()


def test_a_backlog_is_copied_in_portions(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "MAX_LINES", 2)
    for _ in range(COPIES_AT_ONCE * 2 + 3):
        node.operator()
    storage = ThreadPoolExecutor(1)
    upkeep = Upkeep("here", node.store, Shipper(node.directory / "ledger", 0), storage, lambda: node.now)
    upkeep.ledger = node.node.ledger
    upkeep.share(Peers(node.store, node.node.ledger, ""))
    asyncio.run(upkeep.round())
    assert node.store.last_shipped()[0] == COPIES_AT_ONCE * 2
    asyncio.run(upkeep.round())
    assert node.store.last_shipped()[0] == COPIES_AT_ONCE * 2 + 3
    storage.shutdown()


def test_news_are_followed_at_once_and_a_database_that_is_away_is_told_of_once(
    node: TestNode, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    storage = ThreadPoolExecutor(1)
    upkeep = Upkeep("here", node.store, Shipper(node.directory / "ledger", 0), storage, lambda: node.now)
    upkeep.ledger = node.node.ledger
    upkeep.share(Peers(node.store, node.node.ledger, ""))
    other = open_store(url, root_key(tmp_path / "root.key"), node.now, node="there")
    monkeypatch.setattr("daypass.way.upkeep.ROUND_SECONDS", 0.05)

    async def seen(what: object) -> None:
        while not what():  # type: ignore[operator]  # a function
            await asyncio.sleep(0.01)

    async def scene() -> None:
        running = asyncio.create_task(upkeep.run())
        other.write(putting(user()))
        upkeep.hear()
        await asyncio.wait_for(seen(lambda: node.store.position == other.position), 10)
        with monkeypatch.context() as patch:
            patch.setattr(node.store, "catch_up", _away)
            await asyncio.wait_for(seen(lambda: "is away" in caplog.text), 10)
            await asyncio.sleep(0.09)
        await asyncio.wait_for(seen(lambda: "there again" in caplog.text), 10)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(scene())
    assert caplog.text.count("is away") == 1
    other.close()
    storage.shutdown()


def test_news_that_come_thick_are_followed_together(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first at once. Else every node would turn to the database for each change of each other."""
    storage = ThreadPoolExecutor(1)
    upkeep = Upkeep("here", node.store, Shipper(node.directory / "ledger", 0), storage, lambda: node.now)
    peers = Peers(node.store, node.node.ledger, "")
    upkeep.ledger = node.node.ledger
    upkeep.share(peers)
    monkeypatch.setattr("daypass.way.upkeep.ROUND_SECONDS", 60.0)
    monkeypatch.setattr("daypass.way.upkeep.FOLLOW_SECONDS", apart := 0.5)
    followed: list[float] = []
    monkeypatch.setattr(peers, "follow", lambda now, ticks: followed.append(ticks))

    async def scene() -> float:
        running = asyncio.create_task(upkeep.run())
        begun = asyncio.get_running_loop().time()
        while len(followed) < 3:
            upkeep.hear()
            await asyncio.sleep(0.01)
        running.cancel()
        return followed[0] - begun

    assert asyncio.run(scene()) < apart
    assert all(later - earlier >= apart * 0.9 for earlier, later in pairwise(followed))
    storage.shutdown()


def _away(*_: object) -> None:
    raise StoreFailed("away")
