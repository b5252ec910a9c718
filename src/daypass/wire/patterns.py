"""Runs the patterns of the models on whole values. Does not know Java's dialect: `make models` has turned it into Python's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

_PLACEHOLDER = re.compile(r"\\p\{(\w)\}", re.ASCII)
_TABLE = Path(__file__).parent / "models" / "unicode.json"


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Callable[[str], object]:
    """A function that gives something true when the whole of a text matches. `\\w`, `\\d` and the like are ASCII, as in Java."""
    return re.compile(spelled_out(pattern), re.ASCII).fullmatch


def spelled_out(pattern: str) -> str:
    """`pattern` with the characters of every `\\p{…}` in its place."""
    return _PLACEHOLDER.sub(lambda found: _category(found.group(1)), pattern)


@lru_cache(maxsize=16)
def _category(name: str) -> str:
    """A Unicode category as the inside of a set."""
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _table()[name])


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = msgspec.json.decode(_TABLE.read_bytes())
    return table
