"""H73 (what is exported) for traces, against a real receiver: every step is there, and nobody's name, policy or secret; and F-42: a
collector that is slow or away slows nobody down.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from attacks.conftest import ALLOW_ALL, trust
from conftest import operator_session
from rig.canary import Canaries
from rig.http import Attempt, form, sign
from rig.node import Keys
from rig.otlp import Collector, Span
from rig.server import Server, running
from rig.wait import until

NAME = "Vertraulich"  # in every name that the test makes
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CALLS = 150


@dataclass
class Traced:
    """A server that exports, its collector, and its operator's clients."""

    server: Server
    collector: Collector
    boto: Any
    keys: Keys

    def spans(self, *names: str) -> list[Span]:
        """All that came, once a span of each of these names has."""
        until(lambda: set(names) <= {span.name for span in self.collector.spans()}, f"{names} are exported", 30)
        return self.collector.spans()

    def who_am_i(self) -> Attempt:
        return sign(form(self.server.url, {"Action": "GetCallerIdentity"}), self.keys)


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, canaries: Canaries) -> Iterator[Traced]:
    data, environment = tmp_path_factory.mktemp("traced") / "data", {"OTEL_BSP_SCHEDULE_DELAY": "100"}
    with Collector() as collector, running(data, "--traces", collector.url, environment=environment) as server:
        given = json.loads(server.command("process").stdout)
        canaries.watch(given)
        keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        yield Traced(server, collector, operator_session(server, canaries), keys)


def test_H73_no_name_policy_or_secret_is_in_the_traces(traced: Traced, canaries: Canaries) -> None:
    iam, sts = traced.boto.client("iam"), traced.boto.client("sts")
    account = sts.get_caller_identity()["Account"]
    role = iam.create_role(RoleName=f"{NAME}-r", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{account}:root"}))["Role"]
    iam.put_role_policy(RoleName=f"{NAME}-r", PolicyName=NAME, PolicyDocument=ALLOW_ALL)
    iam.create_user(UserName=f"{NAME}-u")
    iam.create_access_key(UserName=f"{NAME}-u")
    sts.assume_role(RoleArn=role["Arn"], RoleSessionName=NAME, ExternalId=NAME)
    for attempt in (
        form(traced.server.url, {"Action": NAME}),
        form(traced.server.url, {"Action": "GetCallerIdentity", NAME: NAME}),
        Attempt(traced.server.url, method="GET", path=f"/{NAME}", query=NAME, headers=[("User-Agent", NAME), ("tracestate", NAME)]),
        Attempt(traced.server.url, method="GET", path="/", headers=[("Authorization", f"AWS4-HMAC-SHA256 Credential={NAME}")]),
        Attempt(traced.server.url, method="GET", path="/", headers=[("traceparent", f"{PARENT}-{NAME}"), ("baggage", NAME)]),
    ):
        assert attempt.send().status >= 400
    spans = traced.spans("iam.CreateRole", "sts.AssumeRole", "request", "record")
    assert len(canaries) >= 4
    shown = b"".join(traced.collector.raw)
    assert canaries.leaks_in("traces", shown) == []
    for never in (NAME, "Principal", "arn:aws", "127.0.0.1", "uid-", "ASIA", "AKIA", str(traced.server.data)):
        assert never.encode() not in shown, never
    [made] = [span for span in spans if span.name == "iam.CreateRole"]
    assert made.attributes["cloud.account.id"] == account
    assert made.attributes["daypass.decision"] == "allowed"
    steps = [span.name for span in sorted(spans, key=lambda span: span.begins) if span.parent == made.id]
    first, again = ["verify", "decide", "look", "wait"], ["verify", "decide", "do", "answer", "commit", "record"]
    assert steps == first + again  # a change is looked at once more where it is made
    request_ids = {line["requestID"] for line in lines(traced.server)}
    assert {span.attributes["aws.request_id"] for span in spans if not span.parent} <= request_ids


def lines(server: Server) -> list[dict[str, Any]]:
    said = server.command("events", "--all", "-o", "json").stdout
    return [json.loads(line) for line in said.splitlines()]


def test_H73_a_strangers_traceparent_is_a_link_alone(traced: Traced) -> None:
    strange = Attempt(traced.server.url, method="GET", path="/", headers=[("traceparent", PARENT)])
    assert strange.send().status >= 400
    until(lambda: any(span.links for span in traced.collector.spans()), "it is exported")
    ours = [span for span in traced.collector.spans() if span.trace == PARENT[3:35] or span.parent == PARENT[36:52]]
    assert ours == []
    assert traced.who_am_i().with_header("traceparent", PARENT).send().status == 200


def test_F42_a_collector_that_is_away_slows_nobody_down(traced: Traced) -> None:
    def seconds() -> float:
        begun = time.perf_counter()
        for _ in range(CALLS):
            assert traced.who_am_i().send().status == 200
        return time.perf_counter() - begun

    seconds()  # warm
    there = seconds()
    traced.collector.hold.clear()
    try:
        away = seconds()
    finally:
        traced.collector.hold.set()
    assert away < 3 * there + 1
    assert traced.server.health()["ready"]
    traced.collector.status = 503
    try:
        assert traced.who_am_i().send().status == 200
    finally:
        traced.collector.status = 200
    before = len(traced.collector.raw)
    assert traced.who_am_i().send().status == 200
    until(lambda: len(traced.collector.raw) > before, "it goes on when the collector is there again", 60)
