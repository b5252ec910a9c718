"""The organization and its accounts: made by the management account, entered by a role, closed to everyone else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.services import organizations
from daypass.store.records import Organization
from daypass.values.ids import is_account_id
from unit.services.world import OTHER, World, refused


def call(world: World, name: str, **members: Any) -> dict[str, Any]:
    """Call Organizations."""
    return world.call(name, service="organizations", **members)


def test_an_account_is_there_at_once_with_a_role_to_enter_it(world: World) -> None:
    status = call(world, "CreateAccount", Email="dev@example.org", AccountName="Dev & Test")["CreateAccountStatus"]
    account = status["AccountId"]
    assert is_account_id(account) and status["State"] == "SUCCEEDED" and len(status["Id"]) == 36
    assert call(world, "DescribeCreateAccountStatus", CreateAccountRequestId=status["Id"])["CreateAccountStatus"] == status
    assert call(world, "ListCreateAccountStatus")["CreateAccountStatuses"] == [status]
    assert call(world, "ListCreateAccountStatus", States=["FAILED"])["CreateAccountStatuses"] == []
    shown = call(world, "DescribeAccount", AccountId=account)["Account"]
    assert (shown["Name"], shown["Email"], shown["Status"]) == ("Dev & Test", "dev@example.org", "ACTIVE")
    role = world.store.roles.named(account, "OrganizationAccountAccessRole")
    assert role is not None and role.policies == ("arn:aws:iam::aws:policy/AdministratorAccess",)
    assert json.loads(role.trust)["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{world.account}:root"}
    assert world.store.trust_of(role).principals() == {("AWS", f"arn:aws:iam::{world.account}:root")}


def test_the_role_may_have_another_name(world: World) -> None:
    made = call(world, "CreateAccount", Email="dev@example.org", AccountName="dev", RoleName="Enter")["CreateAccountStatus"]
    assert world.store.roles.named(made["AccountId"], "Enter") is not None


def test_the_organization_is_shown_to_its_members(world: World) -> None:
    shown = call(world, "DescribeOrganization", by=world.root(OTHER))["Organization"]
    assert (shown["MasterAccountId"], shown["FeatureSet"]) == (world.account, "ALL")
    assert shown["Arn"] == f"arn:aws:organizations::{world.account}:organization/{shown['Id']}"
    with refused("AlreadyInOrganizationException"):
        call(world, "CreateOrganization")


def test_accounts_are_listed_page_by_page(world: World) -> None:
    for number in range(3):
        call(world, "CreateAccount", Email=f"a{number}@example.org", AccountName=f"a{number}")
    first = call(world, "ListAccounts", MaxResults=4)
    rest = call(world, "ListAccounts", MaxResults=4, NextToken=first["NextToken"])
    assert "NextToken" not in rest
    names = {account["Name"] for account in first["Accounts"] + rest["Accounts"]}
    assert names == {"management", "other", "a0", "a1", "a2"} and len(first["Accounts"]) == 4
    with refused("InvalidInputException"):
        call(world, "ListRoots", NextToken=first["NextToken"])


def test_all_accounts_are_under_the_one_root(world: World) -> None:
    root = call(world, "ListRoots")["Roots"][0]
    assert call(world, "ListParents", ChildId=OTHER)["Parents"] == [{"Id": root["Id"], "Type": "ROOT"}]
    assert len(call(world, "ListAccountsForParent", ParentId=root["Id"])["Accounts"]) == 2
    with refused("ParentNotFoundException"):
        call(world, "ListAccountsForParent", ParentId="r-none")
    with refused("ChildNotFoundException"):
        call(world, "ListParents", ChildId="111122223333")


@pytest.mark.parametrize("name", ["root", "Root", "rооt", "ｒoot", "a<b", " a", "a ", "a\n", "é", "x" * 51])
def test_a_name_that_misleads_is_refused(world: World, name: str) -> None:
    with refused("InvalidInputException"):
        call(world, "CreateAccount", Email="dev@example.org", AccountName=name)


@pytest.mark.parametrize("name", ["Root", "AWSServiceRoleForX"])
def test_the_role_may_not_have_a_reserved_name(world: World, name: str) -> None:
    with refused("InvalidInputException"):
        call(world, "CreateAccount", Email="dev@example.org", AccountName="dev", RoleName=name)


def test_there_is_a_most_of_accounts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organizations, "ACCOUNTS", 3)
    call(world, "CreateAccount", Email="a@example.org", AccountName="a")
    with refused("ConstraintViolationException", "at most 3 accounts"):
        call(world, "CreateAccount", Email="b@example.org", AccountName="b")


def test_an_email_names_one_account(world: World) -> None:
    with refused("ConstraintViolationException"):
        call(world, "CreateAccount", Email="Other@Example.org", AccountName="dev")
    with refused("InvalidInputException"):
        call(world, "CreateAccount", Email="dév@example.org", AccountName="dev")


MANAGED = [
    ("CreateAccount", {"Email": "x@example.org", "AccountName": "x"}),
    ("DescribeCreateAccountStatus", {"CreateAccountRequestId": "car-12345678"}),
    ("ListCreateAccountStatus", {}),
    ("ListAccounts", {}),
    ("DescribeAccount", {"AccountId": OTHER}),
    ("ListRoots", {}),
    ("ListParents", {"ChildId": OTHER}),
    ("ListAccountsForParent", {"ParentId": "r-abcd"}),
]


@pytest.mark.parametrize(("name", "members"), MANAGED)
def test_only_the_management_account_may_manage(world: World, name: str, members: dict[str, str]) -> None:
    before = len(world.store.accounts)
    with refused("AccessDeniedException"):
        call(world, name, by=world.root(OTHER), **members)
    assert len(world.store.accounts) == before


def test_without_an_organization_there_is_one_thing_to_do(world: World) -> None:
    organization = world.store.organization
    assert organization is not None
    world.store.apply([], [(Organization, organization.id)])
    for name, members in [*MANAGED, ("DescribeOrganization", {})]:
        with refused("AWSOrganizationsNotInUseException"):
            call(world, name, **members)
    made = call(world, "CreateOrganization")["Organization"]
    assert made["MasterAccountId"] == world.account and made["Id"] != organization.id
    assert call(world, "DescribeOrganization")["Organization"] == made


def test_what_is_asked(world: World) -> None:
    organization = world.store.organization
    assert organization is not None
    ask = world.asks("DescribeAccount", service="organizations", AccountId=OTHER)[0]
    assert ask.resource == f"arn:aws:organizations::{world.account}:account/{organization.id}/{OTHER}"
    assert world.asks("CreateAccount", service="organizations", Email="e", AccountName="n")[0].resource == "*"


def test_what_is_not_there_is_not_found(world: World) -> None:
    with refused("AccountNotFoundException"):
        call(world, "DescribeAccount", AccountId="111122223333")
    with refused("CreateAccountStatusNotFoundException"):
        call(world, "DescribeCreateAccountStatus", CreateAccountRequestId="car-unknown1")
