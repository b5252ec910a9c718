"""The accounts of an organization: made by the management account, entered by a role, closed for good."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from daypass.services.organizations import refusals
from daypass.values.errors import Refusal
from daypass.values.ids import is_account_id
from unit.services.organizations.town import STRANGER, Town, reason
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


@pytest.mark.parametrize("name", ["root", "Root", "rооt", "ｒoot", "a<b", " a", "a ", "a\n", "é", "x" * 51])
def test_a_name_that_misleads_is_refused(world: World, name: str) -> None:
    with refused("InvalidInputException"):
        call(world, "CreateAccount", Email="dev@example.org", AccountName=name)


@pytest.mark.parametrize("name", ["Root", "AWSServiceRoleForX"])
def test_the_role_may_not_have_a_reserved_name(world: World, name: str) -> None:
    with refused("InvalidInputException"):
        call(world, "CreateAccount", Email="dev@example.org", AccountName="dev", RoleName=name)


def test_there_is_a_most_of_accounts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "ACCOUNTS", 3)
    call(world, "CreateAccount", Email="a@example.org", AccountName="a")
    with refused("ConstraintViolationException", "at most 3 accounts"):
        call(world, "CreateAccount", Email="b@example.org", AccountName="b")


def test_an_email_names_one_account(world: World) -> None:
    with refused("ConstraintViolationException"):
        call(world, "CreateAccount", Email="Other@Example.org", AccountName="dev")
    with refused("InvalidInputException"):
        call(world, "CreateAccount", Email="dév@example.org", AccountName="dev")


def test_what_is_asked(world: World) -> None:
    organization = world.organization
    ask = world.asks("DescribeAccount", service="organizations", AccountId=OTHER)[0]
    assert ask.resource == f"arn:aws:organizations::{world.account}:account/{organization.id}/{OTHER}"
    assert world.asks("CreateAccount", service="organizations", Email="e", AccountName="n")[0].resource == "*"


def test_what_is_not_there_is_not_found(world: World) -> None:
    with refused("AccountNotFoundException"):
        call(world, "DescribeAccount", AccountId="111122223333")
    with refused("CreateAccountStatusNotFoundException"):
        call(world, "DescribeCreateAccountStatus", CreateAccountRequestId="car-unknown1")


def test_a_closed_account_is_shown_as_such(town: Town) -> None:
    town.org("CloseAccount", AccountId=OTHER)
    shown = town.org("DescribeAccount", AccountId=OTHER)["Account"]
    assert (shown["Status"], shown["State"]) == ("SUSPENDED", "CLOSED")
    assert town.store.closed_accounts == {OTHER}
    with refused("AccountAlreadyClosedException"):
        town.org("CloseAccount", AccountId=OTHER)
    with refused("AccountNotFoundException"):
        town.org("CloseAccount", AccountId="111122223333")


def test_what_may_not_be_closed(town: Town) -> None:
    with pytest.raises(Refusal) as refusal:
        town.org("CloseAccount", AccountId=town.account)
    assert reason(refusal) == "CANNOT_CLOSE_MANAGEMENT_ACCOUNT"
    town.org("EnableAWSServiceAccess", ServicePrincipal="sso.amazonaws.com")
    town.org("RegisterDelegatedAdministrator", AccountId=OTHER, ServicePrincipal="sso.amazonaws.com")
    with pytest.raises(Refusal) as refusal:
        town.org("CloseAccount", AccountId=OTHER)
    assert reason(refusal) == "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
    assert not town.store.closed_accounts


def test_only_so_many_are_closed_in_a_month(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "CLOSED_PER_30_DAYS", 1)
    made = [town.org("CreateAccount", Email=f"a{n}@example.org", AccountName="a")["CreateAccountStatus"]["AccountId"] for n in range(2)]
    town.org("CloseAccount", AccountId=made[0])
    with pytest.raises(Refusal) as refusal:
        town.org("CloseAccount", AccountId=made[1])
    assert reason(refusal) == "CLOSE_ACCOUNT_QUOTA_EXCEEDED"
    town.now += timedelta(days=30)
    town.org("CloseAccount", AccountId=made[1])
    assert town.store.closed_accounts == set(made)


def test_an_account_is_made_with_tags(town: Town) -> None:
    made = town.org("CreateAccount", Email="t@example.org", AccountName="t", Tags=[{"Key": "team", "Value": "blue"}])
    account = made["CreateAccountStatus"]["AccountId"]
    assert town.org("ListTagsForResource", ResourceId=account)["Tags"] == [{"Key": "team", "Value": "blue"}]
    ask = town.asks("DescribeAccount", by=town.admin(), service="organizations", AccountId=account)[0]
    assert ask.context["aws:resourcetag/team"] == "blue"


def test_requests_and_lists_are_of_the_callers_own_organization(town: Town) -> None:
    town.org("CreateOrganization", by=STRANGER)
    made = town.org("CreateAccount", by=STRANGER, Email="theirs@example.org", AccountName="theirs")["CreateAccountStatus"]
    assert {one["Id"] for one in town.org("ListAccounts", by=STRANGER)["Accounts"]} == {STRANGER, made["AccountId"]}
    assert {one["Id"] for one in town.org("ListAccounts")["Accounts"]} == {town.account, OTHER}
    with refused("CreateAccountStatusNotFoundException"):
        town.org("DescribeCreateAccountStatus", CreateAccountRequestId=made["Id"])
    with refused("AccountNotFoundException"):
        town.org("DescribeAccount", AccountId=made["AccountId"])
    with refused("AccountNotFoundException"):
        town.org("CloseAccount", AccountId=made["AccountId"])
    with refused("ConstraintViolationException"):  # an email names one account of this server
        town.org("CreateAccount", Email="theirs@example.org", AccountName="mine")
