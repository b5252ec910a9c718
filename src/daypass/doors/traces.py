"""OpenTelemetry traces over OTLP/HTTP: a span for each request, with one for each step of its way. Loaded only when they are on.

Exports no secret, name or policy: operation, outcome, account, request id and decision. What comes in as `traceparent` is a link and
nothing more: it neither chooses our trace ids nor what is sampled.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from time import perf_counter, time_ns

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, set_span_in_context

import daypass
from daypass.values.event import Event
from daypass.values.request import Request

_PARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")  # W3C Trace Context §3.2.2; 55 bytes, other versions are passed over
FLUSH_MILLISECONDS = 3000  # at the end, for what was not sent yet
EXPORT_SECONDS = 5.0  # for one try with the collector, unless OTEL_EXPORTER_OTLP_TIMEOUT says otherwise; behind the requests
_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")


class Tracer:
    """Exports to the OTLP/HTTP endpoint `url` (…/v1/traces), or where the OTEL_* environment says. Sampling, headers, certificates and the
    queue's size (2,048 spans; what does not fit is dropped) are that environment's as well."""

    def __init__(self, url: str = "") -> None:
        ours = Resource({"service.name": "daypass", "service.version": daypass.__version__})
        self._provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
        timeout = None if any(map(os.environ.get, _TIMEOUTS)) else EXPORT_SECONDS
        self._queue = BatchSpanProcessor(OTLPSpanExporter(url or None, timeout=timeout))
        self._provider.add_span_processor(self._queue)
        self._tracer = self._provider.get_tracer("daypass")

    def begin(self, request: Request) -> Trace:
        """The trace of a request that was read just now."""
        return Trace(self, request.first(b"traceparent"))

    def export(self, trace: Trace, event: Event, *, recorded: bool) -> None:
        """Queue the spans of a request that is answered. Waits for nothing."""
        now, now_ns = perf_counter(), time_ns()

        def at(moment: float) -> int:
            return now_ns - int((now - moment) * 1e9)

        root = self._tracer.start_span(
            f"{event.service}.{event.operation}" if event.operation else "request",
            kind=SpanKind.SERVER,
            attributes=_attributes(event),
            links=_links(trace.parent),
            start_time=at(trace.began),
        )
        if root.is_recording():
            before, within = trace.began, set_span_in_context(root)
            for step, moment in trace.marks:
                self._tracer.start_span(step, within, start_time=at(before)).end(at(moment))
                before = moment
            if event.status >= 500 or not recorded:
                root.set_status(Status(StatusCode.ERROR))
        root.end(at(now))

    def close(self) -> None:
        """Send what is left, within FLUSH_MILLISECONDS."""
        self._queue._batch_processor.shutdown(FLUSH_MILLISECONDS)  # its own door has no way to say how long


class Trace:
    """One request: when it `began`, and when each step of its way ended (`marks`); both by perf_counter()."""

    __slots__ = ("_tracer", "began", "marks", "parent")

    def __init__(self, tracer: Tracer, parent: bytes | None) -> None:
        self._tracer = tracer
        self.parent = parent
        self.began = perf_counter()
        self.marks: list[tuple[str, float]] = []

    def end(self, event: Event, *, recorded: bool = True) -> None:
        """The request is answered, its line on disk (`recorded`) or not to be written."""
        self.marks.append(("record", perf_counter()))
        self._tracer.export(self, event, recorded=recorded)


def _attributes(event: Event) -> Mapping[str, str | int]:
    """INVARIANT: nothing of a request but what our own tables know, and the account of a caller that was proven."""
    found: dict[str, str | int] = {
        "rpc.system": "aws-api",
        "rpc.service": event.service,
        "rpc.method": event.operation,
        "http.response.status_code": event.status,
        "aws.request_id": event.request_id,
    }
    if event.error_code:
        found["error.type"] = event.error_code
    if event.caller is not None and event.caller.account:
        found["cloud.account.id"] = event.caller.account
    if event.decisions:
        last = event.decisions[-1][1]
        found["daypass.decision"] = "allowed" if last.allowed else "denied"
        found["daypass.decision.layer"] = last.layer
    return found


def _links(parent: bytes | None) -> list[Link]:
    found = _PARENT.fullmatch(parent or b"")
    if found is None:
        return []
    # the flags are left out: whether this is sampled is not the caller's to say
    told = SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=TraceFlags(0))
    return [Link(told)] if told.is_valid else []
