"""Turns values into what a JSON encoder takes. Does not add headers or envelopes (envelope.py does)."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any

import msgspec

from daypass.values.secret import Secret
from daypass.wire.compiled import Compiled
from daypass.wire.shapes import Member, Shape
from daypass.wire.timestamps import WRITERS

WriteJson = Callable[[Any], Any]

encode = msgspec.json.Encoder().encode  # the bytes of a JSON value, UTF-8, without blanks


def _writer(shape: Shape) -> WriteJson:
    if shape.document:
        return _as_is
    if shape.kind == "structure":
        return members_writer(shape, list(shape.members.values()))
    if shape.kind == "list":
        inner = writer_of(shape.item or shape)
        return lambda value: [inner(item) for item in value]
    if shape.kind == "map":
        inner = writer_of(shape.item or shape)
        return lambda value: {key: inner(item) for key, item in value.items()}
    if shape.kind == "timestamp":
        return WRITERS[shape.timestamp_format or "unixTimestamp"]
    return _SCALARS[shape.kind]


writer_of: Compiled[WriteJson] = Compiled(_writer)


def members_writer(shape: Shape, members: list[Member]) -> WriteJson:
    """The writer of a JSON object of those members of a structure; None is left out, a member that the model lacks is a bug."""
    writers = [(member.name, member.wire, writer_of(member.shape)) for member in members]
    known = shape.members.keys()
    partial = len(members) != len(known)

    def write(value: Any) -> Any:
        found = {}
        rest = len(value)
        for name, wire, inner in writers:
            if name in value:
                rest -= 1
                if (item := value[name]) is not None:
                    found[wire] = inner(item)
        if rest and not (partial and value.keys() <= known):
            raise TypeError(f"{shape.name} has no {sorted(value.keys() - known)}")
        return found

    return write


def _as_is(value: Any) -> Any:
    return value


def write_text(value: Any) -> str:
    """A string; a Secret is revealed here and nowhere earlier."""
    if isinstance(value, Secret):
        return value.reveal().decode("utf-8")
    if not isinstance(value, str):
        raise TypeError(f"a string member is {type(value).__name__}")
    return value


def _write_integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"an integer member is {type(value).__name__}")
    return value


def _write_number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise TypeError("JSON has no such number")
    return number


def _write_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"a boolean member is {type(value).__name__}")
    return value


_SCALARS: dict[str, WriteJson] = {
    "string": write_text,
    "integer": _write_integer,
    "long": _write_integer,
    "float": _write_number,
    "double": _write_number,
    "boolean": _write_boolean,
    "blob": lambda value: base64.b64encode(value).decode("ascii"),
}
