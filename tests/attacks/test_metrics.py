"""C55 (internal endpoints) and H73 (what is exported) for /metrics: strangers do not reach it, and nobody's name or secret stands in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from attacks.conftest import ALLOW_ALL, trust
from conftest import operator_session
from rig.canary import Canaries
from rig.http import Attempt, form, json_call
from rig.server import Server, running

NAME = "Vertraulich"  # in every name that the test makes
INVENTED = "InventedByTheCaller"


@dataclass
class Measured:
    """A server with a metrics listener, and its operator's clients."""

    server: Server
    url: str
    boto: Any

    def scrape(self, **more: Any) -> Any:
        return Attempt(self.url, method="GET", path="/metrics", **more).send()


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, canaries: Canaries) -> Iterator[Measured]:
    with running(tmp_path_factory.mktemp("measured") / "data", "--metrics", "127.0.0.1:0") as server:
        found = re.search(r"^metrics on port (\d+)$", server.stderr.read_text(), re.M)
        assert found
        yield Measured(server, f"http://127.0.0.1:{found[1]}", operator_session(server, canaries))


def test_C55_the_api_shows_no_metrics(measured: Measured) -> None:
    assert b"daypass_requests_total" in measured.scrape().body
    for headers in ([], [("X-Forwarded-For", "127.0.0.1")], [("Host", "127.0.0.1")]):
        reply = Attempt(measured.server.url, method="GET", path="/metrics", headers=headers).send()
        assert reply.status >= 400
        assert b"daypass_" not in reply.body


@pytest.mark.parametrize("path", ["/", "/health", "/metrics/", "//metrics", "/%6detrics", "/debug", "/issuers/x"])
def test_C55_the_listener_of_metrics_shows_nothing_else(measured: Measured, path: str) -> None:
    reply = Attempt(measured.url, method="GET", path=path).send()
    assert (reply.status, reply.body) == (404, b"GET /metrics\n")
    assert form(measured.url, {"Action": "GetCallerIdentity"}).send().status == 404


def test_C55_a_page_whose_name_resolves_to_us_reads_nothing(measured: Measured) -> None:
    reply = measured.scrape(headers=[("Host", "evil.example:80")])
    assert reply.status == 403
    assert b"daypass_" not in reply.body


def test_H73_no_name_number_or_secret_of_anyone_is_in_the_metrics(measured: Measured, canaries: Canaries) -> None:
    iam, sts = measured.boto.client("iam"), measured.boto.client("sts")
    account = sts.get_caller_identity()["Account"]
    role = iam.create_role(RoleName=f"{NAME}-r", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{account}:root"}))["Role"]
    iam.put_role_policy(RoleName=f"{NAME}-r", PolicyName=NAME, PolicyDocument=ALLOW_ALL)
    iam.create_user(UserName=f"{NAME}-u")
    iam.create_access_key(UserName=f"{NAME}-u")
    sts.assume_role(RoleArn=role["Arn"], RoleSessionName=NAME)
    for attempt in (
        form(measured.server.url, {"Action": INVENTED}),
        form(measured.server.url, {"Action": "GetCallerIdentity", INVENTED: INVENTED}),
        json_call(measured.server.url, f"{INVENTED}.{INVENTED}", {}),
        Attempt(measured.server.url, method="GET", path=f"/{INVENTED}", headers=[("Host", f"{INVENTED}.example")]),
        Attempt(measured.server.url, method="GET", path="/", headers=[("Authorization", f"AWS4-HMAC-SHA256 Credential={INVENTED}")]),
    ):
        assert attempt.send().status >= 400
    shown = measured.scrape().body
    assert b'daypass_requests_total{operation="AssumeRole",outcome="ok",service="sts"} 1.0' in shown
    assert b'operation="other",outcome="refused",service="other"' in shown
    assert len(canaries) >= 3
    assert canaries.leaks_in("/metrics", shown) == []
    secret = re.compile(rb"arn:|\d{12}|A[KS]IA[A-Z0-9]|AROA|AIDA|uid|127\.0\.0\.1|/|Vertraulich|InventedByTheCaller", re.IGNORECASE)
    labels = re.findall(rb'="([^"]*)"', shown)
    assert [label for label in labels if secret.search(label)] == []
    assert NAME.encode() not in shown
    assert str(measured.server.data).encode() not in shown
    assert account.encode() not in shown


def test_H73_the_number_of_labels_is_ours_to_choose(measured: Measured) -> None:
    def lines() -> int:
        return len(measured.scrape().body.splitlines())

    form(measured.server.url, {"Action": "First"}).send()
    before = lines()
    for number in range(20):
        form(measured.server.url, {"Action": f"Invented{number}"}).send()
        json_call(measured.server.url, f"Service{number}.Operation{number}", {}).send()
    assert lines() <= before + 3
