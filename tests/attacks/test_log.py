"""L06 (times) and the lines of the log under attack: with every level on, nothing that a caller sends ends a line, makes one, or is a
secret in one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from attacks.conftest import ALLOW_ALL
from conftest import operator_session
from rig.canary import Canaries
from rig.http import Attempt, exchange, form
from rig.server import Server, running

FORGED = '{"time": "2026-01-01T00:00:00.000+00:00", "level": "error", "event": "forged"}'
UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}\+00:00")


@dataclass
class Talking:
    """A server at level debug, in a zone far from UTC, and its operator's clients."""

    server: Server
    boto: Any


@pytest.fixture(scope="module", params=["json", "text"])
def talking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, canaries: Canaries) -> Iterator[Talking]:
    data = tmp_path_factory.mktemp("talking") / "data"
    settings = ("--log-level", "debug", "--log-format", request.param)
    with running(data, *settings, environment={"TZ": "Pacific/Kiritimati"}) as server:
        yield Talking(server, operator_session(server, canaries))
    assert canaries.leaks_in("stderr", server.stderr.read_bytes()) == []


def lines(server: Server) -> list[str]:
    """Those of the log; the talk to the operator at the start is none."""
    return [line for line in server.stderr.read_text().splitlines() if line.startswith(("{", "20"))]


def test_L06_every_line_has_its_time_in_utc(talking: Talking) -> None:
    talking.boto.client("sts").get_caller_identity()
    said = lines(talking.server)
    assert said
    times = [json.loads(line)["time"] if line.startswith("{") else line.split()[0] for line in said]
    assert [time for time in times if not UTC.fullmatch(time)] == []


def test_H73_callers_write_no_line_and_their_secrets_are_in_none(talking: Talking, canaries: Canaries) -> None:
    iam, sts = talking.boto.client("iam"), talking.boto.client("sts")
    iam.create_user(UserName="logged")
    iam.put_user_policy(UserName="logged", PolicyName="p", PolicyDocument=ALLOW_ALL)
    iam.create_access_key(UserName="logged")
    url = talking.server.url
    before = len(lines(talking.server))
    plain = Attempt(url, "GET", "/")
    sent = [
        form(url, {"Action": f"X\n{FORGED}\n"}),
        form(url, {"Action": "GetCallerIdentity", "X": f"\r\n{FORGED}"}),
        replace(plain, path=f"/\x1b[2J{FORGED}".replace(" ", "\t")),
        replace(plain, query="\u0085".encode().decode("latin-1")),
        plain.with_header("User-Agent", f"a\x1b[31m\x85\u00a0{FORGED}".encode("latin-1", "replace").decode("latin-1")),
        plain.with_header("X-Amzn-Trace-Id", "\x0b\x0c" + FORGED),
        plain.with_header("Host", f"evil\x0b{FORGED}"),
    ]
    for attempt in sent:
        exchange(url, attempt.raw())
    exchange(url, f"GET / HTTP/1.1\r\nHost: x\nX: {FORGED}\n{FORGED}\r\n\r\n".encode())
    sts.get_caller_identity()
    said = lines(talking.server)
    assert len(said) > before
    raw = talking.server.stderr.read_bytes()
    assert re.search(rb"[^\x20-\x7e\n]", raw) is None
    assert not any(line.startswith(FORGED[:20]) and '"logger"' not in line for line in said)
    assert len(canaries) >= 1
    assert canaries.leaks_in("stderr", raw) == []


def test_H73_each_answer_has_a_line_with_the_request_id_that_its_caller_was_told(talking: Talking) -> None:
    told = talking.boto.client("sts").get_caller_identity()["ResponseMetadata"]["RequestId"]
    [line] = [line for line in lines(talking.server) if told in line]
    for fact in ("answered", "GetCallerIdentity", "200"):
        assert fact in line
