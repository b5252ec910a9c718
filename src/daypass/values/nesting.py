"""Nesting: whether a JSON text is too deep, told before it is parsed, since parsers recurse. Does not parse it or say what is wrong."""

from __future__ import annotations

import re

MAX_NESTING = 64  # of objects and arrays; no model of AWS needs more than 12, and a policy has 5 (attack row H67)
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)


def is_too_deep(text: str) -> bool:
    """Whether objects and arrays of `text` stand deeper than MAX_NESTING in each other: the interpreter's own limit differs by version."""
    # counting brackets is enough for all but odd texts
    return text.count("[") + text.count("{") > MAX_NESTING and _depth(text) > MAX_NESTING


def _depth(text: str) -> int:
    depth = deepest = 0
    for found in _STRUCTURE.finditer(text):
        char = found.group()
        if char in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_NESTING:
                break
        elif char in "]}":
            depth -= 1
    return deepest
