"""Behind nginx and HAProxy as deploy/ configures them: what was signed arrives byte for byte, and who is believed of whence it comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from attacks.conftest import accepted, refused
from daypass.proof import sigv4
from daypass.values.errors import ProofError
from daypass.values.request import Request
from daypass.values.secret import Secret
from rig.http import Attempt, Bend, Reply, form, sign, who_am_i
from rig.mirror import Mirror
from rig.node import Keys
from rig.proxy import KINDS, Proxy, proxy
from rig.raw import PATIENCE, connected, listen, say
from rig.server import Server, daypass, running

CLIENT = "127.0.0.9"  # where clients come from; the proxies come from 127.0.0.1
SECRET = "of/the+tests/own/choosing"


def through(front: Proxy, attempt: Attempt, source: str = CLIENT) -> Reply:
    """Send by way of the proxy, from a loopback address of our choice."""
    with connected(front.url, front.trust, source) as connection:
        connection.sendall(attempt.raw())
        [(status, body)] = listen(connection, PATIENCE, count=1).answers
    return Reply(status, {}, body)


# -- byte for byte


TARGETS = [
    "/", "/a", "/a/", "//", "//a//b", "/a/../b", "/a/./b/.", "/..", "/a%2Fb", "/a%2fb", "/%2e%2e/b", "/a+b", "/a%2Bb", "/a%20b",
    "/caf%C3%A9", "/a;v=1", "/a:b@c!$&'()*,=", "/~a", "/%7Ea", "/a%5Cb", "/a%25b", "/a%252Fb",
    "/?", "/a?", "/?x", "/?x=", "/?=x", "/?x=1&x=2&a=b", "/?k=%2F%20%2B", "/?&&x", "/?a=b=c", "/?%C3%A9=%e2%82%ac", "/?a/b?c=d", "/?a=%00",
]  # fmt: skip
OUTSIDE = ("/..", "/%2e%2e/b")  # nginx refuses what would leave the root
HEADERS = [
    {},
    {"X-Amz-Meta-Spaces": "  a   b  "},
    {"X-Amz-Meta-Empty": ""},
    {"x-AMZ-meta-Case": "MiXed"},
    {"X-Amz-Meta-Obs-Text": "caf\xe9"},
    {"X-Amz-Meta-Quotes": 'a="b, c"; d'},
    {"Accept-Encoding": "identity", "Content-Type": "text/plain; charset=utf-8", "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
    {"Cookie": "a=b", "If-None-Match": '"x"', "Range": "bytes=0-1", "Cache-Control": "no-cache", "Via": "1.1 before"},
]


def signed(front: Proxy, target: str, headers: dict[str, str], service: str, body: bytes = b"") -> Attempt:
    """A request that botocore signs, sent as it is."""
    request = AWSRequest("PUT" if body else "GET", front.url + target, headers=headers, data=body)
    request.headers["Host"] = urlsplit(front.url).netloc
    request.context["payload_signing_enabled"] = True
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    auth(Credentials("AKIATESTS", SECRET), service, "us-east-1").add_auth(request)
    pairs = [(name, str(value)) for name, value in request.headers.items() if name != "Host"]
    return Attempt(front.url, request.method, target, headers=pairs, body=body)


def verifies(request: Request, service: str) -> bool:
    """Whether the signature is right for these bytes."""
    claim = sigv4.read_claim(request)
    assert claim is not None
    try:
        sigv4.verify(claim, request, Secret(SECRET.encode()), service=service, now=datetime.now(UTC), keys=sigv4.SigningKeys())
    except ProofError:
        return False
    return True


def arrived(front: Proxy, glass: Mirror, attempt: Attempt, service: str) -> bool:
    """The request arrives, once, as it was sent. Whether its signature is right, and was before the proxy had it."""
    path, _, query = attempt.path.encode().partition(b"?")
    headers = tuple((name.lower().encode(), value.encode("latin-1").strip()) for name, value in attempt.headers)
    sent = Request(attempt.method, path, query, ((b"host", attempt.host.encode()), *headers), attempt.body)
    glass.seen.clear()
    assert through(front, attempt, "").status == 200
    [got] = [request for request in glass.seen if request.raw_path != b"/health/ready"]  # HAProxy looks in between
    assert (got.method, got.raw_path, got.raw_query, got.body) == (sent.method, path, query, attempt.body)
    assert verifies(got, service) is verifies(sent, service), (sent, got)
    return verifies(got, service)


@pytest.mark.parametrize("service", ["s3", "iam"])
def test_C58_every_target_arrives_as_it_was_signed(pane: Proxy, glass: Mirror, service: str) -> None:
    right = 0
    for target in TARGETS:
        attempt = signed(pane, target, {}, service)
        if target in OUTSIDE and pane.kind == "nginx":
            assert through(pane, attempt).status == 400
        elif service == "s3" or "+" not in target.partition("?")[2]:
            right += arrived(pane, glass, attempt, service)
    assert right >= len(TARGETS) - 8  # a few queries botocore itself signs in another way than AWS reads them


def test_C58_headers_and_bodies_arrive_as_they_were_signed(pane: Proxy, glass: Mirror) -> None:
    right = [arrived(pane, glass, signed(pane, "/a?x=1", headers, "s3"), "s3") for headers in HEADERS]
    right += [arrived(pane, glass, signed(pane, "/a", {}, "s3", b"a" * size), "s3") for size in (1, 4096, 70_000, 1024 * 1024)]
    assert [n for n, ok in enumerate(right) if not ok] == [n for n, one in enumerate(HEADERS) if "X-Amz-Meta-Obs-Text" in one]  # as UTF-8


def test_C56_names_with_underscores_are_no_other_names(pane: Proxy, glass: Mirror) -> None:
    """nginx drops them, HAProxy passes them on; for us X_Amz_Date is not X-Amz-Date."""
    attempt = signed(pane, "/a", {}, "s3")
    renamed = [(name.replace("X-Amz-Date", "X_Amz_Date"), value) for name, value in attempt.headers]
    glass.seen.clear()
    assert through(pane, Attempt(attempt.url, "GET", "/a", headers=renamed)).status == 200
    assert [request.first(b"x-amz-date") for request in glass.seen if request.raw_path == b"/a"] == [None]


# -- where it comes from


@dataclass
class Behind:
    """A server behind a proxy that it trusts."""

    server: Server
    front: Proxy
    near: Keys  # may list users from CLIENT alone
    far: Keys  # may list users from 10.0.0.0/8 alone
    kept: Keys  # may do everything, but nothing from outside of 10.0.0.0/8
    tls: Keys  # may do everything, but nothing without TLS

    def listed(self, keys: Keys, *headers: tuple[str, str], direct: bool = False) -> Reply:
        """ListUsers by way of the proxy, or straight at the server, with these headers."""
        attempt = form(self.server.url if direct else self.front.url, {"Action": "ListUsers"}, "2010-05-08")
        made = sign(attempt, keys, Bend(service="iam"))
        made.headers.extend(headers)
        return made.send() if direct else through(self.front, made)


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("trusting") / "data", "--trusted-proxy", "127.0.0.1", "--failure-rate", "0.5") as up:
        yield up


@pytest.fixture(scope="module")
def users(trusting: Server) -> dict[str, Keys]:
    operator = json.loads(daypass("process", data=trusting.data).stdout)
    keys = Keys(operator["AccessKeyId"], operator["SecretAccessKey"], operator["SessionToken"])
    within = lambda operator, network: {operator: {"aws:SourceIp": network}}  # noqa: E731  # used in the four lines below alone
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    statements = {
        "near": [{**everything, "Condition": within("IpAddress", CLIENT)}],
        "far": [{**everything, "Condition": within("IpAddress", "10.0.0.0/8")}],
        "kept": [everything, {**everything, "Effect": "Deny", "Condition": within("NotIpAddress", "10.0.0.0/8")}],
        "tls": [everything, {**everything, "Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}],
    }
    made = {}
    for name, listed in statements.items():
        calls = [{"Action": "CreateUser", "UserName": name}, {"Action": "CreateAccessKey", "UserName": name}]
        document = json.dumps({"Version": "2012-10-17", "Statement": listed})
        calls.append({"Action": "PutUserPolicy", "UserName": name, "PolicyName": "p", "PolicyDocument": document})
        replies = [sign(form(trusting.url, call, "2010-05-08"), keys, Bend(service="iam")).send() for call in calls]
        assert [reply.status for reply in replies] == [200, 200, 200]
        text = replies[1].text
        made[name] = Keys(*(text.partition(f"<{tag}>")[2].partition("<")[0] for tag in ("AccessKeyId", "SecretAccessKey")))
    return made


@pytest.fixture(scope="module", params=KINDS)
def behind(
    request: pytest.FixtureRequest, trusting: Server, users: dict[str, Keys], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    with proxy(request.param, tmp_path_factory.mktemp("behind") / request.param, trusting.url) as front:
        yield Behind(trusting, front, **users)


FORGED = [
    "10.0.0.1",
    "10.0.0.1, 10.0.0.2",
    "unknown",
    "10.0.0.1, " * 40 + "10.0.0.1",
    "[::ffff:10.0.0.1]:80",
    "10.0.0.1:80",
    "fe80::1%eth0",
]


def test_H15_the_client_is_whom_the_trusted_proxy_names(behind: Behind) -> None:
    accepted(behind.listed(behind.near))
    refused(behind.listed(behind.far), "AccessDenied", status=403)
    for value in FORGED:  # what a client says of itself stands left of what the proxy says
        accepted(behind.listed(behind.near, ("X-Forwarded-For", value)))
        refused(behind.listed(behind.far, ("X-Forwarded-For", value)), "AccessDenied", status=403)
        refused(behind.listed(behind.kept, ("X-Forwarded-For", value)), "AccessDenied", status=403)
    for name in ("Forwarded", "X-Real-IP", "X_Forwarded_For", "Connection"):
        value = "X-Forwarded-For" if name == "Connection" else "10.0.0.1"
        attempt = sign(form(behind.front.url, {"Action": "ListUsers"}, "2010-05-08"), behind.far, Bend(service="iam"))
        refused(through(behind.front, attempt.with_header(name, value)), "AccessDenied", status=403)


def test_H15_a_proxy_that_names_nobody_is_not_the_client(behind: Behind) -> None:
    """Straight from the trusted address without a readable hop: no address at all, so that no Allow holds and each Deny does."""
    for headers in ([], [("X-Forwarded-For", "unknown")], [("X-Forwarded-For", "")]):
        refused(behind.listed(behind.near, *headers, direct=True), "AccessDenied", status=403)
        refused(behind.listed(behind.kept, *headers, direct=True), "AccessDenied", status=403)
    accepted(behind.listed(behind.near, ("X-Forwarded-For", CLIENT), direct=True))
    accepted(behind.listed(behind.far, ("X-Forwarded-For", "10.0.0.1"), direct=True))


def test_H15_tls_is_what_the_trusted_proxy_says(behind: Behind) -> None:
    accepted(behind.listed(behind.tls))
    accepted(behind.listed(behind.tls, ("X-Forwarded-Proto", "http")))  # both proxies replace it
    refused(behind.listed(behind.tls, direct=True), "AccessDenied", status=403)
    accepted(behind.listed(behind.tls, ("X-Forwarded-Proto", "https"), direct=True))


def test_H15_ledger_and_throttle_use_the_same_address(behind: Behind) -> None:
    bad = Attempt(
        behind.front.url, headers=[("Content-Type", "application/x-www-form-urlencoded")], body=b"Action=GetCallerIdentity&Version=x"
    )
    other = "127.0.0.77" if behind.front.kind == "nginx" else "127.0.0.78"
    codes = [through(behind.front, bad, other).code for _ in range(40)]
    assert codes[0] != "Throttling" and codes[-1] == "Throttling"
    assert through(behind.front, bad, "127.0.0.79").code != "Throttling"  # another client of the same proxy
    accepted(behind.listed(behind.near))
    lines = [json.loads(line) for line in behind.server.command("events", "-o", "json").stdout.splitlines()]
    assert {other, CLIENT} <= {line["sourceIPAddress"] for line in lines}


def test_H24_the_host_is_the_one_that_was_signed(behind: Behind) -> None:
    attempt = sign(who_am_i(behind.front.url), behind.near)
    accepted(through(behind.front, attempt.with_header("X-Forwarded-Host", "elsewhere.test")))
    elsewhere = Attempt(attempt.url, headers=[("Host", "elsewhere.test"), *who_am_i(attempt.url).headers], body=attempt.body)
    for headers in ([], [("X-Forwarded-Host", attempt.host)]):
        reply = through(behind.front, Attempt(attempt.url, headers=[*sign(elsewhere, behind.near).headers, *headers], body=attempt.body))
        assert reply.status in (403, 404) and b"Arn>" not in reply.body, reply
    absolute = attempt.raw().replace(b"POST / ", b"POST http://elsewhere.test/ ")
    [(status, body)] = say(behind.front.url, absolute, trust=behind.front.trust).answers
    assert status >= 400 or b"user/near<" in body  # as who signed this Host, whatever the target said
    forged = absolute.replace(b"\r\nHost: " + attempt.host.encode(), b"\r\nHost: elsewhere.test")
    [(status, body)] = say(behind.front.url, forged, trust=behind.front.trust).answers
    assert status >= 400 and b"Arn>" not in body


def test_C52_a_certificate_in_a_header_proves_nobody(behind: Behind) -> None:
    for name in (
        "X-SSL-Client-Cert",
        "X-Forwarded-Client-Cert",
        "X-Client-Cert",
        "X-Amzn-Mtls-Clientcert",
        "SSL_CLIENT_CERT",
        "Client-Cert",
    ):
        for direct in (True, False):
            attempt = who_am_i(behind.server.url if direct else behind.front.url).with_header(name, "-----BEGIN%20CERTIFICATE-----")
            reply = attempt.send() if direct else through(behind.front, attempt, "127.0.0.80")
            refused(reply, "MissingAuthenticationToken", "Throttling")


def test_H15_a_network_that_is_none_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    said = daypass("up", "--trusted-proxy", "proxy.example", data=data, check=False)
    assert said.returncode == 6 and "--trusted-proxy" in said.stderr
