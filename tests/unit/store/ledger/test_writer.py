import asyncio
import errno
from collections.abc import Callable, Coroutine
from pathlib import Path
from threading import Event as Gate
from typing import Any

import pytest

from daypass.store.ledger import Head, LedgerFailed, Reader, verify
from daypass.store.ledger import writer as writer_module
from daypass.values.errors import ConfigError
from daypass.values.secret import Secret
from daypass.values.session import Origin, Session

MakeLedger = Callable[..., Any]
Body = Callable[..., bytes]
KEY = Secret(b"ledger key of the tests, 32 byte")
NODE = "node-1"
FULL = OSError(errno.ENOSPC, "no space left")
BROKEN = OSError(errno.EIO, "input/output error")
SESSION = Session(bytes(16), "ASIA" + "A" * 16, "role", "123456789012", "AROA", "n", 1, 2, Origin("sigv4", "AKIA"))


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 20))


def requests(directory: Path) -> list[str]:
    return [line.raw.decode().split('"requestID":"')[1].split('"')[0] for line in Reader(directory).read()]


def sound(directory: Path, anchored: Head | None = None) -> bool:
    return verify(directory, KEY, NODE, anchored=anchored).sound


def test_many_at_once_share_few_syncs(ledger: MakeLedger, disk: Any, body: Body, directory: Path) -> None:
    one = ledger()

    async def work() -> None:
        async def client(number: int) -> None:
            for n in range(10):
                await one.wait_for(body(f"{number}-{n}"))

        await asyncio.gather(*(client(number) for number in range(64)))

    run(work())
    assert one.head.seq == one.lines == 640
    assert 10 <= disk.syncs < 640 / 8
    assert disk.worst_at_once == 1
    assert len(set(requests(directory))) == 640
    assert sound(directory, one.head)


def test_nothing_is_acknowledged_before_it_is_synced(ledger: MakeLedger, disk: Any, body: Body, directory: Path) -> None:
    one = ledger()
    disk.gate = Gate()

    async def work() -> None:
        first = [one.wait_for(body(n)) for n in range(5)]
        await asyncio.sleep(0.05)
        assert disk.writes == 1  # the lines are in the file …
        assert len(requests(directory)) == 5
        assert not any(future.done() for future in first)  # … and nobody is told
        assert one.head.seq == 0
        second = [one.wait_for(body(n)) for n in range(5, 9)]
        await asyncio.sleep(0.05)
        assert disk.writes == 1  # one in flight
        disk.gate.set()
        await asyncio.gather(*first)
        assert disk.synced_bytes >= sum(len(body(n)) for n in range(5))
        await asyncio.gather(*second)
        assert (disk.syncs, one.head.seq) == (2, 9)

    run(work())


def test_a_client_that_went_away_stops_nobody(ledger: MakeLedger, disk: Any, body: Body, directory: Path) -> None:
    one = ledger()

    async def work() -> None:
        futures = [one.wait_for(body(n)) for n in range(3)]
        futures[1].cancel()
        await asyncio.gather(futures[0], futures[2])

    run(work())
    assert requests(directory) == ["request-0", "request-1", "request-2"]


@pytest.mark.parametrize("where", ["fail_sync", "fail_write"])
def test_after_an_io_error_nobody_is_acknowledged_any_more(ledger: MakeLedger, disk: Any, body: Body, where: str, directory: Path) -> None:
    """F-05: a retry that succeeds proves nothing, so there is none."""
    one = ledger()
    disk.gate = Gate()

    async def work() -> None:
        good = one.wait_for(body(0))
        disk.gate.set()
        await good
        disk.gate.clear()
        failing = [one.wait_for(body(n)) for n in range(1, 4)]
        setattr(disk, where, BROKEN)
        await asyncio.sleep(0.02)
        behind = [one.wait_for(body(n)) for n in range(4, 6)] if where == "fail_sync" else []
        disk.gate.set()
        results = await asyncio.gather(*failing, *behind, return_exceptions=True)
        assert all(isinstance(result, LedgerFailed) for result in results)
        assert one.state == "broken"
        setattr(disk, where, None)
        syncs = disk.syncs
        with pytest.raises(LedgerFailed, match="broken"):
            one.wait_for(body(9))
        await asyncio.sleep(0.02)
        assert disk.syncs == syncs
        assert one.head.seq == 1

    run(work())
    with pytest.raises(LedgerFailed):
        one.append_sync([body(10)])
    one.close()
    again = ledger(anchored=one.head)
    again.append_sync([body(11)])
    assert sound(directory, again.head)


@pytest.fixture
def quick_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "RETRY_EVERY", 0.01)


