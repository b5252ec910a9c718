from __future__ import annotations

import pytest

from daypass.policy.syntax import MAX_TEXT, Number, PolicyError, read_json
from daypass.values.nesting import MAX_NESTING


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{'a': 1}",
        '{"a": 1} x',
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 1}}',
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": "\\ud800"}',
        '{"\\udfff": 1}',
        "[" * 100_000,
        "[" * (MAX_NESTING + 1) + "]" * (MAX_NESTING + 1),
        '"' + "a" * MAX_TEXT + '"',
        '\ufeff{"a": 1}',
    ],
)
def test_what_is_ambiguous_or_broken_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match=r"^Syntax errors in policy\.$") as caught:
        read_json(text, "Syntax errors in policy.")
    assert caught.value.message == "Syntax errors in policy."


def test_the_position_of_a_syntax_error_and_of_a_duplicate() -> None:
    with pytest.raises(PolicyError) as caught:
        read_json('{"a":\n x}', "no")
    assert caught.value.position == "line 2 column 2"
    with pytest.raises(PolicyError) as caught:
        read_json('{"a": 1, "b": 2, "a": 3}', "no")
    assert caught.value.position == "duplicate key a"


def test_numbers_stay_as_written() -> None:
    value = read_json('{"a": [1.50, 12345678901234567890, "x", true]}', "no")
    assert value == {"a": ["1.50", "12345678901234567890", "x", True]}
    assert isinstance(value, dict)
    assert [type(one) for one in value["a"]] == [Number, Number, str, bool]


def test_as_long_as_may_be() -> None:
    assert read_json('"' + "a" * (MAX_TEXT - 2) + '"', "no") == "a" * (MAX_TEXT - 2)
    with pytest.raises(PolicyError, match="no"):
        read_json('"' + "a" * (MAX_TEXT - 1) + '"', "no")
    assert MAX_TEXT == 163_840


def test_an_error_without_a_place() -> None:
    assert PolicyError("no").position == ""
