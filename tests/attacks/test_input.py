"""Huge, endless and coded input before anybody is proven, and what strangers find who look around: little work, no memory, nothing."""

from __future__ import annotations

import gzip
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from attacks.conftest import Target, accepted, refused
from daypass.doors.protocol import MAX_BODY, MAX_PIPELINED
from rig.http import Attempt, Bend, form, json_call, sign, who_am_i
from rig.raw import connected, listen, say
from rig.server import Server, running

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
CPU_SECONDS, MEMORY = 0.05, 16 * 1024 * 1024  # promise P11, for one request without a proof
ROUNDS = 6


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that nobody else asks meanwhile, since its work is measured."""
    with running(tmp_path_factory.mktemp("alone") / "data", "--failure-rate", "100000") as made:
        yield made


def spent(server: Server) -> float:
    """Seconds of CPU that the server has used (10 ms at a time)."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def peak(server: Server) -> int:
    """The most memory that it has had since `forget`, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def forget(server: Server) -> None:
    """Have the peak begin anew (proc(5), clear_refs)."""
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")


def pour(server: Server, start: bytes, more: bytes, limit: int) -> int:
    """Send `start` and `more` again and again until the server has had enough, or `limit` bytes are out; gives how many were."""
    sent = 0
    with connected(server.url) as connection:
        connection.settimeout(20)
        try:
            connection.sendall(start)
            while sent < limit:
                connection.sendall(more)
                sent += len(more)
        except OSError:
            pass  # closed on us, as it should be
        listen(connection, 0.2)
    return sent


CHUNK = b"10000\r\n" + b"a" * 65536 + b"\r\n"
ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK * 16),
    "small-chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 100_000),
    "extension": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 1_000_000),
    "trailers": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: a\r\n" * 100_000),
    "length": (HEAD + b"Content-Length: 10737418240\r\n\r\n", b"a" * 1_000_000),
    "header": (HEAD + b"X-A: ", b"a" * 1_000_000),
    "headers": (HEAD, b"X-A: a\r\n" * 100_000),
    "name": (HEAD, b"a" * 1_000_000),
    "target": (b"GET /", b"a" * 1_000_000),
    "query": (b"GET /?", b"a=1&" * 250_000),
    "method": (b"", b"A" * 1_000_000),
    "blank-lines": (b"", b"\r\n" * 500_000),
    "pipeline": (b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 30_000),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_F31_endless_input_is_cut_off(alone: Server, kind: str) -> None:
    """Ten gigabytes are on offer; what is taken of them is bounded by what the kernel holds, and memory stays."""
    start, more = ENDLESS[kind]
    pour(alone, start, more, 1)  # once, for what is loaded at the first time
    forget(alone)
    before, used = peak(alone), spent(alone)
    sent = pour(alone, start, more, 10 * 1024**3)
    assert sent < 64 * MAX_BODY, f"{sent:,} bytes"
    assert peak(alone) - before < MEMORY
    assert spent(alone) - used < 1.0
    assert say(alone.url, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", count=1).statuses == [200]


def _json_call(target: str, body: bytes) -> bytes:
    lines = HEAD + f"X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n".encode()
    return lines + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _form(body: bytes) -> bytes:
    return HEAD + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _scope(day: str = "20260101") -> str:
    return f"AKIAIOSFODNN7EXAMPLE/{day}/us-east-1/sts/aws4_request"


def _signed(body: bytes, *lines: str) -> bytes:
    value = f"AWS4-HMAC-SHA256 Credential={_scope()}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    head = "".join(f"{line}\r\n" for line in (f"Authorization: {value}", "X-Amz-Date: 20260101T000000Z", *lines))
    return HEAD + head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


HEAVY: dict[str, bytes] = {
    "largest-form": _form(b"Action=GetCallerIdentity&Version=2011-06-15&A=" + b"a" * (MAX_BODY - 100)),
    "most-parameters": _form(b"&".join(b"a%d=" % n for n in range(100_000))[:MAX_BODY]),
    "percent": _form(b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" + b"%41" * (MAX_BODY // 3 - 50)),
    "members": _form(
        (b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15" + b"&PolicyArns.member.1.arn=a" * 40_000)[:MAX_BODY]
    ),
    "token": _form(b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::111122223333:role/a&RoleSessionName=a"
                   b"&WebIdentityToken=" + b"eyJhbGciOiJSUzI1NiJ9." * 900),
    "deep-json": _json_call("AWSOrganizationsV20161128.ListAccounts", b"[" * (MAX_BODY - 1)),
    "wide-json": _json_call("AWSOrganizationsV20161128.ListAccounts", b'{"a":[' + b"0," * (MAX_BODY // 2 - 100) + b"0]}"),
    "big-number": _json_call("AWSOrganizationsV20161128.ListAccounts", b'{"MaxResults":' + b"9" * (MAX_BODY - 50) + b"}"),
    "signed-body": _signed(b"Action=GetCallerIdentity&Version=2011-06-15&A=" + b"a" * (MAX_BODY - 100)),
    "long-signature": _signed(b"a", "X-A: " + "a" * 60_000),
    "long-token": _signed(b"a", "X-Amz-Security-Token: " + "A" * 60_000),
    "most-headers": _signed(b"a", *(f"X-Amz-{n}: {'a' * 500}" for n in range(90))),
    "long-query": b"GET /?" + b"a=%41&" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "query-claim": f"GET /?X-Amz-Credential={_scope()}&{'X-Amz-Date=1&' * 4000} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
    "segments": b"GET " + b"/a" * 30_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 4000 + b"0\r\n\r\n",
    "pipeline": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * MAX_PIPELINED,
}  # fmt: skip


@pytest.mark.parametrize("kind", HEAVY)
def test_H67_no_request_without_a_proof_is_dear(alone: Server, kind: str) -> None:
    """Promise P11: at most 50 ms of CPU and 16 MB. What the clock of the kernel and neighbours add is taken out by several rounds."""

    def ask() -> list[int]:
        return say(alone.url, HEAVY[kind], count=HEAVY[kind].count(b" HTTP/1.1\r\n")).statuses

    assert all(400 <= status < 500 for status in ask()), kind
    forget(alone)
    before, least = peak(alone), 1.0
    for _ in range(3):
        used = spent(alone)
        for _ in range(ROUNDS):
            ask()
        least = min(least, (spent(alone) - used) / ROUNDS)
    share = MAX_PIPELINED if kind == "pipeline" else 1  # so many requests
    assert least / share < CPU_SECONDS, f"{least * 1000:.0f} ms"
    assert peak(alone) - before < MEMORY


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "aws-chunked", "GZIP", "identity, gzip", "x"])
def test_H25_coded_bodies_are_refused_unread(target: Target, coding: str) -> None:
    bomb = gzip.compress(b"Action=GetCallerIdentity&Version=2011-06-15&A=" + b"a" * 50_000_000)
    plain = who_am_i(target.url)
    for body in (bomb, plain.body):
        attempt = replace(plain, body=body).with_header("Content-Encoding", coding)
        refused(attempt.send(), "MalformedQueryString", "Throttling", status=400)
        refused(sign(attempt, target.alice).send(), "MalformedQueryString", "Throttling", status=400)
    call = json_call(target.url, "AWSOrganizationsV20161128.ListAccounts", {}).with_header("Content-Encoding", coding)
    refused(sign(call, target.alice, Bend(service="organizations")).send(), "SerializationException", "ThrottlingException", status=400)
    accepted(sign(plain.with_header("Content-Encoding", "identity"), target.alice).send())


@pytest.mark.parametrize(
    "kind",
    [
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "UNSIGNED-PAYLOAD",
        "streaming-unsigned-payload-trailer",
    ],
)
def test_H25_chunks_that_are_signed_one_by_one(target: Target, kind: str) -> None:
    """Nobody but S3 offers them: a rightly signed request with one is refused, whatever its chunks look like."""
    plain = who_am_i(target.url)
    for size in ("5", "-5", "+5", "0x5", "8000000000000000", "5" * 30):
        body = f"{size};chunk-signature={'0' * 64}\r\nhello\r\n0;chunk-signature={'0' * 64}\r\n\r\n".encode()
        for extra in ([], [("X-Amz-Decoded-Content-Length", "5"), ("X-Amz-Trailer", "x-amz-checksum-crc32")]):
            attempt = replace(plain, body=body, headers=[*plain.headers, ("X-Amz-Content-Sha256", kind), *extra])
            refused(sign(attempt, target.alice, Bend(payload=kind)).send(), "SignatureDoesNotMatch", "MalformedQueryString")
    called = plain.with_header("X-Amz-Content-Sha256", kind)
    refused(sign(called, target.alice, Bend(payload=kind)).send(), "SignatureDoesNotMatch", status=403)
    accepted(sign(plain, target.alice).send())


# -- what strangers find


def test_M07_no_cache_keeps_an_answer(target: Target) -> None:
    answers = {
        "GetCallerIdentity": sign(who_am_i(target.url), target.alice).send(),
        "GetSessionToken": target.call("GetSessionToken", target.alice),
        "CreateAccessKey": target.iam("CreateAccessKey", UserName="bob"),
        "refused": who_am_i(target.url).send(),
        "unknown": Attempt(target.url, "GET", "/portal/creds.css").send(),
        "health": Attempt(target.url, "GET", "/health").send(),
    }
    for name, reply in answers.items():
        assert reply.headers["cache-control"] == "no-store", name
        assert "etag" not in reply.headers and "last-modified" not in reply.headers, name
    key = answers["CreateAccessKey"].text.partition("<AccessKeyId>")[2].partition("<")[0]
    accepted(target.iam("DeleteAccessKey", UserName="bob", AccessKeyId=key))
    for raw in (b"GET /health", b"GET /nowhere"):  # what comes by way of ASGI as well
        heard = say(target.url, (raw + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") * 2, count=2)
        assert len(heard.statuses) == 2 and heard.data.lower().count(b"cache-control: no-store") == 2


@pytest.mark.parametrize("ending", ["", "/creds.css", "/x.js", ";a.css", "%2Fa.css", "%0aa.css"])
def test_M07_an_ending_makes_no_page_of_it(target: Target, ending: str) -> None:
    reply = sign(replace(who_am_i(target.url), path="/" + ending if ending else "/"), target.alice).send()
    assert reply.status == 200 if not ending else reply.status in (400, 403, 404), reply
    assert reply.headers.get("cache-control", "no-store") == "no-store"


LOOKED_FOR = [
    "/.git/HEAD", "/.git/config", "/.env", "/.well-known/", "/.well-known/openid-configuration", "/.well-known/security.txt", "/robots.txt",
    "/sitemap.xml", "/favicon.ico", "/index.html", "/app.js.map", "/static/main.css.map", "/backup.zip", "/daypass.db", "/daypass.db.bak",
    "/root.key", "/root.key~", "/.root.key.swp", "/ledger/", "/aws/config", "/control.sock", "/%2e%2e/root.key", "/..%2froot.key",
    "/server-status", "/actuator/env", "/debug/pprof/", "/metrics", "/docs", "/openapi.json", "/graphql", "/console", "/admin/",
    "/issuers/", "/issuers", "/health/", "/health/../root.key", "/HEALTH", "/latest/meta-data/",
    "/latest/meta-data/iam/security-credentials/",
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PROPFIND"])
def test_L05_nothing_is_found(target: Target, method: str) -> None:
    for path in LOOKED_FOR:
        reply = Attempt(target.url, method, path).send()
        assert 400 <= reply.status < 500, (path, reply)
        assert len(reply.body) < 1024 and "server" not in reply.headers, (path, reply)
        for word in (b"root.key", b"Traceback", b"/src/", b"daypass.", target.account.encode()):
            assert word not in reply.body, (path, reply)


def test_M10_no_other_protocol_is_offered(target: Target) -> None:
    """Neither HTTP/2, with knowledge or by upgrade, nor a WebSocket: refused, and the connection is closed."""
    upgrade = (
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\nUpgrade: %b\r\n\r\n"
    )
    frames = b"".join(b"\0\0\x04\x03\0" + n.to_bytes(4, "big") + b"\0\0\0\x08" for n in range(1, 20_000, 2))  # RST_STREAM
    for raw in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" + frames, upgrade % b"h2c", upgrade % b"websocket", frames):
        heard = say(target.url, raw)
        assert heard.closed and heard.statuses in ([400], []), raw[:60]
        assert b"101" not in heard.data[:20]


def test_C02_identity_is_never_taken_from_where_it_was_not_verified(target: Target) -> None:
    """Raw: a credential in the query, in a second header, in a cookie, in the body, of another's request."""
    signed = sign(who_am_i(target.url), target.alice)
    authorization = dict(signed.headers)["Authorization"]
    bare = [pair for pair in signed.headers if pair[0] != "Authorization"]
    scope = authorization.partition("Credential=")[2].partition(",")[0]
    query = f"X-Amz-Credential={scope}&X-Amz-Content-Sha256=STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    attempts = {
        "query": replace(who_am_i(target.url), query=query),
        "payload": replace(who_am_i(target.url), query=query).with_header("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        "cookie": replace(signed, headers=[*bare, ("Cookie", f"Authorization={authorization}")]),
        "other-header": replace(signed, headers=[*bare, ("X-Authorization", authorization), ("Proxy-Authorization", authorization)]),
        "underscore": replace(signed, headers=[*bare, ("Authorization_", authorization)]),
        "folded": replace(signed, headers=[*bare, ("X-A", f"a\r\n Authorization: {authorization}")]),
        "body": form(target.url, {"Action": "GetCallerIdentity", "Authorization": authorization, "X-Amz-Credential": scope}),
    }
    for name, attempt in attempts.items():
        heard = say(target.url, signed.raw() + attempt.raw())
        (first, mine), *others = heard.answers
        assert first == 200 and b"user/alice<" in mine
        assert len(others) == 1 and 400 <= others[0][0] < 500 and b"Arn>" not in others[0][1], (name, heard)


