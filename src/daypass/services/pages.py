"""Pages of a listing: cut one page out of sorted items and name the place where the next begins. Does not render any service's answer.

The marker is opaque but not secret: it holds the last key of the page, bound to one listing by a digest of its `scope`. A forged marker
can only move its owner within the same listing, which shows nothing that the listing itself would not; so it needs no MAC, and any
node of a cluster reads it. Anything else than what `cut` itself would have written is refused (attack row M16).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from daypass.values.errors import Refusal

T = TypeVar("T")

MAX_MARKER = 320  # IAM model, `markerType`
SCOPE_BYTES = 8  # enough to tell listings apart; not a protection


def cut(
    items: Iterable[T], *, key: Callable[[T], str], scope: str, marker: str | None, limit: int, refusal: Refusal
) -> tuple[list[T], str | None]:
    """The page of at most `limit` items after `marker`, in the order of `key` (unique per item), and the next marker or None.

    `scope` names the listing: account, operation and target. Raises `refusal` for a marker that this listing never gave.
    """
    return cut_ordered(sorted(items, key=key), key=key, scope=scope, marker=marker, limit=limit, refusal=refusal)


def cut_ordered(
    ordered: Sequence[T], *, key: Callable[[T], str], scope: str, marker: str | None, limit: int, refusal: Refusal
) -> tuple[list[T], str | None]:
    """The same of items that are in the order of `key` already: a page costs what it holds, however many items there are beside it."""
    start = 0 if marker is None else bisect_right(ordered, _read_marker(marker, scope, refusal), key=key)
    page = list(ordered[start : start + limit])
    following = _write_marker(key(page[-1]), scope) if len(ordered) > start + limit else None
    return page, following


def _digest(scope: str) -> bytes:
    return hashlib.sha256(scope.encode()).digest()[:SCOPE_BYTES]


def _write_marker(last: str, scope: str) -> str:
    return base64.urlsafe_b64encode(_digest(scope) + last.encode()).decode("ascii")


def _read_marker(marker: str, scope: str, refusal: Refusal) -> str:
    if len(marker) > MAX_MARKER:
        raise refusal
    try:
        raw = base64.b64decode(marker.encode("ascii"), altchars=b"-_", validate=True)
        last = raw[SCOPE_BYTES:].decode()
    except (binascii.Error, ValueError):  # UnicodeError is a ValueError
        raise refusal from None
    if marker != _write_marker(last, scope):  # the one spelling, and this listing's own
        raise refusal
    return last
