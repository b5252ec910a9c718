"""Reads a JSON body into values (RFC 8259, strict). Does not check the model's constraints (validate.py does)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from daypass.values.nesting import MAX_NESTING, is_too_deep
from daypass.wire.compiled import Compiled
from daypass.wire.faults import Malformed, Unknown, WrongType
from daypass.wire.scalars import read_base64
from daypass.wire.shapes import Shape
from daypass.wire.timestamps import READERS

MAX_KEYS = 10_000  # of one object
MAX_DIGITS = 40  # of one number; a 64-bit integer has 19

ReadJson = Callable[[Any, Unknown], Any]


def parse(body: bytes) -> Any:
    """The JSON value of `body`.

    Raises Malformed: not UTF-8, deeper than MAX_NESTING, a key twice, NaN or Infinity, a number out of range, half a surrogate pair.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The body is not valid UTF-8") from None
    if is_too_deep(text):
        raise Malformed(f"The body is nested deeper than {MAX_NESTING}")
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise Malformed("The body is not valid JSON") from None
    # an escaped half of a surrogate pair parses, but is no text
    if "\\u" in text:
        _refuse_surrogates(value)
    return value


def _refuse_surrogates(value: Any) -> None:
    try:
        if isinstance(value, str):
            value.encode("utf-8")
        elif isinstance(value, dict):
            for key, item in value.items():
                key.encode("utf-8")
                _refuse_surrogates(item)
        elif isinstance(value, list):
            for item in value:
                _refuse_surrogates(item)
    except UnicodeEncodeError:
        raise Malformed("The body has half a surrogate pair") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("The body has the same key twice")
    if len(found) > MAX_KEYS:
        raise Malformed(f"An object has more than {MAX_KEYS} keys")
    return found


def _constant(_name: str) -> NoReturn:
    raise Malformed("The body is not valid JSON")


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise Malformed("A number is out of range")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if len(text) > MAX_DIGITS or number in (float("inf"), float("-inf")):
        raise Malformed("A number is out of range")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_float)


def _reader(shape: Shape) -> ReadJson:
    if shape.document:
        return lambda value, _unknown: value
    if shape.kind == "structure":
        return _structure_reader(shape)
    if shape.kind == "list":
        return _list_reader(shape)
    if shape.kind == "map":
        return _map_reader(shape)
    if shape.kind == "timestamp":
        read_time = READERS[shape.timestamp_format or "unixTimestamp"]
        return lambda value, _unknown: read_time(value)
    return _SCALARS[shape.kind]


reader_of: Compiled[ReadJson] = Compiled(_reader)


def _structure_reader(shape: Shape) -> ReadJson:
    """Null means absent, as in every AWS service."""
    members = {member.wire: (name, reader_of(member.shape)) for name, member in shape.members.items()}

    def read(value: Any, unknown: Unknown) -> Any:
        if not isinstance(value, dict):
            raise WrongType("a structure")
        found = {}
        for wire, item in value.items():
            known = members.get(wire)
            if known is None:
                unknown.count += 1
            elif item is not None:
                found[known[0]] = known[1](item, unknown)
        return found

    return read


def _list_reader(shape: Shape) -> ReadJson:
    read_item = reader_of(shape.item or shape)

    def read(value: Any, unknown: Unknown) -> Any:
        if not isinstance(value, list):
            raise WrongType("a list")
        return [read_item(item, unknown) for item in value]

    return read


def _map_reader(shape: Shape) -> ReadJson:
    read_value = reader_of(shape.item or shape)

    def read(value: Any, unknown: Unknown) -> Any:
        if not isinstance(value, dict):
            raise WrongType("a map")
        return {key: read_value(item, unknown) for key, item in value.items()}

    return read


def _string(value: Any, _unknown: Unknown) -> str:
    if not isinstance(value, str):
        raise WrongType("a string")
    return value


def _whole(value: Any, _unknown: Unknown) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongType("a valid integer")
    return value


def _number(value: Any, _unknown: Unknown) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongType("a valid number")
    return float(value)


def _boolean(value: Any, _unknown: Unknown) -> bool:
    if not isinstance(value, bool):
        raise WrongType("a valid boolean (true or false)")
    return value


def _blob(value: Any, _unknown: Unknown) -> bytes:
    return read_base64(value)


_SCALARS: dict[str, ReadJson] = {
    "string": _string, "integer": _whole, "long": _whole, "float": _number, "double": _number, "boolean": _boolean, "blob": _blob,
}  # fmt: skip
