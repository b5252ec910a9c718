"""Waiting for what another process does: looks again and again, for a bounded time. A test states what, never how long it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LOOK_EVERY = 0.02  # seconds
_never = threading.Event()


def until(seen: Callable[[], bool], what: str, seconds: float = 20.0) -> float:
    """Return when `seen()` is true, with the seconds that it took. Raises AssertionError, saying `what`, when it does not come."""
    begun = time.monotonic()
    while not seen():
        if time.monotonic() - begun > seconds:
            raise AssertionError(f"not within {seconds} s: {what}")
        _never.wait(LOOK_EVERY)
    return time.monotonic() - begun
