"""Takes members marked as sensitive out of values, for the ledger. Does not know which values a service finds delicate beyond the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daypass.wire.compiled import Compiled
from daypass.wire.shapes import OperationShape, Shape

Redact = Callable[[Any], Any]


def redact(operation: OperationShape, values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of an operation's input without anything that the model marks as sensitive, also inside structures, lists and maps."""
    found: dict[str, Any] = _redact_of(operation.input)(values)
    return found


def _redact(shape: Shape) -> Redact:
    if shape.kind == "structure" and not shape.document:
        inner = {name: _redact_of(member.shape) for name, member in shape.members.items() if not member.shape.sensitive}
        return lambda value: {name: inner[name](item) for name, item in value.items() if name in inner}
    if shape.kind == "list" and shape.item:
        return _redact_list(shape.item)
    if shape.kind == "map" and shape.item and shape.key:
        return _redact_map(shape.item, shape.key)
    return lambda value: value


_redact_of: Compiled[Redact] = Compiled(_redact)


def _redact_list(item: Shape) -> Redact:
    if item.sensitive:
        return lambda _value: []
    inner = _redact_of(item)
    return lambda value: [inner(one) for one in value]


def _redact_map(item: Shape, key: Shape) -> Redact:
    if item.sensitive or key.sensitive:
        return lambda _value: {}
    inner = _redact_of(item)
    return lambda value: {name: inner(one) for name, one in value.items()}
