"""Invitations: sent to a standalone account of this server, accepted or declined by it, cancelled by the sender, over in the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from daypass.services.organizations import refusals
from daypass.values.errors import Refusal
from unit.services.organizations.town import DENY_IAM, STRANGER, Town, reason
from unit.services.world import OTHER, refused


def invite(town: Town, kind: str = "ACCOUNT", id: str = STRANGER, **more: Any) -> dict[str, Any]:
    """Invite an account."""
    shown: dict[str, Any] = town.org("InviteAccountToOrganization", Target={"Type": kind, "Id": id}, **more)["Handshake"]
    return shown


def test_an_invitation_is_accepted(town: Town) -> None:
    town.enable()
    town.attach(town.policy(DENY_IAM), town.root_id)
    made = invite(town, Notes="come in", Tags=[{"Key": "k", "Value": "v"}])
    assert made["Arn"] == f"arn:aws:organizations::{town.account}:handshake/{town.organization_id}/invite/{made['Id']}"
    assert (made["State"], made["Action"], made["ExpirationTimestamp"] - made["RequestedTimestamp"]) == (
        "OPEN",
        "INVITE",
        timedelta(days=15),
    )
    assert {"Id": STRANGER, "Type": "ACCOUNT"} in made["Parties"]
    assert {"Type": "NOTES", "Value": "come in"} in made["Resources"]
    assert town.org("ListHandshakesForAccount", by=STRANGER)["Handshakes"] == [made]
    assert town.org("ListHandshakesForOrganization")["Handshakes"] == [made]
    assert town.org("DescribeHandshake", by=STRANGER, HandshakeId=made["Id"])["Handshake"] == made
    assert town.may(STRANGER, "iam:GetUser")
    accepted = town.org("AcceptHandshake", by=STRANGER, HandshakeId=made["Id"])["Handshake"]
    assert accepted == made | {"State": "ACCEPTED"}
    assert not town.may(STRANGER, "iam:GetUser")
    shown = town.org("DescribeAccount", AccountId=STRANGER)["Account"]
    assert shown["JoinedMethod"] == "INVITED" and shown["JoinedTimestamp"] > made["RequestedTimestamp"]
    assert town.org("ListTagsForResource", ResourceId=STRANGER)["Tags"] == [{"Key": "k", "Value": "v"}]
    assert town.org("ListParents", ChildId=STRANGER)["Parents"][0]["Id"] == town.root_id


@pytest.mark.parametrize(("name", "by", "state"), [("DeclineHandshake", STRANGER, "DECLINED"), ("CancelHandshake", "", "CANCELED")])
def test_an_invitation_is_declined_or_cancelled(town: Town, name: str, by: str, state: str) -> None:
    made = invite(town, "EMAIL", "Stranger@example.org")
    assert {"Id": "stranger@example.org", "Type": "EMAIL"} in made["Parties"]
    assert town.org(name, by=by, HandshakeId=made["Id"])["Handshake"]["State"] == state
    for again, who in (("AcceptHandshake", STRANGER), ("DeclineHandshake", STRANGER), ("CancelHandshake", "")):
        with refused("InvalidHandshakeTransitionException", state):
            town.org(again, by=who, HandshakeId=made["Id"])
    invite(town)  # another may be sent


def test_each_step_is_its_own_partys(town: Town) -> None:
    id = invite(town)["Id"]
    for name, by in (("AcceptHandshake", ""), ("DeclineHandshake", ""), ("AcceptHandshake", OTHER), ("DescribeHandshake", OTHER)):
        with refused("HandshakeNotFoundException"):
            town.org(name, by=by, HandshakeId=id)
    town.org("CreateOrganization", by=STRANGER)
    with refused("HandshakeNotFoundException"):
        town.org("CancelHandshake", by=STRANGER, HandshakeId=id)
    with pytest.raises(Refusal) as refusal:
        town.org("AcceptHandshake", by=STRANGER, HandshakeId=id)
    assert reason(refusal) == "ALREADY_IN_AN_ORGANIZATION"
    assert town.org("ListHandshakesForAccount", by=OTHER)["Handshakes"] == []
    assert town.org("ListHandshakesForOrganization", by=STRANGER)["Handshakes"] == []


def test_an_invitation_is_over_after_fifteen_days_and_forgotten_a_month_later(town: Town) -> None:
    made = invite(town)
    town.now = made["ExpirationTimestamp"] - timedelta(seconds=1)
    assert town.org("DescribeHandshake", HandshakeId=made["Id"])["Handshake"]["State"] == "OPEN"
    with refused("InvalidHandshakeTransitionException", "EXPIRED"):  # the clock went on by a second
        town.org("AcceptHandshake", by=STRANGER, HandshakeId=made["Id"])
    town.now += timedelta(days=30)
    assert town.org("ListHandshakesForAccount", by=STRANGER)["Handshakes"] == []
    again = invite(town)
    assert [one.id for one in town.store.handshakes] == [again["Id"]]


def test_whom_nobody_invites(town: Town) -> None:
    def why(kind: str, id: str) -> str:
        with pytest.raises(Refusal) as refusal:
            invite(town, kind, id)
        return reason(refusal)

    assert why("ACCOUNT", OTHER) == "ALREADY_IN_AN_ORGANIZATION"
    assert why("ACCOUNT", town.account) == "ALREADY_IN_AN_ORGANIZATION"
    assert why("ACCOUNT", "111122223333") == "TARGET_NOT_SUPPORTED"
    assert why("EMAIL", "nobody@example.org") == "INVALID_EMAIL_ADDRESS_TARGET"
    assert why("ORGANIZATION", town.organization_id) == "INVALID_PARTY_TYPE_TARGET"


def test_invitations_have_limits(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    invite(town)
    with refused("DuplicateHandshakeException"):
        invite(town)
    monkeypatch.setattr(refusals, "INVITATIONS_PER_DAY", 1)
    town.org("CancelHandshake", HandshakeId=town.org("ListHandshakesForOrganization")["Handshakes"][0]["Id"])
    with pytest.raises(Refusal) as refusal:
        invite(town)
    assert reason(refusal) == "HANDSHAKE_RATE_LIMIT_EXCEEDED"
    town.now += timedelta(days=1)
    id = invite(town)["Id"]
    monkeypatch.setattr(refusals, "ACCOUNTS", 2)
    with pytest.raises(Refusal) as refusal:
        town.org("AcceptHandshake", by=STRANGER, HandshakeId=id)
    assert reason(refusal) == "ACCOUNT_NUMBER_LIMIT_EXCEEDED"


def test_handshakes_are_filtered(town: Town) -> None:
    made = invite(town)
    assert town.org("ListHandshakesForOrganization", Filter={"ActionType": "INVITE"})["Handshakes"] == [made]
    assert town.org("ListHandshakesForOrganization", Filter={"ActionType": "ENABLE_ALL_FEATURES"})["Handshakes"] == []
    assert town.org("ListHandshakesForAccount", by=STRANGER, Filter={"ParentHandshakeId": "h-12345678"})["Handshakes"] == []
