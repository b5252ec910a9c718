"""Kinds of credential that daypass does not keep, shown as what they are: none. Clients ask for them before they delete a user.

Does not pretend: nothing here can be made, so an empty list is the whole truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.services.iam import entities
from daypass.services.iam.asks import on_anything, on_user
from daypass.services.iam.listing import PAGE, listing
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output


def _none(ctx: Context, member: str, marker: str | None, max_items: int) -> Output:
    nothing: list[str] = []
    return listing(ctx, member, nothing, str, key=str, marker=marker, max_items=max_items)


@operation("iam", asks=on_user("iam:ListMFADevices"))
def list_mfa_devices(ctx: Context, *, user_name: str | None = None, marker: str | None = None, max_items: int = PAGE) -> Output:
    """A user's MFA devices: none."""
    entities.get_user_or_self(ctx, user_name)
    return _none(ctx, "MFADevices", marker, max_items)


@operation("iam", asks=on_anything("iam:ListVirtualMFADevices"))
def list_virtual_mfa_devices(ctx: Context, *, assignment_status: str = "Any", marker: str | None = None, max_items: int = PAGE) -> Output:
    """The account's virtual MFA devices: none."""
    return _none(ctx, "VirtualMFADevices", marker, max_items)


@operation("iam", asks=on_user("iam:GetLoginProfile"))
def get_login_profile(ctx: Context, *, user_name: str | None = None) -> Output:
    """A user's password: there is none, so this refuses as AWS does for a user without one."""
    user = entities.get_user_or_self(ctx, user_name)
    raise entities.no_such(f"Login Profile for User {user.name} cannot be found.")


@operation("iam", asks=on_user("iam:DeleteLoginProfile"), writes=True)
def delete_login_profile(ctx: Context, *, user_name: str | None = None) -> None:
    """Delete a user's password: there is none, so this refuses as AWS does for a user without one."""
    user = entities.get_user_or_self(ctx, user_name)
    raise entities.no_such(f"Login Profile for User {user.name} cannot be found.")


@operation("iam", asks=on_anything("iam:ListAccountAliases"))
def list_account_aliases(ctx: Context, *, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The account's alias: none."""
    return _none(ctx, "AccountAliases", marker, max_items)
