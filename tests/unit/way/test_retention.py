"""way/retention.py: files go when it is due, never before what follows from them is in the database, and the verification knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from conformance.samples import NOW
from daypass.store import Store, open_store
from daypass.store.keys import FileKey
from daypass.store.ledger import Ledger, verify
from daypass.store.ledger.line import restored_notice_of
from daypass.store.ledger.segments import segment_numbers
from daypass.way.retention import EVERY, Retention

DAY = timedelta(days=1)
LINES = 6


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "daypass.db", FileKey(tmp_path / "root.key"), NOW, node="n")
    yield opened
    opened.close()


@pytest.fixture
def ledger(store: Store, tmp_path: Path) -> Ledger:
    """Six lines of a day each, each in a segment of its own."""
    made = Ledger(tmp_path / "ledger", store.secret("ledger"), "n", max_segment=1)
    made.open(NOW)
    for day in range(LINES):
        made.append_sync([restored_notice_of(NOW + day * DAY, NOW, head_line=0, later_lines=0)])
    made.close()
    return made


def test_what_is_too_old_goes_and_the_rest_verifies(store: Store, ledger: Ledger) -> None:
    retention = Retention(store, ledger.directory, 2 * DAY)
    retention.round(NOW + 4.5 * DAY, LINES)
    assert (segment_numbers(ledger.directory), store.ledger_from("n")) == ([3, 4, 5, 6], 3)
    retention.round(NOW + 9 * DAY - 4.5 * DAY, LINES)
    report = verify(ledger.directory, store.secret("ledger"), "n", anchored=ledger.head, first=store.ledger_from("n"))
    assert (report.sound, report.first) == (True, 3)


def test_what_is_not_shipped_stays(store: Store, ledger: Ledger) -> None:
    retention = Retention(store, ledger.directory, DAY)
    retention.round(NOW + 99 * DAY, 3)
    assert segment_numbers(ledger.directory) == list(range(1, LINES + 1))
    retention.round(NOW + 99 * DAY + EVERY, LINES)
    assert segment_numbers(ledger.directory) == [5, 6]


def test_it_looks_every_few_minutes(store: Store, ledger: Ledger) -> None:
    retention = Retention(store, ledger.directory, DAY)
    retention.round(NOW, LINES)
    retention.round(NOW + EVERY - timedelta(seconds=1), LINES)
    assert store.ledger_from("n") == 1
    late = Retention(store, ledger.directory, DAY)
    late.round(NOW + 99 * DAY, LINES)
    assert store.ledger_from("n") == 5


def test_files_that_a_crash_left_go_with_the_next_round(store: Store, ledger: Ledger) -> None:
    store.keep_ledger_from("n", 4)
    Retention(store, ledger.directory, 1000 * DAY).round(NOW, LINES)
    assert segment_numbers(ledger.directory) == [4, 5, 6]
