import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daypass.store.ledger import Shipper, body_of
from daypass.store.ledger import shipping as shipping_module
from daypass.values.event import Event
from daypass.values.session import Origin, Session

MakeLedger = Callable[..., Any]
Body = Callable[..., bytes]
NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def session(number: int) -> Session:
    return Session(number.to_bytes(16, "big"), "ASIA", "role", "123456789012", "AROA", "n", 1, 2, Origin("sigv4", "AKIA"))


def minting(number: int) -> bytes:
    return body_of(Event(f"m-{number}", NOW, "sts", "AssumeRole", "", "", minted=session(number)))


def mint(ledger: Any, *numbers: int) -> None:
    async def work() -> None:
        await asyncio.gather(*(ledger.wait_for(minting(number), minted=session(number)) for number in numbers))

    asyncio.run(work())


def drained(shipper: Shipper) -> list[int]:
    found = []
    while (shipment := shipper.take()) is not None:
        found += [int.from_bytes(each.id, "big") for each in shipment.sessions]
        shipper.done(shipment)
    return found


def test_at_start_the_files_are_read_from_the_watermark_on(ledger: MakeLedger, body: Body, directory: Path) -> None:
    one = ledger(max_segment=1500)
    for n in range(1, 6):
        one.append_sync([body(n), minting(n)])
    assert drained(Shipper(directory, 0)) == [1, 2, 3, 4, 5]
    assert drained(Shipper(directory, 4)) == [3, 4, 5]
    assert drained(Shipper(directory, 10)) == []
    shipper = Shipper(directory, 9)
    assert drained(shipper) == [5]
    assert shipper.shipped == 10


def test_lines_without_a_pass_move_the_watermark_too(ledger: MakeLedger, body: Body, directory: Path) -> None:
    one = ledger()
    one.append_sync([minting(1), body(2), body(3)])
    shipper = Shipper(directory, 0)
    assert drained(shipper) == [1]
    assert shipper.shipped == 3


def test_what_mints_nothing_is_behind_it_when_nothing_is_left(ledger: MakeLedger, directory: Path) -> None:
    ledger().append_sync([minting(1)])
    shipper = Shipper(directory, 0)
    shipper.pass_over(9)
    assert shipper.shipped == 0  # the files were not read yet
    assert drained(shipper) == [1]
    shipper.pass_over(9)
    assert shipper.shipped == 9
    shipper.note([(10, session(2))])
    shipper.pass_over(12)
    assert (shipper.shipped, drained(shipper)) == (9, [2])


def test_then_memory_serves(ledger: MakeLedger, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipper = Shipper(directory, 0)
    one = ledger(on_minted=shipper.note)
    assert drained(shipper) == []
    monkeypatch.setattr(shipping_module, "Reader", None)  # the files are not needed
    mint(one, 1, 2)
    mint(one, 3)
    assert drained(shipper) == [1, 2, 3]
    assert shipper.shipped == 3


def test_a_shipment_that_was_not_stored_comes_again(ledger: MakeLedger, directory: Path) -> None:
    shipper = Shipper(directory, 0)
    one = ledger(on_minted=shipper.note)
    drained(shipper)
    mint(one, 1, 2)
    first = shipper.take()
    assert first is not None
    mint(one, 3)
    assert shipper.take() == (3, [session(1), session(2), session(3)])
    shipper.done(first)
    assert drained(shipper) == [3]


def test_what_is_noted_before_the_files_were_read_is_shipped_once(ledger: MakeLedger, directory: Path) -> None:
    shipper = Shipper(directory, 0)
    one = ledger(on_minted=shipper.note)
    mint(one, 1, 2, 3)
    shipment = shipper.take()
    shipper.note([(2, session(2)), (3, session(3))])  # a batch whose lines the files showed before it was done
    assert shipment == (3, [session(1), session(2), session(3)])
    shipper.done(shipment)
    shipper.note([(3, session(3)), (4, session(4))])
    assert drained(shipper) == [4]


def test_too_much_to_hold_is_left_to_the_files(ledger: MakeLedger, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping_module, "MAX_HELD", 5)
    monkeypatch.setattr(shipping_module, "MAX_SHIPMENT", 3)
    shipper = Shipper(directory, 0)
    one = ledger(on_minted=shipper.note)
    drained(shipper)
    for start in range(1, 13, 3):
        mint(one, *range(start, start + 3))
    assert drained(shipper) == list(range(1, 13))
    mint(one, 13)
    assert drained(shipper) == [13]
