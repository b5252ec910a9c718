"""GetCallerIdentity and GetAccessKeyInfo: who a credential is. Neither makes nor changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from daypass.values.decision import Ask
from daypass.values.errors import Refusal
from daypass.values.ids import account_of_key_id
from daypass.way.context import Context
from daypass.way.operation import Open, Output, operation


@operation("sts", asks=Open.AUTHENTICATED)
def get_caller_identity(ctx: Context) -> Output:
    """The caller's user id, account and ARN; needs no permission, and a deny does not stop it (STS API reference)."""
    caller = ctx.caller
    return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}


def _any_key(ctx: Context, given: Mapping[str, Any]) -> Iterator[Ask]:
    yield Ask("sts:GetAccessKeyInfo", "*", ctx.account)


@operation("sts", asks=_any_key)
def get_access_key_info(ctx: Context, *, access_key_id: str) -> Output:
    """The account that a key id carries in itself; tells nothing of whether the key exists (attack row M02)."""
    account = account_of_key_id(access_key_id)
    if account is None:
        raise Refusal("ValidationError", "Access key id is not valid", 400)
    return {"Account": account}
