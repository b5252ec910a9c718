"""cli/revoke.py: ending passes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.cli.exits import DENIED, OK, USAGE

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
