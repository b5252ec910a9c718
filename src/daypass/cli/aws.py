"""A small AWS client: signs with SigV4, sends over HTTP, reads query (XML) and JSON answers. For `env` and the demo.

Not for users of daypass, who bring their own SDK; knows no retries, no streaming, no endpoints but the one it is given.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

from daypass.cli.exits import sentence

ALGORITHM = "AWS4-HMAC-SHA256"
TIMEOUT = 30.0  # seconds
MAX_ANSWER = 16 << 20  # bytes
VERSIONS = {"sts": "2011-06-15", "iam": "2010-05-08"}  # the API versions of the query services


@dataclass(frozen=True, slots=True)
class Credentials:
    """A temporary credential as a client holds it; `expires` is the text that the server gave."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires: str = ""


class AwsError(Exception):
    """The service answered with an error: its `code`, `message` (without a sealed end), HTTP `status` and the id of the request."""

    def __init__(self, code: str, message: str, status: int, request_id: str = "") -> None:
        self.code = code
        self.message = sentence(message)
        self.status = status
        self.request_id = request_id
        super().__init__(f"{code}: {self.message}")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Client:
    """Calls one base URL, signed with `credentials` or, when None, unsigned; `clock` gives the signing time in UTC."""

    url: str
    credentials: Credentials | None = None
    region: str = "us-east-1"
    clock: Callable[[], datetime] = _now

    def query(self, service: str, action: str, **members: str) -> dict[str, str]:
        """Call a query-protocol `action` of "sts" or "iam"; gives the text of the answer's leaf elements by name, the last of a name.

        Members of lists are given by their flat names (`**{"PolicyArns.member.1.arn": …}`). Raises AwsError, OSError.
        """
        body = urlencode({"Action": action, "Version": VERSIONS[service], **members}).encode("ascii")
        status, answer = self._send(service, body, {"content-type": "application/x-www-form-urlencoded; charset=utf-8"})
        leaves = _leaves(answer)
        if status != 200:
            raise AwsError(leaves.get("Code", ""), leaves.get("Message", ""), status, leaves.get("RequestId", ""))
        return leaves

    def json(self, service: str, target: str, **members: Any) -> dict[str, Any]:
        """Call a JSON 1.1 operation by its X-Amz-Target. Raises AwsError, OSError."""
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
        status, answer = self._send(service, json.dumps(members).encode("ascii"), headers)
        document: dict[str, Any] = json.loads(answer)
        if status != 200:
            code = str(document.get("__type", "")).rpartition("#")[2]
            raise AwsError(code, str(document.get("message") or document.get("Message") or ""), status)
        return document

    def _send(self, service: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        headers = {"host": parts.netloc, **headers}
        if self.credentials:
            headers = signed(self.credentials, "POST", "/", headers, body, service, self.region, self.clock())
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=TIMEOUT, context=context)
        else:
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        try:
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            return response.status, response.read(MAX_ANSWER)
        finally:
            connection.close()


def signed(
    credentials: Credentials, method: str, path: str, headers: Mapping[str, str], body: bytes, service: str, region: str, now: datetime
) -> dict[str, str]:
    """`headers` (lower-case names, `host` among them) with what SigV4 adds; no query string.

    Source: IAM User Guide, "Create a signed AWS API request".
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    every = {**headers, "x-amz-date": stamp}
    if credentials.token:
        every["x-amz-security-token"] = credentials.token
    names = sorted(every)
    # (1) the canonical request
    lines = [method, quote(path, safe="/-_.~"), "", *(f"{name}:{' '.join(every[name].split())}" for name in names)]
    canonical = "\n".join([*lines, "", ";".join(names), hashlib.sha256(body).hexdigest()])
    # (2) the string to sign
    to_sign = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode("utf-8")).hexdigest()])
    # (3) the signing key and the signature
    key = b"AWS4" + credentials.secret.encode("ascii")
    for part in (stamp[:8], region, service, "aws4_request", to_sign):
        key = hmac.digest(key, part.encode("utf-8"), "sha256")
    return {
        **every,
        "authorization": f"{ALGORITHM} Credential={credentials.key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={key.hex()}",
    }


def credentials_of(leaves: Mapping[str, str]) -> Credentials:
    """The credentials in the answer of an AssumeRole* or GetSessionToken call."""
    return Credentials(leaves["AccessKeyId"], leaves["SecretAccessKey"], leaves["SessionToken"], leaves["Expiration"])


def _leaves(answer: bytes) -> dict[str, str]:
    try:
        root = ElementTree.fromstring(answer)  # noqa: S314  # of the server that we hold credentials of; expat bounds entities
    except ElementTree.ParseError as error:
        raise AwsError("UnreadableAnswer", f"the answer is no XML: {error}", 0) from None
    return {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter() if len(element) == 0}
