from __future__ import annotations

import pytest

from daypass.values.errors import Refusal
from daypass.values.request import Request
from daypass.wire.catalogue import index
from daypass.wire.route import find_operation, labels_of, protocol_of
from unit.wire.requests import FORM, JSON, form, rest, target


def found(request: Request) -> str:
    operation = find_operation(request)
    return f"{operation.service.name}.{operation.name}"


def refused(request: Request) -> tuple[str, int | None]:
    with pytest.raises(Refusal) as caught:
        find_operation(request)
    return caught.value.code, caught.value.status


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (form(b"Action=GetCallerIdentity&Version=2011-06-15"), "sts.GetCallerIdentity"),
        (form(b"Version=2010-05-08&Action=ListUsers"), "iam.ListUsers"),
        (form(b"%41ction=ListUsers&Version=2010-05-08"), "iam.ListUsers"),
        (form(b"MaxItems=5", query=b"Action=ListUsers&Version=2010-05-08"), "iam.ListUsers"),
        (form(method="GET", query=b"Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Signature=00"), "sts.GetCallerIdentity"),
        (Request("POST", b"/", b"", (), b"Action=GetCallerIdentity&Version=2011-06-15"), "sts.GetCallerIdentity"),
        (target("AWSOrganizationsV20161128.CreateAccount"), "organizations.CreateAccount"),
        (target("SWBExternalService.ListInstances"), "sso-admin.ListInstances"),
        (target("Daypass_20261124.ListSessions"), "daypass.ListSessions"),
        (rest("POST", "/token"), "sso-oidc.CreateToken"),
        (rest("POST", "/token", b"aws_iam=t"), "sso-oidc.CreateTokenWithIAM"),
        (rest("POST", "/v1/token"), "signin.CreateOAuth2Token"),
        (rest("GET", "/federation/credentials", b"role_name=a&account_id=123456789012"), "sso.GetRoleCredentials"),
        (rest("POST", "/clusters/c/assume-role-for-pod-identity"), "eks-auth.AssumeRoleForPodIdentity"),
        (rest("GET", "/2015-03-31/functions/f"), "lambda.GetFunction"),
        (rest("GET", "/authorizers"), "iot.ListAuthorizers"),
        (rest("GET", "/authorizers/"), "iot.ListAuthorizers"),
        (rest("GET", "/confirmdestination/a/b%2Fc"), "iot.ConfirmTopicRuleDestination"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_base_url_carries_all(request_: Request, name: str) -> None:
    assert found(request_) == name
    assert found(request_) == name  # also when it is known by its beginning


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (rest("GET", "/"), ("MissingAction", 400)),
        (form(b""), ("MissingAction", 400)),
        (form(b"Action=&Version=2011-06-15"), ("MissingAction", 400)),
        (form(b"action=GetCallerIdentity&Version=2011-06-15"), ("MissingAction", 400)),
        (form(b"Action=Nope&Version=2011-06-15"), ("InvalidAction", 400)),
        (form(b"Action=GetCallerIdentity"), ("InvalidAction", 400)),
        (form(b"Action=GetCallerIdentity&Version=2010-05-08"), ("InvalidAction", 400)),
        (form(b"Action=GetCallerIdentity&Version=2011-06-15", method="PUT"), ("MethodNotAllowed", 405)),
        (form(b"Action=GetCallerIdentity&Version=2011-06-15", method="GET"), ("MalformedQueryString", 400)),
        (form(b"Version=2011-06-15&Action=GetCallerIdentity&Action=AssumeRole"), ("MalformedQueryString", 400)),
        (form(b"Version=2011-06-15&Action=GetCallerIdentity&action=AssumeRole"), ("MalformedQueryString", 400)),
        (form(b"Action=AssumeRole", query=b"Action=GetCallerIdentity&Version=2011-06-15"), ("MalformedQueryString", 400)),
        (form(b"", query=b"Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Date=1&x-amz-date=2"), ("MalformedQueryString", 400)),
        (form(b"", query=b"Action=GetCallerIdentity;Version=2011-06-15"), ("MalformedQueryString", 400)),
        (form(b"Action=GetCallerIdentity&Version=2011-06-15", FORM), ("MalformedQueryString", 400)),
        (
            form(b"Action=GetCallerIdentity&Version=2011-06-15", (b"authorization", b"a"), (b"authorization", b"b")),
            ("MalformedQueryString", 400),
        ),
        (target("AWSOrganizationsV20161128.Nope"), ("UnknownOperationException", 400)),
        (target("Nope.CreateAccount"), ("UnknownOperationException", 400)),
        (target(""), ("UnknownOperationException", 400)),
        (target("a.b.c"), ("UnknownOperationException", 400)),
        (target("AWSOrganizationsV20161128.CreateAccount\n"), ("UnknownOperationException", 400)),
        (
            target("secretsmanager.GetSecretValue", b"{}", (b"x-amz-target", b"secretsmanager.PutSecretValue")),
            ("SerializationException", 400),
        ),
        (Request("POST", b"/", b"", (JSON,), b"{}"), ("UnknownOperationException", 400)),
        (Request("GET", b"/", b"", ((b"x-amz-target", b"secretsmanager.GetSecretValue"),), b""), ("UnknownOperationException", 400)),
        (rest("GET", "/nope"), ("UnknownOperationException", 404)),
        (rest("GET", "/token"), ("UnknownOperationException", 405)),
        (rest("TRACE", "/token"), ("UnknownOperationException", 405)),
        (rest("POST", "//token"), ("UnknownOperationException", 404)),
        (rest("POST", "/Token"), ("UnknownOperationException", 404)),
        (rest("POST", "/x/../token"), ("UnknownOperationException", 404)),
        (rest("POST", "/clusters/../assume-role-for-pod-identity"), ("UnknownOperationException", 404)),
        (rest("POST", "/clusters//assume-role-for-pod-identity"), ("UnknownOperationException", 404)),
        (rest("POST", "/clusters/%zz/assume-role-for-pod-identity"), ("SerializationException", 400)),
        (rest("POST", "/tok\u00e9n"), ("SerializationException", 400)),
        (rest("POST", "/token\\"), ("SerializationException", 400)),
        (rest("POST", "/token", b"a=1;b=2"), ("SerializationException", 400)),
        (rest("OPTIONS", "*"), ("SerializationException", 400)),
        (rest("POST", "/" + "a/" * 5000), ("UnknownOperationException", 404)),
    ],
)
def test_what_is_no_operation_is_refused_in_its_protocol(request_: Request, refusal: tuple[str, int]) -> None:
    assert refused(request_) == refusal


