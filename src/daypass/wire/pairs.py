"""Name-value pairs of a query string or a form body, read strictly. Does not know what they mean (query.py, rest.py and route.py do)."""

from __future__ import annotations

from typing import NamedTuple

from daypass.values.folding import fold
from daypass.wire.faults import Malformed

MAX_PAIRS = 4096  # of one request; AWS names no limit, its SDKs stay far below

# What may stand unescaped: visible ASCII without the characters that some parser somewhere splits or trips on (attack row C13).
_UNESCAPED = bytes(code for code in range(0x21, 0x7F) if chr(code) not in ';"<>\\^`{}|#')
_HEX = "0123456789abcdefABCDEF"
_BYTES = {high + low: bytes((int(high + low, 16),)) for high in _HEX for low in _HEX}


class Pair(NamedTuple):
    """A name and its value, decoded."""

    name: str
    value: str


def read_pairs(raw: bytes) -> list[Pair]:
    """Read `a=b&c=d`, percent-decoded once, plus signs as blanks (WHATWG URL §5.1, strict). Raises Malformed.

    Refused: anything unescaped outside visible ASCII, `;`, incomplete escapes, text that is not UTF-8, pairs without a name.
    """
    if not raw:
        return []
    if raw.translate(None, _UNESCAPED):
        raise Malformed("The query string contains a character that must be escaped")
    pieces = raw.decode("ascii").split("&")
    if len(pieces) > MAX_PAIRS:
        raise Malformed(f"There are more than {MAX_PAIRS} parameters")
    pairs = []
    for piece in pieces:
        name, _, value = piece.partition("=")
        if "%" in name or "+" in name:
            name = decode(name)
        if not name:
            raise Malformed("A parameter has no name")
        if "%" in value or "+" in value:
            value = decode(value)
        pairs.append(Pair(name, value))
    return pairs


def decode(text: str) -> str:
    """Undo form encoding of ASCII text, once. Raises Malformed."""
    # The two escapes that every ARN and URL has; none of their results can become part of another escape.
    return unescape(text.replace("+", " ").replace("%3A", ":").replace("%2F", "/"))


def unescape(text: str) -> str:
    """Undo percent-encoding, once. Raises Malformed for an incomplete escape or bytes that are not UTF-8."""
    if "%" not in text:
        return text
    first, *rest = text.split("%")
    try:
        return b"".join([first.encode("ascii"), *[_BYTES[part[:2]] + part[2:].encode("ascii") for part in rest]]).decode("utf-8")
    except KeyError:
        raise Malformed("A percent sign is not followed by two hexadecimal digits") from None
    except UnicodeError:
        raise Malformed("The text is not valid UTF-8") from None


def refuse_duplicates(pairs: list[Pair]) -> dict[str, str]:
    """The pairs as a dict. Raises Malformed when a name comes twice, also in another case (attack row C13)."""
    found = dict(pairs)
    if len({fold(name) for name in found}) != len(pairs):
        raise Malformed("A parameter is given more than once")
    return found
