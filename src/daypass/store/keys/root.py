"""RootKey: the key that all others of an installation are wrapped under, wherever it lives. Does not know the database."""

from __future__ import annotations

import os
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32  # AES-256
NONCE_BYTES = 12  # NIST SP 800-38D §8.2.2: 96 random bits, for at most 2**32 uses of one key


class WrongKey(Exception):
    """What was to be unwrapped was wrapped under another key, for another place, or was altered."""


class RootKey(Protocol):
    """Where a root key lives. `begin` or `resume` is called once, before the others; what they raise is a ConfigError."""

    @property
    def where(self) -> str:
        """The place in words, for messages."""

    def begin(self) -> bytes:
        """Take up the key for a new installation, making it where that is the custom; gives the parameters to keep with the database."""

    def resume(self, parameters: bytes) -> None:
        """Take up the key of an existing installation. INVARIANT: never makes a key."""

    def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        """`key` encrypted, to be unwrapped only with the same `bound_to`."""

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """The key in `wrapped`. Raises WrongKey."""


class LocalKey:
    """Wrapping with a key that is in memory: what key file and passphrase share."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        """Nonce and AES-256-GCM of `key`, with `bound_to` as associated data."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, key, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """The key in `wrapped`. Raises WrongKey."""
        try:
            return self._aead.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], bound_to)
        except (InvalidTag, ValueError) as error:
            raise WrongKey(str(error)) from None
