"""Name-value pairs of a query string or a form body, read strictly. Does not know what they mean (query.py, rest.py and route.py do)."""

from __future__ import annotations

from binascii import a2b_qp

from daypass.values.folding import fold
from daypass.wire.faults import Malformed

MAX_PAIRS = 4096  # of one request; AWS names no limit, its SDKs stay far below

# What may stand unescaped: visible ASCII without the characters that some parser somewhere splits or trips on (attack row C13).
_UNESCAPED = bytes(code for code in range(0x21, 0x7F) if chr(code) not in ';"<>\\^`{}|#')

Pair = tuple[str, str]  # a name and its value, decoded


def read_pairs(raw: bytes) -> list[Pair]:
    """Read `a=b&c=d`, percent-decoded once, plus signs as blanks (WHATWG URL §5.1, strict). Raises Malformed.

    Refused: anything unescaped outside visible ASCII, `;`, incomplete escapes, text that is not UTF-8, pairs without a name.
    """
    if not raw:
        return []
    if raw.translate(None, _UNESCAPED):
        raise Malformed("The query string contains a character that must be escaped")
    # The two escapes that every ARN and URL has; what they stand for separates nothing and cannot become part of another escape.
    pieces = raw.replace(b"%3A", b":").replace(b"%2F", b"/").decode("ascii").split("&")
    if len(pieces) > MAX_PAIRS:
        raise Malformed(f"There are more than {MAX_PAIRS} parameters")
    escaped = b"%" in raw or b"+" in raw
    pairs = []
    for piece in pieces:
        name, _, value = piece.partition("=")
        if escaped:
            if "%" in name or "+" in name:
                name = decode(name)
            if "%" in value or "+" in value:
                value = decode(value)
        if not name:
            raise Malformed("A parameter has no name")
        pairs.append((name, value))
    return pairs


def decode(text: str) -> str:
    """Undo form encoding of ASCII text, once. Raises Malformed."""
    return unescape(text.replace("+", " "))


def unescape(text: str) -> str:
    """Undo percent-encoding of visible ASCII, once. Raises Malformed for an incomplete escape or bytes that are not UTF-8.

    Strangers may send a megabyte of escapes, so that no step here is taken escape by escape: written with `=` for `%` the text is
    quoted-printable (RFC 2045 §6.7). INVARIANT: that decoder makes one byte of three characters; whatever else it passes over leaves more.
    """
    if "%" not in text:
        return text
    if not (text.isascii() and text.isprintable()):
        raise Malformed("The text contains a character that must be escaped")
    quoted = text.encode("ascii").replace(b"=", b"%3D").replace(b"%", b"=")
    plain = a2b_qp(quoted)
    if len(plain) != len(quoted) - 2 * quoted.count(b"="):
        raise Malformed("A percent sign is not followed by two hexadecimal digits")
    try:
        return plain.decode("utf-8")
    except UnicodeError:
        raise Malformed("The text is not valid UTF-8") from None


def refuse_duplicates(pairs: list[Pair], taken: frozenset[str] = frozenset()) -> None:
    """Raises Malformed when a name comes twice, also in another case, or is one of `taken` (folded names; attack row C13)."""
    names = {name.lower() if name.isascii() else fold(name) for name, _ in pairs}
    if len(names) != len(pairs) or not names.isdisjoint(taken):
        raise Malformed("A parameter is given more than once")
