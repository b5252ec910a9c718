from __future__ import annotations

import json

from daypass.policy import context_keys
from daypass.policy.document import read_document
from unit.policy.people import statement

ONE = statement(
    Resource=["arn:aws:s3:::${aws:username}/${*}", "arn:aws:s3:::${aws:PrincipalTag/team, 'a'}"],
    Condition={
        "StringEquals": {"aws:RequestTag/Team": ["${aws:PrincipalTag/Team}", "x"], "AWS:UserName": "ann"},
        "Null": {"aws:TokenIssueTime": "false"},
    },
)


def _keys(**more: object) -> tuple[str, ...]:
    return context_keys(read_document(json.dumps({"Statement": [statement(), ONE]} | more), "identity"))


def test_keys_of_conditions_and_variables_as_they_are_first_spelled() -> None:
    assert _keys(Version="2012-10-17") == ("aws:username", "aws:PrincipalTag/team", "aws:RequestTag/Team", "aws:TokenIssueTime")


def test_an_old_policy_has_no_variables() -> None:
    assert _keys() == ("aws:RequestTag/Team", "AWS:UserName", "aws:TokenIssueTime")
