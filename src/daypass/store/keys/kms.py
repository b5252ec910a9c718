"""A root key that never leaves a key management service: the service wraps and unwraps. Does not speak to it (outside/kms.py does).

Source: AWS KMS API reference, Encrypt and Decrypt; Developer Guide, "Encryption context".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from daypass.store.keys.root import read_parameters

CONTEXT = "daypass"  # the name under which what a wrapped key is bound to stands in the encryption context, and so in the service's log


class Kms(Protocol):
    """A key of a service. Both raise ConfigError, KeyAway among them; `decrypt` raises WrongKey as well."""

    @property
    def key(self) -> str:
        """The key's id or ARN."""

    def encrypt(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        """`plain` encrypted under the key, bound to `context`."""

    def decrypt(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        """What was encrypted under this very key with this very context."""


class _Parameters(msgspec.Struct, frozen=True, tag="kms", tag_field="kind", forbid_unknown_fields=True):
    """What the key is, is not kept: a replica of it in another region has another ARN and opens the same."""


class KmsKey:
    """The root key in a KMS."""

    def __init__(self, kms: Kms) -> None:
        self._kms = kms

    @property
    def where(self) -> str:
        return f"the KMS key {self._kms.key}"

    def begin(self) -> bytes:
        """Use the key, which its owner has made."""
        return msgspec.json.encode(_Parameters())

    def resume(self, parameters: bytes) -> None:
        """Use the key."""
        read_parameters(parameters, _Parameters)

    def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        return self._kms.encrypt(key, {CONTEXT: bound_to.decode()})

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """The key in `wrapped`. Raises WrongKey."""
        return self._kms.decrypt(wrapped, {CONTEXT: bound_to.decode()})