def test_C14_headers_twice_in_any_order_and_case(target: Target) -> None:
    for name in ("Authorization", "Host", "X-Amz-Date", "Content-Length", "X-Amz-Security-Token", "Content-Type", "X-Amz-Target"):
        signed = sign(who_am_i(target.url), target.mallory if name == "X-Amz-Security-Token" else target.alice)
        values = {"Host": signed.host, "Content-Length": str(len(signed.body)), **dict(signed.headers)}
        right = values.get(name, "AWSOrganizationsV20161128.ListAccounts")
        for other in (right, "", "x"):
            for spelled in (name, name.lower(), name.upper()):
                for order in (0, 1):
                    pair = [(name, right), (spelled, other)]
                    rest = [one for one in values.items() if one[0] != name]
                    headers = [*(pair if order == 0 else pair[::-1]), *rest]
                    heard = say(target.url, replace(signed, headers=headers).raw(), count=1)
                    assert len(heard.statuses) == 1 and heard.statuses[0] in (400, 403), (name, other, heard)
                    assert b"Arn>" not in heard.data


def test_H67_the_largest_input_that_is_offered_still_passes(target: Target) -> None:
    """The benign twin: a real request near the limits is served."""
    signed = sign(who_am_i(target.url), target.alice)
    for number in range(60):
        signed = signed.with_header(f"X-Padding-{number}", "a" * 900)
    accepted(signed.send())
    connection = socket.create_connection(("127.0.0.1", urlsplit(target.url).port or 0), timeout=20)
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw = sign(who_am_i(target.url), target.bob).raw()
        for start in range(0, len(raw), 40):
            connection.sendall(raw[start : start + 40])
        assert b"user/bob<" in listen(connection, 20, count=1).data
    assert json.loads(Attempt(target.url, "GET", "/health").send().body)["live"] is True
