from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.values.errors import Refusal
from daypass.values.request import Request
from daypass.wire.envelope import render_refusal
from daypass.wire.read import read_input
from daypass.wire.route import find_operation
from unit.wire.requests import FORM, JSON, form, rest, target

EXAMPLES = 20_000 if os.environ.get("DAYPASS_FUZZ") else 300
ARN = b"arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2FDemo"
ROLE = b"Action=AssumeRole&Version=2011-06-15&RoleArn=" + ARN + b"&RoleSessionName=alice"


def read(request: Request) -> dict[str, Any]:
    return read_input(find_operation(request), request).values


def refusal(request: Request) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(request)
    return caught.value


def test_a_query_request() -> None:
    assert read(form(ROLE)) == {"RoleArn": "arn:aws:iam::123456789012:role/Demo", "RoleSessionName": "alice"}
    assert read(form(b"RoleSessionName=alice&" + b"RoleArn=" + ARN, query=b"Action=AssumeRole&Version=2011-06-15")) == read(form(ROLE))
    assert read(form(method="GET", query=ROLE + b"&X-Amz-Date=1&X-Amz-Signature=2")) == read(form(ROLE))


@pytest.mark.parametrize(
    "request_",
    [
        form(ROLE + b"&Action=GetCallerIdentity"),
        form(ROLE + b"&action=GetCallerIdentity"),
        form(ROLE + b"&%41ction=GetCallerIdentity"),
        form(ROLE + b"&version=x"),
        form(ROLE + b"&RoleArn=" + ARN),
        form(ROLE + b"&rolearn=x"),
        form(ROLE + b"&RoleSessionName=bob"),
        form(ROLE, query=b"RoleArn=" + ARN),
        form(ROLE + b"&"),
        form(ROLE + b";x=1"),
        form(ROLE + b"&x=%"),
        Request("POST", b"/", b"", ((b"content-type", b"application/x-www-form-urlencoded; charset=utf-7"),), ROLE),
        Request("POST", b"/", b"", ((b"content-type", b"multipart/form-data; boundary=x"),), ROLE),
        Request("POST", b"/", b"", ((b"content-type", b"text/plain"),), ROLE),
    ],
)
def test_a_query_request_that_can_be_read_in_two_ways(request_: Request) -> None:
    assert (refusal(request_).code, refusal(request_).status) == ("MalformedQueryString", 400)


def test_the_beginning_makes_no_difference() -> None:
    odd = b"Action=AssumeRole&Version=2011-06-15x&RoleArn=" + ARN
    assert refusal(form(odd)).code == "InvalidAction"
    assert refusal(form(ROLE.replace(b"AssumeRole", b"AssumeRoleX"))).code == "InvalidAction"


@pytest.mark.parametrize("value", ["", " UTF-8", "; charset=UTF-8", ";charset=utf-8", '; charset="utf-8"'])
def test_forms_say_so_in_several_ways(value: str) -> None:
    kind = ("application/x-www-form-urlencoded" if value.strip() != "UTF-8" else "APPLICATION/x-www-form-urlencoded") + value.replace(
        " UTF-8", ""
    )
    assert read(Request("POST", b"/", b"", ((b"content-type", kind.encode()),), ROLE))["RoleSessionName"] == "alice"


@pytest.mark.parametrize("value", ["899", "43201", "900 ", "1e3", "-1", "4294967296", "", "9_00", "٩٠٠"])
def test_h64_durations(value: str) -> None:
    found = refusal(form(ROLE + b"&DurationSeconds=" + quote(value).encode()))
    assert (found.code, found.status) == ("ValidationError", 400)
    assert found.message.startswith("1 validation error detected: Value")
    assert "'durationSeconds'" in found.message


def test_a_json_request() -> None:
    found = read(target("AWSOrganizationsV20161128.CreateAccount", b'{"Email":"a@b.cd","AccountName":"x","Zzz":1}'))
    assert found == {"Email": "a@b.cd", "AccountName": "x"}
    assert read(target("Daypass_20261124.DescribeServer", b"")) == {}


