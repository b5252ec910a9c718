"""Limits on guessing: a token bucket per peer address (or IPv6 network) that proves nothing, and one per code or password that is guessed
at. Does not count what succeeds. Each node counts for itself.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address

from daypass.values.errors import Refusal

_INTERFACE_BITS = 64  # RFC 4291 §2.5.1: of an IPv6 address, those that a host chooses for itself
MAX_PEERS = 10_000  # a flood from more addresses than this shares what is left
GUESS_BURST = 10.0  # wrong codes or passwords in a row, by callers that are proven otherwise (NIST SP 800-63B §3.2.2: at most 100)
GUESS_RATE = 1 / 300  # more of them, per second, from then on: 288 a day against three codes of a million


class Throttle:
    """`spend` takes one token of a peer; `rate` tokens a second flow back, up to `burst`. Times are seconds of any steady clock."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}

    def exhausted(self, peer: str, now: float) -> bool:
        """Whether `peer` has no token left."""
        bucket = self._buckets.get(party(peer))
        return bucket is not None and self._level(bucket, now) < 1.0

    def spend(self, peer: str, now: float) -> None:
        """Take one token of `peer`, after it failed to prove itself."""
        peer = party(peer)
        bucket = self._buckets.pop(peer, None)
        level = self._burst if bucket is None else self._level(bucket, now)
        if len(self._buckets) >= MAX_PEERS:
            self._buckets.pop(next(iter(self._buckets)))  # the one that failed longest ago
        self._buckets[peer] = (max(level - 1.0, 0.0), now)

    def _level(self, bucket: tuple[float, float], now: float) -> float:
        level, at = bucket
        return min(self._burst, level + max(now - at, 0.0) * self._rate)


@lru_cache(MAX_PEERS)
def party(peer: str) -> str:
    """Who shares a bound with `peer`: an IPv4 address stands alone; all addresses of an IPv6 /64 are one host's to choose."""
    if ":" not in peer or peer.startswith("uid:"):
        return peer
    return f"{int(IPv6Address(peer)) >> _INTERFACE_BITS:x}/64"


def guesses() -> Throttle:
    """The limit on guesses at one MFA device or password; what is guessed at is the peer, named without a colon."""
    return Throttle(GUESS_RATE, GUESS_BURST)


def too_many_guesses() -> Refusal:
    """What anyone is told of a code or password that was guessed wrong too often, right or wrong as this one may be."""
    return Refusal("Throttling", "Rate exceeded", 400, private="too many wrong codes or passwords")
