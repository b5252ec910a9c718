"""TLS of the listeners: one certificate and its key, read anew when their files change without any connection noticing, and told of before
it expires. Does not say when to look (app.py does), and issues no certificate beyond one that signs itself.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from ipaddress import ip_address
from math import inf
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from daypass.values.errors import ConfigError

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2; forward secrecy and AEAD alone (RFC 9325 §4.2), as all of TLS 1.3's are
WARN_DAYS = (30, 7, 1)  # before the end (fault F-26)
SELF_SIGNED_DAYS = 397  # what Apple's clients and browsers take at most
RENEW_DAYS = 30  # before the end of a certificate of our own
_DAY = timedelta(days=1)

log = logging.getLogger(__name__)


class Certificate:
    """A PEM chain and the PEM key of its first certificate. `context` is for the listeners, and stays when the files are read anew.
    `renew`, when there is one, is called in the last RENEW_DAYS, to write other files.

    Raises ConfigError, naming the setting and the file, for such as cannot be used.
    """

    def __init__(self, chain: Path, key: Path, renew: Callable[[datetime], object] | None = None) -> None:
        self._chain, self._key, self._renew = chain, key, renew
        self._mark = self._marks()
        self._told = inf  # the smallest of WARN_DAYS, or 0 for the end, that was told of
        self._use(*_read(chain, key))
        if key.stat().st_mode & 0o007:
            log.warning("the TLS key can be read by every user of this host", extra={"mend": f"chmod o= {key}"})
        self.context = _bare_context()
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, name: str, initial: ssl.SSLContext) -> None:
        # called for clients without a name as well. Each pair has its own context: one would keep an RSA key beside the new EC key
        connection.context = self._current

    def _use(self, context: ssl.SSLContext, leaf: x509.Certificate) -> None:
        self._current, self.not_after, self._told = context, leaf.not_valid_after_utc, inf

    def seconds_left(self, now: datetime) -> float:
        """Seconds from `now` (UTC) to the end of the certificate; less than 0 when it has expired."""
        return (self.not_after - now).total_seconds()

    def look(self, now: datetime) -> None:
        """Read the files anew if they have changed, and tell of an end that is near."""
        if self._renew is not None and self.seconds_left(now) <= RENEW_DAYS * _DAY.total_seconds():
            with suppress(OSError):  # what cannot be written now can be in a second; the end that comes nearer is told of
                self._renew(now)
        mark = self._marks()
        if mark != self._mark:
            self._mark = mark
            self.reload()
        self._tell(now)

    def reload(self) -> bool:
        """Read the files. Whether it was done; a pair that cannot be used is told of in the log, and the one before goes on."""
        try:
            self._use(*_read(self._chain, self._key))
        except ConfigError as error:
            log.error("the new TLS certificate cannot be used: the one before goes on", extra={"reason": str(error)})
            return False
        log.warning("the TLS certificate was read anew", extra={"not_after": self.not_after.isoformat()})
        return True

    def _tell(self, now: datetime) -> None:
        days = self.seconds_left(now) / _DAY.total_seconds()
        reached = 0.0 if days <= 0 else min((float(limit) for limit in WARN_DAYS if days <= limit), default=inf)
        if reached >= self._told:
            return
        self._told = reached
        facts = {"not_after": self.not_after.isoformat(), "file": str(self._chain), "days_left": round(days, 1)}
        if reached:
            log.warning("the TLS certificate expires soon: replace its files", extra=facts)
        else:
            log.error("the TLS certificate has expired: replace its files", extra=facts)

    def _marks(self) -> list[tuple[int, int, int]]:
        marks = []
        for path in (self._chain, self._key):
            with suppress(OSError):  # said when it is read
                found = path.stat()
                marks.append((found.st_mtime_ns, found.st_ino, found.st_size))
        return marks


def _read(chain: Path, key: Path) -> tuple[ssl.SSLContext, x509.Certificate]:
    """A context with the pair, and the certificate. Raises ConfigError."""
    # (1) each file by itself, so that what is said names the one that is wrong
    leaf = _read_leaf(chain)
    secret = _read_key(key)
    # (2) that they belong together
    spki = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if secret.public_key().public_bytes(*spki) != leaf.public_key().public_bytes(*spki):
        raise ConfigError(f"--tls-key: {key} is not the key of the first certificate in {chain}")
    # (3) what OpenSSL says of them: a key too short, a chain it cannot read
    context = _bare_context()
    try:
        context.load_cert_chain(chain, key, password=lambda: b"")  # never a prompt
    except OSError as error:  # SSLError is one
        raise ConfigError(f"--tls-cert, --tls-key: {chain} with {key} cannot be used: {error.strerror or error}") from error
    return context, leaf


def _read_leaf(chain: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(chain.read_bytes())[0]
    except OSError as error:
        raise ConfigError(f"--tls-cert: {chain} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"--tls-cert: {chain} holds no PEM certificate that can be read") from error


def _read_key(key: Path) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(key.read_bytes(), None)
    except OSError as error:
        raise ConfigError(f"--tls-key: {key} cannot be read: {error.strerror}") from error
    except TypeError as error:
        raise ConfigError(f"--tls-key: {key} is encrypted: openssl pkey -in {key} -out PLAIN.pem (then chmod 600 PLAIN.pem)") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"--tls-key: {key} holds no PEM private key that can be read") from error


def _bare_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 9325 §3.1.1
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    return context


def self_signed(directory: Path, names: Iterable[str], now: datetime) -> tuple[Path, Path]:
    """The files of a certificate that signs itself, for `names` (hosts and addresses), and of its key (mode 0600), both in `directory`.

    ECDSA on P-256. Made when there is none yet, when it is for other names, and in its last RENEW_DAYS. For trying things out: callers
    have to be told to trust exactly this one.
    """
    chain, key = directory / "cert.pem", directory / "key.pem"
    wanted = sorted({*names, "localhost", "127.0.0.1", "::1"})
    with suppress(ConfigError):  # of none, or of one that cannot be used, another is made
        leaf = _read(chain, key)[1]
        if _names(leaf) == wanted and leaf.not_valid_after_utc - now > RENEW_DAYS * _DAY:
            return chain, key
    directory.mkdir(mode=0o700, exist_ok=True)
    secret = ec.generate_private_key(ec.SECP256R1())
    made = _issue(secret, wanted, now)
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for path, pem in ((key, secret.private_bytes(*plain)), (chain, made.public_bytes(serialization.Encoding.PEM))):
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        draft.replace(path)
    return chain, key


def _issue(secret: ec.EllipticCurvePrivateKey, names: list[str], now: datetime) -> x509.Certificate:
    """RFC 5280: an end entity that is its own issuer."""
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "daypass, signed by itself")])
    public = secret.public_key()
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False
    )
    return (
        x509.CertificateBuilder(own, own, public, x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + (SELF_SIGNED_DAYS - 1) * _DAY)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, encipher_only=False, decipher_only=False, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(secret, hashes.SHA256())
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return sorted(str(name.value) for name in found)
