from __future__ import annotations

import sys
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.wire.faults import Malformed
from daypass.wire.pairs import MAX_PAIRS, read_pairs, refuse_duplicates, unescape

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.tuples(TEXT.filter(bool), TEXT)), st.sampled_from([quote, quote_plus]))
def test_what_was_escaped_is_read_back(pairs: list[tuple[str, str]], escape: object) -> None:
    raw = "&".join(f"{quote(name, safe='')}={escape(value, safe='')}" for name, value in pairs)  # type: ignore[operator]  # one of two functions
    assert read_pairs(raw.encode("ascii")) == pairs


def test_blank_values_stay_and_escapes_are_undone_once() -> None:
    assert read_pairs(b"a=&b&c=%253A%3a%3A%2f&d=x%3Dy=z") == [("a", ""), ("b", ""), ("c", "%3A::/"), ("d", "x=y=z")]


@pytest.mark.parametrize(
    "raw",
    [
        b"a=1;b=2", b"a=%", b"a=%1", b"a=%g1", b"a=%+1", b"a=%%3A", b"a=%3%3A1", b"a=%FF", b"a=%C0%80", b"a=%ED%A0%80",
        b"a=\xc3\xa9", b"a=\x00",
        b"a=b\r\n", b"a= b", b'a="b"', b"a=<b>", b"=1", b"&", b"a=1&", b"&a=1", b"a=1&&b=2", b"%3D=1&%", "a=%２５".encode(),
    ],
)  # fmt: skip
def test_what_some_parser_would_read_otherwise_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        read_pairs(raw)


def test_the_number_of_pairs_is_limited() -> None:
    assert len(read_pairs(b"&".join([b"a=1"] * MAX_PAIRS))) == MAX_PAIRS
    with pytest.raises(Malformed):
        read_pairs(b"&".join([b"a=1"] * (MAX_PAIRS + 1)))


@pytest.mark.parametrize("names", [("a", "a"), ("Action", "action"), ("ACTION", "Action")])
def test_a_name_that_comes_twice_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(Malformed):
        refuse_duplicates([(name, "x") for name in names])


def test_folding_is_of_ascii_only() -> None:
    refuse_duplicates([("Version", "1"), ("Ver\u017fion", "2"), ("K", "3"), ("\u212a", "4")])


def test_a_taken_name_is_refused() -> None:
    refuse_duplicates([("b", "1")], frozenset({"action"}))
    with pytest.raises(Malformed):
        refuse_duplicates([("aCTION", "1")], frozenset({"action"}))


def test_a_plus_sign_is_itself_in_a_path() -> None:
    assert unescape("a+b%20c%2B") == "a+b c+"


def test_a_flood_of_escapes_takes_no_step_for_each() -> None:
    body = b"a=" + b"%41x" * 100_000
    steps = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal steps
        steps += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        pairs = read_pairs(body)
    finally:
        sys.setprofile(before)
    assert pairs == [("a", "Ax" * 100_000)]
    assert steps < 200


@pytest.mark.parametrize("text", ["%\n", "%\r\n", "%41\x00", "%41\n", "%41\u00e9"])
def test_what_is_not_visible_ascii_is_not_unescaped(text: str) -> None:
    with pytest.raises(Malformed):
        unescape(text)


@given(st.text("%4aAf=G _+.x", max_size=9))
def test_it_unescapes_as_the_definition_says(text: str) -> None:
    try:
        expected = _by_definition(text)
    except ValueError:
        with pytest.raises(Malformed):
            unescape(text)
    else:
        assert unescape(text) == expected


def _by_definition(text: str) -> str:
    """RFC 3986 §2.1, letter by letter."""
    found, at = bytearray(), 0
    while at < len(text):
        if text[at] == "%":
            digits = text[at + 1 : at + 3]
            if len(digits) != 2 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                raise ValueError
            found.append(int(digits, 16))
            at += 3
        else:
            found.append(ord(text[at]))
            at += 1
    return found.decode("utf-8")
