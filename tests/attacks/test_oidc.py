"""Attacks on AssumeRoleWithWebIdentity: algorithms, keys, issuers, audiences, kinds of token, key fetching. One test per row."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from attacks.conftest import Target, accepted, allow, keys_of, policy, refused, trust
from rig.http import Reply, form
from rig.idp import DISCOVERY, JWKS, Idp, b64, jws, public_jwk

AUDIENCE = "sts.amazonaws.com"
INVALID = "InvalidIdentityToken"


class Federated:
    """A provider for the test issuer (each test has its own path of it), and a role that trusts it."""

    def __init__(self, target: Target, idp: Idp, path: str) -> None:
        self.target, self.idp, self.path = target, idp, path
        iam = target.client("iam")
        made = iam.create_open_id_connect_provider(Url=idp.issuer(path), ClientIDList=[AUDIENCE, "app"], ThumbprintList=[])
        self.provider = made["OpenIDConnectProviderArn"]
        self.name = idp.name + path
        condition = {"StringEquals": {f"{self.name}:sub": "repo:acme/app"}}
        self.role = target.role(
            "oidc" + path.strip("/"),
            trust({"Federated": self.provider}, action=["sts:AssumeRoleWithWebIdentity", "sts:TagSession"], condition=condition),
        )

    def claims(self, **changes: Any) -> dict[str, Any]:
        return self.idp.claims(path=self.path, **changes)

    def token(self, claims: Any = None, **more: Any) -> str:
        return self.idp.token(self.claims() if claims is None else claims, **more)

    def present(self, token: str, *, role: str = "", **more: str) -> Reply:
        parameters = {"RoleArn": role or self.role, "RoleSessionName": "attack", "WebIdentityToken": token, **more}
        return form(self.target.url, {"Action": "AssumeRoleWithWebIdentity", **parameters}).send()


@pytest.fixture
def federated(target: Target, idp: Idp, request: pytest.FixtureRequest) -> Iterator[Federated]:
    idp.reset()
    made = Federated(target, idp, "/" + format(abs(hash(request.node.nodeid)) % 10**9, "09d"))
    accepted(made.present(made.token()))  # the benign twin, before
    yield made
    idp.reset()
    target.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=made.provider)  # an account has a hundred at most


def test_C16_hmac_over_the_public_key(federated: Federated) -> None:
    key = federated.idp.keys["rsa-1"].public_key()
    encodings = serialization.Encoding
    forms = serialization.PublicFormat
    pem = key.public_bytes(encodings.PEM, forms.SubjectPublicKeyInfo)
    for secret in (
        pem,
        pem.strip(),
        pem + b"\n",
        key.public_bytes(encodings.DER, forms.SubjectPublicKeyInfo),
        key.public_bytes(encodings.PEM, forms.PKCS1),
        key.public_bytes(encodings.DER, forms.PKCS1),
        json.dumps(public_jwk(federated.idp.keys["rsa-1"])).encode(),
        AUDIENCE.encode(),
        b"",
    ):
        for algorithm in ("HS256", "HS384", "HS512"):
            refused(federated.present(federated.token(key=secret, header={"alg": algorithm})), INVALID, status=400)
    accepted(federated.present(federated.token()))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, ["RS256"], "RS256 ", "rs256", "PS256", "RS1"])
def test_C17_no_algorithm(federated: Federated, algorithm: Any) -> None:
    good = federated.token().rsplit(".", 1)[1]
    for signature in ("", good, "AAAA"):
        made = jws({"alg": algorithm, "typ": "JWT", "kid": "rsa-1"} if algorithm is not None else {"typ": "JWT"}, federated.claims(), None)
        refused(federated.present(made.rsplit(".", 1)[0] + "." + signature), INVALID, status=400)


def test_C17_the_algorithm_is_the_keys_own(federated: Federated) -> None:
    own = rsa.generate_private_key(65537, 2048)
    for header in (
        {"alg": "ES256"},
        {"alg": "RS256", "kid": "ec-1"},
        {"alg": "RS256", "jwk": public_jwk(own)},
        {"alg": "RS256", "jku": federated.idp.url},
        {"alg": "RS256", "x5u": federated.idp.url},
        {"alg": "RS256", "crit": ["exp"]},
    ):
        refused(federated.present(federated.token(key=own, header=header)), INVALID, status=400)


def test_C19_keys_that_are_none(federated: Federated) -> None:
    refused(federated.present(federated.token(header={"kid": "unknown"})), INVALID, status=400)
    bad = [
        {"kty": "oct", "k": "", "kid": "empty"},
        {"kty": "oct", "k": b64(b"secret"), "kid": "oct"},
        {"kty": "RSA", "n": "", "e": "AQAB", "kid": "n"},
    ]
    for number, keys in enumerate((bad, [])):
        fresh = Federated(federated.target, federated.idp, f"{federated.path}k{number}")
        federated.idp.misbehave(fresh.path + JWKS, (200, {"content-type": "application/json"}, json.dumps({"keys": keys}).encode()))
        for key_id, secret in (("empty", b""), ("oct", b"secret"), ("n", b"")):
            refused(fresh.present(fresh.token(key=secret, header={"kid": key_id, "alg": "HS256"})), INVALID, "IDPCommunicationError")
        refused(fresh.present(fresh.token()), INVALID, "IDPCommunicationError")


@pytest.mark.parametrize("change", ["{}/", "{}x", "HTTPS{}", "http{}", "upper", "port", "user"])
def test_C22_issuers_that_are_almost_right(federated: Federated, change: str) -> None:
    issuer = federated.idp.issuer(federated.path)
    rest = issuer.removeprefix("https")
    wrong = {
        "{}/": issuer + "/",
        "{}x": issuer + "x",
        "HTTPS{}": "HTTPS" + rest,
        "http{}": "http" + rest,
        "upper": issuer.upper(),
        "port": issuer.replace("127.0.0.1:", "127.0.0.1:0"),
        "user": issuer.replace("https://", "https://u@"),
    }[change]
    refused(federated.present(federated.token(federated.claims(iss=wrong))), INVALID, status=400)


def test_C22_the_provider_is_looked_up_in_the_roles_account(federated: Federated) -> None:
    """Mallory's account has a provider of its own; the issuer is registered in another account only, and its ARN cannot be trusted here."""
    iam = federated.target.client("iam", federated.target.mallory)
    own = iam.create_open_id_connect_provider(Url="https://idp.example.test" + federated.path, ClientIDList=[AUDIENCE], ThumbprintList=[])
    document = trust({"Federated": own["OpenIDConnectProviderArn"]}, action="sts:AssumeRoleWithWebIdentity")
    arn = iam.create_role(RoleName=f"c22{federated.path[1:]}", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    refused(federated.present(federated.token(), role=arn), INVALID, status=400)
    foreign = trust({"Federated": federated.provider}, action="sts:AssumeRoleWithWebIdentity")
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.create_role(RoleName=f"c22b{federated.path[1:]}", AssumeRolePolicyDocument=foreign)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": None},
        {"aud": "other"},
        {"aud": []},
        {"aud": ["other", "third"]},
        {"aud": [AUDIENCE, "other"], "azp": "other"},
        {"aud": 7},
        {"aud": "https://kubernetes.default.svc"},
        {"aud": AUDIENCE.upper()},
        {"aud": AUDIENCE + " "},
        {"aud": {"x": AUDIENCE}},
    ],
)
def test_C23_audiences(federated: Federated, changes: dict[str, Any]) -> None:
    refused(federated.present(federated.token(federated.claims(**changes))), INVALID, status=400)
    accepted(federated.present(federated.token(federated.claims(aud=["app"]))))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"exp": "soon"},
        {"exp": 1.5},
        {"exp": True},
        {"exp": 10**30},
        {"iat": -1},
        {"nbf": 2**31},
        {"sub": ""},
        {"sub": "x" * 300},
        {"sub": 7},
    ],
)
def test_H21_claims_that_are_not_what_they_must_be(federated: Federated, changes: dict[str, Any]) -> None:
    refused(federated.present(federated.token(federated.claims(**changes))), INVALID, status=400)


