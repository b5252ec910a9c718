"""Find what an operation names, in the caller's own organization only, or refuse. Decides nothing and changes nothing.

INVARIANT: an id of another organization is not found, in the same words as one that there is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.store.guards import FULL_ACCESS_IDS
from daypass.store.records import Account, Handshake, Organization, OrganizationalUnit, OrganizationPolicy, Target
from daypass.values.errors import Refusal

if TYPE_CHECKING:
    from daypass.store import Snapshot
    from daypass.way.context import Context

Place = Organization | OrganizationalUnit | Account


def get_organization(ctx: Context) -> Organization:
    """The organization that the caller's account is in."""
    if (organization := ctx.store.tree.organization_of(ctx.account)) is None:
        raise Refusal("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
    return organization


def find_place(store: Snapshot, organization: Organization, id: str) -> Place | None:
    """The root (as the organization), unit or account of this id."""
    path = store.tree.path(id)
    if not path or path[0].id != organization.id:
        return None
    place = path[-1]
    return place if isinstance(place, Organization | OrganizationalUnit | Account) else None


def find_policy(store: Snapshot, organization: Organization, id: str) -> OrganizationPolicy | None:
    """The organization's own policy of this id."""
    found = store.organization_policies.find(id)
    return found if found is not None and found.organization == organization.id else None


def find_handshake(ctx: Context, id: str) -> Handshake | None:
    """The handshake of this id that the caller's account is a party of."""
    found = ctx.store.handshakes.find(id)
    return found if found is not None and ctx.account in (found.account, found.target) else None


def get_account(ctx: Context, organization: Organization, id: str) -> Account:
    """A member account, or the management account."""
    place = find_place(ctx.store, organization, id)
    if not isinstance(place, Account):
        raise Refusal("AccountNotFoundException", "You specified an account that doesn't exist.")
    return place


def get_unit(ctx: Context, organization: Organization, id: str) -> OrganizationalUnit:
    """A unit."""
    place = find_place(ctx.store, organization, id)
    if not isinstance(place, OrganizationalUnit):
        raise Refusal("OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist.")
    return place


def get_parent(
    ctx: Context, organization: Organization, id: str, code: str = "ParentNotFoundException"
) -> Organization | OrganizationalUnit:
    """The root or a unit."""
    place = find_place(ctx.store, organization, id)
    if not isinstance(place, Organization | OrganizationalUnit):
        raise Refusal(code, "You specified a root or organizational unit that doesn't exist.")
    return place


def get_target(ctx: Context, organization: Organization, id: str) -> Place:
    """Whatever a policy can be attached to."""
    if (place := find_place(ctx.store, organization, id)) is None:
        raise Refusal("TargetNotFoundException", "You specified a target that doesn't exist.")
    return place


def get_policy(ctx: Context, organization: Organization, id: str) -> OrganizationPolicy:
    """One of the organization's own policies. Raises InvalidInputException for one of AWS's, which nobody changes."""
    if id in FULL_ACCESS_IDS.values():
        message = "You specified a policy that is managed by AWS and can't be modified."
        raise Refusal("InvalidInputException", message, members={"Reason": "IMMUTABLE_POLICY"})
    if (found := find_policy(ctx.store, organization, id)) is None:
        raise no_policy()
    return found


def no_policy() -> Refusal:
    """The refusal for a policy that there is not."""
    return Refusal("PolicyNotFoundException", "You specified a policy that doesn't exist.")


def id_of(target: Target) -> str:
    """The id under which a place is found: an organization stands for its root."""
    return target.root_id if isinstance(target, Organization) else target.id