@pytest.mark.usefixtures("quick_retry")
@pytest.mark.parametrize("written", [0, 10, 300])
def test_on_a_full_disk_changes_are_refused_and_verifying_goes_on(
    ledger: MakeLedger, disk: Any, body: Body, written: int, directory: Path
) -> None:
    """F-04: nothing is lost silently, and it recovers by itself when space returns."""
    one = ledger()

    async def work() -> None:
        await one.wait_for(body(0))
        disk.fail_write, disk.write_before_failing = FULL, written
        change, look = one.wait_for(body(1)), one.wait_for(body(2), spoolable=True)
        await look
        with pytest.raises(LedgerFailed, match="no space"):
            await change
        assert one.state == "full"
        assert requests(directory) == ["request-0"]  # what was half written is taken back
        await one.wait_for(body(3), spoolable=True)
        with pytest.raises(LedgerFailed, match="no space"):
            await one.wait_for(body(4))
        assert one.head.seq == 1
        disk.fail_write = None
        while one.state == "full":
            await asyncio.sleep(0.01)
        await one.wait_for(body(5))

    run(work())
    assert requests(directory) == [f"request-{n}" for n in range(6)]
    assert sound(directory, one.head)


@pytest.mark.usefixtures("quick_retry")
def test_the_other_choice_on_a_full_disk_refuses_everything(ledger: MakeLedger, disk: Any, body: Body, directory: Path) -> None:
    one = ledger(when_full="refuse")

    async def work() -> None:
        disk.fail_write = FULL
        for spoolable in (True, False):
            with pytest.raises(LedgerFailed, match="no space"):
                await one.wait_for(body(int(spoolable)), spoolable=spoolable)
        disk.fail_write = None
        await one.drain()

    run(work())
    assert requests(directory) == ["request-1", "request-0"]


