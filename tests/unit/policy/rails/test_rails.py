"""Each guard rail with what it must find and, beside it, what it must leave alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.policy.document import Kind, read_document
from daypass.policy.rails import AWS_EXACT, DEFAULTS, RAILS, Settings, inspect, read_settings, usable
from daypass.policy.rails.issuers import ISSUERS, find_issuer

HERE, THERE = "111122223333", "444455556666"
GITHUB = "token.actions.githubusercontent.com"
HOSTS = {
    "GitHub Actions": GITHUB,
    "GitLab.com": "gitlab.com",
    "HCP Terraform": "app.terraform.io",
    "Buildkite": "agent.buildkite.com",
    "CircleCI": "oidc.circleci.com/org/0e7f",
    "Bitbucket Pipelines": "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
    "Codefresh": "oidc.codefresh.io",
    "Scalr": "scalr.io",
    "Pulumi Cloud": "api.pulumi.com/oidc",
    "Vercel": "oidc.vercel.com/acme",
}
COGNITO = "cognito-identity.amazonaws.com"


def found(statement: dict[str, Any], kind: Kind = "trust", settings: Settings = DEFAULTS) -> list[str]:
    document = read_document(json.dumps({"Version": "2012-10-17", "Statement": statement}), kind)
    return [finding.rail for finding in inspect(document, kind, HERE, settings)]


def federated(host: str, condition: dict[str, Any], **more: Any) -> dict[str, Any]:
    principal = {"Federated": host if host == COGNITO else f"arn:aws:iam::{HERE}:oidc-provider/{host}"}
    base = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRoleWithWebIdentity"}
    return base | ({"Condition": condition} if condition else {}) | more


def github(condition: dict[str, Any], **more: Any) -> list[str]:
    written = {op: {f"{GITHUB}:{key}": value for key, value in keys.items()} for op, keys in condition.items()}
    return found(federated(GITHUB, written, **more))


# -- CI services


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"StringEquals": {"aud": "sts.amazonaws.com"}},
        {"StringEquals": {"ref": "refs/heads/main", "actor": "me"}},
        {"StringLikeIfExists": {"sub": "repo:acme/app:*"}},
        {"ForAllValues:StringLike": {"sub": "repo:acme/app:*"}},
        {"StringNotEquals": {"sub": "repo:evil/app"}},
        {"Null": {"sub": "false"}},
    ],
)
def test_a_ci_service_without_a_condition_on_whose_job_it_is(condition: dict[str, Any]) -> None:
    assert github(condition) == ["ci-subject"]


@pytest.mark.parametrize(
    "subject",
    [
        "*", "repo:*", "repo:acme*", "repo:acme?/app:*", "re*", "repo:${aws:username}/x", "repo:acme", "repo:/app:*", "environment:prod",
        "repository_owner:acme*", "repo:acme@1*/app:*", ["repo:acme/app:*", "repo:acme*"],
    ],
)  # fmt: skip
def test_a_pattern_that_is_open_before_it_names_whose_job_it_is(subject: str | list[str]) -> None:
    assert github({"StringLike": {"sub": subject}, "StringEquals": {"aud": "sts.amazonaws.com"}}) == ["ci-pattern"]


@pytest.mark.parametrize(
    "condition",
    [
        {"StringLike": {"sub": "repo:acme/*"}},
        {"StringLike": {"sub": ["repo:acme/app:*", "repo:acme/web:environment:prod"]}},
        {"StringEquals": {"sub": "repo:acme/app:ref:refs/heads/main"}},
        {"StringEquals": {"sub": "repository_owner:acme"}},
        {"StringEquals": {"sub": "repo:acme@123456/app@456789:ref:refs/heads/main"}},  # GitHub's form since 2026-07-15
        {"StringLike": {"sub": "repo:acme@123456/*"}},
        {"StringLike": {"SUB": "repo:acme/app:*"}},
        {"ForAnyValue:StringLike": {"sub": "repo:acme/app:*"}},
        {"StringEquals": {"repository_owner_id": "12345"}},
        {"StringLike": {"sub": "*"}, "StringEquals": {"repository_id": "12345"}},
    ],
)
def test_a_ci_service_held_to_ones_own_jobs(condition: dict[str, Any]) -> None:
    assert github(condition) == []


def test_it_speaks_of_allowing_web_identities_only() -> None:
    assert github({}, Effect="Deny") == []
    assert github({}, Action="sts:TagSession") == []
    assert github({}, Action="sts:*") == ["ci-subject"]
    assert found(federated("idp.example.org", {})) == []


@pytest.mark.parametrize("issuer", ISSUERS, ids=lambda issuer: issuer.name)
def test_the_example_of_each_service_is_accepted_and_less_is_not(issuer: Any) -> None:
    host = HOSTS[issuer.name]
    assert find_issuer(host) == issuer
    assert issuer.source.startswith("https://")
    assert found(federated(host, {"StringLike": {f"{host}:sub": issuer.example}})) == []
    assert found(federated(host, {"StringLike": {f"{host}:sub": issuer.example[:3] + "*"}})) == ["ci-pattern"]
    assert found(federated(host, {})) == ["ci-subject" if issuer.shared == host else "ci-pattern"]
    assert found(federated(host, {}), settings=AWS_EXACT) == (["ci-subject"] if issuer.shared == host else [])


def test_only_the_issuers_that_are_known_are_meant() -> None:
    for host in ("", "gitlab.com.evil.org", "gitlab.example.com", "token.actions.githubusercontent.com/a/b", "oidc.circleci.com"):
        assert find_issuer(host) is None
    enterprise = find_issuer("token.actions.githubusercontent.com/acme")
    assert enterprise is not None and enterprise.name == "GitHub Actions"


def test_the_advice_is_a_condition_that_the_rail_accepts() -> None:
    document = read_document(json.dumps({"Statement": federated(GITHUB, {})}), "trust")
    (finding,) = inspect(document, "trust", HERE, DEFAULTS)
    assert f'"{GITHUB}:sub": "repo:ORG/REPO:ref:refs/heads/main"' in finding.says
    assert "acme*" not in finding.says
    assert finding.refusal.endswith("(This is the guard rail ci-subject=refuse of this server.)")


# -- Cognito


@pytest.mark.parametrize("audience", [None, "*", "us-east-1:*", "${aws:username}"])
def test_C25_cognito_without_a_pool_is_found_and_not_acted_upon(audience: str | None) -> None:
    condition = {"StringLike": {f"{COGNITO}:aud": audience}} if audience else {"StringEquals": {f"{COGNITO}:sub": "x"}}
    statement = federated(COGNITO, condition)
    assert found(statement) == ["cognito-audience"]
    assert found(statement, settings=AWS_EXACT) == ["cognito-audience"]
    document = read_document(json.dumps({"Statement": statement}), "trust")
    assert not usable(document, "trust", HERE, DEFAULTS)
    assert usable(document, "trust", HERE, read_settings(["cognito-audience=warn"]))


def test_C25_cognito_with_a_pool_is_left_alone() -> None:
    statement = federated(COGNITO, {"StringEquals": {f"{COGNITO}:aud": "us-east-1:0f4c"}})
    assert found(statement) == []
    assert usable(read_document(json.dumps({"Statement": statement}), "trust"), "trust", HERE, DEFAULTS)


def test_what_is_refused_at_write_alone_is_acted_upon() -> None:
    document = read_document(json.dumps({"Statement": federated(GITHUB, {})}), "trust")
    assert usable(document, "trust", HERE, DEFAULTS)


# -- Principal: *


OPEN = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-abc"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy"}},
        {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{HERE}:role/deploy"}},
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        {"StringLike": {"aws:userid": "*:me"}},
        {"StringLike": {"aws:PrincipalTag/team": "*"}},
    ],
)
def test_everyone_is_found_whom_no_condition_narrows(condition: dict[str, Any]) -> None:
    assert found(OPEN) == ["open-principal"]
    assert found(OPEN | {"Condition": condition}) == ["open-principal"]
    assert found(OPEN | {"Principal": {"AWS": ["*", THERE]}, "Condition": condition})[0] == "open-principal"
    assert found(OPEN | {"Resource": "*"}, "resource") == ["open-principal"]


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalOrgID": "o-abc"}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-abc/r-x/*"}},
        {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{HERE}:role/deploy-*"}},
        {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"StringEquals": {"AWS:PrincipalTag/team": "red"}},
        {"StringLike": {"aws:userid": "AROAEXAMPLE:*"}},
    ],
)
def test_everyone_narrowed_is_left_alone(condition: dict[str, Any]) -> None:
    assert found(OPEN | {"Condition": condition}) == []
    assert found(OPEN | {"Effect": "Deny"}) == []


# -- another account


@pytest.mark.parametrize("principal", [THERE, f"arn:aws:iam::{THERE}:root", f"arn:aws:iam::{THERE}:role/x", [HERE, THERE]])
def test_another_account_without_an_external_id_is_warned_of(principal: str | list[str]) -> None:
    statement = OPEN | {"Principal": {"AWS": principal}}
    document = read_document(json.dumps({"Statement": statement}), "trust")
    assert [(one.rail, one.setting) for one in inspect(document, "trust", HERE, DEFAULTS)] == [("external-id", "warn")]
    assert found(statement | {"Condition": {"StringLike": {"sts:ExternalId": "*"}}}) == ["external-id"]


@pytest.mark.parametrize("condition", [{"sts:ExternalId": "x1"}, {"aws:PrincipalOrgID": "o-abc"}])
def test_another_account_with_one_is_left_alone(condition: dict[str, str]) -> None:
    assert found(OPEN | {"Principal": {"AWS": THERE}, "Condition": {"StringEquals": condition}}) == []
    assert found(OPEN | {"Principal": {"AWS": HERE}}) == []


# -- PassRole


@pytest.mark.parametrize("resource", ["*", "arn:aws:iam::*:role/*", f"arn:aws:iam::{HERE}:role/*", [f"arn:aws:iam::{HERE}:role/a", "*"]])
@pytest.mark.parametrize("action", ["iam:PassRole", "iam:Pass*", ["s3:GetObject", "IAM:passrole"]])
def test_passing_any_role_is_warned_of(action: str | list[str], resource: str | list[str]) -> None:
    assert found({"Effect": "Allow", "Action": action, "Resource": resource}, "identity") == ["pass-role"]


def test_passing_a_role_by_name_or_by_having_all_of_iam_is_left_alone() -> None:
    assert found({"Effect": "Allow", "Action": "iam:PassRole", "Resource": f"arn:aws:iam::{HERE}:role/app-*"}, "identity") == []
    assert found({"Effect": "Allow", "Action": "*", "Resource": "*"}, "identity") == []
    assert found({"Effect": "Allow", "Action": "iam:*", "Resource": "*"}, "identity") == []
    assert found({"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}, "identity") == []
    assert found({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "identity") == []
    assert found({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}, "identity") == ["pass-role"]


# -- settings


def test_every_rail_can_be_set_and_none_else() -> None:
    assert read_settings([]) == DEFAULTS
    assert read_settings([], aws_exact=True) == AWS_EXACT
    assert read_settings(["open-principal=off"], aws_exact=True)["cognito-audience"] == "refuse"
    for rail in RAILS:
        for setting in ("refuse", "warn", "off"):
            assert read_settings([f"{rail.name}={setting}"])[rail.name] == setting
    for wrong in ("nothing=off", "open-principal", "open-principal=no", "=", "open-principal=Refuse"):
        with pytest.raises(ValueError):
            read_settings([wrong])


def test_a_rail_that_is_off_finds_nothing_and_refusals_come_first() -> None:
    assert found(OPEN, settings=read_settings(["open-principal=off"])) == []
    document = read_document(json.dumps({"Statement": [OPEN | {"Principal": {"AWS": THERE}}, OPEN]}), "trust")
    assert [one.rail for one in inspect(document, "trust", HERE, DEFAULTS)] == ["open-principal", "external-id"]
    assert [one.statement for one in inspect(document, "trust", HERE, DEFAULTS)] == ["2", "1"]


# -- NotPrincipal with Allow

ALL_BUT = {"Effect": "Allow", "NotPrincipal": {"AWS": HERE}, "Action": "s3:*", "Resource": "*"}


def test_an_allow_of_all_but_some_is_warned_of() -> None:
    assert found(ALL_BUT, "resource") == ["not-principal"]
    assert DEFAULTS["not-principal"] == "warn" and AWS_EXACT["not-principal"] == "off"
    assert found(ALL_BUT, "resource", AWS_EXACT) == []
    assert found(ALL_BUT | {"Effect": "Deny"}, "resource") == []
    named = {key: value for key, value in ALL_BUT.items() if key != "NotPrincipal"} | {"Principal": {"AWS": HERE}}
    assert found(named, "resource") == []


def test_every_role_of_the_own_account_by_its_variable_is_every_role() -> None:
    resource = "arn:aws:iam::${aws:PrincipalAccount}:role/*"
    assert found({"Effect": "Allow", "Action": "iam:PassRole", "Resource": resource}, "identity") == ["pass-role"]
