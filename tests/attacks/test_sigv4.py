"""Attacks on signatures: one test per row of the attack table, black box over HTTP. Each has a benign twin that succeeds."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from attacks.conftest import Target, accepted, refused, trust
from daypass.services import __all__ as offered_services
from daypass.way.operation import OPERATIONS
from rig.http import Attempt, Bend, form, json_call, presign, sign, stamp, who_am_i
from rig.node import Keys, model_of

SCOPE = "20260101/us-east-1/sts/aws4_request"


def blank(target: Target, service: str, operation: str) -> Attempt:
    """A call of an operation without parameters: enough to reach the verifier, which comes before them."""
    metadata = model_of(service).metadata
    if metadata["protocol"] == "query":
        return form(target.url, {"Action": operation}, metadata["apiVersion"])
    return json_call(target.url, f"{metadata['targetPrefix']}.{operation}", {})


ROUTES = sorted(row for row, operation in OPERATIONS.items() if not operation.shape.unsigned)


@pytest.mark.parametrize("kind", ["header", "presigned", "bearer", "streaming", "unsigned-trailer", "sigv2", "sigv4a"])
@pytest.mark.parametrize("service", offered_services)
def test_C01_every_route_every_mechanism_with_a_random_signature(target: Target, service: str, kind: str) -> None:
    for route in (row for row in ROUTES if row[0] == service):
        attempt = blank(target, *route)
        name = model_of(service).signing_name
        forged = secrets.token_hex(32)
        if kind == "header":
            attempt = sign(attempt, target.alice, Bend(service=name, signature=forged))
        elif kind == "presigned":
            attempt = presign(attempt, target.alice, Bend(service=name, signature=forged))
        elif kind == "bearer":
            attempt = attempt.with_header("Authorization", f"Bearer {forged}")
        elif kind == "streaming":
            attempt = attempt.with_header("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
            attempt = sign(attempt, target.alice, Bend(service=name, signature=forged))
        elif kind == "unsigned-trailer":
            attempt = attempt.with_header("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
            attempt = sign(attempt, target.alice, Bend(service=name, signature=forged))
        elif kind == "sigv2":
            attempt = replace(attempt, query=f"AWSAccessKeyId={target.alice.id}&Signature={forged}&Expires=99999999999")
        else:
            attempt = sign(attempt, target.alice, Bend(service=name, signature=forged, algorithm="AWS4-ECDSA-P256-SHA256"))
        reply = attempt.send()
        assert 400 <= reply.status < 500, (route, reply)
        assert reply.code and b"Arn" not in reply.body, (route, reply)
    accepted(sign(who_am_i(target.url), target.alice).send())


def test_C02_a_credential_in_the_query_is_not_an_identity(target: Target) -> None:
    for signature in ("", "&X-Amz-Signature=" + "0" * 64):
        query = f"X-Amz-Credential={quote(f'{target.alice.id}/{SCOPE}', safe='')}{signature}"
        attempt = replace(who_am_i(target.url), query=query).with_header("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        refused(attempt.send(), "IncompleteSignature", "MissingAuthenticationToken")
    accepted(presign(who_am_i(target.url), target.alice).send())


def test_C04_two_mechanisms_in_one_request(target: Target) -> None:
    header = sign(who_am_i(target.url), target.alice)
    both = replace(header, query=presign(who_am_i(target.url), target.bob).query)
    refused(both.send(), "IncompleteSignature", status=400)
    signed_query = presign(who_am_i(target.url), target.bob)
    refused(signed_query.with_header("Authorization", "Bearer token-of-carol").send(), "IncompleteSignature", status=400)
    refused(header.with_header("Authorization", "Bearer token-of-carol").send(), "IncompleteSignature", "MalformedQueryString", status=400)
    accepted(header.send())
    accepted(signed_query.send())


def test_C05_the_body_is_bound(target: Target) -> None:
    signed = sign(who_am_i(target.url), target.alice)
    other = replace(signed, body=signed.body.replace(b"GetCallerIdentity", b"GetSessionToken"))
    refused(other.send(), "SignatureDoesNotMatch", status=403)
    refused(replace(signed, body=signed.body + b"&X=1").send(), "SignatureDoesNotMatch", status=403)
    for claim in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", hashlib.sha256(signed.body).hexdigest()):
        attempt = who_am_i(target.url).with_header("X-Amz-Content-Sha256", claim)
        bent = sign(attempt, target.alice, Bend(payload=claim))
        refused(replace(bent, body=other.body).send(), "SignatureDoesNotMatch", "IncompleteSignature")
    own = who_am_i(target.url)
    accepted(sign(own.with_header("X-Amz-Content-Sha256", hashlib.sha256(own.body).hexdigest()), target.alice).send())


@pytest.mark.parametrize(
    "name", ["x-amz-security-token", "x-amz-acl", "x-amz-tagging", "x-amz-copy-source", "x-amz-meta-owner", "X-AMZ-Target"]
)
def test_C07_an_unsigned_amz_header(target: Target, name: str) -> None:
    for attempt in (presign(who_am_i(target.url), target.alice), sign(who_am_i(target.url), target.alice)):
        reply = attempt.with_header(name, "x").send()
        assert reply.status in (400, 403) and reply.code, reply
    accepted(presign(who_am_i(target.url), target.alice).send())


@pytest.mark.parametrize(
    "listed",
    [
        "x-amz-date",
        "host;;x-amz-date",
        "host;host;x-amz-date",
        "Host;x-amz-date",
        "x-amz-date;host",
        "host;x-absent;x-amz-date",
        "",
        ";",
        "host;x-amz-date;",
    ],
)
def test_C08_the_list_of_signed_headers(target: Target, listed: str) -> None:
    names = tuple(name for name in listed.lower().split(";"))
    refused(
        sign(who_am_i(target.url), target.alice, Bend(signed=names, listed=listed)).send(), "IncompleteSignature", "SignatureDoesNotMatch"
    )
    if "x-amz-date" not in listed or listed == "x-amz-date":
        refused(
            presign(who_am_i(target.url), target.alice, Bend(signed=names, listed=listed)).send(),
            "IncompleteSignature",
            "SignatureDoesNotMatch",
        )
    accepted(sign(who_am_i(target.url), target.alice, Bend(signed=("host", "x-amz-date"))).send())


@pytest.mark.parametrize(
    "bend",
    [
        Bend(service="iam"),
        Bend(service="s3"),
        Bend(service="STS"),
        Bend(service=""),
        Bend(terminator="aws4"),
        Bend(terminator="AWS4_REQUEST"),
        Bend(date="20200101"),
        Bend(date=""),
    ],
)
def test_C10_the_scope(target: Target, bend: Bend) -> None:
    refused(sign(who_am_i(target.url), target.alice, bend).send(), "SignatureDoesNotMatch", "IncompleteSignature")
    refused(presign(who_am_i(target.url), target.alice, bend).send(), "SignatureDoesNotMatch", "IncompleteSignature")
    accepted(sign(who_am_i(target.url), target.alice, Bend(region="eu-central-7")).send())


def test_C10_a_signature_is_not_moved_to_another_scope(target: Target) -> None:
    signed = sign(who_am_i(target.url), target.alice)
    value = dict(signed.headers)["Authorization"]
    today = stamp()[:8]
    for old, new in (("us-east-1", "us-east-2"), ("/sts/", "/iam/"), (today, "20200101"), ("aws4_request", "aws4_reply")):
        moved = signed.without_header("Authorization").with_header("Authorization", value.replace(old, new))
        refused(moved.send(), "SignatureDoesNotMatch", "IncompleteSignature")
    accepted(signed.send())


def test_H19_signatures_of_every_prefix_length_and_other_alphabets(target: Target) -> None:
    good = dict(sign(who_am_i(target.url), target.alice).headers)["Authorization"].rsplit("=", 1)[1]
    for length in (0, 1, 32, 63):
        forged = good[:length] + "".join("0" if c != "0" else "1" for c in good[length:])
        refused(sign(who_am_i(target.url), target.alice, Bend(signature=forged)).send(), "SignatureDoesNotMatch")
    for forged in ("é" * 64, good.upper() + "\u00e9", good[:-1], good + "0", "", "g" * 64, "0x" + good[:62]):
        refused(
            sign(who_am_i(target.url), target.alice, Bend(signature=forged or " ")).send(), "IncompleteSignature", "SignatureDoesNotMatch"
        )


@pytest.mark.parametrize(
    "when",
    [
        "2026112T20340Z",
        "20261124t120000z",
        "20261124T1200000Z",
        "2026-11-24T12:00:00Z",
        "20261124T120000",
        "20261324T120000Z",
        "20261124T250000Z",
        "٢٠٢٦١١٢٤T120000Z".encode().decode("latin-1"),
        "",
        " 20261124T120000Z0",
    ],
)
def test_H21_times_that_are_not_canonical(target: Target, when: str) -> None:
    refused(
        sign(who_am_i(target.url), target.alice, Bend(stamp=when or " ", date=stamp()[:8])).send(),
        "IncompleteSignature",
        "SignatureDoesNotMatch",
    )


@pytest.mark.parametrize("seconds", [-3600, -301, 330, 3600])  # what comes late is further in the past
def test_H21_outside_of_the_window(target: Target, seconds: int) -> None:
    when = stamp(datetime.now(UTC) + timedelta(seconds=seconds))
    reply = sign(who_am_i(target.url), target.alice, Bend(stamp=when)).send()
    refused(reply, "SignatureDoesNotMatch", status=403)
    assert ("Signature expired" if seconds < 0 else "Signature not yet current") in reply.text
    assert "date" in reply.headers
    wrong = sign(who_am_i(target.url), Keys(target.alice.id, "x" * 40), Bend(stamp=when)).send()
    assert "Signature expired" not in wrong.text and "not yet" not in wrong.text, "the clock is told to the owner of the secret only"
    for inside in (-240, 240):
        accepted(sign(who_am_i(target.url), target.alice, Bend(stamp=stamp(datetime.now(UTC) + timedelta(seconds=inside)))).send())


@pytest.mark.parametrize("expires", ["0", "-1", "604801", "1e3", "٣٦٠٠", "3600 ", "", "0x10", "99999999999999999999", "1_0"])
def test_H21_lifetimes_of_presigned_requests(target: Target, expires: str) -> None:
    reply = presign(who_am_i(target.url), target.alice, expires=expires).send()
    assert reply.status in (400, 403) and reply.code, reply
    accepted(presign(who_am_i(target.url), target.alice, expires="604800").send())


def test_H21_a_presigned_request_ends_on_time(target: Target) -> None:
    when = stamp(datetime.now(UTC) - timedelta(seconds=120))
    reply = presign(who_am_i(target.url), target.alice, Bend(stamp=when), expires="60").send()
    assert reply.status in (400, 403) and reply.code in ("RequestExpired", "SignatureDoesNotMatch"), reply
    accepted(presign(who_am_i(target.url), target.alice, Bend(stamp=when), expires="600").send())


@pytest.mark.parametrize(
    ("path", "query"),
    [("//", ""), ("/./", ""), ("/../", ""), ("/%2e/", ""), ("/%2F", ""), ("/", "a=b"), ("/", "a"), ("/", "&"), ("/", "=")],
)
def test_H22_another_target_than_was_signed(target: Target, path: str, query: str) -> None:
    signed = sign(who_am_i(target.url), target.alice)
    reply = replace(signed, path=path, query=query).send()
    if reply.status == 200:  # what canonicalises to the same bytes is the same request
        assert path in ("//", "/./", "/../") and not query
        return
    assert 400 <= reply.status < 500, reply
    accepted(signed.send())


def test_H24_a_forwarded_host_is_not_the_host(target: Target) -> None:
    signed = sign(who_am_i(target.url).with_header("Host", "sts.amazonaws.com"), target.alice)
    moved = signed.without_header("Host")
    for attempt in (
        signed,
        moved,
        moved.with_header("X-Forwarded-Host", "sts.amazonaws.com"),
        moved.with_header("Forwarded", "host=sts.amazonaws.com"),
    ):
        reply = attempt.send()
        assert reply.status == 403 and reply.code in ("AccessDenied", "SignatureDoesNotMatch"), reply
    accepted(sign(who_am_i(target.url).with_header("X-Forwarded-Host", "sts.amazonaws.com"), target.alice).send())


@pytest.mark.parametrize(
    "algorithm", ["AWS4-HMAC-SHA1", "AWS4-ECDSA-P256-SHA256", "AWS3-HMAC-SHA256", "aws4-hmac-sha256", "AWS4-HMAC-SHA256,AWS4-HMAC-SHA1", ""]
)
def test_H27_other_algorithms(target: Target, algorithm: str) -> None:
    refused(sign(who_am_i(target.url), target.alice, Bend(algorithm=algorithm)).send(), "IncompleteSignature")
    refused(presign(who_am_i(target.url), target.alice, Bend(algorithm=algorithm)).send(), "IncompleteSignature")


@pytest.mark.parametrize(
    "value", ["AWS AKIDEXAMPLE:c2ln", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=", "Basic dXNlcjpwYXNz", "", "Negotiate x"]
)
def test_H27_an_unreadable_header_is_not_anonymous(target: Target, value: str) -> None:
    attempt = who_am_i(target.url).with_header("Authorization", value)
    reply = attempt.send()
    refused(reply, "IncompleteSignature", "MissingAuthenticationToken")
    assert value == "" or reply.code == "IncompleteSignature"


def test_M04_what_is_wrong_with_a_key_is_told_alike(target: Target) -> None:
    iam = target.client("iam")
    iam.create_user(UserName="m04")
    key = Keys.of(iam.create_access_key(UserName="m04")["AccessKey"])
    accepted(sign(who_am_i(target.url), key).send())
    iam.update_access_key(UserName="m04", AccessKeyId=key.id, Status="Inactive")
    unknown = Keys("AKIA" + key.id[4:-1] + ("A" if key.id[-1] != "A" else "B"), key.secret)
    session = target.session(
        target.role(
            "m04",
            trust({"AWS": target.account}),
        ),
        target.alice,
    )
    bodies = set()
    for keys in (
        key,
        unknown,
        Keys(session.id, session.secret),
        Keys(session.id, session.secret, "x" * 300),
        Keys(key.id, key.secret, session.token),
    ):
        reply = sign(who_am_i(target.url), keys).send()
        refused(reply, "InvalidClientTokenId", status=403)
        bodies.add(reply.text.split("<RequestId>")[0])
    assert len(bodies) == 1


def test_L08_get_caller_identity_cannot_be_denied_but_expires(target: Target) -> None:
    iam = target.client("iam")
    iam.create_user(UserName="l08")
    iam.put_user_policy(
        UserName="l08",
        PolicyName="deny",
        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}',
    )
    key = Keys.of(iam.create_access_key(UserName="l08")["AccessKey"])
    accepted(sign(who_am_i(target.url), key).send())
    refused(target.call("GetAccessKeyInfo", key, AccessKeyId=key.id), "AccessDenied", status=403)
