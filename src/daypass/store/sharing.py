"""Sharing: texts that many records have in common are held once. Changes no record's meaning: what is equal stays equal.

Accounts, paths, policy documents, ARNs and tags recur from record to record, and a decoder makes each of them anew. `sys.intern` holds a
text for as long as somebody has it; that it is the very same object also makes looking it up quicker.
"""

from __future__ import annotations

from sys import intern
from typing import Any

import msgspec

from daypass.store.records import Record

_UNIQUE = frozenset({"id", "name"})  # of which every record has its own
_NOTHING: dict[Any, Any] = {}


def share(record: Record) -> None:
    """Let the fields of `record` be the objects that others have already. For the snapshot alone, before anybody else sees it."""
    for name in record.__struct_fields__:
        if name not in _UNIQUE:
            value = getattr(record, name)
            if (shared := _shared(value)) is not value:
                msgspec.structs.force_setattr(record, name, shared)


def _shared(value: Any) -> Any:
    """What is equal to `value` and shares its texts; `value` itself when it has none."""
    kind = type(value)
    if kind is str:
        return intern(value)
    if kind is tuple:
        return tuple([_shared(item) for item in value]) if value else value
    if kind is dict:
        # INVARIANT: records are immutable, their dicts too, so that one empty dict does for all.
        return {_shared(key): _shared(item) for key, item in value.items()} if value else _NOTHING
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            msgspec.structs.force_setattr(value, name, _shared(getattr(value, name)))
    return value
