"""Reads SSH public keys as people hand them in, and writes them in the two ways that IAM shows them. Verifies no signature.

Source: RFC 4253 §6.6 (`ssh-rsa`), IAM API Reference, UploadSSHPublicKey: RSA of 2048 bits or more, as OpenSSH or PEM writes it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from daypass.proof.certificates import BLANK, MAX_RSA_BITS, MIN_RSA_BITS

MAX_RSA_EXPONENT = 2**64  # ours: a larger one only makes each verification dear

_PEM = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
_SSH = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH


class UnknownEncoding(ValueError):
    """The text begins neither as OpenSSH's nor as PEM's public keys do."""


class InvalidKey(ValueError):
    """The text is no RSA key of 2048 to 8192 bits."""


@dataclass(frozen=True, slots=True)
class SshPublicKey:
    """An RSA key: `blob` is OpenSSH's base64, `pem` a SubjectPublicKeyInfo."""

    blob: str
    pem: str

    @property
    def openssh(self) -> str:
        """One line, without a comment."""
        return f"ssh-rsa {self.blob}"

    @property
    def fingerprint(self) -> str:
        """MD5 of the blob in hex with colons, as `ssh-keygen -l -E md5` shows it. A name, not a protection."""
        digest = hashlib.md5(base64.b64decode(self.blob), usedforsecurity=False).digest()
        return digest.hex(":")


def read_ssh_key(text: str) -> SshPublicKey:
    """The key in `text`. Raises UnknownEncoding and InvalidKey."""
    stripped = text.strip(BLANK)
    try:
        if stripped.startswith("ssh-"):
            if "\n" in stripped or "\r" in stripped:  # one key in one line, or another reader would find another one
                raise InvalidKey("more than one line")
            key: object = serialization.load_ssh_public_key(stripped.encode("latin-1"))
        elif stripped.startswith("-----BEGIN "):
            key = serialization.load_pem_public_key(stripped.encode("latin-1"))
        else:
            raise UnknownEncoding("neither OpenSSH nor PEM")
    except UnsupportedAlgorithm:
        raise InvalidKey("not RSA") from None
    except (UnknownEncoding, InvalidKey):
        raise
    except ValueError:
        raise InvalidKey("not readable") from None
    if not isinstance(key, rsa.RSAPublicKey) or not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise InvalidKey("not RSA of 2048 to 8192 bits")
    if key.public_numbers().e >= MAX_RSA_EXPONENT:
        raise InvalidKey("the exponent is too large")
    blob = key.public_bytes(*_SSH).decode("ascii").split(" ")[1]
    return SshPublicKey(blob, key.public_bytes(*_PEM).decode("ascii"))
