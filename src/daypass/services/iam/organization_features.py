"""Central root access: whether the organization manages the root credentials of its members and may enter them as root (sts:AssumeRoot).

Switches only; AssumeRoot reads them. The management account turns them on, it or a delegated administrator off.
Source: IAM API Reference, EnableOrganizationsRootSessions and its siblings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.iam.asks import on_anything
from daypass.store.records import Delegate, Organization
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.store.records import OrganizationFeature
    from daypass.way.context import Context
    from daypass.way.operation import Output

IAM = "iam.amazonaws.com"  # IAM's service principal, for trusted access and delegates


def get_organization(ctx: Context) -> Organization:
    """The organization that the caller's account manages, or administers for IAM. Raises the refusals of the model."""
    for organization in ctx.store.organizations:
        if ctx.account == organization.account or any(_is_delegate(ctx, delegate) for delegate in organization.delegates):
            if not any(access.service == IAM for access in organization.services):
                text = f"Trusted access for {IAM} is not enabled: organizations enable-aws-service-access comes first."
                raise Refusal("ServiceAccessNotEnabledException", text)
            return organization
    account = ctx.store.accounts.find(ctx.account)
    if account is None or not account.parent:
        raise Refusal("OrganizationNotFoundException", "Your account is not a member of an organization.")
    text = "Only the management account or a delegated administrator for IAM may call this."
    raise Refusal("AccountNotManagementOrDelegatedAdministratorException", text)


def _is_delegate(ctx: Context, delegate: Delegate) -> bool:
    return (delegate.account, delegate.service) == (ctx.account, IAM)


def _show(organization: Organization) -> Output:
    return {"OrganizationId": organization.id, "EnabledFeatures": list(organization.features)}


def _switch(ctx: Context, feature: OrganizationFeature, on: bool) -> Output:
    """Turn `feature`; a second time is no error."""
    organization = get_organization(ctx)
    if on and ctx.account != organization.account:
        raise Refusal("CallerIsNotManagementAccountException", "Only the management account may enable this.")
    others = [held for held in organization.features if held != feature]
    changed = replace(organization, features=tuple(sorted([*others, feature] if on else others)))
    ctx.changes.put(changed)
    return _show(changed)


@operation("iam", asks=on_anything("iam:ListOrganizationsFeatures"))
def list_organizations_features(ctx: Context) -> Output:
    """The features that are on."""
    return _show(get_organization(ctx))


@operation("iam", asks=on_anything("iam:EnableOrganizationsRootCredentialsManagement"), writes=True)
def enable_organizations_root_credentials_management(ctx: Context) -> Output:
    """Let the management account manage its members' root credentials."""
    return _switch(ctx, "RootCredentialsManagement", True)


@operation("iam", asks=on_anything("iam:DisableOrganizationsRootCredentialsManagement"), writes=True)
def disable_organizations_root_credentials_management(ctx: Context) -> Output:
    """Undo it."""
    return _switch(ctx, "RootCredentialsManagement", False)


@operation("iam", asks=on_anything("iam:EnableOrganizationsRootSessions"), writes=True)
def enable_organizations_root_sessions(ctx: Context) -> Output:
    """Let the management account enter its members as root, for a task."""
    return _switch(ctx, "RootSessions", True)


@operation("iam", asks=on_anything("iam:DisableOrganizationsRootSessions"), writes=True)
def disable_organizations_root_sessions(ctx: Context) -> Output:
    """Undo it."""
    return _switch(ctx, "RootSessions", False)
