"""cli/can_become.py: the way is followed step by step, and each role stands once, by its best way."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from daypass.cli.can_become import MAX_HOPS, follow, short
from daypass.cli.exits import OK, USAGE

HERE = "123456789012"
ME = f"arn:aws:iam::{HERE}:user/dana"


def arn(name: str) -> str:
    return f"arn:aws:iam::{HERE}:role/{name}"


def step(start: str, role: str, verdict: str = "allowed") -> dict[str, Any]:
    assumed = [{"Key": "sts:ExternalId", "Values": ["e1"]}] if verdict == "conditional" else []
    return {
        "From": start, "FromArn": ME if start == "dana" else start, "Arn": arn(role), "Account": HERE, "AccountName": "home",
        "By": "sts:AssumeRole", "Gives": "identity",
        "Verdict": verdict, "Assumed": assumed, "TrustStatement": "1", "OwnPolicy": "own", "OwnStatement": "Chain",
    }  # fmt: skip


def world(edges: dict[str, dict[str, str]]) -> Callable[[Sequence[str], Sequence[str]], dict[str, Any]]:
    """A server that knows these steps: from a name to roles, each with its verdict."""

    def ask(principals: Sequence[str], reached: Sequence[str]) -> dict[str, Any]:
        found = [
            step(start, role, verdict)
            for start in principals
            for role, verdict in edges.get(start.rpartition("/")[2], {}).items()
            if arn(role) not in reached
        ]
        return {"Steps": found, "Roles": 9}

    return ask


def told(edges: dict[str, dict[str, str]], hops: int = MAX_HOPS) -> dict[str, tuple[int, int]]:
    return {one.arn.rpartition("/")[2]: (one.hops, one.doubt) for one in follow(world(edges), "dana", hops)}


YES, IF, MAYBE = "allowed", "conditional", "unknown"


def test_the_shortest_way_counts() -> None:
    assert told({"dana": {"a": YES, "b": YES}, "a": {"c": YES}, "c": {"b": YES}}) == {"a": (1, 0), "b": (1, 0), "c": (2, 0)}


def test_a_longer_way_that_is_certain_is_better() -> None:
    assert told({"dana": {"a": IF, "b": YES}, "b": {"a": YES}}) == {"a": (2, 0), "b": (1, 0)}


def test_doubt_is_handed_on() -> None:
    assert told({"dana": {"a": IF}, "a": {"b": YES}, "b": {"c": MAYBE}}) == {"a": (1, 1), "b": (2, 1), "c": (3, 2)}


def test_the_way_ends_where_it_is_asked_to_and_in_a_circle() -> None:
    edges = {"dana": {"a": YES}, "a": {"b": YES}, "b": {"a": YES, "c": YES}}
    assert told(edges, 2) == {"a": (1, 0), "b": (2, 0)}
    assert told(edges) == {"a": (1, 0), "b": (2, 0), "c": (3, 0)}


def test_many_are_asked_in_batches() -> None:
    asked: list[int] = []
    ask = world({"dana": {f"r{number}": YES for number in range(250)}})

    def counting(principals: Sequence[str], reached: Sequence[str]) -> dict[str, Any]:
        asked.append(len(principals))
        return ask(principals, reached)

    assert len(follow(counting, "dana", 9)) == 250
    assert asked == [1, 100, 100, 50]


def test_a_table_and_a_picture(daypass: Any, fake: Any, tmp_path: Any) -> None:
    fake.reply("ListAssumableRoles", {"Steps": [step("dana", "a", IF)], "Roles": 1}, {"Steps": [], "Roles": 1})
    ended = daypass("can-become", "--data", fake.data, "dana", "--svg", tmp_path / "reach.svg")
    assert ended.code == OK
    assert ended.out.splitlines()[1].split("  ")[0] == "1"
    assert "sts:ExternalId = e1" in ended.out
    assert "own, statement Chain" in ended.out
    assert (tmp_path / "reach.svg").read_text().startswith("<svg ")
    assert [members["Principals"] for _, members in fake.asked] == [["dana"], [arn("a")]]


def test_json_has_the_way(daypass: Any, fake: Any) -> None:
    pages = [{"Steps": steps, "Roles": 2} for steps in ([step("dana", "a")], [step(arn("a"), "b")], [])]
    fake.reply("ListAssumableRoles", *pages)
    first, second = json.loads(daypass("can-become", "--data", fake.data, "dana", "-o", "json").out)
    assert (first["Hops"], second["Hops"], second["Path"], second["PathVerdict"]) == (1, 2, [arn("a"), arn("b")], "allowed")


def test_nothing_to_become(daypass: Any, fake: Any) -> None:
    fake.reply("ListAssumableRoles", {"Steps": [], "Roles": 2})
    ended = daypass("can-become", "--data", fake.data, "dana")
    assert (ended.code, ended.out, ended.err) == (OK, "", "dana can become no role.\n")


@pytest.mark.parametrize("hops", ["0", "10", "-1"])
def test_more_steps_than_a_chain_has(daypass: Any, fake: Any, hops: str) -> None:
    ended = daypass("can-become", "--data", fake.data, "dana", f"--hops={hops}")
    assert (ended.code, fake.asked) == (USAGE, [])
    assert "daypass can-become --help" in ended.err


def test_a_picture_that_cannot_be_written(daypass: Any, fake: Any, tmp_path: Any) -> None:
    fake.reply("ListAssumableRoles", {"Steps": [], "Roles": 2})
    ended = daypass("can-become", "--data", fake.data, "dana", "--svg", tmp_path / "no" / "reach.svg")
    assert ended.code == USAGE
    assert "cannot be written: No such file or directory" in ended.err


def test_a_short_name() -> None:
    assert short(arn("team/x")) == f"{HERE}:team/x"
    assert short("dana") == "dana"


def test_escalations_are_told_apart(daypass: Any, fake: Any, tmp_path: Any) -> None:
    made = step("dana", "b") | {"By": "iam:UpdateAssumeRolePolicy", "TrustStatement": ""}
    power = step("dana", "a") | {"By": "iam:PutRolePolicy", "Gives": "permissions", "TrustStatement": ""}
    granted = [{"Steps": [step("dana", "a")], "Roles": 2}, {"Steps": [], "Roles": 2}]
    changed = [{"Steps": [made]}, {"Steps": []}, {"Steps": [power]}]
    fake.reply("ListAssumableRoles", *granted)
    fake.reply("ListEscalations", *changed)
    drawn = tmp_path / "reach.svg"
    told = json.loads(daypass("can-become", "--data", fake.data, "dana", "--escalations", "--svg", drawn, "-o", "json").out)
    assert [(one["Kind"], one["By"], one["Gives"], one["Hops"]) for one in told] == [
        ("take", "sts:AssumeRole", "identity", 1),
        ("make", "iam:UpdateAssumeRolePolicy", "identity", 1),
        ("make", "iam:PutRolePolicy", "permissions", 1),
    ]
    assert [members.get("Among") for name, members in fake.asked if name == "ListEscalations"] == [None, None, ["dana", arn("a"), arn("b")]]
    picture = drawn.read_text()
    assert "by iam:PutRolePolicy" in picture
    assert "can change IAM" in picture
    fake.reply("ListAssumableRoles", *granted)
    fake.reply("ListEscalations", *changed)
    table = daypass("can-become", "--data", fake.data, "dana", "--escalations").out.splitlines()
    assert [line.split()[2] for line in table[1:]] == ["take", "make", "make"]
    assert f"any permission by {arn('a')}" in table[3]
