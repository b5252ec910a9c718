from __future__ import annotations

import json
from typing import Any

import pytest

from daypass.policy import Kind, warnings
from daypass.policy.dangers import DANGERS
from daypass.policy.document import read_document
from unit.policy.people import HERE, statement


def _names(one: dict[str, Any], kind: Kind = "identity", version: str = "2012-10-17") -> list[str]:
    return [found.name for found in warnings(read_document(json.dumps({"Version": version, "Statement": one}), kind), kind)]


def _when(operator: str, key: str, value: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return statement(effect, Action="s3:Get*", Condition={operator: {key: value}} | more)


@pytest.mark.parametrize(
    ("one", "name"),
    [
        (statement(), "broad-allow"),
        (statement(Action=None, NotAction="iam:*"), "broad-allow"),
        (statement(Action="s3:*", Resource=None, NotResource="arn:aws:s3:::a"), "broad-allow"),
        (_when("ForAllValues:StringEquals", "aws:TagKeys", "a"), "absent-key-allows"),
        (_when("StringEqualsIfExists", "s3:prefix", "a"), "absent-key-allows"),
        (_when("StringNotEquals", "s3:prefix", "a"), "absent-key-allows"),
        (_when("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"), "absent-key-allows"),
        (_when("Bool", "aws:MultiFactorAuthPresent", False, "Deny"), "absent-key-escapes"),
        (statement("Deny", Resource="arn:aws:s3:::${aws:username}"), "absent-key-escapes"),
        (_when("StringEquals", "aws:TagKeys", "a"), "set-operator"),
        (_when("ForAnyValue:StringEquals", "aws:PrincipalOrgID", "o-1"), "set-operator"),
        (_when("ForAnyValue:StringEquals", "aws:PrincipalTag/team", "a"), "set-operator"),
        (_when("StringEquals", "aws:PrincipleArn", "a"), "unknown-or-mistyped-key"),
        (_when("StringEquals", "aws:SourceIp", "10.0.0.1"), "unknown-or-mistyped-key"),
        (_when("StringLike", "aws:CurrentTime", "2026-*"), "unknown-or-mistyped-key"),
        (_when("StringEquals", "s3:prefix", "a*"), "literal-wildcard"),
        (_when("StringEqualsIgnoreCase", "s3:prefix", ["b", "a?"]), "literal-wildcard"),
        (_when("StringEquals", "s3:prefix", "caf\u00e9"), "other-letters"),
        (statement(Action="s3:Get*", Resource="arn:aws:s3:::\u0430bc"), "other-letters"),
    ],
)
def test_what_is_warned_of(one: dict[str, Any], name: str) -> None:
    assert _names(one) == [name]


@pytest.mark.parametrize(
    "one",
    [
        statement(Action="s3:*"),
        statement(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        statement("Deny"),
        statement("Deny", Action=None, NotAction="iam:*"),
        _when("StringNotEquals", "s3:prefix", "a", Null={"S3:Prefix": "false"}),
        _when("ForAllValues:StringEquals", "aws:TagKeys", "a", Null={"aws:TagKeys": False}),
        _when("ForAnyValue:StringEquals", "aws:TagKeys", "a"),
        _when("StringNotEquals", "s3:prefix", "a", "Deny"),
        _when("BoolIfExists", "aws:MultiFactorAuthPresent", "false", "Deny"),
        _when("Bool", "aws:MultiFactorAuthPresent", "true"),
        statement("Deny", Resource="arn:aws:s3:::${aws:username, 'nobody'}"),
        statement("Deny", Resource="arn:aws:s3:::${*}"),
        _when("StringLike", "s3:prefix", "a*"),
        _when("StringEquals", "s3:prefix", "a${*}"),
        _when("IpAddress", "aws:sourceip", "10.0.0.0/8"),
        _when("NumericLessThan", "aws:EpochTime", 5),
        _when("DateLessThan", "aws:EpochTime", 15000),
        _when("Null", "aws:TagKeys", "true"),
    ],
)
def test_what_is_fine(one: dict[str, Any]) -> None:
    assert _names(one) == []


def test_null_true_does_not_mend_an_absent_key() -> None:
    assert _names(_when("StringNotEquals", "s3:prefix", "a", Null={"s3:prefix": "true"})) == ["absent-key-allows"]


def test_not_principal() -> None:
    assert _names(statement("Deny", NotPrincipal={"AWS": HERE}), "resource") == ["not-principal"]


def test_an_administrator_is_an_identity() -> None:
    assert _names(statement(), "boundary") == []
    assert _names(statement(Principal="*", Action="sts:*", Resource=None), "trust") == []


def test_variables_need_the_newest_version() -> None:
    one = statement(Action="s3:Get*", Resource="arn:aws:s3:::${aws:username}", Condition={"StringEquals": {"s3:prefix": "${aws:userid}"}})
    assert _names(one, version="2008-10-17") == ["old-variable", "old-variable"]
    assert _names(one) == []


def test_where_and_in_which_words() -> None:
    statements = [statement("Deny"), _when("StringEquals", "aws:TagKeys", "a") | {"Sid": "Mine"}]
    document = read_document(json.dumps({"Statement": statements}), "identity")
    (found,) = warnings(document, "identity")
    assert (found.statement, found.where) == ("Mine", "Statement[2].Condition.StringEquals.aws:TagKeys")
    assert found.says.startswith("aws:TagKeys has several values; without ForAllValues or ForAnyValue no value is compared.")


def test_every_danger_has_been_met() -> None:
    assert set(DANGERS) == {
        "broad-allow", "not-principal", "absent-key-allows", "absent-key-escapes", "set-operator", "unknown-or-mistyped-key",
        "literal-wildcard", "other-letters",
    }  # fmt: skip
