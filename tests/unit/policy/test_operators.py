from __future__ import annotations

import pytest

from daypass.policy.operators import OPERATORS
from daypass.policy.syntax import PolicyError

FAMILIES = {"String": 6, "Numeric": 6, "Date": 6, "Bool": 1, "Binary": 1, "IpAddress": 1, "NotIpAddress": 1, "Arn": 4}


def test_the_operators_of_the_user_guide() -> None:
    assert {family: sum(name.startswith(family) for name in OPERATORS) for family in FAMILIES} == FAMILIES
    assert len(OPERATORS) == sum(FAMILIES.values())
    assert {name for name, one in OPERATORS.items() if one.negated} == {name for name in OPERATORS if "Not" in name}


def test_their_names() -> None:
    compared = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
    ordered = {f"{family}{name}" for family in ("Numeric", "Date") for name in compared}
    strings = {f"String{form}" for form in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")}
    arns = {"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"}
    assert set(OPERATORS) == ordered | strings | arns | {"Bool", "BinaryEquals", "IpAddress", "NotIpAddress"}


def test_any_of_several_values_matches() -> None:
    for operator, values, good, bad in (
        ("StringEquals", ["a", "b"], "b", "c"), ("NumericEquals", ["1", "2"], "2", "3"), ("DateEquals", ["2025", "2026"], "2026", "2027"),
        ("IpAddress", ["10.0.0.0/8", "11.0.0.0/8"], "11.1.1.1", "12.1.1.1"), ("BinaryEquals", ["YQ==", "Yg=="], "Yg==", "Yw=="),
        ("ArnLike", ["arn:a:b:c:d:e", "arn:a:b:c:d:f"], "arn:a:b:c:d:f", "arn:a:b:c:d:g"), ("NumericLessThan", ["1", "5"], "4", "6"),
        ("StringEqualsIgnoreCase", ["a", "b"], "B", "C"), ("ArnLike", ["arn:a:b:c:d:e", "${a:arn}"], "arn:a:b:c:d:e", "arn:a:b:c:d:g"),
    ):  # fmt: skip
        test = OPERATORS[operator].compile(values, True)
        assert test(good, {}), operator
        assert not test(bad, {}), operator


def test_a_constant_and_a_variable() -> None:
    test = OPERATORS["StringLike"].compile(["x*", "${aws:username}?"], True)
    context = {"aws:username": "ann"}
    assert [test(value, context) for value in ("xyz", "ann1", "ann", "bob1")] == [True, True, False, False]
    assert [test(value, {}) for value in ("xyz", "ann1", "1")] == [True, False, False]


def test_a_boolean_variable_needs_the_newest_version() -> None:
    assert OPERATORS["Bool"].compile(["${aws:SecureTransport}"], True)("true", {"aws:securetransport": "TRUE"})
    for values, variables in ((["${aws:SecureTransport}"], False), (["$"], True), (["{x"], True)):
        with pytest.raises(PolicyError):
            OPERATORS["Bool"].compile(values, variables)


@pytest.mark.parametrize(
    ("operator", "value", "given", "expected"),
    [
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", "a*", "a*", True),
        ("StringEquals", "a", "A", False),
        ("StringEqualsIgnoreCase", "Straße", "STRAßE", True),
        ("StringEqualsIgnoreCase", "s", "\u017f", False),
        ("StringEqualsIgnoreCase", "k", "\u212a", False),
        ("StringEqualsIgnoreCase", "a*", "AB", False),
        ("StringLike", "a*c?", "abbcd", True),
        ("StringLike", "a*", "A", False),
        ("NumericEquals", "1", "1.00", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "9", "10", True),
        ("NumericGreaterThanEquals", "9", "8.999", False),
        ("NumericLessThan", "10", "nan", False),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", True),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", False),
        ("DateEquals", "1767225600", "2026-01-01T00:00:00Z", True),
        ("DateGreaterThan", "2026", "soon", False),
        ("Bool", "true", "True", True),
        ("Bool", "true", "1", False),
        ("BinaryEquals", "YQ==", "YQ==", True),
        ("BinaryEquals", "YQ==", "a", False),
        ("BinaryEquals", "YR==", "YQ==", True),  # the same byte, in base64 with stray bits
        ("ArnLike", "arn:aws:iam::1:a:b", "arn:aws:iam::1:a:b", True),
        ("ArnLike", "arn:aws:iam::1", "arn:aws:iam::1", False),
        ("IpAddress", "10.0.0.0/8", "10.255.0.1", True),
        ("IpAddress", "10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("IpAddress", "::/0", "10.0.0.1", False),
        ("IpAddress", "0.0.0.0/0", "2001:db8::1", False),
        ("IpAddress", "0.0.0.0/0", "unknown", False),
        ("ArnLike", "arn:aws:iam::*:role/*", "arn:aws:iam::1:role/a/b", True),
        ("ArnLike", "arn:aws:*:role/x", "arn:aws:iam::1:role/x", False),
        ("ArnEquals", "arn:aws:iam::*:role/x", "arn:aws:iam::1:role/x", True),
        ("ArnLike", "arn:aws:sns:*:*:a*", "arn:aws:sns:r:1:a:b", True),
        ("ArnLike", "arn:aws:iam::1*:root", "arn:aws:iam::1:1:root", False),
        ("ArnLike", "*", "arn:aws:iam::1:root", False),
        ("ArnLike", "arn:aws:iam::1:root", "arn:aws:iam", False),
    ],
)
def test_one_value_against_one(operator: str, value: str, given: str, expected: bool) -> None:
    assert OPERATORS[operator].compile([value], True)(given, {}) is expected


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("NumericEquals", "one"),
        ("NumericEquals", "${aws:MultiFactorAuthAge}"),
        ("DateLessThan", "tomorrow"),
        ("DateLessThan", "${aws:CurrentTime}"),
        ("IpAddress", "10.0.0.0/40"),
        ("IpAddress", "10.*"),
        ("NotIpAddress", "${aws:SourceIp}"),
        ("Bool", "yes"),
        ("BinaryEquals", "not base64"),
        ("BinaryEquals", "YQ==\n"),
    ],
)
def test_bad_constants_are_refused_when_saved(operator: str, value: str) -> None:
    with pytest.raises(PolicyError):
        OPERATORS[operator].compile([value], True)


def test_variables_in_strings_arns_and_booleans() -> None:
    context = {"aws:username": "a*", "aws:principalarn": "arn:aws:iam::1:user/a:b"}
    assert OPERATORS["StringLike"].compile(["${aws:username}/*"], True)("a*/x", context)
    assert not OPERATORS["StringLike"].compile(["${aws:username}/*"], True)("ab/x", context)
    assert OPERATORS["StringEqualsIgnoreCase"].compile(["${aws:username}"], True)("A*", context)
    assert OPERATORS["ArnLike"].compile(["${aws:PrincipalArn}"], True)("arn:aws:iam::1:user/a:b", context)
    assert OPERATORS["Bool"].compile(["${x:flag}"], True)("true", {"x:flag": "TRUE"})
    assert not OPERATORS["StringEquals"].compile(["${x:none}"], True)("${x:none}", context)
    assert OPERATORS["StringEquals"].compile(["${x:none}"], False)("${x:none}", context)
    with pytest.raises(PolicyError):
        OPERATORS["Bool"].compile(["${x:flag}"], False)
