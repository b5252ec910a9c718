"""An organization as a whole: made, shown, deleted. All features are on from the beginning, since there is no billing to consolidate.

Does not delete the organization that the first start made: the operator's role is in its management account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.daypass.first_start import letters
from daypass.services.organizations.asks import By, managed, own
from daypass.services.organizations.places import get_organization
from daypass.services.organizations.refusals import handshake_violation, invalid, violation
from daypass.services.organizations.show import PAGE, page, show_organization, show_root
from daypass.store.records import Organization
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output


@operation("organizations", asks=own("organizations:CreateOrganization"), writes=True)
def create_organization(ctx: Context, *, feature_set: str = "ALL") -> Output:
    """Make an organization, managed by the caller's account, which is its first member."""
    if ctx.store.tree.organization_of(ctx.account) is not None:
        raise Refusal("AlreadyInOrganizationException", "The AWS account is already a member of an organization.")
    if feature_set != "ALL":
        raise invalid("INVALID_ENUM", "Only the feature set ALL is offered.")
    account = ctx.store.accounts.find(ctx.account)
    if account is None or account.parent:  # its place cannot be found, so that what guards it cannot be read either
        raise Refusal("AccessDeniedException", "You don't have permissions to access this resource.")
    while ctx.store.tree.find(root_id := f"r-{letters(ctx.random, 4)}") is not None:
        pass
    organization = Organization(id=f"o-{letters(ctx.random, 10)}", account=ctx.account, created=ctx.now, root_id=root_id)
    ctx.changes.put(organization)
    ctx.changes.put(replace(account, parent=root_id, joined="INVITED", joined_at=ctx.now))
    return {"Organization": show_organization(ctx.store, organization)}


@operation("organizations", asks=own("organizations:DescribeOrganization"))
def describe_organization(ctx: Context) -> Output:
    """Show the organization; every account in it may ask."""
    return {"Organization": show_organization(ctx.store, get_organization(ctx))}


@operation("organizations", asks=managed("organizations:DeleteOrganization"), writes=True)
def delete_organization(ctx: Context) -> None:
    """Delete an organization in which nothing is left but its management account."""
    organization = get_organization(ctx)
    if ctx.account == ctx.node.rules.management_account:
        raise violation("ACCOUNT_CANNOT_LEAVE_ORGANIZATION", "The organization that this server began with can't be deleted.")
    left = [place for place in ctx.store.tree.below(organization.root_id) if place.id != ctx.account]
    if left or ctx.store.organization_policies.of(ctx.account):
        message = "The organization isn't empty: remove all accounts, organizational units and policies first."
        raise Refusal("OrganizationNotEmptyException", message)
    ctx.changes.delete(organization)
    for handshake in ctx.store.handshakes.of(ctx.account):
        ctx.changes.delete(handshake)
    if (account := ctx.store.accounts.find(ctx.account)) is not None:
        ctx.changes.put(replace(account, parent="", policies=(), full_access=True, tags=(), joined_at=None))


@operation("organizations", asks=managed("organizations:EnableAllFeatures"), writes=True)
def enable_all_features(ctx: Context) -> Output:
    """Turn on all features: they are on in every organization of this server, so this refuses as AWS does then."""
    get_organization(ctx)
    raise handshake_violation("ORGANIZATION_ALREADY_HAS_ALL_FEATURES", "The organization has already enabled all features.")


@operation("organizations", asks=managed("organizations:ListRoots", by=By.READER))
def list_roots(ctx: Context, *, next_token: str | None = None, max_results: int = PAGE) -> Output:
    """The one root, and the policy types that are enabled in it."""
    return page(ctx, "Roots", [get_organization(ctx)], show_root, next_token, max_results)
