"""Bounded: a memory of so many things, first in, first out. Does not know what they are."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(dict[K, V]):
    """A dict that `keep` lets grow to `limit` entries; what went is made anew by whoever needs it. `get` is a dict's own."""

    __slots__ = ("_limit",)

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def keep(self, key: K, value: V) -> V:
        """Remember `value`, in the place of the oldest where there is no more room; gives it back."""
        if len(self) >= self._limit and key not in self:
            del self[next(iter(self))]
        self[key] = value
        return value
