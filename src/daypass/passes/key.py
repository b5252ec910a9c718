"""A seal key, ready for use: three independent keys derived from one secret. Does not make, store or rotate seal keys (the store does)."""

from __future__ import annotations

import re
from typing import Literal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from daypass.values.mac import Mac
from daypass.values.secret import Secret

SealState = Literal["pending", "active", "retained", "revoked"]

SECRET_BYTES = 32
VERSION = 1  # the first byte of every token; another layout gets another number
_ID = re.compile(r"[0-9a-f]{8}", re.ASCII)
_SEALING = b"daypass/1 seal session tokens"
_DERIVING = b"daypass/1 derive secret access keys"
_MESSAGES = b"daypass/1 seal messages of refusals"


class SealKeyValue:
    """One seal key: `id` is 8 lower-case hex characters, `secret` 32 random bytes.

    Deriving costs some 40 µs, so keep the object as long as the key. "active" seals and opens, "pending" and "retained" open,
    "revoked" does neither.
    Raises ValueError for another form of `id` or `secret`.
    """

    __slots__ = ("aead", "deriving", "id", "messages", "prefix", "state")

    def __init__(self, id: str, secret: Secret, state: SealState = "active") -> None:
        if _ID.fullmatch(id) is None:
            raise ValueError("the id of a seal key is 8 lower-case hex characters")
        material = secret.reveal()
        if len(material) != SECRET_BYTES:
            raise ValueError("the secret of a seal key is 32 bytes")
        self.id = id
        self.state: SealState = state
        self.prefix = bytes([VERSION]) + bytes.fromhex(id)  # opens every token that this key seals, and is its associated data
        # INVARIANT: the three keys are independent (RFC 5869 §3.2: one `info` for each use), so that a secret access key, which its
        # holder sees, tells nothing about the key that seals.
        self.aead = AESGCM(_derive(material, _SEALING))
        self.deriving = Mac(_derive(material, _DERIVING))
        # Apart from tokens, so that whoever can cause refusals uses up no nonces of theirs (NIST SP 800-38D §8.3: 2**32 with one key).
        self.messages = AESGCM(_derive(material, _MESSAGES))


def _derive(material: bytes, use: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=use).derive(material)
