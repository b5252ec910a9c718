"""Which patterns could take more than linear time, and what stands for them. A backtracking matcher tries every way to split a text.

A pattern grows when two of its loops can share a text in more than one way: states p ≠ q and a word w with p→p, p→q and q→q along w
(Weber and Seidl 1991, "On the degree of ambiguity of finite automata", criterion IDA). Does not look at back references: no model has them.
"""

from __future__ import annotations

import re
import re._constants as c
import re._parser as p
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from daypass.wire.patterns import spelled_out
from models.java import translate

SHORT = 128  # characters; up to here a square is not worth a rewriting

_DOT = r"[^\n\r\x85\u2028\u2029]"
_TEXT = r"[\p{L}\p{M}\p{S}\p{N}\p{P} \t\n\x0b\f\r\*]"
_WORD = r"[\p{L}\p{M}\p{S}\p{N}\p{P}]"

# Where loops surround a fixed word and may hold it themselves, its first place is as good as any: an atomic group keeps to it.
REWRITTEN = {
    r".*\{####\}.*": rf"(?>{_DOT}*?\{{####\}}){_DOT}*",
    r"[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*\{####\}[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*": rf"(?>{_TEXT}*?\{{####\}}){_TEXT}*",
    r"[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*\{##[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*##\}[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*": (
        rf"(?>{_TEXT}*?\{{##)(?>{_TEXT}*?##\}}){_TEXT}*"
    ),
    r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+@[\p{L}\p{M}\p{S}\p{N}\p{P}]+": rf"(?>{_WORD}+?@){_WORD}+",
    r"^arn:aws:organizations::.+:.+": rf"arn:aws:organizations::(?>{_DOT}+?:){_DOT}+",
    r"^[1-9]+.[0-9]+": r"[1-9][0-9]{2,}|[1-9]+[^0-9\n\r\x85\u2028\u2029][0-9]+",
}
_TWO_COLONS = "(:.*){2}"  # then a word with a colon in front: the second colon and the word are taken at their first places
_AFTER = re.compile(
    r"\(:\.\*\)\{2\}(?:\((?P<whole>:[^()|]+)\.\*\)|:\((?P<either>[^()]+)\)/\.\*|\((?P<one>:[^()|]+)\.\*\|(?P<other>:[^()|]+)\.\*\))"
)


def pattern_of(java: str) -> str:
    """The Python pattern for a Java one, in a form that takes linear time where the direct one does not."""
    if java in REWRITTEN:
        return REWRITTEN[java]
    if _TWO_COLONS in java and (found := _AFTER.search(java)):
        word = found["whole"] or (f":(?:{found['either']})/" if found["either"] else f"(?:{found['one']}|{found['other']})")
        tail = rf":(?>{_DOT}*?:)(?>{_DOT}*?{word}){_DOT}*"
        return translate(java[: found.start()] + "\0" + java[found.end() :]).replace("\0", tail)
    return translate(java)


