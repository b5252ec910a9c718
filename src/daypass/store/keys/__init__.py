"""Root keys and the envelope under them. Where a root key lives is one file each: key file, passphrase; later KMS and PKCS#11."""

from pathlib import Path

from daypass.store.keys.envelope import Envelope, Unsealable
from daypass.store.keys.file import FileKey
from daypass.store.keys.passphrase import PassphraseKey
from daypass.store.keys.root import RootKey, WrongKey
from daypass.values.secret import Secret

__all__ = ["Envelope", "FileKey", "PassphraseKey", "RootKey", "Unsealable", "WrongKey", "root_key"]


def root_key(file: Path, passphrase: Secret | None = None) -> RootKey:
    """The root key of the settings: derived from `passphrase` when there is one, else in the key file `file`."""
    return PassphraseKey(passphrase) if passphrase is not None else FileKey(file)
