"""C55: what answers while a node is sealed: health to everybody, Unseal to operators on the socket, 503 to all else."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from daypass.doors.sealed import RETRY_AFTER, UNSEAL, SealedDoor
from daypass.store.keys import RootKey
from daypass.values.errors import ConfigError, KeyAway
from daypass.values.request import Request, Response
from daypass.wire import service_names
from rig.http import Attempt, Reply
from rig.node import model_of, request_for
from rig.sealed import Started, started

PLACE = "/var/secret/place/of/the/key"  # what the operator is told and nobody else
TOLD = "its key's token does not answer"
OPERATOR, STRANGER = 1000, 1001
NOW = datetime(2026, 12, 1, tzinfo=UTC)


class Sealed:
    """A sealed door in this process, with what it was asked to open."""

    def __init__(self, away: KeyAway) -> None:
        self.tried: list[RootKey | None] = []
        self.outcome: Exception | str = ConfigError("it does not open this database")
        self.door: SealedDoor[str] = SealedDoor(self._open, away, {OPERATOR}, os.urandom)

    async def _open(self, key: RootKey | None) -> str:
        self.tried.append(key)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    async def ask(self, request: Request) -> Response:
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.door.start(request, answered.set_result)
        return await answered


def ask(request: Request, away: KeyAway | None = None) -> tuple[Response, Sealed]:
    async def both() -> tuple[Response, Sealed]:
        sealed = Sealed(away or KeyAway(PLACE, TOLD))
        return await sealed.ask(request), sealed

    return asyncio.run(both())


def unseal(body: bytes, peer: str) -> Request:
    return Request("POST", b"/", b"", ((b"x-amz-target", UNSEAL), (b"content-type", b"application/x-amz-json-1.1")), body, peer)


EVERY = [(service, name) for service in service_names() for name in model_of(service).operation_names]


def test_C55_every_operation_of_every_service_gets_503_in_its_own_protocol() -> None:
    from botocore.parsers import create_parser

    asked = 0
    for service, name in EVERY:
        model = model_of(service).operation_model(name)
        for peer in ("192.0.2.7", f"uid:{STRANGER}"):
            try:
                request = request_for(service, name, {}, None, NOW, peer=peer)
            except KeyError:  # botocore makes no path without its members
                continue
            asked += 1
            response, sealed = ask(request)
            headers = {key.decode(): value.decode() for key, value in response.headers}
            assert (response.status, headers["retry-after"], headers["cache-control"]) == (503, RETRY_AFTER.decode(), "no-store")
            read = {"status_code": 503, "headers": headers, "body": response.body}
            parsed = create_parser(model.service_model.protocol).parse(read, model.output_shape)
            assert parsed["Error"]["Code"].startswith("ServiceUnavailable"), (service, name, response.body)
            assert PLACE.encode() not in response.body and TOLD.encode() in response.body
            assert sealed.tried == []
    assert asked > 1000


PATHS = [
    "/", "/metrics", "/debug", "/debug/pprof", "/admin", "/sys/unseal", "/v1/sys/unseal", "/unseal", "/rekey", "/keys", "/openapi.json",
    "/issuers/x/.well-known/openid-configuration", "/.well-known/openid-configuration", "/health/../metrics", "/health/", "//health",
    "/health%2f", "/Health", "/control.sock", "/root.key", "/daypass.db", "/latest/meta-data/",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_C55_no_other_path_answers(path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE"):
        response, sealed = ask(Request(method, path.encode(), b"", (), b"", "192.0.2.7"))
        assert response.status == 503
        assert PLACE.encode() not in response.body
        assert sealed.tried == []


@pytest.mark.parametrize(("path", "status"), [("/health", 503), ("/health/ready", 503), ("/health/live", 200)])
def test_C55_health_answers_and_names_nothing(path: str, status: int) -> None:
    response, _ = ask(Request("GET", path.encode(), b"", (), b"", "192.0.2.7"))
    assert response.status == status
    assert PLACE.encode() not in response.body
    assert json.loads(response.body).get("sealed") == (TOLD if status == 503 else None)


WAITING = KeyAway("it waits", "waits for its passphrase", by_itself=False)
GIVEN = b'{"Passphrase":"a long passphrase"}'


@pytest.mark.parametrize("peer", ["192.0.2.7", "127.0.0.1", f"uid:{STRANGER}", "uid:01000", "uid:", "uid:1000 "])
def test_C55_only_an_operator_on_the_socket_unseals(peer: str) -> None:
    response, sealed = ask(unseal(GIVEN, peer), WAITING)
    assert response.status in (400, 403, 503)
    assert sealed.tried == []


def test_C55_the_operator_does() -> None:
    async def story() -> None:
        sealed = Sealed(WAITING)
        assert (await sealed.ask(unseal(GIVEN, f"uid:{OPERATOR}"))).status == 400  # a wrong one changes nothing
        sealed.outcome = "opened"
        waiting = asyncio.ensure_future(sealed.door.opened())
        assert (await sealed.ask(unseal(GIVEN, f"uid:{OPERATOR}"))).status == 200
        assert await waiting == "opened"
        assert sealed.door.by == f"uid:{OPERATOR}"
        assert (await sealed.ask(unseal(GIVEN, f"uid:{OPERATOR}"))).status == 200  # it is open, and stays it
        assert len(sealed.tried) == 2 and None not in sealed.tried

    asyncio.run(story())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"Passphrase":1}', b'{"Passphrase":"canary","Else":1}', b'{"Passphrase":"canary"', b"\xff"]
)
def test_C55_what_is_no_unseal_is_refused_without_a_quote(body: bytes) -> None:
    response, sealed = ask(unseal(body, f"uid:{OPERATOR}"), WAITING)
    assert response.status == 400
    assert b"canary" not in response.body
    assert sealed.tried == []


def test_C55_a_node_that_waits_for_a_token_takes_no_passphrase() -> None:
    response, sealed = ask(unseal(GIVEN, f"uid:{OPERATOR}"))
    assert response.status == 400 and b"no passphrase" in response.body
    assert sealed.tried == []


def test_C55_it_tries_again_by_itself_and_ends_for_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.doors.sealed.FIRST_PAUSE", 0.001)

    async def story() -> None:
        sealed = Sealed(KeyAway(PLACE, TOLD))
        sealed.outcome = KeyAway(f"{PLACE} still", TOLD)
        waiting = asyncio.ensure_future(sealed.door.opened())
        while len(sealed.tried) < 3:
            await asyncio.sleep(0.01)
        sealed.outcome = ConfigError("another key")
        with pytest.raises(ConfigError, match="another key"):
            await waiting

    asyncio.run(story())


# -- a real one


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    directory: Path = tmp_path_factory.mktemp("sealed")
    with started(directory / "data", "--sealed") as made:
        made.line("sealed")
        yield made


def test_C55_an_unmodified_client_is_told_to_come_again(node: Started) -> None:
    session: Any = botocore.session.get_session()
    client = session.create_client(
        "sts", "us-east-1", endpoint_url=node.line("sealed"), aws_access_key_id="AKIAX", aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip
    with pytest.raises(ClientError) as refused:
        client.get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"
    assert refused.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == RETRY_AFTER.decode()


@pytest.mark.parametrize("target", ["Daypass_20261124.Unseal", "Daypass_20261124.GetOperatorCredentials", "TrentService.Decrypt"])
def test_C55_over_tcp_nobody_unseals(node: Started, target: str) -> None:
    headers = [("X-Amz-Target", target), ("Content-Type", "application/x-amz-json-1.1")]
    reply: Reply = Attempt(node.line("sealed"), headers=headers, body=b'{"Passphrase":"a long passphrase","New":true}').send()
    assert reply.status == 503
    assert node.health()[0] == 503


def test_C55_the_socket_gives_no_pass(node: Started) -> None:
    done = node.command("process")
    assert done.returncode == 5
    assert done.stdout == ""


def test_C55_requests_in_one_write_are_all_answered(node: Started) -> None:
    where = node.line("sealed").rpartition("//")[2]
    host, _, port = where.partition(":")
    one = f"GET /metrics HTTP/1.1\r\nHost: {where}\r\n\r\n"
    last = f"GET /health HTTP/1.1\r\nHost: {where}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall((one * 3 + last).encode())
        found = b"".join(iter(lambda: raw.recv(65536), b""))
    assert found.count(b"HTTP/1.1 503") == 4
