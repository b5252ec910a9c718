"""Keys and tokens for the tests of token verification."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from daypass.proof import jwt
from rig.idp import PrivateKey, jws, public_jwk

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
ISSUER = "https://idp.example.com/tenant"
AUDIENCE = "sts.amazonaws.com"

CURVES: dict[str, ec.EllipticCurve] = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
ALGORITHMS = ["RS256", "RS384", "RS512", *CURVES]


@cache
def private_key(name: str) -> PrivateKey:
    """A key made once: "rsa", "rsa-2", "rsa-1024" or the name of an ES algorithm."""
    if name in CURVES:
        return ec.generate_private_key(CURVES[name])
    return rsa.generate_private_key(65537, 1024 if name.endswith("1024") else 2048)


def key_for(algorithm: str) -> PrivateKey:
    return private_key(algorithm if algorithm in CURVES else "rsa")


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims; a change to None leaves one out."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "repo:acme/app", "iat": EPOCH, "exp": EPOCH + 600} | changes
    return {name: value for name, value in good.items() if value is not None}


def token(payload: Any = None, algorithm: str = "RS256", key: PrivateKey | bytes | None = None, **header: Any) -> str:
    members = {"alg": algorithm, "typ": "JWT", "kid": "k"} | header
    return jws(
        {name: value for name, value in members.items() if value is not None},
        claims() if payload is None else payload,
        key_for(algorithm) if key is None else key,
    )


def jwks(*keys: dict[str, Any]) -> jwt.KeySet:
    return jwt.read_jwks(json.dumps({"keys": list(keys)}).encode())


def key_set(algorithm: str = "RS256", **members: Any) -> jwt.KeySet:
    return jwks(public_jwk(key_for(algorithm), **({"kid": "k"} | members)))


def verify(text: str, keys: jwt.KeySet | None = None, **how: Any) -> jwt.Token:
    asked: dict[str, Any] = {"issuer": ISSUER, "audiences": (AUDIENCE,), "now": NOW} | how
    return jwt.verify_token(text, key_set() if keys is None else keys, **asked)
