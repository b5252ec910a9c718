"""Reading what a signed request claims: every form is read in full or refused, and nothing unreadable counts as anonymous."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from daypass.proof.sigv4_claim import read_claim, read_signed_headers
from daypass.values.errors import ProofError, ProofFault
from daypass.values.request import Request
from unit.proof.requests import KEY_ID, NOW, STAMP, presign, sign, sts_request, with_headers, without

GET = Request("GET", b"/", b"Action=GetCallerIdentity", ((b"host", b"sts.example.test"),), b"")
SCOPE = "20260101/us-east-1/sts/aws4_request"
GOOD = f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{SCOPE}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"


def fault(request: Request) -> ProofFault:
    with pytest.raises(ProofError) as caught:
        read_claim(request)
    return caught.value.fault


def authorized(value: str | bytes, request: Request | None = None) -> Request:
    raw = value.encode("latin-1") if isinstance(value, str) else value
    return with_headers(sts_request() if request is None else request, (b"authorization", raw))


def test_the_header_form() -> None:
    claim = read_claim(authorized(GOOD))
    assert claim is not None
    assert (claim.key_id, claim.date, claim.region, claim.service) == (KEY_ID, "20260101", "us-east-1", "sts")
    assert (claim.signed_headers, claim.signature) == (("host", "x-amz-date"), "0" * 64)
    assert (claim.timestamp, claim.stamp, claim.token, claim.expires_in, claim.presigned) == (NOW, STAMP, "", None, False)


def test_the_presigned_form() -> None:
    claim = read_claim(presign(GET, expires="60", extra="&X-Amz-Security-Token=a%2Fb%3D"))
    assert claim is not None
    assert (claim.key_id, claim.stamp, claim.token, claim.expires_in, claim.presigned) == (KEY_ID, STAMP, "a/b=", 60, True)


def test_a_security_token_is_read_from_its_header() -> None:
    claim = read_claim(with_headers(authorized(GOOD), (b"x-amz-security-token", b"abc/+=")))
    assert claim is not None and claim.token == "abc/+="
    assert "abc" not in repr(claim)


@pytest.mark.parametrize("token", [b"", b"a b", b"a\tb", b"\xff", b"a" * 4097, b"a\x00"])
def test_a_malformed_token_is_an_invalid_one(token: bytes) -> None:
    assert fault(with_headers(authorized(GOOD), (b"x-amz-security-token", token))) is ProofFault.UNKNOWN_KEY


def test_the_longest_token_is_read() -> None:
    claim = read_claim(with_headers(authorized(GOOD), (b"x-amz-security-token", b"a" * 4096)))
    assert claim is not None and len(claim.token) == 4096


@pytest.mark.parametrize(
    "value",
    [
        GOOD.replace(", ", ","),
        GOOD.replace(", ", " ,   "),
        GOOD.replace("SHA256 ", "SHA256   "),
        f"AWS4-HMAC-SHA256 Signature={'0' * 64}, Credential={KEY_ID}/{SCOPE}, SignedHeaders=host;x-amz-date",
    ],
)
def test_spaces_and_order_of_the_parts_are_free(value: str) -> None:
    assert read_claim(authorized(value)) == read_claim(authorized(GOOD))


def test_no_credential_at_all_is_none() -> None:
    assert read_claim(sts_request()) is None
    assert read_claim(GET) is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 Credential",
        GOOD.replace("Credential=", "credential="),
        GOOD.replace("Signature=", "Extra=1, Signature="),
        GOOD + ", Signature=" + "1" * 64,
        GOOD + ",",
        GOOD.partition(", SignedHeaders")[0],
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{SCOPE}, Signature={'0' * 64}",
        f"AWS4-HMAC-SHA256 SignedHeaders=host, Signature={'0' * 64}",
        GOOD.replace(KEY_ID, ""),
        GOOD.replace(KEY_ID, "a/b"),
        GOOD.replace(KEY_ID, "AKIÄ"),
        GOOD.replace(KEY_ID, "A" * 129),
        GOOD.replace("20260101/", ""),
        GOOD.replace("20260101/", "2026010/"),
        GOOD.replace("20260101/", "2026010²/"),
        GOOD.replace("us-east-1", ""),
        GOOD.replace("us-east-1", "us east 1"),
        GOOD.replace("us-east-1", "a" * 65),
        GOOD.replace("/sts/", "//"),
        GOOD.replace("aws4_request", ""),
        GOOD + " " * 8192,
    ],
)
def test_an_unreadable_header_never_counts_as_anonymous(value: str) -> None:
    assert fault(authorized(value)) is ProofFault.INCOMPLETE


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ProofError, match=r"requires 'SignedHeaders' parameter\. Authorization header requires 'Signature' parameter\."):
        read_claim(authorized(f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{SCOPE}"))


def test_the_longest_header_is_read() -> None:
    padded = GOOD.replace(", Signature", "," + " " * (8193 - len(GOOD)) + "Signature")
    assert len(padded) == 8192
    assert read_claim(authorized(padded)) == read_claim(authorized(GOOD))
    assert fault(authorized(padded + " ")) is ProofFault.INCOMPLETE


def test_another_terminator_is_another_scope() -> None:
    assert fault(authorized(GOOD.replace("aws4_request", "aws5_request"))) is ProofFault.SCOPE


@pytest.mark.parametrize(
    "value",
    [
        "AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=",
        "AWS3-HTTPS AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE,Algorithm=HmacSHA256,Signature=x",
        GOOD.replace("SHA256", "SHA1"),
        GOOD.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        GOOD.replace("AWS4-HMAC-SHA256", "aws4-hmac-sha256"),
        "Bearer abc",
        "Basic YTpi",
        "Negotiate",
    ],
)
def test_other_mechanisms_are_unsupported(value: str) -> None:
    assert fault(authorized(value)) is ProofFault.UNSUPPORTED


# One mechanism (C02, C04, C13, C14)


def test_two_authorization_headers() -> None:
    assert fault(authorized("Bearer x", authorized(GOOD))) is ProofFault.SEVERAL
    assert fault(authorized(GOOD, authorized(GOOD))) is ProofFault.SEVERAL


@pytest.mark.parametrize(
    "name", ["X-Amz-Credential", "x-amz-signature", "X-Amz-Algorithm", "X-AMZ-DATE", "X-Amz-Security-Token", "X-Amz-Signatur%65"]
)
def test_header_and_query(name: str) -> None:
    assert fault(authorized(GOOD, sts_request(raw_query=f"{name}=x".encode()))) is ProofFault.SEVERAL


def test_a_portal_token_beside_a_signature_and_alone() -> None:
    token = (b"x-amz-sso_bearer_token", b"abc")
    assert fault(with_headers(authorized(GOOD), token)) is ProofFault.SEVERAL
    assert fault(with_headers(presign(GET), token)) is ProofFault.SEVERAL
    assert fault(with_headers(sts_request(), token)) is ProofFault.UNSUPPORTED


@pytest.mark.parametrize(
    "name", [b"host", b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256", b"content-type", b"x-amz-target", b"date"]
)
def test_headers_that_must_not_come_twice(name: bytes) -> None:
    request = with_headers(without(sts_request(), name), (name, b"a"), (name, b"a"))
    assert fault(request) is ProofFault.INCOMPLETE
    assert fault(authorized(GOOD, request)) is ProofFault.INCOMPLETE


@pytest.mark.parametrize(
    "name", ["X-Amz-Credential", "x-amz-credential", "x-amz-date", "X-AMZ-SIGNATURE", "x-amz-%65xpires", "X-Amz-SignedHeaders"]
)
def test_signing_parameters_that_come_twice_in_any_case(name: str) -> None:
    request = presign(GET)
    assert fault(replace(request, raw_query=request.raw_query + f"&{name}=x".encode())) is ProofFault.INCOMPLETE


@pytest.mark.parametrize("name", ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"])
def test_a_presigned_request_is_whole_or_refused(name: str) -> None:
    request = presign(GET)
    kept = [piece for piece in request.raw_query.split(b"&") if not piece.startswith(f"X-Amz-{name}=".encode())]
    assert fault(replace(request, raw_query=b"&".join(kept))) is ProofFault.INCOMPLETE


def test_one_signing_parameter_alone_is_not_anonymous() -> None:
    for name in (b"X-Amz-Credential", b"X-Amz-Security-Token", b"x-amz-date"):
        assert fault(replace(GET, raw_query=name + b"=x")) is ProofFault.INCOMPLETE


def test_a_token_header_alone_is_not_anonymous() -> None:
    assert fault(with_headers(sts_request(), (b"x-amz-security-token", b"abc"))) is ProofFault.INCOMPLETE


@pytest.mark.parametrize("name", [b"x-amz-date", b"x-amz-security-token"])
def test_a_presigned_request_has_no_second_date_or_token(name: bytes) -> None:
    assert fault(with_headers(presign(GET), (name, STAMP.encode()))) is ProofFault.SEVERAL


@pytest.mark.parametrize("query", [b"AWSAccessKeyId=AKIA&Signature=x&Expires=1", b"awsaccesskeyid=AKIA", b"A%57SAccessKeyId=AKIA"])
def test_sigv2_in_the_query(query: bytes) -> None:
    assert fault(replace(GET, raw_query=query)) is ProofFault.UNSUPPORTED


@pytest.mark.parametrize(
    "body", [b"Action=X&AWSAccessKeyId=AKIA&Signature=x", b"awsaccesskeyid=1", b"X-Amz-Signature=1", b"a=1&x-amz-credential=1"]
)
def test_credentials_in_a_form_body(body: bytes) -> None:
    assert fault(sts_request(body=body)) is ProofFault.UNSUPPORTED
    assert read_claim(with_headers(without(sts_request(body=body), b"content-type"), (b"content-type", b"application/json"))) is None


@pytest.mark.parametrize("algorithm", ["AWS4-HMAC-SHA1", "AWS4-ECDSA-P256-SHA256", "junk"])
def test_other_algorithms_in_the_query(algorithm: str) -> None:
    request = presign(GET)
    assert fault(replace(request, raw_query=request.raw_query.replace(b"AWS4-HMAC-SHA256", algorithm.encode()))) is ProofFault.UNSUPPORTED


def test_an_empty_algorithm_in_the_query() -> None:
    request = presign(GET)
    assert fault(replace(request, raw_query=request.raw_query.replace(b"AWS4-HMAC-SHA256", b""))) is ProofFault.INCOMPLETE


@pytest.mark.parametrize("expires", ["0", "604801", "-1", "+60", "1e3", "60 ", "%D9%A3", "", "1_0", "9999999", "000060"])
def test_expires_is_a_plain_number_of_seconds(expires: str) -> None:
    assert fault(presign(GET, expires=expires)) is ProofFault.INCOMPLETE


@pytest.mark.parametrize("expires", ["1", "604800"])
def test_expires_from_one_second_to_seven_days(expires: str) -> None:
    claim = read_claim(presign(GET, expires=expires))
    assert claim is not None and claim.expires_in == int(expires)


# Time (H21)


@pytest.mark.parametrize(
    "stamp",
    [
        "2026112T20340Z",
        "20260101t000000Z",
        "20260101T000000z",
        "20260101T000000",
        "20260101T000000Z ",
        "20260101T000000Z\n",
        "20260230T000000Z",
        "20260101T240000Z",
        "20260101T000060Z",
        "20260101T006000Z",
        "00000101T000000Z",
        "2026-01-01T00:00:00Z",
        "２0260101T000000Z",
        "",
    ],
)
def test_a_timestamp_has_one_spelling(stamp: str) -> None:
    raw = stamp.encode("utf-8")
    assert fault(authorized(GOOD, with_headers(without(sts_request(), b"x-amz-date"), (b"x-amz-date", raw)))) is ProofFault.INCOMPLETE


def test_the_date_header_serves_where_x_amz_date_is_absent() -> None:
    request = with_headers(without(sts_request(), b"x-amz-date"), (b"date", b"Thu, 01 Jan 2026 00:00:00 GMT"))
    claim = read_claim(authorized(GOOD, request))
    assert claim is not None and claim.stamp == STAMP and claim.timestamp == NOW == datetime(2026, 1, 1, tzinfo=UTC)
    both = read_claim(authorized(GOOD, with_headers(sts_request(), (b"date", b"junk"))))
    assert both is not None and both.stamp == STAMP


@pytest.mark.parametrize(
    "date",
    [
        "",
        "Thu, 01 Jan 2026 00:00:00 +0000",
        "Thu, 32 Jan 2026 00:00:00 GMT",
        "Thursday, 01-Jan-26 00:00:00 GMT",
        "Thu, 01 Foo 2026 00:00:00 GMT",
    ],
)
def test_a_date_header_has_one_spelling(date: str) -> None:
    request = with_headers(without(sts_request(), b"x-amz-date"), (b"date", date.encode()))
    assert fault(authorized(GOOD, request)) is ProofFault.INCOMPLETE


def test_no_time_at_all() -> None:
    assert fault(authorized(GOOD, without(sts_request(), b"x-amz-date"))) is ProofFault.INCOMPLETE


# SignedHeaders (C08)


@pytest.mark.parametrize(
    "names",
    ["x-amz-date", "", "host;", ";host", "host;;x-amz-date", "host;host", "Host", "x-amz-date;host", "host;x y", "host,x", "höst;host"],
)
def test_signed_headers_are_a_clean_list_with_host(names: str) -> None:
    assert fault(authorized(GOOD.replace("host;x-amz-date", names))) is ProofFault.INCOMPLETE


def test_signed_headers_are_bounded() -> None:
    fine = ["host", *(f"x-{number:03}" for number in range(99))]
    assert len(read_signed_headers(";".join(fine).encode())) == 100
    with pytest.raises(ProofError):
        read_signed_headers(";".join([*fine, "x-200"]).encode())


def test_our_signer_is_read() -> None:
    claim = read_claim(sign(sts_request()))
    assert claim is not None and claim.signed_headers == ("content-type", "host", "x-amz-date")
