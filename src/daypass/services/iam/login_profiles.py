"""Passwords of users: made, changed, shown (never the password) and deleted. Nobody signs in here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from daypass.services.iam import entities
from daypass.services.iam.asks import and_then, on_user
from daypass.services.iam.passwords import new_hashes, users_may
from daypass.store.people import LoginProfile
from daypass.store.records import User
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.services.iam.asks import Parameters
    from daypass.values.decision import Ask
    from daypass.way.context import Context
    from daypass.way.operation import Output


def get_profile(ctx: Context, user: User) -> LoginProfile:
    """The login profile of a user. Raises NoSuchEntity."""
    if (profile := ctx.store.login_profiles.find(user.id)) is None:
        raise entities.no_such(f"Login Profile for User {user.name} cannot be found.")
    return profile


def _show(user: User, profile: LoginProfile) -> dict[str, Any]:
    shown = {"UserName": user.name, "CreateDate": profile.created, "PasswordResetRequired": profile.reset_required}
    return shown | ({"MaxSigninSessionDuration": profile.max_signin} if profile.max_signin else {})


def _prepare_create(ctx: Context, params: Parameters) -> None:
    new_hashes(ctx, _without_profile(ctx, params.get("user_name")), _given(params.get("password")))


def _without_profile(ctx: Context, name: str | None) -> User:
    user = entities.get_user_or_self(ctx, name)
    if ctx.store.login_profiles.find(user.id) is not None:
        raise Refusal("EntityAlreadyExists", f"Login Profile for user {user.name} already exists.")
    return user


def _given(password: str | None) -> str:
    if password is None:  # AWS leaves it out only for the root user, who has no password here
        raise Refusal("ValidationError", "Must specify a password.")
    return password


@operation("iam", asks=and_then(on_user("iam:CreateLoginProfile"), _prepare_create), writes=True)
def create_login_profile(
    ctx: Context,
    *,
    user_name: str | None = None,
    password: str | None = None,
    password_reset_required: bool = False,
    max_signin_session_duration: int = 0,
) -> Output:
    """Give a user a password."""
    user = _without_profile(ctx, user_name)
    profile = LoginProfile(
        id=user.id,
        account=user.account,
        created=ctx.now,
        hashes=new_hashes(ctx, user, _given(password)),
        changed=ctx.now,
        reset_required=password_reset_required,
        max_signin=max_signin_session_duration,
    )
    ctx.changes.put(profile)
    return {"LoginProfile": _show(user, profile)}


@operation("iam", asks=on_user("iam:GetLoginProfile"))
def get_login_profile(ctx: Context, *, user_name: str | None = None) -> Output:
    """When a user was given a password, and whether it must be changed."""
    user = entities.get_user_or_self(ctx, user_name)
    return {"LoginProfile": _show(user, get_profile(ctx, user))}


def _prepare_update(ctx: Context, params: Parameters) -> None:
    user = entities.get_user(ctx, params["user_name"])
    get_profile(ctx, user)
    if (password := params.get("password")) is not None:
        new_hashes(ctx, user, password)


@operation("iam", asks=and_then(on_user("iam:UpdateLoginProfile"), _prepare_update), writes=True)
def update_login_profile(
    ctx: Context,
    *,
    user_name: str,
    password: str | None = None,
    password_reset_required: bool | None = None,
    max_signin_session_duration: int | None = None,
    reset_max_signin_session_duration: bool = False,
) -> None:
    """Set a user's password, or what goes with it; what is not given stays."""
    user = entities.get_user(ctx, user_name)
    profile = get_profile(ctx, user)
    if reset_max_signin_session_duration and max_signin_session_duration is not None:
        raise Refusal("InvalidInput", "MaxSigninSessionDuration cannot be set and reset at once.")
    if password is not None:
        profile = replace(profile, hashes=new_hashes(ctx, user, password), changed=ctx.now)
    if password_reset_required is not None:
        profile = replace(profile, reset_required=password_reset_required)
    if reset_max_signin_session_duration or max_signin_session_duration is not None:
        profile = replace(profile, max_signin=max_signin_session_duration or 0)
    ctx.changes.put(profile)


@operation("iam", asks=on_user("iam:DeleteLoginProfile"), writes=True)
def delete_login_profile(ctx: Context, *, user_name: str | None = None) -> None:
    """Take a user's password away."""
    ctx.changes.delete(get_profile(ctx, entities.get_user_or_self(ctx, user_name)))


def _self(ctx: Context) -> User:
    if (user := ctx.store.users.find(ctx.caller.principal_id)) is None:
        raise Refusal("InvalidUserType", "Only an IAM user can change their own password.")
    return user


def _on_self(ctx: Context, params: Parameters) -> Iterator[Ask]:
    _self(ctx)
    yield from on_user("iam:ChangePassword")(ctx, params)


def _prepare_change(ctx: Context, params: Parameters) -> None:
    user = _self(ctx)
    get_profile(ctx, user)
    new_hashes(ctx, user, params["new_password"], params["old_password"])


@operation("iam", asks=and_then(users_may(_on_self), _prepare_change), writes=True)
def change_password(ctx: Context, *, old_password: str, new_password: str) -> None:
    """Change one's own password, knowing the old one."""
    user = _self(ctx)
    profile = get_profile(ctx, user)
    hashes = new_hashes(ctx, user, new_password, old_password)
    ctx.changes.put(replace(profile, hashes=hashes, changed=ctx.now, reset_required=False))
