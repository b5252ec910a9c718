"""Identifiers as AWS forms them: access key ids that carry the account, unique ids, secrets. Randomness is an argument."""

from __future__ import annotations

import base64
import re
from functools import lru_cache

LONG_TERM = "AKIA"
TEMPORARY = "ASIA"
USER = "AIDA"
ROLE = "AROA"
GROUP = "AGPA"
INSTANCE_PROFILE = "AIPA"
MANAGED_POLICY = "ANPA"

KEY_ID_BITS = 39  # random bits beside the 40 bits of the account and the leading 1
_B32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS = [high + low for high in _B32 for low in _B32]
_VALUES = {pair: value for value, pair in enumerate(_PAIRS)}
_KEY_ID = re.compile(r"(?:AKIA|ASIA)[A-Z2-7]{16}", re.ASCII)
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)


def is_account_id(text: str) -> bool:
    """Whether `text` is exactly twelve ASCII digits."""
    return _ACCOUNT.fullmatch(text) is not None


def is_key_id(text: str) -> bool:
    """Whether `text` has the shape of an access key id, long-term or temporary."""
    return _KEY_ID.fullmatch(text) is not None


def key_id(prefix: str, account: str, random: bytes) -> str:
    """Form an access key id: `prefix` + base32 of (1 bit set, 40 bits account, 39 bits of `random`, which has ≥ 5 bytes).

    Source: the layout that AWS's own key ids show; test vectors in tests/unit/values.
    """
    tail = int.from_bytes(random[:5], "big") & ((1 << KEY_ID_BITS) - 1)
    head, rest = _head_of_key_id(prefix, account)
    tail |= rest
    return f"{head}{_PAIRS[tail >> 30]}{_PAIRS[tail >> 20 & 0x3FF]}{_PAIRS[tail >> 10 & 0x3FF]}{_PAIRS[tail & 0x3FF]}"


@lru_cache(maxsize=1024)
def _head_of_key_id(prefix: str, account: str) -> tuple[str, int]:
    """What all key ids of an account begin with (base32 of 40 bits, two letters a time), and the account's last bit, in its place."""
    number = (1 << 79) | (int(account) << KEY_ID_BITS)
    return prefix + "".join([_PAIRS[number >> shift & 0x3FF] for shift in range(70, 39, -10)]), number & (1 << KEY_ID_BITS)


def account_of_key_id(text: str) -> str | None:
    """The account that an access key id names, or None when it is not a well-formed key id that names one."""
    if not is_key_id(text):
        return None
    number = 0
    for at in range(4, 20, 2):
        number = number << 10 | _VALUES[text[at : at + 2]]
    account = (number >> KEY_ID_BITS) & ((1 << 40) - 1)
    if not number >> 79 or account >= 10**12:
        return None
    return f"{account:012d}"


def request_id(random: bytes) -> str:
    """Form a request id, a version 4 UUID (RFC 9562 §5.4), from 16 random bytes."""
    text = random.hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[random[8] >> 4 & 3]}{text[17:20]}-{text[20:]}"


def unique_id(prefix: str, random: bytes) -> str:
    """Form a 21-character unique id (`AROA…`) from ≥ 11 random bytes."""
    number = int.from_bytes(random[:11], "big")
    letters = []
    for _ in range(17):
        number, digit = divmod(number, 32)
        letters.append(_B32[digit])
    return prefix + "".join(letters)


def secret_access_key(random: bytes) -> str:
    """Form a 40-character secret access key from exactly 30 random bytes (`[A-Za-z0-9/+]`)."""
    if len(random) != 30:
        raise ValueError("a secret access key is made of 30 random bytes")
    return base64.b64encode(random).decode("ascii")
