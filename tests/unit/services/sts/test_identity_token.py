"""GetWebIdentityToken: tokens that others verify with what our issuer publishes. The judge is joserfc, from the documents alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from daypass.doors.issuer import issuer_document
from rig.node import Keys, Refused
from unit.way.town import Town, allow, policy

NAMESPACE = "https://sts.amazonaws.com/"


@pytest.fixture(scope="module")
def issuing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(Path(tmp_path_factory.mktemp("issuing")))
    made.issuer = made.iam("EnableOutboundWebIdentityFederation")["IssuerIdentifier"]  # type: ignore[attr-defined]  # for these tests
    yield made
    made.it.close()


def token(town: Town, keys: Keys, **more: Any) -> str:
    given = {"Audience": ["https://cloud.example"], "SigningAlgorithm": "RS256", **more}
    return str(town.sts("GetWebIdentityToken", keys, **given)["WebIdentityToken"])


def published(town: Town, name: str) -> Any:
    issuer: str = town.issuer  # type: ignore[attr-defined]  # set above
    path = issuer.removeprefix(town.it.node.rules.url) + f"/.well-known/{name}"
    answer = issuer_document(town.it.node, path.encode())
    assert answer.status == 200
    return json.loads(answer.body)


def read(town: Town, text: str) -> dict[str, Any]:
    """The claims, verified as a stranger would: by discovery, then the keys that it names."""
    discovery = published(town, "openid-configuration")
    assert discovery["issuer"] == town.issuer  # type: ignore[attr-defined]  # set above
    assert discovery["jwks_uri"] == f"{discovery['issuer']}/.well-known/jwks.json"
    keys = KeySet.import_key_set(published(town, "jwks.json"))
    claims: dict[str, Any] = jwt.decode(text, keys, algorithms=discovery["id_token_signing_alg_values_supported"]).claims
    assert claims["iss"] == discovery["issuer"]
    return claims


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
def test_a_stranger_verifies_it(issuing: Town, algorithm: str) -> None:
    keys = issuing.user(f"user-{algorithm}")
    claims = read(issuing, token(issuing, keys, SigningAlgorithm=algorithm, Tags=[{"Key": "job", "Value": "42"}], Scope="read write"))
    now = int(issuing.it.now.timestamp())
    assert claims["sub"] == f"arn:aws:iam::{issuing.account}:user/user-{algorithm}"
    assert (claims["aud"], claims["iat"], claims["exp"], claims["scope"]) == ("https://cloud.example", now, now + 300, "read write")
    own = claims[NAMESPACE]
    assert (own["aws_account"], own["request_tags"], own["source_region"]) == (issuing.account, {"job": "42"}, "us-east-1")
    assert own["org_id"].startswith("o-")


def test_a_session_is_its_role_and_says_until_when(issuing: Town) -> None:
    arn = issuing.role("worker", Tags=[{"Key": "team", "Value": "blue"}])
    session = issuing.session(issuing.operator, arn)
    claims = read(issuing, token(issuing, session, Audience=["a", "b"]))
    assert (claims["sub"], claims["aud"]) == (arn, ["a", "b"])
    ends = (issuing.it.now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert claims[NAMESPACE]["original_session_exp"] == ends
    assert claims[NAMESPACE]["principal_tags"] == {"team": "blue"}


def test_no_token_outlives_its_session(issuing: Town) -> None:
    session = issuing.session(issuing.operator, issuing.role("brief"), DurationSeconds=900)
    assert token(issuing, session, DurationSeconds=900)
    with pytest.raises(Refused) as refused:
        token(issuing, session, DurationSeconds=901)
    assert (refused.value.code, refused.value.status) == ("SessionDurationEscalationException", 403)


def test_no_two_are_the_same(issuing: Town) -> None:
    assert read(issuing, token(issuing, issuing.operator))["jti"] != read(issuing, token(issuing, issuing.operator))["jti"]


def test_policies_see_audience_algorithm_and_duration(issuing: Town) -> None:
    condition = {
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "good"},
        "StringEquals": {"sts:SigningAlgorithm": "ES384"},
        "NumericLessThanEquals": {"sts:DurationSeconds": "120"},
    }
    keys = issuing.user("bounded", policy(allow("sts:GetWebIdentityToken", Condition=condition)))
    good = {"Audience": ["good"], "SigningAlgorithm": "ES384", "DurationSeconds": 120}
    assert token(issuing, keys, **good)
    tagged = {"Tags": [{"Key": "k", "Value": "v"}]}
    for bad in ({"Audience": ["good", "bad"]}, {"SigningAlgorithm": "RS256"}, {"DurationSeconds": 121}, tagged):
        with pytest.raises(Refused, match="AccessDenied"):
            token(issuing, keys, **{**good, **bad})


@pytest.mark.parametrize("more", [{"SigningAlgorithm": "HS256"}, {"SigningAlgorithm": "RS2567"}, {"Audience": []}, {"DurationSeconds": 59}])
def test_what_does_not_fit(issuing: Town, more: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="ValidationError"):
        token(issuing, issuing.operator, **more)


def test_too_many_claims(issuing: Town) -> None:
    tags = [{"Key": f"k{number}", "Value": "v" * 256} for number in range(50)]
    with pytest.raises(Refused) as refused:
        token(issuing, issuing.operator, Tags=tags)
    assert refused.value.code == "JWTPayloadSizeExceededException"


def test_keys_tell_nothing_private(issuing: Town) -> None:
    record = next(iter(issuing.it.store.snapshot.token_issuers))
    assert "PRIVATE" not in repr(record) and record.rsa.reveal() != record.ec.reveal()
    found = published(issuing, "jwks.json")["keys"]
    assert [key["alg"] for key in found] == ["RS256", "ES384"]
    assert all(not key.keys() & {"d", "p", "q", "dp", "dq", "qi", "k"} for key in found)


def test_turned_off_there_is_neither_token_nor_document(town: Town) -> None:
    with pytest.raises(Refused) as refused:
        token(town, town.operator)
    assert refused.value.code == "OutboundWebIdentityFederationDisabledException"
    name = town.iam("EnableOutboundWebIdentityFederation")["IssuerIdentifier"].rpartition("/")[2]
    path = f"/issuers/{name}/.well-known/jwks.json".encode()
    before = issuer_document(town.it.node, path)
    town.iam("DisableOutboundWebIdentityFederation")
    assert (before.status, issuer_document(town.it.node, path).status) == (200, 404)
    town.iam("EnableOutboundWebIdentityFederation")
    assert issuer_document(town.it.node, path).body == before.body  # the keys are the issuer's for good


@pytest.mark.parametrize("path", [b"/issuers/", b"/issuers/../health", b"/issuers/" + b"0" * 36 + b"/.well-known/jwks.json"])
def test_other_paths(town: Town, path: bytes) -> None:
    assert issuer_document(town.it.node, path).status == 404
