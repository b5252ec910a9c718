"""IAM groups: make, show, rename, delete. Who is a member is kept with the user (users.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import on_anything, on_group, renaming
from daypass.services.iam.listing import PAGE, listing, of_account
from daypass.services.iam.names import check_name
from daypass.services.iam.show import show_group, show_user
from daypass.store.records import Group
from daypass.values import ids
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output


@operation("iam", asks=on_group("iam:CreateGroup"), writes=True)
def create_group(ctx: Context, *, group_name: str, path: str = "/") -> Output:
    """Make a group without members or policies."""
    check_name(group_name, path)
    _verify_free(ctx, group_name)
    quotas.within("GroupsPerAccount", quotas.GROUPS, len(ctx.store.groups.of(ctx.account)) + 1)
    unique_id = ids.unique_id(ids.GROUP, ctx.random(11))
    group = Group(id=unique_id, account=ctx.account, created=ctx.now, name=group_name, path=path)
    ctx.changes.put(group)
    return {"Group": show_group(group)}


def _verify_free(ctx: Context, name: str, owner: Group | None = None) -> None:
    found = ctx.store.groups.named(ctx.account, name)
    if found is not None and (owner is None or found.id != owner.id):
        raise Refusal("EntityAlreadyExists", f"Group with name {name} already exists.")


@operation("iam", asks=on_group("iam:GetGroup"))
def get_group(ctx: Context, *, group_name: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """Show a group and a page of its members."""
    group = entities.get_group(ctx, group_name)
    members = ctx.store.members(group.id)
    page = listing(ctx, "Users", members, show_user, key=entities.by_name, marker=marker, max_items=max_items, of=group.id)
    return {"Group": show_group(group), **page}


@operation("iam", asks=on_anything("iam:ListGroups"))
def list_groups(ctx: Context, *, path_prefix: str = "/", marker: str | None = None, max_items: int = PAGE) -> Output:
    """The groups under a path."""
    return of_account(ctx, "Groups", ctx.store.groups.of(ctx.account), show_group, path_prefix, marker, max_items)


@operation("iam", asks=renaming("iam:UpdateGroup", "group"), writes=True)
def update_group(ctx: Context, *, group_name: str, new_path: str | None = None, new_group_name: str | None = None) -> None:
    """Give a group another name or path; members and policies stay."""
    group = entities.get_group(ctx, group_name)
    renamed = replace(group, name=new_group_name or group.name, path=new_path or group.path)
    check_name(renamed.name, renamed.path)
    _verify_free(ctx, renamed.name, group)
    ctx.changes.put(renamed)


@operation("iam", asks=on_group("iam:DeleteGroup"), writes=True)
def delete_group(ctx: Context, *, group_name: str) -> None:
    """Delete a group without members and policies."""
    group = entities.get_group(ctx, group_name)
    entities.verify_unused(bool(ctx.store.members(group.id)), "remove users from group")
    entities.verify_without_policies(group)
    ctx.changes.delete(group)
