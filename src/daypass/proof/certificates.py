"""Reads certificates and private keys that people hand in as PEM: strict armour, sound keys, pairs and chains that fit.

Does not judge whom a certificate was issued to, nor whether its root is trusted; knows no time. Source: RFC 7468 (PEM), RFC 5280 (X.509).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from enum import Enum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

MIN_RSA_BITS = 2048  # NIST SP 800-131A
MAX_RSA_BITS = 8192  # ours: a larger modulus only buys its owner our CPU time
MAX_CHAIN = 10  # certificates above the first; ours: no public chain has more than four
BLANK = " \t\r\n"

Certificate = x509.Certificate
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class Flaw(Enum):
    """What is wrong with a key or certificate."""

    SYNTAX = "it cannot be read"
    ENCRYPTED = "the key is encrypted"
    WEAK = "its key is not RSA of 2048 to 8192 bits or EC on P-256, P-384 or P-521"
    PAIR = "key and certificate do not belong together"
    CHAIN = "a certificate was not issued by the next one"


class CertificateError(ValueError):
    """A certificate or key that is not taken; `at` is the place in the chain that is wrong, from 0."""

    def __init__(self, flaw: Flaw, at: int = 0) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw
        self.at = at


def read_base64(text: str) -> bytes:
    """Decode base64 in which nothing but XML's and PEM's white space may stand. Raises CertificateError."""
    try:
        return base64.b64decode(text.translate({ord(blank): None for blank in BLANK}).encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise CertificateError(Flaw.SYNTAX) from None


def read_der(der: bytes) -> x509.Certificate:
    """The certificate in `der`, with a key that is strong enough. Raises CertificateError."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.extensions  # noqa: B018  # read lazily; a certificate whose extensions cannot be read is not taken
        key = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise CertificateError(Flaw.SYNTAX) from None
    _verify_strong(key)
    return certificate


def read_pem(text: str, most: int = 1) -> list[x509.Certificate]:
    """The 1 to `most` certificates in `text`, which holds nothing else. Raises CertificateError."""
    found: list[x509.Certificate] = []
    at, end = 0, len(text.rstrip(BLANK))
    while at < end:
        # (1) armour, then armour: text between blocks would be read by others and not by us
        begin = text.find(_BEGIN, at)
        close = text.find(_END, begin)
        if begin < 0 or close < 0 or text[at:begin].strip(BLANK) or len(found) == most:
            raise CertificateError(Flaw.SYNTAX, len(found))
        try:
            found.append(read_der(read_base64(text[begin + len(_BEGIN) : close])))  # (2) base64 without junk, (3) DER
        except CertificateError as error:
            raise CertificateError(error.flaw, len(found)) from None
        at = close + len(_END)
    if not found:
        raise CertificateError(Flaw.SYNTAX)
    return found


def read_private_key(text: str) -> PrivateKey:
    """The private key in `text`, PEM without a passphrase. Raises CertificateError."""
    try:
        key = serialization.load_pem_private_key(text.encode("utf-8"), password=None)
    except TypeError:
        raise CertificateError(Flaw.ENCRYPTED) from None  # cryptography's way to ask for the passphrase
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError(Flaw.SYNTAX) from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise CertificateError(Flaw.WEAK)
    _verify_strong(key.public_key())
    return key


def der_of(key: PrivateKey) -> bytes:
    """PKCS #8, not encrypted."""
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def digest_of(certificate: x509.Certificate) -> str:
    """The SHA-256 of its DER in hex: the same certificate has the same, however its PEM was broken into lines."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def verify_pair(certificate: x509.Certificate, key: PrivateKey) -> None:
    """Raise CertificateError unless `certificate` is for `key`."""
    if certificate.public_key() != key.public_key():
        raise CertificateError(Flaw.PAIR)


def verify_chain(certificate: x509.Certificate, chain: Sequence[x509.Certificate]) -> None:
    """Raise CertificateError unless each of `chain` issued the one before it, the first `certificate` (RFC 5280 §6.1: names, signature)."""
    for at, (issued, issuer) in enumerate(zip((certificate, *chain), chain, strict=False)):
        try:
            issued.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            raise CertificateError(Flaw.CHAIN, at) from None


def _verify_strong(key: object) -> None:
    if isinstance(key, rsa.RSAPublicKey) and MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        return
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1):
        return
    raise CertificateError(Flaw.WEAK)
