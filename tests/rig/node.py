"""A node inside the test's own process: real store, keys, wire, proofs and policies, without sockets, with a clock that tests move.

Requests are made by botocore's serialiser and signer, answers read by its parser, so that the judge is not daypass itself.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

import daypass.services  # noqa: F401  # importing it is what offers the operations
from daypass import passes
from daypass.outside.jwks import FetchSettings, KeyFetcher
from daypass.proof.sigv4 import SigningKeys
from daypass.services.daypass.first_start import first_records
from daypass.store import open_store
from daypass.store.keys import root_key
from daypass.store.ledger import Ledger
from daypass.values.request import Request
from daypass.way.context import Node, Rules
from daypass.way.handle import Answer, Pending, handle
from daypass.way.throttle import Throttle

START = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
HOST = "daypass.test"
UID = 1000

_loader = botocore.session.get_session().get_component("data_loader")
_models: dict[str, ServiceModel] = {}


class Refused(Exception):
    """The node refused: the wire code, the message and the HTTP status as botocore reads them; `encoded` is the message's sealed end,
    `answer` the Answer of a node in this process, the Reply of a server."""

    def __init__(self, code: str, message: str, status: int, answer: Any) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.code, self.status, self.answer = code, status, answer
        self.message, _, self.encoded = message.partition(". Encoded authorization failure message: ")


@dataclass
class Keys:
    """What a client signs with."""

    id: str
    secret: str
    token: str | None = None

    @classmethod
    def of(cls, credentials: dict[str, Any]) -> Keys:
        """From `Credentials` or `AccessKey` of an answer."""
        return cls(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials.get("SessionToken"))


class TestNode:
    """One node, its clock (`now`, move it with `pass_time`) and its operator."""

    __test__ = False

    def __init__(self, directory: Path, *, burst: float = 1e9, database: str = "", name: str = "node-test") -> None:
        self.now = START
        self.directory = directory
        key = root_key(directory / "root.key")
        self.store = open_store(database or directory / "daypass.db", key, self.now, node=name)
        if not len(self.store.snapshot.accounts):
            self.store.write(first_records(self.now, os.urandom))
        if (organization := self.store.own_organization()) is None:
            self.store.close()
            raise AssertionError("nothing tells whose this installation is")
        self.account = organization.account
        ledger = Ledger(directory / "ledger", self.store.secret("ledger"), name)
        ledger.open(self.now)
        self.node = Node(
            store=self.store,
            ledger=ledger,
            ledger_key=self.store.secret("ledger"),
            fetcher=KeyFetcher(FetchSettings()),
            signing_keys=SigningKeys(),
            rules=Rules(frozenset({UID}), self.account, hosts=frozenset({HOST}), url=f"http://{HOST}"),
            random=os.urandom,
            throttle=Throttle(burst, burst),
            tokens=passes.OpenedTokens(),
        )

    def close(self) -> None:
        """Let go of the files."""
        self.node.ledger.close()
        self.store.close()

    def pass_time(self, **amount: float) -> None:
        """Move the clock, as `timedelta(**amount)`."""
        self.now += timedelta(**amount)
        self.store.catch_up(self.now)

    def send(self, request: Request) -> Answer:
        """The answer to raw bytes, all waiting done and the line written."""
        outcome = handle(self.node, request, self.now)
        while isinstance(outcome, Pending):
            outcome = outcome.then(outcome.work())
        self.node.ledger.append_sync([outcome.line])
        if outcome.event.minted is not None:
            self.store.record_passes([outcome.event.minted])
        return outcome

    def call(self, service: str, operation: str, parameters: dict[str, Any] | None = None, keys: Keys | None = None, **more: Any) -> Any:
        """Call as a client would; without `keys` unsigned, with `peer="uid:1000"` over the operator's socket. Raises Refused."""
        answer = self.send(request_for(service, operation, parameters or {}, keys, self.now, **more))
        headers = {name.decode(): value.decode() for name, value in answer.response.headers}
        parsed = read_answer(service, operation, answer.response.status, headers, answer.response.body)
        if "Error" in parsed:
            raise Refused(parsed["Error"]["Code"], parsed["Error"].get("Message", ""), answer.response.status, answer)
        return parsed

    def operator(self, account: str = "") -> Keys:
        """The operator's keys in the management account, or in `account` by its OrganizationAccountAccessRole."""
        made = self.call("daypass", "GetOperatorCredentials", peer=f"uid:{UID}")
        keys = Keys.of(made["Credentials"])
        if account and account != self.account:
            arn = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
            keys = Keys.of(self.call("sts", "AssumeRole", {"RoleArn": arn, "RoleSessionName": "operator"}, keys)["Credentials"])
        return keys


def model_of(service: str) -> ServiceModel:
    """botocore's model of a service; daypass's own is turned into the same form."""
    if service not in _models:
        if service == "daypass":
            from rig.own_model import own_model

            _models[service] = ServiceModel(own_model(), service)
        else:
            _models[service] = ServiceModel(_loader.load_service_model(service, "service-2"), service)
    return _models[service]


def read_answer(service: str, operation: str, status: int, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """What botocore's parser reads of an answer: its members, or an "Error"."""
    model = model_of(service).operation_model(operation)
    parsed: dict[str, Any] = create_parser(model.service_model.protocol).parse(
        {"status_code": status, "headers": headers, "body": body}, model.output_shape
    )
    parsed.pop("ResponseMetadata", None)
    return parsed


def request_for(
    service: str, operation: str, parameters: dict[str, Any], keys: Keys | None, now: datetime, *, peer: str = "192.0.2.7", host: str = HOST
) -> Request:
    """The request that botocore makes of `parameters`, signed by botocore when there are keys."""
    model = model_of(service).operation_model(operation)
    made = create_serializer(model.service_model.protocol, include_validation=False).serialize_to_request(parameters, model)
    body = made["body"]
    if isinstance(body, dict):
        from urllib.parse import urlencode

        body = urlencode(body, doseq=True).encode()
    elif isinstance(body, str):
        body = body.encode()
    url = f"http://{host}{made['url_path']}"
    query = made.get("query_string") or {}
    request = AWSRequest(method=made["method"], url=url, headers=made["headers"], data=body, params=query)
    request.headers["Host"] = host
    if keys is not None:
        signer = _At(Credentials(keys.id, keys.secret, keys.token), model.service_model.signing_name, "us-east-1", now)
        signer.add_auth(request)
    prepared = request.prepare()
    target = urlsplit(prepared.url)
    headers = tuple(
        (name.lower().encode(), (value if isinstance(value, bytes) else str(value).encode())) for name, value in prepared.headers.items()
    )
    return Request(prepared.method, target.path.encode(), target.query.encode(), headers, prepared.body or b"", peer)


class _At(SigV4Auth):
    """botocore's signer at a time of our choosing."""

    def __init__(self, credentials: Credentials, service: str, region: str, now: datetime) -> None:
        super().__init__(credentials, service, region)
        self._now = now

    def add_auth(self, request: Any) -> None:
        request.context["timestamp"] = self._now.strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        canonical = self.canonical_request(request)
        self._inject_signature_to_request(request, self.signature(self.string_to_sign(request, canonical), request))
