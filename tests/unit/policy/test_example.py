"""policy/example.py: what it makes up does what it was made up for, for every operator in all its forms."""

from __future__ import annotations

from itertools import product

import pytest

from daypass.policy.conditions import compile_condition
from daypass.policy.example import example
from daypass.policy.operators import OPERATORS

VALUES = {
    "Numeric": [["10"], ["2.5", "-1"]],
    "Date": [["2026-01-01T00:00:00Z"], ["2026", "1767225600"]],
    "Bool": [["true"], ["false"]],
    "Binary": [["YQ=="]],
    "IpAddress": [["10.0.0.0/8"], ["192.0.2.1", "2001:db8::/32"]],
    "NotIpAddress": [["10.0.0.0/8"], ["192.0.2.0/24"]],
    "Arn": [["arn:aws:iam::*:role/*"], ["arn:aws:sns:eu-west-1:1:a?"]],
    "String": [["a"], ["a", "b"], ["${aws:username}"], ["x-${aws:none, 'y'}"]],
}
CONTEXT = {"aws:username": "ann"}


def of(name: str) -> list[list[str]]:
    return next(values for family, values in VALUES.items() if name.startswith(family))


FORMS = [
    (quantifier + name + suffix, values)
    for name in OPERATORS
    for quantifier, suffix in product(("", "ForAllValues:", "ForAnyValue:"), ("", "IfExists"))
    for values in of(name)
]


@pytest.mark.parametrize(("operator", "values"), [*FORMS, ("Null", ["true"]), ("Null", ["false"])])
def test_a_value_does_what_it_is_for(operator: str, values: list[str]) -> None:
    [condition] = compile_condition({operator: {"x:y": values}}, variables=True)
    for holds in (True, False):
        found = example(operator, values, CONTEXT, holds=holds, variables=True, known=False)
        assert found, (operator, values, holds)
        for value in found:
            context = CONTEXT | ({} if value is None else {"x:y": value})
            assert condition.holds(context) is holds, (operator, values, holds, value)


def test_patterns_are_filled_in() -> None:
    assert example("StringLike", ["job-*-?"], {}, holds=True, variables=True, known=False) == ["job-x-x"]


def test_absence_is_no_choice_for_what_is_always_there() -> None:
    assert None in example("StringNotEquals", ["a"], {}, holds=True, variables=True, known=False)
    assert None not in example("StringNotEquals", ["a"], {}, holds=True, variables=True, known=True)


def test_a_variable_without_a_value_gives_none() -> None:
    assert example("StringEquals", ["${x:none}"], {}, holds=True, variables=True, known=False) == []


def test_null_of_both_kinds_never_fails() -> None:
    assert example("Null", ["true", "false"], {}, holds=False, variables=True, known=False) == []
    assert example("Null", ["true", "false"], {}, holds=True, variables=True, known=False) == [None]
