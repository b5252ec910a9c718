"""Identity tokens: what an account says of its principal to others who trust it (JWT). Gives no access to anything of ours.

Source: RFC 7519 (JWT), RFC 7517 (JWK), OpenID Connect Discovery 1.0 §3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from daypass.values.secret import Secret

ISSUERS = "/issuers/"  # below the server's own URL, where AWS has a host name for each account
ALGORITHMS = ("RS256", "ES384")  # STS API reference, GetWebIdentityToken, SigningAlgorithm


def sign_token(claims: Mapping[str, Any], algorithm: str, rsa_key: Secret, ec_key: Secret) -> Secret:
    """The JWT of `claims`, signed as `algorithm` (one of ALGORITHMS) asks. Its header names the key by its thumbprint."""
    key = _key(rsa_key if algorithm == "RS256" else ec_key)
    header = {"alg": algorithm, "typ": "JWT", "kid": key.thumbprint()}
    return Secret(jws.serialize_compact(header, msgspec.json.encode(claims), key, algorithms=list(ALGORITHMS)))


def key_set(rsa_key: Secret, ec_key: Secret) -> str:
    """The JWK set (RFC 7517 §5) with the public halves, as JSON."""
    keys = [(_key(rsa_key), "RS256"), (_key(ec_key), "ES384")]
    public = [{**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": algorithm} for key, algorithm in keys]
    return msgspec.json.encode({"keys": public}).decode("ascii")


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


def _key(der: Secret) -> RSAKey | ECKey:
    # what the store opened is what was sealed there, so that an RSA key need not be tried anew each time, which takes 80 ms
    key = serialization.load_der_private_key(der.reveal(), None, unsafe_skip_rsa_key_validation=True)
    if isinstance(key, rsa.RSAPrivateKey):
        return RSAKey.import_key(key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return ECKey.import_key(key)
    raise TypeError("an issuer signs with RSA or an elliptic curve")
