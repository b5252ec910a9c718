from __future__ import annotations

from typing import Any

import pytest

from daypass.wire.catalogue import get_operation
from daypass.wire.validate import MAX_ECHO, MAX_PROBLEMS, message_of, problems_of

ARN = "arn:aws:iam::123456789012:role/Demo"


def problems(service: str, name: str, values: dict[str, Any]) -> list[str]:
    return problems_of(get_operation(service, name).input, values)


def of_role(**values: Any) -> list[str]:
    return problems("sts", "assume_role", {"RoleArn": ARN, "RoleSessionName": "alice", **values})


MUST = "failed to satisfy constraint: Member must"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, []),
        ({"RoleSessionName": "a" * 64}, []),
        ({"DurationSeconds": 900}, []),
        ({"DurationSeconds": 43200}, []),
        ({"TransitiveTagKeys": ["k"] * 50}, []),
        ({"RoleSessionName": "a" * 65}, [f"Value '{'a' * 65}' at 'roleSessionName' {MUST} have length less than or equal to 64"]),
        ({"RoleSessionName": "a b"}, [f"Value 'a b' at 'roleSessionName' {MUST} satisfy regular expression pattern: [\\w+=,.@-]*"]),
        ({"DurationSeconds": 899}, [f"Value '899' at 'durationSeconds' {MUST} have value greater than or equal to 900"]),
        ({"DurationSeconds": 43201}, [f"Value '43201' at 'durationSeconds' {MUST} have value less than or equal to 43200"]),
        ({"TransitiveTagKeys": ["k"] * 51}, [f"Value at 'transitiveTagKeys' {MUST} have length less than or equal to 50"]),
        (
            {"Tags": [{"Key": "k", "Value": "v" * 257}]},
            [f"Value '{'v' * 256}…' at 'tags.1.member.value' {MUST} have length less than or equal to 256"],
        ),
        ({"Tags": [{"Key": "k"}]}, [f"Value null at 'tags.1.member.value' {MUST} not be null"]),
        ({"TokenCode": "12345"}, [f"Value at 'tokenCode' {MUST} have length greater than or equal to 6"]),
    ],
)
def test_aws_words(values: dict[str, Any], said: list[str]) -> None:
    assert of_role(**values) == said


def test_an_enum() -> None:
    assert problems("iam", "update_access_key", {"AccessKeyId": "A" * 20, "Status": "active"}) == [
        f"Value 'active' at 'status' {MUST} satisfy enum value set: [Active, Inactive, Expired]"
    ]


def test_several_are_counted() -> None:
    said = problems("sts", "assume_role", {})
    assert message_of(said[:1]).startswith("1 validation error detected: ")
    assert message_of(said).startswith("2 validation errors detected: ")
    assert message_of(["x"] * 1000) == f"1000 validation errors detected: {'; '.join(['x'] * MAX_PROBLEMS)}"


@pytest.mark.parametrize(
    ("service", "name", "values"),
    [
        ("sts", "assume_role_with_web_identity", {"RoleArn": ARN, "RoleSessionName": "ab", "WebIdentityToken": "CANARY" * 4000}),
        ("sts", "assume_role", {"RoleArn": ARN, "RoleSessionName": "ab", "TokenCode": "CANARY"}),
        ("iam", "create_login_profile", {"UserName": "u", "Password": "CANARY\u0000"}),
        ("secretsmanager", "put_secret_value", {"SecretId": "s", "SecretString": "CANARY" * 20000}),
        ("secretsmanager", "put_secret_value", {"SecretId": "s", "SecretBinary": b"CANARY" * 20000}),
        ("cognito-idp", "change_password", {"AccessToken": "CANARY CANARY", "ProposedPassword": ""}),
    ],
)
def test_h75_a_secret_is_never_repeated(service: str, name: str, values: dict[str, Any]) -> None:
    said = problems(service, name, values)
    assert said
    assert "CANARY" not in "".join(said)


def test_long_values_are_cut() -> None:
    (said,) = of_role(RoleSessionName="a" * 100_000)
    assert len(said) < MAX_ECHO + 200


def test_no_pattern_runs_on_more_than_the_model_allows() -> None:
    (said,) = of_role(RoleSessionName=" " * 65)
    assert "pattern" not in said


def test_exactly_one_member_of_a_union() -> None:
    shape = get_operation("rolesanywhere", "create_trust_anchor").input
    source = {"name": "n", "source": {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {}}}
    assert problems_of(shape, source) == [
        "Value at 'source.sourceData' failed to satisfy constraint: Exactly one member of the union must be set"
    ]
    source["source"]["sourceData"] = {"x509CertificateData": "x"}  # type: ignore[index]  # the value above is a dict
    assert problems_of(shape, source) == []


@pytest.mark.parametrize(("kind", "value"), [("max_results", 2**31), ("max_results", -(2**31) - 1)])
def test_integers_have_32_bits(kind: str, value: int) -> None:
    assert len(problems("daypass", "list_sessions", {"MaxResults": value})) == 1
    assert kind == "max_results"
