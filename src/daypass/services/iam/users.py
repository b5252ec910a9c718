"""IAM users: make, show, rename, delete, and their membership of groups. Their keys, policies and tags have files of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import on_anything, on_group, on_user, renaming, with_boundary, with_tags
from daypass.services.iam.listing import PAGE, listing, of_account
from daypass.services.iam.names import check_name
from daypass.services.iam.show import show_group, show_user, show_user_fully
from daypass.services.iam.tags import Given, read_tags
from daypass.store.holdings import ServiceCredential, SigningCertificate, SshKey
from daypass.store.records import User
from daypass.values import ids
from daypass.values.arn import root_arn
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output


@operation("iam", asks=on_user("iam:CreateUser", with_boundary, with_tags), writes=True)
def create_user(ctx: Context, *, user_name: str, path: str = "/", permissions_boundary: str | None = None, tags: Given = ()) -> Output:
    """Make a user, who may do nothing yet."""
    check_name(user_name, path)
    _verify_free(ctx, user_name)
    quotas.within("UsersPerAccount", quotas.USERS, len(ctx.store.users.of(ctx.account)) + 1)
    user = User(
        id=ids.unique_id(ids.USER, ctx.random(11)),
        account=ctx.account,
        created=ctx.now,
        name=user_name,
        path=path,
        boundary=entities.get_boundary(ctx, permissions_boundary).arn if permissions_boundary else "",
        tags=read_tags(tags),
    )
    ctx.changes.put(user)
    return {"User": show_user_fully(user)}


def _verify_free(ctx: Context, name: str, owner: User | None = None) -> None:
    found = ctx.store.users.named(ctx.account, name)
    if found is not None and (owner is None or found.id != owner.id):
        raise Refusal("EntityAlreadyExists", f"User with name {name} already exists.")


@operation("iam", asks=on_user("iam:GetUser"))
def get_user(ctx: Context, *, user_name: str | None = None) -> Output:
    """Show a user; without a name the one who is calling, the account's root included."""
    if user_name is None and ctx.caller.kind == "root" and (account := ctx.store.accounts.find(ctx.account)):
        return {"User": {"UserId": account.id, "Arn": root_arn(account.id), "CreateDate": account.created}}
    user = entities.get_user_or_self(ctx, user_name)
    profile = ctx.store.login_profiles.find(user.id)
    signed_in = {"PasswordLastUsed": profile.last_used} if profile and profile.last_used else {}
    return {"User": show_user_fully(user) | signed_in}


@operation("iam", asks=on_anything("iam:ListUsers"))
def list_users(ctx: Context, *, path_prefix: str = "/", marker: str | None = None, max_items: int = PAGE) -> Output:
    """The users under a path."""
    return of_account(ctx, "Users", ctx.store.users.of(ctx.account), show_user, path_prefix, marker, max_items)


@operation("iam", asks=renaming("iam:UpdateUser", "user"), writes=True)
def update_user(ctx: Context, *, user_name: str, new_path: str | None = None, new_user_name: str | None = None) -> None:
    """Give a user another name or path; the unique id stays, and with it everything that is bound to it."""
    user = entities.get_user(ctx, user_name)
    renamed = replace(user, name=new_user_name or user.name, path=new_path or user.path)
    check_name(renamed.name, renamed.path)
    _verify_free(ctx, renamed.name, user)
    ctx.changes.put(renamed)


@operation("iam", asks=on_user("iam:DeleteUser"), writes=True)
def delete_user(ctx: Context, *, user_name: str) -> None:
    """Delete a user that nothing hangs on any more."""
    user = entities.get_user(ctx, user_name)
    entities.verify_unused(ctx.store.login_profiles.find(user.id) is not None, "delete login profile")
    entities.verify_unused(bool(ctx.store.devices_of(user.id)), "deactivate MFA devices")
    entities.verify_unused(bool(ctx.store.keys_of(user.id)), "delete access keys")
    entities.verify_unused(bool(ctx.store.owned(SshKey, user.id)), "delete SSH public keys")
    entities.verify_unused(bool(ctx.store.owned(SigningCertificate, user.id)), "delete signing certificates")
    entities.verify_unused(bool(ctx.store.owned(ServiceCredential, user.id)), "delete service-specific credentials")
    entities.verify_unused(bool(user.groups), "remove users from group")
    entities.verify_without_policies(user)
    ctx.changes.delete(user)


@operation("iam", asks=on_group("iam:AddUserToGroup"), writes=True)
def add_user_to_group(ctx: Context, *, group_name: str, user_name: str) -> None:
    """Make a user a member of a group; a second time is no error."""
    group, user = entities.get_group(ctx, group_name), entities.get_user(ctx, user_name)
    if group.id not in user.groups:
        quotas.within("GroupsPerUser", quotas.GROUPS_PER_USER, len(user.groups) + 1)
        ctx.changes.put(replace(user, groups=(*user.groups, group.id)))


@operation("iam", asks=on_group("iam:RemoveUserFromGroup"), writes=True)
def remove_user_from_group(ctx: Context, *, group_name: str, user_name: str) -> None:
    """End a membership."""
    group, user = entities.get_group(ctx, group_name), entities.get_user(ctx, user_name)
    if group.id not in user.groups:
        raise entities.no_such(f"User {user.name} is not a member of group {group.name}.")
    ctx.changes.put(replace(user, groups=tuple(member for member in user.groups if member != group.id)))


@operation("iam", asks=on_user("iam:ListGroupsForUser"))
def list_groups_for_user(ctx: Context, *, user_name: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The groups that a user is a member of."""
    user = entities.get_user(ctx, user_name)
    groups = [group for group_id in user.groups if (group := ctx.store.groups.find(group_id))]
    return listing(ctx, "Groups", groups, show_group, key=entities.by_name, marker=marker, max_items=max_items, of=user.id)
