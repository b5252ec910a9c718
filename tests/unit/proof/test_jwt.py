"""Verification of OpenID Connect tokens: each refusal beside a twin that passes (attack rows C16-C23, H21, H45, H46, H67)."""

from __future__ import annotations

import base64
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from daypass.proof import jwt
from daypass.values.errors import Refusal
from daypass.values.nesting import MAX_NESTING
from rig.idp import b64, public_jwk
from unit.proof.keys import ALGORITHMS, private_key
from unit.proof.tokens import AUDIENCE, EPOCH, ISSUER, NOW, claims, jwks, key_set, token, verify

RSA_KEY = private_key("rsa")


def refused(text: str, keys: jwt.KeySet | None = None, **how: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        verify(text, keys, **how)
    return caught.value


def invalid(text: str, keys: jwt.KeySet | None = None, **how: Any) -> str:
    refusal = refused(text, keys, **how)
    assert refusal.code == "InvalidIdentityToken"
    return refusal.private or refusal.message


def test_a_good_token() -> None:
    got = verify(token(claims(jti="j", azp="party")))
    assert (got.issuer, got.subject, got.audience, got.audiences) == (ISSUER, "repo:acme/app", AUDIENCE, (AUDIENCE,))
    assert (got.issued, got.expires, got.token_id, got.authorized_party) == (EPOCH, EPOCH + 600, "j", "party")
    assert got.claims["sub"] == "repo:acme/app"
    assert "claims" not in repr(got)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_six_algorithms(algorithm: str) -> None:
    assert verify(token(algorithm=algorithm), key_set(algorithm)).subject
    assert verify(token(algorithm=algorithm), key_set(algorithm, alg=algorithm)).subject


def test_what_was_read_first_is_verified_without_a_second_parse() -> None:
    claimed = jwt.read_unverified(token())
    assert (claimed.issuer, claimed.key_id, claimed.algorithm) == (ISSUER, "k", "RS256")
    assert not any(part in repr(claimed) for part in ("acme", "signing_input", "signature="))
    assert jwt.verify_token(claimed, key_set(), issuer=ISSUER, audiences=(AUDIENCE,), now=NOW).subject == "repo:acme/app"


# The algorithm is the key's (C16, C17)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", "nOnE", None, 1, ["RS256"], "RS256 ", "rs256", "PS256", "EdDSA", "ES256K", "HS256"]
)
def test_other_algorithms_are_refused(algorithm: Any) -> None:
    assert "is not taken" in invalid(token(alg=algorithm))


@pytest.mark.parametrize("third", ["", "AA", b64(b"junk")])
def test_alg_none_with_any_third_part(third: str) -> None:
    head = b64(json.dumps({"alg": "none"}).encode()) + "." + b64(json.dumps(claims()).encode())
    assert "is not taken" in invalid(f"{head}.{third}")


@pytest.mark.parametrize("hmac", ["HS256", "HS384", "HS512"])
def test_hmac_over_the_public_key_in_any_spelling(hmac: str) -> None:
    public = RSA_KEY.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    spellings = [
        pem,
        pem.strip(),
        public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        public.public_bytes(Encoding.DER, PublicFormat.PKCS1),
    ]
    spellings += [json.dumps(public_jwk(RSA_KEY, kid="k")).encode(), b"client-secret", b""]
    for secret in spellings:
        assert "is not taken" in invalid(token(algorithm=hmac, key=secret))


def test_a_header_cannot_choose_another_algorithm_than_the_keys() -> None:
    assert verify(token(algorithm="RS512"), key_set(alg="RS512")).subject
    assert "no one key" in invalid(token(algorithm="RS512"), key_set(alg="RS256"))
    assert "no one key" in invalid(token(algorithm="ES256"), key_set("RS256"))
    assert "no one key" in invalid(token(algorithm="ES384"), key_set("ES256"))
    assert "no one key" in invalid(token(), key_set(alg="PS256"))
    assert "no one key" in invalid(token(), key_set(alg="RSA-OAEP"))


