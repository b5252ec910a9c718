"""A limit on callers that prove nothing: a token bucket per peer address. Does not count proven callers."""

from __future__ import annotations

MAX_PEERS = 10_000  # a flood from more addresses than this shares what is left


class Throttle:
    """`spend` takes one token of a peer; `rate` tokens a second flow back, up to `burst`. Times are seconds of any steady clock."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}

    def exhausted(self, peer: str, now: float) -> bool:
        """Whether `peer` has no token left; asked before any work is done for it."""
        bucket = self._buckets.get(peer)
        return bucket is not None and self._level(bucket, now) < 1.0

    def spend(self, peer: str, now: float) -> None:
        """Take one token of `peer`, after it failed to prove itself."""
        bucket = self._buckets.pop(peer, None)
        level = self._burst if bucket is None else self._level(bucket, now)
        if len(self._buckets) >= MAX_PEERS:
            self._buckets.pop(next(iter(self._buckets)))  # the one that failed longest ago
        self._buckets[peer] = (max(level - 1.0, 0.0), now)

    def _level(self, bucket: tuple[float, float], now: float) -> float:
        level, at = bucket
        return min(self._burst, level + max(now - at, 0.0) * self._rate)
