"""Tally: what a node has answered since it started, in plain numbers. Does not show them (metrics.py) or keep anything of a request."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict

from daypass.values.decision import Layer
from daypass.values.event import Event

# Seconds: from an answer out of the caches to one that waited for a database that hangs
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MAX_CODES = 256  # of refusals; the code knows fewer (docs/reference/errors.md), so that no caller can make more of them
OTHER = "other"
BUG = "InternalFailure"  # what a caller is told of an error that nobody thought of
UNRECORDED = "ServiceUnavailable"  # what a caller is told whose ledger line could not be written


class Tally:
    """Numbers that only grow. One `note` for each request, in the loop's thread.

    `requests` counts by service, operation ("" and "" when it was none of the model's) and hundreds of the status; `refusals` by error
    code; `decisions` by the layer that decided and whether it allowed; `at_most[i]` answers that took up to BOUNDS[i] and more than the
    bound before it (the last: longer than all), `seconds` what all took together. `broken` counts requests that failed of a bug.
    """

    def __init__(self) -> None:
        self.requests: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        self.refusals: defaultdict[str, int] = defaultdict(int)
        self.decisions: defaultdict[tuple[Layer, bool], int] = defaultdict(int)
        self.at_most = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self.broken = 0

    def note(self, event: Event, seconds: float, *, recorded: bool = True) -> None:
        """Count the answer to `event`, which left after `seconds`; without its line (`recorded`) it was a refusal, whatever it had been."""
        status, code = (event.status, event.error_code) if recorded else (503, UNRECORDED)
        self.requests[event.service, event.operation, status // 100] += 1
        if code:
            self.broken += code == BUG
            self.refusals[code if code in self.refusals or len(self.refusals) < MAX_CODES else OTHER] += 1
        for _, decision in event.decisions:
            self.decisions[decision.layer, decision.allowed] += 1
        self.at_most[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def broke(self) -> None:
        """Count a request that failed of a bug and has no event."""
        self.broken += 1
