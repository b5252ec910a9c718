"""store/ledger/retention.py: whole segments go, oldest first, and what is left verifies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daypass.store.ledger.line import restored_notice_of
from daypass.store.ledger.retention import drop_before, first_to_keep
from daypass.store.ledger.segments import segment_numbers, segment_path
from daypass.store.ledger.verify import verify
from daypass.store.ledger.writer import Ledger
from daypass.values.secret import Secret

KEY = Secret(bytes(32))
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
SEGMENTS = 6
DAY = timedelta(days=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Six segments of two lines, each segment of a day of its own."""
    made = Ledger(tmp_path / "ledger", KEY, "n", max_segment=600)
    made.open(BEGAN)
    for day in range(SEGMENTS):
        for hour in range(2):
            at = BEGAN + day * DAY + timedelta(hours=hour)
            made.append_sync([restored_notice_of(at, BEGAN, head_line=0, later_lines=0)])
    made.close()
    assert segment_numbers(made.directory) == list(range(1, SEGMENTS + 1))
    return made


@pytest.mark.parametrize(("days", "first"), [(-1, 0), (0, 0), (1, 0), (1.5, 3), (2.5, 5), (3.5, 7), (4.5, 9), (99, 9)])
def test_a_segment_goes_when_all_of_it_is_older(ledger: Ledger, days: float, first: int) -> None:
    """A line is never lost early, and the two newest segments stay however old they are."""
    assert first_to_keep(ledger.directory, BEGAN + days * DAY) == first


def test_what_is_left_verifies_from_where_it_begins(ledger: Ledger) -> None:
    assert drop_before(ledger.directory, 5) == 2
    assert segment_numbers(ledger.directory) == [3, 4, 5, 6]
    assert drop_before(ledger.directory, 5) == 0
    report = verify(ledger.directory, KEY, "n", anchored=ledger.head, first=5)
    assert (report.sound, report.first, report.last) == (True, 5, 12)
    assert verify(ledger.directory, KEY, "n", anchored=ledger.head, first=3).findings[0].kind == "missing"


def test_more_than_retention_took_shows_and_less_does_not(ledger: Ledger) -> None:
    segment_path(ledger.directory, 1).unlink()
    assert not verify(ledger.directory, KEY, "n", anchored=ledger.head).sound
    assert verify(ledger.directory, KEY, "n", anchored=ledger.head, first=5).sound  # killed before the second was gone
    drop_before(ledger.directory, 5)
    segment_path(ledger.directory, 3).unlink()
    assert not verify(ledger.directory, KEY, "n", anchored=ledger.head, first=5).sound


def test_one_segment_or_none_is_kept(tmp_path: Path) -> None:
    (tmp_path / "000001.jsonl").write_bytes(b"")
    for _ in range(2):
        assert first_to_keep(tmp_path, BEGAN + 99 * DAY) == 0
        assert drop_before(tmp_path, 99) == 0
        (tmp_path / "000001.jsonl").unlink(missing_ok=True)
