"""The sample company's identity provider: an OpenID Connect issuer over TLS on loopback that signs RS256 tokens. Checks nothing."""

from __future__ import annotations

import base64
import ipaddress
import json
import ssl
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
KEY_ID = "demo-1"
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
TOKEN_SECONDS = 300
RSA_BITS = 2048


class Provider:
    """The issuer; `authority` is the file with the certificate that its TLS clients must trust. `folder` receives both files."""

    def __init__(self, folder: Path) -> None:
        self._key = rsa.generate_private_key(65537, RSA_BITS)
        self.authority = folder / "provider-ca.pem"
        private = folder / "provider.pem"
        _write_certificate(self.authority, private)
        self._server = ThreadingHTTPServer((HOST, 0), _pages(self))
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(private)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def issuer(self) -> str:
        """The issuer's URL."""
        return f"https://{self.name}"

    @property
    def name(self) -> str:
        """The issuer's URL without its scheme, as provider ARNs and condition keys carry it."""
        return f"{HOST}:{self._server.server_address[1]}"

    def token(self, subject: str, audience: str, now: datetime) -> str:
        """A token for `subject` and `audience`, issued at `now`."""
        issued = int(now.timestamp())
        header = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        claims = {"iss": self.issuer, "sub": subject, "aud": audience, "iat": issued, "exp": issued + TOKEN_SECONDS}
        signed = f"{_text(json.dumps(header).encode())}.{_text(json.dumps(claims).encode())}"
        return f"{signed}.{_text(self._key.sign(signed.encode('ascii'), padding.PKCS1v15(), hashes.SHA256()))}"

    def page(self, path: str) -> Mapping[str, Any] | None:
        """What the issuer publishes at `path`."""
        if path == DISCOVERY:
            return {
                "issuer": self.issuer,
                "jwks_uri": self.issuer + KEYS,
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        if path == KEYS:
            numbers = self._key.public_key().public_numbers()
            n, e = (_text(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
            return {"keys": [{"kty": "RSA", "kid": KEY_ID, "use": "sig", "alg": "RS256", "n": n, "e": e}]}
        return None


def _text(raw: bytes) -> str:
    """base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _pages(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Pages(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            page = provider.page(self.path)
            body = json.dumps(page or {"error": "not_found"}).encode("ascii")
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    return Pages


def _write_certificate(authority: Path, private: Path) -> None:
    """A CA, kept nowhere but in its certificate, and a server certificate of it with its key."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name, name = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("daypass demo CA", "daypass demo provider"))
    now = datetime.now(UTC)

    def begun(subject: x509.Name, public: ec.EllipticCurvePublicKey, ca: bool) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)

    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    ca = begun(ca_name, ca_key.public_key(), True).add_extension(usage, critical=True).sign(ca_key, hashes.SHA256())
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    leaf = begun(name, key.public_key(), False).add_extension(address, critical=False).sign(ca_key, hashes.SHA256())
    authority.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.touch(mode=0o600)
    private.write_bytes(text + leaf.public_bytes(serialization.Encoding.PEM))
