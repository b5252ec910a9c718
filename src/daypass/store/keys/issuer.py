"""New private keys for an account's issuer of identity tokens. Does not keep them (its record does) nor sign with them."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from daypass.values.secret import Secret

RSA_BITS = 2048  # NIST SP 800-131A


def make_issuer_keys() -> tuple[Secret, Secret]:
    """An RSA and a P-384 key (PKCS #8, DER). Takes some 100 ms."""
    return _der(rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)), _der(ec.generate_private_key(ec.SECP384R1()))


def _der(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> Secret:
    form = serialization.PrivateFormat.PKCS8
    return Secret(key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption()))
