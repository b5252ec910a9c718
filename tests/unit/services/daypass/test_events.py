"""ListEvents, VerifyLedger and DescribeServer, and the records of the first start."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest

from daypass.services.daypass.first_start import first_records, new_account_id
from daypass.store.records import Account, Organization, Role, SealKey
from rig.node import Refused
from unit.way.town import Town


def events(town: Town, **given: Any) -> tuple[list[dict[str, Any]], int]:
    answer = town.it.call("daypass", "ListEvents", given, town.operator)
    return [json.loads(line) for line in answer["Events"]], answer["Position"]


def test_the_last_lines_and_what_comes_after_a_position(town: Town) -> None:
    for name in ("a", "b", "c"):
        town.iam("CreateUser", UserName=name)
    last, position = events(town, MaxResults=2)
    assert [event["requestParameters"]["UserName"] for event in last] == ["b", "c"]
    town.iam("CreateUser", UserName="d")
    later, _ = events(town, After=position, Operation="CreateUser")
    assert [event["requestParameters"]["UserName"] for event in later] == ["d"]
    first, _ = events(town, After=0, Operation="CreateUser", MaxResults=1)
    assert [event["requestParameters"]["UserName"] for event in first] == ["a"]


def test_filters(town: Town) -> None:
    with pytest.raises(Refused):
        town.iam("GetUser", UserName="absent")
    [event], _ = events(town, ErrorCode="NoSuchEntity")
    assert event["eventName"] == "GetUser"
    assert events(town, Account="999999999999")[0] == []


def test_the_chain_is_whole_and_a_change_shows(town: Town) -> None:
    town.iam("CreateUser", UserName="a")
    found = town.it.call("daypass", "VerifyLedger", {}, town.operator)
    assert found["Intact"]
    [segment] = [path for path in (town.it.directory / "ledger").iterdir() if b'"UserName":"a"' in path.read_bytes()]
    segment.write_bytes(segment.read_bytes().replace(b'"UserName":"a"', b'"UserName":"z"'))
    found = town.it.call("daypass", "VerifyLedger", {}, town.operator)
    assert not found["Intact"]
    assert found["Problems"]


def test_the_server(town: Town) -> None:
    found = town.it.call("daypass", "DescribeServer", {}, town.operator)
    assert (found["Accounts"], found["LiveSessions"], found["FeedAgeSeconds"]) == (1, 1, 0)
    with pytest.raises(Refused, match="AccessDenied"):
        town.it.call("daypass", "DescribeServer", {}, town.user("poor", ""))


def test_the_first_start_makes_no_access_key_and_no_user() -> None:
    made = first_records(datetime(2026, 1, 1, tzinfo=UTC), os.urandom).records
    assert [type(record) for record in made] == [Account, Organization, Role, SealKey]


def test_account_ids_are_twelve_digits_without_a_leading_zero() -> None:
    for count in (bytes(8), b"\xff" * 8):
        found = new_account_id(lambda _, count=count: count)  # type: ignore[misc]  # bound at once
        assert len(found) == 12
        assert found[0] != "0"
