"""IAM roles: make, show, change, delete. Who may assume a role is in trust.py, its policies and tags have files of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import bounded, on_anything, on_role, with_boundary, with_tags
from daypass.services.iam.listing import PAGE, of_account
from daypass.services.iam.names import check_name
from daypass.services.iam.show import show_role, show_role_fully
from daypass.services.iam.tags import Given, read_tags
from daypass.services.iam.trust import read_trust
from daypass.store.records import Role
from daypass.values import ids
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

DEFAULT_SESSION = 3600  # seconds; IAM API Reference, CreateRole, MaxSessionDuration


@operation("iam", asks=on_role("iam:CreateRole", with_boundary, with_tags), writes=True)
def create_role(
    ctx: Context,
    *,
    role_name: str,
    assume_role_policy_document: str,
    path: str = "/",
    description: str = "",
    max_session_duration: int = DEFAULT_SESSION,
    permissions_boundary: str | None = None,
    tags: Given = (),
) -> Output:
    """Make a role that the principals of its trust policy may assume, and that may do nothing yet."""
    check_name(role_name, path)
    if ctx.store.roles.named(ctx.account, role_name) is not None:
        raise Refusal("EntityAlreadyExists", f"Role with name {role_name} already exists.")
    quotas.within("RolesPerAccount", quotas.ROLES, len(ctx.store.roles.of(ctx.account)) + 1)
    role = Role(
        id=ids.unique_id(ids.ROLE, ctx.random(11)),
        account=ctx.account,
        created=ctx.now,
        name=role_name,
        path=path,
        trust=assume_role_policy_document,
        trusted=read_trust(ctx, assume_role_policy_document),
        description=description,
        max_session=max_session_duration,
        boundary=entities.get_boundary(ctx, permissions_boundary).arn if permissions_boundary else "",
        tags=read_tags(tags),
    )
    ctx.changes.put(role)
    return {"Role": show_role_fully(ctx, role)}


@operation("iam", asks=on_role("iam:GetRole", bounded))
def get_role(ctx: Context, *, role_name: str) -> Output:
    """Show a role. RoleLastUsed is left out: the use of a role is in the ledger."""
    return {"Role": show_role_fully(ctx, entities.get_role(ctx, role_name))}


@operation("iam", asks=on_anything("iam:ListRoles"))
def list_roles(ctx: Context, *, path_prefix: str = "/", marker: str | None = None, max_items: int = PAGE) -> Output:
    """The roles under a path."""
    return of_account(ctx, "Roles", ctx.store.roles.of(ctx.account), lambda role: show_role(ctx, role), path_prefix, marker, max_items)


@operation("iam", asks=on_role("iam:UpdateRole", bounded), writes=True)
def update_role(ctx: Context, *, role_name: str, description: str | None = None, max_session_duration: int | None = None) -> Output:
    """Change a role's description or longest session; what is left out stays as it is."""
    wanted = entities.get_role_to_describe if max_session_duration is None else entities.get_role_to_change
    role = wanted(ctx, role_name)
    new = role.description if description is None else description
    ctx.changes.put(replace(role, description=new, max_session=max_session_duration or role.max_session))
    return {}


@operation("iam", asks=on_role("iam:UpdateRoleDescription", bounded), writes=True)
def update_role_description(ctx: Context, *, role_name: str, description: str) -> Output:
    """Change a role's description."""
    role = replace(entities.get_role_to_describe(ctx, role_name), description=description)
    ctx.changes.put(role)
    return {"Role": show_role_fully(ctx, role)}


@operation("iam", asks=on_role("iam:UpdateAssumeRolePolicy", bounded), writes=True)
def update_assume_role_policy(ctx: Context, *, role_name: str, policy_document: str) -> None:
    """Change who may assume a role; its principals are bound anew."""
    role = entities.get_role_to_change(ctx, role_name)
    ctx.changes.put(replace(role, trust=policy_document, trusted=read_trust(ctx, policy_document)))


@operation("iam", asks=on_role("iam:DeleteRole", bounded), writes=True)
def delete_role(ctx: Context, *, role_name: str) -> None:
    """Delete a role without policies that is in no instance profile; its sessions end with it."""
    role = entities.get_role_to_change(ctx, role_name)
    entities.verify_unused(bool(ctx.store.profiles_of(role.id)), "remove roles from instance profile")
    entities.verify_without_policies(role)
    ctx.changes.delete(role)
