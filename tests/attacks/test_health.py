"""C55 (internal endpoints) for health: who proves nothing learns whether to send requests, and nothing else of the node."""

from __future__ import annotations

import json
import re

import pytest

from rig.http import Attempt
from rig.server import Server

TELLING = re.compile(rb"[0-9]{12}|/|arn:|daypass|sqlite|postgres|node|python|uvicorn|[0-9]+\.[0-9]+\.[0-9]+|@|[a-z]+\.py", re.I)
KEYS = {
    "/health": {"live", "ready", "reasons", "feed_age_seconds"},
    "/health/live": {"live"},
    "/health/ready": {"ready", "reasons"},
}


@pytest.mark.parametrize("path", KEYS)
def test_C55_health_says_whether_and_nothing_of_whom(server: Server, path: str) -> None:
    reply = Attempt(server.url, "GET", path).send()
    assert reply.status == 200
    assert set(json.loads(reply.body)) == KEYS[path]
    assert not TELLING.search(reply.body)
    assert set(reply.headers) == {"content-type", "content-length", "date", "cache-control"}
    assert Attempt(server.url, "HEAD", path).send().body == b""


@pytest.mark.parametrize(
    "path",
    [
        "/health/",
        "/health/ready/",
        "/health/startup",
        "/healthz",
        "/livez",
        "/readyz",
        "/health%2fready",
        "/Health",
        "//health",
        "/health/../metrics",
        "/metrics",
        "/debug/pprof",
        "/v1/sys/health",
        "/v1/sys/unseal",
        "/v1/sys/generate-root/attempt",
        "/minio/admin/v3/info",
        "/admin",
        "/status",
        "/version",
        "/config",
        "/env",
        "/.git/config",
        "/docs",
        "/openapi.json",
    ],
)
def test_C55_nothing_else_answers_without_proof(server: Server, path: str) -> None:
    for method in ("GET", "POST"):
        reply = Attempt(server.url, method, path).send()
        assert 400 <= reply.status < 500, reply
        assert not re.search(rb"daypass/|sqlite|postgres|/tmp|/work|Traceback|uvicorn|[0-9]+\.[0-9]+\.[0-9]+", reply.body, re.I), reply.body
        assert "server" not in reply.headers


@pytest.mark.parametrize("path", KEYS)
def test_C55_health_is_only_read(server: Server, path: str) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        assert 400 <= Attempt(server.url, method, path).send().status < 500
