"""Identity tokens: what an account says of its principal to others who trust it (JWT). Gives no access to anything of ours.

Source: RFC 7519 (JWT), RFC 7517 (JWK), OpenID Connect Discovery 1.0 §3.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from daypass.values.secret import Secret

ISSUERS = "/issuers/"  # below the server's own URL, where AWS has a host name for each account
ALGORITHMS = ("RS256", "ES384")  # STS API reference, GetWebIdentityToken, SigningAlgorithm


def sign_token(claims: Mapping[str, Any], algorithm: str, rsa_key: Secret, ec_key: Secret) -> Secret:
    """The JWT of `claims`, signed as `algorithm` (one of ALGORITHMS) asks. Its header names the key by its thumbprint."""
    key: RSAKey | ECKey = _rsa(rsa_key.reveal()) if algorithm == "RS256" else _ec(ec_key.reveal())
    header = {"alg": algorithm, "typ": "JWT", "kid": key.thumbprint()}
    return Secret(jws.serialize_compact(header, msgspec.json.encode(claims), key, algorithms=list(ALGORITHMS)))


def key_set(rsa_key: Secret, ec_key: Secret) -> bytes:
    """The JWK set (RFC 7517 §5) with the public halves."""
    keys: list[tuple[RSAKey | ECKey, str]] = [(_rsa(rsa_key.reveal()), "RS256"), (_ec(ec_key.reveal()), "ES384")]
    public = [{**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": algorithm} for key, algorithm in keys]
    return msgspec.json.encode({"keys": public})


def discovery(issuer: str, keys_url: str) -> bytes:
    """The discovery document of `issuer`, whose keys are at `keys_url`."""
    return msgspec.json.encode(
        {
            "issuer": issuer,
            "jwks_uri": keys_url,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": list(ALGORITHMS),
            "claims_supported": ["aud", "exp", "iat", "iss", "jti", "sub"],
        }
    )


@lru_cache(maxsize=256)  # to read a key costs more than to sign with it
def _rsa(der: bytes) -> RSAKey:
    return RSAKey.import_key(_pem(der))


@lru_cache(maxsize=256)
def _ec(der: bytes) -> ECKey:
    return ECKey.import_key(_pem(der))


def _pem(der: bytes) -> bytes:
    key = serialization.load_der_private_key(der, None)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
