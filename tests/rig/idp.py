"""A loopback OpenID Connect issuer that tests steer: signs any header and claims, rotates keys, counts fetches, can misbehave.

It verifies nothing: it makes what daypass must judge.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/jwks"
HOST = "127.0.0.1"
HANDSHAKE_SECONDS = 30

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Answer = tuple[int, Mapping[str, str], bytes]  # status, headers, body
Behaviour = Callable[[], Answer]


def b64(data: bytes) -> str:
    """base64url without padding, as JOSE writes it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def int_b64(number: int, size: int | None = None) -> str:
    """An integer as JWK writes it, big-endian in `size` bytes or in as few as it takes."""
    return b64(number.to_bytes(size or (number.bit_length() + 7) // 8, "big"))


def public_jwk(key: PrivateKey, **members: object) -> dict[str, object]:
    """The public half of `key` as a JWK with further `members` (kid, alg, use …)."""
    if isinstance(key, rsa.RSAPrivateKey):
        public = key.public_key().public_numbers()
        return {"kty": "RSA", "n": int_b64(public.n), "e": int_b64(public.e), **members}
    point = key.public_key().public_numbers()
    size = (key.curve.key_size + 7) // 8
    return {"kty": "EC", "crv": f"P-{key.curve.key_size}", "x": int_b64(point.x, size), "y": int_b64(point.y, size), **members}


def _signature(algorithm: str, key: PrivateKey | bytes | None, data: bytes) -> bytes:
    if isinstance(key, bytes):
        return hmac.digest(key, data, {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[algorithm])
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}.get(algorithm[-3:], hashes.SHA256())
    if isinstance(key, rsa.RSAPrivateKey):
        if algorithm.startswith("PS"):
            return key.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        return key.sign(data, padding.PKCS1v15(), digest)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    return b""


def jws(header: Mapping[str, object], payload: bytes | Mapping[str, object], key: PrivateKey | bytes | None) -> str:
    """A compact JWS with exactly `header`, signed by `key` as its `alg` says: bytes are an HMAC key, None signs nothing."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signed = f"{b64(json.dumps(header).encode())}.{b64(body)}"
    return f"{signed}.{b64(_signature(str(header.get('alg', '')), key, signed.encode()))}"


def json_answer(document: object, status: int = 200) -> Answer:
    """An answer as a well-behaved issuer gives it."""
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


class Idp:
    """The issuer, serving HTTPS on 127.0.0.1 with a certificate of its own CA (`ca_file`).

    Every path prefix is an issuer of its own: `idp.issuer("/a")` has its discovery page below `/a`. All share `keys`. `hits` counts
    requests by path. `behaviours[path]` replaces the answer of a path; `reset()` makes it well-behaved again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self.keys: dict[str, PrivateKey] = {}
        self.hits: Counter[str] = Counter()
        self.behaviours: dict[str, Behaviour] = {}
        self.add_key("rsa-1", rsa.generate_private_key(65537, 2048))
        self.add_key("ec-1", ec.generate_private_key(ec.SECP256R1()))
        self._first = dict(self.keys)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(make_certificates(folder))
        self._server = _Server(_handler_for(self), context)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The issuer without a path."""
        return self.issuer("")

    @property
    def name(self) -> str:
        """`url` without its scheme, as provider ARNs and condition keys carry it."""
        return self.url.removeprefix("https://")

    @property
    def broken(self) -> list[str]:
        """The last handshakes that came to nothing."""
        return list(self._server.broken)

    def issuer(self, path: str) -> str:
        """The issuer whose path is `path` ("" or "/something")."""
        return f"https://{HOST}:{self.port}{path}"

    def add_key(self, key_id: str, key: PrivateKey) -> None:
        """Publish one more key."""
        self.keys[key_id] = key

    def rotate(self, key_id: str, algorithm: str = "RS256") -> None:
        """Withdraw every key and publish a new one for `algorithm` (RS… or ES256) under `key_id`."""
        fresh = rsa.generate_private_key(65537, 2048) if algorithm.startswith(("RS", "PS")) else ec.generate_private_key(ec.SECP256R1())
        self.keys = {key_id: fresh}

    def reset(self) -> None:
        """Back to the first keys, good behaviour and no hits."""
        self.keys = dict(self._first)
        self.behaviours.clear()
        self.hits.clear()

    def jwks(self) -> dict[str, object]:
        """The published key set."""
        return {"keys": [public_jwk(key, kid=kid, use="sig", alg=_default_algorithm(key)) for kid, key in self.keys.items()]}

    def claims(self, *, path: str = "", now: datetime | None = None, lifetime: int = 600, **changes: object) -> dict[str, object]:
        """Good claims for audience "sts.amazonaws.com" and subject "repo:acme/app"; a change to None leaves the claim out."""
        issued = int((now or datetime.now(UTC)).timestamp())
        good: dict[str, object] = {
            "iss": self.issuer(path),
            "aud": "sts.amazonaws.com",
            "sub": "repo:acme/app",
            "iat": issued,
            "exp": issued + lifetime,
        }
        return {key: value for key, value in (good | changes).items() if value is not None}

    def token(
        self,
        claims: Mapping[str, object] | bytes | None = None,
        *,
        key_id: str = "rsa-1",
        key: PrivateKey | bytes | None = None,
        header: Mapping[str, object] | None = None,
    ) -> str:
        """A token over `claims` (good ones without), signed with the published key `key_id`, or with `key`.

        `header` changes members of the header; a change to None leaves one out.
        """
        signer = self.keys[key_id] if key is None else key
        algorithm = "HS256" if isinstance(signer, bytes) else _default_algorithm(signer)
        members = {"alg": algorithm, "typ": "JWT", "kid": key_id} | dict(header or {})
        return jws(
            {name: value for name, value in members.items() if value is not None}, self.claims() if claims is None else claims, signer
        )

    def misbehave(self, path: str, answer: Answer | Behaviour) -> None:
        """Answer `path` (for example DISCOVERY or JWKS) like this from now on."""
        self.behaviours[path] = answer if callable(answer) else (lambda: answer)

    def garbage(self, path: str) -> None:
        """Answer `path` with bytes that are no JSON."""
        self.misbehave(path, (200, {"Content-Type": "application/json"}, b"\x00\xff{not json"))

    def slow(self, path: str, seconds: float) -> None:
        """Answer `path` well, but only after `seconds`."""
        good = self._good(path)

        def wait() -> Answer:
            time.sleep(seconds)
            return good()

        self.misbehave(path, wait)

    def redirect(self, path: str, location: str) -> None:
        """Answer `path` with a 302 to `location`."""
        self.misbehave(path, (302, {"Location": location}, b""))

    def answer(self, path: str) -> Answer:
        """What is answered to GET `path`."""
        self.hits[path] += 1
        return self.behaviours.get(path, self._good(path))()

    def _good(self, path: str) -> Behaviour:
        if path.endswith(DISCOVERY):
            issuer = self.issuer(path.removesuffix(DISCOVERY))
            return lambda: json_answer(
                {
                    "issuer": issuer,
                    "jwks_uri": issuer + JWKS,
                    "id_token_signing_alg_values_supported": ["RS256", "ES256"],
                    "response_types_supported": ["id_token"],
                    "subject_types_supported": ["public"],
                }
            )
        if path.endswith(JWKS):
            return lambda: json_answer(self.jwks())
        return lambda: json_answer({"error": "not_found"}, 404)


def _default_algorithm(key: PrivateKey) -> str:
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else f"ES{key.curve.key_size}"


class _Server(ThreadingHTTPServer):
    """Takes connections and leaves all else, the handshake too, to a thread for each: whoever stalls or breaks off stalls nobody."""

    daemon_threads = True
    request_queue_size = 128  # with a short queue a burst loses connections, and a client tries again only after seconds

    def __init__(self, handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext) -> None:
        super().__init__((HOST, 0), handler)
        self._context = context
        self.broken: deque[str] = deque(maxlen=8)

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(HANDSHAKE_SECONDS)
        try:
            secure = self._context.wrap_socket(request, server_side=True)
        except OSError as error:
            self.broken.append(repr(error))  # a case under test as well
            return
        with secure:
            super().finish_request(secure, client_address)


def _handler_for(idp: Idp) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            status, headers, body = idp.answer(self.path.partition("?")[0])
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                self.close_connection = True  # the other side had enough; that is a case under test

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionResetError, ssl.SSLError, TimeoutError):
                return  # the other side broke off, a case under test as well

        def log_message(self, *_: Any) -> None:
            return

    return Handler


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None,
    extensions: Iterable[x509.ExtensionType],
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signer_name, signer_key = issuer or (subject, key)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(signer_name).public_key(key.public_key())
    builder = (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(signer_key, hashes.SHA256())


def make_certificates(folder: Path) -> Path:
    """Write `ca.pem` and a key with its certificate for 127.0.0.1 and localhost; the path of the latter."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    ca = _certificate(
        f"daypass test CA {hashlib.sha256(str(folder).encode()).hexdigest()[:8]}",
        ca_key,
        None,
        [x509.BasicConstraints(ca=True, path_length=0), usage, x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())],
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST)), x509.DNSName("localhost")])
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    leaf = _certificate(
        "daypass test IdP", key, (ca.subject, ca_key), [x509.BasicConstraints(ca=False, path_length=None), names, authority]
    )
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "idp.pem").write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
    (folder / "idp.pem").chmod(0o600)
    return folder / "idp.pem"
