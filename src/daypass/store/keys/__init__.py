"""Root keys and the envelope under them. Where a root key lives is one file each: key file, passphrase, PKCS#11 token, KMS."""

from pathlib import Path

from daypass.store.keys.envelope import Envelope, Unsealable
from daypass.store.keys.file import FileKey
from daypass.store.keys.kms import Kms, KmsKey
from daypass.store.keys.passphrase import PassphraseKey
from daypass.store.keys.pkcs11 import Pkcs11Key, Token
from daypass.store.keys.private import read_private
from daypass.store.keys.root import RootKey
from daypass.values.errors import WrongKey
from daypass.values.secret import Secret

__all__ = [
    "Envelope",
    "FileKey",
    "Kms",
    "KmsKey",
    "PassphraseKey",
    "Pkcs11Key",
    "RootKey",
    "Token",
    "Unsealable",
    "WrongKey",
    "read_private",
    "root_key",
]


def root_key(at: Path | Secret | Token | Kms) -> RootKey:
    """The root key of the settings: in a key file, derived from a passphrase, in a PKCS#11 token, or in a KMS."""
    match at:
        case Path():
            return FileKey(at)
        case Secret():
            return PassphraseKey(at)
        case Token():
            return Pkcs11Key(at)
        case _:
            return KmsKey(at)