def test_H21_a_token_ends_at_its_second(federated: Federated) -> None:
    now = int(datetime.now(UTC).timestamp())
    refused(federated.present(federated.token(federated.claims(exp=now))), "ExpiredTokenException", status=400)
    refused(federated.present(federated.token(federated.claims(exp=now - 1))), "ExpiredTokenException", status=400)
    refused(federated.present(federated.token(federated.claims(iat=now + 900, exp=now + 1800))), INVALID, status=400)
    accepted(federated.present(federated.token(federated.claims(exp=now + 30))))


def test_C44_a_trust_policy_that_refuses(federated: Federated) -> None:
    reply = federated.present(federated.token(federated.claims(sub="repo:evil/app")))
    refused(reply, "AccessDenied", status=403)
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in reply.text and "evil" not in reply.text
    absent = federated.present(federated.token(), role=federated.role + "x")
    assert (absent.code, absent.status) == (reply.code, reply.status)
    tags = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["blue"]}}}
    accepted(federated.present(federated.token(federated.claims(**tags))))
    identity = {"https://aws.amazon.com/source_identity": "somebody"}
    refused(federated.present(federated.token(federated.claims(**identity))), "AccessDenied", status=403)  # no sts:SetSourceIdentity


def test_H42_addresses_that_are_not_for_us(target: Target) -> None:
    iam = target.client("iam")
    for number, host in enumerate(("169.254.169.254", "10.0.0.1", "2130706433", "192.168.0.1", "100.64.0.1")):
        made = iam.create_open_id_connect_provider(Url=f"https://{host}/h42", ClientIDList=["app"], ThumbprintList=[])
        arn = target.role(f"h42-{number}", trust({"Federated": made["OpenIDConnectProviderArn"]}, action="sts:AssumeRoleWithWebIdentity"))
        claims = {"iss": f"https://{host}/h42", "aud": "app", "sub": "x", "iat": int(time.time()), "exp": int(time.time()) + 60}
        token = jws({"alg": "RS256", "kid": "k"}, claims, rsa.generate_private_key(65537, 2048))
        started = time.monotonic()
        reply = form(
            target.url, {"Action": "AssumeRoleWithWebIdentity", "RoleArn": arn, "RoleSessionName": "h42", "WebIdentityToken": token}
        ).send()
        refused(reply, "IDPCommunicationError", INVALID, status=400)
        assert host not in reply.text
        assert time.monotonic() - started < 8


