"""cli/explain.py: what became of a request, in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.cli.exits import OK, USAGE

ID = "18742bd3-6442-4a80-aa16-8417863a495b"
ALICE = "arn:aws:iam::123456789012:user/alice"
DECISION = {
    "Action": "iam:GetUser", "Resource": "*", "Allowed": False, "Explicit": False, "Layer": "identity", "Policy": "", "Statement": "",
}  # fmt: skip
FOUND: dict[str, Any] = {
    "RequestId": ID, "Time": 1795543200, "Operation": "iam:GetUser", "Caller": ALICE, "CallerAccount": "123456789012",
    "SourceIp": "192.0.2.7", "Outcome": "DENIED", "ErrorCode": "AccessDenied", "Message": "User: …", "Reason": "",
    "Decisions": [DECISION], "ResourceAccount": "123456789012", "Statements": [], "Context": [], "Omitted": 0,
}  # fmt: skip
CONDITION = {"Element": "Condition", "Operator": "Bool", "Key": "aws:MultiFactorAuthPresent", "Expected": ["true"]}


def statement(layer: str, effect: str, *failed: dict[str, Any], policy: str = "p") -> dict[str, Any]:
    about = {"Actions": ["iam:*"], "Resources": ["*"]} if not failed else {"Actions": [], "Resources": []}
    return {"Layer": layer, "Policy": policy, "Statement": "S", "Effect": effect, "Failed": list(failed), **about}


def told(daypass: Any, fake: Any, **changes: Any) -> list[str]:
    fake.reply("ExplainRequest", FOUND | changes)
    ended = daypass("explain", ID, "--data", fake.data)
    assert ended.code == OK
    lines: list[str] = ended.out.splitlines()
    assert lines[:2] == [f"iam:GetUser by {ALICE} from 192.0.2.7", f"  {ID}, 2026-11-24T18:00:00Z"]
    return lines[2:]


@pytest.mark.parametrize(
    ("given", "member"),
    [
        (ID, {"RequestId": ID}),
        (f" {ID.upper()} ", {"RequestId": ID}),
        ("AB-_" * 384, {"EncodedMessage": "AB-_" * 384}),
        (f"User: x is not authorized. Encoded authorization failure message: {'AB-_' * 384}", {"EncodedMessage": "AB-_" * 384}),
    ],
    ids=["id", "upper", "message", "sentence"],
)
def test_a_request_by_its_id_or_by_what_the_client_printed(daypass: Any, fake: Any, given: str, member: dict[str, str]) -> None:
    fake.reply("ExplainRequest", FOUND)
    assert daypass("explain", given, "--data", fake.data).code == OK
    assert fake.asked == [("ExplainRequest", member)]


def test_what_came_near_with_both_values(daypass: Any, fake: Any) -> None:
    has = CONDITION | {"Actual": ["false"]}
    elsewhere = {"Element": "Resource", "Operator": "", "Key": "", "Expected": ["arn:a", "arn:b"], "Actual": ["arn:c"]}
    other = {"Element": "Principal", "Operator": "", "Key": "", "Expected": ["arn:d"]}
    statements = [
        statement("identity", "Allow", CONDITION),
        statement("boundary", "Allow", has),
        statement("trust", "Allow", elsewhere, other),
    ]
    assert told(daypass, fake, Statements=statements, Omitted=2) == [
        "Denied: iam:GetUser on *, since no identity-based policy allows it",
        "What came near:",
        "  identity-based policy p, statement S, would allow it, but:",
        "    Bool aws:MultiFactorAuthPresent: the policy wants true, the request has none",
        "  permissions boundary p, statement S, would allow it, but:",
        "    Bool aws:MultiFactorAuthPresent: the policy wants true, the request has false",
        "  role trust policy p, statement S, would allow it, but:",
        "    the statement is about arn:a, arn:b, the request about arn:c",
        "    the statement is about arn:d, not about the caller",
        "  … and 2 more statements",
    ]


def test_what_applied_and_the_keys(daypass: Any, fake: Any) -> None:
    decision = DECISION | {"Explicit": True, "Layer": "scp", "Policy": "p-1", "Statement": "S"}
    context = [{"Key": "aws:a", "Values": ["1", "2"]}, {"Key": "aws:b", "Values": []}]
    lines = told(daypass, fake, Decisions=[decision], Statements=[statement("scp", "Deny", policy="p-1")], Context=context)
    assert lines == [
        "Denied: iam:GetUser on *, explicitly, by service control policy p-1, statement S",
        "What applied:",
        "  service control policy p-1, statement S, denies iam:* on *",
        "Condition keys of the request:",
        "  aws:a = 1, 2",
        "  aws:b is absent",
    ]


def test_what_policy_did_not_refuse(daypass: Any, fake: Any) -> None:
    allowed = DECISION | {"Allowed": True, "Policy": "p", "Statement": "1"}
    assert told(daypass, fake, Outcome="DONE", ErrorCode="", Message="", Decisions=[allowed]) == [
        "Done.",
        "Allowed: iam:GetUser on *, by identity-based policy p, statement 1",
    ]
    root = DECISION | {"Allowed": True}
    lines = told(daypass, fake, Outcome="FAILED", ErrorCode="Odd", Message="no \x1b[31m", Reason="the true one", Decisions=[root])
    assert lines == [
        "Failed, not by policy: Odd: no \\x1b[31m",
        "  the reason, for you alone: the true one",
        "Allowed: iam:GetUser on *, by the root user's own right",
    ]


def test_the_same_can_be_asked_now(daypass: Any, fake: Any) -> None:
    fake.reply("ExplainRequest", FOUND)
    assert f"daypass can {ALICE} iam:GetUser '*'" in daypass("explain", ID, "--data", fake.data).err
    for changes in ({"Outcome": "DONE"}, {"Outcome": "FAILED", "Decisions": []}, {"Caller": "AKIAEXAMPLE"}):
        fake.reply("ExplainRequest", FOUND | changes)
        assert daypass("explain", ID, "--data", fake.data).err == ""


def test_json_is_the_answer(daypass: Any, fake: Any) -> None:
    fake.reply("ExplainRequest", FOUND)
    assert json.loads(daypass("explain", ID, "--data", fake.data, "-o", "json").out) == FOUND


def test_a_request_that_is_not_there(daypass: Any, fake: Any) -> None:
    fake.reply("ExplainRequest", (400, {"__type": "ResourceNotFoundException", "message": "No line"}))
    ended = daypass("explain", ID, "--data", fake.data)
    assert (ended.code, ended.out) == (USAGE, "") and "No line" in ended.err
