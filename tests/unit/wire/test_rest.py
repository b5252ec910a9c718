from __future__ import annotations

from typing import Any

import pytest

from daypass.values.errors import Refusal
from daypass.values.request import HeaderPairs
from daypass.wire.read import read_input
from unit.wire.bucket import DNS, NS, S3
from unit.wire.requests import rest

PUT = S3.operations["PutThing"]
LIST = S3.operations["ListThings"]


def put(path: str = "/things/a", body: bytes = b"", headers: HeaderPairs = ()) -> dict[str, Any]:
    return read_input(PUT, rest("PUT", path, headers=headers, body=body)).values


def test_a_payload_is_the_whole_body() -> None:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Thing xmlns="{NS}"><Name>n</Name></Thing>'.encode()
    assert put(body=body) == {"Key": "a", "Thing": {"Name": "n"}}
    assert put(body=b"<Thing/>") == {"Key": "a", "Thing": {}}
    assert put() == {"Key": "a"}


def test_members_without_a_place_are_inside_the_body() -> None:
    found = read_input(LIST, rest("POST", "/things", body=b"<Query><Most>5</Most><Prefix>p</Prefix><X/></Query>"))
    assert (found.values, found.unknown) == ({"Most": 5, "Prefix": "p"}, 1)


@pytest.mark.parametrize("kind", [b"application/xml", b"text/xml; charset=UTF-8", b"application/octet-stream", b"binary/x"])
def test_clients_send_xml_under_any_type(kind: bytes) -> None:
    assert put(body=b"<Thing/>", headers=((b"content-type", kind),))["Thing"] == {}


@pytest.mark.parametrize(
    ("path", "key"), [("/things/a/b", "a/b"), ("/things/a/", "a/"), ("/things/a%2F", "a/"), ("/things/a%252F", "a%2F")]
)
def test_c58_a_slash_at_the_end_of_a_key_is_part_of_it(path: str, key: str) -> None:
    assert put(path)["Key"] == key


def test_headers_by_prefix_and_lists_of_headers() -> None:
    headers = ((b"x-amz-meta-a", b"1"), (b"x-amz-meta-b-c", "é".encode()), (b"x-amz-attributes", b"one, two"), (b"x-amz-meta-", b"no name"))
    assert put(headers=headers) == {"Key": "a", "Attributes": ["one", "two"], "Metadata": {"a": "1", "b-c": "é"}}


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"<Other/>", (), "MalformedXML"),
        (b"<!DOCTYPE Thing><Thing/>", (), "MalformedXML"),
        (b"{}", (), "MalformedXML"),
        (b"<Thing><Name/><Name/></Thing>", (), "MalformedXML"),
        (b"<Thing>x</Thing>", (), "InvalidArgument"),
        (b"<Thing><Name>" + b"a" * 21 + b"</Name></Thing>", (), "InvalidArgument"),
        (b"<Thing/>", ((b"content-type", b"text/xml; charset=utf-16"),), "InvalidArgument"),
        (b"", ((b"x-amz-meta-a", b"1"), (b"x-amz-meta-a", b"2")), "InvalidArgument"),
        (b"", ((b"x-amz-attributes", b'"a,b"'),), "InvalidArgument"),
    ],
)
def test_what_cannot_be_read_is_refused_in_the_words_of_s3(body: bytes, headers: HeaderPairs, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        put(body=body, headers=headers)
    assert (caught.value.code, caught.value.status) == (code, 400)


def test_other_services_have_words_of_their_own() -> None:
    for body, code in (
        (b"<Query>", "MalformedXML"),
        (b"<Query><Most>x</Most></Query>", "ValidationError"),
        (b"<Query>x</Query>", "MalformedXML"),
    ):
        with pytest.raises(Refusal) as caught:
            read_input(DNS.operations["ListThings"], rest("POST", "/things", body=body))
        assert (caught.value.code, caught.value.status) == (code, 400)
