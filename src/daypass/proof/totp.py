"""Time-based one-time passwords (RFC 6238 with SHA-1, 30 s and 6 digits, as authenticator apps have them). Remembers no use and counts no
guesses: what must not be taken again is an argument, and whoever asks slows down guessing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote

from daypass.values.secret import Secret

STEP_SECONDS = 30  # RFC 6238 §5.2, the default
DIGITS = 6  # RFC 4226 §5.3; STS model, tokenCodeType
SEED_BYTES = 20  # RFC 4226 §4, R6: 160 bits are recommended
WINDOW = 1  # steps before and after that are taken as well (RFC 6238 §5.2)
SYNC_WINDOW = 20  # steps of drift that two consecutive codes can prove (RFC 6238 §6): 10 minutes either way

_CODE = re.compile(rf"[0-9]{{{DIGITS}}}", re.ASCII)


class WrongCode(Exception):
    """No code of this device that may be taken now."""


class Synced(NamedTuple):
    """What two consecutive codes prove: the device's clock is `drift` steps ahead, and it has shown the code of `last_step`."""

    drift: int
    last_step: int


def step_at(now: datetime) -> int:
    """The number of the time step at `now` (aware)."""
    return int(now.timestamp()) // STEP_SECONDS


def code_of(seed: Secret, step: int) -> str:
    """The code of a time step. Source: RFC 4226 §5.3, dynamic truncation."""
    digest = hmac.digest(seed.reveal(), step.to_bytes(8, "big"), hashlib.sha1)
    at = digest[-1] & 0x0F
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def verify_code(seed: Secret, code: str, now: datetime, *, drift: int, last_step: int) -> int:
    """The step whose code `code` is, at most WINDOW steps from `now` by the device's clock and after `last_step`. Raises WrongCode.

    INVARIANT: a step that was taken, and any before it, is never taken again (RFC 6238 §5.2; attack row H16): the caller keeps the answer
    as the next `last_step`.
    """
    # (1) six ASCII digits and nothing around them: no second spelling of a code
    if _CODE.fullmatch(code) is None:
        raise WrongCode
    # (2) every code of the window is compared, in constant time, so that time tells nothing of which came near
    expected = step_at(now) + drift
    found = 0
    for step in range(expected - WINDOW, expected + WINDOW + 1):
        if _same(code, code_of(seed, step)) and step > last_step:
            found = step
    if not found:
        raise WrongCode
    return found


def verify_consecutive(seed: Secret, first: str, second: str, now: datetime, *, last_step: int) -> Synced:
    """How far the device's clock is off, proven by two codes of steps that follow each other, near `now`. Raises WrongCode."""
    if _CODE.fullmatch(first) is None or _CODE.fullmatch(second) is None:
        raise WrongCode
    here = step_at(now)
    found = 0
    for step in range(here - SYNC_WINDOW, here + SYNC_WINDOW + 1):
        both = _same(first, code_of(seed, step - 1)) & _same(second, code_of(seed, step))
        if both and step - 1 > last_step:
            found = step
    if not found:
        raise WrongCode
    drift = found - here
    return Synced(drift if abs(drift) > WINDOW else 0, found)  # what the window takes anyway is no drift


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("ascii"), expected.encode("ascii"))


def base32_of(seed: Secret) -> str:
    """The seed as authenticator apps take it typed: base32 without padding."""
    return base64.b32encode(seed.reveal()).decode("ascii").rstrip("=")


def provisioning_uri(seed: Secret, issuer: str, name: str) -> str:
    """The `otpauth://` address that a QR code carries into an authenticator app. It holds the seed: it is as secret."""
    label, by = quote(f"{issuer}:{name}", safe=":@"), quote(issuer, safe="")
    return f"otpauth://totp/{label}?secret={base32_of(seed)}&issuer={by}"
