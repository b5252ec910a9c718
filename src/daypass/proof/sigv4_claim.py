"""Reads what a request claims about its signer (SigV4, header or presigned). Does not believe any of it (sigv4.py verifies).

Source of the forms: IAM User Guide, "Create a signed AWS API request"; fact sheet A §1.1-§1.6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import pairwise
from typing import NoReturn
from urllib.parse import unquote_to_bytes

from daypass.values.caller import SigV4Claim
from daypass.values.errors import INVALID_TOKEN, ProofError, ProofFault
from daypass.values.request import Request

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
MAX_EXPIRES = 604_800  # seconds; S3 API reference, "Authenticating requests: query parameters": at most seven days
MAX_TOKEN = 4096  # characters; STS model, MinimumSessionTokenSize 0-4096
MAX_AUTHORIZATION = 8192  # bytes; ours: every client seen stays under 1 KiB
MAX_SIGNED_HEADERS = 100  # ours: clients sign up to about fifteen

# Headers of which a request has at most one: two of them would let verifier and dispatcher read different ones (attack row C14).
_SINGLE = frozenset(
    (
        b"authorization",
        b"content-type",
        b"date",
        b"host",
        b"x-amz-content-sha256",
        b"x-amz-date",
        b"x-amz-security-token",
        b"x-amz-sso_bearer_token",
        b"x-amz-target",
    )
)
_SIGNING_PARAMETERS = frozenset(
    (
        b"x-amz-algorithm",
        b"x-amz-credential",
        b"x-amz-date",
        b"x-amz-expires",
        b"x-amz-security-token",
        b"x-amz-signature",
        b"x-amz-signedheaders",
    )
)
_REQUIRED_PARAMETERS = _SIGNING_PARAMETERS - {b"x-amz-security-token"}
_SIGV2_PARAMETER = b"awsaccesskeyid"
_HEADER_PARTS = ("Credential", "SignedHeaders", "Signature")

# As every SDK writes it; other spellings are read piece by piece, with the same result.
_USUAL = re.compile(rb"AWS4-HMAC-SHA256 Credential=([^ ,=]+), ?SignedHeaders=([^ ,=]+), ?Signature=([^ ,=]+)")
_CREDENTIAL = re.compile(r"([A-Za-z0-9_]{1,128})/([0-9]{8})/([A-Za-z0-9_-]{1,64})/([A-Za-z0-9_.-]{1,64})/([^/]{1,64})", re.ASCII)
_STAMP = re.compile(r"[0-9]{8}T(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z", re.ASCII)
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT", re.ASCII)
_HEADER_NAMES = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+(?:;[a-z0-9!#$%&'*+.^_`|~-]+)*", re.ASCII)
_EXPIRES = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


def read_claim(request: Request) -> SigV4Claim | None:
    """Split the signature of `request` into its parts; None only when it carries no credential of any kind.

    Raises ProofError: SEVERAL for more than one mechanism, UNSUPPORTED for an algorithm that is not offered, SCOPE for a scope of
    another kind, INCOMPLETE for whatever cannot be read. An unreadable credential never counts as none (fact sheet A §1.1).
    """
    # (1) no header that identity hangs on comes twice
    if not request.is_plain:
        _refuse_repeated(request)
    single = request.by_name
    # (2) one mechanism: the header or the query, never both
    parameters = _read_signing_parameters(request.raw_query) if request.raw_query else {}
    authorization = single.get(b"authorization")
    bearer = b"x-amz-sso_bearer_token" in single
    if (authorization is not None) + bool(parameters) + bearer > 1:
        raise ProofError(ProofFault.SEVERAL, "Only one authentication mechanism is allowed per request.")
    # (3) whatever is present is read in full or refused
    if authorization is not None:
        return _read_header_claim(authorization, single)
    if parameters:
        return _read_query_claim(parameters, single)
    if bearer:
        raise ProofError(ProofFault.UNSUPPORTED, "Bearer tokens are not supported by this operation.")
    if b"x-amz-security-token" in single:
        _incomplete("A security token without a signature.")
    _refuse_signed_form(request, single)
    return None


def _refuse_repeated(request: Request) -> None:
    names = [name for name, _ in request.headers if name in _SINGLE]
    for name in set(names):
        if names.count(name) > 1:
            if name == b"authorization":
                raise ProofError(ProofFault.SEVERAL, "Only one authentication mechanism is allowed per request.")
            _incomplete(f"The header '{name.decode('ascii')}' must not be repeated.")


def _read_signing_parameters(raw_query: bytes) -> dict[bytes, str]:
    """The signing parameters of a query by lower-case name; {} when it has none.

    Names are decoded first and compared without regard to ASCII case, so that no spelling hides a second one (CVE-2022-2385).
    """
    found: dict[bytes, str] = {}
    for piece in raw_query.split(b"&"):
        raw_name, _, raw_value = piece.partition(b"=")
        name = (unquote_to_bytes(raw_name) if b"%" in raw_name else raw_name).lower()
        if name == _SIGV2_PARAMETER:
            raise ProofError(ProofFault.UNSUPPORTED, "Signature version 2 is not supported. Use AWS4-HMAC-SHA256.")
        if name in _SIGNING_PARAMETERS:
            if name in found:
                _incomplete(f"The query parameter '{name.decode('ascii')}' must not be repeated.")
            found[name] = unquote_to_bytes(raw_value).decode("latin-1")
    return found


def _refuse_signed_form(request: Request, single: Mapping[bytes, bytes]) -> None:
    """A form body that carries credentials (SigV1, SigV2, a POST policy) is refused, not taken for anonymous."""
    if not single.get(b"content-type", b"").lower().startswith(b"application/x-www-form-urlencoded"):
        return
    for piece in request.body.split(b"&"):
        name = piece.partition(b"=")[0].lower()
        if name == _SIGV2_PARAMETER or name in _SIGNING_PARAMETERS:
            raise ProofError(ProofFault.UNSUPPORTED, "Credentials in the request body are not supported. Use AWS4-HMAC-SHA256.")


def _read_header_claim(authorization: bytes, single: Mapping[bytes, bytes]) -> SigV4Claim:
    """The claim of an `Authorization` header."""
    if len(authorization) > MAX_AUTHORIZATION:
        _incomplete("The Authorization header is too long.")
    usual = _USUAL.fullmatch(authorization)
    credential, names, signature = usual.groups() if usual else _read_parts(authorization)
    stamp, timestamp = _read_time(single)
    return _claim(credential, names, signature.decode("latin-1"), stamp, timestamp, _header_token(single), None)


def _read_parts(authorization: bytes) -> tuple[bytes, bytes, bytes]:
    """Credential, SignedHeaders and Signature, which may come in any order, with or without spaces (fact sheet A §1.2)."""
    algorithm, _, rest = authorization.strip(b" ").partition(b" ")
    _check_algorithm(algorithm.decode("latin-1"))
    parts: dict[str, bytes] = {}
    for piece in rest.split(b","):
        raw_name, equals, value = piece.strip(b" ").partition(b"=")
        name = raw_name.decode("latin-1")
        if not equals or name in parts or name not in _HEADER_PARTS:
            _incomplete("Authorization header must have exactly one each of 'Credential', 'SignedHeaders' and 'Signature'.")
        parts[name] = value
    if missing := [name for name in _HEADER_PARTS if name not in parts]:
        _incomplete(" ".join(f"Authorization header requires '{name}' parameter." for name in missing))
    return parts["Credential"], parts["SignedHeaders"], parts["Signature"]


def _read_query_claim(parameters: dict[bytes, str], single: Mapping[bytes, bytes]) -> SigV4Claim:
    """The claim of a presigned request (fact sheet A §1.6)."""
    if b"x-amz-date" in single or b"x-amz-security-token" in single:
        raise ProofError(ProofFault.SEVERAL, "A presigned request has its date and security token in the query only.")
    if b"x-amz-algorithm" in parameters:
        _check_algorithm(parameters[b"x-amz-algorithm"])
    if missing := sorted(_REQUIRED_PARAMETERS - parameters.keys()):
        _incomplete(" ".join(f"AWS query-string parameters must include '{name.decode('ascii')}'." for name in missing))
    expires = parameters[b"x-amz-expires"]
    if not _EXPIRES.fullmatch(expires) or int(expires) > MAX_EXPIRES:
        _incomplete(f"X-Amz-Expires must be between 1 and {MAX_EXPIRES} seconds.")
    stamp = parameters[b"x-amz-date"]
    token = _checked_token(parameters[b"x-amz-security-token"]) if b"x-amz-security-token" in parameters else ""
    credential, names = (parameters[name].encode("latin-1") for name in (b"x-amz-credential", b"x-amz-signedheaders"))
    return _claim(credential, names, parameters[b"x-amz-signature"], stamp, _read_stamp(stamp), token, int(expires))


def _check_algorithm(algorithm: str) -> None:
    if not algorithm:
        _incomplete("The signing algorithm is missing.")
    if algorithm != ALGORITHM:
        raise ProofError(ProofFault.UNSUPPORTED, f"The signing algorithm is not supported. Use {ALGORITHM}.")


def _claim(
    credential: bytes, names: bytes, signature: str, stamp: str, timestamp: datetime, token: str, expires_in: int | None
) -> SigV4Claim:
    key_id, date, region, service = _read_credential(credential)
    return SigV4Claim(key_id, date, region, service, read_signed_headers(names), signature, timestamp, stamp, token, expires_in)


# The texts of these three come again and again from the same clients; what was read strictly once is not read anew.


@lru_cache(maxsize=1024)
def _read_credential(raw: bytes) -> tuple[str, str, str, str]:
    """Key id, date, region and service of a credential scope. Raises ProofError INCOMPLETE or SCOPE."""
    scope = _CREDENTIAL.fullmatch(raw.decode("latin-1"))
    if scope is None:
        _incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.")
    key_id, date, region, service, terminator = scope.groups()
    if terminator != TERMINATOR:
        raise ProofError(ProofFault.SCOPE, f"Credential should be scoped with a valid terminator: '{TERMINATOR}'.")
    return key_id, date, region, service


@lru_cache(maxsize=256)
def read_signed_headers(raw: bytes) -> tuple[str, ...]:
    """The names of a SignedHeaders list: lower-case, sorted, each once, with `host` (attack row C08). Raises ProofError INCOMPLETE."""
    text = raw.decode("latin-1")
    names = tuple(text.split(";"))
    if not _HEADER_NAMES.fullmatch(text) or len(names) > MAX_SIGNED_HEADERS:
        _incomplete("SignedHeaders must be lower-case header names separated by semicolons.")
    if any(left >= right for left, right in pairwise(names)):
        _incomplete("SignedHeaders must be sorted and name each header once.")
    if "host" not in names:
        _incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    return names


def _read_time(single: Mapping[bytes, bytes]) -> tuple[str, datetime]:
    """The signing time of a header-signed request: X-Amz-Date, else Date (RFC 9110 §5.6.7)."""
    if b"x-amz-date" in single:
        stamp = single[b"x-amz-date"].decode("latin-1")
        return stamp, _read_stamp(stamp)
    if b"date" not in single:
        _incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    text = single[b"date"].decode("latin-1")
    try:
        timestamp = parsedate_to_datetime(text) if _HTTP_DATE.fullmatch(text) else None
    except ValueError:
        timestamp = None
    if timestamp is None:
        _incomplete("Date must be in the form 'Mon, 02 Jan 2006 15:04:05 GMT'.")
    timestamp = timestamp.astimezone(UTC)
    return timestamp.strftime("%Y%m%dT%H%M%SZ"), timestamp


@lru_cache(maxsize=64)
def _read_stamp(stamp: str) -> datetime:
    try:
        timestamp = datetime.fromisoformat(stamp) if _STAMP.fullmatch(stamp) else None
    except ValueError:  # no such day
        timestamp = None
    if timestamp is None:
        _incomplete("Date must be in ISO-8601 'basic format', e.g. '20260102T150405Z'.")
    return timestamp


def _header_token(single: Mapping[bytes, bytes]) -> str:
    if b"x-amz-security-token" not in single:
        return ""
    return _checked_token(single[b"x-amz-security-token"].decode("latin-1"))


def _checked_token(token: str) -> str:
    if not token or len(token) > MAX_TOKEN or not (token.isascii() and token.isprintable()) or " " in token:
        raise ProofError(ProofFault.UNKNOWN_KEY, INVALID_TOKEN, "malformed security token")
    return token


def _incomplete(message: str) -> NoReturn:
    raise ProofError(ProofFault.INCOMPLETE, message)
