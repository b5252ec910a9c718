"""Who goes takes nothing along: neither policies nor tags; who administers a service stays; the management account stays."""

from __future__ import annotations

import pytest

from daypass.values.errors import Refusal
from unit.services.organizations.town import DENY_IAM, Town, document, reason, statement
from unit.services.world import OTHER, refused

LEAVING = [("RemoveAccountFromOrganization", {"AccountId": OTHER}, ""), ("LeaveOrganization", {}, OTHER)]


@pytest.mark.parametrize(("name", "members", "by"), LEAVING, ids=["removed", "leaves"])
def test_who_goes_is_guarded_no_more_and_leaves_its_tags(town: Town, name: str, members: dict[str, str], by: str) -> None:
    town.enable()
    town.attach(town.policy(DENY_IAM), OTHER)
    town.org("TagResource", ResourceId=OTHER, Tags=[{"Key": "k", "Value": "v"}])
    assert not town.may(OTHER, "iam:GetUser")
    town.org(name, by=by, **members)
    assert town.may(OTHER, "iam:GetUser")
    account = town.store.accounts.find(OTHER)
    assert account is not None and (account.parent, account.policies, account.tags, account.full_access) == ("", (), (), True)
    with refused("AccountNotFoundException"):
        town.org("DescribeAccount", AccountId=OTHER)
    with refused("AWSOrganizationsNotInUseException"):
        town.org("DescribeOrganization", by=OTHER)
    with refused("AWSOrganizationsNotInUseException"):
        town.org("LeaveOrganization", by=OTHER)


def test_the_management_account_stays(town: Town) -> None:
    for name, members in (("RemoveAccountFromOrganization", {"AccountId": town.account}), ("LeaveOrganization", {})):
        with refused("MasterCannotLeaveOrganizationException"):
            town.org(name, **members)


@pytest.mark.parametrize(("name", "members", "by"), LEAVING, ids=["removed", "leaves"])
def test_a_delegated_administrator_stays(town: Town, name: str, members: dict[str, str], by: str) -> None:
    town.org("EnableAWSServiceAccess", ServicePrincipal="sso.amazonaws.com")
    town.org("RegisterDelegatedAdministrator", AccountId=OTHER, ServicePrincipal="sso.amazonaws.com")
    with pytest.raises(Refusal) as refusal:
        town.org(name, by=by, **members)
    assert reason(refusal) == "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
    town.org("DeregisterDelegatedAdministrator", AccountId=OTHER, ServicePrincipal="sso.amazonaws.com")
    town.org(name, by=by, **members)


def test_a_policy_forbids_to_leave(town: Town) -> None:
    town.enable()
    town.attach(town.policy(document(statement("Deny", "organizations:LeaveOrganization"))), town.root_id)
    with refused("AccessDeniedException"):
        town.org("LeaveOrganization", by=OTHER)
    town.org("RemoveAccountFromOrganization", AccountId=OTHER)


def test_a_move_changes_at_once_what_holds(town: Town) -> None:
    town.enable()
    strict = town.unit(name="strict")
    town.attach(town.policy(DENY_IAM), strict)
    assert town.may(OTHER, "iam:GetUser")
    town.move(OTHER, strict)
    assert not town.may(OTHER, "iam:GetUser") and town.may(OTHER, "sts:GetSessionToken")
    town.move(OTHER, town.root_id)
    assert town.may(OTHER, "iam:GetUser")
