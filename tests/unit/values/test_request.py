"""Requests: every value of a header, in order, and names as they came."""

from __future__ import annotations

from daypass.values.request import Request

REQUEST = Request("GET", b"/", b"", ((b"host", b"a"), (b"x-twice", b"1"), (b"x-twice", b"2")), b"")


def test_every_value_is_given_in_order() -> None:
    assert REQUEST.values_of(b"x-twice") == [b"1", b"2"]
    assert REQUEST.values_of(b"x-none") == []


def test_the_first_value_or_none() -> None:
    assert REQUEST.first(b"x-twice") == b"1"
    assert REQUEST.first(b"x-none") is None