def test_a_body_that_begins_well_is_found_though_read_input_will_refuse_it() -> None:
    assert found(form(b"Action=GetCallerIdentity&Version=2011-06-15")) == "sts.GetCallerIdentity"
    assert found(form(b"Action=GetCallerIdentity&Version=2011-06-15&Action=AssumeRole")) == "sts.GetCallerIdentity"


def test_the_message_does_not_repeat_a_long_action() -> None:
    with pytest.raises(Refusal) as caught:
        find_operation(form(b"Action=" + b"x" * 100_000 + b"&Version=" + b"y" * 100_000))
    assert len(caught.value.message) < 300


def test_the_protocol_of_what_is_not_found() -> None:
    requests = (form(), rest("GET", "/"), target("x"), Request("POST", b"/", b"", (JSON,), b""), rest("GET", "/x"))
    assert [protocol_of(request) for request in requests] == ["query", "query", "json", "json", "rest-json"]


def test_labels_are_decoded_once() -> None:
    assert labels_of("/a/{x}/b", b"/a/%2541%2f/b") == {"x": "%41/"}
    assert labels_of("/a/{x+}", b"/a/b/c%20d") == {"x": "b/c d"}
    assert labels_of("/a/{x}", b"/a/b/c") is None
    assert labels_of("/a/{x+}", b"/a/") is None
    assert labels_of("/a/{x+}", b"/a/b/") == {"x": "b/"}
    assert labels_of("/a/{x+}/b", b"/a/c/d/b/") == {"x": "c/d"}
    assert labels_of("/a/{x+}/b/{y}", b"/a/c/d/b/e") == {"x": "c/d", "y": "e"}
    assert labels_of("/a/{x+}/b", b"/a/b") is None
    assert labels_of("/a/{x+}/b", b"/a/c/d") is None


def test_no_template_begins_with_a_label_or_has_a_part_of_a_segment_as_label() -> None:
    for traits in index().values():
        if isinstance(traits["operations"], dict):
            for _, path in traits["operations"].values():
                segments = path.partition("?")[0].split("/")[1:]
                assert "{" not in segments[0]
                assert all(segment.count("{") == 0 or (segment[0], segment[-1]) == ("{", "}") for segment in segments)
                assert not any(segment.endswith("+}") for segment in segments[:-1])


def test_no_two_operations_share_method_and_path() -> None:
    seen: dict[tuple[str, ...], str] = {}
    for service, traits in index().items():
        if isinstance(traits["operations"], dict):
            for name, (method, path) in traits["operations"].items():
                shape = tuple("{}" if part.startswith("{") else part for part in path.removesuffix("/").split("/"))
                assert seen.setdefault((method, *shape), f"{service}.{name}") == f"{service}.{name}"
