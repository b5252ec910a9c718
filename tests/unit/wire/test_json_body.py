from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.values.nesting import MAX_NESTING
from daypass.wire.catalogue import get_operation
from daypass.wire.faults import Malformed, Unknown, WrongType
from daypass.wire.json_body import MAX_KEYS, parse, reader_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_good_json_is_read(value: Any, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"{}{}", b'{"a":1,"a":2}', b'{"b":{"a":1,"a":1}}', b'{"a":1,"\\u0061":2}',
        b"NaN", b'{"a":Infinity}', b"-Infinity", b"1e999",
        b"9" * 41, b"9" * 5000, b"1." + b"0" * 60, b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b'{"\\udfff":1}', b'["a",["\\udc00"]]',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"), b"{'a':1}", b"[1,]", b"01", b'"\x01"', b"// x\n{}", b"nul",
    ],
)  # fmt: skip
def test_bad_json_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body)


@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_limited(opened: bytes, closed: bytes) -> None:
    parse(opened * MAX_NESTING + b"1" + closed * MAX_NESTING)
    for depth in (MAX_NESTING + 1, 100_000):
        with pytest.raises(Malformed, match="deeper"):
            parse(opened * depth + b"1" + closed * depth)
        with pytest.raises(Malformed):
            parse(opened * depth)


def test_brackets_in_strings_are_no_depth() -> None:
    text = '[{"' * 500 + "\\"
    assert parse(json.dumps({"policy": text}).encode()) == {"policy": text}


def test_the_keys_of_an_object_are_limited() -> None:
    with pytest.raises(Malformed):
        parse(json.dumps({str(number): 1 for number in range(MAX_KEYS + 1)}).encode())


def test_null_is_absent_and_unknown_members_are_counted() -> None:
    read = reader_of(get_operation("organizations", "create_account").input)
    unknown = Unknown()
    assert read({"Email": "a@b.cd", "RoleName": None, "Colour": 1, "Tags": [{"Key": "k", "Value": "v", "X": 2}]}, unknown) == {
        "Email": "a@b.cd", "Tags": [{"Key": "k", "Value": "v"}]
    }  # fmt: skip
    assert unknown.count == 2


@pytest.mark.parametrize(
    "value", [[], "x", 1, {"Email": 5}, {"Email": ["a"]}, {"Tags": {}}, {"Tags": [None]}, {"Tags": ["x"]}, {"Email": True}]
)
def test_wrong_types(value: Any) -> None:
    with pytest.raises(WrongType):
        reader_of(get_operation("organizations", "create_account").input)(value, Unknown())


@pytest.mark.parametrize("value", ["900", 900.0, True, 1e3, [900]])
def test_a_whole_number_is_an_integer_and_nothing_else(value: Any) -> None:
    with pytest.raises(WrongType):
        reader_of(get_operation("daypass", "get_operator_credentials").input)({"DurationSeconds": value}, Unknown())
