"""cli/aws.py: the small client, held against AWS's own signer."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Theirs

from daypass.cli import aws

NOW = datetime(2026, 11, 24, 18, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("token", ["", "dp1.token"])
@pytest.mark.parametrize(
    ("body", "service"), [(b"Action=GetCallerIdentity&Version=2011-06-15", "sts"), (b'{"a": 1}', "organizations"), (b"", "iam")]
)
def test_signs_as_botocore_does(token: str, body: bytes, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    logging.getLogger("botocore").setLevel(logging.WARNING)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: NOW.replace(tzinfo=None))
    theirs = AWSRequest("POST", "http://127.0.0.1:9400/", headers={"content-type": "x/y;  z", "host": "127.0.0.1:9400"}, data=body)
    SigV4Auth(Theirs("ASIAEXAMPLE", "secret/key+", token or None), service, "eu-west-1").add_auth(theirs)
    given = {"content-type": "x/y;  z", "host": "127.0.0.1:9400"}
    ours = aws.signed(aws.Credentials("ASIAEXAMPLE", "secret/key+", token), "POST", "/", given, body, service, "eu-west-1", NOW)
    assert ours["authorization"] == theirs.headers["Authorization"]
    assert ours.get("x-amz-security-token", "") == token


def test_credentials_do_not_show_themselves() -> None:
    shown = repr(aws.Credentials("ASIAEXAMPLE", "SECRETKEY", "TOKEN"))
    assert "ASIAEXAMPLE" in shown
    assert "SECRETKEY" not in shown and "TOKEN" not in shown


def test_an_answer_that_is_no_xml_is_an_error_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: Any) -> tuple[int, bytes]:
        return 502, b"<html><br>Bad gateway"

    monkeypatch.setattr(aws.Client, "_send", answer)
    with pytest.raises(aws.AwsError, match="no XML"):
        aws.Client("http://127.0.0.1:1").query("sts", "GetCallerIdentity")
