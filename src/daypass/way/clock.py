"""The server's clock: never runs backwards, not even over a restart. Does not correct a wrong clock, it only refuses to go back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Wall-clock time with a high-water mark: a clock that is set back revives no expired pass (F-19).

    `high_water` is the latest time that an earlier run had seen, kept in the store.
    """

    def __init__(self, high_water: datetime | None = None, wall: Callable[[], datetime] | None = None) -> None:
        self._wall = wall or _utc_now
        self._latest = high_water or self._wall()

    def __call__(self) -> datetime:
        """The time in UTC: the wall clock's, or the latest time seen when that is later."""
        now = self._wall()
        if now > self._latest:
            self._latest = now
        return self._latest

    @property
    def behind(self) -> float:
        """How many seconds the wall clock stands behind the high-water mark (0 when it does not)."""
        return max((self._latest - self._wall()).total_seconds(), 0.0)


def _utc_now() -> datetime:
    return datetime.now(UTC)
