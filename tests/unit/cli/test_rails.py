"""cli/rails.py: the guard rails and what they speak against."""

from __future__ import annotations

import json
from typing import Any

from daypass.cli.exits import OK

ANSWER = {
    "Rails": [{"Name": "pass-role", "Setting": "warn", "About": "passing every role"}],
    "Findings": [
        {
            "Account": "123456789012",
            "Arn": "arn:aws:iam::123456789012:user/u",
            "Policy": "p",
            "Statement": "1",
            "Rail": "pass-role",
            "Setting": "warn",
            "Says": "Name the roles.\x1b[2J",
        }
    ],
    "Omitted": 2,
    "Examined": 7,
}


def test_both_tables_are_printed_and_nothing_that_moves_the_cursor(daypass: Any, fake: Any) -> None:
    fake.reply("ListGuardRails", ANSWER)
    ended = daypass("rails", "--data", fake.data)
    assert ended.code == OK
    assert "pass-role" in ended.out and "arn:aws:iam::123456789012:user/u" in ended.out and "Name the roles." in ended.out
    assert "\x1b" not in ended.out
    assert ended.err.strip() == "1 findings in 7 policies, 2 more are not shown."


def test_without_findings_there_is_one_table(daypass: Any, fake: Any) -> None:
    fake.reply("ListGuardRails", ANSWER | {"Findings": [], "Omitted": 0})
    ended = daypass("rails", "--data", fake.data, "--account", "123456789012")
    assert ended.code == OK
    assert "POLICY OF" not in ended.out
    assert ended.err.strip() == "0 findings in 7 policies."


def test_as_json(daypass: Any, fake: Any) -> None:
    fake.reply("ListGuardRails", ANSWER)
    assert json.loads(daypass("rails", "--data", fake.data, "-o", "json").out) == ANSWER
