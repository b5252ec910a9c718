"""A root key derived from a passphrase. Does not keep the passphrase, nor ask for it."""

from __future__ import annotations

import os

import msgspec
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from daypass.store.keys.root import KEY_BYTES, LocalKey
from daypass.values.errors import ConfigError
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
    """The root key that Argon2id (RFC 9106) derives from a passphrase and a salt kept with the database."""

    def __init__(self, passphrase: Secret) -> None:
        self._passphrase: Secret | None = passphrase
        self._key: LocalKey | None = None

    @property
    def where(self) -> str:
        return "the passphrase"

    def begin(self) -> bytes:
        """Choose a salt. Raises ConfigError for a short passphrase."""
        if self._passphrase is None or len(self._passphrase.reveal().decode("utf-8", "replace")) < MIN_PASSPHRASE:
            raise ConfigError(f"The passphrase must have at least {MIN_PASSPHRASE} characters.")
        parameters = _Parameters(os.urandom(SALT_BYTES), ITERATIONS, LANES, MEMORY_KIB)
        self._derive(parameters)
        return msgspec.json.encode(parameters)

    def resume(self, parameters: bytes) -> None:
        """Derive the key with the salt and the costs that it was begun with."""
        try:
            kept = msgspec.json.decode(parameters, type=_Parameters)
        except msgspec.DecodeError:
            raise ConfigError("The root key of this database is in a key file, not in a passphrase. Nothing was changed.") from None
        if not (0 < kept.iterations <= _MAX_ITERATIONS and 0 < kept.lanes <= _MAX_LANES and kept.memory <= _MAX_MEMORY_KIB):
            raise ConfigError("The database asks for more work to try the passphrase than daypass ever sets: it was tampered with.")
        self._derive(kept)

    def _derive(self, parameters: _Parameters) -> None:
        if self._passphrase is None:
            raise ValueError("a root key is taken up once")
        derivation = Argon2id(
            salt=parameters.salt, length=KEY_BYTES, iterations=parameters.iterations, lanes=parameters.lanes, memory_cost=parameters.memory
        )
        self._key = LocalKey(derivation.derive(self._passphrase.reveal()))
        self._passphrase = None

    def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        return self._taken_up().wrap(key, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        return self._taken_up().unwrap(wrapped, bound_to)

    def _taken_up(self) -> LocalKey:
        if self._key is None:
            raise ValueError("begin or resume comes first")
        return self._key
