"""Every offered operation of AWS's services, called by real clients: each sample of the matrix is sent as they spell it, and what they make
of the answer is looked at. The node is in the test's process, so that every call that changes something has a fresh world.
"""

from __future__ import annotations

import base64
import json
import select
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from clients.drivers import HERE, HINT, PLACE
from daypass.values.request import Request
from daypass.way.operation import OPERATIONS
from matrix.samples import EXPECTED_ERROR, OTHER_PROOFS, World, sample
from rig.node import HOST, TestNode, model_of
from rig.require import require
from rig.server import REGION, clean_environment

ROWS = sorted(row for row in OPERATIONS if row[0] != "daypass" and row not in OTHER_PROOFS)
CLIENTS = {"cli": PLACE / "awscli-v1" / "bin" / "python", "boto3": PLACE / "boto3-2024" / "bin" / "python"}
# Not for a role's session, which calls here; for users they are shown in test_derived.py.
EXPECTED = EXPECTED_ERROR | {("sts", name): "AccessDenied" for name in ("GetFederationToken", "GetSessionToken")}
YOUNGER = 25  # operations, at most, that a client of two years ago cannot know
SECONDS = 60.0


class Front(HTTPServer):
    """Hands what comes over loopback to `world`'s node."""

    world: World

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = SECONDS

    def do_POST(self) -> None:
        assert isinstance(self.server, Front)
        node = self.server.world.node
        path, _, query = self.path.encode().partition(b"?")
        headers = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items())
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        answer = node.send(Request(self.command, path, query, headers, body, "127.0.0.1")).response
        self.send_response(answer.status)
        for name, value in (*answer.headers, (b"content-length", b"%d" % len(answer.body))):
            self.send_header(name.decode(), value.decode("latin-1"))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *values: object) -> None:
        """Nothing is said of a request."""


class Client:
    """A client's program that takes one job after another; the front serves while it works."""

    def __init__(self, kind: str, front: Front, environment: Mapping[str, str]) -> None:
        python = require(CLIENTS[kind], HINT)
        self._front = front
        self._process = subprocess.Popen(
            [str(python), str(HERE / "each.py"), kind], env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def call(self, job: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        while True:
            ready, _, _ = select.select([self._front, self._process.stdout], [], [], SECONDS)
            assert ready, f"the client is silent: {job}"
            if self._front in ready:
                self._front.handle_request()
            else:
                answer: dict[str, Any] = json.loads(self._process.stdout.readline())
                return answer

    def end(self) -> None:
        with self._process:
            self._process.kill()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The matrix's world, as of today: clients sign by the real clock."""
    node = TestNode(tmp_path_factory.mktemp("template"))
    _move_to_today(node)
    made = World(node)
    yield made
    node.close()


def _move_to_today(node: TestNode) -> None:
    """Have `node` live now, and answer on loopback as well."""
    node.now = datetime.now(UTC).replace(microsecond=0)
    node.store.catch_up(node.now)
    node.node.rules = replace(node.node.rules, hosts=frozenset({HOST, "127.0.0.1"}))


@pytest.fixture(scope="module", params=sorted(CLIENTS))
def client(request: pytest.FixtureRequest, template: World) -> Iterator[tuple[str, Front, Client]]:
    keys = template.admin
    with Front() as front:
        environment = clean_environment(
            {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{front.server_port}",
                "AWS_DEFAULT_REGION": REGION,
                "AWS_CONFIG_FILE": "/dev/null",
                "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                "AWS_ACCESS_KEY_ID": keys.id,
                "AWS_SECRET_ACCESS_KEY": keys.secret,
                "AWS_SESSION_TOKEN": keys.token or "",
            }
        )
        made = Client(request.param, front, environment)
        yield request.param, front, made
        made.end()


def job(kind: str, world: World, row: tuple[str, str], folder: Path) -> dict[str, Any]:
    """The sample of `row` as JSON; what is a blob in the model, in base64."""
    service, operation = row
    params = sample(world, service, operation)
    blobs = [name for name, value in params.items() if isinstance(value, bytes)]
    arguments: list[str] = []
    if kind == "cli" and operation == "CreateVirtualMFADevice":  # whose secret this client puts into a file, as it is told by these alone
        arguments = ["--virtual-mfa-device-name", params["VirtualMFADeviceName"], "--outfile", str(folder / "seed")]
        arguments += ["--bootstrap-method", "Base32StringSeed"]
    params |= {name: base64.b64encode(params[name]).decode() for name in blobs}
    spelled = {"service": service, "operation": operation, "command": xform_name(operation, "-")}
    return spelled | {"params": params, "blobs": blobs, "arguments": arguments}


def test_every_operation_is_understood(client: tuple[str, Front, Client], template: World, tmp_path: Path) -> None:
    kind, front, program = client
    unknown, wrong = [], []
    for number, row in enumerate(ROWS):
        folder = tmp_path / f"node-{number}"
        world = template.copied(folder)
        _move_to_today(world.node)
        front.world = world
        try:
            answer = program.call(job(kind, world, row, tmp_path))
        finally:
            world.node.close()
            shutil.rmtree(folder)
        if answer.get("unknown"):
            unknown.append(row)
        elif "output" not in answer and answer.get("fault") != EXPECTED.get(row, ""):
            wrong.append((row, answer))
        elif "output" in answer and not answer["output"] and _gives(row) and kind == "boto3":
            wrong.append((row, "an empty output"))
    assert wrong == []
    assert len(unknown) <= (YOUNGER if kind == "boto3" else 0), unknown


def _gives(row: tuple[str, str]) -> bool:
    """Whether the model requires something of the output."""
    output = model_of(row[0]).operation_model(row[1]).output_shape
    return output is not None and bool(output.required_members)
