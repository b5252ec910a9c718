"""Requests for the tests of SigV4: the suite's text files read into Request values, and a signer of our own for what the suite lacks."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from daypass.values.request import Request
from daypass.values.secret import Secret
from unit.proof import naive_sigv4

SUITE = Path(__file__).parents[2] / "vectors" / "sigv4" / "aws-signing-test-suite" / "v4"

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = "20260101T000000Z"
FORM = b"application/x-www-form-urlencoded; charset=utf-8"
BODY = b"Action=GetCallerIdentity&Version=2011-06-15"


@dataclass(frozen=True)
class Case:
    """One case of the suite in one form ("header" or "query")."""

    name: str
    form: str
    context: dict[str, Any]
    request: Request
    canonical: bytes
    string_to_sign: bytes
    signature: str

    @property
    def secret(self) -> Secret:
        return Secret(self.context["credentials"]["secret_access_key"])

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self.context["timestamp"])

    def __str__(self) -> str:
        return f"{self.name}-{self.form}"


@cache
def read_cases() -> tuple[Case, ...]:
    """All cases of the suite in both forms."""
    return tuple(_each_case())


def _each_case() -> Iterator[Case]:
    for folder in sorted(SUITE.iterdir()):
        context = json.loads((folder / "context.json").read_bytes())
        for form in ("header", "query"):
            parts = {part: (folder / f"{form}-{part}.txt").read_bytes() for part in ("canonical-request", "string-to-sign", "signature")}
            signed = read_request((folder / f"{form}-signed-request.txt").read_bytes())
            yield Case(
                folder.name, form, context, signed, parts["canonical-request"], parts["string-to-sign"], parts["signature"].decode().strip()
            )


def read_request(text: bytes) -> Request:
    head, _, body = text.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, rest = first.partition(b" ")
    path, _, query = rest.removesuffix(b" HTTP/1.1").partition(b"?")
    headers: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line.startswith(b" "):  # a folded line belongs to the header above it
            headers[-1] = (headers[-1][0], headers[-1][1] + b"\n" + line)
        else:
            name, _, value = line.partition(b":")
            headers.append((name.lower(), value))
    return Request(method.decode(), path, query, tuple(headers), body)


def sts_request(**changes: Any) -> Request:
    headers = ((b"content-type", FORM), (b"host", b"sts.example.test"), (b"x-amz-date", STAMP.encode()))
    return replace(Request("POST", b"/", b"", headers, BODY), **changes)


def with_headers(request: Request, *added: tuple[bytes, bytes]) -> Request:
    return replace(request, headers=request.headers + added)


def without(request: Request, name: bytes) -> Request:
    return replace(request, headers=tuple(pair for pair in request.headers if pair[0] != name))


def sign(
    request: Request,
    *,
    names: list[str] | None = None,
    service: str = "sts",
    scope_service: str | None = None,
    region: str = "us-east-1",
    date: str = STAMP[:8],
    stamp: str = STAMP,
    terminator: str = "aws4_request",
    payload: bytes | None = None,
    secret: Secret = SECRET,
) -> Request:
    """Sign in header form with the naive canonicaliser; every argument can be made wrong on purpose."""
    names = sorted({name.decode() for name, _ in request.headers}) if names is None else names
    scope = f"{date}/{region}/{scope_service or service}/{terminator}"
    canonical = naive_sigv4.canonical(request, names, s3=service.startswith("s3"), payload=payload)
    signature = naive_sigv4.signature(secret.reveal(), scope, stamp, canonical)
    value = f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return with_headers(request, (b"authorization", value.encode()))


def presign(
    request: Request, *, expires: str = "60", names: str = "host", service: str = "sts", extra: str = "", payload: bytes | None = None
) -> Request:
    """Presign; `extra` are further parameters, spelled as they go out."""
    scope = f"{STAMP[:8]}/us-east-1/{service}/aws4_request"
    query = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={KEY_ID}%2F{scope.replace('/', '%2F')}&X-Amz-Date={STAMP}"
        f"&X-Amz-Expires={expires}&X-Amz-SignedHeaders={names.replace(';', '%3B')}{extra}"
    )
    asked = replace(request, raw_query=request.raw_query + (b"&" if request.raw_query else b"") + query.encode())
    canonical = naive_sigv4.canonical(asked, names.split(";"), s3=service.startswith("s3"), payload=payload)
    signature = naive_sigv4.signature(SECRET.reveal(), scope, STAMP, canonical)
    return replace(asked, raw_query=asked.raw_query + b"&X-Amz-Signature=" + signature.encode())


def hexhash(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def plain_hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), "sha256").digest()
