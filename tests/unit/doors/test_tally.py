"""What is counted of an answer, and that nobody can make the numbers many."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from daypass.doors.tally import BOUNDS, MAX_CODES, Tally
from daypass.values.decision import Ask, Decision
from daypass.values.event import Event

ASK = Ask("sts:AssumeRole", "arn:aws:iam::111122223333:role/r", "111122223333")


def event(**more: Any) -> Event:
    given = {"service": "sts", "operation": "AssumeRole", "status": 200, **more}
    return Event(request_id="r", time=datetime(2026, 1, 1, tzinfo=UTC), source_ip="192.0.2.7", user_agent="", **given)


def test_answers_by_operation_and_outcome() -> None:
    tally = Tally()
    for status, code in ((200, ""), (200, ""), (403, "AccessDenied"), (503, "ServiceUnavailable")):
        tally.note(event(status=status, error_code=code), 0.0)
    assert tally.requests == {("sts", "AssumeRole", 2): 2, ("sts", "AssumeRole", 4): 1, ("sts", "AssumeRole", 5): 1}
    assert tally.refusals == {"AccessDenied": 1, "ServiceUnavailable": 1}


def test_what_has_no_line_was_refused() -> None:
    tally = Tally()
    tally.note(event(), 0.0, recorded=False)
    assert tally.requests == {("sts", "AssumeRole", 5): 1}
    assert tally.refusals == {"ServiceUnavailable": 1}


def test_decisions_by_layer() -> None:
    tally = Tally()
    asked = [(ASK, Decision(True, False, "identity")), (ASK, Decision(False, True, "scp")), (ASK, Decision(True, False, "identity"))]
    tally.note(event(decisions=asked), 0.0)
    assert tally.decisions == {("identity", True): 2, ("scp", False): 1}


def test_times_fall_into_their_buckets() -> None:
    tally = Tally()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 1e-9, BOUNDS[-1], BOUNDS[-1] + 1):
        tally.note(event(), seconds)
    assert tally.at_most == [2, 1, *[0] * (len(BOUNDS) - 3), 1, 1]
    assert tally.seconds == sum((0.0, BOUNDS[0], BOUNDS[0] + 1e-9, BOUNDS[-1], BOUNDS[-1] + 1))


def test_codes_are_bounded() -> None:
    tally = Tally()
    for number in range(MAX_CODES + 5):
        tally.note(event(status=400, error_code=f"Code{number}"), 0.0)
    tally.note(event(status=400, error_code="Code0"), 0.0)
    assert len(tally.refusals) == MAX_CODES + 1
    assert tally.refusals["Code0"] == 2
    assert tally.refusals["other"] == 5
