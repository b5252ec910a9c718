"""Rounds: the same load on one server after the other, so that what else the machine does falls on all alike. Knows no goal."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench import load
from bench.targets import Target

SETTLE_SECONDS = 1.1  # after a load, while a server finishes what the answers did not wait for; it is on its account


class NotServed(Exception):
    """Some answers were not 2xx: what was measured is not what was meant."""


@dataclass(slots=True)
class Figures:
    """What one target took for one scenario: a value a round."""

    cpu: list[float] = field(default_factory=list)  # µs of server CPU a request
    rate: list[float] = field(default_factory=list)  # answers a second
    p50: list[float] = field(default_factory=list)  # ms
    p99: list[float] = field(default_factory=list)  # ms

    def median(self) -> dict[str, float]:
        """The medians over the rounds, and the least CPU."""
        rounded = {name: round(statistics.median(getattr(self, name)), 2) for name in ("cpu", "rate", "p50", "p99")}
        return rounded | {"least_cpu": round(min(self.cpu), 2)}


@dataclass(frozen=True, slots=True)
class Runner:
    """One target of a scenario and its requests, made anew for each round."""

    target: Target
    requests: Callable[[], list[bytes]]
    label: str


def rounds(runners: Sequence[Runner], count: int, connections: int) -> dict[str, Figures]:
    """Figures by label; one round more than `count`, of which the first warms up and is dropped. Raises NotServed, load.LoadFailed."""
    figures = {runner.label: Figures() for runner in runners}
    for number in range(count + 1):
        for runner in runners:
            one_round(runner, figures[runner.label] if number else Figures(), connections)
    return figures


def one_round(runner: Runner, figures: Figures, connections: int) -> None:
    """One round against one target, added to `figures`."""
    requests = runner.requests()
    before = runner.target.cpu()
    seen = load.run(runner.target.address, requests, connections)
    time.sleep(SETTLE_SECONDS)
    used = runner.target.cpu() - before
    if seen.failed:
        raise NotServed(f"{runner.label}: {seen.failed} of {len(requests)} refused, the first with {seen.refused[0][:600]!r}")
    figures.cpu.append(used / len(requests) * 1e6)
    figures.rate.append(seen.rate)
    figures.p50.append(seen.percentile(0.5) * 1000)
    figures.p99.append(seen.percentile(0.99) * 1000)
