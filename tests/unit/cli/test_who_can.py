"""cli/who_can.py: all pages, those first who may as it stands."""

from __future__ import annotations

import json
from typing import Any

from daypass.cli.exits import OK
from unit.cli.test_can import ANSWER


def answer(name: str, verdict: str) -> dict[str, Any]:
    return ANSWER | {"Principal": name, "Verdict": verdict}


def test_all_pages_the_certain_ones_first(daypass: Any, fake: Any) -> None:
    first = {"Principals": [answer("a", "unknown"), answer("b", "conditional")], "Examined": 250, "Total": 300, "NextToken": "t"}
    fake.reply("ListAllowedPrincipals", first, {"Principals": [answer("c", "allowed")], "Examined": 300, "Total": 300})
    ended = daypass("who-can", "--data", fake.data, "s3:GetObject", "*")
    assert ended.code == OK
    assert [line.split()[:2] for line in ended.out.splitlines()[1:]] == [["yes", "c"], ["if", "b"], ["perhaps", "a"]]
    asked = {"Action": "s3:GetObject", "Resource": "*", "MaxResults": 250}
    assert fake.asked == [("ListAllowedPrincipals", asked), ("ListAllowedPrincipals", asked | {"NextToken": "t"})]


def test_nobody(daypass: Any, fake: Any) -> None:
    fake.reply("ListAllowedPrincipals", {"Principals": [], "Examined": 3, "Total": 3})
    ended = daypass("who-can", "--data", fake.data, "s3:GetObject", "*")
    assert (ended.code, ended.out) == (OK, "")
    assert "Nobody can s3:GetObject on *." in ended.err


def test_json_is_a_list(daypass: Any, fake: Any) -> None:
    fake.reply("ListAllowedPrincipals", {"Principals": [answer("a", "allowed")], "Examined": 1, "Total": 1})
    [found] = json.loads(daypass("who-can", "--data", fake.data, "s3:GetObject", "*", "-o", "json").out)
    assert found["Principal"] == "a"
