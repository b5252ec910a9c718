"""ListSessions and RevokeSessions: what is shown, what is ended, and that nothing is told to those who may not ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rig.node import Keys, Refused
from unit.way.town import Town, allow, policy


def sessions(town: Town, keys: Keys | None = None, **given: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = town.it.call("daypass", "ListSessions", given, keys or town.operator)["Sessions"]
    return found


def of_key(town: Town, keys: Keys) -> dict[str, Any]:
    [found] = [item for item in sessions(town, IncludeEnded=True) if item["AccessKeyId"] == keys.id]
    return found


def end(town: Town, keys: Keys | None = None, **given: Any) -> Any:
    return town.it.call("daypass", "RevokeSessions", given, keys or town.operator)


def lives(town: Town, keys: Keys) -> bool:
    try:
        town.sts("GetCallerIdentity", keys)
    except Refused as refused:
        assert refused.code == "ExpiredToken"
        return False
    return True


def test_what_is_shown(town: Town) -> None:
    alice = town.user("alice")
    arn = town.role("worker")
    parent = town.session(alice, arn, SourceIdentity="al")
    child = town.session(parent, arn)
    shown = of_key(town, parent)
    assert shown["Account"] == town.account
    assert shown["PrincipalArn"] == arn
    assert (shown["ProofKind"], shown["ProofIssuer"], shown["SourceIdentity"]) == ("sigv4", alice.id, "al")
    assert (shown["State"], shown["Depth"], "ParentSessionId" in shown) == ("LIVE", 0, False)
    assert shown["Expires"] - shown["Issued"] == timedelta(hours=1)
    below = of_key(town, child)
    assert (below["ParentSessionId"], below["Depth"]) == (shown["SessionId"], 1)
    assert [item["SessionId"] for item in sessions(town, Parent=shown["SessionId"])] == [below["SessionId"]]
    assert {item["AccessKeyId"] for item in sessions(town, PrincipalArn=arn)} == {parent.id, child.id}


def test_pages(town: Town) -> None:
    alice, arn = town.user("alice"), town.role("worker")
    made = {town.session(alice, arn).id for _ in range(5)}
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = town.it.call("daypass", "ListSessions", {"PrincipalArn": arn, "MaxResults": 2, **token}, town.operator)
        seen += [item["AccessKeyId"] for item in page["Sessions"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert len(seen) == 5
    assert set(seen) == made


def test_one_session_is_ended_and_its_descendants_with_the_subtree_alone(town: Town) -> None:
    alice, arn = town.user("alice"), town.role("worker")
    parent = town.session(alice, arn)
    child, other = town.session(parent, arn), town.session(alice, arn)
    town.it.pass_time(seconds=1)
    late = town.session(parent, arn)  # of the very second in which its parent is ended: nobody knows which was first
    answer = end(town, SessionId=of_key(town, parent)["SessionId"])
    assert (answer["Scope"], answer["SessionsEnded"]) == ("session", 2)
    assert not lives(town, late)
    assert (lives(town, parent), lives(town, child), lives(town, other)) == (False, True, True)
    assert of_key(town, parent)["State"] == "ENDED"
    assert end(town, SubtreeOf=of_key(town, parent)["SessionId"])["SessionsEnded"] == 1
    assert (lives(town, child), lives(town, other)) == (False, True)


@pytest.mark.parametrize("kind", ["role", "user"])
def test_a_principal_is_ended_with_what_came_from_it(town: Town, kind: str) -> None:
    alice, arn = town.user("alice"), town.role("worker")
    own = Keys.of(town.sts("GetSessionToken", alice)["Credentials"]) if kind == "user" else town.session(alice, arn)
    child, stranger = town.session(own, arn), town.session(town.user("bob"), town.role("other"))
    given = {"UserArn": f"arn:aws:iam::{town.account}:user/alice"} if kind == "user" else {"RoleArn": arn}
    assert end(town, **given)["SessionsEnded"] == 2
    assert (lives(town, own), lives(town, child), lives(town, stranger)) == (False, False, True)
    town.it.now += timedelta(seconds=1)
    assert lives(town, town.session(alice, arn))  # what is issued later lives


def test_everything_up_to_a_time(town: Town) -> None:
    keys = town.session(town.user("alice"), town.role("worker"))
    town.it.now += timedelta(seconds=5)
    operator = town.it.operator()
    answer = end(town, operator, IssuedBefore=town.it.now - timedelta(seconds=1))
    assert answer["Scope"] == "issued-before"
    assert (lives(town, keys), lives(town, operator)) == (False, True)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"SessionId": "0" * 32, "SubtreeOf": "0" * 32},
        {"SessionId": "0" * 32},
        {"SessionId": "x" * 32},
        {"RoleArn": "arn:aws:iam::123456789012:role/absent"},
        {"RoleArn": "arn:aws:iam::123456789012:role/r", "Account": "123456789012"},
    ],
)
def test_orders_that_name_nothing_or_too_much(town: Town, given: dict[str, str]) -> None:
    with pytest.raises(Refused, match="Validation"):
        end(town, **given)
    assert len(town.it.store.snapshot.revocations) == 0


def test_whether_a_principal_exists_is_not_told_to_those_who_may_not_end_it(town: Town) -> None:
    poor = town.user("poor", policy(allow("sts:*")))
    there = town.role("there")
    told = []
    for arn in (there, there.replace("there", "gone")):
        with pytest.raises(Refused) as refused:
            end(town, poor, RoleArn=arn)
        told.append((refused.value.code, refused.value.message))
    assert told[0] == told[1]
    assert told[0][0] == "AccessDeniedException"


def test_an_account_ends_its_own_and_not_anothers(town: Town) -> None:
    may = town.user("may", policy(allow("daypass:*", resource=f"arn:aws:daypass::{town.account}:account"), allow("sts:*")))
    arn = town.role("mine")
    keys = town.session(may, arn)
    assert [item["AccessKeyId"] for item in sessions(town, may, Account=town.account, PrincipalArn=arn)] == [keys.id]
    with pytest.raises(Refused, match="AccessDenied"):
        sessions(town, may)  # of all accounts
    with pytest.raises(Refused, match="AccessDenied"):
        end(town, may, IssuedBefore=town.it.now)
    assert end(town, may, RoleArn=arn)["SessionsEnded"] == 1


def test_another_accounts_principals_are_not_there(town: Town) -> None:
    with pytest.raises(Refused, match="There is no role or user"):
        sessions(town, Account="123456789012", PrincipalArn=town.role("there"))
