"""A rank test of two samples of times: is one kind of request slower by more than so much? Assumes no distribution of them.

Source: Mann and Whitney, 1947; the normal approximation, good from some twenty samples on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist


def p_of_shift(slower: Sequence[float], quicker: Sequence[float], margin: float) -> float:
    """How likely times like these are when `slower` takes at most `margin` longer than `quicker`: small when it takes longer than that."""
    a, b = len(slower), len(quicker)
    pooled = sorted([(value - margin, True) for value in slower] + [(value, False) for value in quicker])
    rank_sum, ties, at = 0.0, 0, 0
    while at < len(pooled):
        end = at
        while end < len(pooled) and pooled[end][0] == pooled[at][0]:
            end += 1
        rank_sum += (at + 1 + end) / 2 * sum(is_slower for _, is_slower in pooled[at:end])
        ties += (end - at) ** 3 - (end - at)
        at = end
    n = a + b
    deviation = math.sqrt(a * b / 12 * (n + 1 - ties / (n * (n - 1))))
    above = rank_sum - a * (a + 1) / 2 - a * b / 2
    return 1.0 - NormalDist().cdf((above - 0.5) / deviation) if deviation else 1.0
