"""Where this server's own AWS credentials come from: the places in order, and what each of them may be."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daypass.outside.aws_credentials import Credentials, get_credentials
from daypass.values.errors import ConfigError, KeyAway
from daypass.values.secret import Secret

NO_IMDS = {"AWS_EC2_METADATA_DISABLED": "true"}
FOUND = {"AccessKeyId": "ASIAX", "SecretAccessKey": "canary-secret", "Token": "canary-token"}
MEANT = Credentials("ASIAX", Secret("canary-secret"), Secret("canary-token"))


class _Endpoint(http.server.BaseHTTPRequestHandler):
    """A container's endpoint and an instance's metadata (IMDSv2), as their guides describe them."""

    status = 200
    seen: list[tuple[str, str, dict[str, str]]]

    def do_PUT(self) -> None:
        self._answer(b"imds-token" if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else b"")

    def do_GET(self) -> None:
        if "/meta-data/" in self.path and self.headers["X-aws-ec2-metadata-token"] != "imds-token":
            self.send_error(401)
            return
        self._answer(b"my role" if self.path.endswith("/security-credentials/") else json.dumps(FOUND).encode())

    def _answer(self, body: bytes) -> None:
        type(self).seen.append((self.command, self.path, dict(self.headers)))
        self.send_response(type(self).status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[tuple[str, type[_Endpoint]]]:
    handler = type("Endpoint", (_Endpoint,), {"seen": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()
        thread.join()


def profile(tmp_path: Path, text: str) -> dict[str, str]:
    config = tmp_path / "config"
    config.write_text(text)
    return {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", **NO_IMDS}


def test_the_environment_comes_first(tmp_path: Path) -> None:
    environ = profile(tmp_path, "[default]\naws_access_key_id = other\n")
    environ |= {"AWS_ACCESS_KEY_ID": "ASIAX", "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_SESSION_TOKEN": "canary-token"}
    assert get_credentials(environ) == MEANT
    assert "canary" not in repr(get_credentials(environ))


def test_a_profile_with_keys_or_a_process(tmp_path: Path) -> None:
    script = tmp_path / "process"
    answer = json.dumps({"Version": 1, **FOUND, "SessionToken": "canary-token", "Token": ""})
    script.write_text(f"#!/bin/sh\necho '{answer}'\n")
    script.chmod(0o700)
    own = "[default]\naws_access_key_id = K\naws_secret_access_key = S\n"
    environ = profile(tmp_path, f"[profile a]\ncredential_process = {script} --x\n{own}")
    assert get_credentials(environ).key_id == "K"
    assert get_credentials({**environ, "AWS_PROFILE": "a"}) == MEANT
    script.write_text("#!/bin/sh\necho canary-secret; exit 1\n")
    with pytest.raises(KeyAway, match="credential_process failed") as away:
        get_credentials({**environ, "AWS_PROFILE": "a"})
    assert "canary" not in str(away.value)
    script.write_text("#!/bin/sh\necho canary-secret\n")
    with pytest.raises(KeyAway, match="gave no AWS credentials") as away:
        get_credentials({**environ, "AWS_PROFILE": "a"})
    assert "canary" not in str(away.value)
    script.unlink()
    with pytest.raises(ConfigError, match="cannot be run"):
        get_credentials({**environ, "AWS_PROFILE": "a"})


def test_a_profile_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    environ = {**profile(tmp_path, "[profile a]\nsso_session = x\n"), "AWS_PROFILE": "a"}
    with pytest.raises(ConfigError, match="credential_process"):
        get_credentials(environ)
    Path(environ["AWS_CONFIG_FILE"]).write_text("no section")
    with pytest.raises(ConfigError, match="cannot be read"):
        get_credentials(environ)


def test_the_containers_endpoint(tmp_path: Path, endpoint: tuple[str, type[_Endpoint]]) -> None:
    url, handler = endpoint
    (tmp_path / "token").write_text("Bearer x\n")
    environ = profile(tmp_path, "") | {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/v1/credentials?a=b",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token"),
    }
    assert get_credentials(environ) == MEANT
    ((method, path, headers),) = handler.seen
    assert (method, path, headers["Authorization"]) == ("GET", "/v1/credentials?a=b", "Bearer x")
    handler.status = 500
    with pytest.raises(KeyAway, match="status 500"):
        get_credentials(environ)


@pytest.mark.parametrize("url", ["http://192.0.2.1/x", "http://localhost.example/x", "ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_a_container_endpoint_elsewhere_needs_tls(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="has to be https"):
        get_credentials(profile(tmp_path, "") | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url})


def test_the_instances_role(tmp_path: Path, endpoint: tuple[str, type[_Endpoint]]) -> None:
    url, handler = endpoint
    environ = profile(tmp_path, "") | {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": url}
    assert get_credentials(environ) == MEANT
    assert [(method, path.rpartition("/")[2]) for method, path, _ in handler.seen] == [("PUT", "token"), ("GET", ""), ("GET", "my%20role")]
    environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1"
    with pytest.raises(KeyAway, match="ConnectionRefusedError"):
        get_credentials(environ)


def test_without_any_the_mend_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="AWS_PROFILE"):
        get_credentials(profile(tmp_path, ""))
