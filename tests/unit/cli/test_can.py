"""cli/can.py: the question, the answer in words, and the exit code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.cli.exits import DENIED, OK, USAGE

ARN = "arn:aws:iam::123456789012:user/dana"
ANSWER: dict[str, Any] = {
    "Principal": ARN, "Account": "123456789012", "Kind": "user", "Verdict": "allowed", "Explicit": False, "Layer": "identity",
    "Policy": "reports", "Statement": "Read", "Assumed": [], "ResourceAccount": "123456789012",
}  # fmt: skip
QUESTION = ("dana", "s3:GetObject", "arn:aws:s3:::r/x")


@pytest.mark.parametrize(
    ("changes", "word", "why", "code"),
    [
        ({}, "yes", "identity-based policy reports, statement Read", OK),
        ({"Statement": "", "Policy": "", "Kind": "root"}, "yes", "root needs no policy", OK),
        ({"Verdict": "denied"}, "no", "no identity-based policy allows it", DENIED),
        ({"Verdict": "denied", "Explicit": True, "Layer": "scp"}, "no", "denied by service control policy reports, statement Read", DENIED),
        ({"Verdict": "denied", "Layer": "none", "Statement": "Roles may not be assumed."}, "no", "Roles may not be assumed.", DENIED),
        (
            {"Verdict": "conditional", "Assumed": [{"Key": "aws:SourceIp", "Values": ["10.0.0.0"]}, {"Key": "aws:TagKeys", "Values": []}]},
            "if", "if aws:SourceIp = 10.0.0.0 and aws:TagKeys is absent", DENIED,
        ),
        ({"Verdict": "unknown"}, "perhaps", "give the request's keys with --context KEY=VALUE", DENIED),
    ],
)  # fmt: skip
def test_the_answer_in_words(daypass: Any, fake: Any, changes: dict[str, Any], word: str, why: str, code: int) -> None:
    fake.reply("DecideAccess", ANSWER | changes)
    ended = daypass("can", "--data", fake.data, *QUESTION)
    assert ended.code == code
    row = ended.out.splitlines()[1]
    assert row.split()[:2] == [word, ARN]
    assert why in row


def test_the_context_goes_along_with_its_values_together(daypass: Any, fake: Any) -> None:
    fake.reply("DecideAccess", ANSWER)
    daypass("can", "--data", fake.data, *QUESTION, "--context", "aws:TagKeys=a", "--context", "aws:TagKeys=b=c", "--context", "x:y=")
    context = [{"Key": "aws:TagKeys", "Values": ["a", "b=c"]}, {"Key": "x:y", "Values": []}]
    assert fake.asked == [
        ("DecideAccess", {"Principal": "dana", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::r/x", "Context": context})
    ]


@pytest.mark.parametrize("context", ["aws:SourceIp", "=10.0.0.1", "SourceIp=10.0.0.1", ":=x"])
def test_a_doubtful_context_asks_nothing(daypass: Any, fake: Any, context: str) -> None:
    assert daypass("can", "--data", fake.data, *QUESTION, "--context", context).code == USAGE
    assert fake.asked == []


def test_json_is_the_answer_and_the_exit_code_tells(daypass: Any, fake: Any) -> None:
    fake.reply("DecideAccess", ANSWER | {"Verdict": "denied"})
    ended = daypass("can", "--data", fake.data, *QUESTION, "-o", "json")
    assert json.loads(ended.out)["Verdict"] == "denied"
    assert ended.code == DENIED


def test_a_no_names_the_next_command(daypass: Any, fake: Any) -> None:
    fake.reply("DecideAccess", ANSWER | {"Verdict": "denied"})
    assert "daypass who-can s3:GetObject 'arn:aws:s3:::r/x'" in daypass("can", "--data", fake.data, *QUESTION).err


def test_a_slip_of_the_pen_is_told(daypass: Any, fake: Any) -> None:
    fake.reply("DecideAccess", ANSWER)
    said = daypass("can", "--data", fake.data, "dana", "s3:GetObjekt", "*").err
    assert said == "Note: AWS documents no action s3:GetObjekt; did you mean s3:GetObject?\n"
    for action in ("s3:getobject", "own-service:Whatever"):
        assert daypass("can", "--data", fake.data, "dana", action, "*").err == ""
