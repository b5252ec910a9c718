"""The bench measures what it says: its signatures are SDKs' own, its load client sees refusals, its worlds let every request through."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bench import load, report, targets
from bench.presign import AGENT, FORM, Keys, body_of, signed
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

AT = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
BODY = body_of("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::123456789012:role/path/x", "RoleSessionName": "job-1"})


class _Fixed(SigV4Auth):
    def add_auth(self, request: AWSRequest) -> None:
        request.context["timestamp"] = AT.strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))


@pytest.mark.parametrize("token", ["", "a/session+token=="])
def test_a_request_is_signed_as_botocore_signs_it(token: str) -> None:
    raw = signed("127.0.0.1:9400", "sts", BODY, Keys("AKIAIOSFODNN7EXAMPLE", "secret", token), AT)
    head, _, body = raw.partition(b"\r\n\r\n")
    given = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    request = AWSRequest("POST", "http://127.0.0.1:9400/", {"content-type": FORM, "host": "127.0.0.1:9400"}, body)
    _Fixed(Credentials("AKIAIOSFODNN7EXAMPLE", "secret", token or None), "sts", "us-east-1").add_auth(request)
    assert given["authorization"] == request.headers["Authorization"]
    assert given["user-agent"] == AGENT
    assert int(given["content-length"]) == len(BODY) == len(body)


@pytest.mark.parametrize("name", ["hello", "floor"])
def test_what_daypass_is_compared_with_answers(name: str, tmp_path: Path) -> None:
    with targets.started(name, targets.module(name), tmp_path) as target:
        request = signed(target.host, "sts", BODY, Keys("AKIAIOSFODNN7EXAMPLE", "secret"), AT)
        done = load.run(target.address, [request] * 8, connections=2)
    assert (len(done.latencies), done.failed) == (8, 0)


def _serve(listener: socket.socket, answers: list[list[bytes]]) -> None:
    for parts in answers:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            for part in parts:
                connection.sendall(part)


def _load(answers: list[list[bytes]]) -> load.Load:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=_serve, args=(listener, answers), daemon=True)
        server.start()
        seen = load.run(listener.getsockname(), [b"GET / HTTP/1.1\r\n\r\n"] * len(answers), connections=1)
        server.join(5)
    return seen


def test_answers_in_pieces_and_refusals_are_counted() -> None:
    good = [b"HTTP/1.1 200 OK\r\nContent-", b"Length: 4\r\nConnection: close\r\n\r\nab", b"cd"]
    bad = [b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"]
    seen = _load([good, bad, good])
    assert (len(seen.latencies), seen.failed) == (3, 1)
    assert seen.refused == bad


def test_an_answer_cut_short_is_a_failure() -> None:
    with pytest.raises(load.LoadFailed, match="middle of an answer"):
        _load([[b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab"]])


def test_the_report_says_what_is_not_met() -> None:
    goals = [{"what": "a", "reached": 0.5, "goal": 0.3, "at_most": False, "met": True}]
    goals += [{"what": "b", "reached": 70.0, "goal": 60.0, "at_most": True, "met": False}]
    shown = report.text({"figures": {"GetCallerIdentity": {"hello": {"cpu": 50.0}}}, "goals": goals})
    assert "≥    0.3  met" in shown
    assert "≤     60  NOT MET" in shown
