from __future__ import annotations

from typing import Any

import pytest

from daypass.policy.principal import Closeness, Principals, read_principals
from daypass.policy.syntax import PolicyError
from daypass.values.caller import Caller
from unit.policy.people import (
    ANYONE,
    FEDERATED,
    FEDERATED_ARN,
    HERE,
    OUTSIDER,
    PROVIDER,
    ROLE_ARN,
    ROLE_ID,
    ROOT,
    SERVICE,
    SESSION,
    SESSION_ARN,
    THERE,
    TOKEN,
    USER,
)  # fmt: skip

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
        ("*", FEDERATED, DIRECT), (FEDERATED_ARN, FEDERATED, DIRECT), (USER.arn, FEDERATED, ROLE), (USER.principal_id, FEDERATED, ROLE),
        (HERE, FEDERATED, ACCOUNT), (THERE, FEDERATED, NOT), (FEDERATED_ARN, USER, NOT), (FEDERATED_ARN, OUTSIDER, NOT),
        (FEDERATED_ARN + "2", FEDERATED, NOT), ("*", SERVICE, NOT), (HERE, SERVICE, NOT),
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


def test_a_service_is_named_by_its_own_name_alone() -> None:
    assert Principals({("Service", SERVICE.provider_arn)}, {}).closeness(SERVICE) is DIRECT
    for other in (("Service", "ec2.amazonaws.com"), ("Federated", SERVICE.provider_arn), ("AWS", HERE)):
        assert Principals({other}, {}).closeness(SERVICE) is NOT
    assert Principals({("Service", SERVICE.provider_arn)}, {}).closeness(USER) is NOT
    assert Principals({("Service", SERVICE.provider_arn)}, {}).spare(SERVICE)
    assert not Principals({("Service", "ec2.amazonaws.com"), ("AWS", HERE)}, {}).spare(SERVICE)


def test_a_canonical_user_is_the_account_that_it_is_bound_to() -> None:
    named = {("CanonicalUser", "a" * 64), ("CanonicalUser", "b" * 64)}
    bound = Principals(named, {"a" * 64: HERE})
    assert [bound.closeness(caller) for caller in (USER, SESSION, ROOT, OUTSIDER, ANYONE, TOKEN)] == [ACCOUNT] * 3 + [NOT] * 3
    assert Principals(named, {}).closeness(USER) is NOT
    assert Principals({("AWS", "b" * 64)}, {"b" * 64: HERE}).closeness(USER) is NOT


def test_a_federated_session_is_bound_to_who_federated_it() -> None:
    assert Principals({("AWS", FEDERATED_ARN)}, {FEDERATED_ARN: USER.principal_id}).closeness(FEDERATED) is DIRECT
    assert Principals({("AWS", FEDERATED_ARN)}, {FEDERATED_ARN: "AIDA" + "Z" * 17}).closeness(FEDERATED) is NOT


@pytest.mark.parametrize(
    ("values", "spared"),
    [
        ([HERE, USER.arn, FEDERATED_ARN], True), ([HERE, FEDERATED_ARN], False), ([HERE, USER.arn], False),
        ([USER.arn, FEDERATED_ARN], False),
    ],
)  # fmt: skip
def test_a_federated_user_is_spared_when_account_user_and_itself_are_listed(values: list[str], spared: bool) -> None:
    assert Principals({("AWS", value) for value in values}, {}).spare(FEDERATED) is spared


def test_the_partition_region_and_kind_of_a_provider() -> None:
    for good in (f"arn:aws:iam::{HERE}:saml-provider/Corp", PROVIDER):
        assert read_principals({"Federated": good}) == {("Federated", good)}
    for bad in (f"arn:aws:iam:x:{HERE}:saml-provider/Corp", "arn:aws:iam::1:saml-provider/Corp", f"arn:aws:sts::{HERE}:saml-provider/Corp"):
        with pytest.raises(PolicyError):
            read_principals({"Federated": bad})


def test_paths_of_principals() -> None:
    for good in (f"arn:aws:iam::{HERE}:role/a/b/r", f"arn:aws:iam::{HERE}:user//ann"):
        assert read_principals({"AWS": good}) == {("AWS", good)}
    for bad in (f"arn:aws:sts::{HERE}:user/ann", f"arn:aws:iam::{HERE}:federated-user/bob", f"arn:aws:sts::{HERE}:federated-user/a/bob"):
        with pytest.raises(PolicyError):
            read_principals({"AWS": bad})
