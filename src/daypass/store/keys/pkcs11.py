"""A root key that never leaves its PKCS#11 token: the token itself wraps and unwraps. Does not make tokens, nor keep the PIN's file.

Source: PKCS #11 v3.1, CKM_AES_GCM (§6.13.3), key attributes (§4.9). What the token has to offer: AES-256 with CKM_AES_GCM and a nonce
that is given to it. The library (python-pkcs11) is loaded with the first key of this kind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from daypass.store.keys.root import KEY_BYTES, NONCE_BYTES, read_parameters
from daypass.values.errors import ConfigError, KeyAway, WrongKey
from daypass.values.secret import Secret

if TYPE_CHECKING:
    import pkcs11

ID_BYTES = 16  # of CKA_ID, by which the key is found again
TAG_BITS = 128  # NIST SP 800-38D §5.2.1.2
_CHECK = b"daypass: does this key work?"


@dataclass(frozen=True, slots=True)
class Token:
    """Where the key is: the module (a shared library), the token's label, the key's label, the user PIN."""

    module: Path
    label: str
    key: str
    pin: Secret


class _Parameters(msgspec.Struct, frozen=True, tag="pkcs11", tag_field="kind", forbid_unknown_fields=True):
    id: str  # CKA_ID, hex: a second key of the same label is not taken for the first


class Pkcs11Key:
    """The root key in a token. Each call has a session of its own, so that a token that went away and came back serves on."""

    def __init__(self, token: Token) -> None:
        self._token = token
        self._id = b""

    @property
    def where(self) -> str:
        return f"the key {self._token.key!r} in the token {self._token.label!r}"

    def begin(self) -> bytes:
        """Use the key with the label if the token has one, else have the token make it."""
        from pkcs11 import Attribute, KeyType, ObjectClass

        with self._session(writable=True) as session:
            wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self._token.key}
            found = list(session.get_objects(wanted))
            if len(found) > 1:
                raise ConfigError(f"The token {self._token.label!r} holds {len(found)} keys {self._token.key!r}: one is needed")
            if not found:
                closed = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True}
                id = os.urandom(ID_BYTES)
                found = [session.generate_key(KeyType.AES, 8 * KEY_BYTES, id=id, label=self._token.key, store=True, template=closed)]
            self._verify(found[0])
            self._id = bytes(found[0][Attribute.ID])
        return msgspec.json.encode(_Parameters(self._id.hex()))

    def resume(self, parameters: bytes) -> None:
        """Find the key that the database was begun with."""
        kept = read_parameters(parameters, _Parameters)
        self._id = bytes.fromhex(kept.id)
        with self._session() as session:
            self._verify(self._key(session))

    def wrap(self, key: bytes, bound_to: bytes) -> bytes:
        with self._session() as session:
            return _encrypt(self._key(session), key, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """The key in `wrapped`. Raises WrongKey, once it is certain that the token itself works."""
        from pkcs11 import PKCS11Error

        with self._session() as session:
            key = self._key(session)
            try:
                return _decrypt(key, wrapped, bound_to)
            except PKCS11Error as failure:
                # tokens answer a tag that does not match by different errors (SoftHSM: CKR_GENERAL_ERROR), as they do when they are broken
                if _decrypt(key, _encrypt(key, _CHECK, b""), b"") != _CHECK:
                    raise ConfigError(f"{self.where} does not give back what it encrypted") from None
                raise WrongKey(type(failure).__name__) from None

    def _key(self, session: pkcs11.Session) -> Any:
        from pkcs11 import Attribute, ObjectClass

        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self._token.key, Attribute.ID: self._id}
        found = list(session.get_objects(wanted))
        if len(found) != 1:
            raise ConfigError(
                f"The token {self._token.label!r} holds {len(found)} keys {self._token.key!r} with the id {self._id.hex()}, "
                "which this database was made with. Give the right token and label. Nothing was changed."
            )
        return found[0]

    def _verify(self, key: Any) -> None:
        """Raises ConfigError for a key that could be carried away, or that is none for AES-256-GCM."""
        from pkcs11 import Attribute, KeyType

        if key[Attribute.KEY_TYPE] != KeyType.AES or key[Attribute.VALUE_LEN] != KEY_BYTES:
            raise ConfigError(f"{self.where} is no AES key of {8 * KEY_BYTES} bits")
        if key[Attribute.EXTRACTABLE] or not key[Attribute.SENSITIVE]:
            raise ConfigError(f"{self.where} can be read out of it: make one with CKA_SENSITIVE and without CKA_EXTRACTABLE")
        if not key[Attribute.ID]:
            raise ConfigError(f"{self.where} has no CKA_ID, by which it is found again: give it one")

    @contextmanager
    def _session(self, *, writable: bool = False) -> Iterator[pkcs11.Session]:
        """A session in which the user is logged in. Raises KeyAway, or ConfigError for what waiting cannot mend."""
        import pkcs11

        module = str(self._token.module)
        if not self._token.module.is_file():
            raise ConfigError(f"The PKCS#11 module {module} is not there: --hsm-module names the token's own library")
        try:
            library = pkcs11.lib(module)
            token = _find(library, self._token.label)
            if pkcs11.Mechanism.AES_GCM not in token.slot.get_mechanisms():
                raise ConfigError(f"The token {self._token.label!r} does not offer CKM_AES_GCM")
            with token.open(rw=writable, user_pin=self._token.pin.reveal().decode()) as session:
                yield session
        except pkcs11.PKCS11Error as failure:
            self._fail(failure)

    def _fail(self, failure: pkcs11.PKCS11Error) -> NoReturn:
        import pkcs11 as p11

        name, label = type(failure).__name__, self._token.label
        # INVARIANT: a PIN that was refused is not tried again, since tokens lock themselves after a few tries
        pin = (p11.PinIncorrect, p11.PinInvalid, p11.PinLenRange, p11.PinLocked, p11.PinExpired, p11.UserPinNotInitialized)
        if isinstance(failure, pin):
            raise ConfigError(f"The token {label!r} refuses the PIN of --hsm-pin-file ({name}). It is not tried again.") from None
        detail = f"{name} {failure}".rstrip()
        if isinstance(failure, p11.TokenWriteProtected | p11.MechanismInvalid | p11.MultipleTokensReturned | p11.TemplateInconsistent):
            raise ConfigError(f"The token {label!r} cannot serve: {detail}") from None
        raise KeyAway(f"the token {label!r} of {self._token.module} does not answer: {detail}", "its key's token does not answer") from None


def _find(library: Any, label: str) -> Any:
    """The token. A module may know only those that were there when it was begun with, so it is begun with anew for one it does not know."""
    import pkcs11

    try:
        return library.get_token(token_label=label)
    except (pkcs11.NoSuchToken, pkcs11.TokenNotPresent, pkcs11.DeviceRemoved, pkcs11.GeneralError):
        library.reinitialize()
        return library.get_token(token_label=label)


def _encrypt(key: Any, plain: bytes, bound_to: bytes) -> bytes:
    """Nonce and AES-256-GCM of `plain`, with `bound_to` as associated data."""
    from pkcs11 import GCMParams, Mechanism

    nonce = os.urandom(NONCE_BYTES)
    return nonce + bytes(key.encrypt(plain, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, bound_to, TAG_BITS)))


def _decrypt(key: Any, sealed: bytes, bound_to: bytes) -> bytes:
    from pkcs11 import GCMParams, Mechanism

    if len(sealed) <= NONCE_BYTES + TAG_BITS // 8:
        raise WrongKey("too short")
    parameters = GCMParams(sealed[:NONCE_BYTES], bound_to, TAG_BITS)
    return bytes(key.decrypt(sealed[NONCE_BYTES:], mechanism=Mechanism.AES_GCM, mechanism_param=parameters))
