"""Verifies SigV4 signatures, header form and presigned. Does not look up keys, open session tokens or decide what the signer may do.

Source: IAM User Guide, "Create a signed AWS API request"; fact sheet A §1.1-§1.6, §1.10; attack rows C01-C14, H19-H27.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from daypass.proof.sigv4_canonical import canonical_path, canonical_query, canonical_request, canonical_value
from daypass.proof.sigv4_claim import ALGORITHM, TERMINATOR, read_claim
from daypass.proof.sigv4_keys import SigningKeys, derive
from daypass.values.caller import SigV4Claim
from daypass.values.errors import ProofError, ProofFault
from daypass.values.mac import Mac
from daypass.values.request import Request
from daypass.values.secret import Secret

__all__ = ["SigningKeys", "read_claim", "verify"]

SKEW = timedelta(minutes=5)  # fact sheet A §1.10: what query and JSON services allow
S3_SKEW = timedelta(minutes=15)  # S3 API reference, RequestTimeTooSkewed
S3_SERVICES = frozenset(("s3", "s3express", "s3-outposts", "s3-object-lambda"))  # sign the path as sent, and the body's hash by header

UNSIGNED_PAYLOAD = b"UNSIGNED-PAYLOAD"
_HASH_HEADER = b"x-amz-content-sha256"
_HEX_HASH = re.compile(rb"[0-9a-f]{64}", re.ASCII)

MAX_KNOWN_NAMES = 1024  # bytes of header names that are worth to be remembered; a client's are some 200

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details."
)


def verify(claim: SigV4Claim, request: Request, secret: Secret, *, service: str, now: datetime, keys: SigningKeys) -> None:
    """Return when `request` was signed with `secret` for `service`, now; the order of the steps is what a stranger can learn.

    `claim` is what read_claim made of this very request, `service` the signing name of the service that will answer, `now` the
    verifier's clock (UTC). Raises ProofError: SCOPE, SIGNATURE, CLOCK, REQUEST_EXPIRED, or INCOMPLETE for what cannot be canonicalised.
    """
    # (1) the scope is the server's, not the request's choice (attack row C10); the region is free (fact sheet A §9.4)
    _verify_scope(claim, service)
    # (2) every header that steers a service is signed, and every signed header is there (C07, C08)
    raw_paths = service in S3_SERVICES
    spared = _HASH_HEADER if raw_paths and claim.presigned else b""
    present = tuple(request.by_name)
    bind = _known_bound_names if sum(map(len, present)) <= MAX_KNOWN_NAMES else _bound_names
    names = bind(present, claim.signed_headers, spared)
    headers = _canonical_values(request, names)
    # (3) the body is bound by a hash that we take ourselves (C05)
    payload_hash = _payload_hash(claim, request, headers, service)
    # (4) the canonical request is built from the bytes that arrived (H22)
    canonical = canonical_request(
        request.method,
        canonical_path(request.raw_path, normalize=not raw_paths, encode=not raw_paths),
        canonical_query(request.raw_query, presigned=claim.presigned) if request.raw_query else b"",
        headers,
        names,
        payload_hash,
    )
    # (5) the signature, in constant time (H19)
    key = keys.find(claim, secret)
    known = key is not None
    if key is None:
        key = derive(secret, claim.date, claim.region, claim.service)
    verify_signature(key, claim, canonical)
    if not known:
        keys.remember(claim, secret, key)
    # (6) the clock comes last: only the holder of the secret learns about it
    _verify_time(claim, now, S3_SKEW if raw_paths else SKEW)


def verify_signature(key: Mac, claim: SigV4Claim, canonical: bytes) -> None:
    """Raise ProofError SIGNATURE unless the claim's signature is that of `canonical` under `key`."""
    hashed = sha256(canonical).hexdigest()
    text = f"{ALGORITHM}\n{claim.stamp}\n{claim.date}/{claim.region}/{claim.service}/{TERMINATOR}\n{hashed}"
    expected = key.digest(text.encode("ascii")).hex().encode("ascii")
    # (1) bytes, since compare_digest raises on a str that is not ASCII; (2) a signature in another case or form is not equal
    if not hmac.compare_digest(expected, claim.signature.encode("utf-8")):
        raise ProofError(ProofFault.SIGNATURE, _MISMATCH)


