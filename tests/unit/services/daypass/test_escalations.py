"""ListEscalations: each way of its table is told where it is open, and only there; and what is told is what happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daypass.cli.can_become import Step, follow, powers
from daypass.services.daypass.escalations import WAYS
from rig.node import Refused
from unit.way.town import ALLOW_ALL, Town, allow, policy, trust

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
NOBODY = trust({"Service": "ec2.amazonaws.com"})


def call(town: Town, operation: str, **given: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = town.it.call("daypass", operation, given, town.operator)["Steps"]
    return found


def told(town: Town, who: str, *, powers: bool = False) -> set[tuple[str, str]]:
    """The actions by which `who` gets something, each with the name of what it changes."""
    more: dict[str, Any] = {"Among": [who]} if powers else {}
    steps = call(town, "ListEscalations", Principals=[who], **more)
    assert all(step["Verdict"] == "allowed" and step["OwnStatement"] for step in steps)
    return {(step["By"], step["Arn"].rpartition(":")[2].rpartition("/")[2]) for step in steps}


def reach(town: Town, start: str) -> list[Step]:
    def ask(principals: Any, reached: Any) -> dict[str, Any]:
        given = {"Principals": principals, "Reached": reached}
        return {"Steps": [*call(town, "ListAssumableRoles", **given), *call(town, "ListEscalations", **given)], "Roles": 1}

    steps = follow(ask, start, 9)
    return steps + powers(lambda who, among: {"Steps": call(town, "ListEscalations", Principals=who, Among=among)}, start, steps, 9)


def may(town: Town, *actions: str, resource: str = "*") -> None:
    """Let alice do this, beside nothing."""
    town.iam("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=policy(allow(*actions, resource=resource)))


@pytest.fixture
def alice(town: Town) -> Any:
    """A user without power, with something of each kind about her: others, groups, a policy with two versions, a boundary."""
    keys = town.user("alice", "")
    town.user("bob", ALLOW_ALL)
    town.role("closed", NOBODY)
    for group in ("hers", "others"):
        town.iam("CreateGroup", GroupName=group)
    town.iam("AddUserToGroup", GroupName="hers", UserName="alice")
    wide = policy(allow("s3:*", "iam:*", "sts:*"))
    arn = town.iam("CreatePolicy", PolicyName="hers", PolicyDocument=wide)["Policy"]["Arn"]
    town.iam("PutUserPermissionsBoundary", UserName="alice", PermissionsBoundary=arn)
    town.iam("CreatePolicy", PolicyName="apart", PolicyDocument=wide)
    narrow = town.iam("CreatePolicy", PolicyName="held", PolicyDocument=policy(allow("s3:GetObject")))["Policy"]["Arn"]
    town.iam("CreatePolicyVersion", PolicyArn=narrow, PolicyDocument=ALLOW_ALL)
    town.iam("AttachGroupPolicy", GroupName="hers", PolicyArn=narrow)
    return keys


BECOMES = {
    "iam:CreateAccessKey": "bob",
    "iam:CreateLoginProfile": "bob",
    "iam:UpdateAssumeRolePolicy": "closed",
}
CHANGES = {
    "iam:PutUserPolicy": {"alice"},
    "iam:AttachUserPolicy": {"alice"},
    "iam:PutUserPermissionsBoundary": {"alice"},
    "iam:DeleteUserPermissionsBoundary": {"alice"},
    "iam:PutGroupPolicy": {"hers"},
    "iam:AttachGroupPolicy": {"hers"},
    "iam:AddUserToGroup": {"others"},
    "iam:CreatePolicyVersion": {"held"},
    "iam:SetDefaultPolicyVersion": {"held"},
}

OF_ROLES = ("iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary")


def test_who_may_do_nothing_makes_nothing(town: Town, alice: Any) -> None:
    assert told(town, "alice") == told(town, "alice", powers=True) == set()


@pytest.mark.parametrize("action", sorted(BECOMES))
def test_whom_an_action_gives(town: Town, alice: Any, action: str) -> None:
    may(town, action, "sts:AssumeRole")
    assert (action, BECOMES[action]) in told(town, "alice")
    assert {by for by, _ in told(town, "alice")} == {action}
    assert told(town, "alice", powers=True) == set()


@pytest.mark.parametrize("action", sorted(CHANGES))
def test_what_an_action_gives_oneself(town: Town, alice: Any, action: str) -> None:
    may(town, action)
    assert told(town, "alice", powers=True) == {(action, name) for name in CHANGES[action]}
    assert told(town, "alice") == set()


@pytest.mark.parametrize("action", OF_ROLES)
def test_what_a_role_gives_itself(town: Town, action: str) -> None:
    arn = town.role("worker", document=policy(allow(action)), PermissionsBoundary=ADMINISTRATOR)
    assert told(town, arn, powers=True) == {(action, "worker")}


def test_every_way_of_the_table_is_tried_here_and_told_in_the_reference() -> None:
    told = (Path(__file__).parents[4] / "docs/reference/escalations.md").read_text("utf-8")
    named = {name.replace("Role", "User") if name.endswith("Boundary") else name for name in (way.name for way in WAYS)}
    assert {name for name in named if f":{name}`" not in told} == set()
    tried = {*BECOMES, *CHANGES, *OF_ROLES, "iam:UpdateLoginProfile", "sts:AssumeRoot"}
    assert {f"{way.service}:{way.name}" for way in WAYS} == tried


def test_a_password_is_made_once_and_changed_then(town: Town, alice: Any) -> None:
    may(town, "iam:*LoginProfile")
    town.iam("CreateLoginProfile", UserName="bob", Password="A long-enough pass 1!")
    assert ("iam:UpdateLoginProfile", "bob") in told(town, "alice")
    assert ("iam:CreateLoginProfile", "bob") not in told(town, "alice")


def test_a_user_with_two_keys_gets_no_third(town: Town, alice: Any) -> None:
    may(town, "iam:CreateAccessKey")
    town.iam("CreateAccessKey", UserName="bob")
    assert told(town, "alice") == set()
    with pytest.raises(Refused, match="LimitExceeded"):
        town.iam("CreateAccessKey", alice, UserName="bob")


def test_a_rewritten_trust_is_of_no_use_to_who_may_assume_nothing(town: Town, alice: Any) -> None:
    may(town, "iam:UpdateAssumeRolePolicy")
    assert ("iam:UpdateAssumeRolePolicy", "closed") in told(town, "alice")  # a trust that names her is enough
    deny: dict[str, Any] = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}
    unless = deny | {"Condition": {"StringNotEquals": {"sts:ExternalId": "e1"}}}
    town.iam("PutUserPolicy", UserName="alice", PolicyName="d", PolicyDocument=policy(unless))
    assert {step["Verdict"] for step in call(town, "ListEscalations", Principals=["alice"])} == {"conditional"}
    town.iam("PutUserPolicy", UserName="alice", PolicyName="d", PolicyDocument=policy(deny))
    assert told(town, "alice") == set()


def test_what_is_told_happens(town: Town, alice: Any) -> None:
    may(town, "iam:PutUserPolicy", "iam:UpdateAssumeRolePolicy")
    role = f"arn:aws:iam::{town.account}:role/closed"
    assert ("iam:UpdateAssumeRolePolicy", "closed") in told(town, "alice")
    assert ("iam:PutUserPolicy", "alice") in told(town, "alice", powers=True)
    everybody = trust({"AWS": f"arn:aws:iam::{town.account}:user/alice"})
    town.iam("UpdateAssumeRolePolicy", alice, RoleName="closed", PolicyDocument=everybody)
    town.assume(alice, role)
    town.iam("PutUserPolicy", alice, UserName="alice", PolicyName="all", PolicyDocument=ALLOW_ALL)
    town.iam("ListUsers", alice)


def test_the_boundary_that_a_condition_asks_for_is_not_made_up(town: Town, alice: Any) -> None:
    """The key is the target's own boundary: a request cannot bring another."""
    town.iam("DeleteUserPermissionsBoundary", UserName="alice")
    condition = {"Condition": {"StringEquals": {"iam:PermissionsBoundary": ADMINISTRATOR}}}
    document = policy(allow("iam:PutUserPolicy", **condition))
    town.iam("PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=document)
    assert told(town, "alice", powers=True) == set()
    town.iam("PutUserPermissionsBoundary", UserName="alice", PermissionsBoundary=ADMINISTRATOR)
    assert told(town, "alice", powers=True) == {("iam:PutUserPolicy", "alice")}


def test_a_way_goes_on_through_a_user_and_ends_at_what_it_may_change(town: Town) -> None:
    """alice makes a key for bob, who assumes a role, which alice may give any policy."""
    arn = town.role("worker", trust({"AWS": town.account}), "")
    town.user("bob", policy(allow("sts:AssumeRole", resource=arn)))
    bob = f"arn:aws:iam::{town.account}:user/bob"
    town.user("alice", policy(allow("iam:CreateAccessKey", resource=bob), allow("iam:PutRolePolicy", resource=arn)))
    found = [(step.hops, step.arn, step.found["By"], step.taken) for step in reach(town, "alice")]
    assert found == [
        (1, bob, "iam:CreateAccessKey", False),
        (2, arn, "sts:AssumeRole", True),
        (1, arn, "iam:PutRolePolicy", False),
    ]


def test_other_accounts_are_out_of_reach(town: Town) -> None:
    made = town.it.call("organizations", "CreateAccount", {"Email": "p@example.test", "AccountName": "partner"}, town.operator)
    partner = made["CreateAccountStatus"]["AccountId"]
    town.user("alice", policy(allow("iam:*")))
    steps = call(town, "ListEscalations", Principals=["alice"])
    assert steps
    assert partner not in {step["Account"] for step in steps}


def test_a_members_root_is_entered_where_root_sessions_are_on(town: Town) -> None:
    made = town.it.call("organizations", "CreateAccount", {"Email": "p@example.test", "AccountName": "partner"}, town.operator)
    partner = made["CreateAccountStatus"]["AccountId"]
    town.user("alice", policy(allow("sts:AssumeRoot")))
    assert call(town, "ListEscalations", Principals=["alice"]) == []
    access = {"ServicePrincipal": "iam.amazonaws.com"}
    town.it.call("organizations", "EnableAWSServiceAccess", access, town.operator)
    town.iam("EnableOrganizationsRootSessions")
    [step] = call(town, "ListEscalations", Principals=["alice"])
    assert (step["Arn"], step["By"], step["Gives"]) == (f"arn:aws:iam::{partner}:root", "sts:AssumeRoot", "task")
    # one task is not the whole account: the way ends there
    assert [one.arn for one in reach(town, "alice")] == [step["Arn"]]


def test_whoever_is_not_there_is_named(town: Town) -> None:
    town.user("alice")
    for given in ({"Principals": ["nobody"]}, {"Principals": ["alice"], "Among": ["nobody"]}):
        with pytest.raises(Refused, match="There is no user or role nobody"):
            call(town, "ListEscalations", **given)
