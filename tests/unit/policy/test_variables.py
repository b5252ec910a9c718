from __future__ import annotations

import pytest

from daypass.policy.match import Wild, compile_glob
from daypass.policy.syntax import PolicyError
from daypass.policy.variables import Context, Variable, bind, constant, read_template


def _matches(text: str, context: Context, value: str) -> bool | None:
    matcher = bind(read_template(text, variables=True, wildcards=True), compile_glob)(context)
    return None if matcher is None else matcher(value)


def test_a_variable_is_a_folded_key_with_or_without_default() -> None:
    name = Variable("aws:username", None, "aws:UserName")
    assert read_template("a/${aws:UserName}*", variables=True, wildcards=True) == ("a/", name, Wild.ANY)
    assert read_template("${aws:PrincipalTag/Team, 'company wide'}", variables=True, wildcards=True) == (
        Variable("aws:principaltag/team", "company wide", "aws:PrincipalTag/Team"),
    )


def test_literals_for_special_characters() -> None:
    assert constant(read_template("${*}${?}${$}", variables=True, wildcards=True)) == ("*", "?", "$")
    assert _matches("a${*}", {}, "a*") is True
    assert _matches("a${*}", {}, "ab") is False


def test_without_variables_the_text_is_literal() -> None:
    assert read_template("${aws:username}", variables=False, wildcards=False) == ("${aws:username}",)


@pytest.mark.parametrize("text", ["${", "${}", "${a", "${a,'b'}", "${a, b}", "${a, 'b}", "${${a}}", "x${a'b}"])
def test_a_broken_variable_is_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        read_template(text, variables=True, wildcards=True)


def test_a_substituted_value_is_literal() -> None:
    assert _matches("d/${aws:username}", {"aws:username": "*"}, "d/x") is False
    assert _matches("d/${aws:username}", {"aws:username": "*"}, "d/*") is True
    assert _matches("d/${aws:username}", {"aws:username": "${aws:userid}"}, "d/${aws:userid}") is True


def test_absent_multivalued_and_empty() -> None:
    assert _matches("${k:a}", {}, "") is None
    assert _matches("${k:a}", {"k:a": ("x",)}, "x") is None
    assert _matches("${k:a}", {"k:a": ""}, "") is True
    assert _matches("${k:a, 'z'}", {}, "z") is True
    assert _matches("${k:a, 'z'}", {"k:a": ()}, "z") is True
    assert _matches("${k:a, 'z'}", {"k:a": ("x",)}, "z") is None
    assert _matches("${k:a, 'z'}", {"k:a": "x"}, "z") is False


def test_matchers_of_different_values_are_not_mixed_up() -> None:
    bound = bind(read_template("${k:a}/${k:b}", variables=True, wildcards=True), compile_glob)
    for first in ("x", "y"):
        for second in ("x", "y"):
            matcher = bound({"k:a": first, "k:b": second})
            assert matcher is not None
            assert [text for text in ("x/x", "x/y", "y/x", "y/y") if matcher(text)] == [f"{first}/{second}"]
