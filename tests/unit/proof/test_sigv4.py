"""Verification of SigV4: vectors, scope, signed headers, body binding, presigning, clock; each refusal beside a twin that passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from daypass.proof import sigv4
from daypass.proof.sigv4 import SigningKeys, read_claim, verify
from daypass.values.errors import ProofError, ProofFault
from daypass.values.request import Request
from daypass.values.secret import Secret
from unit.proof.requests import BODY, FORM, NOW, SECRET, STAMP, hexhash, presign, sign, sts_request, with_headers, without

EMPTY = hexhash(b"")
S3_GET = Request(
    "GET", b"/bucket/a%20b/../c//d", b"", ((b"host", b"s3.test"), (b"x-amz-content-sha256", EMPTY), (b"x-amz-date", STAMP.encode())), b""
)


def check(request: Request, *, service: str = "sts", now: datetime = NOW, secret: Secret = SECRET, keys: SigningKeys | None = None) -> None:
    claim = read_claim(request)
    assert claim is not None
    verify(claim, request, secret, service=service, now=now, keys=SigningKeys() if keys is None else keys)


def fault(request: Request, **how: object) -> ProofFault:
    with pytest.raises(ProofError) as caught:
        check(request, **how)  # type: ignore[arg-type]  # the same arguments as check
    return caught.value.fault


def signed(request: Request, signature: str, headers: str, scope: str, key_id: str = "AKIAIOSFODNN7EXAMPLE") -> Request:
    value = f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={headers}, Signature={signature}"
    return with_headers(request, (b"authorization", value.encode()))


# Published or recomputed with botocore: fact sheet A §8, cases 1, 4, 5, 6


def test_vector_1_s3_presigned_get() -> None:
    query = (
        b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        b"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        b"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )
    request = Request("GET", b"/test.txt", query, ((b"host", b"examplebucket.s3.amazonaws.com"),), b"")
    check(request, service="s3", now=datetime(2013, 5, 24, tzinfo=UTC))
    assert fault(replace(request, raw_path=b"/test.txt/"), service="s3", now=datetime(2013, 5, 24, tzinfo=UTC)) is ProofFault.SIGNATURE


def test_vector_4_sts_post() -> None:
    request = signed(
        sts_request(),
        "365dde9f64c47342b863fafbb5a13c71164f7845d3f93a9cb4c17fce35a254e4",
        "content-type;host;x-amz-date",
        "20260101/us-east-1/sts/aws4_request",
    )
    check(request)
    assert fault(replace(request, body=BODY + b"&")) is ProofFault.SIGNATURE


ODD_PATH = Request("GET", b"/a%20b/../c//d", b"y=1&x=%20z", ((b"host", b"svc.example.test"), (b"x-amz-date", STAMP.encode())), b"")


def test_vector_5_path_normalised() -> None:
    scope = "20260101/us-east-1/execute-api/aws4_request"
    request = signed(ODD_PATH, "ff5a7ddd251d86f285caf5291d183df7bf2ff9c8fcfbe5c937ce5450a827db61", "host;x-amz-date", scope)
    check(request, service="execute-api")
    check(replace(request, raw_path=b"/c/d", raw_query=b"x=%20z&y=1"), service="execute-api")
    assert fault(replace(request, raw_query=b"y=1&x=z"), service="execute-api") is ProofFault.SIGNATURE


def test_vector_6_s3_path_as_sent() -> None:
    request = signed(
        with_headers(ODD_PATH, (b"x-amz-content-sha256", EMPTY)),
        "b4045ef1904193e0dad0e7ca93345bc32df8cdc2fac49f5be3b2d3a3b5311be9",
        "host;x-amz-content-sha256;x-amz-date",
        "20260101/us-east-1/s3/aws4_request",
    )
    check(request, service="s3")
    assert fault(replace(request, raw_path=b"/c/d"), service="s3") is ProofFault.SIGNATURE


def test_only_what_clients_send_is_remembered() -> None:
    """Strangers who know a key id must not fill memory with header names (H67)."""
    before = sigv4._known_bound_names.cache_info().currsize
    huge = with_headers(sts_request(), *((b"y-%d-" % number + b"a" * 200, b"1") for number in range(20)))
    check(sign(huge))
    assert sigv4._known_bound_names.cache_info().currsize == before
    check(sign(with_headers(sts_request(), (b"y-small", b"1"))))
    assert sigv4._known_bound_names.cache_info().currsize == before + 1


# Scope (C10)


@pytest.mark.parametrize("region", ["us-east-1", "aws-global", "eu-central-1"])
def test_any_region_is_taken(region: str) -> None:
    check(sign(sts_request(), region=region))


def test_scope_of_another_service_is_refused() -> None:
    request = sign(sts_request(), service="s3", payload=hexhash(BODY))
    assert fault(request, service="iam") is ProofFault.SCOPE
    with pytest.raises(ProofError, match=r"Credential should be scoped to correct service: 'iam'\."):
        check(request, service="iam")


def test_scope_date_other_than_the_timestamps_is_refused() -> None:
    assert fault(sign(sts_request(), date="20251231")) is ProofFault.SCOPE


def test_scope_that_was_not_signed_is_refused() -> None:
    request = sign(sts_request(), region="us-east-1")
    (value,) = request.values_of(b"authorization")
    moved = with_headers(without(request, b"authorization"), (b"authorization", value.replace(b"us-east-1", b"us-west-2")))
    assert fault(moved) is ProofFault.SIGNATURE


# The signature itself (H19)


def test_another_secret_is_refused() -> None:
    assert fault(sign(sts_request()), secret=Secret("another")) is ProofFault.SIGNATURE


@pytest.mark.parametrize("text", ["", "0" * 64, "é" * 64, "0" * 63, "g" * 64, "0" * 4000])
def test_a_wrong_signature_in_any_form_is_a_mismatch(text: str) -> None:
    request = sts_request()
    scope = "AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/sts/aws4_request"
    value = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={text}"
    with pytest.raises(ProofError, match="The request signature we calculated does not match the signature you provided") as caught:
        check(with_headers(request, (b"authorization", value.encode("latin-1"))))
    assert caught.value.fault is ProofFault.SIGNATURE


def test_an_upper_case_signature_is_a_mismatch() -> None:
    request = sign(sts_request())
    (value,) = request.values_of(b"authorization")
    head, _, hexed = value.rpartition(b"=")
    upper = with_headers(without(request, b"authorization"), (b"authorization", head + b"=" + hexed.upper()))
    assert fault(upper) is ProofFault.SIGNATURE


# Signed headers (C07, C08)


def test_extra_signed_and_unsigned_headers_are_taken() -> None:
    check(sign(with_headers(sts_request(), (b"x-k8s-aws-id", b"cluster"), (b"x-vault-aws-iam-server-id", b"vault"))))
    check(
        with_headers(
            sign(sts_request()), (b"x-amzn-trace-id", b"Root=1"), (b"amz-sdk-request", b"attempt=1"), (b"accept-encoding", b"identity")
        )
    )


@pytest.mark.parametrize(
    "name", [b"x-amz-security-token", b"x-amz-acl", b"x-amz-tagging", b"x-amz-copy-source", b"x-amz-meta-a", b"x-amz-target"]
)
def test_every_x_amz_header_must_be_signed(name: bytes) -> None:
    check(sign(with_headers(sts_request(), (name, b"value"))))
    late = with_headers(sign(sts_request()), (name, b"value"))
    with pytest.raises(ProofError, match="which were not signed: " + name.decode()) as caught:
        check(late)
    assert caught.value.fault is ProofFault.SIGNATURE


@pytest.mark.parametrize("name", [b"x-amz-acl", b"x-amz-meta-a", b"x-amz-copy-source"])
def test_a_presigned_request_takes_no_unsigned_x_amz_header(name: bytes) -> None:
    request = presign(Request("GET", b"/", b"Action=GetCallerIdentity", ((b"host", b"sts.example.test"),), b""))
    check(request)
    assert fault(with_headers(request, (name, b"value"))) is ProofFault.SIGNATURE


def test_a_signed_header_that_is_absent_is_refused() -> None:
    request = sign(with_headers(sts_request(), (b"x-more", b"")))
    check(request)
    assert fault(without(request, b"x-more")) is ProofFault.SIGNATURE


def test_repeated_signed_headers_are_joined_in_order() -> None:
    request = sign(with_headers(sts_request(), (b"x-more", b"a"), (b"x-more", b" b  c ")))
    check(request)
    check(with_headers(without(request, b"x-more"), (b"x-more", b"a,b c")))
    assert fault(with_headers(without(request, b"x-more"), (b"x-more", b"b c"), (b"x-more", b"a"))) is ProofFault.SIGNATURE


def test_only_the_host_header_counts_as_host() -> None:
    request = sign(sts_request())
    other = with_headers(without(request, b"host"), (b"host", b"other.test"), (b"x-forwarded-host", b"sts.example.test"))
    assert fault(other) is ProofFault.SIGNATURE


# The body (C05)


def test_the_body_is_bound_without_a_hash_header() -> None:
    assert fault(replace(sign(sts_request()), body=b"Action=AssumeRole")) is ProofFault.SIGNATURE


def test_a_hash_header_must_be_the_bodys() -> None:
    check(sign(with_headers(sts_request(), (b"x-amz-content-sha256", hexhash(BODY)))))
    lying = with_headers(sts_request(), (b"x-amz-content-sha256", hexhash(b"other")))
    assert fault(sign(lying, payload=hexhash(b"other"))) is ProofFault.SIGNATURE
    assert fault(sign(lying)) is ProofFault.SIGNATURE


@pytest.mark.parametrize(
    "value", [b"UNSIGNED-PAYLOAD", b"STREAMING-UNSIGNED-PAYLOAD-TRAILER", b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", hexhash(BODY).upper()]
)
def test_no_service_but_s3_takes_an_unsigned_or_streamed_body(value: bytes) -> None:
    request = with_headers(sts_request(), (b"x-amz-content-sha256", value))
    assert fault(sign(request, payload=value)) is ProofFault.SIGNATURE
    assert fault(sign(request)) is ProofFault.SIGNATURE


def test_a_hash_header_must_be_signed() -> None:
    assert fault(with_headers(sign(sts_request()), (b"x-amz-content-sha256", hexhash(BODY)))) is ProofFault.SIGNATURE


def test_s3_needs_a_hash_header_and_takes_unsigned_payload() -> None:
    check(sign(S3_GET, service="s3"), service="s3")
    assert fault(sign(without(S3_GET, b"x-amz-content-sha256"), service="s3"), service="s3") is ProofFault.INCOMPLETE
    open_put = replace(with_headers(without(S3_GET, b"x-amz-content-sha256"), (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD")), body=b"any")
    check(sign(open_put, service="s3", payload=b"UNSIGNED-PAYLOAD"), service="s3")
    assert fault(replace(sign(S3_GET, service="s3"), body=b"x"), service="s3") is ProofFault.SIGNATURE


@pytest.mark.parametrize("value", [b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", b"STREAMING-UNSIGNED-PAYLOAD-TRAILER", b"junk", EMPTY.upper()])
def test_s3_streams_are_refused(value: bytes) -> None:
    request = with_headers(without(S3_GET, b"x-amz-content-sha256"), (b"x-amz-content-sha256", value))
    assert fault(sign(request, service="s3", payload=value), service="s3") is ProofFault.UNSUPPORTED


def test_s3_presigned_leaves_the_body_unsigned() -> None:
    get = Request("GET", b"/bucket/key", b"", ((b"host", b"s3.test"),), b"")
    check(presign(get, service="s3", payload=b"UNSIGNED-PAYLOAD"), service="s3")
    late = with_headers(presign(get, service="s3", payload=b"UNSIGNED-PAYLOAD"), (b"x-amz-content-sha256", EMPTY))
    check(late, service="s3")
    put = with_headers(get, (b"x-amz-content-sha256", EMPTY))
    bound = presign(put, service="s3", names="host;x-amz-content-sha256", payload=EMPTY)
    check(bound, service="s3")
    assert fault(replace(bound, body=b"x"), service="s3") is ProofFault.SIGNATURE
    sts = presign(replace(get, raw_path=b"/"), payload=b"UNSIGNED-PAYLOAD")
    assert fault(sts) is ProofFault.SIGNATURE


@pytest.mark.parametrize("service", ["s3", "s3express", "s3-outposts", "s3-object-lambda"])
def test_the_services_that_sign_as_s3(service: str) -> None:
    check(sign(S3_GET, service=service), service=service)


def test_s3_takes_no_other_unsigned_x_amz_header() -> None:
    late = with_headers(sign(S3_GET, service="s3"), (b"x-amz-acl", b"public-read"))
    assert fault(late, service="s3") is ProofFault.SIGNATURE
    get = Request("GET", b"/bucket/key", b"", ((b"host", b"s3.test"),), b"")
    shared = with_headers(presign(get, service="s3", payload=b"UNSIGNED-PAYLOAD"), (b"x-amz-acl", b"public-read"))
    assert fault(shared, service="s3") is ProofFault.SIGNATURE


# Presigned (fact sheet A §1.6)

GET = Request("GET", b"/", b"Action=GetCallerIdentity&Version=2011-06-15", ((b"host", b"sts.example.test"),), b"")


def test_presigned_get_and_post() -> None:
    check(presign(GET))
    check(presign(sts_request(raw_query=b"", headers=((b"host", b"sts.example.test"), (b"content-type", FORM)))))


def test_presigned_signs_extra_headers_and_the_token() -> None:
    request = with_headers(GET, (b"x-k8s-aws-id", b"cluster"))
    check(presign(request, names="host;x-k8s-aws-id", extra="&X-Amz-Security-Token=abc%2F%3D"))


@pytest.mark.parametrize("piece", [b"&Action=Other", b"&a", b"&", b"&&"])
def test_anything_added_to_a_presigned_query_is_refused(piece: bytes) -> None:
    request = presign(GET)
    assert fault(replace(request, raw_query=request.raw_query + piece)) is ProofFault.SIGNATURE


def test_a_token_added_to_a_presigned_query_is_refused() -> None:
    request = presign(GET)
    assert fault(replace(request, raw_query=request.raw_query + b"&X-Amz-Security-Token=abc")) is ProofFault.SIGNATURE


def test_a_signed_plus_cannot_become_a_space() -> None:
    request = presign(replace(GET, raw_query=b"Action=GetCallerIdentity&Name=a%2Bb"))
    check(request)
    assert fault(replace(request, raw_query=request.raw_query.replace(b"a%2Bb", b"a+b"))) is ProofFault.INCOMPLETE


def test_a_stray_percent_is_refused() -> None:
    request = presign(GET)
    for piece in (b"&a=%", b"&a=%zz", b"&%4=1"):
        assert fault(replace(request, raw_query=request.raw_query + piece)) is ProofFault.INCOMPLETE


# The clock (fact sheet A §1.10)

SECOND = timedelta(seconds=1)
FIVE = timedelta(minutes=5)


def test_the_header_form_is_good_for_five_minutes_either_way() -> None:
    request = sign(sts_request())
    for now in (NOW - FIVE, NOW + FIVE):
        check(request, now=now)
    with pytest.raises(ProofError) as early:
        check(request, now=NOW - FIVE - SECOND)
    assert early.value.fault is ProofFault.CLOCK
    assert (
        early.value.public == "Signature not yet current: 20260101T000000Z is still later than 20251231T235959Z (20251231T235459Z + 5 min.)"
    )
    with pytest.raises(ProofError) as late:
        check(request, now=NOW + FIVE + SECOND)
    assert late.value.fault is ProofFault.CLOCK
    assert late.value.public == "Signature expired: 20260101T000000Z is now earlier than 20260101T000001Z (20260101T000501Z - 5 min.)"


def test_s3_is_good_for_fifteen_minutes() -> None:
    request = sign(S3_GET, service="s3")
    check(request, service="s3", now=NOW + 3 * FIVE)
    check(request, service="s3", now=NOW - 3 * FIVE)
    assert fault(request, service="s3", now=NOW + 3 * FIVE + SECOND) is ProofFault.CLOCK
    assert fault(request, service="s3", now=NOW - 3 * FIVE - SECOND) is ProofFault.CLOCK


def test_a_presigned_request_ends_after_its_own_seconds() -> None:
    request = presign(GET, expires="604800")
    week = timedelta(days=7)
    check(request, now=NOW - FIVE)
    check(request, now=NOW + week)
    assert fault(request, now=NOW - FIVE - SECOND) is ProofFault.CLOCK
    assert fault(request, now=NOW + week + SECOND) is ProofFault.REQUEST_EXPIRED
    with pytest.raises(ProofError, match=r"^Request has expired\.$"):
        check(request, now=NOW + week + SECOND)


def test_a_short_presigned_request_is_not_stretched_by_the_skew() -> None:
    request = presign(GET, expires="1")
    check(request, now=NOW + SECOND)
    assert fault(request, now=NOW + 2 * SECOND) is ProofFault.REQUEST_EXPIRED


def test_the_clock_is_told_only_to_the_holder_of_the_secret() -> None:
    year = timedelta(days=365)
    assert fault(sign(sts_request()), now=NOW + year, secret=Secret("x")) is ProofFault.SIGNATURE
    assert fault(presign(GET), now=NOW + year, secret=Secret("x")) is ProofFault.SIGNATURE


# The memory of keys


def test_only_a_verified_key_is_remembered() -> None:
    keys = SigningKeys()
    assert fault(sign(sts_request()), secret=Secret("x"), keys=keys) is ProofFault.SIGNATURE
    assert len(keys) == 0
    check(sign(sts_request()), keys=keys)
    check(sign(sts_request()), keys=keys)
    assert len(keys) == 1


def test_a_remembered_key_serves_no_other_secret() -> None:
    keys = SigningKeys()
    check(sign(sts_request()), keys=keys)
    assert fault(sign(sts_request()), secret=Secret("x"), keys=keys) is ProofFault.SIGNATURE
    check(sign(sts_request(), secret=Secret("x")), secret=Secret("x"), keys=keys)


def test_the_path_must_begin_with_a_slash() -> None:
    assert fault(replace(sign(sts_request()), raw_path=b"*")) is ProofFault.INCOMPLETE
