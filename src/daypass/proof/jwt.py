"""Verifies OpenID Connect tokens. Does not fetch keys, know providers, or decide which role a subject may take.

Source: RFC 7515, RFC 7519, RFC 8725; OpenID Connect Core §3.1.3.7; fact sheet A §3.10; attack rows C16-C23, H45, H46.
Errors are Refusals with the codes of STS's model; what exactly was wrong goes to the ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from joserfc.jws import JWSRegistry

from daypass.proof.jose import ALGORITHMS, MAX_KEY_ID, KeySet, NotJson, read_base64url, read_json_object, read_jwks
from daypass.values.errors import Refusal
from daypass.values.folding import fold

__all__ = ["ClaimedToken", "KeySet", "Token", "read_jwks", "read_unverified", "verify_token"]

MAX_TOKEN = 20_000  # characters; STS model, clientTokenType
MAX_SUBJECT = 255  # characters; STS model, webIdentitySubjectType; OpenID Connect Core §2
MAX_AUDIENCES = 100  # ours; IAM allows 100 client ids per provider
FUTURE_SKEW = 300  # seconds that `iat` and `nbf` may lie ahead; fact sheet A §10.12. `exp` has no tolerance
LATEST = 253_402_300_799  # epoch seconds; the end of the year 9999, where datetime ends

GOOGLE = "https://accounts.google.com"  # its `azp` stands for the audience (fact sheet A §3.10)

_TYPES = frozenset(("jwt", "jose"))  # RFC 7519 §5.1; JWT-SVID §2.3. Others (at+jwt, logout+jwt, dpop+jwt …) are tokens of another kind


@dataclass(frozen=True, slots=True)
class ClaimedToken:
    """A token split and parsed but not believed. `key_id` None means that its header names no key."""

    header: Mapping[str, Any]
    issuer: str
    key_id: str | None
    algorithm: str
    payload: Mapping[str, Any] = field(repr=False)
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was verified. Times are epoch seconds; `token_id` is its `jti` or ""; `audience` the registered one that matched."""

    issuer: str
    subject: str
    audience: str
    audiences: tuple[str, ...]
    authorized_party: str
    issued: int
    expires: int
    token_id: str
    claims: Mapping[str, Any] = field(repr=False)


def read_unverified(token: str) -> ClaimedToken:
    """Split a compact JWS of at most 20,000 characters and parse it strictly. Raises Refusal InvalidIdentityToken."""
    if len(token) > MAX_TOKEN:
        raise _invalid("longer than 20,000 characters")
    parts = token.split(".", 5)
    if len(parts) != 3:
        raise _invalid("encrypted tokens are not taken" if len(parts) == 5 else "not three parts")
    try:
        header, algorithm, key_id = _read_header(parts[0])
        payload = read_json_object(read_base64url(parts[1]))
        signature = read_base64url(parts[2])
    except NotJson as error:
        raise _invalid(str(error)) from error
    issuer = payload.get("iss")
    if not isinstance(issuer, str) or not issuer:
        raise _missing("iss")
    return ClaimedToken(header, issuer, key_id, algorithm, payload, f"{parts[0]}.{parts[1]}".encode("ascii"), signature)


@lru_cache(maxsize=64)
def _read_header(text: str) -> tuple[Mapping[str, Any], str, str | None]:
    """A header with the algorithm and key id that it names; remembered, since all tokens of one key have the same.

    Embedded keys and key addresses (jwk, jku, x5u, x5c) are never looked at. Raises NotJson, Refusal.
    """
    header = read_json_object(read_base64url(text))
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _invalid(f"algorithm {str(algorithm)[:20]!r} is not taken")
    if "kid" in header and not (isinstance(key_id, str) and 0 < len(key_id) <= MAX_KEY_ID):
        raise _invalid("the key id is not a short string")
    if not isinstance(kind, str) or fold(kind) not in _TYPES:
        raise _invalid(f"a token of type {str(kind)[:40]!r}")
    for name in ("crit", "enc", "zip", "b64"):
        if name in header:
            raise _invalid(f"header member {name!r} is not taken")
    return MappingProxyType(header), algorithm, key_id


