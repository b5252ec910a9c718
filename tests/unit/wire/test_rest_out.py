from __future__ import annotations

import base64
from xml.etree import ElementTree

import pytest

from daypass.values.errors import ProofError, ProofFault, Refusal
from daypass.wire.catalogue import Service
from daypass.wire.envelope import render_output, render_refusal
from daypass.wire.refusals import denied, not_offered, refusal_of
from unit.wire.bucket import DNS, NS, S3, S3_CONTROL

ID = "6a5b1c2d-0000-4000-8000-1234567890ab"
S3_IDS = {b"x-amz-request-id": ID.encode(), b"x-amz-id-2": base64.b64encode(ID.encode())}


def test_an_answer_in_a_body() -> None:
    response = render_output(S3.operations["ListThings"], {"Names": ["a", "<&>"]}, ID)
    assert response.body.decode() == (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<ListResult xmlns="{NS}"><Name>a</Name><Name>&lt;&amp;&gt;</Name></ListResult>'
    )
    assert dict(response.headers) == {b"content-type": b"application/xml", **S3_IDS}


def test_an_answer_without_a_body() -> None:
    response = render_output(S3.operations["PutThing"], {"Tag": '"x"'}, ID)
    assert (response.body, dict(response.headers)) == (b"", {b"etag": b'"x"', **S3_IDS})
    headers = dict(render_output(DNS.operations["PutThing"], {}, ID).headers)
    assert headers == {b"x-amzn-requestid": ID.encode()}


def test_a_raw_body_has_the_type_that_the_output_says() -> None:
    operation = S3.operations["ReadThing"]
    response = render_output(operation, {"Body": b"\xff", "Type": "text/x", "Metadata": {"A": "b"}}, ID)
    assert response.body == b"\xff"
    assert [pair for pair in response.headers if pair[0] not in S3_IDS] == [(b"content-type", b"text/x"), (b"x-amz-meta-a", b"b")]
    assert (b"content-type", b"application/octet-stream") in render_output(operation, {"Body": b""}, ID).headers


@pytest.mark.parametrize("metadata", [{"a\r\nb": "c"}, {"a": "b\r\nc"}, {"a:": "b"}, {"é": "b"}])
def test_metadata_cannot_end_its_header(metadata: dict[str, str]) -> None:
    with pytest.raises(TypeError):
        render_output(S3.operations["ReadThing"], {"Metadata": metadata}, ID)


def test_an_error_of_s3_has_no_namespace() -> None:
    refusal = Refusal("NoSuchThing", "m<>", members={"Key": "k&", "Wait": 5})
    response = render_refusal(S3.operations["PutThing"], refusal, ID)
    assert (response.status, dict(response.headers)) == (404, {b"content-type": b"application/xml", b"retry-after": b"5", **S3_IDS})
    root = ElementTree.fromstring(response.body)  # noqa: S314  # our own output
    assert (root.tag, {child.tag: child.text for child in root}) == (
        "Error",
        {"Code": "NoSuchThing", "Message": "m<>", "key": "k&", "RequestId": ID, "HostId": S3_IDS[b"x-amz-id-2"].decode()},
    )


@pytest.mark.parametrize(("service", "id_header"), [(S3_CONTROL, b"x-amz-request-id"), (DNS, b"x-amzn-requestid")])
def test_an_error_of_others_is_wrapped(service: Service, id_header: bytes) -> None:
    response = render_refusal(service.operations["PutThing"], Refusal("NoSuchThing", "m"), ID)
    assert response.body.decode() == (
        f'<ErrorResponse xmlns="{NS}"><Error><Type>Sender</Type><Code>NoSuchThing</Code><Message>m</Message></Error>'
        f"<RequestId>{ID}</RequestId></ErrorResponse>"
    )
    assert dict(response.headers)[id_header] == ID.encode()


def test_a_door_of_s3_speaks_its_words_before_any_operation_is_found() -> None:
    refusal = refusal_of(None, ProofError(ProofFault.UNKNOWN_KEY, "m"), "rest-xml")
    response = render_refusal(None, refusal, ID, protocol="rest-xml")
    assert response.status == 403
    assert b"\n<Error><Code>InvalidAccessKeyId</Code>" in response.body
    assert S3_IDS.items() <= dict(response.headers).items()


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (ProofFault.MISSING, "AccessDenied", 403),
        (ProofFault.INCOMPLETE, "AuthorizationHeaderMalformed", 400),
        (ProofFault.UNKNOWN_KEY, "InvalidAccessKeyId", 403),
        (ProofFault.EXPIRED, "ExpiredToken", 400),
        (ProofFault.SIGNATURE, "SignatureDoesNotMatch", 403),
        (ProofFault.CLOCK, "RequestTimeTooSkewed", 403),
        (ProofFault.SCOPE, "AuthorizationHeaderMalformed", 400),
    ],
)
def test_the_table_of_the_sheet_for_s3(fault: ProofFault, code: str, status: int) -> None:
    for service in (S3, S3_CONTROL):
        refusal = refusal_of(service.operations["PutThing"], ProofError(fault, "m"))
        assert (refusal.code, refusal.status) == (code, status)


def test_what_policy_denies_and_what_is_not_offered() -> None:
    for service, refused in ((S3, ("NotImplemented", 501)), (DNS, ("InvalidAction", 400))):
        operation = service.operations["PutThing"]
        assert (denied(operation, "no").code, denied(operation, "no").status) == ("AccessDenied", 403)
        assert (not_offered(operation).code, not_offered(operation).status) == refused
