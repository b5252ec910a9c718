"""RootKey: the key that all others of an installation are wrapped under, wherever it lives. Does not know the database."""

from __future__ import annotations

import os
from typing import Protocol, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from daypass.values.errors import ConfigError, WrongKey

KEY_BYTES = 32  # AES-256
NONCE_BYTES = 12  # NIST SP 800-38D §8.2.2: 96 random bits, for at most 2**32 uses of one key

_KINDS = {"file": "in a key file", "passphrase": "in a passphrase", "pkcs11": "in a PKCS#11 token", "kms": "in a KMS"}


class RootKey(Protocol):
    """Where a root key lives. `begin` or `resume` is called once, before the others.

    What any of them raises is a ConfigError; a KeyAway among these means that the same call may succeed later.
    """

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


class _Kind(msgspec.Struct):
    kind: str = ""


Parameters = TypeVar("Parameters", bound=msgspec.Struct)


def read_parameters(parameters: bytes, form: type[Parameters]) -> Parameters:
    """The parameters that a root key of this `form` (its tag is the kind) gave. Raises ConfigError for those of another kind."""
    wanted = str(form.__struct_config__.tag)
    try:
        kind = msgspec.json.decode(parameters, type=_Kind).kind
        if kind == wanted:
            return msgspec.json.decode(parameters, type=form)
    except msgspec.DecodeError:
        kind = ""
    where = _KINDS.get(kind, "in a place that this daypass does not know")
    raise ConfigError(f"The root key of this database is {where}, not {_KINDS[wanted]}. Nothing was changed.")
