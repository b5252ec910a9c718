"""GetSessionToken: a user's own temporary credentials. They are the user, so they stay within the user's permissions."""

from __future__ import annotations

from daypass.services.sts.credentials import shown
from daypass.services.sts.mfa import use_mfa
from daypass.values.errors import Refusal
from daypass.values.session import Origin
from daypass.way.context import Context
from daypass.way.operation import Open, Output, operation

DEFAULT_USER_SECONDS = 43200  # STS API reference, GetSessionToken


@operation("sts", asks=Open.UNLESS_DENIED)
def get_session_token(
    ctx: Context,
    *,
    duration_seconds: int = DEFAULT_USER_SECONDS,
    serial_number: str | None = None,
    token_code: str | None = None,
    minimum_session_token_size: int = 0,
) -> Output:
    """Temporary credentials of the calling user; with a code of their MFA device they say so, and may call IAM.

    Raises Refusal (AccessDenied) for callers that are sessions themselves, and for a wrong code.
    """
    caller = ctx.caller
    if caller.kind != "user" or caller.session is not None:
        raise Refusal("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    made = ctx.mint(
        kind="user",
        account=caller.account,
        principal_id=caller.principal_id,
        name="",
        duration=duration_seconds,
        origin=Origin("sigv4", caller.key_id),
        mfa_at=use_mfa(ctx, serial_number, token_code),
        source_key=caller.key_id,
        minimum_size=minimum_session_token_size,
    )
    return shown(made)
