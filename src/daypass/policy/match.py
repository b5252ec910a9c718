"""Match text against patterns with `*` and `?` in time linear in the text. Does not know what the text is, nor policy variables' values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum

Matcher = Callable[[str], bool]


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
        return _automaton(tokens)
    parts = [""]
    for token in tokens:
        if isinstance(token, str):
            parts[-1] += token
        else:
            parts.append("")
    if len(parts) == 1:
        return parts[0].__eq__
    return _pieces(parts[0], tuple(part for part in parts[1:-1] if part), parts[-1])


def _pieces(head: str, middle: tuple[str, ...], tail: str) -> Matcher:
    """`head*…*tail`: each middle piece is taken where it is found first, which leaves most room for the rest."""
    if not middle and not tail:
        return (lambda text: text.startswith(head)) if head else (lambda text: True)
    least = len(head) + sum(map(len, middle)) + len(tail)

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


def _automaton(tokens: Sequence[Token]) -> Matcher:
    """All states of the pattern at once, as the bits of one integer: bit i is set when the first i characters have matched.

    INVARIANT: exactly one step per character of the text, whatever the pattern (attacks row H66); there is no backtracking.
    """
    follows: dict[str, int] = {}  # character -> states that it moves on
    loops = any_one = length = 0
    for token in tokens:
        if token is Wild.ANY:
            loops |= 1 << length
        elif token is Wild.ONE:
            any_one |= 1 << length
            length += 1
        else:
            for letter in token:
                follows[letter] = follows.get(letter, 0) | 1 << length
                length += 1
    head = tokens[0] if isinstance(tokens[0], str) else ""

    def match(text: str) -> bool:
        if len(text) < length or not text.startswith(head):
            return False
        states = 1
        for letter in text:
            states = (states & (follows.get(letter, 0) | any_one)) << 1 | states & loops
            if not states:
                return False
        return bool(states >> length)

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
        return frozenset(exact).__contains__
    heads, rest, fixed = tuple(prefixes), tuple(others), frozenset(exact)
    if not rest:
        return lambda text: text in fixed or text.startswith(heads)
    return lambda text: text in fixed or text.startswith(heads) or any(matches(text) for matches in rest)
