"""cli/events.py: the ledger, read and verified."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.cli import events
from daypass.cli.exits import CONFIG, OK


def line(number: int, **changes: Any) -> str:
    return json.dumps(
        {
            "eventTime": "2026-11-24T18:00:00Z",
            "eventSource": "sts.amazonaws.com",
            "eventName": f"Do{number}",
            "userIdentity": {"arn": "arn:aws:iam::123456789012:user/u"},
            "sourceIPAddress": "127.0.0.1",
        }
        | changes
    )


def test_shows_the_last_lines_that_fit(daypass: Any, fake: Any) -> None:
    fake.reply("ListEvents", {"Events": [line(1), line(2, errorCode="AccessDenied", errorMessage="no")], "Position": 9})
    ended = daypass("events", "--data", fake.data, "--last", "2")
    assert ended.code == OK
    assert [row.split() for row in ended.out.splitlines()] == [
        ["TIME", "OPERATION", "WHO", "FROM", "OUTCOME"],
        ["2026-11-24T18:00:00Z", "sts:Do1", "arn:aws:iam::123456789012:user/u", "127.0.0.1", "ok"],
        ["2026-11-24T18:00:00Z", "sts:Do2", "arn:aws:iam::123456789012:user/u", "127.0.0.1", "AccessDenied:", "no"],
    ]
    assert fake.asked == [("ListEvents", {"MaxResults": 2})]


def test_all_is_read_page_by_page(daypass: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_PAGE", 2)
    fake.reply(
        "ListEvents",
        {"Events": [line(1), line(2)], "Position": 7},
        {"Events": [line(3), line(4)], "Position": 9},
        {"Events": [], "Position": 12},
    )
    ended = daypass("events", "--data", fake.data, "--all", "-o", "json", "--error", "AccessDenied")
    assert [json.loads(each)["eventName"] for each in ended.out.splitlines()] == ["Do1", "Do2", "Do3", "Do4"]
    assert [members["After"] for _, members in fake.asked] == [0, 7, 9]
    assert all(members["ErrorCode"] == "AccessDenied" for _, members in fake.asked)


def test_since_reads_all_from_there_with_every_filter(daypass: Any, fake: Any) -> None:
    fake.reply("ListEvents", {"Events": [], "Position": 0})
    arn = "arn:aws:iam::123456789012:role/R"
    words = (
        "--since",
        "2026-11-24T18:00:00Z",
        "--account",
        "123456789012",
        "--operation",
        "AssumeRole",
        "--principal",
        arn,
        "--session",
        "ab" * 16,
    )
    assert daypass("events", "--data", fake.data, *words).code == OK
    assert fake.asked == [
        (
            "ListEvents",
            {
                "After": 0,
                "MaxResults": 1000,
                "Since": 1795543200,
                "Account": "123456789012",
                "Operation": "AssumeRole",
                "Principal": arn,
                "SessionId": "ab" * 16,
            },
        )
    ]


class Waits:
    """Stands in for time.sleep and interrupts the third wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) == 3:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("words", "shown"), [((), ["sts:Do1", "sts:Do2"]), (("--operation", "ListEvents"), ["sts:Do1", "sts:ListEvents", "sts:Do2"])]
)
def test_follow_goes_on_without_its_own_looks(
    daypass: Any, fake: Any, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], shown: list[str]
) -> None:
    waits = Waits()
    monkeypatch.setattr(events.time, "sleep", waits)
    own = line(0, eventName="ListEvents")
    fake.reply(
        "ListEvents",
        {"Events": [line(1)], "Position": 5},
        {"Events": [own], "Position": 6},
        {"Events": [line(2)], "Position": 8},
    )
    ended = daypass("events", "-f", "--data", fake.data, *words)
    assert ended.code == 130
    assert [row.split()[1] for row in ended.out.splitlines()] == shown
    assert waits.seconds == [events.POLL] * 3
    assert [members.get("After") for _, members in fake.asked] == [None, 5, 6]


def test_hostile_lines_do_not_steer_the_terminal(daypass: Any, fake: Any) -> None:
    for words in ((), ("-o", "json")):
        fake.reply("ListEvents", {"Events": [line(1, errorMessage="\x9b2J\x1b[2J")], "Position": 1})
        ended = daypass("events", "--data", fake.data, *words)
        assert "\x9b" not in ended.out and "\x1b" not in ended.out


def test_who_is_the_best_that_is_known() -> None:
    assert events.row({"userIdentity": {"type": "Anonymous"}})[2] == "Anonymous"
    assert events.row({"userIdentity": {"accessKeyId": "ASIAX"}})[2] == "ASIAX"
    assert events.row({}) == ("", "-", "-", "", "ok")


def test_an_intact_ledger_is_said_to_be(daypass: Any, fake: Any) -> None:
    found = {"Lines": 12, "Intact": True, "Problems": [], "Head": "abcd", "AnchoredLine": 10}
    fake.reply("VerifyLedger", found)
    ended = daypass("events", "verify", "--data", fake.data)
    assert (ended.code, ended.out) == (OK, "intact: 12 lines, anchored at line 10, head abcd\n")
    assert json.loads(daypass("events", "verify", "--data", fake.data, "-o", "json").out) == found


def test_a_damaged_ledger_ends_with_6_and_names_the_lines(daypass: Any, fake: Any) -> None:
    found = {"Lines": 12, "Intact": False, "Problems": [{"Line": 7, "Problem": "altered"}], "Head": "abcd", "AnchoredLine": 10}
    fake.reply("VerifyLedger", found)
    for words in ((), ("-o", "json")):
        ended = daypass("events", "verify", "--data", fake.data, *words)
        assert ended.code == CONFIG
        assert "altered" in ended.out
        assert "NOT intact" in ended.err