def _verify_scope(claim: SigV4Claim, service: str) -> None:
    if claim.service != service:
        raise ProofError(
            ProofFault.SCOPE, f"Credential should be scoped to correct service: '{service}'.", f"scoped to service {claim.service!r}"
        )
    if claim.stamp[:8] != claim.date:
        raise ProofError(ProofFault.SCOPE, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")


def _bound_names(present: tuple[bytes, ...], signed: tuple[str, ...], spared: bytes) -> tuple[bytes, ...]:
    """The names of the signed headers as bytes, when all of them are there and no `x-amz-…` header that is there is unsigned.

    `present` are the names of all headers, `spared` one that need not be signed, or empty.
    """
    wanted = tuple(name.encode("ascii") for name in signed)
    for name in present:
        if name not in wanted and name.startswith(b"x-amz-") and name != spared:
            shown = name.decode("latin-1")
            raise ProofError(ProofFault.SIGNATURE, f"There were headers present in the request which were not signed: {shown}")
    if not set(wanted) <= set(present):
        raise ProofError(ProofFault.SIGNATURE, _MISMATCH, "a signed header is absent")
    return wanted


_known_bound_names = lru_cache(maxsize=1024)(_bound_names)  # clients come with the same names again and again


def _canonical_values(request: Request, names: tuple[bytes, ...]) -> Mapping[bytes, bytes]:
    """The value of each signed header as it was signed; several of one name are joined."""
    if request.is_plain:
        by_name = request.by_name
        return {name: canonical_value(by_name[name]) for name in names}
    return {name: b",".join([canonical_value(value) for value in request.values_of(name)]) for name in names}


def _payload_hash(claim: SigV4Claim, request: Request, headers: Mapping[bytes, bytes], service: str) -> bytes:
    """The payload hash to verify against: that of the body. S3 alone may leave its body unsigned."""
    declared = headers.get(_HASH_HEADER)
    if service in S3_SERVICES:
        if declared == UNSIGNED_PAYLOAD or (declared is None and claim.presigned):
            return UNSIGNED_PAYLOAD
        if declared is None:
            raise ProofError(ProofFault.INCOMPLETE, "Missing required header for this request: x-amz-content-sha256")
        if not _HEX_HASH.fullmatch(declared):
            raise ProofError(ProofFault.UNSUPPORTED, "The value of x-amz-content-sha256 is not supported.")
    actual = sha256(request.body).hexdigest().encode("ascii")
    if declared is not None and declared != actual:
        raise ProofError(ProofFault.SIGNATURE, _MISMATCH, "x-amz-content-sha256 is not the hash of the body")
    return actual


def _verify_time(claim: SigV4Claim, now: datetime, skew: timedelta) -> None:
    """Raise unless `now` is within `skew` of the signing time; a presigned request instead ends after its own number of seconds."""
    if claim.timestamp > now + skew:
        raise ProofError(
            ProofFault.CLOCK,
            f"Signature not yet current: {claim.stamp} is still later than {_stamp(now + skew)} ({_stamp(now)} + {_minutes(skew)})",
        )
    if claim.expires_in is not None:
        if now > claim.timestamp + timedelta(seconds=claim.expires_in):
            raise ProofError(ProofFault.REQUEST_EXPIRED, "Request has expired.")
    elif claim.timestamp < now - skew:
        raise ProofError(
            ProofFault.CLOCK,
            f"Signature expired: {claim.stamp} is now earlier than {_stamp(now - skew)} ({_stamp(now)} - {_minutes(skew)})",
        )


def _minutes(span: timedelta) -> str:
    return f"{span // timedelta(minutes=1)} min."


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")
