"""What the cryptography of one AssumeRoleWithWebIdentity takes in C: with HTTP's floor the limit below which nobody comes."""

from __future__ import annotations

import hashlib
import hmac
import os
import statistics
import time
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TURNS, REPEATS = 400, 7
TOKEN, SEALED, LINE = 400, 300, 1200  # bytes: what an RS256 token signs, a session, a ledger line


def web_identity() -> float:
    """µs of CPU: verify RS256 (2048 bits), seal a session, derive its secret, random bytes, and the MAC of a ledger line."""
    private = rsa.generate_private_key(65537, 2048)
    public, text = private.public_key(), os.urandom(TOKEN)
    signature = private.sign(text, padding.PKCS1v15(), hashes.SHA256())
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    aead, key, plain, line = AESGCM(os.urandom(32)), os.urandom(32), os.urandom(SEALED), os.urandom(LINE)

    def once() -> None:
        public.verify(signature, text, scheme, digest)
        aead.encrypt(os.urandom(12), plain, b"prefix")
        hmac.digest(key, plain[:36], "sha256")
        hashlib.sha256(line).digest()

    return _microseconds(once)


def _microseconds(once: Callable[[], None]) -> float:
    took = []
    for _ in range(REPEATS):
        begun = time.process_time()
        for _ in range(TURNS):
            once()
        took.append((time.process_time() - begun) / TURNS * 1e6)
    return statistics.median(took)
