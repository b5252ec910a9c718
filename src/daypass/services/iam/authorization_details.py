"""GetAccountAuthorizationDetails: every user, group, role and policy of the account with what it grants, page by page. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from daypass.services.iam import entities
from daypass.services.iam.asks import on_anything
from daypass.services.iam.aws_policies import AWS_POLICIES
from daypass.services.iam.listing import PAGE, cut
from daypass.services.iam.show import (
    show_group,
    show_instance_profile_fully,
    show_policy_fully,
    show_role_fully,
    show_user_fully,
    show_version,
)
from daypass.store.records import Group, ManagedPolicy, Record, Role, User
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

Members = dict[str, Any]
Detailed = User | Group | Role | ManagedPolicy

# What a RoleDetail and a UserDetail have of a role and a user, after the IAM model.
_OF_ROLE = ("Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument", "PermissionsBoundary", "Tags")
_OF_USER = ("Path", "UserName", "UserId", "Arn", "CreateDate", "PermissionsBoundary", "Tags")
_LISTS: dict[type[Record], str] = {User: "UserDetailList", Group: "GroupDetailList", Role: "RoleDetailList", ManagedPolicy: "Policies"}


@operation("iam", asks=on_anything("iam:GetAccountAuthorizationDetails"))
def get_account_authorization_details(
    ctx: Context, *, filter: Sequence[str] = (), marker: str | None = None, max_items: int = PAGE
) -> Output:
    """The account's entities of the kinds in `filter` (without it, all kinds); of AWS's policies those that are in use."""
    found = [item for kind, read in _KINDS.items() if not filter or kind in filter for item in read(ctx)]
    order = list(_LISTS)
    page, following = cut(
        ctx,
        "AuthorizationDetails",
        found,
        key=lambda item: f"{order.index(type(item))}{entities.by_name(item)}",
        marker=marker,
        max_items=max_items,
        of=",".join(sorted(set(filter))),
    )
    lists: dict[str, list[Members]] = {name: [] for name in _LISTS.values()}
    for item in page:
        lists[_LISTS[type(item)]].append(_show(ctx, item))
    return lists | following


def _aws_policies(ctx: Context) -> Iterator[ManagedPolicy]:
    store, account = ctx.store, ctx.account
    principals: list[User | Group | Role] = [*store.users.of(account), *store.groups.of(account), *store.roles.of(account)]
    used = {arn for principal in principals for arn in (*principal.policies, principal.boundary)}
    return (policy for arn in sorted(used) if (policy := AWS_POLICIES.get(arn)) is not None)


_KINDS: dict[str, Callable[[Context], Any]] = {
    "User": lambda ctx: ctx.store.users.of(ctx.account),
    "Group": lambda ctx: ctx.store.groups.of(ctx.account),
    "Role": lambda ctx: ctx.store.roles.of(ctx.account),
    "LocalManagedPolicy": lambda ctx: ctx.store.policies.of(ctx.account),
    "AWSManagedPolicy": _aws_policies,
}


def _show(ctx: Context, item: Detailed) -> Members:
    match item:
        case User():
            groups = [group.name for group_id in item.groups if (group := ctx.store.groups.find(group_id))]
            return _some(show_user_fully(item), _OF_USER) | {"GroupList": groups} | _policies(ctx, item, "UserPolicyList")
        case Group():
            return show_group(item) | _policies(ctx, item, "GroupPolicyList")
        case Role():
            profiles = [show_instance_profile_fully(ctx, profile) for profile in ctx.store.profiles_of(item.id)]
            shown = _some(show_role_fully(ctx, item), _OF_ROLE) | {"InstanceProfileList": profiles}
            return shown | _policies(ctx, item, "RolePolicyList")
        case ManagedPolicy():
            shown = show_policy_fully(ctx, item)
            shown.pop("Tags", None)
            versions = [show_version(item, version) | {"Document": version.document} for version in reversed(item.versions)]
            return shown | {"PolicyVersionList": versions}


def _some(members: Members, names: Sequence[str]) -> Members:
    return {name: members[name] for name in names if name in members}


def _policies(ctx: Context, principal: User | Group | Role, inline: str) -> Members:
    attached = [policy for arn in principal.policies if (policy := entities.find_policy(ctx, arn)) is not None]
    return {
        inline: [{"PolicyName": name, "PolicyDocument": text} for name, text in sorted(principal.inline.items())],
        "AttachedManagedPolicies": [{"PolicyName": policy.name, "PolicyArn": policy.arn} for policy in attached],
    }
