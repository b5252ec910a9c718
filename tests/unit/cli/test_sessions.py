"""cli/sessions.py: live passes and their lineage."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daypass.cli.exits import OK
from daypass.cli.sessions import as_tree


def session(number: int, parent: int | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "SessionId": f"{number:032x}",
        "ParentSessionId": f"{parent:032x}" if parent is not None else None,
        "Account": "123456789012",
        "PrincipalArn": "arn:aws:iam::123456789012:role/R",
        "PrincipalId": "AROAEXAMPLE",
        "SessionName": f"s{number}",
        "AccessKeyId": "ASIAEXAMPLE",
        "Issued": 1795543200 + number,
        "Expires": 1795546800,
        "ProofKind": "sigv4",
        "ProofIssuer": "ASIAPARENT",
        "ProofSubject": "",
        "SourceIdentity": "",
        "State": "LIVE",
        "Depth": 0,
    } | changes


def test_children_stand_below_their_parents(daypass: Any, fake: Any) -> None:
    fake.reply("ListSessions", {"Sessions": [session(3, 1), session(1), session(4, 3), session(2), session(5, 1)]})
    ended = daypass("sessions", "--data", fake.data)
    lines = ended.out.splitlines()
    assert ended.code == OK
    assert lines[0].split() == ["SESSION", "PRINCIPAL", "NAME", "PROOF", "ISSUED", "EXPIRES", "STATE"]
    assert [line.partition("arn")[0].rstrip().lstrip("0") for line in lines[1:]] == [
        "1",
        f"└ {3:032x}",
        f"  └ {4:032x}",
        f"└ {5:032x}",
        "2",
    ]
    assert "sigv4 ASIAPARENT  2026-11-24T18:00:01Z  2026-11-24T19:00:00Z  LIVE" in lines[1]


def test_all_pages_are_read_with_the_filters(daypass: Any, fake: Any) -> None:
    fake.reply("ListSessions", {"Sessions": [session(1)], "NextToken": "t1"}, {"Sessions": [session(2)]})
    words = ("--account", "123456789012", "--principal", "arn:aws:iam::123456789012:role/R", "--parent", "ab" * 16, "--all")
    ended = daypass("-o", "json", "sessions", "--data", fake.data, *words)
    assert [s["SessionName"] for s in json.loads(ended.out)] == ["s1", "s2"]
    wanted = {
        "Account": "123456789012",
        "PrincipalArn": "arn:aws:iam::123456789012:role/R",
        "Parent": "ab" * 16,
        "IncludeEnded": True,
        "MaxResults": 1000,
    }
    assert fake.asked == [("ListSessions", wanted), ("ListSessions", wanted | {"NextToken": "t1"})]


def test_none_is_said_on_stderr(daypass: Any, fake: Any) -> None:
    fake.reply("ListSessions", {"Sessions": []})
    ended = daypass("sessions", "--data", fake.data)
    assert (ended.out, ended.err) == ("", "No live pass.\n")


def test_hostile_names_do_not_steer_the_terminal(daypass: Any, fake: Any) -> None:
    fake.reply("ListSessions", {"Sessions": [session(1, SessionName="a\x1b[31mb\nc")]})
    ended = daypass("sessions", "--data", fake.data)
    assert "a\\x1b[31mb\\nc" in ended.out
    assert "\x1b" not in ended.out


@given(st.lists(st.one_of(st.none(), st.integers(0, 12)), max_size=12))
def test_a_tree_holds_each_session_once_however_parents_lie(parents: list[int | None]) -> None:
    sessions = [session(number, parent if parent is not None and parent < number else None) for number, parent in enumerate(parents)]
    shown = list(as_tree(sessions))
    assert sorted(s["SessionId"] for _, s in shown) == sorted(s["SessionId"] for s in sessions)
    depth = {s["SessionId"]: d for d, s in shown}
    for _, s in shown:
        assert depth[s["SessionId"]] == (depth[s["ParentSessionId"]] + 1 if s["ParentSessionId"] in depth else 0)
