"""Inline policies of users, groups and roles: one mechanism, offered for each of the three."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import bounded, on_group, on_role, on_user
from daypass.services.iam.documents import read_document, weight
from daypass.services.iam.listing import PAGE, listing
from daypass.services.iam.names import check_name
from daypass.store.records import Group, Role, User
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

Holder = TypeVar("Holder", User, Group, Role)


def _kind(holder: User | Group | Role) -> str:
    return type(holder).__name__.lower()


def _find_name(holder: User | Group | Role, name: str) -> str | None:
    """The name of the holder's policy that `name` means, ignoring case."""
    return next((own for own in holder.inline if fold(own) == fold(name)), None)


def _get_name(holder: User | Group | Role, name: str) -> str:
    if (own := _find_name(holder, name)) is None:
        raise entities.no_such(f"The {_kind(holder)} policy with name {name} cannot be found.")
    return own


def _put(ctx: Context, holder: Holder, name: str, document: str) -> None:
    """Put a policy under `name`, in place of one that has this name. All of a holder's inline policies share one size limit."""
    check_name(name)
    inline = {own: text for own, text in holder.inline.items() if own != _find_name(holder, name)} | {name: document}
    limit = quotas.INLINE_SIZES[_kind(holder)]
    if sum(weight(text) for text in inline.values()) > limit:
        raise Refusal("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {_kind(holder)} {holder.name}")
    read_document(ctx, document, "identity")
    ctx.changes.put(replace(holder, inline=inline))


def _get(holder: User | Group | Role, name: str) -> Output:
    own, kind = _get_name(holder, name), type(holder).__name__
    return {f"{kind}Name": holder.name, "PolicyName": own, "PolicyDocument": holder.inline[own]}


def _delete(ctx: Context, holder: Holder, name: str) -> None:
    gone = _get_name(holder, name)
    ctx.changes.put(replace(holder, inline={own: text for own, text in holder.inline.items() if own != gone}))


def _list(ctx: Context, holder: User | Group | Role, marker: str | None, max_items: int) -> Output:
    return listing(ctx, "PolicyNames", holder.inline, str, key=fold, marker=marker, max_items=max_items, of=holder.id)


@operation("iam", asks=on_user("iam:PutUserPolicy", bounded), writes=True)
def put_user_policy(ctx: Context, *, user_name: str, policy_name: str, policy_document: str) -> None:
    """Put an inline policy into a user."""
    _put(ctx, entities.get_user(ctx, user_name), policy_name, policy_document)


@operation("iam", asks=on_group("iam:PutGroupPolicy"), writes=True)
def put_group_policy(ctx: Context, *, group_name: str, policy_name: str, policy_document: str) -> None:
    """Put an inline policy into a group."""
    _put(ctx, entities.get_group(ctx, group_name), policy_name, policy_document)


@operation("iam", asks=on_role("iam:PutRolePolicy", bounded), writes=True)
def put_role_policy(ctx: Context, *, role_name: str, policy_name: str, policy_document: str) -> None:
    """Put an inline policy into a role."""
    _put(ctx, entities.get_role_to_change(ctx, role_name), policy_name, policy_document)


@operation("iam", asks=on_user("iam:GetUserPolicy"))
def get_user_policy(ctx: Context, *, user_name: str, policy_name: str) -> Output:
    """Show an inline policy of a user."""
    return _get(entities.get_user(ctx, user_name), policy_name)


@operation("iam", asks=on_group("iam:GetGroupPolicy"))
def get_group_policy(ctx: Context, *, group_name: str, policy_name: str) -> Output:
    """Show an inline policy of a group."""
    return _get(entities.get_group(ctx, group_name), policy_name)


@operation("iam", asks=on_role("iam:GetRolePolicy"))
def get_role_policy(ctx: Context, *, role_name: str, policy_name: str) -> Output:
    """Show an inline policy of a role."""
    return _get(entities.get_role(ctx, role_name), policy_name)


@operation("iam", asks=on_user("iam:DeleteUserPolicy", bounded), writes=True)
def delete_user_policy(ctx: Context, *, user_name: str, policy_name: str) -> None:
    """Delete an inline policy of a user."""
    _delete(ctx, entities.get_user(ctx, user_name), policy_name)


@operation("iam", asks=on_group("iam:DeleteGroupPolicy"), writes=True)
def delete_group_policy(ctx: Context, *, group_name: str, policy_name: str) -> None:
    """Delete an inline policy of a group."""
    _delete(ctx, entities.get_group(ctx, group_name), policy_name)


@operation("iam", asks=on_role("iam:DeleteRolePolicy", bounded), writes=True)
def delete_role_policy(ctx: Context, *, role_name: str, policy_name: str) -> None:
    """Delete an inline policy of a role."""
    _delete(ctx, entities.get_role_to_change(ctx, role_name), policy_name)


@operation("iam", asks=on_user("iam:ListUserPolicies"))
def list_user_policies(ctx: Context, *, user_name: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The names of a user's inline policies."""
    return _list(ctx, entities.get_user(ctx, user_name), marker, max_items)


@operation("iam", asks=on_group("iam:ListGroupPolicies"))
def list_group_policies(ctx: Context, *, group_name: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The names of a group's inline policies."""
    return _list(ctx, entities.get_group(ctx, group_name), marker, max_items)


@operation("iam", asks=on_role("iam:ListRolePolicies"))
def list_role_policies(ctx: Context, *, role_name: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The names of a role's inline policies."""
    return _list(ctx, entities.get_role(ctx, role_name), marker, max_items)