@pytest.mark.parametrize("spoilt", ["redirect", "garbage", "endless", "other-issuer", "wrong-key-address"])
def test_H42_redirects_and_endless_answers(federated: Federated, spoilt: str) -> None:
    fresh = Federated(federated.target, federated.idp, federated.path + "r")
    idp, path = federated.idp, fresh.path
    elsewhere = {"issuer": "https://other", "jwks_uri": "https://other"}
    inside = {"issuer": idp.issuer(path), "jwks_uri": "https://169.254.169.254/keys"}
    {
        "redirect": lambda: idp.redirect(path + DISCOVERY, "http://169.254.169.254/"),
        "garbage": lambda: idp.garbage(path + JWKS),
        "endless": lambda: idp.misbehave(path + JWKS, (200, {}, b"x" * 2_000_000)),
        "other-issuer": lambda: idp.misbehave(path + DISCOVERY, (200, {}, json.dumps(elsewhere).encode())),
        "wrong-key-address": lambda: idp.misbehave(path + DISCOVERY, (200, {}, json.dumps(inside).encode())),
    }[spoilt]()
    refused(fresh.present(fresh.token()), "IDPCommunicationError", INVALID)


def test_H43_floods_of_unknown_keys_do_not_flood_the_issuer(federated: Federated) -> None:
    before = sum(federated.idp.hits.values())
    for number in range(50):
        refused(federated.present(federated.token(header={"kid": f"k{number}"})), INVALID, status=400)
    assert sum(federated.idp.hits.values()) - before <= 2
    accepted(federated.present(federated.token()))


def test_H43_weak_and_unfit_keys(federated: Federated) -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505  # weak is the point
    fit = rsa.generate_private_key(65537, 2048)
    curve = ec.generate_private_key(ec.SECP256K1())
    keys = [
        public_jwk(weak, kid="weak"),
        public_jwk(fit, kid="enc", use="enc"),
        {**public_jwk(curve, kid="k1"), "crv": "secp256k1"},
        public_jwk(fit, kid="fit"),
    ]
    fresh_path = federated.path + "w"
    federated.idp.misbehave(fresh_path + JWKS, (200, {"content-type": "application/json"}, json.dumps({"keys": keys}).encode()))
    fresh = Federated(federated.target, federated.idp, fresh_path)
    for key_id, key in (("weak", weak), ("enc", fit)):
        refused(fresh.present(fresh.token(key=key, header={"kid": key_id})), INVALID, status=400)
    accepted(fresh.present(fresh.token(key=fit, header={"kid": "fit"})))


