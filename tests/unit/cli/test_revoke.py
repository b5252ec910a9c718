"""cli/revoke.py: ending passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.cli.exits import DENIED, OK, UNREACHABLE, USAGE

ENDED = {"RevocationId": "r-1", "Scope": "session abc", "SessionsEnded": 2}
ARN = "arn:aws:iam::123456789012:role/R"


@pytest.mark.parametrize(
    ("words", "members"),
    [
        (("--session", "ab" * 16), {"SessionId": "ab" * 16}),
        (("--subtree", "ab" * 16), {"SubtreeOf": "ab" * 16}),
        (("--role", ARN), {"RoleArn": ARN}),
        (("--user", ARN), {"UserArn": ARN}),
        (("--issued-before", "2026-11-24T18:00:00Z"), {"IssuedBefore": 1795543200}),
        (
            ("--role", ARN, "--issued-before", "2026-11-24T18:00:00Z", "--account", "123456789012"),
            {"RoleArn": ARN, "IssuedBefore": 1795543200, "Account": "123456789012"},
        ),
    ],
)
def test_asks_for_exactly_that_scope(daypass: Any, fake: Any, words: tuple[str, ...], members: dict[str, Any]) -> None:
    fake.reply("RevokeSessions", ENDED)
    ended = daypass("revoke", "--data", fake.data, *words)
    assert ended.code == OK
    assert fake.asked == [("RevokeSessions", members)]
    assert ended.out.splitlines()[1].split() == ["r-1", "session", "abc", "2"]


def test_json_is_the_answer(daypass: Any, fake: Any) -> None:
    fake.reply("RevokeSessions", ENDED)
    assert json.loads(daypass("revoke", "--data", fake.data, "--role", ARN, "-o", "json").out) == ENDED


@pytest.mark.parametrize(
    "words", [(), ("--session", "a", "--subtree", "b"), ("--issued-before", "yesterday"), ("--role", ARN, "--user", ARN)]
)
def test_no_scope_or_a_doubtful_one_ends_nothing(daypass: Any, fake: Any, words: tuple[str, ...]) -> None:
    assert daypass("revoke", "--data", fake.data, *words).code == USAGE
    assert fake.asked == []


def test_a_refusal_is_a_denial(daypass: Any, fake: Any) -> None:
    fake.reply("RevokeSessions", (403, {"__type": "AccessDeniedException", "message": "not yours"}))
    assert daypass("revoke", "--data", fake.data, "--role", ARN).code == DENIED


def node(name: str, position: int, *, live: bool = True, age: float = 0.1) -> dict[str, Any]:
    return {"Name": name, "Position": position, "Live": live, "SecondsSinceSeen": age}


def test_waiting_ends_when_every_live_node_obeys(daypass: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number to come to is that of the first look; a node that is silent is told of and not waited for."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    fake.reply("RevokeSessions", ENDED)
    silent = node("c", 1, live=False, age=95)
    fake.reply(
        "ListNodes",
        {"Position": 7, "Nodes": [node("a", 7), node("b", 6), silent]},
        {"Position": 9, "Nodes": [node("a", 9), node("b", 6), silent]},
        {"Position": 9, "Nodes": [node("a", 9), node("b", 7), silent]},
    )
    ended = daypass("revoke", "--data", fake.data, "--role", ARN, "--wait")
    assert ended.code == OK
    assert [operation for operation, _ in fake.asked] == ["RevokeSessions", *["ListNodes"] * 3]
    assert "c was not heard of for 95 s" in ended.err


def test_waiting_does_not_wait_for_ever(daypass: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    fake.reply("RevokeSessions", ENDED)
    fake.reply("ListNodes", {"Position": 7, "Nodes": [node("a", 7), node("b", 6)]})
    ended = daypass("revoke", "--data", fake.data, "--role", ARN, "--wait")
    assert ended.code == UNREACHABLE
    assert "b did not take the change in within 30 s" in ended.err
