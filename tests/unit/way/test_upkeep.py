"""Rounds of upkeep: what they do, when, and that nothing is lost by one that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daypass.store import StoreFailed
from daypass.store.ledger import Shipper
from daypass.values.errors import Refusal
from daypass.way import upkeep as rounds
from daypass.way.handle import Answer, Pending, handle
from daypass.way.upkeep import COLLECT_EVERY, MARK_EVERY, Upkeep
from rig.node import request_for
from unit.way.town import Town


class Kept:
    """A town with its upkeep, and `round()` without a loop of one's own."""

    def __init__(self, directory: Path) -> None:
        self.town = Town(directory)
        self.storage = ThreadPoolExecutor(1)
        self.shipper = Shipper(directory / "ledger", 0)
        self.upkeep = Upkeep("node-test", self.town.it.store, self.shipper, self.storage, lambda: self.town.it.now)

    def round(self) -> None:
        asyncio.run(self.upkeep.round())

    def close(self) -> None:
        self.storage.shutdown()
        self.town.it.close()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.close()


def failing(*_: Any, **__: Any) -> None:
    raise StoreFailed("away")


def test_minted_passes_are_shipped_with_their_watermark(kept: Kept) -> None:
    before = kept.town.it.store.shipped_line("node-test")
    kept.town.assume(kept.town.user("u"), kept.town.role("r"))
    kept.round()
    assert kept.town.it.store.shipped_line("node-test") == kept.town.it.node.ledger.head.seq > before
    assert kept.shipper.take() is None


def test_the_outbox_is_emptied_of_what_is_recorded_alone(kept: Kept) -> None:
    town = kept.town
    ids = []
    for name in ("a", "b"):
        pending = handle(town.it.node, request_for("iam", "CreateUser", {"UserName": name}, town.operator, town.it.now), town.it.now)
        assert isinstance(pending, Pending)
        answer = pending.then(pending.work())
        assert isinstance(answer, Answer)
        ids.append(answer.event.request_id)
    kept.upkeep.recorded(ids[0])
    kept.round()
    assert [request_id for request_id, _ in town.it.store.outbox_lines()] == [ids[1]]


def test_a_round_that_fails_loses_nothing(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    town, head = kept.town, kept.town.it.node.ledger.head
    pending = handle(town.it.node, request_for("iam", "CreateUser", {"UserName": "u"}, town.operator, town.it.now), town.it.now)
    assert isinstance(pending, Pending)
    answer = pending.then(pending.work())
    assert isinstance(answer, Answer)
    kept.upkeep.recorded(answer.event.request_id)
    kept.upkeep.anchor(head)
    with monkeypatch.context() as patch, pytest.raises(StoreFailed):
        patch.setattr(town.it.store, "forget_outbox", failing)
        kept.round()
    kept.round()
    assert town.it.store.outbox_lines() == []
    assert town.it.store.anchored("node-test") == head


def test_the_head_is_anchored(kept: Kept) -> None:
    kept.upkeep.anchor(kept.town.it.node.ledger.head)
    kept.round()
    assert kept.town.it.store.anchored("node-test") == kept.town.it.node.ledger.head


def test_the_mark_and_the_collection_have_their_times(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    town, collected = kept.town, []
    monkeypatch.setattr(town.it.store, "collect", collected.append)
    kept.round()
    marked = town.it.store.clock_high_water
    assert marked == town.it.now
    assert len(collected) == 1
    town.it.now += MARK_EVERY - timedelta(seconds=1)
    kept.round()
    assert town.it.store.clock_high_water == marked
    town.it.now += timedelta(seconds=1)
    kept.round()
    assert town.it.store.clock_high_water == town.it.now
    assert len(collected) == 1
    town.it.now += COLLECT_EVERY
    kept.round()
    assert len(collected) == 2


def test_what_is_over_is_collected(kept: Kept) -> None:
    town = kept.town
    arn = town.role("r")
    town.session(town.user("u"), arn, DurationSeconds=900)
    town.it.call("daypass", "RevokeSessions", {"RoleArn": arn}, town.operator)
    kept.round()
    assert len(town.it.store.snapshot.revocations) == 1
    town.it.now += timedelta(days=2)
    kept.round()
    assert len(town.it.store.snapshot.revocations) == 0
    assert town.it.store.passes() == []


def test_use_of_keys_is_kept(kept: Kept) -> None:
    keys = kept.town.user("u")
    kept.town.sts("GetCallerIdentity", keys)
    kept.round()
    assert kept.town.it.store.flush_usage() == 0
    used = kept.town.iam("GetAccessKeyLastUsed", AccessKeyId=keys.id)["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["LastUsedDate"]) == ("sts", kept.town.it.now)


@pytest.mark.parametrize("failure", [StoreFailed("away"), RuntimeError("a bug"), Refusal("X", "x")])
def test_the_rounds_go_on_after_any_failure(kept: Kept, monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 0.0)

    async def scene() -> int:
        done = asyncio.Event()
        tries = 0

        async def attempt() -> None:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise failure
            done.set()

        monkeypatch.setattr(kept.upkeep, "round", attempt)
        running = asyncio.create_task(kept.upkeep.run())
        await asyncio.wait_for(done.wait(), 5)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return tries

    assert asyncio.run(scene()) >= 2


def test_it_waits_for_nothing_while_a_round_is_on(kept: Kept) -> None:
    """Two rounds at once take turns; the second sees what the first left."""

    async def scene() -> None:
        await asyncio.gather(kept.upkeep.round(), kept.upkeep.round())

    kept.town.assume(kept.town.user("u"), kept.town.role("r"))
    asyncio.run(scene())
    assert kept.shipper.take() is None
