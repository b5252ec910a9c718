"""Reading JWK sets: weak, foreign and unreadable keys are passed over, never used and never fatal (C19, H43)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.proof.jose import NotJson, read_base64url, read_json_object, read_jwks
from rig.idp import b64, int_b64, public_jwk
from unit.proof.keys import private_key
from unit.proof.tokens import jwks

RSA_JWK = public_jwk(private_key("rsa"), kid="k")
EC_JWK = public_jwk(private_key("ES256"), kid="e")


def test_good_keys() -> None:
    keys = jwks(RSA_JWK, EC_JWK, public_jwk(private_key("ES384"), kid="f"), public_jwk(private_key("ES512"), kid="g"))
    assert len(keys) == 4
    assert keys.knows("k") and keys.knows(None) and not keys.knows("x")
    found = keys.find("k", "RS384")
    assert found is not None and found.algorithms == ("RS256", "RS384", "RS512")
    assert keys.find("k", "ES256") is None and keys.find("e", "RS256") is None
    assert not jwks().knows(None)


@pytest.mark.parametrize("more", [{"use": "sig"}, {"key_ops": ["verify"]}, {"alg": "RS256"}, {"x5c": ["junk"]}, {"unknown": 1}])
def test_members_that_do_not_matter(more: dict[str, Any]) -> None:
    assert len(jwks(RSA_JWK | more)) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"use": "enc"},
        {"use": None},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"key_ops": []},
        {"alg": "PS256"},
        {"alg": "HS256"},
        {"alg": ""},
        {"alg": None},
        {"kid": ""},
        {"kid": 1},
        {"kid": "k" * 256},
        {"kty": "oct"},
        {"kty": "OKP"},
        {"kty": None},
        {"n": ""},
        {"n": 5},
        {"n": "!"},
        {"e": ""},
        {"e": "AQ"},  # 1
        {"e": "Ag"},  # 2
        {"e": "AQAA"},  # 65536
        {"e": int_b64(2**32 + 1)},
        {"n": int_b64(2**2047)},  # even
        {"n": int_b64(2**2046 + 1)},  # 2,047 bits
        {"n": int_b64(2**8192 + 1)},
    ],
)
def test_rsa_keys_that_are_passed_over(more: dict[str, Any]) -> None:
    keys = jwks(RSA_JWK | more, EC_JWK)
    assert len(keys) == 1 and keys.knows("e")


@pytest.mark.parametrize(
    "more", [{"crv": "secp256k1"}, {"crv": "P-384"}, {"crv": 1}, {"x": ""}, {"y": b64(b"\0" * 32)}, {"y": None}, {"alg": "ES384"}]
)
def test_ec_keys_that_are_passed_over(more: dict[str, Any]) -> None:
    keys = jwks(EC_JWK | more, RSA_JWK)
    assert len(keys) == 1 and keys.knows("k")


def test_the_largest_rsa_key() -> None:
    assert len(jwks(RSA_JWK | {"n": int_b64(2**8191 + 1), "e": int_b64(2**32 - 1)})) == 1


def test_short_rsa_keys_are_passed_over() -> None:
    assert len(jwks(public_jwk(private_key("rsa-1024"), kid="k"))) == 0
    assert len(jwks(public_jwk(private_key("rsa-e3"), kid="k"))) == 1


@pytest.mark.parametrize("name", ["n", "e", "kty"])
def test_a_key_that_lacks_a_member(name: str) -> None:
    assert len(jwks({key: value for key, value in RSA_JWK.items() if key != name})) == 0


def test_a_symmetric_key_is_never_used() -> None:
    assert len(jwks({"kty": "oct", "k": "", "kid": "k"}, {"kty": "oct", "k": "AAAA", "kid": "k", "alg": "HS256"})) == 0


def test_entries_that_are_no_keys() -> None:
    raw = json.dumps({"keys": [None, 1, "a", [], {}, RSA_JWK]}).encode()
    assert len(read_jwks(raw)) == 1


def test_at_most_a_hundred_keys() -> None:
    many = [RSA_JWK | {"kid": f"k{number}"} for number in range(120)]
    keys = jwks(*many)
    assert len(keys) == 100 and keys.knows("k99") and not keys.knows("k100")


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[],"keys":[]}', b"{" * 100_000, b'{"keys":[]}' + b" " * (512 * 1024 - 10)]
)
def test_sets_that_are_refused(raw: bytes) -> None:
    with pytest.raises(NotJson):
        read_jwks(raw)


def test_the_largest_set() -> None:
    assert len(read_jwks(b'{"keys":[]}' + b" " * (512 * 1024 - 11))) == 0


def test_base64url() -> None:
    assert read_base64url("") == b"" and read_base64url("AA") == b"\0" and read_base64url("-_8") == b"\xfb\xff"
    for text in ("A", "AB", "AA==", "A+", "AA\n", "٣٣"):
        with pytest.raises(NotJson):
            read_base64url(text)


def test_json_objects() -> None:
    assert read_json_object(b'{"a":[1,-1.5,true,null,"\\u00e9"]}') == {"a": [1, -1.5, True, None, "é"]}
    assert read_json_object(b'{"a":' + b"9" * 19 + b"}")
    with pytest.raises(NotJson):
        read_json_object(b'{"a":' + b"9" * 20 + b"}")
