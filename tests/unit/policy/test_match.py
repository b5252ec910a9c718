from __future__ import annotations

import itertools

import pytest

from daypass.policy.match import Wild, compile_any, compile_glob, read_tokens


def naive(pattern: str, text: str) -> bool:
    """The definition, by recursion."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and naive(pattern[1:], text[1:])


def _words(alphabet: str, most: int) -> list[str]:
    return ["".join(word) for size in range(most + 1) for word in itertools.product(alphabet, repeat=size)]


@pytest.mark.parametrize("letters", ["ab", "a\u00ff", "\u0100\U0001d518"])
def test_every_short_pattern_on_every_short_text(letters: str) -> None:
    texts = _words(letters, 3)
    for pattern in _words(letters + "*?", 4):
        matches = compile_glob(read_tokens(pattern))
        assert [text for text in texts if matches(text)] == [text for text in texts if naive(pattern, text)], pattern


def test_a_question_mark_is_one_character_and_not_one_byte() -> None:
    assert compile_glob(read_tokens("a?b?"))("a\u00e9b\U0001d518")
    assert not compile_glob(read_tokens("a?b"))("ae\u0301b")  # nothing is normalised: an accent of its own is a character
    assert not compile_glob(read_tokens("?\u00e9"))("xe\u0301")


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("?", "", False),
        ("a*", "a", True),
        ("a*", "ba", False),
        ("*a", "ba", True),
        ("*a", "ab", False),
        ("a*a", "a", False),
        ("a*b*c", "abbc", True),
        ("a*bb*c", "abc", False),
        ("*ab*ab*", "abab", True),
        ("*ab*ab*", "ab", False),
        ("a?c*", "abcd", True),
        ("a?c*", "acd", False),
        ("*?", "", False),
        ("[ab]", "a", False),  # no classes, unlike fnmatch
        ("[ab]", "[ab]", True),
        ("a.c", "abc", False),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/x:y/z", True),
        ("a*", "A", False),
        ("a?", "a\n", True),
    ],
)
def test_whole_text_and_case_count(pattern: str, text: str, expected: bool) -> None:
    assert compile_glob(read_tokens(pattern))(text) is expected
    assert compile_any([read_tokens(pattern)])(text) is expected


def test_literal_stars_are_not_wildcards() -> None:
    matches = compile_glob(["a*", Wild.ANY])
    assert matches("a*b")
    assert not matches("ab")


def test_any_of_nothing_matches_nothing() -> None:
    assert not compile_any([])("")
    assert not compile_any([])("a")


def test_any_mixes_exact_prefix_and_other_patterns() -> None:
    matches = compile_any([read_tokens(one) for one in ("ab", "x*", "*z")])
    assert [text for text in ("ab", "abc", "x", "xy", "az", "a") if matches(text)] == ["ab", "x", "xy", "az"]


def test_hostile_pattern_on_a_text_that_fails_at_its_end() -> None:
    """Attacks row H66; backtracking would not end in this universe. The step count is in tests/differential."""
    assert not compile_glob(read_tokens("*a?" * 500 + "b"))("a" * 2048)
    assert compile_glob(read_tokens("*a" * 500 + "*b"))("a" * 2047 + "b")


@pytest.mark.parametrize("letters", ["a", "ab", "abcdefgh"])
def test_long_texts_of_few_letters_and_of_many(letters: str) -> None:
    for size in (250, 256, 257, 258, 1000):
        text = (letters * size)[:size]
        for pattern in ("*a*", "*aa*", "*ab*ab*", "a*b*", f"*{letters * 20}*", f"*{letters * 20}x*", "*x*", f"{text}*a*", f"*{text}*"):
            middle = [piece for piece in pattern.split("*") if piece]
            at = 0
            for piece in middle:
                at = text.find(piece, at) + len(piece) if at >= 0 and text.find(piece, at) >= 0 else -1
            expected = at >= 0 and (pattern.startswith("*") or text.startswith(middle[0]))
            assert compile_glob(read_tokens(pattern))(text) is expected, (pattern, size)
