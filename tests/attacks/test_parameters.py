"""Attacks with parameters, headers and bodies: duplicates, unknown fields, size, depth, methods. One test per row of the attack table."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from attacks.conftest import Target, accepted, refused
from rig.http import Attempt, Bend, form, json_call, presign, sign, who_am_i
from rig.node import Keys

ORGANIZATIONS = Bend(service="organizations")
LIST_ACCOUNTS = "AWSOrganizationsV20161128.ListAccounts"
MALFORMED = (
    "MalformedQueryString",
    "IncompleteSignature",
    "ValidationError",
    "SignatureDoesNotMatch",
    "SerializationException",
    "MissingAction",
)


def raw_body(target: Target, body: bytes) -> Attempt:
    return sign(replace(who_am_i(target.url), body=body), target.alice)


@pytest.mark.parametrize(
    "extra",
    [
        "x-amz-credential=AKIAX%2F1%2F1%2F1%2Faws4_request",
        "X-Amz-Date=20260101T000000Z",
        "Action=GetCallerIdentity&Action=GetSessionToken",
        "Action=GetCallerIdentity&action=GetSessionToken",
        "a=%zz",
        "a=%",
        "a;b=1",
        "a=%ff%fe",
        "X-Amz-Expires=60",
    ],
)
def test_C13_parameters_twice_or_dropped_in_a_presigned_query(target: Target, extra: str) -> None:
    base = Attempt(
        target.url, method="GET", query=f"{extra}&Version=2011-06-15" + ("" if "Action" in extra else "&Action=GetCallerIdentity")
    )
    refused(presign(base, target.alice).send(), *MALFORMED)
    accepted(presign(Attempt(target.url, method="GET", query="Action=GetCallerIdentity&Version=2011-06-15"), target.alice).send())


@pytest.mark.parametrize("name", ["Authorization", "Host", "X-Amz-Date", "X-Amz-Security-Token", "Content-Type", "X-Amz-Content-Sha256"])
def test_C14_headers_twice(target: Target, name: str) -> None:
    keys = target.mallory if name == "X-Amz-Security-Token" else target.alice
    signed = sign(who_am_i(target.url), keys)
    values = {key.lower(): value for key, value in signed.headers} | {"host": signed.host, "x-amz-content-sha256": "0" * 64}
    for value in (values[name.lower()], "x"):
        twice = replace(signed, headers=[("Host", signed.host), *signed.headers, (name, value)])
        if name == "X-Amz-Content-Sha256":
            twice = twice.with_header(name, value)
        reply = twice.send()
        assert reply.status in (400, 403) and b"Arn" not in reply.body, (name, reply)
    accepted(signed.send())


@pytest.mark.parametrize(
    "body",
    [
        b"Action=GetCallerIdentity&Version=2011-06-15&Action=GetSessionToken",
        b"Action=GetCallerIdentity&action=GetSessionToken&Version=2011-06-15",
        b"Action=GetCallerIdentity&Version=2011-06-15&Version=2010-05-08",
        b"Action=GetCallerIdentity&Version=2011-06-15&%41ction=GetSessionToken",
    ],
)
def test_C14_parameters_twice_in_a_form(target: Target, body: bytes) -> None:
    refused(raw_body(target, body).send(), *MALFORMED, status=400)


def test_C14_action_in_query_and_body(target: Target) -> None:
    both = replace(who_am_i(target.url), query="Action=GetSessionToken")
    refused(sign(both, target.alice).send(), *MALFORMED, status=400)
    split = replace(who_am_i(target.url), query="Action=GetCallerIdentity", body=b"Version=2011-06-15")
    accepted(sign(split, target.alice).send())


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/x-www-form-urlencoded; charset=utf-16", "multipart/form-data; boundary=x"]
)
def test_C14_another_content_type(target: Target, kind: str) -> None:
    attempt = replace(who_am_i(target.url), headers=[("Content-Type", kind)])
    reply = sign(attempt, target.alice).send()
    assert 400 <= reply.status < 500 and reply.code, reply


@pytest.mark.parametrize(
    "field",
    ["UserId", "aws:PrincipalArn", "account", "Account", "PrincipalArn", "PolicyArn", "target", "aws:userid", "X-Amz-User", "AccessKeyId"],
)
def test_C41_unknown_and_privileged_fields(target: Target, field: str) -> None:
    plain = target.call("GetCallerIdentity", target.bob).text.split("<ResponseMetadata>")[0]
    added = target.call("GetCallerIdentity", target.bob, **{field: target.alice.id})
    accepted(added)
    assert added.text.split("<ResponseMetadata>")[0] == plain
    refused(target.call("CreateUser", target.bob, "2010-05-08", "iam", UserName="c41", **{field: "*"}), "AccessDenied", status=403)


def test_C41_a_modelled_member_that_is_not_offered_is_refused(target: Target) -> None:
    arn = f"arn:aws:iam::{target.partner}:role/OrganizationAccountAccessRole"
    refused(
        target.call(
            "AssumeRole",
            target.alice,
            RoleArn=arn,
            RoleSessionName="c41",
            **{
                "ProvidedContexts.member.1.ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter",
                "ProvidedContexts.member.1.ContextAssertion": "assertion",
            },
        ),
        "ValidationError",
        status=400,
    )
    accepted(target.call("AssumeRole", target.alice, RoleArn=arn, RoleSessionName="c41"))


def test_C41_unknown_json_members_have_no_effect(target: Target) -> None:
    attempt = json_call(target.url, LIST_ACCOUNTS, {"Account": target.partner, "PrincipalArn": "*", "MaxResults": 1})
    accepted(sign(attempt, target.alice, ORGANIZATIONS).send())
    refused(sign(attempt, target.bob, ORGANIZATIONS).send(), "AccessDeniedException", status=400)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"MaxResults":1,"MaxResults":2}',
        b'{"MaxResults":NaN}',
        b'{"MaxResults":1e400}',
        b'{"MaxResults":"1"}',
        b'{"MaxResults":true}',
        b'{"MaxResults":1.5}',
        b"\xff\xfe",
        b'{"NextToken":"\\ud800"}',
        b'{"MaxResults":' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"NextToken":"' + b"x" * 200_000 + b'"}',
        b"{}{}",
        b"{} x",
        b'{"MaxResults":0}',
        b'{"MaxResults":21}',
    ],
    ids=lambda body: body[:24].decode("latin-1") + str(len(body)),
)
def test_H67_malformed_json(target: Target, body: bytes) -> None:
    started = time.monotonic()
    reply = sign(json_call(target.url, LIST_ACCOUNTS, body), target.alice, ORGANIZATIONS).send()
    assert reply.status == 400 and reply.code in ("SerializationException", "ValidationException", "InvalidInputException"), reply
    assert json.loads(reply.body)["__type"] == reply.code
    assert reply.headers["x-amzn-requestid"]
    assert time.monotonic() - started < 10
    accepted(sign(json_call(target.url, LIST_ACCOUNTS, {}), target.alice, ORGANIZATIONS).send())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"&",
        b"=",
        b"Action",
        b"Action=",
        b"Action=%",
        b"Action=%zz",
        b"Action=GetCallerIdentity&Version=2011-06-15&x=%ff",
        b"Action=Nope&Version=2011-06-15",
        b"Action=GetCallerIdentity",
        b"Action=GetCallerIdentity&Version=1999-01-01",
        b"Action=AssumeRole&Version=2011-06-15",
        b"Action=AssumeRole&Version=2011-06-15&Tags.member.999999999.Key=a",
        b"Action=AssumeRole&Version=2011-06-15&Tags.member.0.Key=a",
        b"Action=AssumeRole&Version=2011-06-15&Tags.member.x.Key=a",
        b"Action=AssumeRole&Version=2011-06-15&" + b"&".join(b"k%d=1" % n for n in range(20_000)),
        b"Action=AssumeRole&Version=2011-06-15&RoleArn=" + b"a" * 400_000,
        b"Action=AssumeRole&Version=2011-06-15&" + b"a." * 5000 + b"b=1",
    ],
    ids=lambda body: body[:40].decode("latin-1") + str(len(body)),
)
def test_H67_malformed_forms(target: Target, body: bytes) -> None:
    reply = raw_body(target, body).send()
    assert 400 <= reply.status < 500 and reply.code, reply
    assert reply.text.startswith("<ErrorResponse") and "<RequestId>" in reply.text


def test_H67_a_body_that_is_too_large(target: Target) -> None:
    reply = raw_body(target, b"Action=GetCallerIdentity&x=" + b"a" * 3_000_000).send()
    assert reply.status == 413
    accepted(sign(who_am_i(target.url), target.alice).send())


def test_H67_a_head_that_is_too_large(target: Target) -> None:
    reply = sign(who_am_i(target.url), target.alice).with_header("X-Padding", "a" * 200_000).send()
    assert reply.status in (400, 431)
    many = who_am_i(target.url)
    for number in range(150):
        many = many.with_header(f"X-Padding-{number}", "a")
    assert many.send().status in (400, 431)
    accepted(sign(who_am_i(target.url), target.alice).send())


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "OPTIONS", "PUT", "DELETE", "HEAD", "PATCH", "FOO"])
def test_M11_other_methods(target: Target, method: str) -> None:
    reply = replace(who_am_i(target.url), method=method).send()
    assert 400 <= reply.status < 500, reply
    overridden = sign(who_am_i(target.url), target.bob).with_header("X-HTTP-Method-Override", method)
    accepted(overridden.send())


@pytest.mark.parametrize(
    "path", ["/unseal", "/metrics", "/debug", "/.git/config", "/admin", "/openapi.json", "/../etc/passwd", "/health/../control", "/%2e%2e/"]
)
def test_C55_other_paths(target: Target, path: str) -> None:
    reply = Attempt(target.url, method="GET", path=path).send()
    assert 400 <= reply.status < 500, reply
    health = Attempt(target.url, method="GET", path="/health").send()
    assert health.status == 200 and json.loads(health.body)["ready"] is True
    for word in (target.account, "daypass.db", "root.key", "0.1.0"):
        assert word not in health.text


def test_H75_errors_do_not_echo_what_is_secret(target: Target) -> None:
    token = "eyJ" + "secretsecret" * 30
    reply = form(
        target.url, {"Action": "AssumeRoleWithWebIdentity", "RoleArn": "x", "RoleSessionName": "ü" * 70, "WebIdentityToken": token}
    ).send()
    assert reply.status == 400 and "secretsecret" not in reply.text
    reply = sign(who_am_i(target.url), replace_token(target, "secrettoken" * 10)).send()
    assert "secrettoken" not in reply.text


def replace_token(target: Target, token: str) -> Keys:
    return Keys(target.mallory.id, target.mallory.secret, token)
