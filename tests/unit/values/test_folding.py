"""Folding: ASCII letters only (attack row H13)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.values.folding import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [("AbC-9_Z", "abc-9_z"), ("", ""), ("K\u212a", "k\u212a"), ("S\u017f", "s\u017f"), ("\u0130I", "\u0130i"), ("ÄA", "Äa")],
)
def test_ascii_letters_alone_are_folded(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_is_folding_once_and_keeps_the_length(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert len(fold(text)) == len(text)


@given(st.text(), st.text())
def test_names_meet_only_by_ascii_case(one: str, other: str) -> None:
    same = len(one) == len(other) and all(a == b or ((a + b).isascii() and a.lower() == b.lower()) for a, b in zip(one, other, strict=True))
    assert (fold(one) == fold(other)) == same
