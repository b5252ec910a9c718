"""Turns the Java regular expressions of AWS's models into Python ones that mean the same. Does not judge how fast they run (linear.py).

Where the two languages differ: `\\w`, `\\d`, `\\s` are ASCII in Java; `.` stops at five line ends; `^` and `$` only matter at the ends,
since AWS matches whole values; `\\p{…}` stays as a placeholder that wire/patterns.py fills from its table of Unicode categories.
"""

from __future__ import annotations

import re

_LINE_ENDS = r"\n\r\x85\u2028\u2029"
_ASCII_CLASSES = {"w": "a-zA-Z0-9_", "d": "0-9", "s": r" \t\n\x0b\f\r"}
_POSIX = {"ASCII": r"\x00-\x7f", "Graph": "!-~", "Upper": "A-Z", "Digit": "0-9", "Cntrl": r"\x00-\x1f\x7f"}
CATEGORIES = ("L", "M", "N", "P", "S", "Z", "C")
_LITERAL_IN_SET = frozenset("[]^-\\&|~#")
_EVERYTHING = frozenset({r"[\s\S]", r"[\S\s]"})


class Untranslatable(Exception):
    """A construct of Java's that has no exact counterpart here."""


def translate(java: str) -> str:
    """The Python pattern, for `fullmatch` with re.ASCII; "" when every text matches. Raises Untranslatable."""
    dot_all = java.startswith("(?s)")
    text = java[4:] if dot_all else java
    if text in {set_ + "*" for set_ in _EVERYTHING} or (dot_all and text == ".*"):
        return ""
    out: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "[":
            piece, at = _read_set(text, at + 1)
        elif char == "\\":
            piece, at = _read_escape(text, at + 1)
        elif char in "^$":
            piece, at = (r"\A" if char == "^" else r"\Z"), at + 1
        elif char == ".":
            piece, at = (r"[\s\S]" if dot_all else f"[^{_LINE_ENDS}]"), at + 1
        else:
            piece, at = char, at + 1
        out.append(piece)
    result = "".join(out)
    re.compile(re.sub(r"\\p\{(\w)\}", "a", result), re.ASCII)
    return result


def _code_point(text: str, at: int) -> tuple[int, int]:
    """Read what follows `\\u` or `\\x`. The models write U+10000 as `\\u10000`: five and six digits are meant as one code point."""
    kind = text[at]
    found = re.compile(r"(?:10[0-9A-F]{4}|1[0-9A-F]{4}|[0-9A-Fa-f]{4})" if kind == "u" else r"[0-9A-Fa-f]{2}").match(text, at + 1)
    if not found:
        raise Untranslatable(text)
    code, end = int(found.group(), 16), found.end()
    low = re.compile(r"\\u(D[C-F][0-9A-F]{2})").match(text, end)
    if 0xD800 <= code <= 0xDBFF and low:  # the two halves of a surrogate pair are one code point to Java
        return 0x10000 + ((code - 0xD800) << 10) + int(low.group(1), 16) - 0xDC00, low.end()
    return code, end


def _literal(code: int) -> str:
    char = chr(code)
    if char in _LITERAL_IN_SET or char in ".*+?()${}":
        return "\\" + char
    if 0x20 <= code <= 0x7E:
        return char
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _read_escape(text: str, at: int) -> tuple[str, int]:
    """Read an escape outside a set, `at` being after the backslash."""
    char = text[at]
    if char in "wds":
        return f"[{_ASCII_CLASSES[char]}]", at + 1
    if char in "WDS":
        return f"[^{_ASCII_CLASSES[char.lower()]}]", at + 1
    if char in "ux":
        code, end = _code_point(text, at)
        return _literal(code), end
    if char == "p":
        inside, end = _read_property(text, at)
        return f"[{inside}]", end
    if char == "b":
        return r"\b", at + 1
    if char in "ntrf":
        return "\\" + char, at + 1
    if char.isalnum():
        raise Untranslatable(text)
    return _literal(ord(char)), at + 1


def _read_property(text: str, at: int) -> tuple[str, int]:
    found = re.compile(r"p\{(\w+)\}").match(text, at)
    if not found:
        raise Untranslatable(text)
    name = found.group(1)
    if name in _POSIX:
        return _POSIX[name], found.end()
    if name not in CATEGORIES:
        raise Untranslatable(text)
    return f"\\p{{{name}}}", found.end()


def _read_set(text: str, at: int) -> tuple[str, int]:
    """Read a bracketed set, `at` being after the bracket; every member is spelled out, so that nothing depends on the reader."""
    negated = text[at] == "^"
    at += negated
    items: list[str] = []
    last: int | None = None  # the code point that a following "-" would make a range of
    while text[at] != "]":
        if text[at] == "-" and last is not None and text[at + 1] != "]":
            upper, after, _ = _read_set_item(text, at + 1)
            if upper is not None:
                if upper < last:
                    raise Untranslatable(text)
                items[-1], at, last = f"{_literal(last)}-{_literal(upper)}", after, None
                continue
        code, at, piece = _read_set_item(text, at)
        items.append(piece)
        last = code
    body = "".join(items)
    return f"[{'^' if negated else ''}{body}]", at + 1


def _read_set_item(text: str, at: int) -> tuple[int | None, int, str]:
    """One member of a set: its code point (None for a class), where it ends, its Python text."""
    char = text[at]
    if char == "[" or text[at : at + 2] == "&&":
        raise Untranslatable(text)  # nested sets and intersections: no model uses them
    if char != "\\":
        return ord(char), at + 1, _literal(ord(char))
    char = text[at + 1]
    if char in "wds":
        return None, at + 2, _ASCII_CLASSES[char]
    if char == "S":
        return None, at + 2, r"\S"
    if char in "ux":
        code, end = _code_point(text, at + 1)
        return code, end, _literal(code)
    if char == "p":
        piece, end = _read_property(text, at + 1)
        return None, end, piece
    if char in "ntrf":
        code = ord({"n": "\n", "t": "\t", "r": "\r", "f": "\f"}[char])
        return code, at + 2, _literal(code)
    if char.isalnum():
        raise Untranslatable(text)
    return ord(char), at + 2, _literal(ord(char))
