"""What the answers of Organizations are made of: ARNs, and records as members by AWS's names. Reads the state and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from daypass.services import pages
from daypass.services.organizations.refusals import invalid
from daypass.store.guards import FULL_ACCESS_ARNS, FULL_ACCESS_IDS
from daypass.store.records import (
    Account,
    Handshake,
    Organization,
    OrganizationalUnit,
    OrganizationPolicy,
    OrganizationPolicyType,
    Target,
)
from daypass.values.arn import organizations_arn

if TYPE_CHECKING:
    from daypass.store import Snapshot
    from daypass.way.context import Context
    from daypass.way.operation import Output

Members = dict[str, Any]
T = TypeVar("T")

PAGE = 20  # Organizations model, `MaxResults`
AVAILABLE: tuple[OrganizationPolicyType, ...] = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")


def account_arn(organization: Organization, account_id: str) -> str:
    """The ARN of an account as a part of the organization."""
    return organizations_arn(organization.account, f"account/{organization.id}/{account_id}")


def show_organization(store: Snapshot, organization: Organization) -> Members:
    """An Organization."""
    manager = store.accounts.find(organization.account)
    return {
        "Id": organization.id,
        "Arn": organization.arn,
        "FeatureSet": "ALL",
        "MasterAccountArn": account_arn(organization, organization.account),
        "MasterAccountId": organization.account,
        "MasterAccountEmail": manager.email if manager else None,
        "AvailablePolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],
    }


def show_root(organization: Organization) -> Members:
    """A Root."""
    types = [{"Type": kind, "Status": "ENABLED"} for kind in organization.policy_types]
    return {"Id": organization.root_id, "Arn": organization.root_arn, "Name": "Root", "PolicyTypes": types}


def _path(store: Snapshot, place: Account | OrganizationalUnit) -> str:
    steps = store.tree.path(place.id) or ()
    return "".join(f"{step.id}/{step.root_id}/" if isinstance(step, Organization) else f"{step.id}/" for step in steps)


def show_account(store: Snapshot, organization: Organization, account: Account) -> Members:
    """An Account."""
    return {
        "Id": account.id,
        "Arn": account_arn(organization, account.id),
        "Email": account.email,
        "Name": account.name,
        "Status": account.status,
        "State": "CLOSED" if account.closed else account.status,
        "Paths": [_path(store, account)],
        "JoinedMethod": account.joined,
        "JoinedTimestamp": account.joined_at or account.created,
    }


def show_unit(store: Snapshot, unit: OrganizationalUnit) -> Members:
    """An OrganizationalUnit."""
    return {"Id": unit.id, "Arn": unit.arn, "Name": unit.title, "Path": _path(store, unit)}


def show_policy(policy: OrganizationPolicy) -> Members:
    """A PolicySummary of one of the organization's own."""
    return {
        "Id": policy.id,
        "Arn": policy.arn,
        "Name": policy.title,
        "Description": policy.description,
        "Type": policy.kind,
        "AwsManaged": False,
    }


def show_full_access(kind: OrganizationPolicyType) -> Members:
    """The PolicySummary of AWS's own policy of a type."""
    return {
        "Id": FULL_ACCESS_IDS[kind],
        "Arn": FULL_ACCESS_ARNS[kind],
        "Name": FULL_ACCESS_IDS[kind].removeprefix("p-"),
        "Description": "Allows access to every operation" if kind == "SERVICE_CONTROL_POLICY" else "Allows access to every resource",
        "Type": kind,
        "AwsManaged": True,
    }


def show_target(organization: Organization, target: Target) -> Members:
    """A PolicyTargetSummary."""
    match target:
        case OrganizationalUnit():
            return {"TargetId": target.id, "Arn": target.arn, "Name": target.title, "Type": "ORGANIZATIONAL_UNIT"}
        case Account():
            return {"TargetId": target.id, "Arn": account_arn(organization, target.id), "Name": target.name, "Type": "ACCOUNT"}
        case _:
            return {"TargetId": organization.root_id, "Arn": organization.root_arn, "Name": "Root", "Type": "ROOT"}


def show_handshake(ctx: Context, handshake: Handshake) -> Members:
    """A Handshake."""
    manager = ctx.store.accounts.find(handshake.account)
    target = ctx.store.accounts.find(handshake.target)
    email = target.email if target else ""
    whom = ("EMAIL", email) if handshake.by_email else ("ACCOUNT", handshake.target)
    inside = [{"Type": "MASTER_EMAIL", "Value": manager.email}, {"Type": "MASTER_NAME", "Value": manager.name}] if manager else []
    inside.append({"Type": "ORGANIZATION_FEATURE_SET", "Value": "ALL"})
    resources: list[Members] = [
        {"Type": "ORGANIZATION", "Value": handshake.organization, "Resources": inside},
        {"Type": whom[0], "Value": whom[1]},
    ]
    if handshake.notes:
        resources.append({"Type": "NOTES", "Value": handshake.notes})
    return {
        "Id": handshake.id,
        "Arn": handshake.arn,
        "Parties": [
            {"Id": handshake.organization.removeprefix("o-"), "Type": "ORGANIZATION"},
            {"Id": whom[1], "Type": whom[0]},
        ],
        "State": state_of(ctx, handshake),
        "RequestedTimestamp": handshake.created,
        "ExpirationTimestamp": handshake.until,
        "Action": "INVITE",
        "Resources": resources,
    }


def state_of(ctx: Context, handshake: Handshake) -> str:
    """The state of a handshake now: an open one is over when its time is."""
    return "EXPIRED" if handshake.state == "OPEN" and ctx.now >= handshake.until else handshake.state


def page(
    ctx: Context,
    member: str,
    items: Iterable[T],
    show: Callable[[T], Members],
    token: str | None,
    limit: int = PAGE,
    *,
    of: str = "",
    key: Callable[[T], str] = attrgetter("id"),
) -> Output:
    """One page of `items`, in the order of `key`, as `show` shows them; `of` names what the listing is about."""
    refusal = invalid("INVALID_NEXT_TOKEN", "You specified an invalid next token.")
    scope = f"{ctx.account}/organizations/{member}/{of}"
    cut, following = pages.cut(items, key=key, scope=scope, marker=token, limit=limit, refusal=refusal)
    return {member: [show(item) for item in cut]} | ({"NextToken": following} if following else {})
