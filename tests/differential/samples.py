"""Deterministic random values for botocore's shapes: valid ones, with all members, with the required ones only, or as empty as allowed."""

from __future__ import annotations

import random  # noqa: TID251  # cases that come out the same each time
import re
import re._constants as c
import re._parser as p
from datetime import UTC, datetime, timedelta
from typing import Any

from models.java import translate

from daypass.wire.patterns import matcher

ODD = "aé漢𝔘 \t\"'<>&;=+%/?#\\{}[]\r\nß"
MAX_DEPTH = 6
_PROPERTY = re.compile(r"\\p\{(\w)\}")
_SAMPLES = {"L": "a-zé漢", "M": "\u0301", "N": "0-9", "P": "!-#", "S": "$+", "Z": " ", "C": "\x01"}


class Samples:
    """A source of values. `how` is "all", "required", "empty" or "odd" (Unicode and what formats must escape)."""

    def __init__(self, seed: str, how: str, *, hollow: bool = True) -> None:
        self.random = random.Random(f"{seed}/{how}")
        self.how = how
        self.hollow = hollow  # whether structures and maps may be empty: query parameters cannot say that

    def value(self, shape: Any, depth: int = 0, place: str = "") -> Any:
        """A value of a botocore shape; `place` is "uri", "header", "querystring", "statusCode" or ""."""
        kind = shape.type_name
        if getattr(shape, "is_document_type", False) or shape.serialization.get("document"):
            return {"a": [1, 2.5, True, None, "é"], "b": {"c": "d"}}
        if place == "statusCode":
            return self.random.choice((200, 202))
        return getattr(self, f"_{kind}")(shape, depth, place)

    def _structure(self, shape: Any, depth: int, _place: str) -> dict[str, Any]:
        names = list(shape.members)
        if shape.serialization.get("union") or getattr(shape, "is_tagged_union", False):
            names = [self.random.choice(names)]
        elif self.how == "required" or depth > MAX_DEPTH:
            names = [name for name in names if name in shape.required_members] or names[: depth > 0 and not self.hollow]
        return {name: self.value(shape.members[name], depth + 1, shape.members[name].serialization.get("location", "")) for name in names}

    def _count(self, shape: Any, depth: int) -> int:
        least, most = int(shape.metadata.get("min", 0)), int(shape.metadata.get("max", 1000))
        wanted = least if self.how in ("empty", "required") or depth > MAX_DEPTH else max(least, self.random.randint(1, 3))
        if shape.type_name == "map" and not self.hollow:
            wanted = max(wanted, 1)
        return min(wanted, most)

    def _list(self, shape: Any, depth: int, place: str) -> list[Any]:
        count = self._count(shape, depth)
        return [self.value(shape.member, depth + 1, place) for _ in range(max(count, 1) if place == "querystring" else count)]

    def _map(self, shape: Any, depth: int, _place: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(50):
            if len(found) >= self._count(shape, depth):
                break
            found[self.value(shape.key, depth + 1)] = self.value(shape.value, depth + 1)
        return found

    def _string(self, shape: Any, _depth: int, place: str) -> str:
        if shape.enum:
            return str(self.random.choice(shape.enum))
        least, most = int(shape.metadata.get("min", 0)), int(shape.metadata.get("max", 10**6))
        if place in ("uri", "header"):
            least = max(least, 1)
        java = shape.metadata.get("pattern")
        pattern = translate(java) if java else ""
        if pattern:
            return self._matching(pattern, least, most, place)
        if self.how == "empty" and place not in ("uri", "header"):
            return "x" * least
        letters = ODD if self.how == "odd" and place not in ("header",) else "abcdefgh0123"
        size = min(most, max(least, 1) + self.random.randint(0, 8))
        text = "".join(self.random.choice(letters) for _ in range(size))
        return text if text not in (".", "..") else "a" * size

    def _matching(self, pattern: str, least: int, most: int, place: str) -> str:
        tree = p.parse(_PROPERTY.sub(lambda found: _SAMPLES[found.group(1)], pattern), re.ASCII)
        match = matcher(pattern)
        for attempt in range(2000):
            reach = 1 + attempt % 60 if least < 60 else least + attempt % 60
            text = self._from(tree, reach)
            if place == "header" and (text != text.strip() or not text.isascii() or not text.isprintable()):
                continue
            if least <= len(text) <= most and match(text) and text not in (".", ".."):
                return text
        raise AssertionError(f"no sample of {pattern!r} with {least} to {most} characters")

    def _from(self, tree: Any, reach: int) -> str:
        return "".join(self._piece(op, argument, reach) for op, argument in tree)

    def _piece(self, op: Any, argument: Any, reach: int) -> str:
        if op is c.LITERAL:
            return chr(argument)
        if op is c.IN:
            return self._one_of(argument)
        if op is c.NOT_LITERAL:
            return "x" if argument != ord("x") else "y"
        if op in (c.MAX_REPEAT, c.MIN_REPEAT):
            low, high, inner = argument
            top = min(int(high), int(low) + reach)
            return "".join(self._from(inner, reach) for _ in range(self.random.randint(int(low), top)))
        if op is c.SUBPATTERN:
            return self._from(argument[3], reach)
        if op is c.BRANCH:
            return self._from(self.random.choice(argument[1]), reach)
        if op in (c.AT, c.ASSERT, c.ASSERT_NOT):
            return ""
        raise AssertionError(op)

    def _one_of(self, items: Any) -> str:
        if items[0][0] is c.NEGATE:
            refused = re.compile("[" + "".join(_spelled(item) for item in items[1:]) + "]", re.ASCII)
            return self.random.choice([char for char in "aZ09-_/é" if not refused.fullmatch(char)])
        op, argument = self.random.choice(items)
        if op is c.LITERAL:
            return chr(argument)
        if op is c.RANGE:
            low, high = argument
            return chr(self.random.randint(low, high)) if self.how == "odd" else chr(self.random.randint(low, min(high, max(low, 0x7E))))
        return "a"

    def _integer(self, shape: Any, _depth: int, _place: str) -> int:
        least = int(shape.metadata.get("min", -5))
        most = int(shape.metadata.get("max", max(least, 2**31 - 1)))
        return self.random.choice((least, most, self.random.randint(least, most)))

    _long = _integer

    def _double(self, shape: Any, _depth: int, _place: str) -> float:
        least, most = float(shape.metadata.get("min", -2.5)), float(shape.metadata.get("max", 1000.25))
        return self.random.choice((least, most, (least + most) / 2))

    _float = _double

    def _boolean(self, _shape: Any, _depth: int, _place: str) -> bool:
        return self.random.random() < 0.5

    def _blob(self, shape: Any, _depth: int, _place: str) -> bytes:
        least, most = int(shape.metadata.get("min", 0)), int(shape.metadata.get("max", 10**6))
        size = least if self.how == "empty" else min(most, max(least, self.random.randint(1, 40)))
        return self.random.randbytes(size)

    def _timestamp(self, _shape: Any, _depth: int, _place: str) -> datetime:
        return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=self.random.randint(0, 10**9))


def _spelled(item: Any) -> str:
    op, argument = item
    if op is c.LITERAL:
        return re.escape(chr(argument))
    if op is c.RANGE:
        return f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
    return {c.CATEGORY_SPACE: r"\s", c.CATEGORY_NOT_SPACE: r"\S", c.CATEGORY_WORD: r"\w", c.CATEGORY_DIGIT: r"\d"}[argument]