def test_what_waits_is_bounded(ledger: MakeLedger, disk: Any, body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MAX_WAITING", 5000)
    one = ledger()

    async def work() -> None:
        disk.fail_write = FULL
        with pytest.raises(LedgerFailed):
            await one.wait_for(body(0))
        accepted = 0
        with pytest.raises(LedgerFailed, match="too many"):
            for n in range(1000):
                await one.wait_for(body(n), spoolable=True)
                accepted += 1
        assert 5 < accepted < 50
        with pytest.raises(LedgerFailed, match="not written"):
            await one.drain()

    run(work())


def test_a_new_segment_begins_and_the_chain_goes_on(ledger: MakeLedger, disk: Any, body: Body, directory: Path) -> None:
    one = ledger(max_segment=1000)

    async def work() -> None:
        for n in range(30):
            await one.wait_for(body(n))

    run(work())
    names = sorted(path.name for path in directory.iterdir())
    assert names == [f"{n:06d}.jsonl" for n in range(1, len(names) + 1)]
    assert len(names) > 3
    assert requests(directory) == [f"request-{n}" for n in range(30)]
    assert sound(directory, one.head)
    assert all((path.stat().st_mode & 0o777) == 0o600 for path in directory.iterdir())
    assert (directory.stat().st_mode & 0o777) == 0o700


@pytest.mark.usefixtures("quick_retry")
def test_no_space_for_a_new_segment_is_a_full_disk(
    ledger: MakeLedger, disk: Any, body: Body, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = ledger(max_segment=100)

    def refuse(path: Path) -> None:
        raise FULL

    async def work() -> None:
        await one.wait_for(body(0))
        monkeypatch.setattr(one, "_opener", refuse)
        with pytest.raises(LedgerFailed):
            await one.wait_for(body(1))
        assert one.state == "full"
        monkeypatch.setattr(one, "_opener", disk.open)
        await one.drain()
        assert (one.state, one.head.seq) == ("ok", 2)

    run(work())
    assert requests(directory) == ["request-0", "request-1"]  # the segment before it stayed as it was
    assert sound(directory, one.head)


def test_it_goes_on_where_it_stopped(ledger: MakeLedger, body: Body, directory: Path) -> None:
    for start in range(4):
        one = ledger(max_segment=600)
        one.append_sync([body(start * 10 + n) for n in range(3)])
        one.close()
    assert len(requests(directory)) == 12
    assert sound(directory, one.head)


def test_a_batch_is_bounded_but_a_long_line_goes_alone(
    ledger: MakeLedger, disk: Any, body: Body, monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    monkeypatch.setattr(writer_module, "MAX_BATCH", 1200)
    one = ledger()

    async def work() -> None:
        await asyncio.gather(*(one.wait_for(body(n, long="x" * 2000 if n == 3 else "")) for n in range(12)))

    run(work())
    assert disk.writes > 3
    assert requests(directory) == [f"request-{n}" for n in range(12)]


def test_the_head_is_anchored_within_a_second_and_at_the_end(ledger: MakeLedger, body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "ANCHOR_EVERY", 0.02)
    heads: list[Head] = []
    one = ledger(anchor=heads.append)

    async def work() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for n in range(20):
            await one.wait_for(body(n))
        assert len(heads) <= (loop.time() - start) / 0.02
        await asyncio.sleep(0.05)
        assert heads[-1] == one.head
        before = len(heads)
        await asyncio.sleep(0.05)
        assert len(heads) == before  # nothing new, nothing to anchor
        await one.wait_for(body(20))
        await one.drain()

    run(work())
    one.close()
    assert heads[-1] == (NODE, 21, one.head.mac)


def test_what_was_minted_is_told_once_it_is_durable(ledger: MakeLedger, disk: Any, body: Body) -> None:
    told: list[tuple[int, Session]] = []
    one = ledger(on_minted=told.extend)
    disk.gate = Gate()

    async def work() -> None:
        futures = [one.wait_for(body(n), minted=SESSION if n % 2 else None) for n in range(4)]
        await asyncio.sleep(0.02)
        assert told == []
        disk.gate.set()
        await asyncio.gather(*futures)
        assert told == [(2, SESSION), (4, SESSION)]
        disk.fail_sync = BROKEN
        with pytest.raises(LedgerFailed):
            await one.wait_for(body(4), minted=SESSION)
        assert len(told) == 2

    run(work())


def test_an_outbox_is_emptied_into_the_ledger_once(ledger: MakeLedger, body: Body, directory: Path) -> None:
    one = ledger(max_segment=1000)
    one.append_sync([body(1)])
    one.append_sync([body(2)])
    outbox = [(f"request-{n}", body(n)) for n in (1, 2, 3, 4)]
    for _ in range(2):
        assert one.recover(outbox) == [f"request-{n}" for n in (1, 2, 3, 4)]
    assert requests(directory) == [f"request-{n}" for n in (1, 2, 3, 4)]
    assert one.recover([]) == []
    assert sound(directory, one.head)


def test_without_durability_nobody_waits_and_nothing_is_synced(ledger: MakeLedger, disk: Any, body: Body, directory: Path) -> None:
    one = ledger(durable=False)

    async def work() -> None:
        assert all(one.wait_for(body(n)).done() for n in range(50))
        await one.drain()

    run(work())
    assert disk.syncs == 0
    assert len(requests(directory)) == 50


def test_closed_is_closed(ledger: MakeLedger, body: Body, tmp_path: Path) -> None:
    one = ledger()
    one.append_sync([body(0)])
    one.close()
    one.close()
    assert one.state == "closed"
    with pytest.raises(LedgerFailed):
        one.append_sync([body(1)])

    async def work() -> None:
        with pytest.raises(LedgerFailed, match="closed"):
            one.wait_for(body(1))

    run(work())


def test_sync_and_loop_do_not_mix(ledger: MakeLedger, disk: Any, body: Body) -> None:
    one = ledger()

    async def work() -> None:
        future = one.wait_for(body(0))
        with pytest.raises(LedgerFailed, match="in use"):
            one.append_sync([body(1)])
        await future

    run(work())


def test_a_full_disk_is_told_to_append_sync_and_can_be_tried_again(ledger: MakeLedger, disk: Any, body: Body, directory: Path) -> None:
    one = ledger()
    disk.fail_write, disk.write_before_failing = FULL, 20
    with pytest.raises(LedgerFailed, match="no space"):
        one.append_sync([body(0)])
    disk.fail_write = None
    one.append_sync([body(0)])
    assert requests(directory) == ["request-0"]
    assert sound(directory, one.head)


def test_a_file_that_cannot_be_restored_is_broken_not_full(
    ledger: MakeLedger, disk: Any, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever truncate fails with: another try would write behind half a line."""
    one = ledger()
    one.append_sync([body(0)])
    disk.fail_write, disk.write_before_failing, disk.fail_truncate = FULL, 20, FULL

    async def work() -> None:
        with pytest.raises(LedgerFailed):
            await one.wait_for(body(1), spoolable=True)

    run(work())
    assert one.state == "broken"


def test_a_ledger_that_cannot_be_written_at_start_is_a_matter_of_configuration(
    ledger: MakeLedger, disk: Any, body: Body, directory: Path
) -> None:
    """F-06: a clear text, and nothing is cut or lost by trying."""
    one = ledger()
    one.append_sync([body(0)])
    one.close()
    with (directory / "000001.jsonl").open("ab") as file:
        file.write(b"torn")
    disk.fail_write = FULL
    with pytest.raises(ConfigError, match="cannot be opened: no space left"):
        ledger()
    directory.rename(directory.with_name("elsewhere"))
    directory.write_text("a file where the directory should be")
    with pytest.raises(ConfigError, match="cannot be opened"):
        ledger()