def test_another_key_of_the_same_kind_is_refused() -> None:
    assert invalid(token(key=private_key("rsa-2"))) == "signature"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_change_to_the_signature_is_refused(algorithm: str) -> None:
    head, _, third = token(algorithm=algorithm).rpartition(".")
    raw = base64.urlsafe_b64decode(third + "==")
    zero = bytes(len(raw))
    for other in (
        b"",
        raw[:-1],
        raw + b"\0",
        b"\0" + raw,
        zero,
        raw[: len(raw) // 2] + zero[len(raw) // 2 :],
        bytes([raw[0] ^ 1]) + raw[1:],
    ):
        assert invalid(f"{head}.{b64(other)}", key_set(algorithm)) == "signature"


def test_a_changed_payload_or_header_is_refused() -> None:
    head, body, sig = token().split(".")
    assert invalid(f"{head}.{b64(json.dumps(claims(sub='other')).encode())}.{sig}") == "signature"
    assert invalid(f"{b64(json.dumps({'kid': 'k', 'alg': 'RS256'}).encode())}.{body}.{sig}") == "signature"


# The key (C19, H43)


def test_an_unknown_key_id_and_an_empty_key_set() -> None:
    message = refused(token(kid="other")).message
    assert message.startswith("Couldn't retrieve verification key from your identity provider")
    assert "no one key" in invalid(token(), jwks())


@pytest.mark.parametrize("key_id", ["", 1, True, ["k"], {"a": 1}, "k" * 256])
def test_a_key_id_is_a_short_string(key_id: Any) -> None:
    assert "key id" in invalid(token(kid=key_id))


def test_the_longest_key_id() -> None:
    assert verify(token(kid="k" * 255), key_set(kid="k" * 255)).subject


def test_without_a_key_id_there_must_be_one_key_that_fits() -> None:
    own, other, curve = (public_jwk(private_key(name), kid=name) for name in ("rsa", "rsa-2", "ES256"))
    assert verify(token(kid=None), jwks(own, curve)).subject
    assert "no one key" in invalid(token(kid=None), jwks(own, other))


def test_one_key_id_for_two_keys() -> None:
    own, other, curve = (public_jwk(private_key(name), kid="k") for name in ("rsa", "rsa-2", "ES256"))
    assert verify(token(), jwks(curve, own)).subject
    assert "no one key" in invalid(token(), jwks(own, other))


def test_a_key_without_an_id_serves_no_token_that_names_one() -> None:
    assert "no one key" in invalid(token(), jwks(public_jwk(RSA_KEY)))
    assert verify(token(kid=None), jwks(public_jwk(RSA_KEY))).subject


def test_keys_in_the_token_are_never_looked_at() -> None:
    attacker = private_key("rsa-2")
    for extra in ({"jwk": public_jwk(attacker, kid="k")}, {"jku": "https://attacker.example"}, {"x5u": "https://attacker.example"}):
        assert invalid(token(key=attacker, **extra)) == "signature"
        assert verify(token(**extra)).subject


# Header members and kinds of token (H45)


@pytest.mark.parametrize("extra", [{"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"zip": "DEF"}, {"enc": "A256GCM"}])
def test_header_members_that_change_the_meaning(extra: dict[str, Any]) -> None:
    assert "header member" in invalid(token(**extra))


@pytest.mark.parametrize("kind", ["JWT", "jwt", "JOSE", None])
def test_kinds_that_are_taken(kind: str | None) -> None:
    assert verify(token(typ=kind)).subject


@pytest.mark.parametrize("kind", ["at+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", "application/jwt", "", 1, "JWT "])
def test_kinds_that_are_not_taken(kind: Any) -> None:
    assert "of type" in invalid(token(typ=kind))


def test_a_logout_token() -> None:
    assert invalid(token(claims(events={"http://schemas.openid.net/event/backchannel-logout": {}}))) == "an event token"


# Form (H46, H67)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b", "a.b.c.d", "a.b.c.d.e", "a.b.c.d.e.f", "." * 20_000, "\0.\0.\0", "é.é.é", "a.b.c"])
def test_not_a_token(text: str) -> None:
    assert invalid(text)


def test_an_encrypted_token_is_named_so() -> None:
    assert invalid("a.b.c.d.e") == "encrypted tokens are not taken"


def test_the_longest_token() -> None:
    assert verify(token(claims(pad="x" * 14_000))).subject
    assert invalid("a" * 20_000) == "not three parts"
    assert invalid("a" * 20_001) == "longer than 20,000 characters"


@pytest.mark.parametrize("change", ["=", "==", " ", "\n", "+", "/", "A", "."])
def test_base64url_has_one_spelling(change: str) -> None:
    head, body, sig = token().split(".")
    for parts in ((head + change, body, sig), (head, body + change, sig), (head, body, sig + change)):
        assert invalid(".".join(parts))


def test_stray_bits_in_the_last_character() -> None:
    head, body, sig = token().split(".")
    assert len(sig) % 4 == 2  # 256 bytes leave four bits over
    twin = sig[:-1] + chr(ord(sig[-1]) + 1)
    assert base64.urlsafe_b64decode(twin + "==") == base64.urlsafe_b64decode(sig + "==")
    assert invalid(f"{head}.{body}.{twin}") == "base64url with stray bits"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"1",
        b"null",
        b'"a"',
        b"{",
        b'{"iss":"a"} x',
        b'{"sub":"a","sub":"b"}',
        b'{"a":{"b":1,"b":1}}',
        b'{"exp":NaN}',
        b'{"exp":Infinity}',
        b'{"exp":-Infinity}',
        b'{"exp":1e400}',
        b'{"exp":' + b"9" * 5000 + b"}",
        b'{"a":' + b"[" * 7000 + b"]" * 7000 + b"}",
        b'{"a":' * 2400 + b"1" + b"}" * 2400,
        b'{"a":' * (MAX_NESTING + 1) + b"1" + b"}" * (MAX_NESTING + 1),
        b'{"sub":"\\ud800"}',
        b'{"sub":"\xff"}',
        b'\xef\xbb\xbf{"sub":"a"}',
        '{"sub":"a"}'.encode("utf-16"),
    ],
)
def test_payloads_that_strict_json_refuses(payload: bytes) -> None:
    started = time.process_time()
    assert "JSON" in invalid(token(payload))
    assert time.process_time() - started < 1  # a limit on blow-up, not a benchmark


def test_a_header_is_strict_json_too() -> None:
    _, body, sig = token().split(".")
    for header in (b'{"alg":"RS256","alg":"RS256","kid":"k"}', b"[]", b'{"alg":"RS256","kid":NaN}'):
        assert "JSON" in invalid(f"{b64(header)}.{body}.{sig}")


def test_escaped_text_is_fine() -> None:
    assert verify(token(json.dumps(claims(sub="é\U0001f600")).encode())).subject == "é\U0001f600"


# Issuer (C22)


@pytest.mark.parametrize(
    "issuer",
    [
        ISSUER + "/",
        ISSUER[:-1],
        ISSUER.upper(),
        ISSUER.replace("https", "http"),
        ISSUER.replace(".com", ".com:443"),
        ISSUER.replace("https://", "https://user@"),
        ISSUER.replace("idp", "ıdp"),
        ISSUER + "\0",
        " " + ISSUER,
    ],
)
def test_the_issuer_is_compared_byte_for_byte(issuer: str) -> None:
    assert invalid(token(claims(iss=issuer))).startswith("issuer ")


@pytest.mark.parametrize("issuer", [None, "", 1, [ISSUER]])
def test_an_issuer_is_there(issuer: Any) -> None:
    assert invalid(token(claims(iss=issuer))) == "Missing a required claim: iss"


# Audience (C23)


def test_audience_as_text_and_as_list() -> None:
    assert verify(token(claims(aud=[AUDIENCE]))).audience == AUDIENCE
    assert verify(token(claims(aud=["x"] * 99 + [AUDIENCE]))).audience == AUDIENCE
    several = verify(token(claims(aud=["x", AUDIENCE, "b"])), audiences=("b", AUDIENCE))
    assert (several.audience, several.audiences) == (AUDIENCE, ("x", AUDIENCE, "b"))


@pytest.mark.parametrize(
    "audience", [None, "", [], [""], [AUDIENCE, 1], [AUDIENCE, None], 1, True, {"a": AUDIENCE}, ["x"] * 100 + [AUDIENCE]]
)
def test_an_audience_is_there_and_well_formed(audience: Any) -> None:
    assert invalid(token(claims(aud=audience))) == "Missing a required claim: aud"


@pytest.mark.parametrize("audience", ["other", AUDIENCE + "/", AUDIENCE.upper(), "https://kubernetes.default.svc", ["a", "b"]])
def test_an_audience_that_is_not_registered(audience: Any) -> None:
    assert refused(token(claims(aud=audience))).message == "Incorrect token audience"


def test_no_audience_is_registered() -> None:
    assert refused(token(), audiences=()).message == "Incorrect token audience"


def test_the_authorized_party_counts_where_there_are_several_audiences() -> None:
    assert verify(token(claims(azp="stranger"))).authorized_party == "stranger"
    assert refused(token(claims(aud=[AUDIENCE, "x"], azp="stranger"))).message == "Incorrect token audience"
    assert refused(token(claims(aud=["x", "y"], azp=AUDIENCE))).message == "Incorrect token audience"
    both = verify(token(claims(aud=[AUDIENCE, "mine"], azp="mine")), audiences=(AUDIENCE, "mine"))
    assert (both.audience, both.authorized_party) == ("mine", "mine")
    assert invalid(token(claims(azp=1))) == "azp is not a string"


def test_googles_authorized_party_is_the_audience() -> None:
    google = "https://accounts.google.com"
    mine = claims(iss=google, aud="web", azp="phone")
    assert verify(token(mine), issuer=google, audiences=("phone",)).audience == "phone"
    assert refused(token(mine), issuer=google, audiences=("web",)).message == "Incorrect token audience"
    assert verify(token(claims(iss=google)), issuer=google).audience == AUDIENCE


# Subject, times, id (H21)


@pytest.mark.parametrize("subject", [None, "", 1, True, ["a"], "a" * 256])
def test_a_subject_is_there(subject: Any) -> None:
    assert invalid(token(claims(sub=subject))) == "Missing a required claim: sub"


def test_the_shortest_and_the_longest_subject() -> None:
    assert verify(token(claims(sub="a"))).subject == "a"
    assert len(verify(token(claims(sub="a" * 255))).subject) == 255


@pytest.mark.parametrize("name", ["iat", "exp"])
def test_times_that_are_required(name: str) -> None:
    assert invalid(token(claims(**{name: None}))) == f"Missing a required claim: {name}"


@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("value", [float(EPOCH), EPOCH + 0.5, str(EPOCH), True, [EPOCH], -1, 253_402_300_800, 10**18])
def test_times_are_whole_seconds(name: str, value: Any) -> None:
    assert invalid(token(claims(**{name: value}))) == f"{name} is not a whole number of seconds"


def test_the_first_and_the_last_second() -> None:
    got = verify(token(claims(iat=0, nbf=0, exp=253_402_300_799)))
    assert (got.issued, got.expires) == (0, 253_402_300_799)


def test_a_null_time_is_not_an_absent_one() -> None:
    for name in ("iat", "exp", "nbf"):
        assert "whole number" in invalid(token(json.dumps(claims() | {name: None}).encode()))


def test_expiry_is_strict() -> None:
    text = token(claims(exp=EPOCH + 1))
    assert verify(text).expires == EPOCH + 1
    assert verify(text, now=NOW + timedelta(milliseconds=999)).expires == EPOCH + 1
    refusal = refused(text, now=NOW + timedelta(seconds=1))
    assert refusal.code == "ExpiredTokenException"
    assert refusal.message == f"Token expired: current date/time {EPOCH + 1} must be before the expiration date/time {EPOCH + 1}"


@pytest.mark.parametrize(("name", "message"), [("iat", "Token issued in the future"), ("nbf", "Token is not yet valid")])
def test_five_minutes_of_future(name: str, message: str) -> None:
    assert verify(token(claims(**{name: EPOCH + 300}))).subject
    assert refused(token(claims(**{name: EPOCH + 301}))).message == message


def test_expiry_is_told_only_after_the_signature() -> None:
    assert invalid(token(claims(exp=EPOCH), key=private_key("rsa-2"))) == "signature"


def test_the_id_is_text() -> None:
    assert verify(token()).token_id == ""
    assert invalid(token(claims(jti=1))) == "jti is not a string"
