"""cli/env.py: a pass for the current shell."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from daypass.cli.exits import CONFIG, DENIED, OK, UNREACHABLE, USAGE

ROLE = "arn:aws:iam::123456789012:role/Auditor"
ANSWER = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role/secret+</SecretAccessKey><SessionToken>dp1.role</SessionToken>
<Expiration>2026-11-24T19:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
REFUSAL = "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no, {code}</Message></Error></ErrorResponse>"


class Sts(HTTPServer):
    """Answers every call as told and keeps the forms that came."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.authorization = ""
        self.status, self.body = 200, ANSWER

        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.forms.append(dict(unquote_plus(pair).split("=", 1) for pair in form.split("&")))
                outer.authorization = self.headers["Authorization"]
                body = outer.body.encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def sts() -> Iterator[Sts]:
    with Sts() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def write_config(data: Path, url: str, more: str = "") -> None:
    (data / "aws").mkdir(exist_ok=True)
    operator = f"[profile operator]\ncredential_process = daypass process\nendpoint_url = {url}\nregion = eu-west-1\n"
    (data / "aws" / "config").write_text(operator + more)


@pytest.fixture
def data(fake: Any, operator_credentials: dict[str, Any], sts: Sts) -> Path:
    write_config(fake.data, sts.url)
    return Path(fake.data)


def test_a_shell_takes_what_is_printed(daypass: Any, data: Path, sts: Sts) -> None:
    ended = daypass("env", "--data", data)
    assert ended.code == OK
    shown = subprocess.run(["sh", "-c", ended.out + "env"], capture_output=True, text=True, check=True, env={"AWS_PROFILE": "old"}).stdout
    values = dict(line.split("=", 1) for line in shown.splitlines() if line.startswith("AWS_"))
    assert values == {
        "AWS_ACCESS_KEY_ID": "ASIAQEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret'key",
        "AWS_SESSION_TOKEN": "dp1.token",
        "AWS_ENDPOINT_URL": sts.url,
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }


def test_unset_takes_everything_away_again(daypass: Any, data: Path) -> None:
    both = daypass("env", "--data", data).out + daypass("env", "--unset").out + "env"
    shown = subprocess.run(["sh", "-c", both], capture_output=True, text=True, check=True, env={}).stdout
    assert "AWS_" not in shown


def test_json_holds_the_same(daypass: Any, data: Path) -> None:
    values = json.loads(daypass("env", "--data", data, "-o", "json", "--region", "us-west-2").out)
    assert values["AWS_SESSION_TOKEN"] == "dp1.token"
    assert values["AWS_REGION"] == values["AWS_DEFAULT_REGION"] == "us-west-2"
    assert all(value is None for value in json.loads(daypass("env", "-o", "json", "--unset").out).values())


def test_a_role_is_assumed_with_the_operators_signature(daypass: Any, data: Path, sts: Sts) -> None:
    ended = daypass("env", "--data", data, "--role-arn", ROLE, "--external-id", "x-1", "--session-name", "me", "--duration", "900")
    assert ended.code == OK
    assert "export AWS_ACCESS_KEY_ID=ASIAROLE" in ended.out
    assert sts.authorization.startswith("AWS4-HMAC-SHA256 Credential=ASIAQEXAMPLE/")
    assert sts.forms == [
        {
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": ROLE,
            "RoleSessionName": "me",
            "ExternalId": "x-1",
            "DurationSeconds": "900",
        }
    ]


def test_a_profile_that_takes_a_role_is_followed(daypass: Any, data: Path, sts: Sts) -> None:
    more = f"[profile audit]\nrole_arn = {ROLE}\nsource_profile = operator\nexternal_id = from=profile\n"
    more += "duration_seconds = 1800\nregion = eu-north-1\n"
    write_config(data, sts.url, more)
    ended = daypass("env", "--data", data, "--profile", "audit", "-o", "json")
    assert json.loads(ended.out)["AWS_REGION"] == "eu-north-1"
    assert sts.forms[0]["ExternalId"] == "from=profile"
    assert sts.forms[0]["DurationSeconds"] == "1800"


def test_a_profile_of_another_kind_is_refused_not_guessed(daypass: Any, data: Path, sts: Sts) -> None:
    write_config(data, sts.url, "[profile other]\nsso_session = x\n")
    ended = daypass("env", "--data", data, "--profile", "other")
    assert (ended.code, ended.out) == (CONFIG, "")
    assert "the profile other of" in ended.err


@pytest.mark.parametrize(("code", "ends"), [("AccessDenied", DENIED), ("SignatureDoesNotMatch", CONFIG), ("ValidationError", USAGE)])
def test_a_refused_role_says_which_and_why(daypass: Any, data: Path, sts: Sts, code: str, ends: int) -> None:
    sts.status, sts.body = 403, REFUSAL.format(code=code)
    ended = daypass("env", "--data", data, "--role-arn", ROLE)
    assert (ended.code, ended.out) == (ends, "")
    assert ROLE in ended.err and f"no, {code}" in ended.err
    assert ("daypass explain --data" in ended.err) == (code == "AccessDenied")


def test_the_sealed_end_of_a_refusal_is_not_printed(daypass: Any, data: Path, sts: Sts) -> None:
    sts.status, sts.body = 403, REFUSAL.format(code="AccessDenied").replace("no,", "no. Encoded authorization failure message: AB-_")
    ended = daypass("env", "--data", data, "--role-arn", ROLE)
    assert "was not assumed: no (AccessDenied)" in ended.err
    assert "AB-_" not in ended.err


def test_options_of_a_role_without_a_role_are_refused(daypass: Any, data: Path) -> None:
    assert daypass("env", "--data", data, "--external-id", "x").code == USAGE


def test_trouble_with_the_profile_or_the_address_is_named(daypass: Any, fake: Any, operator_credentials: dict[str, Any]) -> None:
    assert daypass("env", "--data", fake.data).code == CONFIG
    write_config(fake.data, "http://127.0.0.1:1")
    assert daypass("env", "--data", fake.data, "--role-arn", ROLE).code == UNREACHABLE
    assert daypass("env", "--data", fake.data, "--profile", "nobody").code == CONFIG
    (fake.data / "aws" / "config").write_text("[profile operator\n")
    assert daypass("env", "--data", fake.data).code == CONFIG
    write_config(fake.data, "")
    assert "lacks endpoint_url" in daypass("env", "--data", fake.data).err
