"""Where each statement stands in the text of a policy, as the simulator tells it. Reads texts that were read as policies before."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

_SPACE = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


class Place(NamedTuple):
    """A position between two characters; line and column count from 1 (fact sheet A, §4.8)."""

    line: int
    column: int


def statement_places(text: str) -> list[tuple[Place, Place]]:
    """Where the statements of a policy begin and end, in order; the end is behind the last character."""
    start = _statements(text)
    if text[start] != "[":
        spans = [(start, _decode(text, start)[1])]
    else:
        spans = []
        at = _skip(text, start + 1)
        while text[at] != "]":
            end = _decode(text, at)[1]
            spans.append((at, end))
            at = _skip(text, end)
            at = _skip(text, at + 1) if text[at] == "," else at
    return [(_place(text, start), _place(text, end)) for start, end in spans]


def _statements(text: str) -> int:
    """Where the value of the member "Statement" begins."""
    at = _skip(text, _skip(text, 0) + 1)
    while True:
        name, at = _decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # over the colon
        if name == "Statement":
            return at
        at = _skip(text, _decode(text, at)[1])
        at = _skip(text, at + 1)  # over the comma: a policy that was read has the member


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _place(text: str, at: int) -> Place:
    return Place(text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
