"""Deadline: until when this thread waits for the database, in all its steps together. Does not wait itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class _Until(threading.local):
    time: float | None = None


_until = _Until()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What this thread asks of the database until this ends has `seconds` together, or what is left of an earlier deadline."""
    before = _until.time
    mine = time.monotonic() + seconds
    _until.time = mine if before is None else min(mine, before)
    try:
        yield
    finally:
        _until.time = before


def seconds_left(otherwise: float) -> float:
    """How long this thread may still wait, not below 0; `otherwise` where no deadline is set."""
    return otherwise if _until.time is None else max(_until.time - time.monotonic(), 0.0)
