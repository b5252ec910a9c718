"""GetFederationToken: what a stranger gets for whom a user vouches, and what never (fact sheet A §3.4, §3.8, §3.9; attack row H03)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rig.node import Keys, Refused
from unit.way.town import Town, allow, policy

INFO = policy(allow("sts:GetAccessKeyInfo"))
BOTH = policy(allow("sts:GetFederationToken", "sts:TagSession", "sts:AssumeRole", "iam:ListUsers", "organizations:DescribeOrganization"))
ORGANIZATION = policy(allow("organizations:*"))


@pytest.fixture(scope="module")
def alice(town: Town) -> Keys:
    return town.user("alice", BOTH)


def vouch(town: Town, keys: Keys, **more: Any) -> Any:
    return town.sts("GetFederationToken", keys, **{"Name": "guest", **more})


def guest(town: Town, keys: Keys, **more: Any) -> Keys:
    return Keys.of(vouch(town, keys, **more)["Credentials"])


def test_it_names_the_stranger_for_twelve_hours(town: Town, alice: Keys) -> None:
    made = vouch(town, alice)
    arn = f"arn:aws:sts::{town.account}:federated-user/guest"
    assert made["FederatedUser"] == {"FederatedUserId": f"{town.account}:guest", "Arn": arn}
    assert made["Credentials"]["Expiration"] == town.it.now + timedelta(hours=12)
    who = town.sts("GetCallerIdentity", Keys.of(made["Credentials"]))
    assert (who["Arn"], who["UserId"], who["Account"]) == (arn, f"{town.account}:guest", town.account)


def test_what_it_may_is_what_both_allow(town: Town, alice: Keys) -> None:
    assert town.it.call("organizations", "DescribeOrganization", {}, guest(town, alice, Policy=ORGANIZATION))
    for keys in (guest(town, alice), guest(town, alice, Policy=INFO)):  # nothing passed; something else passed
        with pytest.raises(Refused, match="AccessDenied"):
            town.it.call("organizations", "DescribeOrganization", {}, keys)
    with pytest.raises(Refused, match="AccessDenied"):  # passed, and not the user's to give
        town.it.call("organizations", "ListAccounts", {}, guest(town, alice, Policy=ORGANIZATION))


def test_permissions_are_the_users_at_the_moment(town: Town) -> None:
    bob = town.user("bob", BOTH)
    keys = guest(town, bob, Policy=ORGANIZATION)
    assert town.it.call("organizations", "DescribeOrganization", {}, keys)
    town.iam("DeleteUserPolicy", UserName="bob", PolicyName="p")
    with pytest.raises(Refused, match="AccessDenied"):
        town.it.call("organizations", "DescribeOrganization", {}, keys)


def test_h03_it_dies_with_the_key_that_vouched(town: Town) -> None:
    carol = town.user("carol", BOTH)
    keys = guest(town, carol, Policy=ORGANIZATION)
    assert town.sts("GetCallerIdentity", keys)
    town.iam("DeleteAccessKey", UserName="carol", AccessKeyId=carol.id)
    with pytest.raises(Refused, match="ExpiredToken"):
        town.sts("GetCallerIdentity", keys)


def test_it_never_calls_iam_nor_makes_other_sessions(town: Town, alice: Keys) -> None:
    keys = guest(town, alice, Policy=policy(allow("*")))
    with pytest.raises(Refused, match="InvalidClientTokenId"):
        town.iam("ListUsers", keys)
    with pytest.raises(Refused, match="InvalidClientTokenId"):
        town.assume(keys, town.role("target"))
    for operation, more in (("GetSessionToken", {}), ("GetFederationToken", {"Name": "other"})):
        with pytest.raises(Refused, match=f"Cannot call {operation} with session credentials"):
            town.sts(operation, keys, **more)


def test_sessions_cannot_vouch(town: Town, alice: Keys) -> None:
    temporary = Keys.of(town.sts("GetSessionToken", alice)["Credentials"])
    session = town.session(alice, town.role("voucher"))
    with pytest.raises(Refused, match="Cannot call GetFederationToken with session credentials"):
        vouch(town, session)
    with pytest.raises(Refused, match="InvalidClientTokenId"):
        vouch(town, temporary)


def test_tags_need_their_permission_and_are_the_principals(town: Town) -> None:
    tags = [{"Key": "team", "Value": "blue"}]
    blue = policy(allow("organizations:DescribeOrganization", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}}))
    dave = town.user("dave", BOTH)
    assert town.it.call("organizations", "DescribeOrganization", {}, guest(town, dave, Policy=blue, Tags=tags))
    with pytest.raises(Refused, match="AccessDenied"):
        town.it.call("organizations", "DescribeOrganization", {}, guest(town, dave, Policy=blue))
    erin = town.user("erin", policy(allow("sts:GetFederationToken")))
    with pytest.raises(Refused, match="sts:TagSession"):
        vouch(town, erin, Tags=tags)


def test_it_needs_permission_on_the_stranger(town: Town) -> None:
    arn = f"arn:aws:sts::{town.account}:federated-user/guest"
    frank = town.user("frank", policy(allow("sts:GetFederationToken", resource=arn)))
    assert vouch(town, frank)
    with pytest.raises(Refused, match=r"not authorized to perform: sts:GetFederationToken on resource: .*federated-user/other"):
        vouch(town, frank, Name="other")


@pytest.mark.parametrize("more", [{"Name": "x"}, {"Name": "a b"}, {"DurationSeconds": 899}, {"DurationSeconds": 129601}])
def test_what_does_not_fit_the_model(town: Town, alice: Keys, more: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="ValidationError"):
        vouch(town, alice, **more)


def test_it_ends_by_order(town: Town, alice: Keys) -> None:
    keys = guest(town, alice)
    sessions = town.it.call("daypass", "ListSessions", {}, town.operator)["Sessions"]
    found = [session for session in sessions if session["AccessKeyId"] == keys.id]
    town.it.call("daypass", "RevokeSessions", {"SessionId": found[0]["SessionId"]}, town.operator)
    with pytest.raises(Refused, match="ExpiredToken"):
        town.sts("GetCallerIdentity", keys)
