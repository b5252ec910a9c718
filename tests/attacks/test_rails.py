"""Attacks prepared by a trust policy that is legal and dangerous: refused when it is written. Each has a benign twin that is taken."""

from __future__ import annotations

from typing import Any

import pytest

from attacks.conftest import Target, accepted, refused, trust

WEB = "sts:AssumeRoleWithWebIdentity"
GITHUB = "token.actions.githubusercontent.com"
COGNITO = "cognito-identity.amazonaws.com"


def _write(target: Target, name: str, document: str) -> Any:
    return target.iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=document)


def _both_ways(target: Target, name: str, bad: str, good: str) -> None:
    """Neither made nor changed to the bad one; the good one is taken."""
    refused(_write(target, name, bad), "MalformedPolicyDocument", status=400)
    refused(target.iam("GetRole", RoleName=name), "NoSuchEntity")
    accepted(_write(target, name, good))
    refused(target.iam("UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=bad), "MalformedPolicyDocument", status=400)
    accepted(target.iam("UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=good))


@pytest.mark.parametrize(
    "condition",
    [
        None,
        {"StringEquals": {f"{COGNITO}:amr": "authenticated"}},
        {"StringLike": {f"{COGNITO}:aud": "*"}},
        {"StringEqualsIfExists": {f"{COGNITO}:aud": "us-east-1:pool"}},
        {"ForAllValues:StringEquals": {f"{COGNITO}:aud": "us-east-1:pool"}},
        {"StringNotEquals": {f"{COGNITO}:aud": "us-east-1:pool"}},
    ],
)
def test_C25_cognito_of_any_pool_is_not_trusted(target: Target, condition: dict[str, Any] | None) -> None:
    good = trust({"Federated": COGNITO}, action=WEB, condition={"StringEquals": {f"{COGNITO}:aud": "us-east-1:pool"}})
    name = f"c25w{abs(hash(str(condition))) % 10**9}"
    _both_ways(target, name, trust({"Federated": COGNITO}, action=WEB, condition=condition), good)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "sts.amazonaws.com"},
        {"aud": "sts.amazonaws.com", "sub": "*"},
        {"sub": "repo:*"},
        {"sub": "repo:acme*"},
        {"sub": "repo:acme?/app"},
        {"sub": ["repo:acme/app:*", "*"]},
    ],
    ids=str,
)
def test_C26_a_shared_ci_issuer_is_not_trusted_without_whose_job_it_is(target: Target, claims: dict[str, Any]) -> None:
    provider = {"Federated": f"arn:aws:iam::{target.account}:oidc-provider/{GITHUB}"}

    def document(given: dict[str, Any]) -> str:
        return trust(provider, action=WEB, condition={"StringLike": {f"{GITHUB}:{claim}": value for claim, value in given.items()}})

    name = f"c26w{abs(hash(str(claims))) % 10**9}"
    _both_ways(target, name, document(claims), document({"aud": "sts.amazonaws.com", "sub": "repo:acme/*"}))


def test_C26_the_advice_never_takes_a_prefix_for_a_name(target: Target) -> None:
    provider = {"Federated": f"arn:aws:iam::{target.account}:oidc-provider/{GITHUB}"}
    reply = _write(target, "c26advice", trust(provider, action=WEB, condition={"StringLike": {f"{GITHUB}:sub": "repo:acme*"}}))
    assert b"repo:ORG/REPO:ref:refs/heads/main" in reply.body and b"a name is only whole with the separator behind it" in reply.body
    accepted(_write(target, "c26advice", trust({"AWS": target.account})))
