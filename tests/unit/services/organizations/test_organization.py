"""An organization as a whole: made by a standalone account, shown to its members, managed by its management account alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore import session

from daypass.services.organizations import asks
from daypass.store.records import Organization
from daypass.values.errors import Refusal
from daypass.way.operation import NOT_OFFERED, OPERATIONS
from unit.services.organizations.town import SCP, STRANGER, Town, reason
from unit.services.world import OTHER, refused

# One call by the book of each operation that the management account alone may make, unless it delegates it.
MANAGED: dict[str, dict[str, Any]] = {
    "AttachPolicy": {"PolicyId": "p-FullAWSAccess", "TargetId": OTHER},
    "CancelHandshake": {"HandshakeId": "h-12345678"},
    "CloseAccount": {"AccountId": OTHER},
    "CreateAccount": {"Email": "x@example.org", "AccountName": "x"},
    "CreateOrganizationalUnit": {"ParentId": "r-none", "Name": "x"},
    "CreatePolicy": {"Content": "{}", "Description": "", "Name": "x", "Type": SCP},
    "DeleteOrganization": {},
    "DeleteOrganizationalUnit": {"OrganizationalUnitId": "ou-none-12345678"},
    "DeletePolicy": {"PolicyId": "p-12345678"},
    "DeleteResourcePolicy": {},
    "DeregisterDelegatedAdministrator": {"AccountId": OTHER, "ServicePrincipal": "sso.amazonaws.com"},
    "DescribeAccount": {"AccountId": OTHER},
    "DescribeCreateAccountStatus": {"CreateAccountRequestId": "car-12345678"},
    "DescribeOrganizationalUnit": {"OrganizationalUnitId": "ou-none-12345678"},
    "DescribePolicy": {"PolicyId": "p-FullAWSAccess"},
    "DescribeResourcePolicy": {},
    "DetachPolicy": {"PolicyId": "p-FullAWSAccess", "TargetId": OTHER},
    "DisableAWSServiceAccess": {"ServicePrincipal": "sso.amazonaws.com"},
    "DisablePolicyType": {"RootId": "r-none", "PolicyType": SCP},
    "EnableAWSServiceAccess": {"ServicePrincipal": "sso.amazonaws.com"},
    "EnableAllFeatures": {},
    "EnablePolicyType": {"RootId": "r-none", "PolicyType": SCP},
    "InviteAccountToOrganization": {"Target": {"Type": "ACCOUNT", "Id": STRANGER}},
    "ListAWSServiceAccessForOrganization": {},
    "ListAccounts": {},
    "ListAccountsForParent": {"ParentId": "r-none"},
    "ListAccountsWithInvalidEffectivePolicy": {"PolicyType": "TAG_POLICY"},
    "ListChildren": {"ParentId": "r-none", "ChildType": "ACCOUNT"},
    "ListCreateAccountStatus": {},
    "ListDelegatedAdministrators": {},
    "ListDelegatedServicesForAccount": {"AccountId": OTHER},
    "ListEffectivePolicyValidationErrors": {"AccountId": OTHER, "PolicyType": "TAG_POLICY"},
    "ListHandshakesForOrganization": {},
    "ListOrganizationalUnitsForParent": {"ParentId": "r-none"},
    "ListParents": {"ChildId": OTHER},
    "ListPolicies": {"Filter": SCP},
    "ListPoliciesForTarget": {"TargetId": OTHER, "Filter": SCP},
    "ListRoots": {},
    "ListTagsForResource": {"ResourceId": OTHER},
    "ListTargetsForPolicy": {"PolicyId": "p-FullAWSAccess"},
    "MoveAccount": {"AccountId": OTHER, "SourceParentId": "r-none", "DestinationParentId": "r-none"},
    "PutResourcePolicy": {"Content": "{}"},
    "RegisterDelegatedAdministrator": {"AccountId": OTHER, "ServicePrincipal": "sso.amazonaws.com"},
    "RemoveAccountFromOrganization": {"AccountId": OTHER},
    "TagResource": {"ResourceId": OTHER, "Tags": [{"Key": "k", "Value": "v"}]},
    "UntagResource": {"ResourceId": OTHER, "TagKeys": ["k"]},
    "UpdateOrganizationalUnit": {"OrganizationalUnitId": "ou-none-12345678", "Name": "x"},
    "UpdatePolicy": {"PolicyId": "p-12345678", "Name": "x"},
}
ITS_OWN = {
    "AcceptHandshake", "CreateOrganization", "DeclineHandshake", "DescribeEffectivePolicy", "DescribeHandshake", "DescribeOrganization",
    "LeaveOrganization", "ListHandshakesForAccount",
}  # fmt: skip


def test_every_operation_is_of_one_kind() -> None:
    offered = {name for service, name in OPERATIONS if service == "organizations"}
    assert offered == MANAGED.keys() | ITS_OWN
    assert offered | {name for service, name in NOT_OFFERED if service == "organizations"} == set(
        session.get_session().get_service_model("organizations").operation_names
    )


@pytest.mark.parametrize("name", sorted(MANAGED))
def test_only_the_management_account_may_manage(town: Town, name: str) -> None:
    before = {kind: list(town.store.records(kind)) for kind in town.store._records}
    with refused("AccessDeniedException"):
        town.org(name, by=OTHER, **MANAGED[name])
    assert before == {kind: list(town.store.records(kind)) for kind in town.store._records}


@pytest.mark.parametrize("name", sorted(MANAGED))
def test_without_an_organization_there_is_nothing_to_manage(town: Town, name: str) -> None:
    with refused("AWSOrganizationsNotInUseException"):
        town.org(name, by=STRANGER, **MANAGED[name])


@pytest.mark.parametrize("name", ["LeaveOrganization", "DescribeOrganization"])
def test_without_an_organization_there_is_nothing_to_see_or_leave(town: Town, name: str) -> None:
    with refused("AWSOrganizationsNotInUseException"):
        town.org(name, by=STRANGER)


def test_the_organization_is_shown_to_its_members(town: Town) -> None:
    shown = town.org("DescribeOrganization", by=OTHER)["Organization"]
    assert (shown["MasterAccountId"], shown["FeatureSet"]) == (town.account, "ALL")
    assert shown["Arn"] == f"arn:aws:organizations::{town.account}:organization/{shown['Id']}"
    assert shown["AvailablePolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
    for account in (town.account, OTHER):
        with refused("AlreadyInOrganizationException"):
            town.org("CreateOrganization", by=account)


def test_a_standalone_account_makes_its_own(town: Town) -> None:
    with refused("InvalidInputException"):
        town.org("CreateOrganization", by=STRANGER, FeatureSet="CONSOLIDATED_BILLING")
    made = town.org("CreateOrganization", by=STRANGER)["Organization"]
    assert made["MasterAccountId"] == STRANGER and made["Id"] != town.organization_id
    assert town.org("DescribeOrganization", by=STRANGER)["Organization"] == made
    assert [one["Id"] for one in town.org("ListAccounts", by=STRANGER)["Accounts"]] == [STRANGER]
    (root,) = town.org("ListRoots", by=STRANGER)["Roots"]
    assert root["Id"] != town.root_id and root["PolicyTypes"] == []


def test_all_features_are_on(town: Town) -> None:
    with pytest.raises(Refusal) as refusal:
        town.org("EnableAllFeatures")
    assert reason(refusal) == "ORGANIZATION_ALREADY_HAS_ALL_FEATURES"


def test_an_empty_organization_is_deleted(town: Town) -> None:
    town.org("CreateOrganization", by=STRANGER)
    (root,) = town.org("ListRoots", by=STRANGER)["Roots"]
    unit = town.org("CreateOrganizationalUnit", by=STRANGER, ParentId=root["Id"], Name="x")["OrganizationalUnit"]["Id"]
    with refused("OrganizationNotEmptyException"):
        town.org("DeleteOrganization", by=STRANGER)
    town.org("DeleteOrganizationalUnit", by=STRANGER, OrganizationalUnitId=unit)
    town.org("DeleteOrganization", by=STRANGER)
    account = town.store.accounts.find(STRANGER)
    assert account is not None and account.parent == "" and len(town.store.organizations) == 1
    assert town.may(STRANGER, "iam:GetUser")


def test_the_operators_organization_stays(town: Town) -> None:
    town.org("RemoveAccountFromOrganization", AccountId=OTHER)
    with refused("ConstraintViolationException", "began with"):
        town.org("DeleteOrganization")


def test_an_account_whose_organization_cannot_be_read_makes_no_new_one(town: Town) -> None:
    organization = town.organization
    town.store.apply([], [(Organization, organization.id)])
    with refused("AccessDeniedException"):
        town.org("CreateOrganization", by=OTHER)
    assert not town.may(OTHER, "sts:GetSessionToken")  # nobody knows what guarded it
    town.store.apply([replace_root(organization)], [])
    assert not town.may(OTHER, "sts:GetSessionToken")
    town.store.apply([organization], [])
    assert town.may(OTHER, "sts:GetSessionToken")


def replace_root(organization: Organization) -> Organization:
    """The same organization with another root."""
    from msgspec import structs

    return structs.replace(organization, root_id="r-zzzz")


def test_what_can_be_delegated_is_what_aws_documents() -> None:
    """AWS Organizations User Guide, "Supported actions" of resource-based delegation policies, as far as they are offered."""
    writes = {"AttachPolicy", "CreatePolicy", "DeletePolicy", "DetachPolicy", "DisablePolicyType", "EnablePolicyType", "TagResource",
              "UntagResource", "UpdatePolicy"}  # fmt: skip
    delegable = {action.partition(":")[2] for action in asks.DELEGABLE}
    assert {name for name in delegable if not name.startswith(("Describe", "List"))} == writes
    assert {name for name in MANAGED if name.startswith(("Describe", "List"))} <= delegable


def test_what_is_asked(town: Town) -> None:
    prefix = f"arn:aws:organizations::{town.account}"

    def resources(name: str, **members: Any) -> list[str]:
        return [ask.resource for ask in town.asks(name, by=town.admin(), service="organizations", **members)]

    unit, own = town.unit(), town.policy()
    account = f"{prefix}:account/{town.organization_id}/{OTHER}"
    root = f"{prefix}:root/{town.organization_id}/{town.root_id}"
    assert resources("DescribeAccount", AccountId=OTHER) == [account]
    assert resources("MoveAccount", AccountId=OTHER, SourceParentId=town.root_id, DestinationParentId=unit) == [
        account, root, f"{prefix}:ou/{town.organization_id}/{unit}"
    ]  # fmt: skip
    assert resources("AttachPolicy", PolicyId=own, TargetId=town.root_id) == [
        f"{prefix}:policy/{town.organization_id}/service_control_policy/{own}", root
    ]  # fmt: skip
    assert resources("DescribePolicy", PolicyId="p-FullAWSAccess") == [
        "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"
    ]
    assert resources("CreateAccount", Email="e", AccountName="n") == ["*"]
    asked = town.asks("CreatePolicy", by=town.admin(), service="organizations", Content="", Description="", Name="n", Type=SCP,
                      Tags=[{"Key": "Team", "Value": "blue"}])  # fmt: skip
    assert [ask.action for ask in asked] == ["organizations:CreatePolicy", "organizations:TagResource"]
    assert asked[0].context == {"aws:requesttag/team": "blue", "aws:tagkeys": ("Team",), "organizations:policytype": SCP}
    (asked_on_service,) = town.asks(
        "EnableAWSServiceAccess", by=town.admin(), service="organizations", ServicePrincipal="sso.amazonaws.com"
    )
    assert asked_on_service.context["organizations:serviceprincipal"] == "sso.amazonaws.com"


def test_what_a_member_asks_belongs_to_the_management_account(town: Town) -> None:
    (ask,) = town.asks("ListAccounts", by=town.admin(OTHER), service="organizations")
    assert (ask.account, ask.combine, ask.policy) == (town.account, "must", None)
    assert not town.decide(ask, town.admin(OTHER)).allowed
    assert not town.decide(replace(ask, combine="none"), town.admin(OTHER)).allowed  # another account's, however it combines
