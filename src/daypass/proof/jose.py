"""Reads the parts that signed tokens are made of: strict base64url, strict JSON, JWK sets. Does not verify or fetch anything.

Source: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 (algorithms), RFC 8725 (best practice); attack rows C16-C19, H43, H67.
"""

from __future__ import annotations

import json
import re
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from daypass.values.nesting import is_too_deep

MAX_JWKS = 512 * 1024  # bytes; ours: a hundred keys with certificates stay under 300 KiB
MAX_KEYS = 100  # IAM quotas: "public keys in a JWKS", 100
MAX_KEY_ID = 255  # characters; ours
MAX_DIGITS = 19  # of a JSON integer: 64 bits
MIN_RSA_BITS = 2048  # NIST SP 800-131A
MAX_RSA_BITS = 8192  # ours: a larger modulus only buys its owner our CPU time

_RSA_ALGORITHMS = ("RS256", "RS384", "RS512")
_EC_ALGORITHMS = {"P-256": ("ES256",), "P-384": ("ES384",), "P-521": ("ES512",)}
ALGORITHMS = frozenset((*_RSA_ALGORITHMS, "ES256", "ES384", "ES512"))  # IAM User Guide: OIDC providers, supported algorithms

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LAST = (frozenset(("", *_LETTERS)), frozenset[str](), frozenset(_LETTERS[::16]), frozenset(_LETTERS[::4]))  # by length modulo 4
_PADDING = (b"", b"", b"==", b"=")
_STANDARD = bytes.maketrans(b"-_", b"+/")


class NotJson(ValueError):
    """The bytes are not what strict JSON or base64url allows."""


def read_base64url(text: str) -> bytes:
    """Decode unpadded base64url in its one canonical spelling (RFC 4648 §3.5: the last character has no stray bits). Raises NotJson."""
    if not _BASE64URL.fullmatch(text):
        raise NotJson("characters outside base64url")
    left = len(text) % 4
    if left == 1 or text[-1:] not in _LAST[left]:
        raise NotJson("base64url with stray bits")
    return a2b_base64(text.encode("ascii").translate(_STANDARD) + _PADDING[left])


def read_json_object(raw: bytes) -> dict[str, Any]:
    """Parse one JSON object: UTF-8, each name once, no NaN or infinity, integers of 64 bits at most, MAX_NESTING. Raises NotJson."""
    try:
        text = raw.decode("utf-8")
        if is_too_deep(text):
            raise NotJson("not strict JSON: nested too deep")
        value = _STRICT.decode(text)
        if b"\\u" in raw:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # refuses lone surrogates, which no later step could write
    except (ValueError, RecursionError) as error:
        raise NotJson("not strict JSON") from error
    if not isinstance(value, dict):
        raise NotJson("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("a name comes twice")
    return found


def _no_constant(text: str) -> NoReturn:
    raise NotJson(f"{text} is not JSON")


def _short_int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise NotJson("an integer is too long")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise NotJson("a number is out of range")
    return value


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_short_int, parse_float=_finite)


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key of an identity provider and the algorithms that it, not the token, allows."""

    key_id: str | None
    algorithms: tuple[str, ...]
    key: RSAKey | ECKey


class KeySet:
    """The usable keys of one identity provider, parsed once."""

    def __init__(self, keys: Iterable[VerificationKey]) -> None:
        self._keys = tuple(keys)

    def knows(self, key_id: str | None) -> bool:
        """Whether some key has the id; without an id, whether there is any key."""
        return any(key_id is None or key.key_id == key_id for key in self._keys)

    def find(self, key_id: str | None, algorithm: str) -> VerificationKey | None:
        """The one key that fits, or None: none does, or several do and guessing among them is not ours to do."""
        fitting = [key for key in self._keys if algorithm in key.algorithms and (key_id is None or key.key_id == key_id)]
        return fitting[0] if len(fitting) == 1 else None

    def __len__(self) -> int:
        return len(self._keys)


def read_jwks(raw: bytes) -> KeySet:
    """Parse a JWK set; keys that are weak, symmetric, not for signatures or unreadable are passed over. Raises NotJson."""
    if len(raw) > MAX_JWKS:
        raise NotJson("the key set is too large")
    entries = read_json_object(raw).get("keys")
    if not isinstance(entries, list):
        raise NotJson("a key set without keys")
    keys = (_read_key(entry) for entry in entries[: 4 * MAX_KEYS] if isinstance(entry, dict))
    return KeySet([key for key in keys if key is not None][:MAX_KEYS])


def _read_key(entry: dict[str, Any]) -> VerificationKey | None:
    key_id, use, operations = entry.get("kid"), entry.get("use", "sig"), entry.get("key_ops", ["verify"])
    if not (key_id is None or (isinstance(key_id, str) and 0 < len(key_id) <= MAX_KEY_ID)):
        return None
    if use != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        found = _read_rsa(entry) if entry.get("kty") == "RSA" else _read_ec(entry) if entry.get("kty") == "EC" else None
    except (JoseError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        return None  # one bad key of a provider does not make its others unusable
    if found is None:
        return None
    key, algorithms = found
    if "alg" in entry:
        algorithms = tuple(name for name in algorithms if name == entry["alg"])
    return VerificationKey(key_id, algorithms, key) if algorithms else None


def _read_rsa(entry: dict[str, Any]) -> tuple[RSAKey | ECKey, tuple[str, ...]] | None:
    """Public members only; a modulus or exponent that makes signatures forgeable or slow is refused (attack row H43)."""
    modulus, exponent = (int.from_bytes(read_base64url(entry[name])) for name in ("n", "e"))
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or modulus % 2 == 0:
        return None
    if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > 32:
        return None
    return RSAKey.import_key({"kty": "RSA", "n": entry["n"], "e": entry["e"]}), _RSA_ALGORITHMS


def _read_ec(entry: dict[str, Any]) -> tuple[RSAKey | ECKey, tuple[str, ...]] | None:
    algorithms = _EC_ALGORITHMS.get(entry["crv"])
    if algorithms is None:
        return None
    return ECKey.import_key({"kty": "EC", "crv": entry["crv"], "x": entry["x"], "y": entry["y"]}), algorithms
