"""What is exported of a request: its steps inside each other, what is said of it, and that a caller's traceparent is a link and no more."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from daypass.doors.traces import Trace, Tracer
from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision
from daypass.values.event import Event
from daypass.values.request import Request
from rig.otlp import Collector, Span

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ASK = Ask("sts:AssumeRole", "arn:aws:iam::111122223333:role/r", "111122223333")


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        yield made


def event(**more: Any) -> Event:
    given = {"service": "sts", "operation": "AssumeRole", "status": 200, **more}
    return Event(request_id="r-1", time=datetime(2026, 12, 1, tzinfo=UTC), source_ip="192.0.2.7", user_agent="secret-agent", **given)


def request(*parents: bytes) -> Request:
    return Request("POST", b"/", b"", tuple((b"traceparent", parent) for parent in parents), b"", "192.0.2.7")


def exported(collector: Collector, *pairs: tuple[Event, Request], steps: tuple[str, ...] = ()) -> list[Span]:
    tracer = Tracer(collector.url)
    for told, asked in pairs:
        trace = tracer.begin(asked)
        mark(trace, steps)
        trace.end(told)
    tracer.close()
    return collector.spans()


def mark(trace: Trace, steps: tuple[str, ...]) -> None:
    for number, step in enumerate(steps, 1):
        trace.marks.append((step, trace.began + number / 1000))


def test_a_request_is_a_span_with_one_for_each_step(collector: Collector) -> None:
    steps = ("verify", "decide", "do", "answer")
    spans = exported(collector, (event(), request()), steps=steps)
    [root] = [span for span in spans if not span.parent]
    children = sorted((span for span in spans if span.parent), key=lambda span: span.begins)
    assert root.name == "sts.AssumeRole"
    assert {(span.trace, span.parent) for span in children} == {(root.trace, root.id)}
    assert {span.name for span in children} == {*steps, "record"}
    inner = [span for span in children if span.name != "record"]
    assert inner[0].begins == root.begins
    assert all(before.ends == after.begins for before, after in itertools.pairwise(inner))
    assert [round((span.ends - span.begins) / 1e6) for span in inner] == [1, 1, 1, 1]


def test_what_is_said_of_it(collector: Collector) -> None:
    caller = Caller("role", "111122223333", "arn:aws:sts::111122223333:assumed-role/r/s", "AROAX:s", "arn:aws:iam::1:role/r", "AROAX")
    asked = [(ASK, Decision(True, False, "identity")), (ASK, Decision(False, True, "scp"))]
    refused = event(status=403, error_code="AccessDenied", error_message="is not", private="why", caller=caller, decisions=asked)
    [span] = [span for span in exported(collector, (refused, request())) if not span.parent]
    assert span.attributes == {
        "rpc.system": "aws-api",
        "rpc.service": "sts",
        "rpc.method": "AssumeRole",
        "http.response.status_code": 403,
        "aws.request_id": "r-1",
        "error.type": "AccessDenied",
        "cloud.account.id": "111122223333",
        "daypass.decision": "denied",
        "daypass.decision.layer": "scp",
    }
    assert not span.failed
    assert collector.resources[-1]["service.name"] == "daypass"


def test_what_failed_of_ours_is_marked(collector: Collector) -> None:
    unknown = event(service="", operation="", status=500, error_code="InternalFailure")
    [span] = [span for span in exported(collector, (unknown, request())) if not span.parent]
    assert (span.name, span.failed) == ("request", True)


def test_what_could_not_be_recorded_failed_whatever_it_was(collector: Collector) -> None:
    tracer = Tracer(collector.url)
    tracer.begin(request()).end(event(), recorded=False)
    tracer.close()
    [span] = [span for span in collector.spans() if not span.parent]
    assert span.failed


def test_a_callers_traceparent_is_a_link_and_chooses_nothing(collector: Collector) -> None:
    spans = exported(collector, (event(), request(PARENT)), (event(), request(PARENT)))
    roots = [span for span in spans if not span.parent]
    assert [span.links for span in roots] == [(("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"),)] * 2
    assert len({span.trace for span in roots} | {"4bf92f3577b34da6a3ce929d0e0e4736"}) == 3


@pytest.mark.parametrize(
    "parent",
    [
        b"",
        PARENT + b"-more",
        PARENT.upper(),
        b"01" + PARENT[2:],
        PARENT + b"\n",
        b"00-" + b"0" * 32 + PARENT[35:],
        PARENT[:36] + b"0" * 16 + b"-01",
        b"0" * 60_000,
        "００".encode() + PARENT[2:],
    ],
    ids=range(9),
)
def test_a_traceparent_that_is_none_is_passed_over(collector: Collector, parent: bytes) -> None:
    assert [span.links for span in exported(collector, (event(), request(parent))) if not span.parent] == [()]


def test_two_of_them_are_none(collector: Collector) -> None:
    [span] = [span for span in exported(collector, (event(), request(PARENT, PARENT))) if not span.parent]
    assert len(span.links) <= 1


def test_sampling_is_the_environments(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    assert exported(collector, (event(), request(PARENT)), steps=("verify",)) == []


def test_the_environment_names_the_collector_and_the_service(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.removesuffix("/v1/traces"))
    monkeypatch.setenv("OTEL_SERVICE_NAME", "passes-of-berlin")
    tracer = Tracer()
    tracer.begin(request()).end(event())
    tracer.close()
    assert len(collector.spans()) == 2
    assert collector.resources[-1]["service.name"] == "passes-of-berlin"


def test_a_collector_that_does_not_answer_is_not_waited_for(collector: Collector) -> None:
    """The queue is bounded and what does not fit is dropped; the end waits for some seconds at most."""
    collector.hold.clear()
    tracer = Tracer(collector.url)
    begun = time.monotonic()
    for _ in range(1500):  # of two spans each: more than the queue's 2,048
        tracer.begin(request()).end(event())
    assert len(tracer._queue._batch_processor._queue) <= 2048
    spent = time.monotonic() - begun
    tracer.close()
    assert time.monotonic() - begun < spent + 10
