"""What botocore signs, header form and presigned, is taken; botocore itself is the judge of what a client sends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.proof.sigv4 import SigningKeys, read_claim, verify
from daypass.values.errors import ProofError
from daypass.values.request import Request
from unit.proof.requests import KEY_ID, SECRET

SIGNERS = {("sts", "header"): SigV4Auth, ("sts", "query"): SigV4QueryAuth, ("s3", "header"): S3SigV4Auth, ("s3", "query"): S3SigV4QueryAuth}

text = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f\x85\xa0"), max_size=8)
segment = st.one_of(text, st.sampled_from(["..", ".", "", "a b", "~", "é", "%", "+", "a/b"]))
header_value = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12).map(str.strip)


def arrived(signed: Any) -> Request:
    """The request as a server gets it."""
    prepared = signed.prepare()
    url = urlsplit(prepared.url)
    headers = [(name.lower().encode(), value if isinstance(value, bytes) else value.encode()) for name, value in prepared.headers.items()]
    if not any(name == b"host" for name, _ in headers):
        headers.append((b"host", url.netloc.encode()))
    body = prepared.body or b""
    return Request(prepared.method, url.path.encode(), url.query.encode(), tuple(headers), body.encode() if isinstance(body, str) else body)


@pytest.mark.parametrize(("service", "form"), SIGNERS)
@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzEA/+=="])
@settings(max_examples=25)
@given(
    segments=st.lists(segment, max_size=4),
    query=st.dictionaries(text, text, max_size=4),
    headers=st.dictionaries(st.sampled_from(["X-Amz-Meta-A", "X-Amz-Target", "X-Other", "Content-Type"]), header_value, max_size=3),
    body=st.binary(max_size=40),
    port=st.sampled_from(["", ":8080"]),
)
def test_taken(
    service: str, form: str, token: str | None, segments: list[str], query: dict[str, str], headers: dict[str, str], body: bytes, port: str
) -> None:
    path = "/" + "/".join(quote(part, safe="") if part not in (".", "..") else part for part in segments)
    text_of_query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(query.items()))
    url = f"http://host.example{port}{path}" + (f"?{text_of_query}" if text_of_query else "")
    asked = AWSRequest("POST", url, headers=headers, data=body if form == "header" else b"")  # presigning moves a body into the query
    SIGNERS[service, form](Credentials(KEY_ID, SECRET.reveal().decode(), token), service, "eu-central-1").add_auth(asked)
    request = arrived(asked)
    claim = read_claim(request)
    assert claim is not None and claim.token == (token or "") and claim.presigned is (form == "query")
    verify(claim, request, SECRET, service=service, now=datetime.now(UTC), keys=SigningKeys())
    altered = replace(request, method="PUT")
    with pytest.raises(ProofError, match="does not match"):
        verify(claim, altered, SECRET, service=service, now=datetime.now(UTC), keys=SigningKeys())
