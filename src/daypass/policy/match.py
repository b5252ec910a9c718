"""Match text against patterns with `*` and `?` in bounded time. Does not know what the text is, nor policy variables' values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

Matcher = Callable[[str], bool]

_LONG = 256  # characters; so far even the slowest search is quick
_LAST_BYTE = "\xff"
_TEXTS = 16  # texts whose places are remembered, for the many patterns of one policy that look at the same one


class Wild(Enum):
    """The two wildcards: any run of characters, or exactly one."""

    ANY = "*"
    ONE = "?"


Token = str | Wild  # a run of literal text, or a wildcard

def read_tokens(text: str) -> tuple[Token, ...]:
    """Split `text` into literal runs and wildcards."""
    tokens: list[Token] = []
    run: list[str] = []
    for letter in text:
        if letter in "*?":
            if run:
                tokens.append("".join(run))
                run.clear()
            tokens.append(Wild(letter))
        else:
            run.append(letter)
    if run:
        tokens.append("".join(run))
    return tuple(tokens)


def compile_glob(tokens: Sequence[Token]) -> Matcher:
    """A matcher for the whole of a text. Case counts; `*` crosses `:` and `/` (IAM User Guide, "IAM JSON policy elements: Resource")."""
    if Wild.ONE in tokens:
        return _steps(tokens)
    parts = [""]
    for token in tokens:
        if isinstance(token, str):
            parts[-1] += token
        else:
            parts.append("")
    if len(parts) == 1:
        return parts[0].__eq__
    middle = tuple(part for part in parts[1:-1] if part)
    found = _pieces(parts[0], middle, parts[-1])
    return found if not middle else _careful(found, tokens)


def _pieces(head: str, middle: tuple[str, ...], tail: str) -> Matcher:
    """`head*…*tail`: each middle piece is taken where it is found first, which leaves most room for the rest."""
    if not middle and not tail:
        return (lambda text: text.startswith(head)) if head else (lambda text: True)
    least = len(head) + len(tail)

    def match(text: str) -> bool:
        if len(text) < least or not text.startswith(head) or not text.endswith(tail):
            return False
        at, end = len(head), len(text) - len(tail)
        for piece in middle:
            at = text.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True

    return match


def _careful(found: Matcher, tokens: Sequence[Token]) -> Matcher:
    """`found`, which searches as `str.find` does, but for long texts of few letters, on which that goes back for each of them."""
    stepping: list[Matcher] = []  # made when it is first needed, which is seldom

    def match(text: str) -> bool:
        if len(text) <= _LONG or not _is_dull(text):
            return found(text)
        if not stepping:
            stepping.append(_steps(tokens))
        return stepping[0](text)

    return match


@lru_cache(_TEXTS)
def _is_dull(text: str) -> bool:
    return max(map(text.count, set(text))) * 4 > len(text)


class _Step(NamedTuple):
    """Go on by `skip` characters, or by more of them if `any_more`; then comes the `run`, letters in pairs, () at the pattern's end."""

    skip: int
    any_more: bool
    run: tuple[str, ...]


class _Places(dict[str, int]):
    """Where each letter, or pair of letters, ends in a text, as the bits of an integer: the first character is the highest of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self._bytes = text.encode("latin-1") if max(text, default="") <= _LAST_BYTE else b""  # read in C where a letter is a byte

    def __missing__(self, letter: str) -> int:
        if len(letter) > 1:
            places = self[letter[0]] >> 1 & self[letter[1]]
        elif letter not in self._text:
            places = 0
        elif self._bytes:
            ones = bytearray(b"0" * 256)
            ones[ord(letter)] = ord("1")
            places = int(self._bytes.translate(ones), 2)
        else:
            places = int("".join(["1" if one == letter else "0" for one in self._text]), 2)
        self[letter] = places
        return places


_places = lru_cache(_TEXTS)(_Places)


def _read_steps(tokens: Sequence[Token]) -> list[_Step]:
    """The pattern as runs of wildcards, each with the letters that follow; a run of wildcards is one step, however long it is."""
    steps, skip, any_more = [], 0, False
    for token in tokens:
        if token is Wild.ANY:
            any_more = True
        elif token is Wild.ONE:
            skip += 1
        else:
            steps.append(_Step(skip, any_more, tuple(token[at : at + 2] for at in range(0, len(token), 2))))
            skip, any_more = 0, False
    steps.append(_Step(skip, any_more, ()))
    return steps


def _steps(tokens: Sequence[Token]) -> Matcher:
    """All places of the text at once, as the bits of one integer: a bit is set where what was read of the pattern can end.

    INVARIANT: at most one step per letter of the pattern, each linear in the text's bits, and no backtracking (attacks row H66).
    """
    head = tokens[0] if isinstance(tokens[0], str) else ""
    tail = tokens[-1] if isinstance(tokens[-1], str) else ""
    *steps, last = _read_steps(tokens[1:] if head else tokens)

    def match(text: str) -> bool:
        if not text.startswith(head) or not text.endswith(tail):
            return False
        places = _places(text)
        reached = 1 << len(text) - len(head)  # behind the head; the lowest bit is behind the last character
        for skip, any_more, run in steps:
            reached >>= skip
            if any_more:
                reached = (1 << reached.bit_length()) - 1
            for letters in run:
                reached = reached >> len(letters) & places[letters]
            if not reached:
                return False
        reached >>= last.skip
        return reached > 0 if last.any_more else reached & 1 == 1

    return match


def compile_any(patterns: Iterable[Sequence[Token]]) -> Matcher:
    """A matcher that holds when any of `patterns` does: exact ones by one look-up, `prefix*` ones by one call, then the rest."""
    exact: set[str] = set()
    prefixes: set[str] = set()
    others: list[Matcher] = []
    for tokens in patterns:
        match tokens:
            case ():
                exact.add("")
            case (str() as text,):
                exact.add(text)
            case (Wild.ANY,):
                return lambda text: True
            case (str() as text, Wild.ANY):
                prefixes.add(text)
            case _:
                others.append(compile_glob(tokens))
    if not others and not prefixes:
        return exact.pop().__eq__ if len(exact) == 1 else frozenset(exact).__contains__
    heads, rest, fixed = tuple(prefixes), tuple(others), frozenset(exact)
    if not rest:
        return lambda text: text in fixed or text.startswith(heads)
    if not heads and not fixed:
        return rest[0] if len(rest) == 1 else lambda text: any(matches(text) for matches in rest)
    return lambda text: text in fixed or text.startswith(heads) or any(matches(text) for matches in rest)
