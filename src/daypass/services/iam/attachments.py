"""Managed policies attached to users, groups and roles: one mechanism, offered for each of the three."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import bounded, on_group, on_policy, on_role, on_user, with_policy
from daypass.services.iam.aws_policies import AWS
from daypass.services.iam.listing import PAGE, cut, listing, under
from daypass.services.iam.names import LINKED_PATH
from daypass.store.records import Group, ManagedPolicy, Role, User
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

Holder = TypeVar("Holder", User, Group, Role)

QUOTAS = {User: "PoliciesPerUser", Group: "PoliciesPerGroup", Role: "PoliciesPerRole"}


def _attach(ctx: Context, holder: Holder, arn: str) -> None:
    """Attach a policy; a second time is no error."""
    policy = entities.get_attachable_policy(ctx, arn)
    if policy.account == AWS and policy.path.startswith(LINKED_PATH):
        raise Refusal("PolicyNotAttachable", f"Cannot attach a Service Role Policy to a Customer {type(holder).__name__}.")
    if policy.arn not in holder.policies:
        quotas.within(QUOTAS[type(holder)], quotas.ATTACHED_PER_PRINCIPAL, len(holder.policies) + 1)
        ctx.changes.put(replace(holder, policies=(*holder.policies, policy.arn)))


def _detach(ctx: Context, holder: Holder, arn: str) -> None:
    entities.check_iam_arn(arn, "policy")
    if arn not in holder.policies:
        raise entities.no_such(f"Policy {arn} was not found.")
    ctx.changes.put(replace(holder, policies=tuple(attached for attached in holder.policies if attached != arn)))


def _list(ctx: Context, holder: User | Group | Role, path_prefix: str, marker: str | None, max_items: int) -> Output:
    policies = [policy for arn in holder.policies if (policy := entities.find_policy(ctx, arn))]
    return listing(
        ctx,
        "AttachedPolicies",
        under(path_prefix, policies),
        _show,
        key=entities.by_name,
        marker=marker,
        max_items=max_items,
        of=holder.id,
    )


def _show(policy: ManagedPolicy) -> dict[str, Any]:
    return {"PolicyName": policy.name, "PolicyArn": policy.arn}


@operation("iam", asks=on_user("iam:AttachUserPolicy", with_policy, bounded), writes=True)
def attach_user_policy(ctx: Context, *, user_name: str, policy_arn: str) -> None:
    """Attach a managed policy to a user."""
    _attach(ctx, entities.get_user(ctx, user_name), policy_arn)


@operation("iam", asks=on_group("iam:AttachGroupPolicy", with_policy), writes=True)
def attach_group_policy(ctx: Context, *, group_name: str, policy_arn: str) -> None:
    """Attach a managed policy to a group."""
    _attach(ctx, entities.get_group(ctx, group_name), policy_arn)


@operation("iam", asks=on_role("iam:AttachRolePolicy", with_policy, bounded), writes=True)
def attach_role_policy(ctx: Context, *, role_name: str, policy_arn: str) -> None:
    """Attach a managed policy to a role."""
    _attach(ctx, entities.get_role_to_change(ctx, role_name), policy_arn)


@operation("iam", asks=on_user("iam:DetachUserPolicy", with_policy, bounded), writes=True)
def detach_user_policy(ctx: Context, *, user_name: str, policy_arn: str) -> None:
    """Detach a managed policy from a user."""
    _detach(ctx, entities.get_user(ctx, user_name), policy_arn)


@operation("iam", asks=on_group("iam:DetachGroupPolicy", with_policy), writes=True)
def detach_group_policy(ctx: Context, *, group_name: str, policy_arn: str) -> None:
    """Detach a managed policy from a group."""
    _detach(ctx, entities.get_group(ctx, group_name), policy_arn)


@operation("iam", asks=on_role("iam:DetachRolePolicy", with_policy, bounded), writes=True)
def detach_role_policy(ctx: Context, *, role_name: str, policy_arn: str) -> None:
    """Detach a managed policy from a role."""
    _detach(ctx, entities.get_role_to_change(ctx, role_name), policy_arn)


@operation("iam", asks=on_user("iam:ListAttachedUserPolicies"))
def list_attached_user_policies(
    ctx: Context, *, user_name: str, path_prefix: str = "/", marker: str | None = None, max_items: int = PAGE
) -> Output:
    """The managed policies attached to a user."""
    return _list(ctx, entities.get_user(ctx, user_name), path_prefix, marker, max_items)


@operation("iam", asks=on_group("iam:ListAttachedGroupPolicies"))
def list_attached_group_policies(
    ctx: Context, *, group_name: str, path_prefix: str = "/", marker: str | None = None, max_items: int = PAGE
) -> Output:
    """The managed policies attached to a group."""
    return _list(ctx, entities.get_group(ctx, group_name), path_prefix, marker, max_items)


@operation("iam", asks=on_role("iam:ListAttachedRolePolicies"))
def list_attached_role_policies(
    ctx: Context, *, role_name: str, path_prefix: str = "/", marker: str | None = None, max_items: int = PAGE
) -> Output:
    """The managed policies attached to a role."""
    return _list(ctx, entities.get_role(ctx, role_name), path_prefix, marker, max_items)


@operation("iam", asks=on_policy("iam:ListEntitiesForPolicy"))
def list_entities_for_policy(
    ctx: Context,
    *,
    policy_arn: str,
    entity_filter: str | None = None,
    path_prefix: str = "/",
    policy_usage_filter: str | None = None,
    marker: str | None = None,
    max_items: int = PAGE,
) -> Output:
    """Whom a policy is attached to, and whose boundary it is, in the caller's account; `path_prefix` is that of the entities."""
    policy = entities.get_policy(ctx, policy_arn)
    attached = [] if policy_usage_filter == "PermissionsBoundary" else entities.attached_to(ctx, policy)
    bounded_by = [] if policy_usage_filter == "PermissionsPolicy" else entities.bounding(ctx, policy)
    holders = under(path_prefix, list({holder.id: holder for holder in (*attached, *bounded_by)}.values()))
    chosen = [holder for holder in holders if entity_filter in (None, type(holder).__name__)]
    page, following = cut(ctx, "Entities", chosen, key=lambda holder: holder.id, marker=marker, max_items=max_items, of=policy.id)
    kinds: dict[str, list[dict[str, str]]] = {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": []}
    for holder in page:
        kind = type(holder).__name__
        kinds[f"Policy{kind}s"].append({f"{kind}Name": holder.name, f"{kind}Id": holder.id})
    return {**kinds, **following}
