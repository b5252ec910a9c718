"""A line found by its request, and the reasons that it holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daypass.store.ledger import Ledger, body_of, find_request, line_of
from daypass.values.event import Event
from daypass.values.why import Considered, Failed, Why

MakeLedger = Callable[..., Ledger]
Body = Callable[..., bytes]
NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
MISSED = (Failed("Condition", "Bool", "aws:x", ("true",)), Failed("Resource", expected=("a",), actual=("b",)))
STATEMENTS = Considered("identity", "p", "S", "Allow", MISSED), Considered("scp", "q", "1", "Deny", (), ("iam:*",), ("*",))
CONTEXT = (("aws:y", ("1", "2")),)
WHY = Why("r", False, "identity", "iam:GetUser", "arn", "1" * 12, "2" * 12, "AIDA", "arn:alice", STATEMENTS, CONTEXT, 3)


def event(request_id: str, **more: Any) -> Event:
    return Event(
        **{"request_id": request_id, "time": NOW, "service": "iam", "operation": "GetUser", "source_ip": "", "user_agent": ""} | more
    )


def test_a_request_is_found_in_any_segment(ledger: MakeLedger, body: Body, directory: Path) -> None:
    one = ledger(max_segment=900)
    for n in range(1, 7):
        one.append_sync([body(n)])
    assert len(list(directory.iterdir())) > 1
    for n in range(1, 7):
        entry = find_request(directory, f"request-{n}")
        assert entry is not None and entry.requestID == f"request-{n}"
    assert find_request(directory, "request-7") is None
    assert find_request(directory, "request-") is None


def test_a_line_that_speaks_of_a_request_is_not_its_line(ledger: MakeLedger, directory: Path) -> None:
    one = ledger()
    one.append_sync([body_of(event("victim", parameters={"Map": {"own": "x"}}))])
    forged = event(
        "attacker", parameters={"Map": {"requestID": "victim"}}, user_agent='"requestID":"victim"', private='"requestID":"victim"'
    )
    one.append_sync([body_of(forged)])
    assert b'"requestID":"victim"' in max(directory.glob("*.jsonl")).read_bytes().splitlines()[-1]
    entry = find_request(directory, "victim")
    assert entry is not None and entry.requestParameters == {"Map": {"own": "x"}}


def test_a_line_that_is_being_written_is_none_yet(ledger: MakeLedger, body: Body, directory: Path) -> None:
    ledger().append_sync([body(1)])
    path = max(directory.glob("*.jsonl"))
    path.write_bytes(path.read_bytes()[:-1])
    assert find_request(directory, "request-1") is None
    assert line_of(b'{"requestID":"request-1"', "request-1") is None


def test_there_is_no_ledger_yet(directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    assert find_request(directory, "request-1") is None


def test_the_reasons_of_a_refusal_are_read_again(ledger: MakeLedger, directory: Path) -> None:
    ledger().append_sync([body_of(event("r", error_code="AccessDenied", why=WHY))])
    entry = find_request(directory, "r")
    assert entry is not None
    why = entry.daypass.why
    assert why is not None and (why.account, why.owner, why.omitted) == ("1" * 12, "2" * 12, 3)
    near, deny = why.statements
    assert (near.layer, near.policy, near.statement, near.effect) == ("identity", "p", "S", "Allow")
    assert [(item.element, item.operator, item.key, item.expected, item.actual) for item in near.failed] == [
        ("Condition", "Bool", "aws:x", ("true",), None),
        ("Resource", "", "", ("a",), ("b",)),
    ]
    assert (deny.failed, deny.actions, deny.resources) == ([], ("iam:*",), ("*",))
    assert why.context == {"aws:y": ("1", "2")}


def test_what_is_at_its_default_takes_no_room(directory: Path) -> None:
    why = json.loads(body_of(event("r", why=WHY)))["daypass"]["why"]
    assert why["statements"][0]["failed"][0] == {"element": "Condition", "operator": "Bool", "key": "aws:x", "expected": ["true"]}
    assert "actions" not in why["statements"][0]
    assert b'"why"' not in body_of(event("r"))
