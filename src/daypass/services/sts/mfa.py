"""A code of the caller's MFA device, given with a call. Enables no device, and says nothing of what the proof is good for (policies do)."""

from __future__ import annotations

from msgspec.structs import replace

from daypass.proof import totp
from daypass.store.people import MfaDevice
from daypass.values.errors import Refusal
from daypass.way.context import Context
from daypass.way.throttle import too_many_guesses

UNKNOWN_DEVICE = (  # AWS's text, two blanks included
    "MultiFactorAuthentication failed, unable to validate MFA code.  "
    "Please verify your MFA serial number is valid and associated with this user."
)


def verify_mfa(ctx: Context, serial_number: str | None, token_code: str | None) -> MfaDevice | None:
    """Take in the code that came with the call, so that policies know of it; None when there was none.

    Gives the device as it must be kept, its code used up. Raises AccessDenied with AWS's text, Throttling when too many were wrong.
    """
    # (1) both or none
    if serial_number is None and token_code is None:
        return None
    if serial_number is None or token_code is None:
        raise Refusal("AccessDenied", "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.", 403)
    # (2) a device that the calling user has now, and nobody else's: of which the caller learns nothing, not even whether it exists
    device = ctx.store.mfa_devices.by_arn(serial_number)
    if device is None or not device.user_id or device.user_id != ctx.caller.principal_id:
        raise Refusal("AccessDenied", UNKNOWN_DEVICE, 403)
    # (3) slow for whoever guesses, right or wrong (attack row H16); (4) the code, by our clock alone (M28)
    now = ctx.now.timestamp()
    if ctx.node.guesses.exhausted(device.id, now):
        raise too_many_guesses()
    try:
        step = totp.verify_code(device.seed, token_code, ctx.now, drift=device.drift, last_step=device.last_step)
    except totp.WrongCode:
        ctx.node.guesses.spend(device.id, now)
        raise Refusal("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.", 403) from None
    ctx.mfa_at = int(now)
    return replace(device, last_step=step)


def use_mfa(ctx: Context, serial_number: str | None, token_code: str | None) -> int:
    """The same, and the code is used up with the call: kept by the commit that precedes the answer. Gives the time of it, or 0.

    INVARIANT: on the storage thread, where two uses of one code cannot pass each other.
    """
    if (device := verify_mfa(ctx, serial_number, token_code)) is None:
        return 0
    ctx.changes.put(device)
    return ctx.mfa_at
