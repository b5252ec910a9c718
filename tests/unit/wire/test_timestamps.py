from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.wire.faults import WrongType
from daypass.wire.timestamps import READERS, WRITERS, read_epoch, read_iso_8601, read_rfc_822, write_epoch, write_iso_8601, write_rfc_822

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0)), st.sampled_from(sorted(READERS)))
def test_what_is_written_is_read_back(moment: datetime, name: str) -> None:
    assert READERS[name](WRITERS[name](moment)) == moment


def test_the_three_formats() -> None:
    assert write_iso_8601(MOMENT) == "2026-01-02T03:04:05Z"
    assert write_rfc_822(MOMENT) == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert write_epoch(MOMENT) == 1767323045


def test_whole_seconds_are_written_in_utc() -> None:
    berlin = datetime(2026, 1, 2, 4, 4, 5, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert (write_iso_8601(berlin), write_rfc_822(berlin), write_epoch(berlin)) == (
        write_iso_8601(MOMENT), write_rfc_822(MOMENT), write_epoch(MOMENT)
    )  # fmt: skip


@pytest.mark.parametrize("write", [write_iso_8601, write_rfc_822, write_epoch])
def test_a_moment_without_a_zone_is_a_bug(write: Callable[[datetime], object]) -> None:
    with pytest.raises(TypeError):
        write(datetime(2026, 1, 2))  # noqa: DTZ001  # the naive one that is refused


def test_fractions_and_offsets_are_read() -> None:
    assert read_iso_8601("2026-01-02T03:04:05.25Z") == MOMENT + timedelta(milliseconds=250)
    assert read_iso_8601("2026-01-02T05:04:05+02:00") == MOMENT
    assert read_iso_8601("2026-01-01T22:04:05-05:00") == MOMENT
    assert read_epoch(1767323045.5) == MOMENT + timedelta(milliseconds=500)


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z", "2026-1-2T3:4:5Z", "2026-02-30T00:00:00Z", "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:60Z", "0000-01-02T03:04:05Z", "20260102T030405Z", "2026-01-02T03:04:05Z\n", "２026-01-02T03:04:05Z",
        "2026-01-02T03:04:05z", "2026-01-02T03:04:05+24:00", "2026-01-02T03:04:05+00:60", "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00", 5, None,
    ],
)  # fmt: skip
def test_no_iso_8601(text: Any) -> None:
    with pytest.raises(WrongType):
        read_iso_8601(text)


@pytest.mark.parametrize(
    "text",
    ["Thu, 02 Jan 2026 03:04:05 GMT", "Fri, 2 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:05 UTC", "Fri, 30 Feb 2026 00:00:00 GMT", 1],
)
def test_no_http_date(text: Any) -> None:
    with pytest.raises(WrongType):
        read_rfc_822(text)


@pytest.mark.parametrize("number", [True, "1", None, float("nan"), float("inf"), 10**12, -(10**12), 10**40])
def test_no_epoch(number: Any) -> None:
    with pytest.raises(WrongType):
        read_epoch(number)
