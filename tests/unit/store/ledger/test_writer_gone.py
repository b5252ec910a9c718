"""store/ledger/writer.py, its files taken away under it (fault F-06): nothing is written where nobody finds it, and what may wait waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daypass.store.ledger import Head, LedgerFailed, Reader
from daypass.store.ledger import writer as writing
from daypass.store.ledger.segments import segment_numbers
from daypass.store.presence import Presence
from unit.store.ledger.conftest import AwaitedLedger, body

Make = Callable[..., AwaitedLedger]


def requests(directory: Path) -> list[str]:
    return [line.entry.requestID for line in Reader(directory).read() if line.entry is not None]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "RETRY_EVERY", 0.01)
    monkeypatch.setattr(writing, "LOOK_EVERY", 0.01)


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not seen():
            await asyncio.sleep(0.01)


def test_what_reads_goes_and_waits_what_changes_is_refused_until_the_same_files_are_back(ledger: Make, directory: Path) -> None:
    async def scene() -> None:
        one = ledger()
        await one.wait_for(body(1))
        kept = (directory / "000001.jsonl").read_bytes()
        aside = directory.with_name("aside")
        directory.rename(aside)
        await one.wait_for(body(2), spoolable=True)
        assert one.state == "gone"
        with pytest.raises(LedgerFailed, match="not where they were"):
            await one.wait_for(body(3))
        assert (aside / "000001.jsonl").read_bytes() == kept  # nothing was written beyond anybody's sight
        directory.mkdir()
        (directory / "000001.jsonl").write_bytes(kept)  # a copy is not the file
        with pytest.raises(LedgerFailed):
            await one.drain()
        (directory / "000001.jsonl").unlink()
        directory.rmdir()
        aside.rename(directory)
        await until(lambda: one.state == "ok")
        await one.wait_for(body(4))
        await one.drain()
        assert requests(directory) == [f"request-{n}" for n in (1, 2, 3, 4)]

    asyncio.run(scene())


def test_a_file_beside_it_stops_changes_at_once_and_reading_lines_with_the_next_look(ledger: Make, directory: Path, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch()

    async def scene() -> None:
        one = ledger(beside=[Presence(lock)])
        await one.wait_for(body(1))
        lock.rename(tmp_path / "aside")
        await one.wait_for(body(2), spoolable=True)
        assert one.state == "ok"
        with pytest.raises(LedgerFailed):
            await one.wait_for(body(3))
        assert one.state == "gone"
        await one.wait_for(body(4), spoolable=True)
        assert requests(directory) == ["request-1", "request-2"]

    asyncio.run(scene())


def test_a_node_without_requests_notices_and_anchors_nothing(ledger: Make, tmp_path: Path, directory: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    anchored: list[Head] = []

    async def scene() -> None:
        one = ledger(beside=[Presence(lock)], anchor=anchored.append)
        watching = asyncio.create_task(one.watch())
        for _ in range(2):
            lock.rename(tmp_path / "aside")
            await until(lambda: one.state == "gone")
            (tmp_path / "aside").rename(lock)
            await until(lambda: one.state == "ok")
        watching.cancel()
        await one.drain()
        assert (anchored, one.head.seq) == ([], 0)

    asyncio.run(scene())


@pytest.mark.parametrize("then", [b'{"of":"another"}\n', None], ids=["longer", "shorter"])
def test_a_file_that_others_wrote_to_is_not_written_to(ledger: Make, directory: Path, then: bytes | None) -> None:
    async def scene() -> None:
        one = ledger()
        await one.wait_for(body(1))
        path = directory / "000001.jsonl"
        found = (path.read_bytes() + then) if then else b""
        path.write_bytes(found)
        with pytest.raises(LedgerFailed):
            await one.wait_for(body(2))
        assert (one.state, path.read_bytes()) == ("gone", found)

    asyncio.run(scene())


def test_no_segment_begins_in_a_directory_that_is_not_ours(ledger: Make, directory: Path) -> None:
    async def scene() -> None:
        one = ledger(max_segment=1)
        await one.wait_for(body(1))
        directory.rename(directory.with_name("aside"))
        directory.mkdir()
        await one.wait_for(body(2), spoolable=True)
        assert (one.state, segment_numbers(directory)) == ("gone", [])

    asyncio.run(scene())


def test_segments_that_end_and_go_are_no_loss(ledger: Make, directory: Path) -> None:
    async def scene() -> None:
        one = ledger(max_segment=1)
        for number in range(5):
            await one.wait_for(body(number))
            if number:
                (directory / f"{number:06}.jsonl").unlink()  # as retention does
        assert (one.state, segment_numbers(directory)) == ("ok", [5])

    asyncio.run(scene())


def test_it_is_told_once_each_time(ledger: Make, directory: Path, caplog: Any) -> None:
    async def scene() -> None:
        one = ledger()
        await one.wait_for(body(0))
        directory.rename(directory.with_name("aside"))
        for number in range(3):
            await one.wait_for(body(number), spoolable=True)
            with pytest.raises(LedgerFailed):
                await one.drain()
        directory.with_name("aside").rename(directory)
        await one.drain()
        assert [record.message for record in caplog.records] == [
            "a file of this node is gone: no change and no pass",
            "the files of this node are there again",
        ]
        assert str(directory / "000001.jsonl") in caplog.records[0].reason

    asyncio.run(scene())