@pytest.mark.parametrize("kind", ["at+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", 7])
def test_H45_tokens_of_another_kind(federated: Federated, kind: Any) -> None:
    refused(federated.present(federated.token(header={"typ": kind})), INVALID, status=400)
    refused(federated.present(federated.token(federated.claims(events={"x": {}}))), INVALID, status=400)


def test_H45_our_own_session_token(federated: Federated) -> None:
    token = federated.target.mallory.token or ""
    refused(federated.present(token), INVALID, status=400)


@pytest.mark.parametrize(
    "token",
    [
        "a.b.c.d.e",
        "....",
        "e30.e30.",
        "e30.e30.e30",
        "AAAA.AAAA.AAAA",
        "e30=.e30=.AA==",
        "x" * 20_001,
        "a" * 5000 + "." + "b" * 9000 + ".c",
    ],
)
def test_H46_what_is_no_token(federated: Federated, token: str) -> None:
    started = time.monotonic()
    refused(federated.present(token), INVALID, "ValidationError", status=400)
    assert time.monotonic() - started < 5


def test_H46_compressed_and_nested(federated: Federated) -> None:
    for header in ({"zip": "DEF"}, {"enc": "A256GCM"}, {"cty": "JWT", "enc": "A128CBC-HS256"}, {"b64": False, "crit": ["b64"]}):
        refused(federated.present(federated.token(header=header)), INVALID, status=400)
    deep = b'{"iss":' + b"[" * 5000 + b"]" * 5000 + b"}"
    refused(federated.present(federated.token(deep)), INVALID, status=400)
    double = json.dumps(federated.claims()).encode()[:-1] + b',"sub":"repo:acme/app"}'
    refused(federated.present(federated.token(double)), INVALID, status=400)


@pytest.mark.parametrize("algorithm", ["RS999", "ES256K", "PS256X", "rs256", "RS256 "])
def test_C20_a_hash_whose_algorithm_is_unknown_closes_the_door(federated: Federated, algorithm: str) -> None:
    """at_hash and c_hash cannot be computed then; nothing of the token is taken, rather than all but the hash."""
    hashes = {"at_hash": b64(b"x" * 16), "c_hash": b64(b"y" * 16)}
    refused(federated.present(federated.token(federated.claims(**hashes), header={"alg": algorithm})), INVALID)
    accepted(federated.present(federated.token(federated.claims(**hashes))))


@pytest.mark.parametrize(
    "subject",
    ["repo:acme/app,admin", "admin,repo:acme/app", "repo:acme/app\n", "\nrepo:acme/app", " repo:acme/app", '"repo:acme/app"',
     'repo:acme/app","admin', "repo:acme/app],[", '["repo:acme/app"]', ["repo:acme/app"], ["repo:acme/app", "admin"],
     {"": "repo:acme/app"}],
    ids=repr,
)  # fmt: skip
def test_H54_a_claim_is_one_value_whatever_stands_in_it(federated: Federated, subject: Any) -> None:
    refused(federated.present(federated.token(federated.claims(sub=subject))), INVALID, "AccessDenied")


@pytest.mark.parametrize(
    ("groups", "lets_in"),
    [("admin", True), (["admin"], True), ("dev", False), ("dev,admin", None), ("dev admin", False), ('dev","admin', None),
     ("admin\n", None), ("],[admin", None), (["dev", "admin"], None), ([["admin"]], None), ({"0": "admin"}, None), (["dev,admin"], None)],
    ids=repr,
)  # fmt: skip
def test_H54_a_tag_is_one_value_and_lists_are_not_joined(federated: Federated, groups: Any, lets_in: bool | None) -> None:
    """What becomes a tag is the very text of the claim; a list of several, or what no tag may hold (None), is refused as a whole."""
    target, name = federated.target, federated.role.rpartition("/")[2]
    condition = {"ForAnyValue:StringEquals": {"aws:PrincipalTag/groups": ["admin"]}}
    document = policy(allow("iam:ListUsers", Condition=condition))
    accepted(target.iam("PutRolePolicy", RoleName=name, PolicyName="admins", PolicyDocument=document))
    tags = {"https://aws.amazon.com/tags": {"principal_tags": {"groups": groups}}}
    reply = federated.present(federated.token(federated.claims(**tags)))
    if lets_in is None:
        refused(reply, "IDPRejectedClaim")
        return
    listed = target.iam("ListUsers", keys_of(reply))
    accepted(listed) if lets_in else refused(listed, "AccessDenied")
