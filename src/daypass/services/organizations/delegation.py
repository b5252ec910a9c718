"""Services that may act in the organization, and the member accounts that administer one for it and may therefore look at all of it.

Trusted access is a note here: no service of this server acts on its own in other accounts. A delegated administrator may read, no more.
Source: AWS Organizations API Reference, RegisterDelegatedAdministrator, EnableAWSServiceAccess.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.organizations import refusals
from daypass.services.organizations.asks import By, managed
from daypass.services.organizations.places import get_account, get_organization
from daypass.services.organizations.show import PAGE, Members, page, show_account
from daypass.store.records import Delegate, Organization, ServiceAccess
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

_SERVICE = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*\.amazonaws\.com", re.ASCII)


def _check_service(service: str) -> None:
    if _SERVICE.fullmatch(service) is None:
        raise refusals.invalid("UNRECOGNIZED_SERVICE_PRINCIPAL", "You specified a service principal that isn't recognized.")


def _is_enabled(organization: Organization, service: str) -> bool:
    return any(one.service == service for one in organization.services)


@operation("organizations", asks=managed("organizations:EnableAWSServiceAccess"), writes=True)
def enable_aws_service_access(ctx: Context, *, service_principal: str) -> None:
    """Note that a service is trusted; a second time changes nothing."""
    organization = get_organization(ctx)
    _check_service(service_principal)
    if _is_enabled(organization, service_principal):
        return
    if len(organization.services) >= refusals.SERVICES:
        raise Refusal("ConstraintViolationException", f"At most {refusals.SERVICES} services have access.")
    ctx.changes.put(replace(organization, services=(*organization.services, ServiceAccess(service=service_principal, since=ctx.now))))


@operation("organizations", asks=managed("organizations:DisableAWSServiceAccess"), writes=True)
def disable_aws_service_access(ctx: Context, *, service_principal: str) -> None:
    """Trust a service no more; its delegated administrators are none any longer."""
    organization = get_organization(ctx)
    _check_service(service_principal)
    services = tuple(one for one in organization.services if one.service != service_principal)
    delegates = tuple(one for one in organization.delegates if one.service != service_principal)
    if services != organization.services:
        ctx.changes.put(replace(organization, services=services, delegates=delegates))


@operation("organizations", asks=managed("organizations:ListAWSServiceAccessForOrganization", by=By.READER))
def list_aws_service_access_for_organization(ctx: Context, *, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """The services that are trusted."""
    services = get_organization(ctx).services
    show = _dated("DateEnabled")
    return page(ctx, "EnabledServicePrincipals", services, show, next_token, max_results, key=attrgetter("service"))


def _dated(name: str) -> Callable[[ServiceAccess | Delegate], Members]:
    """Shows a service and since when, under `name`."""
    return lambda one: {"ServicePrincipal": one.service, name: one.since}


@operation("organizations", asks=managed("organizations:RegisterDelegatedAdministrator", "account_id"), writes=True)
def register_delegated_administrator(ctx: Context, *, account_id: str, service_principal: str) -> None:
    """Make a member account the administrator of a service that is trusted."""
    organization = get_organization(ctx)
    _check_service(service_principal)
    account = get_account(ctx, organization, account_id)
    if account.id == organization.account:
        message = "You can designate only a member account as a delegated administrator."
        raise refusals.violation("CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", message)
    if account.closed is not None:
        message = "You can't register a suspended account as a delegated administrator."
        raise refusals.violation("CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR", message)
    if not _is_enabled(organization, service_principal):
        raise refusals.violation("SERVICE_ACCESS_NOT_ENABLED", "Call EnableAWSServiceAccess for the service first.")
    registered = [one for one in organization.delegates if one.service == service_principal]
    if any(one.account == account.id for one in registered):
        message = "The specified account is already a delegated administrator for this AWS service."
        raise Refusal("AccountAlreadyRegisteredException", message)
    if len(registered) >= refusals.DELEGATES_PER_SERVICE:
        message = f"A service has at most {refusals.DELEGATES_PER_SERVICE} delegated administrators."
        raise refusals.violation("MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED", message)
    delegate = Delegate(account=account.id, service=service_principal, since=ctx.now)
    ctx.changes.put(replace(organization, delegates=(*organization.delegates, delegate)))


@operation("organizations", asks=managed("organizations:DeregisterDelegatedAdministrator", "account_id"), writes=True)
def deregister_delegated_administrator(ctx: Context, *, account_id: str, service_principal: str) -> None:
    """End an administration; from now on the account may look at nothing by it."""
    organization = get_organization(ctx)
    account = get_account(ctx, organization, account_id)
    rest = tuple(one for one in organization.delegates if (one.account, one.service) != (account.id, service_principal))
    if rest == organization.delegates:
        raise _not_registered()
    ctx.changes.put(replace(organization, delegates=rest))


def _not_registered() -> Refusal:
    return Refusal("AccountNotRegisteredException", "The specified account isn't a delegated administrator for this AWS service.")


@operation("organizations", asks=managed("organizations:ListDelegatedAdministrators", by=By.READER))
def list_delegated_administrators(
    ctx: Context, *, service_principal: str | None = None, next_token: str | None = None, max_results: int = PAGE
) -> Output:
    """The accounts that administer a service, or any."""
    organization = get_organization(ctx)
    since: dict[str, Delegate] = {}
    for delegate in organization.delegates:
        if service_principal in (None, delegate.service):
            since.setdefault(delegate.account, delegate)

    def show(delegate: Delegate) -> Members:
        account = show_account(ctx.store, organization, get_account(ctx, organization, delegate.account))
        account.pop("Paths")  # the one member that a DelegatedAdministrator lacks
        return account | {"DelegationEnabledDate": delegate.since}

    of, key = service_principal or "", attrgetter("account")
    return page(ctx, "DelegatedAdministrators", since.values(), show, next_token, max_results, of=of, key=key)


@operation("organizations", asks=managed("organizations:ListDelegatedServicesForAccount", "account_id", by=By.READER))
def list_delegated_services_for_account(ctx: Context, *, account_id: str, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """The services that an account administers."""
    organization = get_organization(ctx)
    account = get_account(ctx, organization, account_id)
    delegates = [one for one in organization.delegates if one.account == account.id]
    if not delegates:
        raise _not_registered()
    show, key = _dated("DelegationEnabledDate"), attrgetter("service")
    return page(ctx, "DelegatedServices", delegates, show, next_token, max_results, of=account_id, key=key)
