"""Copies of a ledger: every durable line once, in order, from where the copies end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from daypass.store.ledger import Copier, Ledger, copying
from daypass.store.ledger.chain import read_link

MakeLedger = Callable[..., Ledger]
Body = Callable[..., bytes]


def filled(ledger: MakeLedger, body: Body, count: int = 10) -> Ledger:
    made = ledger(max_segment=1500)  # a few lines each, so that copying crosses segments
    for number in range(count):
        made.append_sync([body(number)])
    return made


def numbers(copier: Copier, upto: int) -> list[int]:
    found = [copy.seq for copy in copier.take(upto)]
    copier.done()
    return found


def test_what_is_durable_is_copied_once_and_nothing_beyond(ledger: MakeLedger, body: Body, directory: Path) -> None:
    made = filled(ledger, body)
    copier = Copier(directory, 0, b"")
    assert numbers(copier, 4) == [1, 2, 3, 4]
    assert numbers(copier, 4) == []
    assert numbers(copier, 10) == [5, 6, 7, 8, 9, 10]
    made.append_sync([body(11)])
    assert numbers(copier, 11) == [11]
    assert numbers(copier, 11) == []


def test_a_batch_that_was_not_stored_is_taken_again(ledger: MakeLedger, body: Body, directory: Path) -> None:
    filled(ledger, body, 3)
    copier = Copier(directory, 0, b"")
    assert copier.take(2) == copier.take(3)
    copier.done()
    assert numbers(copier, 3) == [3]


def test_batches_are_bounded(ledger: MakeLedger, body: Body, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(ledger, body)
    monkeypatch.setattr(copying, "MAX_LINES", 4)
    copier = Copier(directory, 0, b"")
    assert [numbers(copier, 10) for _ in range(4)] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10], []]
    monkeypatch.setattr(copying, "MAX_BYTES", 1)
    copier = Copier(directory, 0, b"")
    assert [numbers(copier, 10) for _ in range(2)] == [[1], [2]]


def test_it_goes_on_where_the_copies_end(ledger: MakeLedger, body: Body, directory: Path) -> None:
    filled(ledger, body)
    copies = {copy.seq: copy for copy in Copier(directory, 0, b"").take(10)}
    assert numbers(Copier(directory, 7, copies[7].mac), 10) == [8, 9, 10]


@pytest.mark.parametrize("shipped", [5, 10, 12])
def test_where_the_file_has_another_line_it_begins_anew(ledger: MakeLedger, body: Body, directory: Path, shipped: int) -> None:
    """A ledger that lost its tail, and gave its numbers to other lines: what was copied of it is not what is in the file."""
    filled(ledger, body)
    assert numbers(Copier(directory, shipped, b"x" * 32), 10) == list(range(1, 11))


def test_a_copy_is_the_line_as_it_stands(ledger: MakeLedger, body: Body, directory: Path) -> None:
    filled(ledger, body, 1)
    (copy,) = Copier(directory, 0, b"").take(1)
    link = read_link(copy.raw + b"\n")
    assert link is not None
    assert (link.seq, link.mac) == (copy.seq, copy.mac)
    assert copy.time > 1_700_000_000


def test_an_empty_ledger_has_none(directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    assert Copier(directory, 0, b"").take(5) == []
