"""moto's KMS on loopback, behind a gate that can fail as AWS does. The judge of outside/kms.py that is not daypass."""

from __future__ import annotations

import json
import threading
import time
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

REGION = "eu-central-1"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIACANARYOFKMS00000", "AWS_SECRET_ACCESS_KEY": "canary-of-the-secret-of-the-kms"}


class Kms:
    """The service. `failing` is what the next requests get in place of an answer: (status, code) each, the last for good; None passes."""

    def __init__(self) -> None:
        self.failing: list[tuple[int, str] | None] = [None]
        self.hanging = False
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._gate, threaded=True)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.hanging = False
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def client(self) -> Any:
        """boto3's client, as the key's owner."""
        import boto3

        return boto3.client(
            "kms", REGION, endpoint_url=self.url, aws_access_key_id="AKIAOWNER", aws_secret_access_key="owner"
        )

    def new_key(self) -> str:
        """The ARN of a new symmetric key."""
        arn: str = self.client().create_key()["KeyMetadata"]["Arn"]
        return arn

    @property
    def environment(self) -> dict[str, str]:
        """The credentials of a server."""
        return dict(KEYS)

    def options(self, key: str) -> list[str]:
        """The options of `daypass up` for a key of this service."""
        return ["--kms-key", key, "--kms-endpoint", self.url]

    def _gate(self, environ: WSGIEnvironment, start: StartResponse) -> Any:
        operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).removeprefix("TrentService.")
        mine = KEYS["AWS_ACCESS_KEY_ID"] in str(environ.get("HTTP_AUTHORIZATION", ""))
        if mine:
            self.seen.append((operation, {name: environ[name] for name in environ if name.startswith("HTTP_")}))
            until = time.monotonic() + 20
            while self.hanging and time.monotonic() < until:
                time.sleep(0.05)
            failure = self.failing.pop(0) if len(self.failing) > 1 else self.failing[0]
            if failure is not None:
                status, code = failure
                start(f"{status} Refused", [("content-type", "application/x-amz-json-1.1")])
                return [json.dumps({"__type": code, "message": f"told by the gate: {code}"}).encode()]
        return self._app(environ, start)
