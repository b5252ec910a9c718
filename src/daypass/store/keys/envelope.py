"""Envelope: seals secrets under data keys, each sealed secret bound to its place. Does not keep the data keys (the store does)."""

from __future__ import annotations

import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from daypass.store.keys.root import KEY_BYTES, NONCE_BYTES

KEY_ID_BYTES = 4


class Unsealable(Exception):
    """A sealed secret was altered, belongs to another place, or its data key is not known."""


class Envelope:
    """Data keys by id (8 hex characters); `active` seals, every one of them opens."""

    def __init__(self, installation: str, keys: Mapping[str, bytes], active: str) -> None:
        self._installation = installation
        self._keys = {bytes.fromhex(id): AESGCM(key) for id, key in keys.items()}
        self._active = bytes.fromhex(active)

    @property
    def active(self) -> bytes:
        """The id of the key that seals, as it stands in front of what it seals."""
        return self._active

    def seal(self, plain: bytes, table: str, account: str, id: str) -> bytes:
        """Data key id · nonce · AES-256-GCM of `plain`, to be opened for the same row only (attack row H72)."""
        nonce = os.urandom(NONCE_BYTES)
        return self._active + nonce + self._keys[self._active].encrypt(nonce, plain, self._place(table, account, id))

    def open(self, sealed: bytes, table: str, account: str, id: str) -> bytes:
        """What was sealed for this row. Raises Unsealable."""
        key = self._keys.get(sealed[:KEY_ID_BYTES])
        if key is None:
            raise Unsealable("sealed under a data key that is not known")
        nonce, body = sealed[KEY_ID_BYTES : KEY_ID_BYTES + NONCE_BYTES], sealed[KEY_ID_BYTES + NONCE_BYTES :]
        try:
            return key.decrypt(nonce, body, self._place(table, account, id))
        except (InvalidTag, ValueError):
            raise Unsealable("altered, or sealed for another row") from None

    def _place(self, table: str, account: str, id: str) -> bytes:
        # INVARIANT: unambiguous, since only the last part can contain the separator.
        return f"{self._installation}|{table}|{account}|{id}".encode()


def new_data_key() -> tuple[str, bytes]:
    """A fresh data key and its id."""
    return os.urandom(KEY_ID_BYTES).hex(), os.urandom(KEY_BYTES)
