"""Long-term access keys of users: two at most, shown once. Does not verify what they sign (proof/ does), nor count their use (store/ does).

Only users have them: daypass makes none for an account's root (DESIGN §4, "No long-term key, not even the first").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import on_user, on_user_of_access_key
from daypass.services.iam.listing import PAGE, listing
from daypass.services.iam.show import show_access_key
from daypass.store.records import AccessKey
from daypass.values import ids
from daypass.values.errors import Refusal
from daypass.values.secret import Secret
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output

NEVER_USED = {"ServiceName": "N/A", "Region": "N/A"}


@operation("iam", asks=on_user("iam:CreateAccessKey"), writes=True)
def create_access_key(ctx: Context, *, user_name: str | None = None) -> Output:
    """Make an access key and show its secret, the only time it is shown.

    INVARIANT: at most two per user. The free slot is chosen here, and (user, slot) is unique in the database, so that no two
    nodes can fill it at once (attack row H69).
    """
    user = entities.get_user_or_self(ctx, user_name)
    taken = {key.slot for key in ctx.store.keys_of(user.id)}
    quotas.within("AccessKeysPerUser", quotas.ACCESS_KEYS_PER_USER, len(taken) + 1)
    secret = ids.secret_access_key(ctx.random(30))
    key = AccessKey(
        id=_new_key_id(ctx),
        account=ctx.account,
        created=ctx.now,
        user_id=user.id,
        slot=1 if 1 not in taken else 2,
        secret=Secret(secret),
    )
    ctx.changes.put(key)
    return {"AccessKey": show_access_key(user, key) | {"SecretAccessKey": secret}}


def _new_key_id(ctx: Context) -> str:
    """A key id that no key has: it holds 39 random bits only, which is too few to rely on chance."""
    while ctx.store.access_keys.find(key_id := ids.key_id(ids.LONG_TERM, ctx.account, ctx.random(5))) is not None:
        pass
    return key_id


@operation("iam", asks=on_user("iam:ListAccessKeys"))
def list_access_keys(ctx: Context, *, user_name: str | None = None, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The access keys of a user, without their secrets."""
    user = entities.get_user_or_self(ctx, user_name)
    return listing(
        ctx,
        "AccessKeyMetadata",
        ctx.store.keys_of(user.id),
        lambda key: show_access_key(user, key),
        key=lambda key: f"{key.created:%Y%m%d%H%M%S} {key.slot}",  # oldest first
        marker=marker,
        max_items=max_items,
        of=user.id,
    )


@operation("iam", asks=on_user("iam:UpdateAccessKey"), writes=True)
def update_access_key(ctx: Context, *, access_key_id: str, status: str, user_name: str | None = None) -> None:
    """Switch an access key off or on; sessions made with a key end when it is switched off."""
    if status not in ("Active", "Inactive"):
        raise Refusal("InvalidInput", f"The status {status} cannot be set.")
    key = entities.get_access_key(ctx, entities.get_user_or_self(ctx, user_name), access_key_id)
    ctx.changes.put(replace(key, active=status == "Active"))


@operation("iam", asks=on_user("iam:DeleteAccessKey"), writes=True)
def delete_access_key(ctx: Context, *, access_key_id: str, user_name: str | None = None) -> None:
    """Delete an access key; sessions made with it end."""
    ctx.changes.delete(entities.get_access_key(ctx, entities.get_user_or_self(ctx, user_name), access_key_id))


@operation("iam", asks=on_user_of_access_key("iam:GetAccessKeyLastUsed"))
def get_access_key_last_used(ctx: Context, *, access_key_id: str) -> Output:
    """Whose key this is and when it was last used. A key of another account is refused as one that does not exist."""
    key = ctx.store.access_keys.find(access_key_id)
    user = ctx.store.users.find(key.user_id) if key and key.account == ctx.account else None
    if user is None:
        message = f"User: {ctx.caller.arn} is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key {access_key_id}"
        raise Refusal("AccessDenied", message, 403)
    used = ctx.store.last_used(access_key_id)
    shown = {"LastUsedDate": used.at, "ServiceName": used.service, "Region": used.region} if used else NEVER_USED
    return {"UserName": user.name, "AccessKeyLastUsed": shown}
