"""Encrypt and Decrypt of AWS KMS, or of what speaks its API, under one key. Does not keep what it decrypts, nor say what it is for.

Source: AWS KMS API reference, "Encrypt", "Decrypt", "Common errors"; IAM User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import base64
import os
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NoReturn
from urllib.parse import urlsplit

import msgspec

from daypass.outside.aws_credentials import Credentials, get_credentials
from daypass.outside.call import Answer, NoAnswer, call
from daypass.proof.sigv4_canonical import canonical_request
from daypass.proof.sigv4_keys import derive
from daypass.values.errors import ConfigError, KeyAway, WrongKey
from daypass.values.hosts import is_loopback

SECONDS = 3.0  # for one answer: KMS answers in milliseconds
TRIES = 3
PAUSE = 0.2  # seconds before the second try, twice as many before the third
CONTENT_TYPE = "application/x-amz-json-1.1"

_ID = r"(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_KEY = re.compile(rf"(?:arn:[a-z-]+:kms:([a-z0-9-]+):[0-9]{{12}}:key/)?{_ID}", re.ASCII)
# What may pass by itself (AWS KMS API reference, "Common errors" and the errors of both operations). A key that was disabled may be
# enabled again: whoever turned it off wants no node to open, and none does.
_PASSING = frozenset({
    "DependencyTimeoutException", "DisabledException", "ExpiredTokenException", "InternalFailure", "KMSInternalException",
    "KMSInvalidStateException", "KeyUnavailableException", "LimitExceededException", "RequestExpired", "ServiceUnavailable",
    "ServiceUnavailableException", "ThrottlingException",
})  # fmt: skip
_AT_ONCE = frozenset({"DisabledException", "KMSInvalidStateException", "ExpiredTokenException"})  # nothing for a second try
_WRONG = frozenset({"IncorrectKeyException", "InvalidCiphertextException"})


@dataclass(frozen=True, slots=True)
class KmsSettings:
    """Which key: its id or ARN (no alias, which could be pointed to another key), and where when it is not AWS's own endpoint."""

    key: str
    endpoint: str = ""
    region: str = ""
    ca_file: str = ""


class AwsKms:
    """A key of AWS KMS. Both ways raise ConfigError: KeyAway when trying later may help."""

    def __init__(
        self,
        settings: KmsSettings,
        environ: Mapping[str, str] = os.environ,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        found = _KEY.fullmatch(settings.key)
        if found is None:
            raise ConfigError(f"--kms-key {settings.key!r} has to be the id or the ARN of a KMS key; an alias could be pointed elsewhere")
        region = settings.region or found[1] or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise ConfigError("--kms-key needs a region: give the key's ARN, --kms-region or AWS_REGION")
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        self._url = (settings.endpoint or f"https://kms.{region}.{domain}").rstrip("/") + "/"
        where = urlsplit(self._url)
        if where.scheme not in ("http", "https") or not where.hostname or where.path != "/" or where.query or "@" in where.netloc:
            raise ConfigError(f"--kms-endpoint {settings.endpoint!r} has to be a scheme and a host, like https://kms.example")
        if where.scheme == "http" and not is_loopback(where.hostname):  # what is asked for are keys
            raise ConfigError(f"--kms-endpoint {settings.endpoint!r} has to be https, but on this very host")
        self._host = where.netloc
        self._context = _trusting(settings.ca_file) if where.scheme == "https" else None
        self.key, self._region, self._environ, self._wall, self._sleep = settings.key, region, environ, wall, sleep

    def encrypt(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        """`plain` (4,096 bytes at most) encrypted, to be decrypted only with the same `context`."""
        return self._blob("Encrypt", "CiphertextBlob", {"Plaintext": plain, "EncryptionContext": context})

    def decrypt(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        """What was encrypted under this key with this `context`. Raises WrongKey."""
        return self._blob("Decrypt", "Plaintext", {"CiphertextBlob": sealed, "EncryptionContext": context})

    def _blob(self, operation: str, member: str, parameters: Mapping[str, Any]) -> bytes:
        answer = self._ask(operation, {"KeyId": self.key, **parameters})
        try:
            return base64.b64decode(answer[member], validate=True)
        except (KeyError, TypeError, ValueError):  # its text could quote what was decrypted
            raise KeyAway(f"the KMS at {self._host} answers {operation} without a {member}", "its KMS does not answer") from None

    def _ask(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        body = msgspec.json.encode(parameters)
        why = ""
        for number in range(TRIES):
            if number:
                self._sleep(PAUSE * 2 ** (number - 1))
            try:
                answer = self._send(operation, body)
            except NoAnswer as failure:
                why = str(failure)
                continue
            document = _object(answer.body)
            if answer.status == 200 and document is not None:
                return document
            code, message = _error(document)
            if answer.status < 500 and code not in _PASSING:
                self._refuse(operation, code, message)
            why = f"{code or answer.status} {message}".rstrip()
            if code in _AT_ONCE:
                break
        raise KeyAway(f"the KMS at {self._host} does not serve {self.key}: {why}", "its KMS does not answer, or its key is turned off")

    def _refuse(self, operation: str, code: str, message: str) -> NoReturn:
        if code in _WRONG:
            raise WrongKey(code)
        detail = f"{code} {message}".rstrip(" .")
        raise ConfigError(f"The KMS at {self._host} refuses {operation} with {self.key}: {detail}. Nothing was changed.")

    def _send(self, operation: str, body: bytes) -> Answer:
        headers = {"content-type": CONTENT_TYPE, "host": self._host, "x-amz-target": f"TrentService.{operation}"}
        signed = sign(headers, body, get_credentials(self._environ), self._region, self._wall())
        return call("POST", self._url, signed, body, seconds=SECONDS, context=self._context)


def sign(headers: Mapping[str, str], body: bytes, credentials: Credentials, region: str, now: datetime) -> dict[str, str]:
    """`headers` (lower-case, host among them) of a POST to / of KMS, with the signature over all of them."""
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    made = {**headers, "x-amz-date": stamp}
    if credentials.token is not None:
        made["x-amz-security-token"] = credentials.token.reveal().decode()
    names = sorted(name.encode() for name in made)
    values = {name.encode(): value.encode() for name, value in made.items()}
    canonical = canonical_request("POST", b"/", b"", values, names, sha256(body).hexdigest().encode())
    scope = f"{stamp[:8]}/{region}/kms/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical).hexdigest()}"
    signature = derive(credentials.secret, stamp[:8], region, "kms").digest(text.encode()).hex()
    listed = b";".join(names).decode()
    made["authorization"] = f"AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope}, SignedHeaders={listed}, Signature={signature}"
    return made


def _trusting(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(f"--kms-ca {ca_file}: {error}. It must hold PEM certificates.") from None
    return context


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def _error(document: Mapping[str, Any] | None) -> tuple[str, str]:
    """Code and message of a refusal, bounded."""
    found = document or {}
    code = str(found.get("__type", "")).rpartition("#")[2]
    return code[:64], str(found.get("message") or found.get("Message") or "")[:300]
