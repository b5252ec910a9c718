"""GET /metrics, on a listener of its own: how this node fares, for Prometheus. Shows no name, ARN, account, address or key of anyone's
(promise P9), and reads nothing from the database: it answers all the more when that is away.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import accumulate
from typing import Any, get_args

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

import daypass
from daypass.doors.tally import BOUNDS, OTHER, Tally
from daypass.doors.tls import Certificate
from daypass.store.ledger.writer import State
from daypass.way.clock import Clock
from daypass.way.context import Node
from daypass.way.operation import OPERATIONS
from daypass.way.upkeep import Upkeep

Message = MutableMapping[str, Any]

_OUTCOMES = {2: "ok", 4: "refused", 5: "failed"}  # by hundreds of the status
_PORT = re.compile(r":[0-9]{1,5}\Z")


@dataclass(frozen=True, slots=True)
class Gauges:
    """Where the numbers are. `connections` counts those that are open, of all listeners."""

    node: Node
    clock: Clock
    upkeep: Upkeep
    tally: Tally
    connections: Callable[[], int]
    certificate: Certificate | None = None


class MetricsDoor:
    """The application of the listener: `/metrics` and nothing else."""

    def __init__(self, gauges: Gauges) -> None:
        self._hosts = gauges.node.rules.hosts
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Facts(gauges))
        GCCollector(registry=self._registry)
        ProcessCollector(registry=self._registry)

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
        """Serve one request (ASGI 3, type "http")."""
        if scope["type"] != "http":
            raise RuntimeError(f"no door for {scope['type']}")
        status, kind, body = self._answer(scope)
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, scope: Message) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not is_welcome(hosts[0], self._hosts):
            return 403, "text/plain", b"no Host that this server answers for\n"
        if scope["raw_path"] != b"/metrics" or scope["method"] not in ("GET", "HEAD"):
            return 404, "text/plain", b"GET /metrics\n"
        return 200, CONTENT_TYPE_LATEST, generate_latest(self._registry)


def is_welcome(host: bytes, names: frozenset[str]) -> bool:
    """Whether a request with this Host is meant for this listener: an address, or one of the names of the API. A page of someone else's
    whose name was made to resolve to us (DNS rebinding) comes with that name."""
    name = _PORT.sub("", host.decode("latin-1").lower())
    if name in names:
        return True
    try:
        return bool(ip_address(name.removeprefix("[").removesuffix("]")))
    except ValueError:
        return False


class _Facts(Collector):
    """Makes Prometheus' objects when it is asked, so that requests pay for nothing but the counting."""

    def __init__(self, gauges: Gauges) -> None:
        self._it = gauges

    def collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily("daypass", "The version that runs.", {"version": daypass.__version__})
        yield from _answered(self._it.tally)
        yield from _standing(self._it)
        yield from _seal_keys(self._it)


def _answered(tally: Tally) -> Iterator[Metric]:
    labels = ("service", "operation", "outcome")
    requests = CounterMetricFamily("daypass_requests", "Answers; operations that are not offered count as other.", labels=labels)
    for (service, operation, outcome), count in _offered(tally).items():
        requests.add_metric((service, operation, outcome), count)
    yield requests
    refusals = CounterMetricFamily("daypass_refusals", "Refused requests by the error code that the caller was told.", labels=("code",))
    for code, count in tally.refusals.items():
        refusals.add_metric((code,), count)
    yield refusals
    asked = CounterMetricFamily("daypass_decisions", "Decisions by the layer of policy that decided.", labels=("layer", "decision"))
    for (layer, allowed), count in tally.decisions.items():
        asked.add_metric((layer, "allowed" if allowed else "denied"), count)
    yield asked
    yield CounterMetricFamily("daypass_broken_requests", "Requests that failed of an error that nobody thought of.", tally.broken)
    bounds = [*map(str, BOUNDS), "+Inf"]
    buckets = list(zip(bounds, accumulate(tally.at_most), strict=True))
    text = "Seconds from a request that was read to its answer with the ledger line on disk."
    yield HistogramMetricFamily("daypass_request_seconds", text, buckets=buckets, sum_value=tally.seconds)


def _offered(tally: Tally) -> dict[tuple[str, str, str], int]:
    """The counts by labels. INVARIANT: labels come from the table of operations, never from a request, so that none can be made up."""
    counts: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for (service, operation, hundreds), count in tally.requests.items():
        names = (service, operation) if (service, operation) in OPERATIONS else (OTHER, OTHER)
        counts[*names, _OUTCOMES.get(hundreds, OTHER)] += count
    return counts


def _standing(it: Gauges) -> Iterator[Metric]:
    node, now = it.node, it.clock()
    state = GaugeMetricFamily("daypass_ledger_state", "1 for the state that the ledger is in.", labels=("state",))
    for name in get_args(State):
        state.add_metric((name,), float(node.ledger.state == name))
    yield state
    yield CounterMetricFamily("daypass_ledger_lines", "Lines of this node's ledger that are on disk.", node.ledger.head.seq)
    for gauge, text, value in (
        ("ledger_waiting_lines", "Lines that wait to be written to disk.", node.ledger.waiting),
        ("ledger_unshipped_lines", "Lines on disk whose copy is not in the shared database yet.", it.upkeep.unshipped),
        ("database_away", "1 while the database does not answer: decisions go on, changes are refused.", it.upkeep.is_away),
        ("feed_age_seconds", "Seconds since the state was known to be the newest.", node.store.feed_age(now)),
        ("max_staleness_seconds", "The feed's age at which this node stops deciding.", node.rules.max_staleness),
        ("clock_behind_seconds", "Seconds that this host's clock stands behind a time it had shown: it was set back.", it.clock.behind),
        ("clock_lead_of_others_seconds", "Seconds that another node's clock stands ahead of this one's.", node.store.lead),
        ("connections", "Open connections, of all listeners.", it.connections()),
    ):
        yield GaugeMetricFamily(f"daypass_{gauge}", text, float(value))
    if it.certificate is not None:
        text = "Seconds until the TLS certificate expires; less than 0 when it has."
        yield GaugeMetricFamily("daypass_tls_certificate_seconds_left", text, it.certificate.seconds_left(now))


def _seal_keys(it: Gauges) -> Iterator[Metric]:
    now = it.clock()
    with it.node.store.reading():
        made = [(key.state, key.created) for key in it.node.snapshot.seal_keys if key.state != "revoked"]
    text = "Seconds since the oldest seal key in that state was made."
    ages = GaugeMetricFamily("daypass_seal_key_age_seconds", text, labels=("state",))
    for state in sorted({state for state, _ in made}):
        ages.add_metric((state,), max((now - created).total_seconds() for of, created in made if of == state))
    yield ages
    text = "Seconds since the oldest data key in that state was made; a retained one goes when nothing rests on it."
    ages = GaugeMetricFamily("daypass_data_key_age_seconds", text, labels=("state",))
    dated = [(key.state, key.created) for key in it.node.store.rotation.data_keys if key.created is not None]
    for state in sorted({state for state, _ in dated}):
        ages.add_metric((state,), max(now.timestamp() - created for of, created in dated if of == state))
    yield ages
