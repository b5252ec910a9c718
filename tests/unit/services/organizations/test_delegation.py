"""Services with trusted access, and the members that administer them: they may look at everything and change nothing."""

from __future__ import annotations

import pytest

from daypass.services.organizations import refusals
from daypass.values.errors import Refusal
from unit.services.organizations.test_organization import MANAGED
from unit.services.organizations.town import DENY_IAM, STRANGER, Town, reason
from unit.services.world import OTHER, refused

SERVICE = "guardduty.amazonaws.com"


def register(town: Town, account: str = OTHER, service: str = SERVICE) -> None:
    """Make an account the administrator of a service."""
    town.org("EnableAWSServiceAccess", ServicePrincipal=service)
    town.org("RegisterDelegatedAdministrator", AccountId=account, ServicePrincipal=service)


def test_services_get_and_lose_access(town: Town) -> None:
    for service in (SERVICE, "sso.amazonaws.com", SERVICE):
        town.org("EnableAWSServiceAccess", ServicePrincipal=service)
    listed = town.org("ListAWSServiceAccessForOrganization")["EnabledServicePrincipals"]
    assert [one["ServicePrincipal"] for one in listed] == [SERVICE, "sso.amazonaws.com"]
    town.org("DisableAWSServiceAccess", ServicePrincipal=SERVICE)
    town.org("DisableAWSServiceAccess", ServicePrincipal=SERVICE)
    assert len(town.org("ListAWSServiceAccessForOrganization")["EnabledServicePrincipals"]) == 1


@pytest.mark.parametrize(
    "service", ["", "guardduty", "amazonaws.com", "x.amazonaws.com.evil.example", "X.amazonaws.com", "a..amazonaws.com"]
)
def test_what_is_no_service_is_refused(town: Town, service: str) -> None:
    for name in ("EnableAWSServiceAccess", "DisableAWSServiceAccess"):
        with pytest.raises(Refusal) as refusal:
            town.org(name, ServicePrincipal=service)
        assert reason(refusal) == "UNRECOGNIZED_SERVICE_PRINCIPAL"


def test_an_administrator_is_registered_shown_and_deregistered(town: Town) -> None:
    register(town)
    register(town, service="sso.amazonaws.com")
    (shown,) = town.org("ListDelegatedAdministrators")["DelegatedAdministrators"]
    assert (shown["Id"], shown["Name"]) == (OTHER, "other") and "DelegationEnabledDate" in shown
    assert town.org("ListDelegatedAdministrators", ServicePrincipal="s3.amazonaws.com")["DelegatedAdministrators"] == []
    services = town.org("ListDelegatedServicesForAccount", AccountId=OTHER)["DelegatedServices"]
    assert [one["ServicePrincipal"] for one in services] == [SERVICE, "sso.amazonaws.com"]
    with refused("AccountAlreadyRegisteredException"):
        register(town)
    town.org("DeregisterDelegatedAdministrator", AccountId=OTHER, ServicePrincipal=SERVICE)
    with refused("AccountNotRegisteredException"):
        town.org("DeregisterDelegatedAdministrator", AccountId=OTHER, ServicePrincipal=SERVICE)
    town.org("DisableAWSServiceAccess", ServicePrincipal="sso.amazonaws.com")
    assert town.org("ListDelegatedAdministrators")["DelegatedAdministrators"] == []
    with refused("AccountNotRegisteredException"):
        town.org("ListDelegatedServicesForAccount", AccountId=OTHER)


def test_who_may_not_be_registered(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def why(account: str, service: str = SERVICE) -> str:
        with pytest.raises(Refusal) as refusal:
            town.org("RegisterDelegatedAdministrator", AccountId=account, ServicePrincipal=service)
        return reason(refusal) if "Reason" in refusal.value.members else refusal.value.code

    assert why(OTHER) == "SERVICE_ACCESS_NOT_ENABLED"
    town.org("EnableAWSServiceAccess", ServicePrincipal=SERVICE)
    assert why(town.account) == "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR"
    assert why(STRANGER) == "AccountNotFoundException"
    assert why(OTHER, "evil") == "UNRECOGNIZED_SERVICE_PRINCIPAL"
    monkeypatch.setattr(refusals, "DELEGATES_PER_SERVICE", 0)
    assert why(OTHER) == "MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED"
    town.org("CloseAccount", AccountId=OTHER)
    assert why(OTHER) == "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR"


@pytest.mark.parametrize("name", sorted(MANAGED))
def test_an_administrator_may_look_and_not_change(town: Town, name: str) -> None:
    """Refused by the operation itself is let in as well: what matters is that policy allowed it."""
    register(town)
    code = ""
    try:
        town.org(name, by=OTHER, **MANAGED[name])
    except Refusal as refusal:
        code = refusal.code
    assert (code == "AccessDeniedException") is not name.startswith(("Describe", "List"))
    town.org("DeregisterDelegatedAdministrator", AccountId=OTHER, ServicePrincipal=SERVICE)
    with refused("AccessDeniedException"):
        town.org(name, by=OTHER, **MANAGED[name])


def test_an_administrator_is_guarded_like_every_member(town: Town) -> None:
    register(town)
    town.enable()
    town.attach(town.policy(DENY_IAM.replace("iam:*", "organizations:List*")), OTHER)
    with refused("AccessDeniedException"):
        town.org("ListAccounts", by=OTHER)
    assert town.org("DescribeAccount", by=OTHER, AccountId=town.account)["Account"]["Id"] == town.account
