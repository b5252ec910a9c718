"""Central root access: switched by the management account, once trusted access is there."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from daypass.store.records import Account, Delegate
from unit.services.world import OTHER, World, refused

KINDS = ["RootCredentialsManagement", "RootSessions"]


@pytest.fixture
def trusting(world: World) -> World:
    world.call("EnableAWSServiceAccess", service="organizations", ServicePrincipal="iam.amazonaws.com")
    return world


@pytest.mark.parametrize("kind", KINDS)
def test_a_feature_is_switched_on_and_off_as_often_as_one_likes(trusting: World, kind: str) -> None:
    organization = trusting.organization
    assert trusting.call("ListOrganizationsFeatures") == {"OrganizationId": organization.id, "EnabledFeatures": []}
    for _ in range(2):
        assert trusting.call(f"EnableOrganizations{kind}")["EnabledFeatures"] == [kind]
    assert trusting.call("ListOrganizationsFeatures")["EnabledFeatures"] == [kind]
    for _ in range(2):
        assert trusting.call(f"DisableOrganizations{kind}")["EnabledFeatures"] == []


def test_the_two_stand_side_by_side(trusting: World) -> None:
    for kind in reversed(KINDS):
        trusting.call(f"EnableOrganizations{kind}")
    assert trusting.call("ListOrganizationsFeatures")["EnabledFeatures"] == KINDS


def test_trusted_access_comes_first(world: World) -> None:
    for name in ("EnableOrganizationsRootSessions", "ListOrganizationsFeatures"):
        with refused("ServiceAccessNotEnabledException"):
            world.call(name)


def test_a_member_may_not_unless_it_is_a_delegate_and_then_not_enable(trusting: World) -> None:
    member = trusting.root(OTHER)
    for name in ("EnableOrganizationsRootSessions", "DisableOrganizationsRootSessions", "ListOrganizationsFeatures"):
        with refused("AccountNotManagementOrDelegatedAdministratorException"):
            trusting.call(name, by=member)
    organization = trusting.organization
    for service, code in (("sso.amazonaws.com", "AccountNotManagementOrDelegatedAdministratorException"), ("iam.amazonaws.com", "")):
        trusting.commit_record(replace(organization, delegates=(Delegate(account=OTHER, service=service, since=trusting.now),)))
        if code:
            with refused(code):
                trusting.call("ListOrganizationsFeatures", by=member)
    assert trusting.call("ListOrganizationsFeatures", by=member)["EnabledFeatures"] == []
    with refused("CallerIsNotManagementAccountException"):
        trusting.call("EnableOrganizationsRootSessions", by=member)
    trusting.call("EnableOrganizationsRootSessions")
    assert trusting.call("DisableOrganizationsRootSessions", by=member)["EnabledFeatures"] == []


def test_an_account_alone_has_no_organization(trusting: World) -> None:
    lonely = "888888888888"
    trusting.commit_record(Account(id=lonely, account=lonely, created=trusting.now, name="x", email="x@example.org"))
    with refused("OrganizationNotFoundException"):
        trusting.call("ListOrganizationsFeatures", by=trusting.root(lonely))
