"""What an account sets for itself: its alias, its password policy, the version of its tokens. Enforces none of it (passwords.py does)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from daypass.services.iam import entities
from daypass.services.iam.asks import on_anything
from daypass.services.iam.listing import PAGE, listing
from daypass.services.iam.passwords import policy_of, users_may
from daypass.store.people import AccountSettings, PasswordPolicy
from daypass.values.errors import Refusal
from daypass.values.ids import is_account_id
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output


def settings_of(ctx: Context) -> AccountSettings:
    """What the caller's account has set; everything at its default when it has set nothing."""
    found = ctx.store.account_settings.find(ctx.account)
    return found or AccountSettings(id=ctx.account, account=ctx.account, created=ctx.now)


@operation("iam", asks=on_anything("iam:CreateAccountAlias"), writes=True)
def create_account_alias(ctx: Context, *, account_alias: str) -> None:
    """Give the account a name that is unique over all accounts; it takes the place of one that it has."""
    if is_account_id(account_alias):
        raise Refusal("ValidationError", "An account alias cannot look like an account id.")
    if ctx.store.account_of_alias(account_alias) not in (None, ctx.account):
        raise Refusal("EntityAlreadyExists", f"The account alias {account_alias} already exists.")
    ctx.changes.put(replace(settings_of(ctx), alias=account_alias))


@operation("iam", asks=on_anything("iam:DeleteAccountAlias"), writes=True)
def delete_account_alias(ctx: Context, *, account_alias: str) -> None:
    """Take the account's alias away."""
    settings = settings_of(ctx)
    if settings.alias != account_alias:
        raise entities.no_such(f"The account alias {account_alias} cannot be found.")
    ctx.changes.put(replace(settings, alias=""))


@operation("iam", asks=on_anything("iam:ListAccountAliases"))
def list_account_aliases(ctx: Context, *, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The account's alias, if it has one."""
    aliases = [alias] if (alias := settings_of(ctx).alias) else []
    return listing(ctx, "AccountAliases", aliases, str, key=str, marker=marker, max_items=max_items)


@operation("iam", asks=on_anything("iam:UpdateAccountPasswordPolicy"), writes=True)
def update_account_password_policy(
    ctx: Context,
    *,
    minimum_password_length: int = 6,
    require_symbols: bool = False,
    require_numbers: bool = False,
    require_uppercase_characters: bool = False,
    require_lowercase_characters: bool = False,
    allow_users_to_change_password: bool = False,
    max_password_age: int = 0,
    password_reuse_prevention: int = 0,
    hard_expiry: bool = False,
) -> None:
    """Set what passwords must be from now on; what is not given goes back to its default (IAM API reference)."""
    policy = PasswordPolicy(
        minimum_length=minimum_password_length,
        symbols=require_symbols,
        numbers=require_numbers,
        uppercase=require_uppercase_characters,
        lowercase=require_lowercase_characters,
        users_may_change=allow_users_to_change_password,
        max_age=max_password_age,
        reuse_prevention=password_reuse_prevention,
        hard_expiry=hard_expiry,
    )
    ctx.changes.put(replace(settings_of(ctx), password_policy=policy))


@operation("iam", asks=users_may(on_anything("iam:GetAccountPasswordPolicy")))
def get_account_password_policy(ctx: Context) -> Output:
    """What passwords must be, where the account has set it."""
    if (policy := policy_of(ctx)) is None:
        raise entities.no_such(f"The Password Policy with domain name {ctx.account} cannot be found.")
    shown: dict[str, Any] = {
        "MinimumPasswordLength": policy.minimum_length,
        "RequireSymbols": policy.symbols,
        "RequireNumbers": policy.numbers,
        "RequireUppercaseCharacters": policy.uppercase,
        "RequireLowercaseCharacters": policy.lowercase,
        "AllowUsersToChangePassword": policy.users_may_change,
        "ExpirePasswords": policy.max_age > 0,
        "MaxPasswordAge": policy.max_age or None,
        "PasswordReusePrevention": policy.reuse_prevention or None,
        "HardExpiry": policy.hard_expiry or None,
    }
    return {"PasswordPolicy": {name: value for name, value in shown.items() if value is not None}}


@operation("iam", asks=on_anything("iam:DeleteAccountPasswordPolicy"), writes=True)
def delete_account_password_policy(ctx: Context) -> None:
    """Go back to AWS's default password policy."""
    if policy_of(ctx) is None:
        raise entities.no_such("The account policy with name PasswordPolicy cannot be found.")
    ctx.changes.put(replace(settings_of(ctx), password_policy=None))


@operation("iam", asks=on_anything("iam:SetSecurityTokenServicePreferences"), writes=True)
def set_security_token_service_preferences(ctx: Context, *, global_endpoint_token_version: Literal["v1Token", "v2Token"]) -> None:
    """Note which tokens the account wants of the global endpoint. There are no regions here, so that every token is good everywhere."""
    ctx.changes.put(replace(settings_of(ctx), token_version=global_endpoint_token_version))
