"""A root key derived from a passphrase. Does not keep the passphrase, nor ask for it."""

from __future__ import annotations

import os

import msgspec
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from daypass.store.keys.root import KEY_BYTES, LocalKey, read_parameters
from daypass.values.errors import ConfigError, KeyAway
from daypass.values.secret import Secret

MIN_PASSPHRASE = 12  # characters; a database that is stolen can be tried offline
SALT_BYTES = 16  # RFC 9106 §4
ITERATIONS, LANES, MEMORY_KIB = 3, 4, 64 * 1024  # RFC 9106 §4, the second recommended option
_MAX_MEMORY_KIB = 1024 * 1024  # what a database may demand of this host
_MAX_ITERATIONS = 64
_MAX_LANES = 64


class _Parameters(msgspec.Struct, frozen=True, tag="passphrase", tag_field="kind", forbid_unknown_fields=True):
    salt: bytes
    iterations: int
    lanes: int
    memory: int


class PassphraseKey:
    """The root key that Argon2id (RFC 9106) derives from a passphrase and a salt kept with the database.

    Without a passphrase it is away until somebody brings one; `may_begin` says whether that one may begin a new installation.
    """

    def __init__(self, passphrase: Secret | None, *, may_begin: bool = True) -> None:
        self._passphrase = passphrase
        self._may_begin = may_begin
        self._key: LocalKey | None = None

    @property
    def where(self) -> str:
        return "the passphrase"

    def begin(self) -> bytes:
        """Choose a salt. Raises ConfigError for a short passphrase, KeyAway without one."""
        if self._passphrase is None:
            raise _waits("daypass unseal --new")
        if not self._may_begin:
            raise ConfigError("The database is empty: is it the right one? To begin a new installation: daypass unseal --new")
        if len(self._passphrase.reveal().decode("utf-8", "replace")) < MIN_PASSPHRASE:
            raise ConfigError(f"The passphrase must have at least {MIN_PASSPHRASE} characters.")
        parameters = _Parameters(os.urandom(SALT_BYTES), ITERATIONS, LANES, MEMORY_KIB)
        self._derive(parameters, self._passphrase)
        return msgspec.json.encode(parameters)

    def resume(self, parameters: bytes) -> None:
        """Derive the key with the salt and the costs that it was begun with."""
        kept = read_parameters(parameters, _Parameters)
        if not (0 < kept.iterations <= _MAX_ITERATIONS and 0 < kept.lanes <= _MAX_LANES and kept.memory <= _MAX_MEMORY_KIB):
            raise ConfigError("The database asks for more work to try the passphrase than daypass ever sets: it was tampered with.")
        if self._passphrase is None:
            raise _waits("daypass unseal")
        self._derive(kept, self._passphrase)

    def _derive(self, parameters: _Parameters, passphrase: Secret) -> None:
        derivation = Argon2id(
            salt=parameters.salt, length=KEY_BYTES, iterations=parameters.iterations, lanes=parameters.lanes, memory_cost=parameters.memory
        )
        self._key = LocalKey(derivation.derive(passphrase.reveal()))
        self._passphrase = None

    def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        return self._taken_up().wrap(key, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        return self._taken_up().unwrap(wrapped, bound_to)

    def _taken_up(self) -> LocalKey:
        if self._key is None:
            raise ValueError("begin or resume comes first")
        return self._key


def _waits(command: str) -> KeyAway:
    return KeyAway(f"it waits for its passphrase: {command}", "waits for its passphrase", by_itself=False)
