from __future__ import annotations

from typing import Any

import pytest

from daypass.policy.principal import Closeness, Principals, read_principals
from daypass.policy.syntax import PolicyError
from daypass.values.caller import Caller
from unit.policy.people import ANYONE, HERE, OUTSIDER, PROVIDER, ROLE_ARN, ROLE_ID, ROOT, SESSION, SESSION_ARN, THERE, TOKEN, USER

NOT, ACCOUNT, ROLE, DIRECT = Closeness

OPERATOR = Caller("operator", HERE, SESSION_ARN, "", ROLE_ARN, ROLE_ID, provider_arn="operator.example")


@pytest.mark.parametrize(
    "value",
    [
        HERE, f"arn:aws:iam::{HERE}:root", USER.arn, f"arn:aws:iam::{HERE}:user/a/b/ann", ROLE_ARN, SESSION_ARN, ROLE_ID, "*",
        f"arn:aws:sts::{HERE}:federated-user/bob",
    ],
)  # fmt: skip
def test_principals_that_aws_takes(value: str) -> None:
    assert read_principals({"AWS": value}) == read_principals({"AWS": [value]}) == {("AWS", value)}


@pytest.mark.parametrize(
    "value",
    [
        "", "**", "11111111111", "1111111111111", "١" * 12, f"arn:aws:iam::{HERE}:role/*", "arn:aws:iam::*:role/x",
        f"arn:aws:iam::{HERE}:*",
        f"arn:aws:iam:::{HERE}:root",
        "arn:aws:iam:::root", f"arn:aws:iam::{HERE}:role", f"arn:aws:iam::{HERE}:role/", f"{ROLE_ARN}/",
        f"arn:aws:iam::{HERE}:group/g", f"arn:aws-cn:iam::{HERE}:root", f"arn:aws:iam:us-east-1:{HERE}:root", f"arn:aws:iam::{HERE}:root:x",
        f"arn:aws:sts::{HERE}:assumed-role/r", f"arn:aws:sts::{HERE}:assumed-role/app/r/s", f"arn:aws:sts::{HERE}:assumed-role/r/*",
        f"arn:aws:sts::{HERE}:assumed-role//s", f"arn:aws:s3::{HERE}:role/r", f"arn:aws:iam::{HERE}:role/r?", f" {HERE}", f"{HERE}\n",
        f"arn:aws:iam::{HERE}:user/\u212aate", "AKIA" + "A" * 16, "ann",
    ],
)  # fmt: skip
def test_principals_that_aws_refuses(value: str) -> None:
    """Attacks row M01."""
    with pytest.raises(PolicyError) as caught:
        read_principals({"AWS": value})
    assert caught.value.message == f'Invalid principal in policy: "AWS":"{value}"'


@pytest.mark.parametrize(
    "element",
    [
        "x", {}, [], None, 1, {"aws": HERE}, {"AWS": []}, {"AWS": {}}, {"AWS": 1}, {"AWS": [HERE, None]}, {"Service": "*"},
        {"Service": "ec2"},
        {"Federated": "*"}, {"Federated": f"arn:aws:iam::{HERE}:role/x"}, {"Federated": f"arn:aws:iam::{HERE}:oidc-provider/"},
        {"Federated": f"arn:aws:iam::{HERE}:oidc-provider/*"}, {"CanonicalUser": "abc"}, {"Everyone": "*"},
    ],
)  # fmt: skip
def test_elements_that_aws_refuses(element: Any) -> None:
    with pytest.raises(PolicyError):
        read_principals(element)


def test_the_text_names_the_kind_of_a_bad_principal() -> None:
    with pytest.raises(PolicyError, match=r'^Invalid principal in policy: "SERVICE":"ec2"$'):
        read_principals({"Service": "ec2"})
    with pytest.raises(PolicyError, match=r'^Invalid principal in policy: "FEDERATED":"\*"$'):
        read_principals({"Federated": "*"})


def test_other_kinds_of_principal() -> None:
    providers = ("Federated", PROVIDER), ("Federated", "accounts.google.com")
    for kind, value in (("Service", "ec2.amazonaws.com"), *providers, ("CanonicalUser", "a" * 64)):
        assert read_principals({kind: value}) == {(kind, value)}


