"""Claims, tokens and key sets for the tests of token verification."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from daypass.proof import jwt
from rig.idp import PrivateKey, public_jwk
from unit.proof.keys import key_for, signed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
ISSUER = "https://idp.example.com/tenant"
AUDIENCE = "sts.amazonaws.com"


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims; a change to None leaves one out."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "repo:acme/app", "iat": EPOCH, "exp": EPOCH + 600} | changes
    return {name: value for name, value in good.items() if value is not None}


def token(payload: Any = None, algorithm: str = "RS256", key: PrivateKey | bytes | None = None, **header: Any) -> str:
    members = {"alg": algorithm, "typ": "JWT", "kid": "k"} | header
    kept = {name: value for name, value in members.items() if value is not None}
    body = payload if isinstance(payload, bytes) else json.dumps(claims() if payload is None else payload).encode()
    return signed(json.dumps(kept), body, key_for(algorithm) if key is None else key)


def jwks(*keys: dict[str, Any]) -> jwt.KeySet:
    return jwt.read_jwks(json.dumps({"keys": list(keys)}).encode())


def key_set(algorithm: str = "RS256", **members: Any) -> jwt.KeySet:
    return jwks(public_jwk(key_for(algorithm), **({"kid": "k"} | members)))


def verify(text: str, keys: jwt.KeySet | None = None, **how: Any) -> jwt.Token:
    asked: dict[str, Any] = {"issuer": ISSUER, "audiences": (AUDIENCE,), "now": NOW} | how
    return jwt.verify_token(text, key_set() if keys is None else keys, **asked)