class _Positions:
    """The position automaton (Glushkov 1961): one state per character place, `follow` says which may come next."""

    def __init__(self, pattern: str) -> None:
        self.sets: list[frozenset[str]] = []
        self.follow: list[set[int]] = []
        self.doubled: set[tuple[int, int]] = set()  # steps that two loops, one inside the other, both offer
        self.sequence(p.parse(pattern, re.ASCII))

    def sequence(self, tree: Iterable[Any]) -> tuple[set[int], set[int], bool]:
        """(first places, last places, whether it may be empty) of one piece after the other."""
        first: set[int] = set()
        last: set[int] = set()
        empty = True
        for op, argument in tree:
            here, end, skipped = self.piece(op, argument)
            self.join(last, here)
            first |= here if empty else set()
            last = last | end if skipped else end
            empty = empty and skipped
        return first, last, empty

    def join(self, before: Iterable[int], after: set[int]) -> None:
        for state in before:
            self.doubled |= {(state, place) for place in self.follow[state] & after}
            self.follow[state] |= after

    def piece(self, op: Any, argument: Any) -> tuple[set[int], set[int], bool]:
        if op in (c.LITERAL, c.NOT_LITERAL, c.IN):
            self.sets.append(frozenset(_members(op, argument)))
            self.follow.append(set())
            return {len(self.sets) - 1}, {len(self.sets) - 1}, False
        if op in (c.AT, c.ASSERT, c.ASSERT_NOT):
            return set(), set(), True
        if op is c.SUBPATTERN:
            return self.sequence(argument[3])
        if op is c.BRANCH:
            branches = [self.sequence(branch) for branch in argument[1]]
            return (
                set().union(*(first for first, _, _ in branches)),
                set().union(*(last for _, last, _ in branches)),
                any(empty for _, _, empty in branches),
            )
        if op in (c.MAX_REPEAT, c.MIN_REPEAT):
            return self.repeat(*argument)
        raise ValueError(f"{op} is not known here")

    def repeat(self, low: int, high: Any, tree: Any) -> tuple[set[int], set[int], bool]:
        """A chain of copies that may end after `low` of them; the last one goes in a circle when there is no upper limit."""
        endless = high is c.MAXREPEAT
        first: set[int] = set()
        last: set[int] = set()
        previous: set[int] = set()
        empty = low == 0
        for copy in range(max(low, 1) if endless else int(high)):
            here, end, skipped = self.sequence(tree)
            empty = empty or skipped
            self.join(previous, here)
            first |= here if copy == 0 or skipped else set()
            last = last | end if copy + 1 > low or skipped else end
            previous = previous | end if skipped else end
        if endless:
            self.join(previous, here)
        return first, last, empty


_SAMPLE = [chr(code) for code in range(128)] + list("\x85\xa0é\u0301\u0661\u200b\u2028\u3000\ue000漢😀𝔘")


def _members(op: Any, argument: Any) -> Iterator[str]:
    """The sample characters that a place takes."""
    holds = _one_of(argument) if op is c.IN else (lambda char: (ord(char) == argument) is (op is c.LITERAL))
    return (char for char in _SAMPLE if holds(char))


def _one_of(items: Any) -> Callable[[str], bool]:
    negated = items[0][0] is c.NEGATE
    blanks = frozenset(" \t\n\x0b\f\r")

    def one(op: Any, argument: Any, char: str) -> bool:
        if op is c.LITERAL:
            return bool(ord(char) == argument)
        if op is c.RANGE:
            return bool(argument[0] <= ord(char) <= argument[1])
        return (char in blanks) is (argument is c.CATEGORY_SPACE)

    return lambda char: any(one(op, argument, char) for op, argument in items[negated:]) is not negated


def grows(pattern: str) -> bool:
    """Whether a backtracking matcher may take more than linear time with `pattern` (as translate gives it)."""
    automaton = _Positions(spelled_out(pattern))
    reach = _reachable(automaton.follow)
    if any(reach[place] >> state & 1 for state, place in automaton.doubled):
        return True
    loops = [state for state in range(len(reach)) if reach[state] >> state & 1]
    return any(_shared(automaton, reach, one, other) for one in loops for other in loops if one != other and reach[one] >> other & 1)


def _reachable(follow: list[set[int]]) -> list[int]:
    """For every state the states that come after it, as bits."""
    found = [sum(1 << place for place in places) for places in follow]
    changed = True
    while changed:
        changed = False
        for state in reversed(range(len(follow))):
            after = found[state]
            for place in follow[state]:
                after |= found[place]
            changed |= after != found[state]
            found[state] = after
    return found


def _shared(automaton: _Positions, reach: list[int], one: int, other: int) -> bool:
    """Whether one word leads from `one` to itself, from `one` to `other` and from `other` to itself."""
    sets, follow = automaton.sets, automaton.follow
    if not sets[one] & sets[other]:
        return False
    waiting, seen = [(one, one, other)], set[tuple[int, int, int]]()
    while waiting:
        left, middle, right = waiting.pop()
        for a in follow[left]:
            if not reach[a] >> one & 1:
                continue
            for b in follow[middle]:
                if b != other and not reach[b] >> other & 1:
                    continue
                for d in follow[right]:
                    if not reach[d] >> other & 1 or not sets[a] & sets[b] & sets[d] or (a, b, d) in seen:
                        continue
                    if (a, b, d) == (one, other, other):
                        return True
                    seen.add((a, b, d))
                    waiting.append((a, b, d))
    return False