@pytest.mark.parametrize(
    ("value", "caller", "expected"),
    [
        ("*", USER, DIRECT), ("*", SESSION, DIRECT), ("*", ROOT, DIRECT), ("*", OUTSIDER, DIRECT), ("*", ANYONE, DIRECT), ("*", TOKEN, NOT),
        ("*", OPERATOR, DIRECT), (HERE, OPERATOR, ACCOUNT), (ROLE_ARN, OPERATOR, NOT),
        (HERE, USER, ACCOUNT), (HERE, SESSION, ACCOUNT), (HERE, ROOT, ACCOUNT), (HERE, OUTSIDER, NOT), (HERE, ANYONE, NOT),
        (HERE, TOKEN, NOT),
        (THERE, OUTSIDER, ACCOUNT), (f"arn:aws:iam::{HERE}:root", USER, ACCOUNT), (f"arn:aws:iam::{HERE}:root", ROOT, ACCOUNT),
        (USER.arn, USER, DIRECT), (USER.arn, OUTSIDER, NOT), (USER.principal_id, USER, DIRECT), (USER.arn, SESSION, NOT),
        (ROLE_ARN, SESSION, ROLE), (ROLE_ID, SESSION, ROLE), (f"arn:aws:iam::{HERE}:role/r", SESSION, NOT), (ROLE_ARN, USER, NOT),
        (SESSION_ARN, SESSION, DIRECT), (f"arn:aws:sts::{HERE}:assumed-role/r/S", SESSION, NOT),
    ],
)  # fmt: skip
def test_how_closely_a_principal_names_a_caller(value: str, caller: Caller, expected: Closeness) -> None:
    assert Principals({("AWS", value)}, {}).closeness(caller) is expected


def test_a_token_is_named_by_its_provider_alone() -> None:
    assert Principals({("Federated", PROVIDER)}, {}).closeness(TOKEN) is DIRECT
    assert Principals({("Federated", PROVIDER + "x")}, {}).closeness(TOKEN) is NOT
    assert Principals({("Federated", PROVIDER)}, {}).closeness(SESSION) is NOT
    assert Principals({("AWS", HERE), ("AWS", "*")}, {}).closeness(TOKEN) is NOT


def test_the_operator_is_named_by_the_service_of_its_socket() -> None:
    assert Principals({("Service", "operator.example")}, {}).closeness(OPERATOR) is DIRECT
    assert Principals({("Service", "ec2.amazonaws.com")}, {}).closeness(OPERATOR) is NOT
    assert Principals({("Service", "operator.example")}, {}).closeness(SESSION) is NOT


def test_the_closest_of_several_names_counts() -> None:
    assert Principals({("AWS", HERE), ("AWS", ROLE_ARN), ("AWS", SESSION_ARN)}, {}).closeness(SESSION) is DIRECT
    assert Principals({("AWS", HERE), ("AWS", ROLE_ARN)}, {}).closeness(SESSION) is ROLE


@pytest.mark.parametrize(("value", "caller"), [(USER.arn, USER), (ROLE_ARN, SESSION), (SESSION_ARN, SESSION)])
def test_a_bound_name_means_only_who_had_it_then(value: str, caller: Caller) -> None:
    """Fact sheet A, §3.14: one deleted and made again by the same name is another principal."""
    assert Principals({("AWS", value)}, {value: caller.principal_id}).closeness(caller) >= ROLE
    assert Principals({("AWS", value)}, {value: "AIDA" + "Z" * 17}).closeness(caller) is NOT


def test_a_renamed_user_is_still_bound() -> None:
    old = f"arn:aws:iam::{HERE}:user/old"
    assert Principals({("AWS", old)}, {old: USER.principal_id}).closeness(USER) is DIRECT


@pytest.mark.parametrize(
    ("values", "caller", "spared"),
    [
        ([HERE, ROLE_ARN, SESSION_ARN], SESSION, True), ([HERE, ROLE_ARN], SESSION, False), ([ROLE_ARN, SESSION_ARN], SESSION, False),
        ([HERE, SESSION_ARN], SESSION, False), ([HERE, USER.arn], USER, True), ([USER.arn], USER, False), ([HERE], ROOT, True),
        ([THERE], ROOT, False), ([HERE, USER.arn], ANYONE, False), ([HERE], TOKEN, False),
    ],
)  # fmt: skip
def test_whom_a_not_principal_spares(values: list[str], caller: Caller, spared: bool) -> None:
    """Attacks row H12; IAM User Guide, "NotPrincipal": the account, the role and the session must be listed."""
    assert Principals({("AWS", value) for value in values}, {}).spare(caller) is spared


def test_a_not_principal_spares_the_provider_it_lists() -> None:
    assert Principals({("Federated", PROVIDER)}, {}).spare(TOKEN)
