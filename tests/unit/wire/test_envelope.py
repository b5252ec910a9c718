from __future__ import annotations

import json
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.values.errors import Refusal
from daypass.values.secret import Secret
from daypass.wire.catalogue import get_operation
from daypass.wire.envelope import render_output, render_refusal
from unit.wire.requests import form, rest, target

ID = "6a5b1c2d-0000-4000-8000-1234567890ab"
IAM = "{https://iam.amazonaws.com/doc/2010-05-08/}"


def test_a_query_answer() -> None:
    operation = get_operation("sts", "get_caller_identity")
    response = render_output(operation, {"UserId": "U", "Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root"}, ID)
    assert response.status == 200
    assert dict(response.headers) == {b"content-type": b"text/xml", b"x-amzn-requestid": ID.encode()}
    assert response.body.decode() == (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><UserId>U</UserId>'
        "<Account>123456789012</Account><Arn>arn:aws:iam::123456789012:root</Arn></GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{ID}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )


def test_an_operation_without_output_has_only_the_metadata() -> None:
    body = render_output(get_operation("iam", "delete_user"), {}, ID).body.decode()
    assert body == (
        f'<DeleteUserResponse xmlns="{IAM[1:-1]}"><ResponseMetadata><RequestId>{ID}</RequestId></ResponseMetadata></DeleteUserResponse>'
    )


def test_policy_documents_are_encoded() -> None:
    document = '{"Statement": [{"Action": "s3:Get+é&*~-._"}]}'
    role = {"Path": "/", "RoleName": "r", "RoleId": "i", "Arn": "a", "CreateDate": datetime(2026, 1, 2, tzinfo=UTC)}
    body = render_output(get_operation("iam", "get_role"), {"Role": role | {"AssumeRolePolicyDocument": document}}, ID).body
    text = ElementTree.fromstring(body).findtext(f".//{IAM}AssumeRolePolicyDocument")  # noqa: S314  # our own output
    assert text == "%7B%22Statement%22%3A%20%5B%7B%22Action%22%3A%20%22s3%3AGet%2B%C3%A9%26%2A~-._%22%7D%5D%7D"
    assert b"<CreateDate>2026-01-02T00:00:00Z</CreateDate>" in body


@given(st.text())
def test_any_text_leaves_as_well_formed_xml(text: str) -> None:
    response = render_refusal(get_operation("iam", "get_role"), Refusal("NoSuchEntity", text), ID)
    said = ElementTree.fromstring(response.body).findtext(f".//{IAM}Message")  # noqa: S314  # our own output
    kept = "".join(
        char for char in text if char in "\t\n\r" or (char >= " " and not "\ud800" <= char <= "\udfff" and char not in "\ufffe\uffff")
    )
    assert (said or "").replace("\ufffd", "") == kept.replace("\ufffd", "")


@given(st.text())
def test_any_text_leaves_as_json(text: str) -> None:
    for name in ("organizations", "sso-oidc"):
        operation = get_operation(name, "create_account" if name == "organizations" else "create_token")
        body = json.loads(render_refusal(operation, Refusal("AccessDeniedException", text), ID).body)
        assert text.encode("utf-8", "replace").decode() in body.values()


def test_a_rest_refusal_names_its_error_in_a_header() -> None:
    operation = get_operation("sso-oidc", "create_token")
    members = {"error": "authorization_pending", "error_description": "d"}
    response = render_refusal(operation, Refusal("AuthorizationPendingException", "m", members=members), ID)
    assert dict(response.headers)[b"x-amzn-errortype"] == b"AuthorizationPendingException"
    assert (response.status, json.loads(response.body)) == (400, {"message": "m", **members})


@pytest.mark.parametrize(
    ("request_", "start"),
    [(form(), b"<ErrorResponse>"), (target("x"), b'{"__type":"C"'), (rest("GET", "/x"), b'{"message":"m"}'), (None, b"<ErrorResponse>")],
)
def test_a_refusal_without_operation_speaks_the_protocol_of_the_request(request_: object, start: bytes) -> None:
    assert render_refusal(None, Refusal("C", "m"), ID, request_).body.startswith(start)  # type: ignore[arg-type]  # a Request or None


def test_members_that_no_model_has_do_not_leave() -> None:
    refusal = Refusal("NoSuchEntity", "m", members={"secret": "CANARY"})
    assert b"CANARY" not in render_refusal(get_operation("iam", "get_role"), refusal, ID).body


def test_secrets_are_revealed_at_the_last_moment_only() -> None:
    credentials = {
        "AccessKeyId": "A",
        "SecretAccessKey": Secret("s&s"),
        "SessionToken": Secret("t"),
        "Expiration": datetime(2026, 1, 2, tzinfo=UTC),
    }
    body = render_output(get_operation("sts", "get_session_token"), {"Credentials": credentials}, ID).body
    assert b"<SecretAccessKey>s&amp;s</SecretAccessKey><SessionToken>t</SessionToken>" in body
    body = render_output(get_operation("daypass", "get_operator_credentials"), {"Credentials": credentials}, ID).body
    assert json.loads(body)["Credentials"] == {"AccessKeyId": "A", "SecretAccessKey": "s&s", "SessionToken": "t", "Expiration": 1767312000}


def test_none_is_left_out() -> None:
    assert b"Marker" not in render_output(get_operation("iam", "list_users"), {"Users": [], "IsTruncated": False, "Marker": None}, ID).body
    assert json.loads(render_output(get_operation("daypass", "list_sessions"), {"Sessions": (), "NextToken": None}, ID).body) == {
        "Sessions": []
    }


@pytest.mark.parametrize(
    ("service", "name", "output"),
    [
        ("iam", "list_users", {"Users": [], "IsTruncated": False, "Colour": "red"}),
        ("iam", "list_users", {"Users": [{"Colour": "red"}], "IsTruncated": False}),
        ("iam", "list_users", {"Users": [], "IsTruncated": "false"}),
        ("iam", "get_user", {"User": {"UserName": 5}}),
        ("daypass", "list_sessions", {"Sessions": [], "Colour": "red"}),
        ("daypass", "describe_server", {"Accounts": "5"}),
        ("daypass", "describe_server", {"FeedAgeSeconds": float("nan")}),
        ("sso", "get_role_credentials", {"Colour": "red"}),
        ("signin", "create_oauth2_token", {"Colour": "red"}),
    ],
)
def test_an_output_that_the_model_lacks_is_a_bug(service: str, name: str, output: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        render_output(get_operation(service, name), output, ID)


def test_sso_credentials_expire_in_milliseconds_as_given() -> None:
    output = {"roleCredentials": {"accessKeyId": "A", "expiration": 1767312000000}}
    assert json.loads(render_output(get_operation("sso", "get_role_credentials"), output, ID).body) == output