def verify_token(token: ClaimedToken | str, keys: KeySet, *, issuer: str, audiences: Collection[str], now: datetime) -> Token:
    """The facts of a token that `issuer` signed for one of `audiences` (the client ids registered here) and that is good now.

    `keys` are the issuer's own. Raises Refusal: InvalidIdentityToken, ExpiredTokenException, IDPRejectedClaim.
    """
    # (1) one strict parse; what was parsed is what is verified and what is used
    claimed = read_unverified(token) if isinstance(token, str) else token
    # (2) the key is the issuer's, and the key says which algorithm it serves (C16, C17, C19)
    key = keys.find(claimed.key_id, claimed.algorithm)
    if key is None:
        raise Refusal("InvalidIdentityToken", NO_KEY, private=f"no one key for kid {claimed.key_id!r} and {claimed.algorithm}")
    # (3) the signature over the bytes that arrived
    if not JWSRegistry.algorithms[claimed.algorithm].verify(claimed.signing_input, claimed.signature, key.key):
        raise Refusal("InvalidIdentityToken", "The ID Token's signature could not be verified", private="signature")
    # (4) the issuer, byte for byte (C22)
    if claimed.issuer != issuer:
        raise Refusal("InvalidIdentityToken", "Incorrect token issuer", private=f"issuer {claimed.issuer[:200]!r}")
    # (5) it is a token that says who somebody is, not an event such as a logout (H45; RFC 8417 §2.2)
    if "events" in claimed.payload:
        raise _invalid("an event token")
    # (6) its subject and times
    subject = claimed.payload.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
        raise _missing("sub")
    issued, expires = _verify_times(claimed.payload, int(now.timestamp()))
    # (7) its audience (C23)
    audience, named, party = _verify_audience(claimed.payload, issuer, audiences)
    token_id = claimed.payload.get("jti", "")
    if not isinstance(token_id, str):
        raise _invalid("jti is not a string")
    return Token(issuer, subject, audience, named, party, issued, expires, token_id, claimed.payload)


def _verify_times(payload: Mapping[str, Any], now: int) -> tuple[int, int]:
    """`iat` and `exp`, whole seconds both; exp is over at +0 s, iat and nbf may lie five minutes ahead."""
    issued, expires, begins = (_read_time(payload, name) for name in ("iat", "exp", "nbf"))
    if issued is None or expires is None:
        raise _missing("iat" if issued is None else "exp")
    if now >= expires:
        message = f"Token expired: current date/time {now} must be before the expiration date/time {expires}"
        raise Refusal("ExpiredTokenException", message)
    if issued > now + FUTURE_SKEW:
        raise Refusal("InvalidIdentityToken", "Token issued in the future", private=f"iat {issued} at {now}")
    if begins is not None and begins > now + FUTURE_SKEW:
        raise Refusal("InvalidIdentityToken", "Token is not yet valid", private=f"nbf {begins} at {now}")
    return issued, expires


def _read_time(payload: Mapping[str, Any], name: str) -> int | None:
    value = payload.get(name)
    if name not in payload:
        return None
    if type(value) is not int or not 0 <= value <= LATEST:  # a bool is an int too; fractions are refused as AWS refuses them
        raise _invalid(f"{name} is not a whole number of seconds")
    return value


def _verify_audience(payload: Mapping[str, Any], issuer: str, registered: Collection[str]) -> tuple[str, tuple[str, ...], str]:
    """The registered audience that matched, all audiences named, and `azp` or "".

    One of the audiences must be registered; where there are several and `azp` names the party that the token was issued to, that
    one must be registered too (OpenID Connect Core §3.1.3.7). Google's `azp`, when there, is itself the audience.
    """
    value, party = payload.get("aud"), payload.get("azp", "")
    named = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else ()
    if not named or len(named) > MAX_AUDIENCES or not all(isinstance(item, str) and item for item in named):
        raise _missing("aud")
    if not isinstance(party, str):
        raise _invalid("azp is not a string")
    if party and (issuer == GOOGLE or len(named) > 1) and party not in registered:
        raise Refusal("InvalidIdentityToken", "Incorrect token audience", private=f"azp {party[:200]!r}")
    if issuer == GOOGLE and party:
        return party, named, party
    matching = [item for item in named if item in registered]
    if not matching:
        raise Refusal("InvalidIdentityToken", "Incorrect token audience", private=f"aud {str(value)[:200]}")
    return party if party in matching else matching[0], named, party


_NOT_A_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation "
    "for requirements"
)


def _invalid(why: str) -> Refusal:
    return Refusal("InvalidIdentityToken", _NOT_A_JWT, private=why)


def _missing(claim: str) -> Refusal:
    return Refusal("InvalidIdentityToken", f"Missing a required claim: {claim}")
