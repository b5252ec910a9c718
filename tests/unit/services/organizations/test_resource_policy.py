"""The resource policy: it lets named members do what can be delegated, on what it names, and nobody anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.store.records import Role, User
from daypass.values.errors import Refusal
from unit.services.organizations.town import ALLOW_STS, DENY_IAM, SCP, STRANGER, Town, document, reason, statement
from unit.services.world import ALLOW_ALL, OTHER, refused


def put(town: Town, *statements: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Set the policy."""
    shown: dict[str, Any] = town.org("PutResourcePolicy", Content=document(*statements), **more)["ResourcePolicy"]
    return shown


def allow(*actions: str, who: str = OTHER, **more: Any) -> dict[str, Any]:
    """Allow an account something."""
    return statement("Allow", *(f"organizations:{action}" for action in actions), Principal={"AWS": who}) | more


def test_it_is_put_shown_and_deleted(town: Town) -> None:
    with refused("ResourcePolicyNotFoundException"):
        town.org("DescribeResourcePolicy")
    made = put(town, allow("ListAccounts"), Tags=[{"Key": "k", "Value": "v"}])
    id = made["ResourcePolicySummary"]["Id"]
    assert made["ResourcePolicySummary"]["Arn"] == f"arn:aws:organizations::{town.account}:resourcepolicy/{town.organization_id}/{id}"
    assert town.org("DescribeResourcePolicy")["ResourcePolicy"] == made
    assert town.org("ListTagsForResource", ResourceId=id)["Tags"] == [{"Key": "k", "Value": "v"}]
    again = put(town, allow("ListRoots"))
    assert again["ResourcePolicySummary"] == made["ResourcePolicySummary"] and "ListRoots" in again["Content"]
    with refused("ConstraintViolationException"):
        put(town, allow("ListRoots"), Tags=[{"Key": "k", "Value": "w"}])
    town.org("DeleteResourcePolicy")
    with refused("ResourcePolicyNotFoundException"):
        town.org("DeleteResourcePolicy")


def test_a_member_does_what_it_was_let_do(town: Town) -> None:
    town.enable()
    unit = town.unit()
    prefix = f"arn:aws:organizations::{town.account}"
    put(
        town,
        allow("CreatePolicy", "DescribePolicy", "ListPolicies", "ListTargetsForPolicy"),
        allow("AttachPolicy", "DetachPolicy", Resource=[f"{prefix}:ou/{town.organization_id}/{unit}", f"{prefix}:policy/*"]),
    )
    made = town.org("CreatePolicy", by=OTHER, Content=ALLOW_STS, Description="", Name="theirs", Type=SCP)["Policy"]["PolicySummary"]
    assert made["Arn"].startswith(f"{prefix}:policy/")
    town.org("AttachPolicy", by=OTHER, PolicyId=made["Id"], TargetId=unit)
    with refused("AccessDeniedException"):  # the unit is what it was let attach to
        town.org("AttachPolicy", by=OTHER, PolicyId=made["Id"], TargetId=town.root_id)
    with refused("AccessDeniedException"):
        town.org("UpdatePolicy", by=OTHER, PolicyId=made["Id"], Content=DENY_IAM)
    with refused("AccessDeniedException"):
        town.org("ListAccounts", by=OTHER)
    town.org("DetachPolicy", by=OTHER, PolicyId=made["Id"], TargetId=unit)
    town.org("DeleteResourcePolicy")
    with refused("AccessDeniedException"):
        town.org("DescribePolicy", by=OTHER, PolicyId=made["Id"])


def test_a_deny_in_it_holds_for_delegated_administrators(town: Town) -> None:
    town.org("EnableAWSServiceAccess", ServicePrincipal="sso.amazonaws.com")
    town.org("RegisterDelegatedAdministrator", AccountId=OTHER, ServicePrincipal="sso.amazonaws.com")
    town.org("ListAccounts", by=OTHER)
    put(town, statement("Deny", "organizations:ListAccounts", Principal={"AWS": OTHER}))
    with refused("AccessDeniedException"):
        town.org("ListAccounts", by=OTHER)
    town.org("ListRoots", by=OTHER)


def test_it_binds_a_principal_to_who_it_was(town: Town) -> None:
    role = Role(id="AROAFIRST", account=OTHER, created=town.now, name="auditor", trust="{}", inline={"a": ALLOW_ALL})
    town.commit_record(role)
    put(town, allow("ListAccounts", who=role.arn))
    asked = town.asks("ListAccounts", by=town.admin(OTHER), service="organizations")[0]
    caller = town.admin(OTHER)

    def as_role(id: str) -> bool:
        from dataclasses import replace

        return town.decide(asked, replace(caller, principal_arn=role.arn, principal_id=id)).allowed

    assert as_role("AROAFIRST")
    town.store.apply([Role(id="AROASECOND", account=OTHER, created=town.now, name="auditor", trust="{}", inline={"a": ALLOW_ALL})],
                     [(Role, "AROAFIRST")])  # fmt: skip
    assert not as_role("AROASECOND")
    assert not town.decide(asked, caller).allowed


@pytest.mark.parametrize("action", ["CloseAccount", "MoveAccount", "PutResourcePolicy", "LeaveOrganization", "CreateAccount"])
def test_what_cannot_be_delegated_is_refused(town: Town, action: str) -> None:
    with pytest.raises(Refusal) as refusal:
        put(town, allow(action))
    assert reason(refusal) == "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"


def test_a_wildcard_delegates_no_more_than_can_be(town: Town) -> None:
    put(town, allow("*"))
    town.org("ListAccounts", by=OTHER)
    for name, members in (
        ("CloseAccount", {"AccountId": OTHER}),
        ("DeleteResourcePolicy", {}),
        ("CreateOrganizationalUnit", {"ParentId": town.root_id, "Name": "x"}),
    ):
        with refused("AccessDeniedException"):
            town.org(name, by=OTHER, **members)


@pytest.mark.parametrize("who", ["*", STRANGER, f"arn:aws:iam::{STRANGER}:root", f"arn:aws:iam::{OTHER}:role/gone", "111122223333"])
def test_only_members_are_principals(town: Town, who: str) -> None:
    with pytest.raises(Refusal) as refusal:
        put(town, allow("ListAccounts", who=who))
    assert reason(refusal) == "INVALID_PRINCIPAL"


def test_kinds_of_principals_that_members_are(town: Town) -> None:
    user = User(id="AIDAX", account=OTHER, created=town.now, name="ann")
    town.commit_record(user)
    for who in (
        OTHER,
        f"arn:aws:iam::{OTHER}:root",
        user.arn,
        f"arn:aws:iam::{OTHER}:role/admin",
        f"arn:aws:sts::{OTHER}:assumed-role/admin/s",
    ):
        put(town, allow("ListAccounts", who=who))
    with pytest.raises(Refusal) as refusal:
        put(town, statement("Allow", "organizations:ListAccounts", Principal={"Service": "sso.amazonaws.com"}))
    assert reason(refusal) == "INVALID_PRINCIPAL"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        DENY_IAM,
        json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": OTHER}, "NotAction": "organizations:x", "Resource": "*"}]}),
    ],
)
def test_what_is_no_such_policy_is_refused(town: Town, text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        town.org("PutResourcePolicy", Content=text)
    assert reason(refusal) == "INVALID_RESOURCE_POLICY_JSON"