@pytest.mark.parametrize(
    "request_",
    [
        target("Daypass_20261124.ListSessions", b'{"Account":"123456789012","Account":"210987654321"}'),
        target("Daypass_20261124.ListSessions", b"[]"),
        target("Daypass_20261124.ListSessions", b'"x"'),
        target("Daypass_20261124.ListSessions", b'{"MaxResults":"5"}'),
        target("Daypass_20261124.ListSessions", b'{"MaxResults":5.0}'),
        target("Daypass_20261124.ListSessions", b"[" * 100_000),
        Request("POST", b"/", b"", ((b"x-amz-target", b"Daypass_20261124.ListSessions"), FORM), b"{}"),
        Request(
            "POST",
            b"/",
            b"",
            ((b"x-amz-target", b"Daypass_20261124.ListSessions"), (b"content-type", JSON[1] + b"; charset=latin-1")),
            b"{}",
        ),
        rest("POST", "/token", body=b"{"),
        rest("POST", "/token", body=b"[]"),
        rest("POST", "/token", b"a=1&A=2", body=b"{}"),
        rest("GET", "/federation/credentials", b"role_name=a&role_name=b&account_id=123456789012"),
        rest("GET", "/assignment/accounts", headers=((b"x-amz-sso_bearer_token", b"a"), (b"x-amz-sso_bearer_token", b"b"))),
        rest("GET", "/assignment/accounts", headers=((b"x-amz-sso_bearer_token", b"\xff"),)),
        rest("GET", "/assignment/accounts", b"max_result=x", headers=((b"x-amz-sso_bearer_token", b"a"),)),
    ],
)
def test_a_json_request_that_cannot_be_read(request_: Request) -> None:
    assert (refusal(request_).code, refusal(request_).status) == ("SerializationException", 400)


def test_missing_members_are_named_in_the_words_of_each_protocol() -> None:
    found = refusal(form(b"Action=AssumeRole&Version=2011-06-15"))
    assert (found.code, found.message) == (
        "ValidationError",
        "2 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null; "
        "Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null",
    )
    assert refusal(target("AWSOrganizationsV20161128.CreateAccount")).code == "ValidationException"
    found = refusal(rest("POST", "/token", body=b"{}"))
    assert (found.code, found.members["error"]) == ("InvalidRequestException", "invalid_request")


def test_a_rest_request() -> None:
    request = rest("GET", "/federation/credentials", b"role_name=a%20b&account_id=123456789012&z=1", ((b"x-amz-sso_bearer_token", b"t"),))
    found = read_input(find_operation(request), request)
    assert (found.values, found.unknown) == ({"roleName": "a b", "accountId": "123456789012", "accessToken": "t"}, 1)


def test_repeated_names_are_a_list_and_only_there() -> None:
    request = rest("DELETE", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af", b"tagKeys=a&tagKeys=b")
    assert read(request)["TagKeys"] == ["a", "b"]
    assert refusal(rest("DELETE", request.raw_path.decode(), b"tagKeys=a&TagKeys=b")).code == "SerializationException"


PATHS = st.sampled_from(
    ["/", "/token", "/v1/token", "/crl/x", "/clusters/c/assume-role-for-pod-identity", "/%zz", "//", "/2015-03-31/functions/f"]
)
BYTES = st.binary(max_size=80) | st.sampled_from(
    [ROLE, b"{}", b'{"a":', b"[" * 70, b"Action=GetCallerIdentity&Version=2011-06-15", b"\xff", b"a=1;b"]
)
HEADERS = st.lists(
    st.sampled_from([
        FORM, JSON, (b"content-type", b"\xff"), (b"content-type", b""), (b"x-amz-target", b"secretsmanager.GetSecretValue"),
        (b"x-amz-target", b"AWSOrganizationsV20161128.CreateAccount"), (b"x-amz-target", b"\xff.\xff"), (b"host", b"x"),
        (b"x-amz-sso_bearer_token", b"\xc3"),
    ]),
    max_size=3,
)  # fmt: skip


@pytest.mark.fuzz
@settings(max_examples=EXAMPLES)
@given(st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "x"]), PATHS | st.text(max_size=20), BYTES, HEADERS, BYTES)
def test_nothing_but_a_refusal_comes_of_bad_bytes(
    method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    request = Request(method, path.encode("utf-8", "surrogatepass"), query, tuple(headers), body)
    try:
        operation = find_operation(request)
    except Refusal as refused:
        assert 400 <= render_refusal(None, refused, "id", request).status < 500
        return
    try:
        read_input(operation, request)
    except Refusal as refused:
        assert 400 <= render_refusal(operation, refused, "id", request).status < 500


NAMES = st.sampled_from([
    "RoleArn", "RoleSessionName", "Policy", "Tags", "Tags.member.1.Key", "Tags.member.1", "Tags.member.2.Key", "Tags.member",
    "PolicyArns.member.1.arn",
    "DurationSeconds", "TransitiveTagKeys.member.1", "Tags.member.999999999.Key", "Tags.entry.1.key", ".", "..", "Tags.", "Action",
    "version", "x",
])  # fmt: skip


@pytest.mark.fuzz
@settings(max_examples=EXAMPLES)
@given(st.lists(st.tuples(NAMES, st.text(max_size=30)), max_size=8))
def test_nothing_but_a_refusal_comes_of_odd_parameters(pairs: list[tuple[str, str]]) -> None:
    body = ROLE + b"".join(
        b"&" + quote(n, safe="").encode() + b"=" + quote(v.encode("utf-8", "surrogatepass"), safe="").encode() for n, v in pairs
    )
    try:
        read_input(find_operation(form(body)), form(body))
    except Refusal as refused:
        assert refused.code in ("ValidationError", "MalformedQueryString")
