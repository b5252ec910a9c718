"""Scalars from their text form, as query parameters, path labels and headers carry them. Does not check the model's constraints."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from daypass.wire.faults import WrongType
from daypass.wire.shapes import Shape
from daypass.wire.timestamps import READERS

_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)  # a 64-bit integer has at most 19 digits
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}

ReadText = Callable[[str], Any]


def text_reader(shape: Shape, timestamp_format: str) -> ReadText:
    """The reader of a scalar shape; `timestamp_format` is the place's own where the model gives none. The reader raises WrongType."""
    if shape.kind == "timestamp":
        return READERS[shape.timestamp_format or timestamp_format]
    return _READERS[shape.kind]


def read_integer(text: str) -> int:
    """ASCII digits with an optional minus; no blanks, underscores or other scripts' digits, which `int` would take."""
    if _INTEGER.fullmatch(text) is None:
        raise WrongType("a valid integer")
    return int(text)


def read_number(text: str) -> float:
    """A finite decimal number."""
    if _NUMBER.fullmatch(text) is None or (number := float(text)) in (float("inf"), float("-inf")):
        raise WrongType("a valid number")
    return number


def read_boolean(text: str) -> bool:
    """Exactly `true` or `false`."""
    try:
        return _BOOLEANS[text]
    except KeyError:
        raise WrongType("a valid boolean (true or false)") from None


def read_base64(text: object) -> bytes:
    """Base64 with its padding, canonical: no blanks, no other alphabet, no stray bits at the end (RFC 4648 §3.3, §3.5)."""
    if not isinstance(text, str):
        raise WrongType("valid base64")
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise WrongType("valid base64") from None
    if base64.b64encode(decoded).decode("ascii") != text:
        raise WrongType("valid base64")
    return decoded


def _as_is(text: str) -> str:
    return text


_READERS: dict[str, ReadText] = {
    "string": _as_is,
    "integer": read_integer,
    "long": read_integer,
    "float": read_number,
    "double": read_number,
    "boolean": read_boolean,
    "blob": read_base64,
}
