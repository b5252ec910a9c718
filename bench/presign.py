"""Requests ready to send, signed with Signature Version 4 as SDKs do it. Shares nothing with the verifier (tests hold it against botocore).

Source: IAM User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlencode

REGION = "us-east-1"
JSON = "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
AGENT = "Boto3/1.44.8 md/Botocore#1.44.8 ua/2.1 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.7 md/pyimpl#CPython cfg/retry-mode#legacy"
API_VERSIONS = {"sts": "2011-06-15", "iam": "2010-05-08"}


@dataclass(frozen=True, slots=True)
class Keys:
    """What a client signs with."""

    id: str
    secret: str
    token: str = ""


def body_of(service: str, action: str, parameters: dict[str, str]) -> bytes:
    """The form of a call of a query service."""
    return urlencode({"Action": action, "Version": API_VERSIONS[service], **parameters}).encode()


def signed(host: str, service: str, body: bytes, keys: Keys, at: datetime, target: str = "") -> bytes:
    """A whole HTTP/1.1 POST of `body`, signed by `keys` as if it were `at` (UTC). With a `target`, an operation, the body is JSON."""
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    headers = {"content-type": JSON if target else FORM, "host": host, "x-amz-date": stamp}
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    if target:
        headers["x-amz-target"] = target
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{stamp[:8]}/{REGION}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(_signing_key(keys.secret, stamp[:8], service), text.encode(), "sha256").hex()
    authorization = f"AWS4-HMAC-SHA256 Credential={keys.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return _post(headers | {"authorization": authorization}, body)


def unsigned(host: str, body: bytes) -> bytes:
    """A whole HTTP/1.1 POST of `body` without any signature, as AssumeRoleWithWebIdentity is called."""
    return _post({"content-type": FORM, "host": host}, body)


def _post(headers: dict[str, str], body: bytes) -> bytes:
    extra = {"accept-encoding": "identity", "user-agent": AGENT, "content-length": str(len(body))}
    text = "".join(f"{name}: {value}\r\n" for name, value in (headers | extra).items())
    return f"POST / HTTP/1.1\r\n{text}\r\n".encode() + body


@lru_cache(maxsize=4096)
def _signing_key(secret: str, date: str, service: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (date, REGION, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
