"""Keys and signatures for the tests of tokens, each made once: the mutation run asks for the same ones again and again."""

from __future__ import annotations

import json
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rig.idp import PrivateKey, jws

CURVES: dict[str, ec.EllipticCurve] = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
ALGORITHMS = ["RS256", "RS384", "RS512", *CURVES]


@cache
def private_key(name: str) -> PrivateKey:
    """A key made once: "rsa", "rsa-2", "rsa-1024", "rsa-e3" or the name of an ES algorithm."""
    if name in CURVES:
        return ec.generate_private_key(CURVES[name])
    return rsa.generate_private_key(3 if name.endswith("e3") else 65537, 1024 if name.endswith("1024") else 2048)


def key_for(algorithm: str) -> PrivateKey:
    return private_key(algorithm if algorithm in CURVES else "rsa")


@cache
def signed(header: str, payload: bytes, key: PrivateKey | bytes) -> str:
    """The token over a header (JSON) and a payload."""
    return jws(json.loads(header), payload, key)
