from __future__ import annotations

from typing import Any

import pytest

from daypass.policy.conditions import Block, Holds, all_hold, compile_condition, quantified
from daypass.policy.syntax import PolicyError
from daypass.values.decision import Values


def _compiled(block: Block) -> Holds | None:
    return all_hold(compile_condition(block, variables=True))


def _holds(operator: str, wanted: list[str], given: Values | None) -> bool:
    test = _compiled({operator: {"X:Key": wanted}})
    assert test is not None
    return test({} if given is None else {"x:key": given})


ABSENT = None

# Attacks row H10: IAM User Guide, "Multivalued context keys" and "…IfExists condition operators"; columns are the request's values.
TABLE: dict[str, dict[Values | None, bool]] = {
    "StringEquals": {ABSENT: False, (): False, "a": True, "c": False, ("a",): False, ("a", "c"): False},
    "StringNotEquals": {ABSENT: True, (): True, "a": False, "c": True, ("a",): True, ("a", "c"): True},
    "StringEqualsIfExists": {ABSENT: True, (): True, "a": True, "c": False, ("a",): False},
    "StringNotEqualsIfExists": {ABSENT: True, (): True, "a": False, "c": True},
    "ForAllValues:StringEquals": {
        ABSENT: True, (): True, "a": True, "c": False, ("a", "b"): True, ("a", "c"): False, ("c", "d"): False,
    },
    "ForAllValues:StringNotEquals": {
        ABSENT: True, (): True, "a": False, "c": True, ("a", "b"): False, ("a", "c"): False, ("c", "d"): True,
    },
    "ForAnyValue:StringEquals": {
        ABSENT: False, (): False, "a": True, "c": False, ("a", "b"): True, ("a", "c"): True, ("c", "d"): False,
    },
    "ForAnyValue:StringNotEquals": {
        ABSENT: False, (): False, "a": False, "c": True, ("a", "b"): False, ("a", "c"): True, ("c", "d"): True,
    },
    "ForAnyValue:StringEqualsIfExists": {ABSENT: True, (): True, "a": True, ("c", "d"): False},
    "ForAllValues:StringEqualsIfExists": {ABSENT: True, (): True, ("a", "c"): False},
}  # fmt: skip


@pytest.mark.parametrize(("operator", "given"), [(operator, given) for operator, row in TABLE.items() for given in row], ids=str)
def test_the_truth_table(operator: str, given: Values | None) -> None:
    assert _holds(operator, ["a", "b"], given) is TABLE[operator][given]


@pytest.mark.parametrize(
    ("operator", "wanted", "given"),
    [
        ("NumericNotEquals", "1", "one"),
        ("DateNotEquals", "2026", "soon"),
        ("NotIpAddress", "10.0.0.0/8", "unknown"),
        ("ArnNotEquals", "arn:aws:iam::1:root", "no arn"),
        ("StringNotEquals", "${x:none}", "a"),
    ],
)
def test_a_negated_operator_holds_when_nothing_can_be_compared(operator: str, wanted: str, given: str) -> None:
    assert _holds(operator, [wanted], given)


def test_mapped_address_cannot_dodge_a_deny() -> None:
    """Attacks row H15."""
    assert not _holds("NotIpAddress", ["10.0.0.0/8"], "::ffff:10.0.0.1")


@pytest.mark.parametrize(
    ("wanted", "given", "expected"),
    [
        (["true"], None, True),
        (["true"], (), True),
        (["true"], "", False),
        (["TRUE"], "a", False),
        (["false"], None, False),
        (["false"], ("a",), True),
        (["true", "false"], None, True),
    ],
)
def test_null(wanted: list[str], given: Values | None, expected: bool) -> None:
    assert _holds("Null", wanted, given) is expected


def test_values_are_or_keys_and_operators_are_and() -> None:
    block = {"StringEquals": {"a:x": ["1", "2"], "a:y": ["3"]}, "NumericLessThan": {"a:n": ["5"]}}
    test = _compiled(block)
    assert test is not None
    good: dict[str, Values] = {"a:x": "2", "a:y": "3", "a:n": "4"}
    assert test(good)
    for key, value in (("a:x", "3"), ("a:y", "1"), ("a:n", "5")):
        assert not test(good | {key: value})


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_each_of_them_counts(count: int) -> None:
    block = {"StringEquals": {f"a:{number}": ["x"] for number in range(count)}}
    test = _compiled(block)
    assert test is not None
    good: dict[str, Values] = {f"a:{number}": "x" for number in range(count)}
    assert test(good) is True
    for key in good:
        assert test(good | {key: "y"}) is False


def test_they_can_be_told_apart() -> None:
    first, second = compile_condition({"StringEquals": {"A:X": ["1", "2"]}, "Null": {"a:y": ["true"]}}, variables=True)
    assert first[:4] == ("StringEquals", "a:x", "A:X", ("1", "2"))
    assert second[:4] == ("Null", "a:y", "a:y", ("true",))


@pytest.mark.parametrize(
    ("operator", "parts"),
    [
        ("StringEquals", ("", "StringEquals", False)),
        ("ForAllValues:StringLikeIfExists", ("ForAllValues:", "StringLike", True)),
        ("ForAnyValue:Bool", ("ForAnyValue:", "Bool", False)),
        ("Null", ("", "Null", False)),
    ],
)
def test_the_parts_of_an_operator(operator: str, parts: tuple[str, str, bool]) -> None:
    assert quantified(operator) == parts


def test_no_condition_is_no_test() -> None:
    assert _compiled({}) is None


@pytest.mark.parametrize(
    "operator",
    [
        "StringEqual", "stringequals", "StringEqualsIfexists", "ForAllValues:Null", "NullIfExists", "ForAnyValue:", "ForEach:StringEquals",
        "ForAllValues:ForAnyValue:StringEquals", "StringEqualsIfExistsIfExists", "IfExists", "\u017ftringEquals", "",
    ],
)  # fmt: skip
def test_unknown_operators_are_refused(operator: str) -> None:
    with pytest.raises(PolicyError):
        compile_condition({operator: {"a:b": ["x"]}}, variables=True)


def test_null_takes_only_booleans() -> None:
    with pytest.raises(PolicyError):
        compile_condition({"Null": {"a:b": ["maybe"]}}, variables=True)


@pytest.mark.parametrize(
    ("request_tag", "resource_tag", "expected"),
    [("x", "x", True), ("x", "y", False), ("x", None, False), (None, "x", False), (None, None, False), ("*", "y", False)],
)
def test_a_request_tag_must_equal_the_resource_tag(request_tag: str | None, resource_tag: str | None, expected: bool) -> None:
    """Attacks row H09."""
    context: dict[str, Any] = {"aws:requesttag/t": request_tag, "aws:resourcetag/t": resource_tag}
    for operator in ("StringEquals", "StringLike"):
        test = _compiled({operator: {"aws:ResourceTag/T": ["${aws:RequestTag/T}"]}})
        assert test is not None
        assert test({key: value for key, value in context.items() if value is not None}) is expected
