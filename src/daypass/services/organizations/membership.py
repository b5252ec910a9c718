"""Where an account is: moved within its organization, removed from it, leaving it by itself. Whoever goes takes nothing along.

Does not ask for the four days that AWS makes a new account wait, nor for a means of payment: nobody is billed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.organizations import refusals
from daypass.services.organizations.asks import managed, own
from daypass.services.organizations.places import get_account, get_organization, get_parent, id_of
from daypass.store.records import Organization
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context


@operation(
    "organizations",
    asks=managed("organizations:MoveAccount", "account_id", "source_parent_id", "destination_parent_id"),
    writes=True,
)
def move_account(ctx: Context, *, account_id: str, source_parent_id: str, destination_parent_id: str) -> None:
    """Move an account to another parent. The policies on its new way to the root hold at once, those of the old way no more."""
    organization = get_organization(ctx)
    account = get_account(ctx, organization, account_id)
    source = id_of(get_parent(ctx, organization, source_parent_id, "SourceParentNotFoundException"))
    destination = id_of(get_parent(ctx, organization, destination_parent_id, "DestinationParentNotFoundException"))
    if account.parent == destination:
        raise Refusal("DuplicateAccountException", "The account is already present in the specified destination.")
    if account.parent != source:
        raise Refusal("SourceParentNotFoundException", "The account isn't in the specified source.")
    ctx.changes.put(replace(account, parent=destination))


@operation("organizations", asks=managed("organizations:RemoveAccountFromOrganization", "account_id"), writes=True)
def remove_account_from_organization(ctx: Context, *, account_id: str) -> None:
    """Make a member a standalone account."""
    organization = get_organization(ctx)
    _remove(ctx, organization, get_account(ctx, organization, account_id).id)


@operation("organizations", asks=own("organizations:LeaveOrganization"), writes=True)
def leave_organization(ctx: Context) -> None:
    """Leave the organization, as one of its members; a service control policy can forbid it."""
    _remove(ctx, get_organization(ctx), ctx.account)


def _remove(ctx: Context, organization: Organization, account_id: str) -> None:
    account = get_account(ctx, organization, account_id)
    if account.id == organization.account:
        raise Refusal("MasterCannotLeaveOrganizationException", "The management account can't leave its organization.")
    if any(delegate.account == account.id for delegate in organization.delegates):
        message = "Deregister the account as a delegated administrator first."
        raise refusals.violation("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG", message)
    ctx.changes.put(replace(account, parent="", policies=(), full_access=True, tags=(), joined_at=None))
