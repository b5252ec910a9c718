"""The wildcard matcher against a naive one, and the bound on its work (attacks row H66)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.policy import match
from daypass.policy.match import compile_any, compile_glob, read_tokens

letters = st.text(alphabet="ab:/", max_size=12)
patterns = st.text(alphabet="ab:/*?", max_size=9)


def naive(pattern: str, text: str) -> bool:
    """The definition, by recursion."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and naive(pattern[1:], text[1:])


@given(patterns, letters)
@settings(max_examples=1500)
def test_a_glob_is_what_its_definition_says(pattern: str, text: str) -> None:
    assert compile_glob(read_tokens(pattern))(text) == naive(pattern, text)


@given(st.lists(patterns, max_size=4), letters)
@settings(max_examples=400)
def test_any_of_several_patterns(several: list[str], text: str) -> None:
    assert compile_any([read_tokens(pattern) for pattern in several])(text) == any(naive(pattern, text) for pattern in several)


def test_a_pattern_takes_one_step_per_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0

    class Counted(match._Places):
        def __getitem__(self, letter: str) -> int:
            nonlocal steps
            steps += 1
            return super().__getitem__(letter)

    monkeypatch.setattr(match, "_places", Counted)
    for pattern in ("*a?" * 500, "*?" * 1000, "?*a" * 300, "*" + "a?" * 400, "a*?" * 700 + "a"):
        steps = 0
        assert compile_glob(read_tokens(pattern))("a" * 2048) is (pattern.count("a") + pattern.count("?") <= 2048)
        assert steps <= pattern.count("a")
