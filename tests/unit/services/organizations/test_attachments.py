"""Attachments: AWS's own by default, limits in both directions, types enabled and disabled; each change holds at once."""

from __future__ import annotations

import pytest

from daypass.services.organizations import refusals
from daypass.values.decision import Ask
from daypass.values.errors import Refusal
from unit.services.organizations.town import ALLOW_STS, DENY_ASSUME, DENY_IAM, FULL, RCP, RCP_FULL, SCP, Town, reason
from unit.services.world import OTHER, refused


def into(town: Town, account: str = OTHER) -> Ask:
    """May the management account's administrator take the administrator role of `account`?"""
    role = town.store.roles.named(account, "admin")
    assert role is not None
    return Ask("sts:AssumeRole", role.arn, account, combine="must", policy=town.store.trust_of(role))


def test_full_access_is_attached_where_the_type_is_enabled(town: Town) -> None:
    unit = town.unit()
    assert [town.attached(target) for target in (town.root_id, unit, OTHER, town.account)] == [[], [], [], []]
    with refused("PolicyTypeNotEnabledException"):
        town.attach(town.policy(name="p"), OTHER)
    with refused("PolicyNotAttachedException"):
        town.detach(FULL, OTHER)
    town.enable()
    town.enable(RCP)
    later = town.unit(name="later")
    for target in (town.root_id, unit, later, OTHER, town.account):
        assert (town.attached(target), town.attached(target, RCP)) == ([FULL], [RCP_FULL])
    for id in (FULL, RCP_FULL):
        listed = town.org("ListTargetsForPolicy", PolicyId=id)["Targets"]
        assert {one["TargetId"]: one["Type"] for one in listed} == {
            town.root_id: "ROOT", unit: "ORGANIZATIONAL_UNIT", later: "ORGANIZATIONAL_UNIT", OTHER: "ACCOUNT", town.account: "ACCOUNT"
        }  # fmt: skip
    assert town.org("ListRoots")["Roots"][0]["PolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}, {"Type": RCP, "Status": "ENABLED"}]
    with refused("PolicyTypeAlreadyEnabledException"):
        town.enable()


@pytest.mark.parametrize("level", ["root", "unit", "inner unit", "account"])
def test_a_deny_at_any_level_holds_until_it_is_detached(town: Town, level: str) -> None:
    town.enable()
    unit = town.unit()
    inner = town.unit(unit)
    town.move(OTHER, inner)
    target = {"root": town.root_id, "unit": unit, "inner unit": inner, "account": OTHER}[level]
    deny = town.policy(DENY_IAM)
    town.attach(deny, target)
    assert town.attached(target) == sorted([FULL, deny])
    assert not town.may(OTHER, "iam:GetUser") and town.may(OTHER, "sts:GetSessionToken")
    decision = town.decide(Ask("iam:GetUser", "*", OTHER), town.admin(OTHER))
    assert (decision.explicit, decision.layer) == (True, "scp") and decision.policy.endswith(f"/{deny}")
    assert town.may(town.account, "iam:GetUser")  # the management account is exempt
    town.org("UpdatePolicy", PolicyId=deny, Content=DENY_IAM.replace("iam:*", "sts:*"))
    assert town.may(OTHER, "iam:GetUser") and not town.may(OTHER, "sts:GetSessionToken")
    town.detach(deny, target)
    assert town.may(OTHER, "iam:GetUser") and town.may(OTHER, "sts:GetSessionToken")
    with refused("PolicyNotAttachedException"):
        town.detach(deny, target)


@pytest.mark.parametrize("level", ["root", "account"])
def test_an_allow_list_takes_the_place_of_full_access(town: Town, level: str) -> None:
    town.enable()
    target = {"root": town.root_id, "account": OTHER}[level]
    with pytest.raises(Refusal) as refusal:
        town.detach(FULL, target)
    assert reason(refusal) == "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    allow = town.policy(ALLOW_STS)
    town.attach(allow, target)
    assert town.may(OTHER, "iam:GetUser")
    town.detach(FULL, target)
    assert town.attached(target) == [allow]
    assert target not in {one["TargetId"] for one in town.org("ListTargetsForPolicy", PolicyId=FULL)["Targets"]}
    assert town.may(OTHER, "sts:GetSessionToken") and not town.may(OTHER, "iam:GetUser")
    assert town.may(town.account, "iam:GetUser")
    with pytest.raises(Refusal) as refusal:
        town.detach(allow, target)
    assert reason(refusal) == "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    town.attach(FULL, target)
    assert town.may(OTHER, "iam:GetUser")
    with refused("DuplicatePolicyAttachmentException"):
        town.attach(FULL, target)


def test_only_so_many_of_a_type_fit_on_one_target(town: Town) -> None:
    town.enable()
    town.enable(RCP)
    for kind, text in ((SCP, DENY_IAM), (RCP, DENY_ASSUME)):
        policies = [town.policy(text, name=f"{kind} {n}", kind=kind) for n in range(refusals.ATTACHED[kind])]
        for id in policies[:-1]:  # AWS's own is one of them
            town.attach(id, OTHER)
        with pytest.raises(Refusal) as refusal:
            town.attach(policies[-1], OTHER)
        assert reason(refusal) == "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
        with refused("DuplicatePolicyAttachmentException"):
            town.attach(policies[0], OTHER)
        assert [one["TargetId"] for one in town.org("ListTargetsForPolicy", PolicyId=policies[0])["Targets"]] == [OTHER]


def test_rcp_full_access_is_always_attached(town: Town) -> None:
    town.enable(RCP)
    with pytest.raises(Refusal) as refusal:
        town.detach(RCP_FULL, OTHER)
    assert reason(refusal) == "NON_DETACHABLE_POLICY"
    with refused("DuplicatePolicyAttachmentException"):
        town.attach(RCP_FULL, OTHER)


def test_a_resource_control_policy_guards_a_members_resources_from_everyone(town: Town) -> None:
    town.enable(RCP)
    admin = town.admin()
    assert town.decide(into(town), admin).allowed
    deny = town.policy(DENY_ASSUME, kind=RCP)
    town.attach(deny, town.root_id)
    decision = town.decide(into(town), admin)
    assert (decision.allowed, decision.explicit, decision.layer) == (False, True, "rcp")
    assert town.may(OTHER, "iam:GetUser")
    assert town.decide(into(town, town.account), admin).allowed  # the management account's resources are exempt
    unit = town.unit()
    town.attach(deny, unit)
    town.detach(deny, town.root_id)
    assert town.decide(into(town), admin).allowed
    town.move(OTHER, unit)
    assert not town.decide(into(town), admin).allowed


def test_disabling_a_type_detaches_all_of_it(town: Town) -> None:
    town.enable()
    town.enable(RCP)
    unit = town.unit()
    town.move(OTHER, unit)
    deny, allow, guard = town.policy(DENY_IAM), town.policy(ALLOW_STS), town.policy(DENY_ASSUME, kind=RCP)
    for id, target in ((deny, town.root_id), (allow, unit), (deny, OTHER), (guard, OTHER)):
        town.attach(id, target)
    town.detach(FULL, unit)
    shown = town.org("DisablePolicyType", RootId=town.root_id, PolicyType=SCP)["Root"]
    assert shown["PolicyTypes"] == [{"Type": RCP, "Status": "ENABLED"}]
    assert town.may(OTHER, "iam:GetUser")
    assert town.attached(OTHER) == [] and town.attached(OTHER, RCP) == sorted([RCP_FULL, guard])
    assert not town.decide(into(town), town.admin()).allowed
    with refused("PolicyTypeNotEnabledException"):
        town.org("DisablePolicyType", RootId=town.root_id, PolicyType=SCP)
    town.enable()
    assert [town.attached(target) for target in (town.root_id, unit, OTHER)] == [[FULL]] * 3
    town.org("DeletePolicy", PolicyId=deny)
    with refused("RootNotFoundException"):
        town.org("DisablePolicyType", RootId="r-none", PolicyType=SCP)
    with refused("RootNotFoundException"):
        town.org("EnablePolicyType", RootId="r-none", PolicyType=RCP)


@pytest.mark.parametrize("name", ["AttachPolicy", "DetachPolicy"])
def test_what_is_not_there_is_attached_to_nothing(town: Town, name: str) -> None:
    town.enable()
    own = town.policy()
    for target in ("ou-none-12345678", "r-none", "111122223333"):
        with refused("TargetNotFoundException"):
            town.org(name, PolicyId=own, TargetId=target)
    with refused("PolicyNotFoundException"):
        town.org(name, PolicyId="p-12345678", TargetId=OTHER)
    with refused("TargetNotFoundException"):
        town.org("ListPoliciesForTarget", TargetId="ou-none-12345678", Filter=SCP)
    unit = town.unit()
    town.attach(own, unit)
    town.org("DeleteOrganizationalUnit", OrganizationalUnitId=unit)  # and with it what was attached
    town.org("DeletePolicy", PolicyId=own)
