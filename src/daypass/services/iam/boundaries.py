"""Permissions boundaries of users and roles: a managed policy that limits what their own policies grant."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from daypass.services.iam import entities
from daypass.services.iam.asks import bounded, on_role, on_user, with_boundary
from daypass.store.records import Role, User
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context

Bounded = TypeVar("Bounded", User, Role)


def _put(ctx: Context, principal: Bounded, arn: str) -> None:
    ctx.changes.put(replace(principal, boundary=entities.get_boundary(ctx, arn).arn))


def _delete(ctx: Context, principal: Bounded) -> None:
    if not principal.boundary:
        raise entities.no_such(f"{type(principal).__name__} {principal.name} has no permissions boundary.")
    ctx.changes.put(replace(principal, boundary=""))


@operation("iam", asks=on_user("iam:PutUserPermissionsBoundary", with_boundary), writes=True)
def put_user_permissions_boundary(ctx: Context, *, user_name: str, permissions_boundary: str) -> None:
    """Set a user's boundary, in place of the one there is."""
    _put(ctx, entities.get_user(ctx, user_name), permissions_boundary)


@operation("iam", asks=on_role("iam:PutRolePermissionsBoundary", with_boundary), writes=True)
def put_role_permissions_boundary(ctx: Context, *, role_name: str, permissions_boundary: str) -> None:
    """Set a role's boundary, in place of the one there is."""
    _put(ctx, entities.get_role_to_change(ctx, role_name), permissions_boundary)


@operation("iam", asks=on_user("iam:DeleteUserPermissionsBoundary", bounded), writes=True)
def delete_user_permissions_boundary(ctx: Context, *, user_name: str) -> None:
    """Take a user's boundary away."""
    _delete(ctx, entities.get_user(ctx, user_name))


@operation("iam", asks=on_role("iam:DeleteRolePermissionsBoundary", bounded), writes=True)
def delete_role_permissions_boundary(ctx: Context, *, role_name: str) -> None:
    """Take a role's boundary away."""
    _delete(ctx, entities.get_role_to_change(ctx, role_name))
